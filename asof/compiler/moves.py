"""Objects that go by another name: ``moved_from`` resolved, and old references read under new names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.check.rules import IDLE_MOVE
from asof.compiler.classify import ChangeClass, Reason
from asof.compiler.diagnostics import rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.fingerprint import Document
    from asof.compiler.model import AnyDefinition, Json, Repo
    from asof.compiler.state import State

BAD_MOVE = rule("AS604", "a move cannot be carried out")

_ROWS = ("data_source", "feature_view", "stream_feature_view", "on_demand_feature_view")
_VIEWS = _ROWS[1:]


def origin_of(definition: AnyDefinition) -> str:
    """The address that ``definition`` says it had before ("" if it says nothing)."""
    before = definition.moved_from
    return before if not before or "/" in before else f"{definition.address.partition('/')[0]}/{before}"


def moves_of(repo: Repo, state: State) -> Mapping[str, str]:
    """Old address -> new address, for each move that is still to be made and can be made."""
    made: dict[str, str] = {}
    for address, definition in repo.definitions.items():
        before = origin_of(definition)
        if before and _due(before, address, state) and not _problem(before, address, repo) and before not in made:
            made[before] = address
    return made


def impossible_moves(repo: Repo, state: State) -> tuple[Diagnostic, ...]:
    """AS604 for each ``moved_from`` that is due and contradicts the rest of the repo."""
    found = []
    taken: dict[str, str] = {}
    for address, definition in repo.definitions.items():
        before = origin_of(definition)
        if not before or not _due(before, address, state):
            continue
        problem = _problem(before, address, repo)
        if not problem and before in taken:
            problem = f"{taken[before]} says that it was {before} as well"
        taken.setdefault(before, address)
        if problem:
            origin = repo.origins.get(address)
            span = origin.value("moved_from") if origin else NOWHERE
            found.append(BAD_MOVE.at(span, f"{address} cannot take over {before}: {problem}", address=address))
    return tuple(found)


def idle_moves(repo: Repo, state: State) -> tuple[Diagnostic, ...]:
    """AS655 for each ``moved_from`` that does nothing: the object is there already.

    Where another target may still have to make the move, only what would otherwise be lost is worth a word.
    """
    found = []
    for address, definition in repo.definitions.items():
        before = origin_of(definition)
        if not before or address not in state.objects or address in repo.others:
            continue
        if before in state.objects and before not in repo.definitions:
            said = f"{address} exists already and takes nothing over: {before} is deleted, not moved"
        elif before not in state.objects and len(repo.project.targets) == 1:
            said = f"moved_from of {address} can go: what it was before is there no more"
        else:
            continue
        origin = repo.origins.get(address)
        found.append(IDLE_MOVE.at(origin.key("moved_from") if origin else NOWHERE, said, address=address))
    return tuple(found)


def _due(before: str, address: str, state: State) -> bool:
    return before in state.objects and address not in state.objects


def _problem(before: str, address: str, repo: Repo) -> str:
    if before in repo.definitions:
        return f"{before} is still defined"
    if before.partition("/")[0] != address.partition("/")[0]:
        return "a move cannot change the kind of an object"
    return ""


def renamed(document: Document, moves: Mapping[str, str]) -> tuple[Document, tuple[Reason, ...]]:
    """``document`` with each moved object under its new name, and a reason for each place that followed.

    Names inside SQL stay as they are: ``row_names`` tells under which names they are to be read.
    """
    if not moves:
        return document, ()
    rename = _Rename(moves)
    made: Document = {field: rename.value(f"/{field}", (field,), value) for field, value in document.items()}
    if document.get("full_feature_names"):
        made["features"] = [_in_its_role(*pair) for pair in zip(document["features"], made["features"], strict=True)]
    return made, rename.reasons


def _in_its_role(was: Document, now: Document) -> Document:
    """An item of a service whose columns go by its views' names: under a new name it had the old one for a role."""
    return now if now["view"] == was["view"] else {"alias": was["view"], **now}


def row_names(moves: Mapping[str, str]) -> Mapping[str, str]:
    """Old name -> new name of everything moved that SQL may read."""
    return {old.partition("/")[2]: new.partition("/")[2] for old, new in moves.items() if old.startswith(_ROWS)}


_REFERENCES: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("entities", "*"): ("entity",),
    ("source",): _ROWS,
    ("stream",): ("data_source",),
    ("sources", "*"): _ROWS,
    ("batch_source",): ("data_source",),
    ("features", "*", "view"): _VIEWS,
    ("service",): ("feature_service",),
    ("view",): _VIEWS,
    ("spine", "source"): _ROWS,
    ("given", "*", "*"): _ROWS,
}
"""Where definitions name others, and what kinds of address the name can belong to."""


class _Rename:
    def __init__(self, moves: Mapping[str, str]) -> None:
        self.moves = moves
        self.reasons: tuple[Reason, ...] = ()

    def value(self, pointer: str, path: tuple[str, ...], value: Json) -> Json:
        if isinstance(value, dict):
            return {key: self.value(f"{pointer}/{key}", (*path, key), inner) for key, inner in value.items()}
        if isinstance(value, list) and len(path) < _DEEPEST:
            return [self.value(f"{pointer}/{at}", (*path, "*"), inner) for at, inner in enumerate(value)]
        if isinstance(value, str) and path in _REFERENCES:
            return self.name(pointer, _REFERENCES[path], value)
        return value

    def name(self, pointer: str, kinds: tuple[str, ...], name: str) -> str:
        for kind in kinds:
            moved = self.moves.get(f"{kind}/{name}")
            if moved is not None:
                new = moved.partition("/")[2]
                text = f"follows the move of {kind}/{name}"
                found = Reason(pointer=pointer, change_class=ChangeClass.IDENTITY, text=text, old=name, new=new)
                self.reasons = (*self.reasons, found)
                return new
        return name


_DEEPEST = max(map(len, _REFERENCES))
