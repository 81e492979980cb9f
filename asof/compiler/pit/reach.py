"""Which rows a question may see: the bounds of event times, as distances back from the instant asked about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree
from asof.compiler.duration import Duration

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Aggregation, FeatureView, Timing, Window


@dataclass(frozen=True, slots=True)
class Reach:
    """``at - since <= event <= at - until``, both ends included; no ``since`` means any age."""

    since: Duration | None
    until: Duration

    @property
    def empty(self) -> bool:
        return self.since is not None and self.since < self.until

    def holds(self, event: exp.Expr, at: exp.Expr, dialect: Dialect) -> list[exp.Expr]:
        """The predicates that say so."""
        made: list[exp.Expr] = [exp.LTE(this=event, expression=dialect.minus(at, self.until))]
        if self.since is not None:
            made.append(exp.GTE(this=event.copy(), expression=dialect.minus(at.copy(), self.since)))
        return made

    def frame(self, dialect: Dialect) -> exp.WindowSpec:
        """The same as a RANGE frame over instants."""
        end = dialect.length(self.until) if self.until.microseconds else "CURRENT ROW"
        return exp.WindowSpec(
            kind="RANGE",
            start="UNBOUNDED" if self.since is None else _preceding(self.since, dialect),
            start_side=None if self.since is not None and not self.since.microseconds else "PRECEDING",
            end=end,
            end_side="PRECEDING" if self.until.microseconds else None,
        )


def _preceding(duration: Duration, dialect: Dialect) -> exp.Expr | str:
    return dialect.length(duration) if duration.microseconds else "CURRENT ROW"


def of_latest(view: FeatureView, timing: Timing) -> Reach:
    """A latest value: ``event <= t - delay`` and ``t - event <= ttl``."""
    return Reach(view.ttl, timing.delay)


def of_window(aggregation: Aggregation, window: Window, timing: Timing) -> Reach:
    """``[t - offset - length, t - offset)``, or ``(...]``, of what is visible after ``delay``."""
    open_end = aggregation.bounds == "[)"
    newest = window.offset.microseconds + (1 if open_end else 0)
    until = Duration(max(newest, timing.delay.microseconds))
    if window.length is None:
        return Reach(None, until)
    oldest = window.offset.microseconds + window.length.microseconds
    return Reach(Duration(oldest if open_end else oldest - 1), until)


def widest(reaches: list[Reach]) -> Reach:
    """The smallest reach that covers them all."""
    until = min(reach.until for reach in reaches)
    ages = [reach.since for reach in reaches]
    known = [age for age in ages if age is not None]
    return Reach(max(known) if len(known) == len(ages) else None, until)


def valid(table: str, asked: str, ends: str, at: str) -> exp.Expr:
    """The version of the row still held at the instant; one that has not ended has no end."""
    end = tree.column(table, ends)
    open_ended = exp.Is(this=end, expression=exp.Null())
    later = exp.GT(this=end.copy(), expression=tree.column(asked, at))
    return exp.Paren(this=exp.Or(this=open_ended, expression=later))


def visible(table: str, asked: str, created: str, at: str) -> exp.Expr:
    """``visibility: created``: the row was known by then."""
    return exp.LTE(this=tree.column(table, created), expression=tree.column(asked, at))
