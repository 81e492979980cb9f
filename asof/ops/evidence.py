"""What was found out beside a plan by running queries: counter-examples and a preview.

A plan is pure and holds no data; evidence has a file of its own, and names the plan that it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE

if TYPE_CHECKING:
    from asof.compiler.plan import Plan

EVIDENCE_FORMAT = 1
UNREADABLE_EVIDENCE = rule("AS618", "evidence file cannot be read")
OTHER_PLAN = rule("AS619", "evidence belongs to another plan")


class ExampleRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A row of a counter-example: ``side`` is the table it is given in, or ``old`` or ``new`` where it comes out.

    ``cells`` are values as SQL writes them, one for each column of the example; "" where the row has none.
    There are none where ``said`` stands for a row: that there is no such one, or that the query fails.
    """

    side: str
    cells: tuple[str, ...] = ()
    said: str = ""


class Example(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of the search for rows on which two versions of a piece of SQL differ.

    ``rows`` hold them, five at most; none where ``tried`` generated rows showed no difference, or where
    nothing could be tried and ``why`` says so. ``more`` and ``hidden`` count rows and columns that are not shown.
    """

    address: str
    pointer: str
    columns: tuple[str, ...] = ()
    rows: tuple[ExampleRow, ...] = ()
    more: int = 0
    hidden: int = 0
    tried: int = 0
    why: str = ""


class Side(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The values of one feature before or after: ``nulls`` and ``distinct`` are counts.

    Numbers have ``mean`` and ``quantiles`` (5, 25, 50, 75 and 95 %).
    """

    nulls: int
    distinct: int
    mean: float | None = None
    quantiles: tuple[float, ...] = ()


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One bin of the picture of a feature, and how many old and new values fall into it."""

    label: str
    old: int
    new: int


class Differing(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the spine whose value changes: what it asks for, and both values as text."""

    keys: tuple[tuple[str, str], ...]
    old: str
    new: str


class Shift(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How one feature comes out before and after, over the same ``rows`` of a spine; ``changed`` of them differ.

    ``psi`` is the population stability index of its values (docs/review.md has the formula). ``kind`` is number,
    time or category: ``bars`` are steps of a scale, or the commonest values.
    """

    view: str
    feature: str
    kind: str
    rows: int
    changed: int
    psi: float
    old: Side
    new: Side
    bars: tuple[Bar, ...] = ()
    differing: tuple[Differing, ...] = ()

    @property
    def share(self) -> float:
        """The part of the rows that changes, 0 to 1."""
        return self.changed / self.rows if self.rows else 0.0


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A changed view that could not be previewed, and why."""

    view: str
    why: str


class Preview(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Old and new values of the changed features, over ``rows`` of the ``of`` rows that the spine has."""

    spine: str
    rows: int
    of: int
    shifts: tuple[Shift, ...] = ()
    skipped: tuple[Skipped, ...] = ()


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """All of it. ``effect`` is that of the plan it belongs to."""

    format: int
    effect: str
    examples: tuple[Example, ...] = ()
    preview: Preview | None = None

    def example(self, address: str, pointer: str) -> Example | None:
        """What was found for one changed piece of SQL."""
        return next((e for e in self.examples if (e.address, e.pointer) == (address, pointer)), None)


def evidence_of(made: Plan, examples: tuple[Example, ...] = (), preview: Preview | None = None) -> Evidence:
    """What was found out about ``made``."""
    return Evidence(format=EVIDENCE_FORMAT, effect=made.effect, examples=examples, preview=preview)


def evidence_bytes(found: Evidence) -> bytes:
    """The evidence as a file."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def evidence_from_bytes(body: bytes, made: Plan) -> Evidence:
    """The inverse. Raises DiagnosticError: AS618 damaged or of another format, AS619 found out about another plan."""
    try:
        found = msgspec.json.decode(body, type=Evidence)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DiagnosticError(UNREADABLE_EVIDENCE.at(NOWHERE, f"this is no evidence: {error}")) from error
    if found.format != EVIDENCE_FORMAT:
        message = f"it has format {found.format}; this asof reads format {EVIDENCE_FORMAT}"
        raise DiagnosticError(UNREADABLE_EVIDENCE.at(NOWHERE, message))
    if found.effect != made.effect:
        message = "it was found out about another plan; write it again with `asof plan --evidence`"
        raise DiagnosticError(OTHER_PLAN.at(NOWHERE, message))
    return found
