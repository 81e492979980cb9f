"""What really stands in the stores, compared with what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.infrastructure import OFFLINE_VIEW, ONLINE_TABLE
from asof.compiler.state import Resource
from asof.online.base import whose
from asof.ops import offline_views

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from asof.compiler.model import Store
    from asof.compiler.state import Owed
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore

MISSING = "missing"
DIFFERS = "differs"
BROKEN = "broken"
FOREIGN = "foreign"
ORPHAN = "orphan"
STRANGER = "stranger"
UNKNOWN = "unknown"
OWED = "owed"


class Drifted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that is not as recorded. ``resource`` is what is recorded, or what an orphan is.

    ``found`` is one of

    - missing: nothing has the name
    - differs: it has another row layout or another query
    - broken: an offline view whose query the store refuses by now
    - foreign: what has the name was not made by this registry
    - orphan: this registry made it, and no generation knows of it (``address`` is what it was made for)
    - stranger: another registry of this project made it (the mark of ``resource`` is its whole owner mark)
    - unknown: it bears the project's name and no owner mark, and no generation knows of it (``address`` is empty)
    - owed: a step of an earlier apply that the store has refused so far
    """

    found: str
    id: str
    address: str
    store: str
    said: str
    resource: Resource | None = None


def online_drift(
    store: OnlineStore, project: str, recorded: Sequence[Resource], settings: Store, lineage: str
) -> Iterator[Drifted]:
    """The online tables of one store with these ``settings``, against those recorded there."""
    standing = {table.name: table for table in store.observe(project)}
    absent = [resource.name for resource in recorded if resource.name not in standing]
    others = {table.name: table for table in store.observe(project, absent)} if absent else {}
    for resource in recorded:
        table = standing.pop(resource.name, others.get(resource.name))
        if table is None:
            yield _drifted(MISSING, resource, "the table is gone")
        elif table.project != project or table.owner != resource.owner(lineage):
            yield _drifted(FOREIGN, resource, f"what has its name {whose(table, project)}")
        elif (table.keys, table.features) != (resource.keys, resource.features):
            has = ", ".join(f"{f.name} {f.type}" for f in (*table.keys, *table.features))
            yield _drifted(DIFFERS, resource, f"its rows hold {has}" if has else "its catalogue row is damaged")
    for table in standing.values():
        stray = Resource(kind=ONLINE_TABLE, name=table.name, address="", store=settings)
        yield from _beyond(stray, table.owner, lineage)


def offline_drift(
    engine: Engine, project: str, recorded: Sequence[Resource], settings: Store, lineage: str, *, definitions: bool
) -> Iterator[Drifted]:
    """The offline views of one store; ``definitions``: their queries as well, not only that they are there."""
    if not offline_views.catalogued(engine):
        yield from (_drifted(MISSING, r, "the view is gone") for r in recorded if not _answers(engine, r))
        return
    standing = dict(offline_views.relations(engine, project))
    for resource in recorded:
        relation = standing.pop(resource.name, None)
        if relation is None:
            yield _drifted(MISSING, resource, "the view is gone")
        elif not offline_views.ours(relation, resource, lineage):
            yield _drifted(FOREIGN, resource, f"a {relation.kind} that this registry did not make has its name")
        elif definitions:
            yield from _query_drift(engine, resource)
    for name, relation in standing.items():
        if relation.kind == "view":
            stray = Resource(kind=OFFLINE_VIEW, name=name, address="", store=settings)
            yield from _beyond(stray, relation.owner, lineage)


def owed_drift(owed: Sequence[Owed]) -> Iterator[Drifted]:
    """What stores owe of earlier applies."""
    for debt in owed:
        said = f"to be {'dropped' if debt.action == 'drop' else 'restored'} since {debt.since}: {debt.why}"
        yield _drifted(OWED, debt.resource, said)


def _beyond(stray: Resource, owner: str, lineage: str) -> Iterator[Drifted]:
    """What no generation knows: ours, nobody's, or another registry's."""
    registry, _, mark = owner.partition("/")
    if not owner:
        yield _drifted(UNKNOWN, stray, "no generation knows of it")
    elif registry == lineage:
        known = msgspec.structs.replace(stray, address=mark.rpartition("@")[0], mark=mark)
        yield _drifted(ORPHAN, known, "this registry made it and no generation knows of it")
    else:
        said = f"the registry {registry[:12]} made it for {mark}"
        yield _drifted(STRANGER, msgspec.structs.replace(stray, mark=owner), said)


def _query_drift(engine: Engine, resource: Resource) -> Iterator[Drifted]:
    try:
        expected, standing = offline_views.texts(engine, resource)
    except DiagnosticError as error:
        yield _drifted(BROKEN, resource, f"the store refuses its query: {error}")
        return
    if expected != standing:
        yield _drifted(DIFFERS, resource, "its query is another one")


def _answers(engine: Engine, resource: Resource) -> bool:
    """Whether a recorded view answers, for engines whose catalog is not read."""
    try:
        engine.columns(offline_views.quoted(resource.name))
    except DiagnosticError:
        return False
    return True


def matters(found: Collection[Drifted], ids: Collection[str]) -> tuple[Drifted, ...]:
    """The drift of what a plan reads, changes or removes."""
    return tuple(drifted for drifted in found if drifted.id in ids)


def _drifted(found: str, resource: Resource, said: str) -> Drifted:
    return Drifted(
        found=found,
        id=resource.id,
        address=resource.address,
        store=resource.store.type,
        said=said,
        resource=resource,
    )
