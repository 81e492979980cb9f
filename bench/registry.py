"""``python -m bench.registry``: a registry as its repo grows to 50,000 views; exit 1 past a budget."""

from __future__ import annotations

import argparse
import os
import sys
from typing import TYPE_CHECKING

from bench.requests import requests
from bench.scale import scale
from bench.startup import startup

if TYPE_CHECKING:
    from collections.abc import Sequence

SIZES = (100, 1_000, 10_000, 50_000)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.registry", description=__doc__)
    parser.add_argument("--only", type=int, metavar="SIZE", help="one size, a multiple of ten: a quick look")
    given = parser.parse_args(arguments)
    if given.only is not None and (given.only < 10 or given.only % 10):
        parser.error("SIZE is a multiple of ten")
    print(f"-- load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    if given.only is not None:
        return 0 if scale((given.only,)) else 1
    met = [startup(), scale(SIZES), requests()]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
