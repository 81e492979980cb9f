"""Golden files: what the code prints, kept in git. ``make golden`` rewrites them; the diff is then reviewed."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent
REWRITE = "ASOF_REWRITE_GOLDEN"


def check_golden(path: Path, text: str) -> None:
    """``text`` is what stands in the golden file ``path``; mark the calling test ``golden``."""
    if os.environ.get(REWRITE):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return
    name = os.path.relpath(path, ROOT)
    assert path.exists(), f"no golden file {name}: run `make golden` and review it"
    assert text == path.read_text(encoding="utf-8"), f"{name} differs: run `make golden` and review the diff"
