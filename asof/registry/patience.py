"""How often a request is repeated, and how long to wait in between."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Tries, with pauses that double from ``first`` to ``longest`` seconds, each shortened by chance.

    Chance keeps those who failed together from coming back together. ``connect`` and ``answer`` are the seconds
    that one request may take.
    """

    tries: int = 7
    first: float = 0.25
    longest: float = 8.0
    asked_for: float = 30.0
    """The longest wait that a store may ask for."""
    connect: float = 10.0
    answer: float = 30.0
    sleep: Callable[[float], None] = time.sleep

    def attempts(self) -> Iterator[Attempt]:
        """The tries, one after another, until the caller has what it wants."""
        for number in range(self.tries):
            yield Attempt(self, number)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try."""

    patience: Patience
    number: int

    def wait(self, asked: float = 0.0) -> None:
        """Pause before the next try, at least as long as the store ``asked``; not after the last one."""
        patience = self.patience
        if self.number + 1 < patience.tries:
            pause = min(patience.longest, patience.first * 2**self.number) * random.uniform(0.5, 1.0)  # noqa: S311
            patience.sleep(max(pause, min(asked, patience.asked_for)))
