"""Run a checkout without installing it: ``python cli.py plan repos/flights``."""

from asof.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
