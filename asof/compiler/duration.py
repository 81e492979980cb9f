"""Lengths of time as people write them (``7d``, ``1h30m``) and as the compiler needs them."""

from __future__ import annotations

import re
from functools import lru_cache, total_ordering

_MICROSECONDS = {
    "w": 604_800_000_000,
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "m": 60_000_000,
    "s": 1_000_000,
    "ms": 1_000,
    "us": 1,
}
_PART = re.compile(r"(\d+)(ms|us|w|d|h|m|s)")
_WHOLE = re.compile(r"(?:\d+(?:ms|us|w|d|h|m|s))+")

LONGEST = 10_000 * 365 * _MICROSECONDS["d"]
"""Ten thousand years: any sum of two durations and a timestamp still fits 64 bits."""


@total_ordering
class Duration:
    """A whole number of microseconds, immutable. A day is 24 hours: calendars play no part."""

    __slots__ = ("_microseconds",)

    def __init__(self, microseconds: int) -> None:
        self._microseconds = microseconds

    @property
    def microseconds(self) -> int:
        return self._microseconds

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Duration) and self._microseconds == other._microseconds

    def __lt__(self, other: Duration) -> bool:
        return self._microseconds < other._microseconds

    def __hash__(self) -> int:
        return hash(self._microseconds)

    def __repr__(self) -> str:
        return f"<{self}>"

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read ``7d`` or ``1h30m``. Raises ValueError with a sentence fit for a user."""
        if not _WHOLE.fullmatch(text):
            raise ValueError(f"{text!r} is not a duration: write a number and a unit, such as 90s, 1h30m or 7d")
        total = sum(int(n) * _MICROSECONDS[unit] for n, unit in _PART.findall(text))
        if total > LONGEST:
            raise ValueError(f"{text!r} is longer than ten thousand years")
        return cls(total)

    def __str__(self) -> str:
        """The shortest text that reads back as the same duration (weeks are written as days)."""
        return _text(self._microseconds)


@lru_cache(maxsize=4_096)
def _text(microseconds: int) -> str:
    """A repo has few lengths of time, and names thousands of features by them."""
    rest, parts = microseconds, []
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, _MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
