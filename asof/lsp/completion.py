"""What may be written at the cursor: keys, values, names of objects, columns, words of a query."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import RULES, Level
from asof.compiler.model import SLUGS, FeatureTest, FeatureView, OnDemandFeatureView
from asof.compiler.shape import join_keys
from asof.lsp import facts, keys
from asof.lsp.outline import Role, outline
from asof.lsp.slots import Names, slot_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.source import Pointer
    from asof.lsp.keys import Key
    from asof.lsp.outline import Cursor, Outline
    from asof.lsp.slots import Slot

TYPES = (
    *("bool", "int32", "int64", "float32", "float64", "decimal(10,2)", "string", "bytes", "date", "timestamp"),
    *("json", "uuid", "array<string>", "map<string,int64>", "struct<name:string>", "vector<float32,8>"),
)
DURATIONS = ("10m", "1h", "6h", "1d", "7d", "30d", "90d")
_WORD = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One thing to write. ``kind`` is key, value, object, column, table or code; ``text`` what is put in."""

    label: str
    kind: str
    text: str
    detail: str = ""
    documentation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestions:
    """All of them, best first, and the stretch of text that one of them takes the place of."""

    start: int
    end: int
    items: tuple[Suggestion, ...] = ()


def complete(text: str, offset: int, *, is_project: bool, repo: Repo | None) -> Suggestions:
    """What may be written at ``offset``. ``repo`` is the last one that could be built; None where none ever could."""
    document = outline(text, offset)
    cursor = document.cursor
    nothing = Suggestions(start=offset, end=offset)
    if cursor is None or cursor.role is Role.NOTHING:
        return nothing
    kind = kind_of(document, is_project=is_project)
    asked = _Asked(document, cursor, kind, offset, repo)
    if cursor.role is Role.VALUE and asked.slot is not None and asked.slot.names in (Names.QUERY, Names.EXPRESSION):
        return asked.sql()
    items = tuple(dict.fromkeys(asked.keys() if cursor.role is Role.KEY else asked.values()))
    return replace(asked.place(), items=items)


def kind_of(document: Outline, *, is_project: bool) -> str:
    """Which schema judges a document: ``definition`` as long as it does not say a kind."""
    return "project" if is_project else document.kind if document.kind in SLUGS else "definition"


def types_chosen(document: Outline, kind: str) -> Mapping[str, str]:
    """What ``type:`` says, by the path of its map."""
    found = {
        "/".join(map(str, entry.pointer[:-1])): document.text[slice(*entry.value)]
        for entry in document.entries
        if entry.pointer and entry.pointer[-1] == "type"
    }
    return {"": "batch", **found} if kind == "DataSource" else found


@dataclass(slots=True)
class _Asked:
    document: Outline
    cursor: Cursor
    kind: str
    offset: int
    repo: Repo | None

    @property
    def chosen(self) -> Mapping[str, str]:
        return types_chosen(self.document, self.kind)

    @property
    def slot(self) -> Slot | None:
        return slot_at(self.kind, self.cursor.pointer, key=False)

    def place(self) -> Suggestions:
        return Suggestions(start=self.cursor.start, end=max(self.cursor.end, self.offset))

    def keys(self) -> Iterator[Suggestion]:
        pointer = self.cursor.pointer
        word = self.document.text[self.cursor.start : self.cursor.end]
        taken = set(self.document.keys(pointer)) - {word}
        has_colon = not self.cursor.fresh and self._follows(":")
        for key in keys.keys_at(self.kind, pointer, self.chosen):
            if key.name not in taken and (self.kind != "definition" or key.name in _HEAD):
                yield self._key(key, has_colon=has_colon)
        for name, detail in self._named_keys(pointer):
            if name not in taken:
                text = name if has_colon else f"{name}: "
                yield Suggestion(label=name, kind="column", text=text, detail=detail)

    def _key(self, key: Key, *, has_colon: bool) -> Suggestion:
        line = "\n" + " " * (self._column() + 2)
        below = {"array": f"{line}- ", "object": line} if not self.cursor.flow else {"array": " [", "object": " {"}
        if key.name in ("entities", "unique", "labels", "protect") and not self.cursor.flow:
            below = {"array": " "}
        text = key.name if has_colon else f"{key.name}:{below.get(key.shape, ' ')}"
        if key.name == "query" and not has_colon and not self.cursor.flow:
            text = f"query: |{line}"
        detail = "required" if key.required else key.shape.replace("array", "list").replace("object", "map")
        return Suggestion(label=key.name, kind="key", text=text, detail=detail, documentation=described(key))

    def _column(self) -> int:
        """Where keys of the map at the cursor begin."""
        start = self.document.text.rfind("\n", 0, self.cursor.start) + 1
        return self.cursor.start - start

    def _follows(self, mark: str) -> bool:
        return self.document.text[self.cursor.end :].lstrip("\"' \t").startswith(mark)

    def _named_keys(self, pointer: Pointer) -> Iterator[tuple[str, str]]:
        """Keys that are names: sources and columns of a test's rows, join keys, codes to accept."""
        if pointer == ("allow",):
            for code, rule in RULES.items():
                if rule.level is not Level.ERROR:
                    yield code, rule.summary
        slot = slot_at(self.kind, (*pointer, "x"), key=True)
        if slot is None or self.repo is None:
            return
        if slot.names is Names.OBJECT:
            yield from ((d.name, SLUGS[d.kind].replace("_", " ")) for d in facts.objects(self.repo, slot.kinds))
        else:
            yield from self._columns(slot, pointer).items()

    def values(self) -> Iterator[Suggestion]:
        pointer, slot = self.cursor.pointer, self.slot
        dash = "- " if self._needs_dash() else ""
        for made in self._named_values(slot, pointer):
            glued = made.label.endswith(f":{made.text}")
            yield made if glued else replace(made, text=self._spelt(dash + made.text))
        titles = keys.titles_at(self.kind, pointer, self.chosen)
        if slot is None or slot.names in (Names.OWN_NAME,):
            listed: Iterable[str] = keys.values_at(self.kind, pointer, self.chosen)
            if "a type" in titles:
                listed = TYPES
            elif "a duration" in titles or pointer[-2:-1] == ("windows",):
                listed = (*listed, *DURATIONS)
            elif titles & {"a name", "a column name"} or pointer[-1:] == ("description",):
                listed = ()
            for value in dict.fromkeys(listed):
                yield Suggestion(label=value, kind="value", text=self._spelt(dash + value))
        inner = keys.shape_at(self.kind, pointer, self.chosen)
        if self.cursor.fresh and inner == "object" and not self.cursor.flow:
            known = keys.keys_at(self.kind, pointer, self.chosen)
            yield from (self._key(key, has_colon=False) for key in known)
            yield from (
                Suggestion(label=name, kind="column", text=f"{name}: ", detail=detail)
                for name, detail in self._named_keys(pointer)
            )

    def _needs_dash(self) -> bool:
        if self.cursor.dashless:
            return True
        start = self.document.text.rfind("\n", 0, self.cursor.start) + 1
        alone = not self.document.text[start : self.cursor.start].strip()
        shape = keys.shape_at(self.kind, self.cursor.pointer, self.chosen)
        return alone and self.cursor.fresh and not self.cursor.flow and shape == "array"

    def _spelt(self, value: str) -> str:
        """``value`` as it has to be written here: a space after a colon that has none."""
        before = self.document.text[self.cursor.start - 1 : self.cursor.start]
        return f" {value}" if before == ":" and self.cursor.fresh else value

    def _named_values(self, slot: Slot | None, pointer: Pointer) -> Iterator[Suggestion]:
        if self.kind == "definition" and pointer == ("kind",):
            yield from (Suggestion(label=kind, kind="value", text=kind) for kind in SLUGS)
        if self.kind == "FeatureService" and len(pointer) == _OF_ITEM and pointer[0] == "features":
            # `view:` at the end of a line reads as a key; what is wanted is `view:feature`.
            for name, detail in self._features(str(pointer[2])).items():
                yield Suggestion(label=f"{pointer[2]}:{name}", kind="column", text=name, detail=detail)
            return
        if slot is None and self.repo is not None and keys.shape_at(self.kind, pointer, self.chosen) == "array":
            slot, pointer = slot_at(self.kind, (*pointer, 0), key=False), (*pointer, 0)
            bracket = "" if self._needs_dash() or self.cursor.flow else "["
            if slot is not None:
                for made in self._named(slot, pointer):
                    yield replace(made, text=f"{bracket}{made.text}{']' if bracket else ''}")
            return
        if slot is not None and self.repo is not None:
            yield from self._named(slot, pointer)

    def _named(self, slot: Slot, pointer: Pointer) -> Iterator[Suggestion]:
        if self.repo is None:
            return
        if slot.names in (Names.OBJECT, Names.FEATURE_OF):
            own = self.document.scalar("name")
            for found in facts.objects(self.repo, slot.kinds):
                if found.name != own:
                    yield _object(found)
            if slot.names is Names.FEATURE_OF and ":" in self._word():
                view = self._word().split(":")[0]
                for name, kind in self._features(view).items():
                    yield Suggestion(label=f"{view}:{name}", kind="column", text=f"{view}:{name}", detail=kind)
        elif slot.names is Names.ADDRESS:
            for found in self.repo.definitions.values():
                if found.kind == self.kind:
                    yield replace(_object(found), label=found.address, text=found.address)
        elif slot.names is not Names.OWN_NAME:
            for name, kind in self._columns(slot, pointer).items():
                yield Suggestion(label=name, kind="column", text=name, detail=kind)

    def _word(self) -> str:
        return self.document.text[self.cursor.start : self.cursor.end]

    def _features(self, view: str) -> facts.Columns:
        found = self.repo.view(view) if self.repo is not None else None
        return facts.features_of(self.repo, found) if self.repo is not None and found is not None else {}

    def _columns(self, slot: Slot, pointer: Pointer) -> facts.Columns:
        """The columns that a slot may name."""
        if self.repo is None:
            return {}
        match slot.names:
            case Names.READ_COLUMN:
                found = facts.read_columns(self.repo, self.document)
                if pointer[0] == "schema":
                    taken = {self.document.scalar("schema", at, "name") for at in range(_MOST)} - {self._word()}
                    found = {name: kind for name, kind in found.items() if name not in taken}
                return found
            case Names.OWN_COLUMN:
                return facts.own_columns(self.document)
            case Names.GIVEN_COLUMN:
                return facts.rows(self.repo, str(pointer[1]))
            case Names.EXPECTED:
                return self._expected()
            case Names.FEATURE:
                return self._features(self.document.scalar(*pointer[:2], "view"))
            case Names.JOIN_KEY:
                view = self.repo.view(self.document.scalar(*pointer[:2], "view"))
                keys_ = join_keys(self.repo, view) if isinstance(view, FeatureView) else ()
                return {key.name: str(key.type) for key in keys_}
            case _:
                return {}

    def _expected(self) -> facts.Columns:
        if self.repo is None:
            return {}
        service = self.repo.service(self.document.scalar("service"))
        if service is not None:
            return facts.columns_of(self.repo, service)
        view = self.repo.view(self.document.scalar("view"))
        return facts.features_of(self.repo, view) if isinstance(view, FeatureView | OnDemandFeatureView) else {}

    def sql(self) -> Suggestions:
        start, slot = self.offset, self.slot
        while start > self.cursor.start and self.document.text[start - 1] in _WORD:
            start -= 1
        place = Suggestions(start=start, end=self.offset)
        if self.repo is None or slot is None:
            return place
        if slot.names is Names.EXPRESSION:
            found = facts.read_columns(self.repo, self.document)
            items = [Suggestion(label=n, kind="column", text=n, detail=kind) for n, kind in found.items()]
            return replace(place, items=tuple(items))
        text = self.document.text
        words = facts.sql_words(self.repo, text[self.cursor.start : self.cursor.end], text[self.cursor.start : start])
        items = [Suggestion(label=n, kind="column", text=n, detail=kind) for n, kind in words.columns.items()]
        items += [Suggestion(label=name, kind="table", text=name) for name in words.tables]
        return replace(place, items=tuple(items))


_HEAD = ("kind", "name", "description", "owner")
_OF_ITEM = 3
_MOST = 500
"""Features of one view that are looked through for names that are taken."""


def _object(found: AnyDefinition) -> Suggestion:
    detail = SLUGS[found.kind].replace("_", " ") + (f", {found.owner}" if found.owner else "")
    return Suggestion(
        label=found.name,
        kind="object" if not isinstance(found, FeatureTest) else "value",
        text=found.name,
        detail=detail,
        documentation=found.description,
    )


def described(key: Key) -> str:
    """The words of the schema on a key, as Markdown."""
    lines = [key.description]
    if key.values:
        lines.append("One of " + ", ".join(f"`{value}`" for value in key.values) + ".")
    if key.default is not None:
        lines.append(f"Default: `{_plain(key.default)}`.")
    if isinstance(key.example, str | int | float) and not key.values:
        lines.append(f"For example `{_plain(key.example)}`.")
    return "\n\n".join(line for line in lines if line)


def _plain(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value).replace("\n", " ").strip()
