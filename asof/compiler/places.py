"""Where in the files a change was written: the model's pointers back to YAML, by name and by span.

Positions are no part of a plan. They are found when a plan is shown beside the repo it was made from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asof.compiler.classify import called
from asof.compiler.fingerprint import STRUCTS, fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.classify import Reason
    from asof.compiler.diff import Change
    from asof.compiler.fingerprint import Document
    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.source import Origin, Pointer, Span

_FLAT = ("timing", "location", "stream")
"""Structs of the model whose fields stand at the top of the file."""
_WRITTEN = {"alias": "as"}


def written(pointer: str) -> Pointer:
    """A pointer into the model as one into the file: ``/timing/delay`` -> ``("delay",)``."""
    steps = [int(step) if step.isdigit() else step for step in pointer.split("/")[1:]]
    if len(steps) > 1 and steps[0] in _FLAT:
        steps = steps[1:]
    return tuple(_WRITTEN.get(step, step) if isinstance(step, str) else step for step in steps)


def spelt(change: Change, reason: Reason, after: Document | None) -> str:
    """The field of a reason for people, members by their names: ``aggregations.orders.windows``.

    ``after`` is the new definition. A member that comes or goes is named by the reason's own text.
    """
    document = change.before if reason.new is None and reason.old is not None else after
    steps = reason.pointer.split("/")[1:]
    if _is_member(reason):
        steps = steps[:-1]
    names = _names(document, steps) if document else steps
    if len(names) > 1 and names[0] in _FLAT:
        names = names[1:]
    return ".".join(_WRITTEN.get(name, name) for name in names)


def places(repo: Repo, made: Plan) -> Mapping[str, Span]:
    """Where each change was written, by address; "" is the settings.

    A definition that is gone was written nowhere; asof.yaml stands for it.
    """
    project = repo.origins.get("")
    found = {}
    for change in made.changes:
        origin = repo.origins.get(change.address)
        if origin is not None:
            found[change.address] = _place(origin, change)
        elif project is not None:
            found[change.address] = project.key("project")
    if project is not None:
        setting = made.settings_changes[0].pointer.strip("/") if made.settings_changes else ""
        pointer = ("sql_dialect",) if setting == "sql_dialect" else ("targets", made.target, setting)
        found[""] = project.key(*pointer)
        for block in (*made.blocked, *made.warnings):
            own = repo.origins.get(block.address) if block.address else None
            found.setdefault(block.address, own.value("name") if own is not None else project.key("project"))
    return found


def _place(origin: Origin, change: Change) -> Span:
    own = [reason for reason in change.reasons if not reason.upstream and reason.pointer]
    if not own:
        return origin.value("name")
    worst = max(own, key=lambda reason: reason.change_class.rank)
    pointer = written(worst.pointer)
    if _is_member(worst) and worst.new is None:
        pointer = pointer[:-1]
    while pointer and origin.key(*pointer) == origin.key():
        pointer = pointer[:-1]
    return origin.key(*pointer) if pointer else origin.value("name")


def _is_member(reason: Reason) -> bool:
    """Whether the reason is one member of a list that comes or goes."""
    return reason.pointer.rpartition("/")[2].isdigit() and (reason.old is None) != (reason.new is None)


def _names(document: Document, steps: list[str]) -> list[str]:
    """The steps, where those into a list of structs are the members' names."""
    kind: Any = STRUCTS.get(document.get("kind", ""))
    value: Any = document
    names = []
    for step in steps:
        if kind is not None and isinstance(value, list) and step.isdigit():
            value = value[int(step)] if int(step) < len(value) else None
            names.append(called(kind, value) if isinstance(value, dict) else step)
            continue
        if kind is None:  # inside of a plain value, which has no members with names
            break
        field = next((f for f in fields_of(kind) if f.name == step), None)
        kind = field.part if field is not None else None
        value = value.get(step) if isinstance(value, dict) else None
        names.append(step)
    return names
