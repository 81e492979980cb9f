"""The statement under construction: its spine, its names, and the questions each view is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler import shape, tree, types
from asof.compiler.duration import Duration

if TYPE_CHECKING:
    from asof.compiler.dialects import Dialect
    from asof.compiler.pit.reach import Reach
    from asof.compiler.pit.request import Names
    from asof.compiler.pit.resolve import Group
    from asof.compiler.relation import Binder


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What the parts of a training query share. ``spine`` names the spine's common table expression.

    ``once`` says that no two rows of the spine ask about the same keys: then joining each question with
    its rows pairs every row at most once, and nothing is faster.
    """

    binder: Binder
    spine: str
    once: bool = False

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
            made.append(tree.called(self.dialect.text(value) if kinds.get(key) == types.STRING else value, key))
        return made

    def asked(self, group: Group, reach: Reach, wanted: str) -> str:
        """A common table expression of (row, keys, at, since, until): bounds are computed once a question."""
        names, at = self.names, tree.column(self.spine, self.names.at)
        values: list[exp.Expr] = [tree.column(self.spine, names.row), *self.key_columns(group), at]
        if reach.since is not None:
            values.append(tree.named(self.dialect.minus(at.copy(), reach.since), names.since))
        values.append(tree.named(self.dialect.minus(at.copy(), reach.until), names.until))
        query = tree.where(tree.select(values, tree.cte(self.spine)), self.askable(group))
        return self.ctes.add(wanted, query, "whom each row of the spine asks about, and from when to when rows count")

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
