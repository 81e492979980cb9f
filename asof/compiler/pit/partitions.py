"""Which partitions of a source a statement can reach: days around the instants it asks about.

``date_partition_column`` promises that a row stands in the partition of the date of its event time, in whatever time
zone, however late the row came. So the days of UTC that are reached, and one more on either side, hold every row that
can be seen; partitions without a date are read as well. The bounds prune; they prove nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, tree, types
from asof.compiler.duration import Duration
from asof.compiler.instants import utc
from asof.compiler.model import FeatureView
from asof.compiler.pit import reach
from asof.compiler.pit.reach import Reach
from asof.compiler.query import inputs, parse
from asof.compiler.stored import batch_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.dialects import Dialect
    from asof.compiler.model import Repo
    from asof.compiler.pit.resolve import Group

_DAY = 86_400_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """The instants that a statement asks about: those of ``spine``, a common table expression, or known ones.

    ``earliest`` and ``latest`` are given where the caller knows them; ``instant`` where all ask at one, perhaps a
    parameter. At least one of the three ways is.
    """

    spine: str = ""
    at: str = ""
    """The spine's column of instants, on the builder's clock."""
    instant: exp.Expr | None = None
    earliest: datetime | None = None
    latest: datetime | None = None

    @property
    def asked(self) -> exp.Expr:
        """The one instant that all ask at. Raises ValueError where there is none."""
        if self.instant is None:
            raise ValueError("every row asks at an instant of its own")
        return self.instant.copy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """The days that a source's visible rows can be of."""

    extent: Extent
    reach: Reach

    def holds(self, column: exp.Expr, kind: types.Type, dialect: Dialect) -> list[exp.Expr]:
        """Predicates over a partition column of type date or string; rows to be read hold all, or have no date."""
        made: list[exp.Expr] = []
        if self.reach.since is not None:
            first = self._edge(-self.reach.since.microseconds - _DAY, exp.Min, self.extent.earliest, kind, dialect)
            made += [exp.GTE(this=column.copy(), expression=first)] if first is not None else []
        last = self._edge(_DAY - self.reach.until.microseconds, exp.Max, self.extent.latest, kind, dialect)
        made += [exp.LTE(this=column.copy(), expression=last)] if last is not None else []
        return made

    def _edge(
        self,
        moved: int,
        of: type[exp.Min] | type[exp.Max],
        known: datetime | None,
        kind: types.Type,
        dialect: Dialect,
    ) -> exp.Expr | None:
        """The day of the first or last instant, ``moved`` by microseconds; None where no calendar has it."""
        first = of is exp.Min
        if known is not None:
            return _known(known, moved, kind, dialect)
        if self.extent.instant is not None:
            return _day(_moved(dialect.tick(self.extent.asked), moved, dialect), kind, dialect, first=first)
        edge = _day(_moved(of(this=tree.column("", self.extent.at)), moved, dialect), kind, dialect, first=first)
        return exp.Subquery(this=tree.select([edge], tree.cte(self.extent.spine)))


def reached(repo: Repo, groups: Iterable[Group], extent: Extent, *, any_age: bool = False) -> Mapping[str, Days]:
    """Address of each source whose partitions can be pruned -> the days that all ``groups`` together reach.

    ``any_age`` says that rows too old for a ttl are read as well. A query may look at rows far from those it yields,
    so that what queries read is not pruned.
    """
    found: dict[str, list[Reach]] = {}
    whole: set[str] = set()
    for group in groups:
        base = shape.upstream(repo, group.view)
        if base.query:
            whole |= _read(repo, base)
            continue
        source = shape.source_of(repo, base)
        if source.date_partition_column:
            reaches = [Reach(None, source.timing.delay)] if any_age else _reaches(repo, group)
            found.setdefault(source.address, []).extend(reaches)
    return {
        address: Days(extent=extent, reach=reach.widest(reaches))
        for address, reaches in found.items()
        if address not in whole
    }


def another_day(column: exp.Expr, kind: types.Type, event: exp.Expr, dialect: Dialect) -> exp.Expr:
    """Whether a partition's date is that of its row's ``event``, on the builder's clock, in no time zone."""
    first = _day(_moved(event.copy(), -_DAY, dialect), kind, dialect, first=True)
    last = _day(_moved(event.copy(), _DAY, dialect), kind, dialect, first=False)
    before, after = exp.LT(this=column, expression=first), exp.GT(this=column.copy(), expression=last)
    return exp.Paren(this=exp.Or(this=before, expression=after))


def _reaches(repo: Repo, group: Group) -> list[Reach]:
    timing = shape.timing_of(repo, group.view)
    windows = shape.windows(group.view)
    made = [reach.of_window(*windows[name], timing) for name in group.features if name in windows]
    return made if len(made) == len(group.features) else [*made, reach.of_latest(group.view, timing)]


def _read(repo: Repo, view: FeatureView) -> set[str]:
    """Addresses of the sources that a view's query reads, directly or through other views."""
    found: set[str] = set()
    for name in inputs(parse(view.query, repo.project.sql_dialect)):
        source, read = repo.source(name), repo.view(name)
        if source is not None:
            found.add(batch_source(repo, source).address)
        elif isinstance(read, FeatureView):
            base = shape.upstream(repo, read)
            found |= _read(repo, base) if base.query else {shape.source_of(repo, base).address}
    return found


def _known(moment: datetime, moved: int, kind: types.Type, dialect: Dialect) -> exp.Expr | None:
    try:
        day = (utc(moment) + timedelta(microseconds=moved)).date()
    except OverflowError:
        return None
    text = exp.Literal.string(day.isoformat())
    return text if kind == types.STRING else _literal(day, dialect)


def _literal(day: date, dialect: Dialect) -> exp.Expr:
    return dialect.cast(exp.Literal.string(day.isoformat()), types.DATE)


def _moved(time: exp.Expr, moved: int, dialect: Dialect) -> exp.Expr:
    if moved <= 0:
        return dialect.minus(time, Duration(-moved))
    return exp.Add(this=time, expression=dialect.length(Duration(moved)))


def _day(time: exp.Expr, kind: types.Type, dialect: Dialect, *, first: bool) -> exp.Expr:
    """The date of a time on the builder's clock, as partitions hold it; ``first`` says that it bounds from below.

    Where text is no longer in the order of dates, it bounds nothing.
    """
    day = dialect.cast(dialect.untick(time), types.DATE)
    if kind != types.STRING:
        return day
    if first:
        beyond: exp.Expr = exp.LT(this=day.copy(), expression=_literal(date.min, dialect))
    else:
        beyond = exp.GT(this=day.copy(), expression=_literal(date.max, dialect))
    nothing = exp.Literal.string("" if first else date.max.isoformat())
    return exp.Case(ifs=[exp.If(this=beyond, true=nothing)], default=dialect.day_text(day))
