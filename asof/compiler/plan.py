"""A plan: everything that apply will do, as a value, a file and a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from asof.compiler.approvals import Approval, approvals
from asof.compiler.canonical import sha256_hex
from asof.compiler.check.rules import NOBODY
from asof.compiler.check.targets import refusals
from asof.compiler.classify import ChangeClass, Reason
from asof.compiler.diagnostics import DiagnosticError, Level, rule
from asof.compiler.dialects import STORES, of_store
from asof.compiler.diff import Action, Change, diff
from asof.compiler.fingerprint import BUILDER_VERSION
from asof.compiler.guards import Blocked, guarded, permitted
from asof.compiler.infrastructure import OFFLINE_VIEW, Phase, Step, lay_out
from asof.compiler.materialize import view_query
from asof.compiler.ownership import with_others
from asof.compiler.policies import Freeze, Warned, accepted, freezes, judge, order
from asof.compiler.source import NOWHERE
from asof.compiler.state import Owed, Recorded, Resource, Settings, State, encode, settings_of
from asof.compiler.store_options import same_place
from asof.compiler.trust import flaw, relying_on
from asof.version import __version__

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.diff import Difference
    from asof.compiler.infrastructure import Layout
    from asof.compiler.model import FeatureView, Repo, Target

B = TypeVar("B", bound=Blocked)
PLAN_FORMAT = 2

UNREADABLE_PLAN = rule("AS606", "plan file cannot be read")
NEWER_PLAN = rule("AS607", "plan file was written by a newer asof")
OWED = rule("AS624", "a store owes a step of an earlier apply", Level.WARNING)
OTHER_REGISTRY = rule("AS610", "registry belongs to another project or target")


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """The generation that a plan starts from; serial 0 is an empty registry. ``settings`` is their token."""

    lineage: str
    serial: int
    generation: str
    settings: str


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """What made the plan: another asof may mean something else by the same definitions."""

    asof: str
    builder: int


class Fill(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was loaded into an online table that a plan drops: readers find nothing until its view is filled again.

    ``rows`` were stored as of the instant ``as_of`` (ISO 8601); it took ``seconds``, where that is known.
    """

    address: str
    table: str
    as_of: str
    rows: int
    seconds: float | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What turns one generation of a registry into the next, decided before anything is touched.

    ``read_set`` holds what the plan depends on: address -> token of what was recorded there ("" is
    nothing). ``objects`` is what is to be recorded, None where an object goes. ``resources_before`` are the
    tables and views that the plan starts from and changes, as they are recorded, ``resources_after`` what is
    to be recorded in their place: of each kind and view of these two the registry has to hold just the first
    when the plan is applied. ``settings_changes`` are edits of asof.yaml that readers of the registry notice.
    ``owed`` is what stores owe of earlier applies, and ``fills`` what was loaded into tables that this plan drops.
    ``effect`` is the SHA-256 of all but base, read set, tool and what is owed: two plans with one effect do the same.
    """

    format: int
    project: str
    target: str
    base: Base
    tool: Tool
    effect: str = ""
    read_set: dict[str, str] = {}
    changes: tuple[Change, ...] = ()
    settings_changes: tuple[Reason, ...] = ()
    blocked: tuple[Blocked, ...] = ()
    warnings: tuple[Warned, ...] = ()
    approvals: tuple[Approval, ...] = ()
    policies: dict[str, str] = {}
    """The house rules that spoke, and how severe a breach is: those of asof.yaml, and those in files."""
    freezes: tuple[Freeze, ...] = ()
    """When it must not be applied, as far as asof.yaml says; whether it is such a time is for whoever applies it."""
    allowed: tuple[str, ...] = ()
    steps: tuple[Step, ...] = ()
    objects: dict[str, Recorded | None] = {}
    resources_before: tuple[Resource, ...] = ()
    resources_after: tuple[Resource, ...] = ()
    fills: tuple[Fill, ...] = ()
    owed: tuple[Owed, ...] = ()
    others: int = 0
    """Objects of other repos in the registry, which this plan leaves as they are."""
    settings: Settings

    @property
    def empty(self) -> bool:
        """Whether there is nothing to apply."""
        return not (self.changes or self.settings_changes or self.objects or len(self.steps) > 0)

    @property
    def counts(self) -> Mapping[ChangeClass, int]:
        """How many changes there are of each class, worst first; classes without any are left out."""
        found = [change.change_class for change in self.changes]
        return {cls: found.count(cls) for cls in reversed(ChangeClass) if cls in found}


def plan(
    repo: Repo,
    state: State,
    *,
    target: str = "",
    allow_destroy: Collection[str] = (),
    moves: Mapping[str, str] | None = None,
) -> Plan:
    """What apply has to do so that ``state`` becomes ``repo`` in ``target`` ("" is the default target).

    Pure: equal arguments give an equal plan, to the byte. ``repo`` has passed the checks; ``allow_destroy``
    names the addresses that may be deleted, or patterns of them. ``moves`` are renames that the definitions do not
    say themselves, old address -> new address. Raises KeyError for a target that asof.yaml does not have,
    DiagnosticError (AS610) for the registry of another project or target.
    """
    repo = with_others(repo, state)
    settings = settings_of(repo, target)
    chosen = repo.project.target(target)
    name = chosen.name if chosen else target
    if state.serial and (state.project, state.target) != (repo.project.project, name):
        message = f"it holds {state.project}, target {state.target}; this is {repo.project.project}, target {name}"
        raise DiagnosticError(OTHER_REGISTRY.at(NOWHERE, message))
    with relying_on(state):
        found = diff(repo, state, target=name, moves=moves or {})
        return _plan(repo, state, settings, found, allow_destroy)


def _plan(repo: Repo, state: State, settings: Settings, found: Difference, allow_destroy: Collection[str]) -> Plan:
    name = found.target
    chosen = repo.project.target(name)
    layout = lay_out(found, lambda of, view: view_sql(of, view, name))
    served = frozenset(resource.address for resource in layout.resources if resource.kind == "online_table")
    changes = tuple(_priced(change, layout, served) for change in found.changes.values())
    edited = _settings_changes(state.settings, settings)
    objects = _objects(found)
    judged = judge(found)
    asked, unowned = approvals(found, settings_change=bool(edited))
    classes = (*(c.change_class for c in changes), *([ChangeClass.VALUE_CHANGE] if edited else ()))
    made = Plan(
        format=PLAN_FORMAT,
        project=repo.project.project,
        target=name,
        base=base_of(state),
        tool=Tool(asof=__version__, builder=BUILDER_VERSION),
        read_set=_read_set(found, changes, objects),
        changes=changes,
        settings_changes=edited,
        blocked=in_order((*guarded(found, layout, frozenset(allow_destroy)), *judged.blocked)),
        warnings=in_order(
            (
                *judged.warnings,
                *(_unowned(a) for a in unowned if NOBODY.code not in accepted(found, a)),
                *(_owed(debt) for debt in state.owed),
                *(
                    _refused(d)
                    for d in (_refusals(chosen, layout) if chosen and (changes or edited or objects) else ())
                ),
            )
        ),
        approvals=asked,
        policies={p.rule: severity for p in repo.project.policies if (severity := p.severity_in(name)) != "off"},
        freezes=freezes(found.repo.project, name, classes) if classes else (),
        allowed=tuple(sorted(c.address for c in changes if permitted(c.address, allow_destroy))),
        steps=_steps(layout, bool(changes or edited or objects), state.serial + 1),
        objects=objects,
        resources_before=layout.before,
        resources_after=layout.after,
        owed=state.owed,
        others=len(repo.others - found.changes.keys()),
        settings=settings,
    )
    return msgspec.structs.replace(made, effect=effect_of(made))


def _unowned(address: str) -> Warned:
    said = f"{address} needs an approval, and nobody answers for it"
    return Warned(
        address=address, code=NOBODY.code, message=said, remedy="add owner, or a line for it to the owners file"
    )


def _refusals(target: Target | None, layout: Layout) -> tuple[Diagnostic, ...]:
    if target is None:
        return ()
    steps = (*layout.expand, *layout.contract)
    return refusals(target, views=any(s.after is not None and s.after.kind == OFFLINE_VIEW for s in steps))


def _owed(debt: Owed) -> Warned:
    resource = debt.resource
    message = f"{debt.action} {resource.id} in {resource.store.type} is owed since {debt.since}: {debt.why}"
    remedy = f"asof apply tries it again; asof registry forgive {resource.address} --reason WHY gives it up"
    return Warned(address=resource.address, code=OWED.code, message=message, remedy=remedy)


def _refused(found: Diagnostic) -> Warned:
    """What apply will refuse, said while the plan is reviewed."""
    remedy = "name a store that is supported; `online` may be left out of the target for now"
    return Warned(address="", code=found.code, message=found.message, remedy=remedy)


def with_breaches(
    made: Plan, policies: Mapping[str, str], blocked: Collection[Blocked], warnings: Collection[Warned]
) -> Plan:
    """``made`` judged by more ``policies`` (name -> severity), with what they block and what they warn of."""
    judged = msgspec.structs.replace(
        made,
        policies=dict(sorted({**made.policies, **policies}.items())),
        blocked=in_order((*made.blocked, *blocked)),
        warnings=in_order((*made.warnings, *warnings)),
    )
    return msgspec.structs.replace(judged, effect=effect_of(judged))


def in_order(breaches: Iterable[B]) -> tuple[B, ...]:
    """By address, then code; each once."""
    return tuple(sorted(set(breaches), key=order))


def view_sql(repo: Repo, view: FeatureView, target: str) -> str:
    """The body of the offline view that stands for ``view``; as written where its store has no SQL builder yet: nothing
    applies such a plan. Raises DiagnosticError where the query has no translation, which the checks say before."""
    chosen = repo.project.target(target)
    if chosen is None or of_store(chosen.offline.type) is None:
        return view.query
    compiled = view_query(repo, view, target=target, dialect=STORES[chosen.offline.type])
    if compiled.query is None:
        raise DiagnosticError(*compiled.diagnostics)
    return compiled.query.sql


def base_of(state: State) -> Base:
    """What a plan from ``state`` starts from."""
    return Base(lineage=state.lineage, serial=state.serial, generation=state.generation, settings=settings_token(state))


def settings_token(state: State) -> str:
    """The settings that a plan was made under, in one word; "" where there are none yet."""
    return sha256_hex(msgspec.to_builtins(state.settings)) if state.settings else ""


def effect_of(made: Plan) -> str:
    """The hash of what ``made`` does, whatever it starts from and whoever made it."""
    return _effect_of_document(msgspec.to_builtins(made))


def _effect_of_document(document: dict[str, Any]) -> str:
    return sha256_hex({k: v for k, v in document.items() if k not in _NO_EFFECT})


def _with_both_sides(document: dict[str, Any]) -> dict[str, Any]:
    """A plan of format 1, which recorded all that was to stand and not what it started from.

    An apply that an older asof began is finished or undone with it.
    """
    before = [step["before"] for step in document.get("steps", []) if step.get("before")]
    after = document.get("resources", [])
    rest = {k: v for k, v in document.items() if k != "resources"}
    return {**rest, "format": PLAN_FORMAT, "resources_before": before, "resources_after": after}


_NO_EFFECT = ("base", "read_set", "tool", "effect", "format", "owed")


def plan_bytes(made: Plan) -> bytes:
    """The plan as a file: JSON, indented, keys sorted; equal plans have equal bytes."""
    return msgspec.json.format(encode(made), indent=2) + b"\n"


def plan_from_bytes(body: bytes) -> Plan:
    """The inverse of ``plan_bytes``. Raises DiagnosticError: AS606 damaged or edited, AS607 from a newer asof."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        version = document.get("format", PLAN_FORMAT)
        if version not in (1, PLAN_FORMAT):
            message = f"the plan has format {version}; this asof reads formats 1 and {PLAN_FORMAT}"
            raise DiagnosticError(NEWER_PLAN.at(NOWHERE, message))
        made = msgspec.convert(_with_both_sides(document) if version == 1 else document, Plan)
        effect = _effect_of_document(document) if version == 1 else effect_of(made)
    except (msgspec.MsgspecError, UnicodeError, RecursionError, ValueError) as error:
        raise DiagnosticError(UNREADABLE_PLAN.at(NOWHERE, f"this is not a plan: {error}")) from error
    if effect != made.effect:
        message = "the plan was edited after it was made: its effect does not match its contents"
        raise DiagnosticError(UNREADABLE_PLAN.at(NOWHERE, message))
    if wrong := flaw(made):
        raise DiagnosticError(UNREADABLE_PLAN.at(NOWHERE, f"this is no plan that asof made: {wrong}"))
    return made


def state_after(made: Plan, state: State) -> State:
    """The generation that ``made`` leads to from ``state``, which may hold unrelated objects the plan never saw."""
    objects = dict(state.objects)
    for address, recorded in made.objects.items():
        if recorded is None:
            objects.pop(address, None)
        else:
            objects[address] = recorded
    return State(
        project=made.project,
        target=made.target,
        lineage=state.lineage,
        serial=state.serial + 1,
        parent=state.generation,
        objects=dict(sorted(objects.items())),
        resources=_resources_after(made, state),
        settings=made.settings,
    )


def _resources_after(made: Plan, state: State) -> tuple[Resource, ...]:
    """What the plan leaves in the stores, and what stands there that it does not change."""
    changed = {resource.key for resource in (*made.resources_before, *made.resources_after)}
    kept = [resource for resource in state.resources if resource.key not in changed]
    return tuple(sorted((*made.resources_after, *kept), key=lambda r: (r.id, r.address)))


def moved_resources(made: Plan, state: State) -> tuple[str, ...]:
    """The ids of tables and views that ``made`` starts from and that ``state`` does not record so, in order.

    A definition may be as it was and its table another one: after a change and its way back, for instance.
    """
    places = {(r.kind, r.address) for r in (*made.resources_before, *made.resources_after)}
    expected = {r.key: r for r in made.resources_before}
    recorded = {r.key: r for r in state.resources if (r.kind, r.address) in places}
    differing = [key for key in expected.keys() | recorded.keys() if expected.get(key) != recorded.get(key)]
    taken = {r.key for r in state.resources} | {owed.resource.key for owed in state.owed}
    created = [s.resource for s in made.steps if s.phase is Phase.EXPAND and s.action == "create"]
    in_the_way = [r.key for r in created if r.kind == "online_table" and r.key in taken]
    return tuple(sorted({f"{kind}/{name}" for kind, _, name in (*differing, *in_the_way)}))


def _objects(found: Difference) -> dict[str, Recorded | None]:
    """Whatever is recorded otherwise than before, whether or not anybody edited it."""
    before = found.state.objects
    made: dict[str, Recorded | None] = {
        address: now
        for address, now in found.recorded.items()
        if address not in before or before[address].hashes != now.hashes or address in found.changes
    }
    made.update({address: None for address in before if address not in found.recorded})
    return dict(sorted(made.items()))


def _read_set(found: Difference, changes: Iterable[Change], objects: Iterable[str]) -> dict[str, str]:
    """Tokens of all that is written, of what it reads and of what reads it."""
    touched = [address for address in objects if address in found.graph.upstream]
    gone = [address for address in objects if address not in found.graph.upstream]
    seen = {*objects, *found.graph.above(*touched), *found.graph.below(*touched)}
    seen.update(change.previous for change in changes if change.previous)
    if gone:
        seen.update(gone, found.old_graph.below(*gone))
    before = found.state.objects
    return {address: before[address].token if address in before else "" for address in sorted(seen)}


def _steps(layout: Layout, anything: bool, serial: int) -> tuple[Step, ...]:
    if not (anything or layout.expand or layout.contract):
        return ()
    commit = Step(
        id="commit", phase=Phase.COMMIT, action="commit", reason=f"readers see generation {serial}", inverse="rollback"
    )
    return (*layout.expand, commit, *layout.contract)


def _priced(change: Change, layout: Layout, served: Collection[str]) -> Change:
    return msgspec.structs.replace(change, cost=_cost(change, layout, served))


def _cost(change: Change, layout: Layout, served: Collection[str]) -> str:
    online = change.address in served
    if change.address in layout.emptied:
        return "its online table starts empty: materialize it from the start"
    if change.action is Action.CREATE:
        return "materialize it to serve it online" if online else ""
    if change.action is Action.DELETE:
        return ""
    if change.change_class is ChangeClass.ADDITIVE and online:
        return "stored rows lack what is new until it is materialized"
    if change.values:
        return "training sets built from now on can differ from those built before"
    return ""


def _settings_changes(old: Settings | None, new: Settings) -> tuple[Reason, ...]:
    if old is None:
        return ()
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    stay = {name for name in _STORES if same_place(getattr(old, name), getattr(new, name))}
    return tuple(
        Reason(
            pointer=f"/{name}",
            change_class=ChangeClass.METADATA if name in stay else ChangeClass.VALUE_CHANGE,
            text=_OTHER_MANNERS if name in stay else text,
            old=before.get(name),
            new=after.get(name),
        )
        for name, text in _SETTINGS.items()
        if before.get(name) != after.get(name)
    )


_STORES = ("offline", "online")
_OTHER_MANNERS = "the same store works otherwise: what it holds and the rows it gives stay"
_SETTINGS = {
    "sql_dialect": "queries and expressions are read in another dialect",
    "offline": "queries run in another store; what stands in the old one is dropped, and its tables are not copied",
    "online": "online tables are made anew in the new store and start empty; those in the old one are dropped",
}
