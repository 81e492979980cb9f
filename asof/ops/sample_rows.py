"""Small rows for trying queries out: NULLs, ties, keys that meet, and values at the edge of the query's constants."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_DOWN, Context
from decimal import Decimal as Number
from typing import TYPE_CHECKING

import pyarrow as pa

from asof.compiler import types
from asof.compiler.types import Array, Decimal, Map, Struct, Vector
from asof.engines.arrow import arrow_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from asof.compiler.trials import Versions
    from asof.compiler.types import Type

Row = dict[str, object]
Rows = dict[str, list[Row]]
"""Table -> its rows."""

_NULLS = 0.12
_INT32 = 2**31 - 1
_START = datetime(2026, 1, 1, tzinfo=UTC)


class Values:
    """Values of each type that are worth trying on two versions of a query."""

    def __init__(self, versions: Versions) -> None:
        self.numbers = tuple(dict.fromkeys(n + by for n in versions.numbers for by in (0, 1, -1)))
        moments = [found for text in versions.texts if (found := _moment(text)) is not None]
        steps = (timedelta(0), timedelta(microseconds=1), timedelta(microseconds=-1), timedelta(days=1))
        around = [moment + by for moment in moments for by in steps if _START.year - 500 < moment.year < 9000]
        self.moments = (_START, _START + timedelta(hours=1), _START + timedelta(days=1), *around)
        words = (part for text in versions.texts for part in (text, text.strip("%"), text.upper(), text.lower()))
        self.texts = tuple(dict.fromkeys((*words, "", "a", "b", "7")))

    def rows(self, tables: Mapping[str, Mapping[str, Type]], count: int, rng: Random) -> Rows:
        """``count`` rows of each table."""
        return {
            name: [{column: self.some(kind, rng) for column, kind in columns.items()} for _ in range(count)]
            for name, columns in tables.items()
        }

    def some(self, kind: Type, rng: Random) -> object:
        return None if rng.random() < _NULLS else rng.choice(self.pool(kind))

    def pool(self, kind: Type) -> Sequence[object]:
        """The values of a type, the plainest first."""
        match kind:
            case Decimal():
                most, step = Number(10) ** (kind.precision - kind.scale), Number(1).scaleb(-kind.scale)
                fitting = (n for n in (Number(str(n)) for n in (1, 0, 2, -1, *self.numbers)) if abs(n) < most)
                found = (n.quantize(step, ROUND_DOWN, Context(prec=kind.precision + 1)) for n in fitting)
                return tuple(dict.fromkeys(found))
            case Array():
                first = self.pool(kind.element)
                return ([first[0]], [], [first[0], first[-1]], [None])
            case Vector():
                return ([1.0] * kind.length, [0.0] * kind.length)
            case Map():
                keys, values = self.pool(kind.key), self.pool(kind.value)
                return ([(keys[0], values[0])], [], [(keys[0], values[-1])])
            case Struct():
                pools = {name: self.pool(part) for name, part in kind.fields}
                return tuple({name: pool[at] for name, pool in pools.items()} for at in (0, -1))
        return self.scalars(kind)

    def scalars(self, kind: Type) -> Sequence[object]:
        if kind in types.INTEGERS:
            edge = _INT32 if kind == types.INT32 else 2**53
            return tuple(dict.fromkeys((1, 2, 0, -1, 3, *(int(n) for n in self.numbers if abs(n) < edge))))
        if kind in types.FLOATS:
            return tuple(dict.fromkeys((1.0, 2.0, 0.0, -1.0, 0.5, *self.numbers)))
        known: dict[Type, Sequence[object]] = {
            types.STRING: self.texts[::-1],
            types.BOOL: (True, False),
            types.BYTES: (b"a", b""),
            types.DATE: tuple(dict.fromkeys(m.date() for m in self.moments)),
            types.TIMESTAMP: self.moments,
            types.JSON: ('{"a": 1}', "{}", "[]"),
            types.UUID: tuple(str(uuid.UUID(int=n)) for n in (1, 2)),
        }
        return known.get(kind, (None,))


def as_table(columns: Mapping[str, Type], rows: Sequence[Row]) -> pa.Table:
    """Rows as an Arrow table with the declared types."""
    return pa.table({name: pa.array([row[name] for row in rows], arrow_type(kind)) for name, kind in columns.items()})


def written(value: object) -> str:
    """A value in a few characters, as SQL would write it."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case str():
            return f"'{value}'"
        case datetime():
            return f"{value.astimezone(UTC) if value.tzinfo else value:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").rstrip(".")
        case date():
            return value.isoformat()
        case list() | tuple():
            return f"[{', '.join(written(item) for item in value)}]"
        case dict():
            return f"{{{', '.join(f'{key}: {written(item)}' for key, item in value.items())}}}"
    return str(value)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
