"""PostgreSQL: with an index on (keys, event time) one probe per question is hard to beat."""

from __future__ import annotations

from asof.compiler import types
from asof.compiler.dialects.base import Dialect
from asof.compiler.dialects.calls import COMMON


class Postgres(Dialect):
    """LATERAL ... LIMIT 1 for the latest row; RANGE frames, which need no index, for windows."""

    name = "postgres"
    prologue = ("SET TimeZone = 'UTC'",)
    latest = "lateral"
    identifier_length = 63
    materialize_rows = False
    type_names = {name: names.postgres for name, names in types.SCALARS.items()}  # noqa: RUF012 - a constant table
    frame_functions = Dialect.functions - {"first", "last", "count_distinct"}
    nulls_first_descending = True
    carriers = {"bool": "int32", "uuid": "string"}  # noqa: RUF012 - a constant table
    calls = COMMON
