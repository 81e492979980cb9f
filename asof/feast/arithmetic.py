"""On-demand Python that is plain arithmetic, as SQL: translated only where both surely give the same numbers.

pandas computes in the types of its columns, SQL in its own. They agree where every step is an addition, subtraction or
multiplication of 64-bit floats (IEEE 754 leaves no choice), and a missing operand gives a missing result in both. So
each operation must have a 64-bit float among its operands, or one of each of 32-bit float and integer, which pandas
widens; then all operands are cast to float64. Everything else is left to a person: integers (pandas wraps round, SQL
refuses), 32-bit results (engines round at other places), division (by zero), and any other function.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPERATORS: dict[type[ast.operator], type[exp.Binary]] = {ast.Add: exp.Add, ast.Sub: exp.Sub, ast.Mult: exp.Mul}
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class _Term:
    tree: exp.Expr
    kind: str
    """The column's type, or ``number`` for a constant, which takes the other operand's."""


class _NotPlain(Exception):  # noqa: N818 - an outcome: a person writes it
    """Not arithmetic, or not surely the same in SQL."""


def expressions(
    text: str, inputs: Mapping[str, str], outputs: Mapping[str, str], dialect: str
) -> dict[str, str] | None:
    """SQL for each of ``outputs`` (name -> type), or None where the function of ``text`` is not such arithmetic.

    ``inputs``: column of the function's data frame -> type. The function makes an empty data frame, assigns columns
    of it and returns it.
    """
    try:
        made = _assigned(text)
        if made.keys() != outputs.keys() or set(outputs.values()) != {"float64"}:
            return None
        terms = {name: _term(made[name], inputs, 0) for name in outputs}
    except (_NotPlain, SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    if any(term.kind != "float64" for term in terms.values()):
        return None
    return {name: term.tree.sql(dialect) for name, term in terms.items()}


def _assigned(text: str) -> dict[str, ast.expr]:
    """The expression of each column that the function assigns to its result."""
    functions = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or len(functions[0].args.args) != 1:
        raise _NotPlain
    given, body = functions[0].args.args[0].arg, functions[0].body
    if isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        body = body[1:]
    match body:
        case [
            ast.Assign(
                targets=[ast.Name(id=frame)],
                value=ast.Call(func=ast.Attribute(value=ast.Name(), attr="DataFrame"), args=[], keywords=[]),
            ),
            *steps,
            ast.Return(value=ast.Name(id=returned)),
        ] if frame == returned != given:
            return dict(_step(step, frame, given) for step in steps)
    raise _NotPlain


def _step(step: ast.stmt, frame: str, given: str) -> tuple[str, ast.expr]:
    match step:
        case ast.Assign(
            targets=[ast.Subscript(value=ast.Name(id=to), slice=ast.Constant(value=str(column)))], value=value
        ) if to == frame:
            names = {node.id for node in ast.walk(value) if isinstance(node, ast.Name)}
            if names == {given}:
                return column, value
    raise _NotPlain


def _term(node: ast.expr, inputs: Mapping[str, str], depth: int) -> _Term:
    if depth > _DEEPEST:
        raise _NotPlain
    match node:
        case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str(column))) if column in inputs:
            plain = exp.column(exp.to_identifier(column, quoted=True))
            return _Term(plain, inputs[column])
        case ast.Constant(value=bool()):
            raise _NotPlain
        case ast.Constant(value=int() | float() as number) if abs(number) < 2**53:
            return _Term(exp.Literal.number(repr(number)), "number")
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            a, b = _term(left, inputs, depth + 1), _term(right, inputs, depth + 1)
            if not _widened(a.kind, b.kind):
                raise _NotPlain
            made = _OPERATORS[type(operator)](this=_operand(a), expression=_operand(b))
            return _Term(exp.paren(made) if depth else made, "float64")
    raise _NotPlain


def _widened(a: str, b: str) -> bool:
    """Whether pandas computes with 64-bit floats."""
    kinds = {a, b}
    if not kinds <= {"float64", "float32", "int32", "int64", "number"}:
        return False
    return "float64" in kinds or ("float32" in kinds and bool(kinds & {"int32", "int64"}))


def _operand(term: _Term) -> exp.Expr:
    return term.tree if term.kind == "float64" and not isinstance(term.tree, exp.Column) else _cast(term.tree)


def _cast(tree: exp.Expr) -> exp.Expr:
    return exp.Cast(this=tree, to=exp.DataType.build("DOUBLE"))
