"""``policies/*.sql``: house rules as queries over the tables of a plan, run in a DuckDB that reaches nothing else.

A policy is one SELECT that returns a row for each breach: ``address`` and ``message``, and if it likes ``level``
(error or warn) and ``remedy``. It sees no file, no network and no clock, so that a plan stays what it is.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import duckdb

from asof.compiler.check.rules import BROKEN_POLICY
from asof.compiler.diagnostics import rule
from asof.compiler.plan import with_breaches
from asof.compiler.policies import as_warning, worded
from asof.compiler.query import SqlSyntaxError, parse
from asof.compiler.query.functions import clocks, volatiles
from asof.compiler.query.syntax import extent, position
from asof.compiler.source import Span
from asof.engines.sandbox import Sandbox, sandbox
from asof.ops.plan_tables import TABLES, fill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.guards import Blocked
    from asof.compiler.model import Repo
    from asof.compiler.plan import Plan
    from asof.compiler.policy_files import SqlPolicy

UNUSABLE = rule("AS662", "a policy's query cannot be used")
FAILED = rule("AS663", "a policy could not be judged")

SECONDS = 10.0
MOST = 1_000
"""Breaches that one policy may report."""
_REMEDY = "mend it, or change the policy {}"
_NEEDED = ("address", "message")
_KNOWN = (*_NEEDED, "level", "remedy")
_LINE = re.compile(r"LINE (\d+): (.*)\n(\s*)\^")
_QUOTED = re.compile(r"\"([^\"]+)\"|[Nn]ame ([\w./]+)|near \"([^\"]+)\"")


class _Row(NamedTuple):
    address: str
    message: str
    level: str
    remedy: str


def unusable(policies: Sequence[SqlPolicy]) -> tuple[Diagnostic, ...]:
    """AS662 for each policy whose query does not parse or bind, or returns no breaches: tried on empty tables."""
    found: list[Diagnostic] = []
    if not policies:
        return ()
    with _connected() as box:
        for policy in policies:
            found += _refused(box, policy)
    return tuple(found)


def judged(made: Plan, repo: Repo) -> Plan:
    """``made`` with what the policies of the repo say to it. Their queries have passed ``unusable``."""
    active = [policy for policy in repo.sql_policies if policy.severity != "off"]
    if not active:
        return made
    blocked: list[Blocked] = []
    warnings: list[Blocked] = []
    with _connected() as box:
        box.run(lambda: fill(box.connection, _read(box, active), made, repo))
        for policy in active:
            for severity, breach in _breaches(box, policy):
                kept = warnings if severity == "warn" else blocked
                accepts = repo.definitions.get(breach.address)
                if kept is blocked or accepts is None or breach.code not in dict(accepts.allow):
                    kept.append(breach)
    held = {policy.name: policy.severity for policy in active}
    return with_breaches(made, held, blocked, [as_warning(breach) for breach in warnings])


@contextmanager
def _connected() -> Iterator[Sandbox]:
    def work() -> None:
        for name, columns in TABLES.items():
            written = ", ".join(f'"{column}" {kind}' for column, kind in columns)
            box.connection.execute(f'CREATE TABLE "{name}" ({written})')

    with sandbox() as box:
        box.run(work)
        yield box


def _read(box: Sandbox, policies: Iterable[SqlPolicy]) -> frozenset[str]:
    """The tables that the policies name; what nobody reads need not be filled."""
    return frozenset(name for policy in policies for name in box.connection.get_table_names(policy.sql))


def _refused(box: Sandbox, policy: SqlPolicy) -> Iterator[Diagnostic]:
    text = policy.sql
    try:
        tree = parse(text, "duckdb")
    except SqlSyntaxError as error:
        end = error.column + max(error.length, 1)
        span = Span(path=policy.path, line=error.line, column=error.column, end_line=error.line, end_column=end)
        yield UNUSABLE.at(span, str(error))
        return
    for node in (*clocks(tree, "duckdb"), *volatiles(tree)):
        message = f"`{node.sql('duckdb')}` is another value each time: the same plan is to be judged the same"
        yield UNUSABLE.at(_span(policy, *extent(node)), message)
        return
    try:
        columns = box.run(lambda: box.connection.sql(text.strip().removesuffix(";")).columns)
    except duckdb.Error as error:
        yield UNUSABLE.at(_place(policy, str(error)), _said(error), notes=_hints(str(error)))
        return
    lacking = [name for name in _NEEDED if name not in columns]
    strange = [name for name in columns if name not in _KNOWN]
    if lacking or strange:
        message = f"it returns no column {lacking[0]}" if lacking else f"it returns a column {strange[0]}"
        note = "a breach is an address and a message, and may have a level (error or warn) and a remedy"
        yield UNUSABLE.at(_span(policy, *extent(tree)), message, notes=(note,))


def _breaches(box: Sandbox, policy: SqlPolicy) -> Iterator[tuple[str, Blocked]]:
    try:
        rows = _rows(box, policy)
    except (duckdb.Error, ValueError) as error:
        said = f"policy {policy.name} could not be judged: {_said(error)}"
        yield policy.severity, worded("", FAILED.code, said, f"mend {policy.path}", policy.name)
        return
    for row in rows:
        remedy = row.remedy or policy.remedy or _REMEDY.format(policy.path)
        said = row.message or policy.description or policy.name
        said = f"{row.address}: {said}" if row.address and row.address not in said else said
        breach = worded(row.address, BROKEN_POLICY.code, said, remedy, policy.name)
        yield row.level or policy.severity, breach


def _rows(box: Sandbox, policy: SqlPolicy) -> list[_Row]:
    """The breaches, sorted. Raises duckdb.Error, ValueError where there are too many or a level is none."""
    try:
        names, rows = box.answer(policy.sql, seconds=SECONDS, most=MOST + 1)
    except TimeoutError as error:
        raise ValueError(str(error)) from None
    if len(rows) > MOST:
        raise ValueError(f"it reports more than {MOST:,} breaches")
    made = []
    for row in rows:
        values = {name: "" if value is None else str(value) for name, value in zip(names, row, strict=True)}
        if values.get("level", "") not in ("", "error", "warn"):
            raise ValueError(f"level is {values['level']!r}, neither error nor warn")
        made.append(_Row(*(values.get(name, "") for name in _Row._fields)))
    return sorted(set(made))


def _said(error: Exception) -> str:
    """The engine's complaint in one sentence."""
    return str(error).partition("\n")[0].partition("Error: ")[2] or str(error).partition("\n")[0]


def _hints(text: str) -> tuple[str, ...]:
    """What the engine suggests, unless that is something of its own; and the tables there are."""
    tables = f"tables are {', '.join(TABLES)}"
    found = re.search(r"Candidate bindings: (.+)", text)
    return (f"columns are such as {found[1]}",) if found else (tables,) if "Table with name" in text else ()


def _place(policy: SqlPolicy, text: str) -> Span:
    """Where the engine points; else where the name that it complains of stands; else the whole query."""
    lines = policy.sql.splitlines()
    marked = _LINE.search(text)
    if marked is not None:
        line = int(marked[1])
        column = max(len(marked[3]) - len(f"LINE {line}: ") + 1, 1)
        return Span(path=policy.path, line=line, column=column, end_line=line, end_column=column + 1)
    for found in _QUOTED.finditer(text):
        name = next(part for part in found.groups() if part)
        for number, line_text in enumerate(lines, 1):
            at = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line_text.partition("--")[0])
            if at is not None:
                column = at.start() + 1
                end = at.end() + 1
                return Span(path=policy.path, line=number, column=column, end_line=number, end_column=end)
    first = next((n for n, line in enumerate(lines, 1) if line.strip() and not line.strip().startswith("--")), 1)
    return Span(path=policy.path, line=first, column=1, end_line=first, end_column=len(lines[first - 1]) + 1)


def _span(policy: SqlPolicy, start: int, end: int) -> Span:
    line, column = position(policy.sql, start)
    last_line, last_column = position(policy.sql, max(end, start + 1))
    return Span(path=policy.path, line=line, column=column, end_line=last_line, end_column=last_column)
