"""What each dialect can do, read from the dialects themselves: a table of all, a page of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.dialects.capabilities import BY, CAPABILITIES, FILES, NULLS_IN_LISTS, TIME_ZONES
from asof.views.listings import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.dialects import Dialect

_LATEST = {
    "asof": "an ASOF join of keys and times, then a fetch",
    "lateral": "one index probe for each row",
    "timeline": "the last row before each question, on one time line with the values on it",
    "frame": "a running maximum over rows and questions",
    "pairs": "each question joined with its rows for the newest time, then a fetch",
}
_WINDOWS = {
    "pass": "rows and questions in one pass, wherever the function allows it",
    "pairs": "each question joined with the rows of its widest window",
}
_TOTALS = {
    "edges": "counts and integers, at the edges of windows on one time line",
    "frames": "counts and integers, by a frame for each end of a window",
}
_CLOCK = {
    "instant": "the engine's own instants and intervals",
    "microseconds": "whole microseconds since 1970",
}
_MEANING = {
    BY: "aggregations with `by`: a map",
    NULLS_IN_LISTS: "lists that keep NULLs",
    TIME_ZONES: "sources whose timestamps are wall clocks of a zone",
    FILES: "sources that are files",
}
_LIMITS = (
    ("max_statement_bytes", "bytes of a statement"),
    ("max_columns", "columns of a query"),
    ("max_table_columns", "columns of a table"),
    ("max_joins", "tables in one join"),
    ("identifier_length", "bytes of a name"),
)


def overview(dialects: Mapping[str, Dialect]) -> str:
    """A row for each capability, a column for each dialect, and below them the ways out."""
    header = ("capability", *dialects)
    every = list(dialects.values())
    rows = [
        ("latest values", *(dialect.latest for dialect in every)),
        ("clock", *(dialect.clock for dialect in every)),
        *((name, *(_short(dialect, name) for dialect in every)) for name in CAPABILITIES),
    ]
    ways = "\n\n".join(_ways_out(dialect) for dialect in every if dialect.unsupported)
    explained = "yes: exact. ~2%: the engine's own approximation, within that error 95 times in 100. -: see below."
    return "\n\n".join(part for part in (table(header, rows), explained, ways) if part)


def page(dialect: Dialect) -> str:
    """One dialect in full."""
    others = ", ".join(name for name in dialect.strategies if name != dialect.latest)
    other_windows = [f"{name}: {said}" for name, said in _WINDOWS.items() if name != dialect.windows]
    facts = [
        ("latest values", f"{dialect.latest}: {_LATEST[dialect.latest]}"),
        ("can also run", others or "-"),
        ("windows", f"{dialect.windows}: {_WINDOWS[dialect.windows]}; or {', '.join(other_windows)}"),
        ("clock", f"{dialect.clock}: {_CLOCK[dialect.clock]}"),
        ("windows over frames", ", ".join(sorted(dialect.frame_functions | dialect.exact_frame_functions)) or "-"),
        ("running totals", _TOTALS[dialect.running_totals] if dialect.running_totals else "-"),
        ("before any query", "; ".join(dialect.prologue) or "-"),
        *(
            (said, f"at most {getattr(dialect, name):,}")
            for name, said in _LIMITS
            if getattr(dialect, name) is not None
        ),
    ]
    types = table(("type", "in SQL"), list(dialect.type_names.items()))
    can = table(("capability", dialect.name), [(_named(name), _short(dialect, name)) for name in CAPABILITIES])
    parts = [f"{dialect.name}\n\n{_pairs(facts)}", types, can]
    return "\n\n".join([*parts, _ways_out(dialect)] if dialect.unsupported else parts)


def as_json(dialect: Dialect) -> dict[str, object]:
    """One dialect as JSON: the facts, and for each capability how it is met."""
    return {
        "name": dialect.name,
        "latest": dialect.latest,
        "strategies": list(dialect.strategies),
        "windows": dialect.windows,
        "clock": dialect.clock,
        "prologue": list(dialect.prologue),
        "types": dict(dialect.type_names),
        "limits": {name: getattr(dialect, name) for name, _ in _LIMITS},
        "capabilities": {name: _met(dialect, name) for name in CAPABILITIES},
    }


def _met(dialect: Dialect, capability: str) -> dict[str, object]:
    if capability in dialect.unsupported:
        return {"supported": False, "instead": dialect.unsupported[capability]}
    if capability in dialect.approximations:
        return {"supported": True, "error": dialect.approximations[capability]}
    return {"supported": True}


def _short(dialect: Dialect, capability: str) -> str:
    if capability in dialect.unsupported:
        return "-"
    error = dialect.approximations.get(capability)
    return "yes" if error is None else f"~{error * 100:.2g}%"


def _named(capability: str) -> str:
    return _MEANING.get(capability, capability)


def _ways_out(dialect: Dialect) -> str:
    """What is unsupported and what to do instead, capabilities of one way out together."""
    lines = [f"  {', '.join(names)}: {way}" for way, names in _grouped(dialect.unsupported.items())]
    return "\n".join([f"{dialect.name} has no", *lines])


def _grouped(unsupported: Iterable[tuple[str, str]]) -> Iterator[tuple[str, list[str]]]:
    groups: dict[str, list[str]] = {}
    for name, way in unsupported:
        groups.setdefault(way, []).append(name)
    yield from groups.items()


def _pairs(facts: Iterable[tuple[str, str]]) -> str:
    listed = list(facts)
    width = max(len(name) for name, _ in listed)
    return "\n".join(f"  {name.ljust(width)}  {said}" for name, said in listed)
