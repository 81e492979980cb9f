"""The rows of each question while its windows are computed, and what an aggregate needs to know of the other rows.

What a window sees, ranks, counts and means become helper columns beside the pairs. Each is made once, whatever the
number of features that use it, and in steps: some ranks look at the ranks of the step before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree, types

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.pit.functions import Windowed
    from asof.compiler.pit.request import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """Pairs of a question and a row. ``within`` are the columns that hold one group of rows together."""

    dialect: Dialect
    names: Names
    ties: tuple[str, ...]
    within: tuple[str, ...]
    seen: dict[str, exp.Expr] = field(default_factory=dict)
    """Values of rows inside a window, NULL outside, by name."""
    first: dict[str, exp.Expr] = field(default_factory=dict)
    """Ranks, counts and means that read those."""
    second: dict[str, exp.Expr] = field(default_factory=dict)
    """Ranks and distances that read those of the first step."""
    third: dict[str, exp.Expr] = field(default_factory=dict)
    """Lists beside their rows, which read all others."""

    def keyed_by(self, column: str) -> Pairs:
        """The same pairs, each question's rows kept apart by ``column``; helpers are shared."""
        return replace(self, within=(*self.within, column))

    def steps(self) -> list[tuple[str, str, dict[str, exp.Expr]]]:
        """(name, comment, helper columns) in the order in which they can be computed."""
        every = (
            ("seen", "the values that each window sees, NULL where the row lies outside", self.seen),
            ("ranked", "ranks, counts and means among the rows of one question", self.first),
            ("ranked_again", "ranks and distances that follow from those", self.second),
            ("listed", "the lists, beside each of their rows", self.third),
        )
        return [(name, comment, step) for name, comment, step in every if step]

    # --- which rows count ---------------------------------------------------------------------------------------

    def inside(self, one: Windowed) -> list[exp.Expr]:
        """Whether the row of a pair lies in the window."""
        return one.reach.holds(tree.column("", self.names.event), tree.column("", self.names.at), self.dialect)

    def value(self, one: Windowed) -> exp.Expr:
        """The value where the row lies in the window, else NULL; for functions that read it just once."""
        return tree.case(tree.all_of(self.inside(one)), tree.column("", one.value))

    def held(self, one: Windowed) -> exp.Expr:
        """The same as a column of its own. Where NULLs count, the value as it is: ``takes_part`` decides."""
        if one.aggregation.include_nulls:
            return tree.column("", one.value)
        name = self._name(self.names.inside, "", one)
        self.seen.setdefault(name, self.value(one))
        return tree.column("", name)

    def takes_part(self, one: Windowed) -> list[exp.Expr]:
        """Whether the row counts: inside the window, and a value unless NULLs count."""
        if not one.aggregation.include_nulls:
            return [tree.present(self.held(one))]
        return self.inside(one) + ([tree.present(tree.column("", one.condition))] if one.condition else [])

    # --- helper columns -----------------------------------------------------------------------------------------

    def rank_in_time(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) row that takes part, by the one order of rows."""
        numbered = self._numbered(self._apart(self.takes_part(one)), self._in_time(one, latest=latest))
        return self._helper(self.first, "latest" if latest else "earliest", one, numbered)

    def rank_by_value(self, one: Windowed, *, greatest: bool) -> exp.Expr:
        """1 for the greatest (or smallest) value."""
        order: list[exp.Expr] = [exp.Ordered(this=self.held(one), desc=greatest, nulls_first=False)]
        return self._helper(self.first, "greatest" if greatest else "smallest", one, self._numbered([], order))

    def occurrence(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) row among those of the same value."""
        among = [*(self._apart(self.takes_part(one)) if one.aggregation.include_nulls else []), self._same(one)]
        numbered = self._numbered(among, self._in_time(one, latest=latest))
        return self._helper(self.first, "last_time" if latest else "first_time", one, numbered)

    def rank_of_distinct(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) of the rows whose ``occurrence`` is 1."""
        once = exp.EQ(this=self.occurrence(one, latest=latest), expression=exp.Literal.number(1))
        apart = self._apart([*self.takes_part(one), once])
        numbered = self._numbered(apart, self._in_time(one, latest=latest))
        return self._helper(self.second, "distinct_latest" if latest else "distinct_earliest", one, numbered)

    def frequency(self, one: Windowed) -> exp.Expr:
        """How many rows that take part have this row's value; 0 for those that do not."""
        window = exp.Window(this=exp.Count(this=self.held(one)), partition_by=[*self._within(), self._same(one)])
        return self._helper(self.first, "times", one, window)

    def rank_by_frequency(self, one: Windowed) -> exp.Expr:
        """1 for a row of the most frequent value; of equally frequent ones the smallest."""
        order: list[exp.Expr] = [tree.latest_first(self.frequency(one)), tree.earliest_first(self.held(one))]
        return self._helper(self.second, "most_frequent", one, self._numbered([], order))

    def distance_in_rank(self, one: Windowed, place: int, parts: int) -> exp.Expr:
        """How far the row's place by value is from ``place`` of ``parts`` of the way up, in parts of one rank."""
        window = exp.Window(this=exp.Count(this=self.held(one)), partition_by=self._within())
        count = self._helper(self.first, "count", one, window)
        rank = self.rank_by_value(one, greatest=False)
        if self.dialect.narrow_counts:
            rank, count = (self.dialect.cast(number, types.INT64) for number in (rank, count))
        here = exp.Mul(this=_less_one(rank), expression=exp.Literal.number(parts))
        there = exp.Mul(this=exp.Literal.number(place), expression=_less_one(count))
        made = exp.Abs(this=exp.Sub(this=here, expression=there))
        return self._helper(self.second, f"off_{place}", one, made)

    def distance_from_mean(self, one: Windowed) -> exp.Expr:
        """How far the value lies from the mean: subtracting two large sums instead would lose every digit."""
        value = self.dialect.cast(self.held(one), types.FLOAT64)
        mean = exp.Window(this=exp.Avg(this=value), partition_by=self._within())
        return self._helper(self.first, "off_mean", one, exp.Sub(this=value.copy(), expression=mean))

    def listed(self, one: Windowed, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """The list beside each of its rows, for engines whose aggregates know no order but that of a window."""
        window = exp.Window(
            this=self.dialect.list_of(value, rank, kept),
            partition_by=[*self._within(), tree.case(kept.copy(), exp.Literal.number(1))],
            order=exp.Order(expressions=[tree.earliest_first(rank.copy())]),
            spec=exp.WindowSpec(
                kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="UNBOUNDED", end_side="FOLLOWING"
            ),
        )
        what = f"{one.function}_{one.aggregation.n}_{one.aggregation.order}"
        return self._helper(self.third, what, one, window)

    def _same(self, one: Windowed) -> exp.Expr:
        """What rows of one value have in common."""
        return self.dialect.grouping(self.held(one), one.kind)

    def _within(self) -> list[exp.Expr]:
        return [tree.column("", name) for name in self.within]

    def _in_time(self, one: Windowed, *, latest: bool) -> list[exp.Expr]:
        direction = tree.latest_first if latest else tree.earliest_first
        columns = dict.fromkeys((self.names.event, *self.ties, one.value))
        return [direction(tree.column("", name)) for name in columns]

    def _apart(self, conditions: list[exp.Expr]) -> list[exp.Expr]:
        """Rows that meet the conditions are numbered among themselves; the others are never asked."""
        return [tree.case(tree.all_of(conditions), exp.Literal.number(1))]

    def _numbered(self, among: list[exp.Expr], order: list[exp.Expr]) -> exp.Expr:
        return exp.Window(
            this=exp.RowNumber(), partition_by=[*self._within(), *among], order=exp.Order(expressions=order)
        )

    def _helper(self, step: dict[str, exp.Expr], what: str, one: Windowed, made: exp.Expr) -> exp.Expr:
        name = self._name(self.names.rank, f"_{what}", one)
        step.setdefault(name, made)
        return tree.column("", name)

    def _name(self, prefix: str, what: str, one: Windowed) -> str:
        nulls = "_or_null" if one.aggregation.include_nulls else ""
        by = f"_by_{one.aggregation.by}" if one.aggregation.by and what else ""
        return tree.shortened(
            f"{prefix}{what}_{one.value}{nulls}_{one.window_name}{by}", self.dialect.identifier_length
        )


def _less_one(value: exp.Expr) -> exp.Expr:
    return exp.Paren(this=exp.Sub(this=value, expression=exp.Literal.number(1)))
