"""The SQL that users write in definitions: parsed, checked against the repo, traced, compared."""

from asof.compiler.query.analysis import Analysis, Output
from asof.compiler.query.check import analyse_spine, analyse_view, check_sql
from asof.compiler.query.syntax import SqlSyntaxError, inputs, parse, parse_expression

__all__ = [
    "Analysis",
    "Output",
    "SqlSyntaxError",
    "analyse_spine",
    "analyse_view",
    "check_sql",
    "inputs",
    "parse",
    "parse_expression",
]
