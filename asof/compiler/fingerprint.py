"""Identity by content: four hashes for each object of a repo."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args, get_origin

import msgspec

from asof.compiler import codec
from asof.compiler.canonical import sha256_hex
from asof.compiler.graph import Graph, graph_of
from asof.compiler.model import AnyDefinition, FeatureView, Repo
from asof.compiler.query import canonical_sql
from asof.compiler.roles import ROLES, Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BUILDER_VERSION = 5
"""Raised whenever the SQL builder writes other text for the same definitions."""

Document = dict[str, Any]
"""A definition as ``codec.to_json`` writes it."""


class Hashes(msgspec.Struct, frozen=True, kw_only=True):
    """SHA-256 of what an object means, promises, says about itself, and compiles to.

    ``semantic`` takes in the interface. ``sql`` is the hash of all that determines the compiled text
    (own and upstream semantics, dialect, builder), not of the text, which need not be rendered.
    """

    semantic: str
    interface: str
    metadata: str
    sql: str


class Field(NamedTuple):
    """One field of a struct of the language, as hashing and comparing see it."""

    name: str
    role: Role
    part: type[msgspec.Struct] | None
    """The struct inside, for Role.PARTS."""
    many: bool
    """Whether the field is a list of ``part``."""
    pairs: bool
    """Whether it is a map, written as a list of pairs whose order means nothing."""
    default: object


@cache
def fields_of(struct: type[msgspec.Struct]) -> tuple[Field, ...]:
    """The fields of ``struct`` in declared order."""
    roles = ROLES[struct]
    return tuple(_field(info, roles[info.name]) for info in msgspec.structs.fields(struct))


STRUCTS: Mapping[str, type[msgspec.Struct]] = {kind.__name__: kind for kind in get_args(AnyDefinition)}
"""Kind -> its struct."""


def document_of(definition: AnyDefinition) -> Document:
    """The registry's form of ``definition``."""
    return codec.to_json(definition)


def documents_of(repo: Repo) -> Mapping[str, Document]:
    """The registry's form of every definition, by address."""
    return {address: document_of(definition) for address, definition in repo.definitions.items()}


def as_seen_from(document: Document, target: str) -> Document:
    """``document`` with the location that holds in ``target`` as its location.

    A source's base location then stands among ``targets``, where it counts as nobody's concern here.
    """
    if document["kind"] != "DataSource":
        return document
    others = dict(document.get("targets", ()))
    if target not in others:
        return document
    own = others.pop(target)
    others[""] = document.get("location", {})
    return document | {"location": own, "targets": [list(pair) for pair in sorted(others.items())]}


def fingerprint(
    repo: Repo, *, target: str = "", graph: Graph | None = None, documents: Mapping[str, Document] | None = None
) -> Mapping[str, Hashes]:
    """The hashes of every object, by address, as they are in ``target`` ("" is the default target).

    ``graph`` and ``documents`` (of each definition) are made here unless the caller has them already.

    Raises graphlib.CycleError where objects read each other in a circle.
    """
    chosen = repo.project.target(target)
    name, engine = (chosen.name, chosen.offline.type) if chosen else (target, "")
    graph = graph or graph_of(repo)
    documents = documents or documents_of(repo)
    made: dict[str, Hashes] = {}
    for address in graph.in_order():
        definition = repo.definitions[address]
        document = as_seen_from(documents[address], name)
        semantic = _hash(document, _SEMANTIC, repo.project.sql_dialect)
        upstream = [made[read].sql for read in graph.upstream[address]]
        made[address] = Hashes(
            semantic=semantic,
            interface=_hash(document | _derived(definition), _INTERFACE, ""),
            metadata=_hash(document, _METADATA, ""),
            sql=sha256_hex([BUILDER_VERSION, engine, semantic, upstream]),
        )
    return {address: made[address] for address in repo.definitions}


_SEMANTIC = frozenset({Role.SEMANTIC, Role.INTERFACE, Role.SQL})
_INTERFACE = frozenset({Role.INTERFACE})
_METADATA = frozenset({Role.METADATA})


def _hash(document: Document, roles: frozenset[Role], dialect: str) -> str:
    kind = document["kind"]
    return sha256_hex({"kind": kind} | _projected(document, STRUCTS[kind], roles, dialect))


def _derived(definition: AnyDefinition) -> Document:
    """Aggregations as readers know them: by the names of their features."""
    if not isinstance(definition, FeatureView) or not definition.aggregations:
        return {}
    names = [{"name": a.feature_name(w)} for a in definition.aggregations for w in a.windows]
    return {"aggregations": names}


def _projected(document: Document, struct: type[msgspec.Struct], roles: frozenset[Role], dialect: str) -> Document:
    """The fields of ``document`` that play one of ``roles``; SQL in canonical form, maps as maps."""
    made: Document = {}
    for field in _playing(struct, roles):
        value = document.get(field.name)
        if value is None:
            continue
        if field.part is not None:
            inner = _parts(value if field.many else (value,), field.part, roles, dialect)
            if any(inner):
                made[field.name] = inner
        elif field.role is Role.SQL:
            made[field.name] = [dialect, canonical_sql(value, dialect)]
        else:
            made[field.name] = dict(value) if field.pairs else value
    return made


def _parts(
    documents: Iterable[Document], struct: type[msgspec.Struct], roles: frozenset[Role], dialect: str
) -> list[Document]:
    """``_projected`` of each; of sources with a hundred columns, whose fields are plain, most of the work is here."""
    names = _plain(struct, roles)
    if names is None:
        return [_projected(document, struct, roles, dialect) for document in documents]
    return [{n: value for n in names if (value := document.get(n)) is not None} for document in documents]


@cache
def _plain(struct: type[msgspec.Struct], roles: frozenset[Role]) -> tuple[str, ...] | None:
    """The names of the fields that play one of ``roles``, if all of these are taken as they stand."""
    fields = _playing(struct, roles)
    taken = all(f.part is None and f.role is not Role.SQL and not f.pairs for f in fields)
    return tuple(f.name for f in fields) if taken else None


@cache
def _playing(struct: type[msgspec.Struct], roles: frozenset[Role]) -> tuple[Field, ...]:
    """The fields of ``struct`` that play one of ``roles``, or hold parts that do."""
    return tuple(f for f in fields_of(struct) if (_playing(f.part, roles) if f.part else f.role in roles))


def _field(info: msgspec.structs.FieldInfo, role: Role) -> Field:
    inner = get_args(info.type)[0] if get_origin(info.type) is tuple else info.type
    default = info.default_factory() if info.default_factory is not msgspec.NODEFAULT else info.default
    return Field(
        name=info.encode_name,
        role=role,
        part=inner if role is Role.PARTS else None,
        many=inner is not info.type,
        pairs=get_origin(inner) is tuple,
        default=None if default is msgspec.NODEFAULT else default,
    )
