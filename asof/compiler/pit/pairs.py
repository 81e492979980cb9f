"""The rows of each question while its windows are computed, and what an aggregate needs to know of the other rows.

Ranks, counts and means become helper columns beside the pairs. Each is made once, whatever the number of
features that use it, and in at most two steps: some ranks look at the ranks of the first.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import tree

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
    first: dict[str, exp.Expr] = field(default_factory=dict)
    """Helper columns over the pairs alone, by name."""
    second: dict[str, exp.Expr] = field(default_factory=dict)
    """Helper columns that read those."""
    third: dict[str, exp.Expr] = field(default_factory=dict)
    """Lists beside their rows, which read all others."""

    def keyed_by(self, column: str) -> Pairs:
        """The same pairs, each question's rows kept apart by ``column``; helpers are shared."""
        return replace(self, within=(*self.within, column))

    # --- which rows count ---------------------------------------------------------------------------------------

    def inside(self, one: Windowed) -> list[exp.Expr]:
        """Whether the row of a pair lies in the window."""
        return one.reach.holds(tree.column("", self.names.event), tree.column("", self.names.at), self.dialect)

    def eligible(self, one: Windowed) -> list[exp.Expr]:
        """Whether the row takes part: inside the window, and a value unless NULLs count."""
        deciding = one.condition if one.aggregation.include_nulls else one.value
        return self.inside(one) + ([tree.present(tree.column("", deciding))] if deciding else [])

    def value(self, one: Windowed) -> exp.Expr:
        """The value where the row lies in the window, else NULL."""
        return tree.case(tree.all_of(self.inside(one)), tree.column("", one.value))

    # --- helper columns -----------------------------------------------------------------------------------------

    def rank_in_time(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) row that takes part, by the one order of rows."""
        order = self._in_time(one, latest=latest)
        return self._helper(self.first, "latest" if latest else "earliest", one, self._numbered(one, [], order))

    def rank_by_value(self, one: Windowed, *, greatest: bool) -> exp.Expr:
        """1 for the greatest (or smallest) value."""
        direction = tree.latest_first if greatest else tree.earliest_first
        order: list[exp.Expr] = [direction(tree.column("", one.value))]
        return self._helper(self.first, "greatest" if greatest else "smallest", one, self._numbered(one, [], order))

    def occurrence(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) row among those of the same value."""
        order = self._in_time(one, latest=latest)
        same: list[exp.Expr] = [tree.column("", one.value)]
        name = "last_time" if latest else "first_time"
        return self._helper(self.first, name, one, self._numbered(one, same, order))

    def rank_of_distinct(self, one: Windowed, *, latest: bool) -> exp.Expr:
        """1 for the latest (or earliest) of the rows whose ``occurrence`` is 1."""
        once = exp.EQ(this=self.occurrence(one, latest=latest), expression=exp.Literal.number(1))
        order = self._in_time(one, latest=latest)
        numbered = self._numbered(one, [], order, also=[once])
        return self._helper(self.second, "distinct_latest" if latest else "distinct_earliest", one, numbered)

    def frequency(self, one: Windowed) -> exp.Expr:
        """How many rows that take part have this row's value."""
        count = exp.Count(this=tree.column("", one.value))
        window = exp.Window(this=count, partition_by=[*self._group(one), tree.column("", one.value)])
        return self._helper(self.first, "times", one, window)

    def rank_by_frequency(self, one: Windowed) -> exp.Expr:
        """1 for a row of the most frequent value; of equally frequent ones the smallest."""
        order: list[exp.Expr] = [
            tree.latest_first(self.frequency(one)),
            tree.earliest_first(tree.column("", one.value)),
        ]
        return self._helper(self.second, "most_frequent", one, self._numbered(one, [], order))

    def count(self, one: Windowed) -> exp.Expr:
        """How many rows take part."""
        window = exp.Window(this=exp.Count(this=tree.column("", one.value)), partition_by=self._group(one))
        return self._helper(self.first, "count", one, window)

    def mean(self, one: Windowed, value: exp.Expr) -> exp.Expr:
        """The mean of ``value`` over the rows in the window."""
        within: list[exp.Expr] = [tree.column("", name) for name in self.within]
        return self._helper(self.first, "mean", one, exp.Window(this=exp.Avg(this=value), partition_by=within))

    def listed(self, one: Windowed, value: exp.Expr, rank: exp.Expr, kept: exp.Expr) -> exp.Expr:
        """The list beside each of its rows, for engines whose aggregates know no order but that of a window."""
        within: list[exp.Expr] = [*(tree.column("", name) for name in self.within)]
        window = exp.Window(
            this=self.dialect.list_of(value, rank, kept),
            partition_by=[*within, tree.case(kept.copy(), exp.Literal.number(1))],
            order=exp.Order(expressions=[tree.earliest_first(rank.copy())]),
            spec=exp.WindowSpec(
                kind="ROWS", start="UNBOUNDED", start_side="PRECEDING", end="UNBOUNDED", end_side="FOLLOWING"
            ),
        )
        what = f"{one.function}_{one.aggregation.n}_{one.aggregation.order}"
        return self._helper(self.third, what, one, window)

    def _in_time(self, one: Windowed, *, latest: bool) -> list[exp.Expr]:
        direction = tree.latest_first if latest else tree.earliest_first
        columns = dict.fromkeys((self.names.event, *self.ties, one.value))
        return [direction(tree.column("", name)) for name in columns]

    def _group(self, one: Windowed, also: list[exp.Expr] | None = None) -> list[exp.Expr]:
        """Rows of one group that take part stand together; the others stand apart and are never asked."""
        taking_part = tree.case(tree.all_of([*self.eligible(one), *(also or [])]), exp.Literal.number(1))
        return [*(tree.column("", name) for name in self.within), taking_part]

    def _numbered(
        self, one: Windowed, among: list[exp.Expr], order: list[exp.Expr], also: list[exp.Expr] | None = None
    ) -> exp.Expr:
        return exp.Window(
            this=exp.RowNumber(),
            partition_by=[*self._group(one, also), *among],
            order=exp.Order(expressions=order),
        )

    def _helper(self, step: dict[str, exp.Expr], what: str, one: Windowed, made: exp.Expr) -> exp.Expr:
        nulls = "_or_null" if one.aggregation.include_nulls else ""
        by = f"_by_{one.aggregation.by}" if one.aggregation.by else ""
        wanted = f"{self.names.rank}_{what}_{one.value}{nulls}_{one.window_name}{by}"
        name = tree.shortened(wanted, self.dialect.identifier_length)
        step.setdefault(name, made)
        return tree.column("", name)

    @property
    def steps(self) -> list[dict[str, exp.Expr]]:
        """The helper columns in the order in which they can be computed."""
        return [step for step in (self.first, self.second, self.third) if step]
