"""``make model``: the registry's protocol holds in every state, and whatever we take from it breaks it."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.model.spin import ROOT, NoSpin, violation

MODEL = ROOT / "asof" / "registry" / "protocol.pml"
LARGE = ("ATTEMPTS=3", "CRASHES=2")
SMALL = ("ATTEMPTS=2", "CRASHES=1")
ALIVE = ("ATTEMPTS=2", "CRASHES=0")
"""Leases end and claims are broken all the same."""
UPSET = ("FAILS=1", "VANISH=1")

HOLDS = {
    "two appliers, disjoint changes": LARGE,
    "two appliers, one object": (*LARGE, "CONFLICT"),
    "a store that fails, a table that vanishes": (*SMALL, *UPSET),
    "the same, and a name that is used again": (*ALIVE, *UPSET, "REUSES"),
    "the same, one object": (*SMALL, *UPSET, "CONFLICT"),
}
BREAKS = {
    "without fencing": (*SMALL, "NO_FENCING"),
    "without settling what others left": (*SMALL, "NO_SETTLE"),
    "remembering one predecessor only": (*LARGE, "ONE_PREDECESSOR"),
    "dropping before the commit": (*SMALL, "CONTRACT_FIRST"),
    "a step that outlives its lease": (*SMALL, "FROZEN"),
    "forgetting a drop that failed": (*ALIVE, "FAILS=1", "NO_OWED"),
    "taking a name that stands": (*ALIVE, *UPSET, "REUSES", "REUSE_NAME"),
    "a drop that insists on its table": (*SMALL, "VANISH=1", "STRICT_DROPS"),
}


def main() -> int:
    """All searches; 1 where one ends otherwise than it must."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, defines) in enumerate([*HOLDS.items(), *BREAKS.items()]):
            start = time.monotonic()
            try:
                found = violation(MODEL, Path(folder) / str(number), defines)
            except NoSpin as error:
                print(f"error: {error}", file=sys.stderr)
                return 1
            right = bool(found) == (name in BREAKS)
            wrong += not right
            said = found or "holds in every state"
            print(f"{'ok   ' if right else 'WRONG'} {name}: {said} ({time.monotonic() - start:.0f} s)", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
