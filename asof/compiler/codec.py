"""Model <-> plain JSON, in one generic step: the registry stores exactly what the model holds."""

from __future__ import annotations

from typing import Any

import msgspec

from asof.compiler import types
from asof.compiler.duration import Duration
from asof.compiler.model import AnyDefinition, Project


def to_json(value: msgspec.Struct) -> dict[str, Any]:
    """A definition or project as JSON values; fields at their default are left out."""
    # By way of text: to_builtins would leave tuples, which are not equal to the lists that JSON reads back.
    made: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(value, enc_hook=_encode))
    return made


def definition_from_json(document: object) -> AnyDefinition:
    """The inverse of ``to_json``. Raises msgspec.ValidationError for anything else."""
    made: AnyDefinition = msgspec.convert(document, AnyDefinition, dec_hook=_decode)
    return made


def definitions_to_bytes(definitions: tuple[AnyDefinition, ...]) -> bytes:
    """Definitions as MessagePack, which keeps every value."""
    return msgspec.msgpack.encode(definitions, enc_hook=_encode)


def definitions_from_bytes(body: bytes) -> tuple[AnyDefinition, ...]:
    """The inverse of ``definitions_to_bytes``. Raises msgspec.DecodeError and ValueError for anything else."""
    return msgspec.msgpack.decode(body, type=tuple[AnyDefinition, ...], dec_hook=_decode)


def project_from_json(document: object) -> Project:
    """The inverse of ``to_json`` for asof.yaml."""
    return msgspec.convert(document, Project, dec_hook=_decode)


def _encode(value: object) -> str:
    if isinstance(value, Duration | types.Type):
        return str(value)
    raise NotImplementedError(type(value).__name__)


def _decode(wanted: type, value: object) -> object:
    if wanted is Duration and isinstance(value, str):
        return Duration.parse(value)
    if wanted is types.Type:
        return types.parse_type(str(value))
    if wanted is object:
        return value
    raise NotImplementedError(wanted.__name__)
