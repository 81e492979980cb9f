"""Settings of a target's stores: ``${env:NAME}`` is filled in only where a connection is opened."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from asof.compiler.diagnostics import DiagnosticError, nearest, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from asof.compiler.model import Json, Store

MISSING_VARIABLE = rule("AS720", "environment variable is not set")
UNKNOWN_STORE_TYPE = rule("AS721", "store type is not supported")
BAD_STORE_OPTION = rule("AS722", "store option is not understood")
STORE_UNAVAILABLE = rule("AS723", "store cannot be reached")

LATEST = "latest"
"""The option of an offline store that says how the latest value is found."""
WINDOWS = "windows"
"""The option of an offline store that says how windows are computed."""
STRATEGIES = (LATEST, WINDOWS)
"""Options that only the compiler reads."""

_MANNERS = frozenset({*STRATEGIES, "memory_limit", "threads", "warehouse", "billing_project"})
"""Options that say how a store works, and not where it is."""

_VARIABLE = re.compile(r"\$\{env:([A-Za-z_][A-Za-z0-9_]*)\}")


def place_of(store: Store) -> Store:
    """``store`` without what says only how it works: equal for two stores that hold the same tables."""
    options = tuple(option for option in store.options if option[0] not in _MANNERS)
    return msgspec.structs.replace(store, options=options)


def same_place(one: Store | None, other: Store | None) -> bool:
    """Whether both are there and hold the same tables, however they work."""
    return one is not None and other is not None and place_of(one) == place_of(other)


class Secret(str):
    """What came out of the environment, or may hold such a value. Whoever prints a variable sees stars."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def resolve(text: str, environ: Mapping[str, str]) -> str:
    """``text`` with each ``${env:NAME}`` replaced. A name that is not set raises DiagnosticError (AS720).

    The result may hold a secret: give it to a driver and to nothing else.
    """
    missing = sorted({name for name in _VARIABLE.findall(text) if name not in environ})
    if missing:
        names = ", ".join(missing)
        raise DiagnosticError(MISSING_VARIABLE.at(NOWHERE, f"the target's settings need {names}, which is not set"))
    filled = _VARIABLE.sub(lambda match: environ[match[1]], text)
    return filled if filled == text else Secret(filled)


def written_in_environment(text: str) -> bool:
    """Whether ``text`` is known only where its variables are filled in."""
    return _VARIABLE.search(text) is not None


def variables(store: Store) -> set[str]:
    """The variables of the environment that ``store`` asks for."""
    return {name for _, value in store.options if isinstance(value, str) for name in _VARIABLE.findall(value)}


@contextmanager
def opening(store: Store, environ: Mapping[str, str]) -> Iterator[None]:
    """For code that opens ``store``: no error repeats what it takes from the environment, whatever a driver says.

    Raises DiagnosticError with the names of the variables in place of their values; AS723 for an OSError.
    """
    hidden = _filled_in(store, environ)
    del environ  # whoever prints the variables of a traceback would print it
    try:
        yield
    except DiagnosticError as error:
        told = [replace(d, message=_unsaid(d.message, hidden)) for d in error.diagnostics]
        raise DiagnosticError(*told) from None
    except OSError as error:
        message = _unsaid(f"{store.type}: {error}", hidden)
        raise DiagnosticError(STORE_UNAVAILABLE.at(NOWHERE, message)) from None


def _unsaid(message: str, hidden: Sequence[tuple[str, Secret]]) -> str:
    for written, value in hidden:
        message = message.replace(value, written)
    return message


def _filled_in(store: Store, environ: Mapping[str, str]) -> list[tuple[str, Secret]]:
    """(how it is written in asof.yaml, what it is) for whole options and for each variable, longest value first."""
    found: dict[str, str] = {}
    for _, option in store.options:
        if not isinstance(option, str) or any(name not in environ for name in _VARIABLE.findall(option)):
            continue
        names = _VARIABLE.findall(option)
        values = {f"${{env:{name}}}": environ[name] for name in names}
        found |= {written: value for written, value in values.items() if value}
        # Drivers decode what stands in a URL, and quote what they print.
        found |= {f"{written} ": unquote(value) for written, value in values.items() if unquote(value) != value}
        if names:
            found[option] = resolve(option, environ)
    return sorted(((w.strip(), Secret(v)) for w, v in found.items()), key=lambda pair: -len(pair[1]))


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
