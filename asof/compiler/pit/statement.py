"""The statement under construction: its spine, its names, and the questions each view is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, tree
from asof.compiler.duration import Duration

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.pit.reach import Reach
    from asof.compiler.pit.request import Names
    from asof.compiler.pit.resolve import Group
    from asof.compiler.relation import Binder, Rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the parts of a training query share. ``spine`` names the spine's common table expression.

    ``once`` says that no two rows of the spine ask about the same keys: then joining each question with
    its rows pairs every row at most once, and nothing is faster.
    """

    binder: Binder
    spine: str
    once: bool = False
    made: dict[str, str] = field(default_factory=dict)
    """Text of what several groups ask -> its common table expression."""

    @property
    def dialect(self) -> Dialect:
        return self.binder.dialect

    @property
    def names(self) -> Names:
        return self.binder.names

    @property
    def ctes(self) -> tree.Ctes:
        return self.binder.ctes

    def askable(self, group: Group) -> list[exp.Expr]:
        """The rows of the spine that can be answered: no key and no time is NULL."""
        columns = [spine for _, spine in group.keys] + [self.names.at]
        return [tree.present(tree.column(self.spine, name)) for name in columns]

    def key_columns(self, group: Group) -> list[exp.Expr]:
        """The spine's key columns under the names of the join keys."""
        kinds = {key.name: key.type for key in shape.join_keys(self.binder.repo, group.view)}
        made = []
        for key, spine in group.keys:
            value: exp.Expr = tree.column(self.spine, spine)
            made.append(tree.called(self.dialect.compared(value, kinds.get(key)), key))
        return made

    def asked(self, group: Group, reach: Reach) -> str:
        """A common table expression of (row, keys, at, since, until): bounds are computed once a question."""
        names, at = self.names, tree.column(self.spine, self.names.at)
        values: list[exp.Expr] = [tree.column(self.spine, names.row), *self.key_columns(group), at]
        if reach.since is not None:
            values.append(tree.named(self.dialect.minus(at.copy(), reach.since), names.since))
        values.append(tree.named(self.dialect.minus(at.copy(), reach.until), names.until))
        query = tree.where(tree.select(values, tree.cte(self.spine)), self.askable(group))
        return self._shared(
            group, "asked", query, "whom each row of the spine asks about, and what may be seen by then"
        )

    def questions(self, group: Group) -> str:
        """A common table expression of (row, keys, at)."""
        at = tree.column(self.spine, self.names.at)
        values = [tree.column(self.spine, self.names.row), *self.key_columns(group), at]
        query = tree.where(tree.select(values, tree.cte(self.spine)), self.askable(group))
        return self._shared(group, "questions", query, "whom each row of the spine asks about, and when")

    def among_asked(self, query: exp.Select, group: Group, rows: Rows, asked: str, reach: Reach) -> exp.Select:
        """``query`` over ``rows`` with a join, in place, that keeps out rows of no use to anybody in ``asked``.

        Those are rows of other keys and, where the engine counts time cheaply, of buckets of time that nobody
        reaches: a reach as long as a bucket lies in two. It prunes and proves nothing; what is
        sorted afterwards is as small as the questions make it.
        """
        dialect, bucket = self.dialect, self.names.bucket
        at, event = tree.column("", self.names.at), tree.column(rows.table, self.names.event)
        keys = [tree.column("", key) for key in rows.keys]
        length = Duration(max(reach.since.microseconds - reach.until.microseconds, 1)) if reach.since else None
        number = dialect.bucket(event, length) if length else None
        if length is None or number is None or reach.since is None:
            if not keys:
                return query
            distinct = tree.select(keys, tree.cte(asked))
            distinct.set("distinct", exp.Distinct())
            name = self._shared(group, "keys", distinct, "the keys that are asked about")
            return tree.join(query, tree.cte(name), tree.equal(name, rows.table, rows.keys))
        ends = (dialect.bucket(dialect.minus(at, back), length) for back in (reach.since, reach.until))
        first, last = (tree.select([*keys, tree.named(end, bucket)], tree.cte(asked)) for end in ends if end)
        both = exp.Union(this=first, expression=last, distinct=True)
        name = self._shared(
            group, "buckets", both, f"the keys that are asked about, by the stretches of {length} they reach"
        )
        same = exp.EQ(this=tree.column(name, bucket), expression=number)
        return tree.join(query, tree.cte(name), [*tree.equal(name, rows.table, rows.keys), same])

    def _shared(self, group: Group, what: str, query: exp.Query, comment: str) -> str:
        """The common table expression of ``query``, made once for all groups that ask the same about the same keys."""
        text = query.sql()
        if text not in self.made:
            wanted = "_".join((*(spine for _, spine in group.keys), what))
            self.made[text] = self.ctes.add(wanted, query, comment)
        return self.made[text]

    def within_span(self, reach: Reach, event: exp.Expr) -> list[exp.Expr]:
        """Bounds that keep out rows which no row of the spine can reach. They prune; they prove nothing."""
        names = self.names
        made: list[exp.Expr] = [exp.LTE(this=event, expression=self._edge(exp.Max, Duration(0), names.at))]
        if reach.since is not None:
            made.append(exp.GTE(this=event.copy(), expression=self._edge(exp.Min, reach.since, names.at)))
        return made

    def _edge(self, function: type[exp.Min] | type[exp.Max], back: Duration, at: str) -> exp.Expr:
        edge = self.dialect.minus(function(this=tree.column("", at)), back)
        return exp.Subquery(this=tree.select([edge], tree.cte(self.spine)))
