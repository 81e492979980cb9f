"""Names that asof takes, as close as can be to those of Feast, each given once."""

from __future__ import annotations

import re

LONGEST = 63
_NAME = re.compile(r"[A-Za-z](_?[A-Za-z0-9])*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Names:
    """The names of one list: Feast's name -> asof's, given on first sight and kept."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.given: dict[str, str] = {}
        self._taken: set[str] = set()

    def of(self, name: str, wanted: str = "") -> str:
        """The name for Feast's ``name``; the first time it is made of ``wanted``, or else of the name itself."""
        if name not in self.given:
            base = valid_name(wanted or name, self.prefix)
            made, count = base, 1
            while made.lower() in self._taken:
                count += 1
                made = f"{base[: LONGEST - 1 - len(str(count))].rstrip('_')}_{count}"
            self._taken.add(made.lower())
            self.given[name] = made
        return self.given[name]


def valid_name(name: str, prefix: str) -> str:
    """``name`` in letters, digits and single underscores: ``driver-stats__v2`` becomes ``driver_stats_v2``."""
    if is_name(name):
        return name
    words = re.findall(r"[A-Za-z0-9]+", name)
    made = "_".join(words)
    if not made[:1].isalpha():
        made = f"{prefix}_{made}".rstrip("_")
    return made[:LONGEST].rstrip("_")


def is_name(name: str) -> bool:
    """Whether asof takes it for a name as it is."""
    return bool(_NAME.fullmatch(name)) and len(name) <= LONGEST


def is_column_name(name: str) -> bool:
    """Whether asof takes it for a column: 1 to 63 bytes, no control characters."""
    return 0 < len(name.encode("utf-8", "surrogatepass")) <= LONGEST and not _CONTROL.search(name)
