"""Paths of files as definitions write them, whatever engine reads them: wildcards, and folders that name columns.

``*`` matches within one name, ``**`` as a whole name any number of folders, none among them; elsewhere it is ``*``.
A folder ``ds=2024-05-01`` gives every row below it the column ``ds``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL | re.IGNORECASE)
_WILD = re.compile(r"[*?\[{]")
_NAMES_A_COLUMN = re.compile(r"([^/=]+)=")
_CSV = (".csv", ".csv.gz", ".tsv")

NO_DATE = "__HIVE_DEFAULT_PARTITION__"
"""What a folder says in the place of NULL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path in its parts; ``text`` is all of it as it was written."""

    text: str
    scheme: str
    """In small letters; "" for a file of the machine's."""
    names: tuple[str, ...]
    """What stands between the slashes, of a URL from the bucket or host on."""

    @property
    def is_csv(self) -> bool:
        """Whether it ends as comma-separated values do; everything else is Parquet."""
        return self.text.endswith(_CSV)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that its folders name, in order."""
        found = [_NAMES_A_COLUMN.match(name) for name in self.names[:-1]]
        return tuple(one[1] for one in found if one)

    @property
    def deep(self) -> int | None:
        """The place of the first ``**`` among ``names``."""
        return self.names.index("**") if "**" in self.names else None

    @property
    def root(self) -> int:
        """How many of ``names`` stand before the first that names a column."""
        return next((at for at, name in enumerate(self.names[:-1]) if _NAMES_A_COLUMN.match(name)), len(self.names))

    def is_wild(self, count: int) -> bool:
        """Whether one of the first ``count`` names has a wildcard."""
        return any(_WILD.search(name) for name in self.names[:count])

    def first(self, count: int) -> str:
        """The path of the first ``count`` of ``names``, with the scheme."""
        whole = "/".join(self.names[:count])
        if self.scheme:
            return f"{self.scheme}://{whole}" + ("/" if count == 1 else "")
        return whole or ("/" if count else ".")


@lru_cache(maxsize=1_024)
def parsed(text: str) -> Path:
    """A path or URL in its parts; a ``**`` that is not a whole name is written ``*`` in ``names``."""
    found = _URL.fullmatch(text)
    rest = found[2] if found else text
    names = (name if name == "**" else re.sub(r"\*+", "*", name) for name in rest.split("/"))
    return Path(text=text, scheme=found[1].lower() if found else "", names=tuple(names))
