"""Functions in users' SQL: which exist, and which do not give the same answer twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from asof.compiler.query.function_names import NAMES

if TYPE_CHECKING:
    from collections.abc import Iterator

CLOCKS = frozenset(
    """now today current_date current_time current_timestamp localtime localtimestamp get_current_time
    get_current_timestamp current_localtime current_localtimestamp transaction_timestamp statement_timestamp
    clock_timestamp timeofday getdate sysdate""".split()  # noqa: SIM905 - a list of words reads as words
)
VOLATILE = frozenset(
    """random rand setseed uuid uuidv4 uuidv7 gen_random_uuid random_normal randomblob nextval currval lastval setval
    getvariable current_setting current_query current_query_id current_connection_id current_transaction_id
    txid_current sleep_ms pg_sleep error changes total_changes last_insert_rowid stats""".split()  # noqa: SIM905
)
_SQLITE_TIMES = frozenset({"date", "time", "datetime", "julianday", "unixepoch", "strftime"})
_CLOCK_NODES = (
    exp.CurrentTimestamp,
    exp.CurrentDate,
    exp.CurrentTime,
    exp.CurrentDatetime,
    exp.Localtime,
    exp.Localtimestamp,
)
_VOLATILE_NODES = (exp.Rand, exp.Randn, exp.Uuid, exp.NextValueFor)


def written_name(node: exp.Func, text: str) -> str:
    """The function's name as the user wrote it, in lower case; "" where the node has another syntax."""
    if "start" not in node.meta:
        return ""
    end = node.meta["end"] + 1
    called = text[end:].lstrip()[:1] == "("
    name = text[node.meta["start"] : end].lower()
    return name if called and name.isidentifier() else ""


def exists(name: str, dialect: str) -> bool:
    """Whether ``dialect`` has a function of that name; True where its catalogue is not known here."""
    return dialect not in NAMES or name in NAMES[dialect]


def names_in(dialect: str) -> frozenset[str]:
    """Every function name of ``dialect`` that is known here."""
    return NAMES.get(dialect, frozenset())


def clocks(tree: exp.Expr, dialect: str) -> Iterator[exp.Expr]:
    """Nodes whose value is the time at which the query runs."""
    for node in tree.walk():
        named = isinstance(node, exp.Anonymous | exp.Func) and _name(node) in CLOCKS
        if isinstance(node, _CLOCK_NODES) or named or _reads_now(node, dialect):
            yield node


def volatiles(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Nodes that give another value each time, apart from clocks; samples of a table among them."""
    for node in tree.walk():
        named = isinstance(node, exp.Anonymous) and _name(node) in VOLATILE
        if isinstance(node, (*_VOLATILE_NODES, exp.TableSample)) or named:
            yield node


def _name(node: exp.Expr) -> str:
    return node.name.lower() if isinstance(node, exp.Anonymous) else ""


def _reads_now(node: exp.Expr, dialect: str) -> bool:
    if isinstance(node, exp.Literal) and node.is_string and node.name.lower() in ("now", "today"):
        holder = node.parent
        return isinstance(holder, exp.Cast) or (dialect == "sqlite" and isinstance(holder, exp.Func))
    if isinstance(node, exp.Anonymous) and node.name.lower() == "age":
        return len(node.expressions) == 1
    return dialect == "sqlite" and _name(node) in _SQLITE_TIMES and not node.expressions
