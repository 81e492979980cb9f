"""What a training query is asked for, and the fixed names it uses inside."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlglot import exp

    from asof.compiler.model import ServiceItem
    from asof.compiler.types import Type


@dataclass(frozen=True, slots=True, kw_only=True)
class SpineSpec:
    """The rows to be enriched.

    ``relation`` is a table's name (split on dots) or a query in the target's dialect. ``columns`` are
    the columns that come back, in order; ``timestamp`` is one of them. ``row_id`` names a column that
    numbers the rows and does not come back; "" numbers them as they are read.
    """

    relation: str | exp.Query
    columns: tuple[str, ...]
    timestamp: str
    row_id: str = ""
    earliest: datetime | None = None
    latest: datetime | None = None
    """The first and the last instant of ``timestamp``, where they are known: partitions are pruned by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRequest:
    """Features for a spine. ``items`` are those of a service, or made up by the caller."""

    items: tuple[ServiceItem, ...]
    spine: SpineSpec
    full_feature_names: bool = False
    name: str = "training"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputColumn:
    """A column of a compiled query: its type (None: the spine's own) and what it is made of.

    ``lineage`` holds addresses with a feature, such as ``feature_view/weather.temp_f``.
    """

    name: str
    type: Type | None = None
    lineage: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Columns that only exist inside a query, kept apart from every column of the user's."""

    row: str = "_row"
    at: str = "_at"
    event: str = "_event"
    created: str = "_created"
    ends: str = "_ends"
    since: str = "_since"
    until: str = "_until"
    rank: str = "_rank"
    place: str = "_place"
    newest: str = "_newest"
    edge: str = "_edge"
    bucket: str = "_bucket"
    inside: str = "_in"

    @staticmethod
    def apart_from(taken: Iterable[str]) -> Names:
        """The usual names, longer by underscores where a name of the user's begins like one of them."""
        prefix, used = "", {name.lower() for name in taken}
        while any(name.startswith(prefix + str(f.default)) for f in fields(Names) for name in used):
            prefix += "_"
        return Names(**{f.name: prefix + str(f.default) for f in fields(Names)})
