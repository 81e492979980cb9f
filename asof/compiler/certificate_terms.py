"""The small terms a certificate reasons about: a column moved back in time, a conjunction, the end of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNITS = {"DAY": 86_400_000_000, "HOUR": 3_600_000_000, "MINUTE": 60_000_000, "SECOND": 1_000_000, "MICROSECOND": 1}

BEYOND_THE_FRAME = (exp.Lead, exp.Lag, exp.CumeDist, exp.Ntile, exp.PercentRank)
"""What an engine computes over the whole partition, whatever frame stands beside it."""


@dataclass(frozen=True, slots=True)
class Term:
    """``table.column`` less ``back`` microseconds."""

    table: str
    column: str
    back: int

    @staticmethod
    def of(value: exp.Expr) -> Term | None:
        """``value`` read as such a term; None for anything else."""
        if isinstance(value, exp.Column):
            return Term(value.table, value.name, 0)
        if isinstance(value, exp.Paren):
            return Term.of(value.this)
        if isinstance(value, exp.Sub):
            inner, length = Term.of(value.this), microseconds(value.expression)
            return None if inner is None or length is None else Term(inner.table, inner.column, inner.back + length)
        return None


def microseconds(value: object) -> int | None:
    """A length of time written as an interval of a fixed unit, or as a number of microseconds."""
    if isinstance(value, exp.Interval) and isinstance(value.this, exp.Literal) and value.unit is not None:
        unit = _UNITS.get(value.unit.name.upper())
        return None if unit is None or not value.this.name.isdigit() else int(value.this.name) * unit
    if isinstance(value, exp.Literal) and not value.is_string and value.name.isdigit():
        return int(value.name)
    return None


def conjuncts(condition: exp.Expr | None) -> Iterator[exp.Expr]:
    """The terms of a conjunction."""
    waiting = [condition]
    while waiting:
        term = waiting.pop()
        if isinstance(term, exp.And):
            waiting += [term.expression, term.this]
        elif isinstance(term, exp.Paren):
            waiting.append(term.this)
        elif term is not None:
            yield term


def flipped(term: exp.Expr) -> Iterator[tuple[exp.Expr, exp.Expr]]:
    """(smaller, greater) for each way in which ``term`` says that one is at most the other."""
    if isinstance(term, exp.LT | exp.LTE | exp.EQ):
        yield term.this, term.expression
    if isinstance(term, exp.GT | exp.GTE | exp.EQ):
        yield term.expression, term.this


def frame_end(spec: exp.WindowSpec) -> int | None:
    """How far before the current row's own instant a RANGE frame ends; None if it may end after it."""
    if str(spec.args.get("kind")).upper() != "RANGE" or spec.args.get("exclude"):
        return None
    end, side = spec.args.get("end"), str(spec.args.get("end_side") or "").upper()
    if end == "CURRENT ROW":
        return 0
    if side == "PRECEDING" and isinstance(end, exp.Expr):
        return microseconds(end)
    return None


def rows_end(spec: exp.WindowSpec) -> int | None:
    """The same of a ROWS frame, which ends at the current row or before it: then no row in it is later."""
    if spec.args.get("exclude"):
        return None
    end, side = spec.args.get("end"), str(spec.args.get("end_side") or "").upper()
    return 0 if end == "CURRENT ROW" or side == "PRECEDING" else None
