"""On-demand features when they are asked for: the definition's own SQL, run by DuckDB on a few rows in memory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from sqlglot import exp

from asof.compiler import shape, tree
from asof.compiler.dialects import DIALECTS
from asof.compiler.model import Column, OnDemandFeatureView, ServiceItem, Store
from asof.compiler.pit.resolve import Computed, Input, value_of
from asof.compiler.query import parse_expression
from asof.compiler.translate import translated
from asof.engines import connect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.model import Repo
    from asof.compiler.pit.resolve import Output

_INPUTS = "asof_inputs"
_ROW = "asof_row"
_DUCKDB = DIALECTS["duckdb"]


class OnDemand:
    """The on-demand features of a selection, compiled once. Not shared between threads.

    ``inputs`` are the stored features they need, in the order in which ``compute`` wants their columns.
    """

    def __init__(self, repo: Repo, computed: Sequence[Output], inputs: Sequence[Input]) -> None:
        self._repo = repo
        self._names = {one: f"i{place}" for place, one in enumerate(inputs)}
        self._columns = tuple(
            Column(name=f"o{place}", type=output.value.feature.type)
            for place, output in enumerate(computed)
            if isinstance(output.value, Computed)
        )
        values = [
            tree.named(self._value(output.value), column.name)
            for output, column in zip(computed, self._columns, strict=True)
        ]
        query = tree.select(values, tree.table(_INPUTS)).order_by(tree.column("", _ROW))
        self._sql = query.sql(dialect="duckdb")
        self._engine = connect(Store(type="duckdb", options=(("threads", 1),)), root=Path())

    def compute(self, inputs: Sequence[pa.Array], request: Mapping[str, pa.Array], rows: int) -> list[pa.ChunkedArray]:
        """The on-demand features for ``rows`` rows, in the order they were given in; typed as declared."""
        columns = dict(zip(self._names.values(), inputs, strict=True)) | {f"r_{n}": a for n, a in request.items()}
        table = pa.table({_ROW: pa.array(range(rows), pa.int64()), **columns})
        self._engine.load(_INPUTS, table.to_reader())
        return list(self._engine.query(self._sql, self._columns).read_all().columns)

    def close(self) -> None:
        """Free the memory that DuckDB holds."""
        self._engine.close()

    def _value(self, value: Input | Computed) -> exp.Expr:
        if isinstance(value, Input):
            return tree.column("", self._names[value])
        known = self._known(value)
        parsed = parse_expression(value.feature.expression, self._repo.project.sql_dialect)
        written = translated(parsed, self._repo, _DUCKDB, value.view.address)
        made = written.transform(
            lambda node: known.get(node.name, node).copy() if isinstance(node, exp.Column) else node
        )
        return _DUCKDB.cast(made, value.feature.type)

    def _known(self, value: Computed) -> Mapping[str, exp.Expr]:
        found: dict[str, exp.Expr] = {}
        for source in value.view.sources:
            request, view = self._repo.source(source), self._repo.view(source)
            if request is not None:
                found |= {column.name: tree.column("", f"r_{column.name}") for column in request.columns}
            elif view is not None:
                item = ServiceItem(view=source, join_key_map=value.item.join_key_map)
                for name in shape.features(view):
                    inner = self._value(value_of(self._repo, item, name))
                    found[name] = exp.Paren(this=inner) if isinstance(view, OnDemandFeatureView) else inner
        return found
