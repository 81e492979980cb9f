"""A plan: everything that apply will do, as a value, a file and a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from asof.compiler.approvals import Approval, approvals
from asof.compiler.canonical import sha256_hex
from asof.compiler.check.rules import NOBODY
from asof.compiler.check.targets import refusals
from asof.compiler.classify import ChangeClass, Reason
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.dialects import STORES, of_store
from asof.compiler.diff import Action, Change, diff
from asof.compiler.fingerprint import BUILDER_VERSION
from asof.compiler.guards import Blocked, guarded
from asof.compiler.infrastructure import OFFLINE_VIEW, Phase, Step, lay_out
from asof.compiler.materialize import view_query
from asof.compiler.ownership import with_others
from asof.compiler.policies import Freeze, Warned, accepted, freezes, judge, order
from asof.compiler.source import NOWHERE
from asof.compiler.state import Recorded, Resource, Settings, State, encode, settings_of
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
PLAN_FORMAT = 1

UNREADABLE_PLAN = rule("AS606", "plan file cannot be read")
NEWER_PLAN = rule("AS607", "plan file was written by a newer asof")
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


class Plan(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What turns one generation of a registry into the next, decided before anything is touched.

    ``read_set`` holds what the plan depends on: address -> token of what was recorded there ("" is
    nothing). ``objects`` is what is to be recorded, None where an object goes; ``resources`` is
    what is to stand in the stores, with each step's before and after among ``steps``. ``settings_changes``
    are edits of asof.yaml that readers of the registry notice. ``effect`` is the SHA-256 of all of
    that but base, read set and tool: two plans with one effect do the same.
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
    resources: tuple[Resource, ...] = ()
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


def plan(repo: Repo, state: State, *, target: str = "", allow_destroy: Collection[str] = ()) -> Plan:
    """What apply has to do so that ``state`` becomes ``repo`` in ``target`` ("" is the default target).

    Pure: equal arguments give an equal plan, to the byte. ``repo`` has passed the checks; ``allow_destroy``
    names the addresses that may be deleted. Raises KeyError for a target that asof.yaml does not have,
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
        return _plan(repo, state, name, settings, allow_destroy)


def _plan(repo: Repo, state: State, name: str, settings: Settings, allow_destroy: Collection[str]) -> Plan:
    chosen = repo.project.target(name)
    found = diff(repo, state, target=name)
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
        base=Base(
            lineage=state.lineage,
            serial=state.serial,
            generation=state.generation,
            settings=settings_token(state),
        ),
        tool=Tool(asof=__version__, builder=BUILDER_VERSION),
        read_set=_read_set(found, changes, objects),
        changes=changes,
        settings_changes=edited,
        blocked=in_order((*guarded(found, layout, frozenset(allow_destroy)), *judged.blocked)),
        warnings=in_order(
            (
                *judged.warnings,
                *(_unowned(a) for a in unowned if NOBODY.code not in accepted(found, a)),
                *(
                    _refused(d)
                    for d in (_refusals(chosen, layout) if chosen and (changes or edited or objects) else ())
                ),
            )
        ),
        approvals=asked,
        policies={p.rule: severity for p in repo.project.policies if (severity := p.severity_in(name)) != "off"},
        freezes=freezes(found.repo.project, name, classes) if classes else (),
        allowed=tuple(sorted(set(allow_destroy) & {c.address for c in changes})),
        steps=_steps(layout, bool(changes or edited or objects), state.serial + 1),
        objects=objects,
        resources=layout.resources,
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


def settings_token(state: State) -> str:
    """The settings that a plan was made under, in one word; "" where there are none yet."""
    return sha256_hex(msgspec.to_builtins(state.settings)) if state.settings else ""


def effect_of(made: Plan) -> str:
    """The hash of what ``made`` does, whatever it starts from and whoever made it."""
    document = msgspec.to_builtins(made)
    return sha256_hex({k: v for k, v in document.items() if k not in ("base", "read_set", "tool", "effect", "format")})


def plan_bytes(made: Plan) -> bytes:
    """The plan as a file: JSON, indented, keys sorted; equal plans have equal bytes."""
    return msgspec.json.format(encode(made), indent=2) + b"\n"


def plan_from_bytes(body: bytes) -> Plan:
    """The inverse of ``plan_bytes``. Raises DiagnosticError: AS606 damaged or edited, AS607 from a newer asof."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        version = document.get("format", PLAN_FORMAT)
        if version != PLAN_FORMAT:
            message = f"the plan has format {version}; this asof reads format {PLAN_FORMAT}"
            raise DiagnosticError(NEWER_PLAN.at(NOWHERE, message))
        made = msgspec.convert(document, Plan)
        effect = effect_of(made)
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
    """What the plan leaves in the stores, and what stands there for objects it never saw."""
    ids = {r.id for r in made.resources} | {s.before.id for s in made.steps if s.before is not None}
    ours = {r.address for r in made.resources}
    others = [r for r in state.resources if r.id not in ids and r.address not in ours]
    return tuple(sorted((*made.resources, *others), key=lambda r: r.id))


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
