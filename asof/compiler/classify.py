"""What an edit of one definition can do: a class for every field, harmless only where that is proven."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from difflib import unified_diff
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from asof.compiler import model
from asof.compiler.consequences import CONSEQUENCES, DEFAULTS
from asof.compiler.fingerprint import STRUCTS, Document, Field, fields_of
from asof.compiler.query import canonical_sql
from asof.compiler.query.edits import Edit, EditGroup
from asof.compiler.query.retabled import retabled, retabled_expression
from asof.compiler.roles import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from asof.compiler.model import Json


class ChangeClass(StrEnum):
    """From harmless to destructive, in this order; the worst class of its reasons is the class of a change."""

    METADATA = "metadata"
    EQUIVALENT = "equivalent"
    ADDITIVE = "additive"
    IDENTITY = "identity"
    VALUE_CHANGE = "value_change"
    INTERFACE_BREAK = "interface_break"
    DESTRUCTIVE = "destructive"

    @property
    def rank(self) -> int:
        return _RANKS[self]


_RANKS = {found: rank for rank, found in enumerate(ChangeClass)}

_OF_ROLE = {
    Role.METADATA: ChangeClass.METADATA,
    Role.IDENTITY: ChangeClass.METADATA,
    Role.SEMANTIC: ChangeClass.VALUE_CHANGE,
    Role.SQL: ChangeClass.VALUE_CHANGE,
    Role.INTERFACE: ChangeClass.INTERFACE_BREAK,
}


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"change_class": "class"}):
    """One thing that changes and what follows from it.

    ``pointer`` is the JSON pointer of the field ("" for the whole object), ``old`` and ``new`` its values.
    ``upstream`` names the object at fault where the definition itself did not change. ``rows`` tells
    whether rows already stored online would come out differently. ``diff`` is a unified diff of SQL and
    ``edits`` are the parts of it that differ; none where both are proven to mean the same.
    """

    pointer: str
    change_class: ChangeClass
    text: str
    old: Any = None
    new: Any = None
    upstream: str = ""
    rows: bool = False
    diff: tuple[str, ...] = ()
    edits: tuple[Edit, ...] = ()


class QueryComparison(Protocol):
    """How two queries were proven to relate: ``kind`` is equivalent, additive or unproven."""

    @property
    def kind(self) -> str: ...

    @property
    def reasons(self) -> Sequence[str]: ...

    @property
    def edits(self) -> tuple[Edit, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialects:
    """The dialect in which each side's SQL is written."""

    old: str
    new: str


_Compared = tuple[ChangeClass, str, tuple[Edit, ...]]
"""The class of an edit of SQL, why, and the parts that differ."""


def worst(reasons: Sequence[Reason]) -> ChangeClass:
    """The class that decides. Raises ValueError where there are no reasons."""
    return max((r.change_class for r in reasons), key=lambda c: c.rank)


def edits(
    old: Document,
    new: Document,
    dialects: Dialects,
    compare: Callable[[str, str], QueryComparison],
    moves: Mapping[str, str] | None = None,
) -> tuple[Reason, ...]:
    """Why ``new`` is not ``old``, two definitions of one kind; nothing where they mean the same.

    ``compare`` proves what it can of two queries of the same view or source. ``moves`` holds old and new names of
    what SQL may read.
    """
    walk = _Walk(dialects, compare, moves or {})
    return tuple(walk.struct("", STRUCTS[new["kind"]], old, new))


@dataclass(frozen=True, slots=True)
class _Walk:
    dialects: Dialects
    compare: Callable[[str, str], QueryComparison]
    moves: Mapping[str, str]

    def struct(self, at: str, kind: type[msgspec.Struct], old: Document, new: Document) -> Iterator[Reason]:
        for field in fields_of(kind):
            a, b = old.get(field.name), new.get(field.name)
            pointer = f"{at}/{field.name}"
            if field.role is Role.SQL:
                yield from self.sql(pointer, kind, field, a or "", b or "")
            elif a == b:
                continue
            elif field.part is None:
                yield from _leaf(pointer, kind, field, a, b)
            elif field.many:
                yield from self.members(pointer, kind, field, field.part, a or [], b or [])
            else:
                yield from self.struct(pointer, field.part, a or {}, b or {})

    def sql(self, pointer: str, kind: type[msgspec.Struct], field: Field, old: str, new: str) -> Iterator[Reason]:
        redialected = self.dialects.old != self.dialects.new
        if old == new and not (new and redialected):
            return
        found, text, parts = ChangeClass.VALUE_CHANGE, _consequence(kind, field), ()  # type: _Compared
        if old == new:
            text = f"the same text is now read as {self.dialects.new}, no longer as {self.dialects.old}"
        elif old and new and not redialected:
            found, text, parts = self.compared(kind, field, old, new)
        elif field.name == "where" and not redialected:
            said = "only some rows are aggregated" if new else "all rows are aggregated"
            parts = (Edit(group=EditGroup.ROWS, text=said, old=old, new=new),)
        diff = tuple(unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm=""))
        rows = found.rank >= ChangeClass.VALUE_CHANGE.rank
        yield Reason(
            pointer=pointer, change_class=found, text=text, old=old, new=new, rows=rows, diff=diff, edits=parts
        )

    def compared(self, kind: type[msgspec.Struct], field: Field, old: str, new: str) -> _Compared:
        dialect = self.dialects.new
        if canonical_sql(old, dialect) == canonical_sql(new, dialect):
            return ChangeClass.EQUIVALENT, "equivalent, no value changes: only the layout of the SQL changes", ()
        followed = self.followed(kind, field, old)
        if followed != old:
            same = canonical_sql(followed, dialect) == canonical_sql(new, dialect)
            if same or (field.name == "query" and self.compare(followed, new).kind == "equivalent"):
                return ChangeClass.IDENTITY, "follows the move of what it reads; nothing else changes", ()
            old = followed
        if field.name != "query":
            counted = field.name == "where"
            text = "other rows are aggregated" if counted else "the feature is computed otherwise"
            group = EditGroup.ROWS if counted else EditGroup.VALUES
            part = Edit(group=group, text=text, old=canonical_sql(old, dialect), new=canonical_sql(new, dialect))
            return ChangeClass.VALUE_CHANGE, "the expression is not proven to give the same values", (part,)
        proof = self.compare(old, new)
        why = "; ".join(proof.reasons)
        if proof.kind == "equivalent":
            return ChangeClass.EQUIVALENT, f"equivalent, no value changes: {why}", ()
        if proof.kind == "additive":
            return ChangeClass.ADDITIVE, why, proof.edits
        return ChangeClass.VALUE_CHANGE, why or "the new query is not proven to give the same rows", proof.edits

    def followed(self, kind: type[msgspec.Struct], field: Field, old: str) -> str:
        """SQL as it was, with what has moved under its new name; what a source asks of its store has no such names."""
        if not self.moves or kind is model.Location:
            return old
        if field.name == "query":
            return retabled(old, self.moves, self.dialects.new)
        return retabled_expression(old, self.moves, self.dialects.new)

    def members(
        self,
        pointer: str,
        kind: type[msgspec.Struct],
        field: Field,
        part: type[msgspec.Struct],
        old: list[Document],
        new: list[Document],
    ) -> Iterator[Reason]:
        if kind is model.ServiceItem and not (old and new):
            yield _whole_view(pointer, old, new)
            return
        before, after = _keyed(part, old), _keyed(part, new)
        noun = _noun(kind, part)
        recast = _recast(part, old, new)
        for key, (index, item) in before.items():
            if key not in after:
                text = recast.get(
                    str(item.get("view")), f"{noun} {called(part, item)} is no longer there for those who read it"
                )
                yield _member(f"{pointer}/{index}", ChangeClass.INTERFACE_BREAK, text, old=item)
        kept = [key for key in before if key in after]
        if kept != [key for key in after if key in before]:
            text = f"the order of {field.name} changes, and with it how ties are broken and rows laid out"
            yield _member(pointer, ChangeClass.VALUE_CHANGE, text)
        grown = list(after)[len(kept) :] if list(after)[: len(kept)] == kept else None
        for key, (index, item) in after.items():
            here = f"{pointer}/{index}"
            if key in before:
                yield from self.struct(here, part, before[key][1], item)
            elif item.get("view") not in recast:
                yield _gain(here, kind, field, part, item, at_end=grown is not None)


def _leaf(pointer: str, kind: type[msgspec.Struct], field: Field, old: Json, new: Json) -> Iterator[Reason]:
    if field.pairs:
        old, new = dict(old or ()), dict(new or ())  # type: ignore[call-overload]
    elif field.name == "protect":
        old, new = sorted(old or ()), sorted(new or ())  # type: ignore[call-overload]
    if old == new:
        return
    old, new = _shown(field, old), _shown(field, new)
    found, text = _OF_ROLE[field.role], _consequence(kind, field)
    if field.name == "online" and new:
        found, text = ChangeClass.ADDITIVE, "the view gains an online table; nothing that exists changes"
    if field.name == "labels" and list(new)[: len(old)] == list(old):  # type: ignore[call-overload,arg-type]
        found, text = ChangeClass.ADDITIVE, "the training set gains a label; its other columns stay as they are"
    rows = found.rank >= ChangeClass.VALUE_CHANGE.rank and field.name not in _ROWS_STAY
    yield Reason(pointer=pointer, change_class=found, text=text, old=old, new=new, rows=rows)


_ROWS_STAY = frozenset({"ttl", "max_age", "online"})
"""Fields that decide what is read from stored rows, not what the rows hold."""


def _shown(field: Field, value: Json) -> Json:
    if value is not None or field.default is None:
        return value
    default = field.default
    if isinstance(default, tuple):
        return {} if field.pairs else []
    return default if isinstance(default, str | int | float) else str(default)


def _consequence(kind: type[msgspec.Struct], field: Field) -> str:
    return CONSEQUENCES.get((kind, field.name)) or CONSEQUENCES.get((None, field.name)) or DEFAULTS[field.role]


def _whole_view(pointer: str, old: list[Document], new: list[Document]) -> Reason:
    """A service item that takes all of a view's features lists none of them."""
    if new:
        text = "the service took all features of the view and now names some: the others are gone from it"
        return _member(pointer, ChangeClass.INTERFACE_BREAK, text, new=new)
    text = "the service named features and now takes all of the view's, in the view's order"
    return _member(pointer, ChangeClass.VALUE_CHANGE, text, old=old)


def _gain(
    pointer: str, kind: type[msgspec.Struct], field: Field, part: type[msgspec.Struct], item: Document, *, at_end: bool
) -> Reason:
    noun = f"{_noun(kind, part)} {called(part, item)}"
    if kind is model.Entity:
        text = f"{noun} makes every key longer: stored rows and spines no longer match"
        return _member(pointer, ChangeClass.INTERFACE_BREAK, text, new=item)
    if at_end or kind is model.DataSource:
        return _member(pointer, ChangeClass.ADDITIVE, f"{noun} is new; what was there stays as it is", new=item)
    text = f"{noun} is new and not the last of {field.name}, so that their order changes: add it at the end"
    return _member(pointer, ChangeClass.VALUE_CHANGE, text, new=item)


def _member(pointer: str, found: ChangeClass, text: str, *, old: Json = None, new: Json = None) -> Reason:
    rows = found.rank >= ChangeClass.VALUE_CHANGE.rank
    return Reason(pointer=pointer, change_class=found, text=text, old=old, new=new, rows=rows)


_NOUNS: Mapping[type[msgspec.Struct], str] = {
    model.Column: "column",
    model.Expression: "feature",
    model.FeatureRef: "feature",
    model.ServiceItem: "view",
    model.Window: "window",
    model.Aggregation: "aggregation",
}


def _noun(kind: type[msgspec.Struct], part: type[msgspec.Struct]) -> str:
    return "feature" if part is model.Column and issubclass(kind, model.FeatureView) else _NOUNS[part]


def called(part: type[msgspec.Struct], item: Document) -> str:
    """The name that tells one member of a list from the others."""
    if part is model.ServiceItem:
        return f"{item['view']} as {item['alias']}" if "alias" in item else str(item["view"])
    if part is model.Window:
        length = item.get("length") or "lifetime"
        return str(item.get("name") or (f"{length}_offset_{item['offset']}" if "offset" in item else length))
    if part is model.Aggregation and not item.get("name"):
        return f"{item['column']}_{item['function']}" if "column" in item else str(item["function"])
    return str(item["name"])


def _recast(part: type[msgspec.Struct], old: list[Document], new: list[Document]) -> Mapping[str, str]:
    """View -> what is said of it, for each view that a service reads once, before and after, in another role."""
    if part is not model.ServiceItem:
        return {}
    was, now = ({i["view"]: i.get("alias", i["view"]) for i in side} for side in (old, new))
    seen = Counter(i["view"] for i in (*old, *new))
    return {
        view: f"columns called {role}__... are called {now[view]}__... now; the role {role} keeps their names"
        for view, role in was.items()
        if seen[view] == 2 and now.get(view, role) != role
    }


def _keyed(part: type[msgspec.Struct], items: list[Document]) -> dict[tuple[str, int], tuple[int, Document]]:
    """Members by name, with a count where a name comes twice, and their place in the list."""
    seen: Counter[str] = Counter()
    made = {}
    for index, item in enumerate(items):
        name = called(part, item)
        if part is model.Aggregation:
            item = item | {"name": name}
        made[name, seen[name]] = (index, item)
        seen[name] += 1
    return made
