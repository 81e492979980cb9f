"""The SQL that users write in definitions: parsed, checked against the repo, traced, compared."""

from asof.compiler.query.syntax import SqlSyntaxError, inputs, parse, parse_expression

__all__ = ["SqlSyntaxError", "inputs", "parse", "parse_expression"]
