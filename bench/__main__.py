"""``python -m bench [startup] [scale] [training]``: all of them unless named."""

from __future__ import annotations

import os
import sys

from bench.scale import scale
from bench.startup import startup
from bench.training import training

# Training comes last: it fills this process with memory that children would be charged for.
PARTS = {"startup": startup, "scale": scale, "training": training}


def main(names: list[str]) -> int:
    """Run the parts called ``names``; 64 where there is no such part."""
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        print(f"no such part: {', '.join(unknown)}; known are {', '.join(PARTS)}", file=sys.stderr)
        return 64
    for name, part in PARTS.items():
        if not names or name in names:
            print(f"-- load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
            part()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
