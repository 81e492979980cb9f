"""Text to tree: one SELECT, or one scalar expression, with the position of whatever is wrong."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, TokenError
from sqlglot.optimizer.scope import traverse_scope
from sqlglot.tokenizer_core import Token, TokenType

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEPTH = 100
"""Levels of a statement's tree, a chain of AND, OR or another operator counted once: whatever walks it afterwards may
take several frames for each."""

_TOO_DEEP = "this is nested too deep to be read: take it apart into several steps (WITH)"
_OPENING = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE)
_CLOSING = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE)
_DEEPER = dict.fromkeys(_OPENING, 1) | dict.fromkeys(_CLOSING, -1)
_OPENERS = frozenset({TokenType.SELECT, TokenType.WITH, TokenType.FROM, TokenType.L_PAREN, TokenType.TABLE})
_TEMPLATE = re.compile(r"\{[{%#]")
_COMMENT = re.compile(r"--|/\*|#")


class SqlSyntaxError(ValueError):
    """The text is not what it should be. ``line`` and ``column`` count from 1; ``length`` is in code points."""

    def __init__(self, message: str, line: int = 1, column: int = 1, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.length = length


def parse(text: str, dialect: str) -> exp.Query:
    """The one SELECT (or set operation, WITH ... SELECT) in ``text``.

    Raises SqlSyntaxError for anything else: DDL, DML, several statements, parameters, templates.
    """
    tokens = _tokens(text, dialect)
    if not tokens:
        raise SqlSyntaxError("the query is empty: write a SELECT")
    if tokens[0].token_type not in _OPENERS:
        raise _at(text, tokens[0], f"a query starts with SELECT or WITH, not with {_word(text, tokens[0])!r}")
    tree = _parsed(text, tokens, dialect)
    if not isinstance(tree, exp.Query):
        raise _at(text, tokens[0], "this is not a query: write one SELECT")
    _refuse_effects(text, tree)
    return tree


def parse_expression(text: str, dialect: str) -> exp.Expr:
    """The one scalar expression in ``text``, such as ``fare / nullif(distance, 0)``.

    Raises SqlSyntaxError. Aggregates and subqueries parse; whether they may stand here is for the checks.
    """
    tokens = _tokens(text, dialect)
    if not tokens:
        raise SqlSyntaxError("the expression is empty")
    if tokens[0].token_type in _OPENERS - {TokenType.L_PAREN}:
        raise _at(text, tokens[0], "write an expression over columns here, not a query")
    tree = _parsed(text, tokens, dialect)
    if isinstance(tree, exp.Alias):
        raise _of(text, tree, "an expression needs no AS: the feature's name is its name")
    if not isinstance(tree, exp.Condition | exp.Interval):
        raise _at(text, tokens[0], "this is not an expression over columns")
    _refuse_effects(text, tree)
    return tree


def inputs(query: exp.Query) -> tuple[str, ...]:
    """The tables that ``query`` reads, as written, sorted: every table name that no CTE in scope defines."""
    names: set[str] = set()
    for scope in traverse_scope(query):
        names.update(t.name for t in scope.tables if t.db or t.name not in scope.cte_sources)
    return tuple(sorted(names - {""}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What a query says of itself, without its tree: small enough to be kept for every query of a repo.

    ``tables`` as ``inputs`` has them; ``columns`` are its outputs in order, each with the column that it copies ("" is
    none: it is computed).
    """

    tables: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]


@lru_cache(maxsize=65_536)
def outline(text: str, dialect: str) -> Outline:
    """The outline of the query in ``text``, parsed once however many ask. Raises SqlSyntaxError as ``parse`` does."""
    query = parse(text, dialect)
    items = ((item.alias_or_name, item.unalias()) for item in query.selects)
    return Outline(
        tables=inputs(query),
        columns=tuple((name, made.name if isinstance(made, exp.Column) else "") for name, made in items),
    )


def position(text: str, offset: int) -> tuple[int, int]:
    """Line and column, both from 1, of the code point at ``offset``."""
    line = text.count("\n", 0, offset) + 1
    return line, offset - (text.rfind("\n", 0, offset) + 1) + 1


def extent(node: exp.Expr) -> tuple[int, int]:
    """Where ``node`` was written: offsets of its first code point and past its last; (0, 0) where unknown.

    The parser marks leaves only, so a node reaches from its first leaf to its last.
    """
    marks = [(n.meta["start"], n.meta["end"] + 1) for n in node.walk() if "start" in n.meta]
    if not marks:
        return (0, 0)
    return min(start for start, _ in marks), max(end for _, end in marks)


def _tokens(text: str, dialect: str) -> Sequence[Token]:
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text)
    except TokenError as error:
        _refuse_templates(text, ())
        start = getattr(error, "start", 0) or 0
        line, column = position(text, start)
        raise SqlSyntaxError("a quote or a comment is opened here and never closed", line, column) from error
    _refuse_templates(text, tokens)
    return tokens


def _parsed(text: str, tokens: Sequence[Token], dialect: str) -> exp.Expr:
    _refuse_depth(text, tokens)
    try:
        trees = Dialect.get_or_raise(dialect).parser().parse(list(tokens), text)
    except ParseError as error:
        raise _syntax_error(text, error) from error
    except RecursionError:
        raise SqlSyntaxError(_TOO_DEEP) from None
    except (TypeError, AttributeError, LookupError, ValueError) as error:
        # sqlglot itself stumbles over some texts that are no SQL, such as `SELECT -> ->`.
        raise SqlSyntaxError("this is not SQL that can be read") from error
    if len(trees) > 1:
        ends = [t for t in tokens if t.token_type is TokenType.SEMICOLON]
        after = next((t for t in tokens if t.start > ends[0].start), ends[0])
        raise _at(text, after, "one statement only: everything after the semicolon has no place here")
    if trees[0] is None:
        raise SqlSyntaxError("there is only a comment here")
    if _deeper(trees[0], MAX_DEPTH):
        raise SqlSyntaxError(_TOO_DEEP)
    return trees[0]


def _refuse_depth(text: str, tokens: Sequence[Token]) -> None:
    """The parser follows brackets down on the machine's own stack, and where that ends so does the process."""
    depth = 0
    for token in tokens:
        depth += _DEEPER.get(token.token_type, 0)
        if depth > MAX_DEPTH:
            raise _at(text, token, _TOO_DEEP)


def _deeper(tree: exp.Expr, levels: int) -> bool:
    """Whether something stands below more than ``levels`` others."""
    row: list[exp.Expr] = [tree]
    while row and levels:
        below: list[exp.Expr] = []
        while row:
            node = row.pop()
            for child in node.iter_expressions():
                chained = isinstance(child, exp.Binary) and type(child) is type(node)
                (row if chained else below).append(child)
        row, levels = below, levels - 1
    return bool(row)


def _refuse_templates(text: str, tokens: Sequence[Token]) -> None:
    starts = [t.start for t in tokens]
    for match in _TEMPLATE.finditer(text):
        at = match.start()
        index = bisect_right(starts, at) - 1
        inside = index >= 0 and tokens[index].start < at <= tokens[index].end
        gap = text[tokens[index].end + 1 if index >= 0 else 0 : at]
        if not inside and not _COMMENT.search(gap):
            line, column = position(text, at)
            raise SqlSyntaxError("plain SQL only: templates such as Jinja have no place here", line, column, 2)


def _refuse_effects(text: str, tree: exp.Expr) -> None:
    for node in tree.find_all(exp.DML, exp.DDL, exp.Into, exp.Lock, exp.Placeholder, exp.Parameter):
        if isinstance(node, exp.Query):
            continue
        if isinstance(node, exp.Placeholder | exp.Parameter):
            raise _of(text, node, "a definition has no parameters: write the value, or a column")
        raise _of(text, node, f"a query only reads: {type(node).__name__.upper()} has no place here")


def _syntax_error(text: str, error: ParseError) -> SqlSyntaxError:
    found = error.errors[0]
    highlight = found.get("highlight") or ""
    ends = _line_start(text, found.get("line") or 1) + (found.get("col") or 1)
    line, column = position(text, max(ends - len(highlight), 0))
    reason = str(found.get("description") or "")
    if reason.startswith("Required keyword"):
        message = f"something is missing after {highlight!r}"
    elif reason.startswith("Expecting"):
        message = f"{reason[0].lower()}{reason[1:].rstrip('.')} near {highlight!r}"
    else:
        message = f"{highlight!r} has no place here" if highlight else "this is not SQL that can be read"
    return SqlSyntaxError(message, line, column, max(len(highlight), 1))


def _line_start(text: str, line: int) -> int:
    at = 0
    for _ in range(line - 1):
        at = text.find("\n", at) + 1
    return at


def _word(text: str, token: Token) -> str:
    return text[token.start : token.end + 1]


def _at(text: str, token: Token, message: str) -> SqlSyntaxError:
    line, column = position(text, token.start)
    return SqlSyntaxError(message, line, column, token.end + 1 - token.start)


def _of(text: str, node: exp.Expr, message: str) -> SqlSyntaxError:
    start, end = extent(node)
    line, column = position(text, start)
    return SqlSyntaxError(message, line, column, max(end - start, 1))
