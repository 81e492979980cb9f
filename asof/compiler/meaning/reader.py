"""From syntax to meaning: the operation of each expression, and the type of its value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types
from asof.compiler.meaning.kinds import INTERVAL, NULL, QUOTED, Written, letter, shown
from asof.compiler.meaning.rows import cast_operation, operands, row_of
from asof.compiler.query.sql_types import of_sql

if TYPE_CHECKING:
    from asof.compiler.types import Type

Columns = Callable[[exp.Column], "Type | None"]

_DAY = 86_400_000_000
_UNITS = {"WEEK": 7 * _DAY, "DAY": _DAY, "HOUR": _DAY // 24, "MINUTE": 60_000_000, "SECOND": 1_000_000}
_UNITS |= {"MILLISECOND": 1_000, "MICROSECOND": 1}
_DIGITS = 15
"""Decimal digits that every float64 keeps."""
_ROUNDS_DECIMALS = frozenset({"duckdb", "postgres"})
"""Dialects that round decimals, halves away from 0, where they are cast to integers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """One operation over operands of the types ``kinds``, each made ``given`` first (as it is where None)."""

    operation: str
    kinds: tuple[Type | None, ...]
    given: tuple[Type | None, ...]
    result: Type | None


class Reader:
    """Reads expressions of one dialect over columns of known types."""

    def __init__(self, dialect: str, columns: Columns) -> None:
        self.dialect = dialect
        self.columns = columns
        self.known: dict[int, tuple[exp.Expr, Type | None]] = {}

    def kind(self, node: exp.Expr) -> Type | None:
        """The type of the value of ``node``; None where that cannot be told."""
        if id(node) not in self.known:
            self.known[id(node)] = (node, self._kind(node))
        return self.known[id(node)][1]

    def _kind(self, node: exp.Expr) -> Type | None:
        match node:
            case exp.Column():
                return self.columns(node)
            case exp.Null():
                return NULL
            case exp.Boolean():
                return types.BOOL
            case exp.Literal():
                return QUOTED if node.is_string else self._number(node.name)
            case exp.Interval():
                return INTERVAL if microseconds(node) is not None else None
            case exp.Subquery():
                selects = node.this.selects if isinstance(node.this, exp.Query) else []
                return self.kind(selects[0].unalias()) if len(selects) == 1 else None
            case exp.Paren() | exp.Alias() | exp.Window() | exp.Filter():
                return self.kind(node.this)
            case exp.Exists():
                return types.BOOL
            case exp.Distinct() if len(node.expressions) == 1:
                return self.kind(node.expressions[0])
        meaning = self.meaning(node)
        return meaning.result if meaning is not None else None

    def _number(self, text: str) -> Type | None:
        if text.isdigit():
            value = int(text)
            return types.INT32 if value < 1 << 31 else types.INT64 if value < 1 << 63 else None
        whole, _, fraction = text.partition(".")
        if (whole + fraction).isdigit() and len((whole + fraction).lstrip("0")) <= _DIGITS:
            return Written(max(len(whole + fraction), 1), len(fraction))
        return None

    def meaning(self, node: exp.Expr) -> Meaning | None:
        """The operation of ``node``; None where no row of the table is about it."""
        if isinstance(node, exp.Cast):
            return None if isinstance(node, exp.TryCast) else self._cast(node)
        kinds = tuple(self.kind(operand) for operand in operands(node))
        row = row_of(node, kinds, self.dialect)
        if row is None:
            return None
        known = [kind for kind in kinds if kind is not None]
        result = row.result(known) if callable(row.result) and len(known) == len(kinds) else row.result
        given = row.given(known) if callable(row.given) and len(known) == len(kinds) else row.given
        if callable(result) or callable(given) or (callable(row.given) and given is None):
            return None
        return Meaning(operation=row.operation, kinds=kinds, given=(given,) * len(kinds), result=result)

    def _cast(self, node: exp.Cast) -> Meaning | None:
        found, wanted = self.kind(node.this), of_sql(node.to)
        if found is None or wanted is None or node.args.get("format"):
            return None
        operation = cast_operation(found, wanted, self.dialect)
        if found == QUOTED and letter(wanted) in "dt":
            operation = "literal"
        if letter(found) == "l" and letter(wanted) == "i" and isinstance(node.this, exp.Literal):
            operation = "literal to integer" * (self.dialect in _ROUNDS_DECIMALS)
        if not operation:
            return None
        return Meaning(operation=operation, kinds=(found,), given=(None,), result=wanted)

    def shown(self, node: exp.Expr) -> str:
        """The types of the operands of ``node``, for a message."""
        return " and ".join(dict.fromkeys(shown(self.kind(operand)) for operand in operands(node)))


def microseconds(node: exp.Interval) -> int | None:
    """The length of an interval of days or less; None where it has none of its own, such as a month."""
    unit = node.args.get("unit")
    amount = node.this
    if not isinstance(amount, exp.Literal) or not isinstance(unit, exp.Var) or not amount.name.isdigit():
        return None
    ticks = _UNITS.get(unit.name.upper().removesuffix("S"))
    return int(amount.name) * ticks if ticks else None
