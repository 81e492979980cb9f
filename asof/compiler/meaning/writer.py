"""From meaning to the syntax of a target: each operation by its way, each operand as the type that it needs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp, parse_one

from asof.compiler import types
from asof.compiler.meaning.kinds import NULL, QUOTED, letter
from asof.compiler.meaning.reader import Meaning, microseconds
from asof.compiler.meaning.rows import is_literal, operands
from asof.compiler.meaning.structure import is_structure, refusal
from asof.compiler.meaning.ways import WAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.dialects.base import Dialect
    from asof.compiler.meaning.reader import Reader
    from asof.compiler.types import Type

LARGEST = 4_000
"""Nodes of one expression: ways name their operands several times, and nested ones grow with each level."""
_BINARY = (exp.Binary, exp.Not, exp.Neg, exp.Between, exp.In, exp.Is, exp.Connector)
_EPOCH = date(1970, 1, 1)
_INSTANT = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})(?:[ T](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)? ?(Z|[+-]\d{2}(?::?\d{2})?)?"
)


class RefusedError(Exception):
    """The target has no equal for ``node``; ``why`` says what, as a clause."""

    def __init__(self, node: exp.Expr, why: str) -> None:
        super().__init__(why)
        self.node = node
        self.why = why


class Writer:
    """Writes what ``reader`` understands in the words of ``dialect``. Raises RefusedError."""

    def __init__(self, reader: Reader, dialect: Dialect) -> None:
        self.reader = reader
        self.dialect = dialect
        self.ways = WAYS[dialect.name]
        self.names = dialect.type_names

    def written(self, node: exp.Expr) -> exp.Expr:
        """``node`` in the target's words; what is in it is not changed."""
        if is_structure(node):
            return self._structure(node)
        if isinstance(node, exp.Literal):
            if not node.is_string and self.reader.kind(node) is None:
                raise RefusedError(node, f"the number {node.name}")
            return node.copy()
        if isinstance(node, exp.Column | exp.Null | exp.Boolean | exp.Star):
            return node.copy()
        if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal):
            return exp.Neg(this=self.written(node.this))
        meaning = self.reader.meaning(node)
        if meaning is None:
            cause = self._cause(node)
            raise RefusedError(cause, self._unknown(cause))
        made = self._operation(node, meaning)
        if sum(1 for _ in made.walk()) > LARGEST:
            raise RefusedError(node, "an expression that becomes too large: take it apart into several steps (WITH)")
        return made

    def _cause(self, node: exp.Expr) -> exp.Expr:
        """The innermost part of ``node`` that no row of the table is about."""
        inner = (operand.unnest() for operand in operands(node))
        unknown = (o for o in inner if self.reader.kind(o) is None and not isinstance(o, exp.Column | exp.Literal))
        first = next(unknown, None)
        return node if first is None else self._cause(first)

    def _unknown(self, node: exp.Expr) -> str:
        name = node.name.upper() if isinstance(node, exp.Anonymous) else type(node).__name__.upper()
        if isinstance(node, exp.Func) and not isinstance(node, exp.Anonymous | exp.Connector):
            name = node.sql_name()
        if isinstance(node, exp.Cast):
            return f"{name} of {self.reader.shown(node)} as {node.to.sql(self.reader.dialect)}"
        kinds = self.reader.shown(node) if any(isinstance(o, exp.Expr) for o in operands(node)) else ""
        return f"{name} of {kinds}" if kinds else name

    def _structure(self, node: exp.Expr) -> exp.Expr:
        """A clause, with what is in it written for the target."""
        why = refusal(node, self.dialect.name)
        if why:
            raise RefusedError(node, why)
        made = node.copy()
        for key, value in node.args.items():
            if isinstance(value, exp.Expr):
                made.set(key, self._part(value))
            elif isinstance(value, list):
                made.set(key, [self._part(v) if isinstance(v, exp.Expr) else v for v in value])
        if isinstance(node, exp.Ordered) and letter(self.reader.kind(node.this)) in "sq" and self._collates():
            made.set("this", self._collated(made.this))
        return made

    def _part(self, node: exp.Expr) -> exp.Expr:
        return node.copy() if isinstance(node, exp.Identifier | exp.Var | exp.DataType) else self.written(node)

    def _operation(self, node: exp.Expr, meaning: Meaning) -> exp.Expr:
        if meaning.operation == "literal":
            return self._moment(node, node.this.name, meaning.result)
        if meaning.operation == "literal to integer":
            return exp.Literal.number(int(Decimal(node.this.name).to_integral_value(ROUND_HALF_UP)))
        if meaning.operation == "cast NULL" and meaning.result is not None:
            return self.dialect.nothing(meaning.result)
        values = [
            self._given(operand, kind, given)
            for operand, kind, given in zip(operands(node), meaning.kinds, meaning.given, strict=True)
        ]
        way = self._way(node, meaning)
        match way:
            case "":
                raise RefusedError(node, self._unknown(node))
            case "=":
                return self._as_written(node, values)
            case "COLLATE":
                return self._as_written(node, [self._collated(value) for value in values])
            case "GLOB":
                return self._glob(node, values)
            case "PAIRS":
                return _pairs(node, values)
            case "EXTREME":
                name = "MAX" if isinstance(node, exp.LogicalOr) else "MIN"
                return exp.Anonymous(this=name, expressions=values)
        return self._from_template(way, node, meaning, values)

    def _way(self, node: exp.Expr, meaning: Meaning) -> str:
        operation = meaning.operation
        found = operands(node)
        variants: list[str] = []
        if operation == "floats /, 0 gives infinity" and self.dialect.name == "sqlite" and _may_be_minus_0(found[1]):
            raise RefusedError(node, "a division by what may be -0.0: write NULLIF(..., 0) around the divisor")
        if meaning.result == types.INT32:
            variants.append(f"{operation}, int32")
        if isinstance(node, exp.Div | exp.IntDiv | exp.Mod) and _never_zero(found[1], integers="integers" in operation):
            variants.insert(0, f"{operation}, safe")
        if len(found) == 2 and is_literal(found[1]):
            variants.append(f"{operation}, literal")
        return next((self.ways[v] for v in (*variants, operation) if v in self.ways), "")

    def _given(self, node: exp.Expr, kind: Type | None, given: Type | None) -> exp.Expr:
        """An operand as the type that the operation wants."""
        if isinstance(node, exp.Interval):
            return node
        if given in (types.DATE, types.TIMESTAMP) and kind == QUOTED:
            return self._moment(node, node.unnest().name, given)
        made = self.written(node)
        if given is None or kind is None or kind in (given, NULL):
            return made
        if given == types.TIMESTAMP and kind == types.DATE:
            return self._template("date to instant", [made])
        if given != types.FLOAT64:
            return made
        if is_literal(node):
            return _real(made) if self.dialect.name == "sqlite" else self._literal_float(node, made)
        if letter(kind) in "ihlfn":
            return self._template("decimal to float" if letter(kind) == "n" else "integer to float", [made])
        raise RefusedError(node, f"{kind} as float64")

    def _literal_float(self, node: exp.Expr, made: exp.Expr) -> exp.Expr:
        """A number beside a float64 is one; two numbers, or one alone, are cast."""
        parent = node.parent
        beside = [] if parent is None else [o for o in operands(parent) if o is not node and not is_literal(o)]
        plain = isinstance(parent, exp.Binary) and beside and not isinstance(parent, exp.Connector)
        return made if plain else self._template("literal to float", [made])

    def _template(self, operation: str, values: Sequence[exp.Expr]) -> exp.Expr:
        if operation not in self.ways:
            raise RefusedError(values[0], operation)
        return self._filled(self.ways[operation].format_map(self.names), values)

    def _from_template(self, way: str, node: exp.Expr, meaning: Meaning, values: Sequence[exp.Expr]) -> exp.Expr:
        names = dict(self.names)
        if meaning.result is not None and meaning.result.text in names:
            names["result"] = names[meaning.result.text]
        if isinstance(node.args.get("expression"), exp.Interval):
            ticks = microseconds(node.args["expression"]) or 0
            names["microseconds"] = str(-ticks if isinstance(node, exp.Sub) else ticks)
            if meaning.kinds[0] == types.DATE:
                values = [self._template("date to instant", values[:1]), *values[1:]]
        return self._filled(way.format_map(names), values)

    def _filled(self, text: str, values: Sequence[exp.Expr]) -> exp.Expr:
        pattern = _parsed(text, self.dialect.name)

        def put(node: exp.Expr) -> exp.Expr:
            place = _place(node)
            if place < 0:
                return node
            value = values[place].copy()
            return _paren(value) if node.parent is not None else value

        return pattern.copy().transform(put, copy=False)

    def _as_written(self, node: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        made, waiting = node.copy(), iter(values)
        for old in operands(made):
            old.replace(next(waiting))
        if isinstance(node, exp.Case):
            if node.this is not None:
                made.set("this", self.written(node.this))
            for branch, given in zip(made.args["ifs"], node.args["ifs"], strict=True):
                branch.set("this", self._condition(node, given.this))
        elif isinstance(node, exp.If):
            made.set("this", self.written(node.this))
        return made

    def _condition(self, node: exp.Case, given: exp.Expr) -> exp.Expr:
        """WHEN of a CASE; of one with an operand, something that is plainly equal to it or not."""
        if node.this is None:
            return self.written(given)
        letters = letter(self.reader.kind(node.this)) + letter(self.reader.kind(given))
        if letters not in ("ii", "sq", "ss", "bb", "dd", "tt"):
            raise RefusedError(given, f"CASE of {self.reader.kind(node.this)} WHEN {self.reader.kind(given)}")
        return self.written(given)

    def _collates(self) -> bool:
        return self.ways.get("texts in order") == "COLLATE"

    def _collated(self, value: exp.Expr) -> exp.Expr:
        inner = _paren(value)
        return exp.Collate(this=inner, expression=exp.to_identifier("C", quoted=True))

    def _glob(self, node: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
        """LIKE ignores case in SQLite, GLOB does not; its wildcards are others."""
        shown = "".join(_GLOB.get(letter, letter) for letter in values[1].name)
        made = exp.Glob(this=values[0], expression=exp.Literal.string(shown))
        return exp.Not(this=exp.Paren(this=made)) if node.args.get("negate") else made

    def _moment(self, node: exp.Expr, text: str, kind: Type | None) -> exp.Expr:
        """A literal date or instant; without an offset it is in UTC."""
        moment = instant(text)
        if moment is None or (kind == types.DATE and len(text) != 10):
            raise RefusedError(node, f"{text!r} as {kind}: write it as 2024-12-31, with a time as 2024-12-31 23:59:59")
        if kind == types.TIMESTAMP:
            return self.dialect.instant(moment)
        if self.dialect.name == "sqlite":
            days = (moment.date() - _EPOCH).days
            return exp.Literal.number(days)
        return self.dialect.cast(exp.Literal.string(text), types.DATE)


_GLOB = {"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}


@lru_cache(maxsize=2048)
def _parsed(text: str, dialect: str) -> exp.Expr:
    return parse_one(text, read=dialect)


def _place(node: exp.Expr) -> int:
    """Which operand stands at a node of a way; -1 is none."""
    if isinstance(node, exp.Column) and not node.table and re.fullmatch("_[0-9]", node.name):
        return int(node.name[1:])
    return -1


def instant(text: str) -> datetime | None:
    """The instant that a literal names; None where engines might read it each in its own way."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    micros = int((fraction or "0").ljust(6, "0"))
    try:
        moment = datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), micros, UTC
        )
    except ValueError:
        return None
    if zone in (None, "Z"):
        return moment
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return moment - offset if zone[0] == "+" else moment + offset


def _paren(value: exp.Expr) -> exp.Expr:
    """``value`` in brackets, where something beside it could take a part of it."""
    return exp.Paren(this=value) if isinstance(value, _BINARY) else value


def _real(made: exp.Expr) -> exp.Expr:
    """A number literal with a point: in SQLite the value itself says which type it has."""
    for literal in made.find_all(exp.Literal):
        if literal.name.isdigit():
            literal.set("this", f"{literal.name}.0")
    return made


def _may_be_minus_0(node: exp.Expr) -> bool:
    """Nothing in SQLite tells -0.0 from 0.0 but what is divided by it; no table there holds one."""
    inner = node.unnest()
    if isinstance(inner, exp.Cast | exp.Coalesce):
        return any(map(_may_be_minus_0, operands(inner)))
    return not isinstance(inner, exp.Column | exp.Literal | exp.Nullif)


def _never_zero(node: exp.Expr, *, integers: bool) -> bool:
    inner = node.unnest()
    if isinstance(inner, exp.Literal) and not inner.is_string:
        return float(inner.name) != 0
    guarded = isinstance(inner, exp.Nullif) and isinstance(inner.expression, exp.Literal)
    if isinstance(inner, exp.Cast):
        return not integers and _never_zero(inner.this, integers=integers)
    return guarded and not integers and not inner.expression.is_string and float(inner.expression.name) == 0


def _pairs(node: exp.Expr, values: Sequence[exp.Expr]) -> exp.Expr:
    """The scalar MAX or MIN of SQLite is NULL where any operand is: two at a time, and what is left of them."""
    name = "MAX" if isinstance(node, exp.Greatest) else "MIN"
    made = values[0]
    for value in values[1:]:
        both = exp.Anonymous(this=name, expressions=[made.copy(), value.copy()])
        made = exp.Coalesce(this=both, expressions=[made, value])
    return made
