"""What an apply says: a line for each step that is done, and what it came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler.infrastructure import ONLINE_TABLE
from asof.views import wording

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from asof.compiler.infrastructure import Step
    from asof.compiler.plan import Plan
    from asof.compiler.state import Owed
    from asof.ops.apply import Applied, Progress, Recovered
    from asof.ops.recovery import Standstill
    from asof.registry.records import Entry
    from asof.views.terminal import Terminal


class StepLines:
    """Progress of an apply: one line for each step that is done."""

    def __init__(self, terminal: Terminal, *, total: int | None = None) -> None:
        self.terminal = terminal
        self.total = total
        self.done = 0

    def __call__(self, progress: Progress) -> None:
        if progress.done:
            self.done += 1
            count = f"{self.done}/{self.total}" if self.total is not None else f"{self.done}"
            self.terminal.note(f"  [{count}] {wording.what(progress.step)}")


def applied(made: Plan, done: Applied) -> str:
    """``Applied: flights in local is at serial 3.``"""
    if made.empty:
        return ""
    if not done.steps:
        return f"Applied before: {made.project} in {made.target} is at serial {done.serial}.\n"
    rebased = f", rebased from {done.rebased_from}" if done.rebased_from is not None else ""
    return f"Applied: {made.project} in {made.target} is at serial {done.serial}{rebased}.\n"


def applied_already(entry: Entry) -> str:
    """What is said first of a plan whose work is a generation already."""
    return f"This plan is applied already: generation {entry.serial} by {entry.by} at {entry.at} is its work.\n"


def owed(debts: Sequence[Owed]) -> str:
    """What stores owe, a line each, and the ways out; nothing where they owe nothing."""
    if not debts:
        return ""
    lines = [
        f"Owed: {len(debts)} step{'' if len(debts) == 1 else 's'} that a store has refused; readers do not notice."
    ]
    lines += [f"  {owed_line(debt)}" for debt in debts]
    lines.append(
        "The next apply tries again, and so does asof apply --resume; "
        "asof registry forgive ADDRESS --reason WHY gives it up."
    )
    return "\n".join(lines) + "\n"


def owed_line(debt: Owed) -> str:
    """``drop online_table/shop__orders__1a2b3c4d of feature_view/orders in sqlite: disk I/O error``"""
    resource = debt.resource
    said = f"{debt.action} {resource.id} of {resource.address} in {resource.store.type}: {debt.why}"
    return wording.plain(said)


def to_fill(steps: Sequence[Step], target: str) -> str:
    """``Next: asof materialize (customer_orders is empty)``; nothing where ``steps`` leave every online table full.

    ``target`` is "" for the default one.
    """
    made = [(s.action, s.after.address) for s in steps if s.after is not None and s.after.kind == ONLINE_TABLE]
    empty = [address for action, address in made if action == "create"]
    return unfilled(empty, [address for action, address in made if action == "alter"], target)


def unfilled(empty: Collection[str], lacking: Collection[str], target: str) -> str:
    """The same for the addresses of views whose tables are ``empty`` or are ``lacking`` features in stored rows."""
    said = [
        f"{_named(found)} {'is' if len(found) == 1 else 'are'} {what}"
        for found, what in ((empty, "empty"), (lacking, "without what is new"))
        if found
    ]
    command = f"asof materialize --target {target}" if target else "asof materialize"
    return f"Next: {command} ({', '.join(said)})\n" if said else ""


ROLLED_BACK = "The files are as they were: change them too, or the next apply goes forward again.\n"


def _named(addresses: Collection[str]) -> str:
    names = sorted(address.partition("/")[2] for address in addresses)
    return ", ".join(names) if len(names) <= _NAMED else f"{len(names)} tables"


_NAMED = 3


def kept(out: object, digest: str) -> str:
    """Where a plan was kept, and how to apply exactly that."""
    return f"Kept in {out}. To apply exactly this: asof apply {out} --expect-sha256 {digest}"


def stopped(found: Standstill) -> str:
    """What ``asof plan`` says of an apply that did not finish."""
    said = f"note: apply {found.apply_id} of {found.owner} stopped on its way."
    return f"{said} asof apply --resume finishes it, --abort undoes it; another apply settles it first."


def resumed(done: Applied | None) -> str:
    """What ``asof apply --resume`` came to."""
    if done is None:
        return "Nothing to resume: no apply stopped on its way.\n"
    return f"Resumed: the registry is at serial {done.serial}, {_steps_done(done.steps)}.\n"


def aborted(done: Recovered | None) -> str:
    """What ``asof apply --abort`` came to."""
    if done is None:
        return "Nothing to abort: no apply stopped on its way.\n"
    if not done.committed:
        return f"Aborted: the registry stays at serial {done.serial}, {_steps_done(done.steps)}.\n"
    said = f"Too late to undo: readers see generation {done.serial}, whose last steps were finished"
    return f"{said}, {_steps_done(done.steps)}. asof rollback SERIAL goes back.\n"


def _steps_done(steps: Sequence[str]) -> str:
    return f"{len(steps)} step{'' if len(steps) == 1 else 's'} done"
