"""The SQL that users write in definitions: parsed, checked against the repo, traced, compared."""

from asof.compiler.query.analysis import Analysis, Output
from asof.compiler.query.check import analyse_spine, analyse_view, check_sql, outputs_of
from asof.compiler.query.compare import Comparison, compare, unknown_tables
from asof.compiler.query.normal import canonical_sql
from asof.compiler.query.syntax import Outline, SqlSyntaxError, inputs, outline, parse, parse_expression

__all__ = [
    "Analysis",
    "Comparison",
    "Outline",
    "Output",
    "SqlSyntaxError",
    "analyse_spine",
    "analyse_view",
    "canonical_sql",
    "check_sql",
    "compare",
    "inputs",
    "outline",
    "outputs_of",
    "parse",
    "parse_expression",
    "unknown_tables",
]
