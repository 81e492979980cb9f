"""What a place in a definition names: which kind of object, a column of which thing, SQL. By kind and pointer alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from asof.compiler.model import SLUGS, VIEW_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.compiler.source import Pointer


class Names(Enum):
    """What stands at a place."""

    OBJECT = auto()
    """The name of another object, of one of the slot's kinds."""
    FEATURE_OF = auto()
    """``view`` or ``view:feature``."""
    FEATURE = auto()
    """A feature of the view that the same item of a service names."""
    ADDRESS = auto()
    """An address, or a name of the same kind."""
    OWN_NAME = auto()
    """The name of the object itself."""
    READ_COLUMN = auto()
    """A column of what the object reads."""
    OWN_COLUMN = auto()
    """A column that the object itself declares."""
    GIVEN_COLUMN = auto()
    """A column of the rows that a test gives."""
    EXPECTED = auto()
    """A column that a test expects."""
    JOIN_KEY = auto()
    """A join key of the view that the same item of a service names."""
    QUERY = auto()
    """A SELECT over sources and views."""
    EXPRESSION = auto()
    """A SQL expression over columns of what the object reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What is named, and for objects: of which kinds. ``is_key`` says that it is the key there, not the value."""

    names: Names
    kinds: tuple[str, ...] = ()
    is_key: bool = False


_ENTITY, _SOURCE, _SERVICE = ("Entity",), ("DataSource",), ("FeatureService",)
_VIEWS = VIEW_KINDS
_STORED_VIEWS = ("FeatureView", "StreamFeatureView")
_ROWS = ("DataSource", *_STORED_VIEWS)
ANY_ROWS = ("DataSource", *VIEW_KINDS)


def _objects(*kinds: str, is_key: bool = False) -> Slot:
    return Slot(names=Names.OBJECT, kinds=kinds, is_key=is_key)


_READ, _OWN = Slot(names=Names.READ_COLUMN), Slot(names=Names.OWN_COLUMN)
_TIMES = ("timestamp_field", "created_timestamp_column", "valid_to")
_EVERY: Mapping[tuple[str, ...], Slot] = {
    ("name",): Slot(names=Names.OWN_NAME),
    ("deprecated", "use"): Slot(names=Names.ADDRESS),
}
_VIEW: Mapping[tuple[str, ...], Slot] = {
    ("entities", "*"): _objects(*_ENTITY),
    ("query",): Slot(names=Names.QUERY),
    ("schema", "*", "name"): _READ,
    ("aggregations", "*", "column"): _READ,
    ("aggregations", "*", "by"): _READ,
    ("aggregations", "*", "where"): Slot(names=Names.EXPRESSION),
    ("unique", "*"): _READ,
    **{(key,): _READ for key in _TIMES},
}
_SLOTS: Mapping[str, Mapping[tuple[str, ...], Slot]] = {
    "DataSource": {
        ("batch_source",): _objects(*_SOURCE),
        ("unique", "*"): _OWN,
        ("date_partition_column",): _OWN,
        ("field_mapping", "?"): Slot(names=Names.OWN_COLUMN, is_key=True),
        **{(key,): _OWN for key in _TIMES},
    },
    "FeatureView": {("source",): _objects(*_ROWS), **_VIEW},
    "StreamFeatureView": {("stream",): _objects(*_SOURCE), **_VIEW},
    "OnDemandFeatureView": {
        ("sources", "*"): _objects(*ANY_ROWS),
        ("features", "*", "expression"): Slot(names=Names.EXPRESSION),
    },
    "FeatureService": {
        ("features", "*"): Slot(names=Names.FEATURE_OF, kinds=_VIEWS),
        ("features", "*", "view"): _objects(*_VIEWS),
        ("features", "*", "features", "*"): Slot(names=Names.FEATURE),
        ("features", "*", "features", "*", "name"): Slot(names=Names.FEATURE),
        ("features", "*", "join_key_map", "?"): Slot(names=Names.JOIN_KEY, is_key=True),
    },
    "SavedDataset": {
        ("service",): _objects(*_SERVICE),
        ("spine", "source"): _objects(*_ROWS),
        ("spine", "query"): Slot(names=Names.QUERY),
        ("labels", "*"): _READ,
        ("timestamp_field",): _READ,
    },
    "FeatureTest": {
        ("view",): _objects(*_VIEWS),
        ("service",): _objects(*_SERVICE),
        ("given", "?"): _objects(*ANY_ROWS, is_key=True),
        ("given", "?", "*", "?"): Slot(names=Names.GIVEN_COLUMN, is_key=True),
        ("expect", "*", "?"): Slot(names=Names.EXPECTED, is_key=True),
    },
}


def slot_at(kind: str, pointer: Pointer, *, key: bool) -> Slot | None:
    """What the key (``key``) or the value at ``pointer`` of a document of ``kind`` names, if it names anything."""
    for table in (_SLOTS.get(kind, {}), _EVERY if kind in SLUGS else {}):
        for pattern, slot in table.items():
            if slot.is_key is key and len(pattern) == len(pointer) and all(map(_fits, pattern, pointer)):
                return slot
    return None


def _fits(pattern: str, step: str | int) -> bool:
    return isinstance(step, int) if pattern == "*" else isinstance(step, str) and pattern in ("?", step)
