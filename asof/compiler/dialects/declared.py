"""Columns of files as values of the types they are declared with: what does not fit is an error, never another value.

Engines cast without a word where digits or hours are lost. A guard lets through what a type holds exactly; where the
stored type is the declared one, the engine folds the guard away before it reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import types

if TYPE_CHECKING:
    from asof.compiler.types import Type

_BLANKS = " *"
_WHOLE = "[+-]?[0-9]+([.]0*)?"
_DAY = "[0-9]{1,6}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = "[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.][0-9]*)?)?"


def pattern(kind: Type, *, naive: bool) -> str:
    """What the whole text of such a value matches; "" where the engine's own reading loses nothing.

    ``naive`` times are those that a source's ``timezone`` explains: they have no offset of their own.
    """
    if kind in types.INTEGERS:
        return f"{_BLANKS}{_WHOLE}{_BLANKS}"
    if isinstance(kind, types.Decimal):
        return f"{_BLANKS}[+-]?[0-9]*([.][0-9]{{0,{kind.scale}}}0*)?{_BLANKS}"
    if kind == types.DATE:
        return f"{_BLANKS}{_DAY}{_BLANKS}"
    if kind == types.TIMESTAMP and naive:
        return f"{_BLANKS}{_DAY}([ T]{_CLOCK})?{_BLANKS}"
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guards:
    """The words of an engine that folds ``TYPEOF(column)`` to a constant."""

    integers: str
    """A pattern of LIKE for the names of all integer types."""
    boolean: str
    date: str
    decimal: str
    """With ``{}`` for precision and scale."""
    error: str
    """The function that fails with its argument, unless that is NULL."""
    file: exp.Expr
    """The name of the file that a row is from."""

    def parquet(self, value: exp.Column, kind: Type, cast: exp.Expr) -> exp.Expr:
        """``cast``, the value as ``kind``, where the stored type or the value itself shows that it is the same."""
        name, number = "", exp.Cast(this=value.copy(), to=exp.DataType.build("DOUBLE"))
        same: exp.Expr | None = exp.EQ(this=number, expression=cast.copy())
        if kind in types.INTEGERS:
            name = self.integers
        elif isinstance(kind, types.Decimal):
            name = self.decimal.format(f"{kind.precision},{kind.scale}")
        elif kind == types.DATE:
            moment = exp.Cast(this=value.copy(), to=exp.DataType.build("TIMESTAMP"))
            name, same = self.date, exp.EQ(this=moment, expression=cast.copy())
        elif kind == types.BOOL:
            name, same = self.boolean, None
        if not name:
            return cast
        stored = exp.Anonymous(this="TYPEOF", expressions=[value.copy()])
        holds: exp.Expr = exp.Like(this=stored, expression=exp.Literal.string(name))
        if same is not None:
            holds = exp.Or(this=holds, expression=same)
        return self.guarded(holds, value, kind, cast)

    def guarded(self, holds: exp.Expr, value: exp.Column, kind: Type, cast: exp.Expr) -> exp.Expr:
        """``cast`` where ``holds``; else an error that names file, column and value, or NULL where the value is."""
        text = exp.Cast(this=value.copy(), to=exp.DataType.build("TEXT"))
        parts = (exp.Literal.string(f": column {value.name} holds "), text, exp.Literal.string(f", not {kind}"))
        said = reduce(lambda left, right: exp.DPipe(this=left, expression=right), parts, self.file.copy())
        return exp.Case(ifs=[exp.If(this=holds, true=cast)], default=exp.Anonymous(this=self.error, expressions=[said]))
