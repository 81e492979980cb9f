"""Results kept beside the very value they were made from: hashing a large definition costs more than most answers."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST = 256
"""Results that are kept at a time. Definitions are asked about in runs, so few of them serve many."""

A = TypeVar("A")
R = TypeVar("R")


def by_identity(function: Callable[[A], R]) -> Callable[[A], R]:
    """Remember what ``function`` made of each of its last arguments, which are frozen; the result is shared."""
    seen: dict[int, tuple[A, R]] = {}

    @wraps(function)
    def remembered(argument: A) -> R:
        # The argument is kept with its result, so that no other value can have its id meanwhile.
        found = seen.get(id(argument))
        if found is None:
            if len(seen) >= _MOST:
                seen.clear()
            found = seen[id(argument)] = (argument, function(argument))
        return found[1]

    return remembered
