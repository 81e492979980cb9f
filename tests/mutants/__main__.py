"""``python -m tests.mutants``: kill every mutant, print a table; exit 1 where one survives or no longer applies.

As many at a time as there are cores.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.catalogue import MUTANTS

if TYPE_CHECKING:
    from tests.mutants.catalogue import Mutant

ROOT = Path(__file__).parents[2]
KILLERS = (
    "tests/oracle/test_named_cases.py",
    "tests/oracle/test_crowded.py::test_functions_of_crowded_rows_equal_the_oracles",
    "tests/oracle/test_partitions.py::test_no_row_is_lost_at_the_edges_of_days",
    "tests/oracle/test_training.py::test_training_rows_equal_the_oracles",
    "tests/oracle/test_timeline.py",
    "tests/oracle/test_totals.py",
)

QUICK = "not spark and not bigquery and not clickhouse"
"""The builder is one for all dialects: the engines that answer in milliseconds are enough to kill."""


def killers(mutant: Mutant | None) -> list[str]:
    """All of them; first the one about the file that is broken, if there is one."""
    about = f"tests/oracle/test_{Path(mutant.file).stem}.py" if mutant else ""
    return sorted(KILLERS, key=lambda killer: killer.partition("::")[0] != about)


def survives(mutant: Mutant | None) -> bool:
    """Whether the killers pass on a copy of the checkout with ``mutant`` in it (None: as it is)."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        copy = Path(folder)
        for name in ("asof", "tests"):
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        if mutant is not None:
            file = copy / "asof/compiler" / mutant.file
            file.write_text(file.read_text().replace(mutant.old, mutant.new, 1))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "--no-header", "--tb=no", "-k", QUICK, *killers(mutant)]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"the killers did not run:\n{done.stdout}{done.stderr}")
        return done.returncode == 0


def applies(mutant: Mutant) -> bool:
    return mutant.old in (ROOT / "asof/compiler" / mutant.file).read_text()


def _outcome(mutant: Mutant) -> tuple[str, float]:
    """What became of it, and after how many seconds."""
    began = time.monotonic()
    outcome = "does not apply" if not applies(mutant) else "SURVIVES" if survives(mutant) else "killed"
    return outcome, time.monotonic() - began


def main() -> int:
    """Run them all; the untouched builder must pass, or a death proves nothing."""
    if not survives(None):
        print("the killers fail without any mutant: nothing can be said")
        return 1
    alive = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for mutant, (outcome, seconds) in zip(MUTANTS, pool.map(_outcome, MUTANTS), strict=True):
            alive += outcome != "killed"
            print(f"{outcome:15} {seconds:5.1f} s  {mutant.name}", flush=True)
    print(f"{len(MUTANTS) - alive} of {len(MUTANTS)} killed")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
