"""What one generation of a registry holds: every object with its hashes, and what stands in the stores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

from asof.compiler import codec
from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.fingerprint import Document, Hashes
from asof.compiler.formats import upgraded
from asof.compiler.model import Project, Protection, Repo, Store, Target
from asof.compiler.source import NOWHERE
from asof.compiler.store_options import place_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from asof.compiler.formats import Migrations
    from asof.compiler.model import AnyDefinition

STATE_FORMAT = 1
_MIGRATIONS: Migrations = {}

UNREADABLE_STATE = rule("AS701", "registry cannot be read")


StoreName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_]{1,255}\Z")]
"""A table or view of asof's own: what stands in statements must not end them."""

Mark = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_/@.-]{0,400}\Z")]
"""It stands in comments of views and in the stores' catalogues."""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One object: its definition as ``codec.to_json`` writes it, and its hashes."""

    definition: Document
    hashes: Hashes

    @property
    def protect(self) -> tuple[Protection, ...]:
        return tuple(self.definition.get("protect", ()))

    @property
    def owner(self) -> str:
        return str(self.definition.get("owner", ""))

    @property
    def token(self) -> str:
        """All that was recorded, in one word: what a plan remembers of what it read."""
        h = self.hashes
        return f"{h.semantic[:16]}{h.interface[:16]}{h.metadata[:16]}{h.sql[:16]}"


class Feature(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a physical table: its name and the text of its type."""

    name: str
    type: str


class Resource(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something asof made in a store and therefore owns: an online table or an offline view.

    ``features`` are in the order of the stored row, which grows at the end only; ``sql`` is the query
    of an offline view. ``store`` is written as in asof.yaml, with ``${env:NAME}`` unresolved.
    """

    kind: Literal["online_table", "offline_view"]
    name: StoreName
    address: str
    store: Store
    keys: tuple[Feature, ...] = ()
    features: tuple[Feature, ...] = ()
    sql: str = ""
    mark: Mark = ""
    """Which view it was made for, and by which generation: ``feature_view/weather@3``. A move keeps it, and no other
    resource of the registry ever has it; "" for what an asof without marks has made."""

    @property
    def id(self) -> str:
        """``online_table/flights__weather__1a2b3c4d``, as plans and journals call it."""
        return f"{self.kind}/{self.name}"

    @property
    def key(self) -> ResourceKey:
        """What tells it from every other resource: the same name in another store is another table."""
        return self.kind, place_of(self.store), self.name

    def owner(self, lineage: str) -> str:
        """The owner mark as a store keeps it: the registry and the view; "" for what bears none."""
        return f"{lineage}/{self.mark}" if self.mark else ""

    def bare(self) -> Resource:
        """What it takes to find and remove it, without what it holds."""
        return msgspec.structs.replace(self, keys=(), features=(), sql="")


class Owed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A step that was to follow a commit and that its store refused: later applies try it again.

    ``action`` is drop, or restore: bring what stands under that name to what the current generation records.
    ``why`` is what the store said; ``since`` an ISO 8601 instant.
    """

    action: Literal["drop", "restore"]
    resource: Resource
    apply_id: str
    since: str
    why: str


ResourceKey = tuple[str, Store, str]


class Settings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What readers of a registry need of asof.yaml: the dialect of the SQL and the target's stores."""

    sql_dialect: str
    offline: Store
    online: Store | None = None


class State(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One generation. ``generation`` is the SHA-256 of its bytes, known only once it has been written.

    ``lineage`` names the registry from its first apply on; ``serial`` counts its generations from 1. ``owed`` is not
    part of a generation: it stands in the head, beside the current one.
    """

    project: str = ""
    target: str = ""
    lineage: str = ""
    serial: int = 0
    parent: str = ""
    generation: str = ""
    objects: dict[str, Recorded] = {}
    resources: tuple[Resource, ...] = ()
    settings: Settings | None = None
    owed: tuple[Owed, ...] = ()


_BESIDE = ("generation", "owed")
"""Fields that are no part of a generation's bytes."""


class _Stored(State, frozen=True, kw_only=True, omit_defaults=True):
    """A generation as it is written."""

    format: int


EMPTY = State()
"""A registry that nothing was ever applied to."""


def encode(value: msgspec.Struct) -> bytes:
    """Any value of this package as JSON: sorted keys, no spaces, equal bytes for equal values."""
    return msgspec.json.encode(value, order="sorted")


def state_bytes(state: State) -> bytes:
    """The bytes of a generation, without its own hash."""
    fields = {name: getattr(state, name) for name in state.__struct_fields__ if name not in _BESIDE}
    return encode(_Stored(format=STATE_FORMAT, **fields))


def state_from_bytes(body: bytes, generation: str) -> State:
    """The inverse of ``state_bytes``. Raises DiagnosticError: AS701 damaged, AS702 written by a newer asof."""
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
        state = msgspec.convert(upgraded(document, STATE_FORMAT, _MIGRATIONS), State)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise unreadable(f"generation {generation[:12]} is damaged: {error}") from error
    if strange := strange_options(state.settings, state.resources):
        raise unreadable(f"generation {generation[:12]} is damaged: {strange}")
    return msgspec.structs.replace(state, generation=generation)


def strange_options(settings: Settings | None, resources: Iterable[Resource]) -> str:
    """What no store of asof.yaml can say ("" where there is nothing): an option that is a list or a map."""
    stores = [resource.store for resource in resources]
    if settings is not None:
        stores += [store for store in (settings.offline, settings.online) if store is not None]
    wrong = {name for s in stores for name, v in s.options if not isinstance(v, str | int | float | bool | None)}
    return f"the store option {min(wrong)!r} is neither text nor a number" if wrong else ""


def unreadable(message: str) -> DiagnosticError:
    """The error for a registry that is there and cannot be understood, which is never the same as empty."""
    return DiagnosticError(UNREADABLE_STATE.at(NOWHERE, message))


def repo_of(state: State) -> Repo:
    """The definitions of ``state`` as a repo of one target.

    Raises DiagnosticError where nothing was ever applied or a definition does not read back.
    """
    if state.settings is None:
        raise unreadable("nothing was ever applied to this registry: run asof apply first")
    target = Target(name=state.target, registry="", offline=state.settings.offline, online=state.settings.online)
    project = Project(version=1, project=state.project, sql_dialect=state.settings.sql_dialect, targets=(target,))
    definitions = {address: definition_at(address, recorded) for address, recorded in state.objects.items()}
    return Repo(project=project, definitions=definitions)


def definition_at(address: str, recorded: Recorded) -> AnyDefinition:
    """The definition that is recorded at ``address``. Raises DiagnosticError (AS701) for anything else."""
    try:
        made = codec.definition_from_json(recorded.definition)
    except (msgspec.ValidationError, ValueError, TypeError, RecursionError) as error:
        raise unreadable(f"{address} does not read back: {error}") from error
    if made.address != address:
        raise unreadable(f"{address} holds the definition of {made.address}")
    return made


def settings_of(repo: Repo, target: str) -> Settings:
    """The settings of ``target`` that go into the registry. Raises KeyError for an unknown target."""
    chosen = repo.project.target(target)
    if chosen is None:
        raise KeyError(target)
    return Settings(sql_dialect=repo.project.sql_dialect, offline=chosen.offline, online=chosen.online)
