"""Settings of a target's stores: ``${env:NAME}`` is filled in only where a connection is opened."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError, nearest, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from asof.compiler.model import Json, Store

MISSING_VARIABLE = rule("AS720", "environment variable is not set")
UNKNOWN_STORE_TYPE = rule("AS721", "store type is not supported")
BAD_STORE_OPTION = rule("AS722", "store option is not understood")
STORE_UNAVAILABLE = rule("AS723", "store cannot be reached")

LATEST = "latest"
"""The option of an offline store that only the compiler reads: how the latest value is found."""

_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """``text`` with each ``${env:NAME}`` replaced. A name that is not set raises DiagnosticError (AS720).

    The result may hold a secret: give it to a driver and to nothing else.
    """
    missing = sorted({name for name in _VARIABLE.findall(text) if name not in environ})
    if missing:
        names = ", ".join(missing)
        raise DiagnosticError(MISSING_VARIABLE.at(NOWHERE, f"the target's settings need {names}, which is not set"))
    return _VARIABLE.sub(lambda match: environ[match[1]], text)


def options_of(
    store: Store, environ: Mapping[str, str], *, known: Collection[str], required: Collection[str] = ()
) -> dict[str, Json]:
    """The options of ``store`` by name, resolved; raises DiagnosticError (AS720, AS722)."""
    given = dict(store.options)
    for name in sorted(given.keys() - set(known)):
        hint = nearest(name, known) or f"known are {', '.join(sorted(known))}"
        raise DiagnosticError(BAD_STORE_OPTION.at(NOWHERE, f"{store.type} has no option {name!r}; {hint}"))
    for name in sorted(set(required) - given.keys()):
        raise DiagnosticError(BAD_STORE_OPTION.at(NOWHERE, f"{store.type} needs the option {name!r}"))
    return {name: resolve(value, environ) if isinstance(value, str) else value for name, value in given.items()}


def unknown_type(store: Store, *, role: str, supported: Collection[str]) -> DiagnosticError:
    """The error for a store type that nothing here carries out."""
    names = ", ".join(sorted(supported))
    hint = nearest(store.type, supported)
    message = f"{role} store type {store.type!r} is not supported; supported are {names}"
    return DiagnosticError(UNKNOWN_STORE_TYPE.at(NOWHERE, message, notes=(hint,) if hint else ()))
