"""Before an apply begins: can every step of its plan be carried out by the stores as they are now?

Nothing is changed. A view is made and taken back within one transaction of its store; of a table it is looked up what
stands under its name. Whatever fails here would have failed half way, with a generation that readers already see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.infrastructure import ONLINE_TABLE, Phase
from asof.compiler.source import NOWHERE
from asof.online.base import whose
from asof.ops import offline_views

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Store
    from asof.compiler.state import Resource
    from asof.engines.base import Engine
    from asof.online.base import OnlineStore, OnlineTable

CANNOT_DO = rule("AS620", "a store refuses a step of the plan")
NOT_AS_RECORDED = rule("AS621", "a store holds something else than the plan starts from")


class Stores(Protocol):
    """What a rehearsal needs of the stores."""

    project: str
    lineage: str

    def must_be_ours(self, resource: Resource) -> None: ...

    def table(self, resource: Resource) -> OnlineTable: ...

    def relation(self, resource: Resource) -> offline_views.Relation | None: ...

    def engine(self, store: Store) -> Engine: ...

    def online_store(self, store: Store) -> OnlineStore: ...


def rehearse(steps: Sequence[Step], stores: Stores) -> tuple[str, ...]:
    """Notes on what is otherwise than the steps take for granted. Raises DiagnosticError (AS620, AS621, AS640, AS641).

    A store that cannot be reached is no obstacle to a drop: what cannot be dropped is owed.
    """
    notes: list[str] = []
    obstacles: list[Diagnostic] = []
    ahead = [step for step in steps if step.phase is not Phase.COMMIT and step.action != "leave"]
    # A store that is not the target's is not opened, not even to look.
    refused = {step.id: refusals for step in ahead if (refusals := _elsewhere(step, stores))}
    obstacles += [refusal for refusals in refused.values() for refusal in refusals]
    ahead = [step for step in ahead if step.id not in refused]
    for store in dict.fromkeys(step.resource.store for step in ahead if step.resource.kind == ONLINE_TABLE):
        ours = [s for s in ahead if s.resource.kind == ONLINE_TABLE and s.resource.store == store]
        _collect(_tables(ours, store, stores), notes, obstacles)
    for step in ahead:
        if step.resource.kind != ONLINE_TABLE:
            _collect(_view(step, stores), notes, obstacles)
    if obstacles:
        raise DiagnosticError(*obstacles)
    return tuple(notes)


def filled(tables: Sequence[Resource], stores: Stores) -> tuple[Resource, ...]:
    """Those of ``tables`` that stand in their stores, are this registry's and hold rows.

    A store that does not answer shows nothing: what is to be dropped there is owed.
    """
    found: list[Resource] = []
    for resource in tables:
        try:
            store = stores.online_store(resource.store)
            standing = store.observe(stores.project, [resource.name])
            if any(stores.table(resource).may_drop(t) for t in standing) and store.holds_rows(resource.name):
                found.append(resource)
        except DiagnosticError:
            continue
    return tuple(found)


def _elsewhere(step: Step, stores: Stores) -> tuple[Diagnostic, ...]:
    """The refusal to make something in a store that is not the target's; what is dropped may stand anywhere."""
    if step.action == "drop":
        return ()
    return tuple(_refusals(step, lambda: stores.must_be_ours(step.resource)))


def _collect(outcomes: Iterable[str | Diagnostic], notes: list[str], obstacles: list[Diagnostic]) -> None:
    for outcome in outcomes:
        if isinstance(outcome, str):
            notes.append(outcome)
        else:
            obstacles.append(outcome)


def _tables(steps: Sequence[Step], store: Store, stores: Stores) -> Iterator[str | Diagnostic]:
    """Notes and obstacles of the online tables of one store."""
    try:
        names = [step.resource.name for step in steps]
        standing = {table.name: table for table in stores.online_store(store).observe(stores.project, names)}
    except DiagnosticError as error:
        for step in steps:
            yield from _unreachable(step, error)
        return
    for step in steps:
        yield from _table(step, standing, stores)


def _table(step: Step, standing: Mapping[str, OnlineTable], stores: Stores) -> Iterator[str | Diagnostic]:
    resource = step.resource
    table = standing.get(resource.name)
    wanted = stores.table(resource)
    if step.action == "drop":
        if table is not None and not wanted.may_drop(table):
            yield f"{resource.id} {whose(table, stores.project)}: it is left alone"
        return
    if table is None:
        if step.action == "alter":
            yield f"{resource.id} is gone from its store: it is made anew and starts empty"
    elif not table.owned_like(wanted):
        yield _otherwise(step, f"a table of its name is there, which {whose(table, stores.project)}")
    elif not (table.extends(wanted) if step.action == "create" else wanted.alters(table)):
        has = ", ".join(f"{f.name} {f.type}" for f in (*table.keys, *table.features)) or "what nobody can read"
        yield _otherwise(step, f"its rows hold {has}")


def _view(step: Step, stores: Stores) -> Iterator[str | Diagnostic]:
    """Notes and obstacles of one offline view."""
    resource = step.resource
    try:
        relation = stores.relation(resource)
        engine = stores.engine(resource.store)
    except DiagnosticError as error:
        yield from _unreachable(step, error)
        return
    foreign = relation is not None and not offline_views.ours(relation, resource, stores.lineage)
    if step.action == "drop":
        if foreign:
            yield f"{resource.id} is not a view of this registry any more: it is left alone"
        elif relation is not None:
            yield from _refusals(step, lambda: offline_views.try_removal(engine, resource))
        return
    if relation is not None and foreign:
        yield _otherwise(step, str(offline_views.taken(resource, relation)))
        return
    yield from _refusals(step, lambda: _try_out(stores, engine, resource))


def _try_out(stores: Stores, engine: Engine, resource: Resource) -> None:
    offline_views.must_be_one_query(resource)
    offline_views.try_out(engine, resource, stores.lineage)


def _refusals(step: Step, act: Callable[[], None]) -> Iterator[Diagnostic]:
    """What speaks against a step when its effect is tried."""
    try:
        act()
    except DiagnosticError as error:
        if error.code in _PLAIN:
            yield error.diagnostics[0]
        else:
            yield _impossible(step, error)


def _unreachable(step: Step, error: DiagnosticError) -> Iterator[str | Diagnostic]:
    if step.action == "drop":
        yield f"{step.resource.id} cannot be dropped as things stand, and will be owed: {error}"
    else:
        yield _impossible(step, error)


def _impossible(step: Step, error: DiagnosticError) -> Diagnostic:
    resource = step.resource
    first = error.diagnostics[0]
    said = f"{resource.address}: {step.action} {resource.id}: {first.message}"
    return CANNOT_DO.at(NOWHERE, said, address=resource.address, notes=(*first.notes, _NOTHING))


def _otherwise(step: Step, why: str) -> Diagnostic:
    resource = step.resource
    said = f"{resource.address}: {step.action} {resource.id}: {why}"
    return NOT_AS_RECORDED.at(
        NOWHERE, said, address=resource.address, notes=(_IN_THE_WAY if step.action == "create" else _DRIFT, _NOTHING)
    )


_NOTHING = "nothing was changed: registry and stores are as they were"
_IN_THE_WAY = (
    "asof registry repair drops it if this registry made it, and shows whose it is if another did; what asof did "
    "not make it leaves alone: rename or remove that by hand, then apply again"
)
"""Of a name that a new table or view is to have: nothing recorded has drifted, so drift has nothing to repair."""
_DRIFT = "asof drift shows what differs; asof drift --repair or asof registry repair puts it right"
_PLAIN = ("AS640", "AS641")
"""Refusals that say all there is to say."""
