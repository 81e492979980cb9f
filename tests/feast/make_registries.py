"""Make the registries that tests read: ``python -m tests.feast.make_registries [NAME]``.

Each repo of tests/feast/repos is applied by Feast itself, in its own environment; what it writes is kept beside the
repos, so that most tests need no Feast.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from tests.feast.incumbent import run

HERE = Path(__file__).parent
REPOS, REGISTRIES = HERE / "repos", HERE / "registries"
NAMES = ("groceries", "warehouses")


def main() -> None:
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch, name)
            shutil.copytree(REPOS / name, folder, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / "data").mkdir()
            run("apply", str(folder))
            shutil.copy(folder / "data" / "registry.db", REGISTRIES / f"{name}.db")
            print(f"{name}.db", file=sys.stderr)


if __name__ == "__main__":
    main()
