"""Times in which nothing is applied. A plan holds them all; whoever applies it asks which one it is in.

So a plan has the same bytes whenever it is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from asof.compiler.diagnostics import rule
from asof.compiler.instants import instant

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from asof.compiler.classify import ChangeClass
    from asof.compiler.model import Project

FROZEN = rule("AS660", "nothing is applied for now")


class Freeze(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"since": "from"}):
    """``[since, until)``, two instants in UTC; ``severity`` error refuses an apply, warn speaks of it."""

    since: str
    until: str
    reason: str = ""
    severity: str = "error"

    @property
    def text(self) -> str:
        """``frozen until 2027-01-04T00:00:00Z: peak season``"""
        return f"frozen until {self.until}{f': {self.reason}' if self.reason else ''}"


def freezes(project: Project, target: str, classes: Iterable[ChangeClass]) -> tuple[Freeze, ...]:
    """The freezes of a target that hold for a plan with changes of ``classes``, in order of time."""
    return tuple(sorted(_freezes(project, target, frozenset(classes)), key=lambda f: (f.since, f.until, f.reason)))


def frozen(held: Iterable[Freeze], now: datetime) -> Freeze | None:
    """The freeze that ``now`` lies in and that lasts longest; one that refuses before one that only warns."""
    stamp = _written(now)
    found = [freeze for freeze in held if freeze.since <= stamp < freeze.until]
    return max(found, key=lambda freeze: (freeze.severity == "error", freeze.until), default=None)


def _freezes(project: Project, target: str, classes: frozenset[ChangeClass]) -> Iterator[Freeze]:
    for policy in project.policies:
        severity = policy.severity_in(target)
        options: dict[str, Any] = dict(policy.options)
        if policy.rule != "freeze" or severity == "off" or classes <= set(options.get("allow", ())):
            continue
        for window in options["windows"]:
            since, until = (instant(str(window[key])) for key in ("from", "until"))
            if since is not None and until is not None:
                reason = window.get("reason", "")
                yield Freeze(since=_written(since), until=_written(until), reason=reason, severity=severity)


def _written(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
