"""Where the definitions of a repo name each other and each other's columns, and where those are declared."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import yaml

from asof.compiler import shape
from asof.compiler.graph import graph_of
from asof.compiler.model import (
    SLUGS,
    DataSource,
    Entity,
    FeatureService,
    FeatureTest,
    FeatureView,
    OnDemandFeatureView,
    StreamFeatureView,
)
from asof.compiler.query.catalog import Catalog, timing_columns
from asof.compiler.query.source_map import SourceMap
from asof.compiler.yaml_reader import span_of
from asof.lsp.slots import ANY_ROWS, Names, slot_at
from asof.lsp.sql_names import SqlNames, names_in_expression, names_in_query, output_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.compiler.graph import Graph
    from asof.compiler.model import AnyDefinition, Repo
    from asof.compiler.source import Origin, Pointer, Span
    from asof.lsp.slots import Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Mention:
    """``name`` stands at ``span`` in the definition at ``reader``. In YAML the span holds the whole scalar."""

    reader: str
    span: Span
    name: str
    is_declaration: bool = False


class Mentions:
    """Looks names up in one sound repo, or in what could be built of one."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.catalog = Catalog(repo)

    @cached_property
    def graph(self) -> Graph:
        """Who reads whom."""
        return graph_of(self.repo)

    def resolve(self, kinds: Iterable[str], name: str) -> str:
        """The address that ``name`` stands for among ``kinds``; "" for none."""
        found = (f"{SLUGS[kind]}/{name}" for kind in kinds)
        return next((address for address in found if address in self.repo.definitions), "")

    def resolve_sql(self, name: str) -> str:
        """The address of a table that SQL names; a view hides a source of its name."""
        found = self.catalog.names.get(self.catalog.fold(name))
        return found.address if found is not None else ""

    def of_object(self, address: str) -> Iterator[Mention]:
        """Every place that names an object, its own ``name`` first."""
        span = declared(self.repo, address)
        if span is not None:
            name = self.repo.definitions[address].name
            yield Mention(reader=address, span=span, name=name, is_declaration=True)
        replaced = [a for a, d in self.repo.definitions.items() if d.deprecated is not None and d.deprecated.use]
        readers = (*self.graph.downstream.get(address, ()), *replaced)
        for reader in dict.fromkeys(readers):
            yield from self._in(reader, address)

    def _in(self, reader: str, address: str) -> Iterator[Mention]:
        origin = self.repo.origins.get(reader)
        definition = self.repo.definitions[reader]
        if origin is None:
            return
        for pointer, node, is_key in _scalars(origin.node):
            slot = slot_at(definition.kind, pointer, key=is_key)
            if slot is None:
                continue
            if slot.names in (Names.QUERY, Names.EXPRESSION) and not is_key:
                yield from self._in_sql(reader, origin, pointer, slot, address)
            elif self.target(definition, slot, node.value) == address:
                yield Mention(reader=reader, span=span_of(origin.path, node), name=_object_part(slot, node.value))

    def target(self, definition: AnyDefinition, slot: Slot, text: str) -> str:
        """The address of the object that ``text`` names at a slot; "" where it names none."""
        if slot.names in (Names.OBJECT, Names.FEATURE_OF):
            return self.resolve(slot.kinds, _object_part(slot, text))
        if slot.names is Names.ADDRESS:
            address = text if "/" in text else f"{SLUGS[definition.kind]}/{text}"
            return address if address in self.repo.definitions else ""
        return ""

    def _in_sql(self, reader: str, origin: Origin, pointer: Pointer, slot: Slot, address: str) -> Iterator[Mention]:
        text = str(origin.node_at(*pointer).value)
        written = SourceMap(origin, pointer)
        for name in names_at(slot, text, self.catalog).names:
            if name.column or not name.table:
                continue
            resolve = self.resolve_sql(name.table) if slot.names is Names.QUERY else self._input(reader, name.table)
            if resolve == address:
                span = written.span(name.start, name.end)
                yield Mention(reader=reader, span=span, name=text[name.start : name.end])

    def _input(self, reader: str, folded: str) -> str:
        """The source of an on-demand view that its expressions call by a (folded) name."""
        definition = self.repo.definitions[reader]
        names = definition.sources if isinstance(definition, OnDemandFeatureView) else ()
        name = next((name for name in names if self.catalog.fold(name) == folded), "")
        return self.resolve(ANY_ROWS, name) if name else ""

    def column(self, address: str, name: str, *, beyond: bool = False) -> Span | None:
        """Where a column, key or feature of an object is declared; ``beyond`` looks past the object's own list."""
        definition, origin = self.repo.definitions.get(address), self.repo.origins.get(address)
        if definition is None or origin is None:
            return None
        match definition:
            case DataSource():
                return self._source_column(definition, origin, name)
            case Entity():
                keys = [key.name for key in definition.join_keys]
                return origin.value("join_keys", keys.index(name), "name") if name in keys else None
            case FeatureView():
                return self._view_column(definition, origin, name, beyond=beyond)
            case OnDemandFeatureView():
                names = [feature.name for feature in definition.features]
                return origin.value("features", names.index(name), "name") if name in names else None
            case FeatureService():
                return self._service_column(definition, name)
            case _:
                return None

    def _source_column(self, source: DataSource, origin: Origin, name: str) -> Span | None:
        stored = {used: raw for raw, used in source.field_mapping}
        same = self.catalog.fold
        for at, column in enumerate(source.columns):
            if same(column.name) in (same(name), same(stored.get(name, name))):
                return origin.value("columns", at, "name")
        if name in stored:
            return origin.value("field_mapping", stored[name])
        if not source.columns and source.batch_source:
            return self.column(f"data_source/{source.batch_source}", name)
        return None

    def _view_column(self, view: FeatureView, origin: Origin, name: str, *, beyond: bool) -> Span | None:
        same = self.catalog.fold
        if not beyond:
            for at, column in enumerate(view.schema):
                if same(column.name) == same(name):
                    return origin.value("schema", at, "name")
            for at, aggregation in enumerate(view.aggregations):
                if any(same(aggregation.feature_name(w)) == same(name) for w in aggregation.windows):
                    named = "name" if aggregation.name else "column" if aggregation.column else "function"
                    return origin.value("aggregations", at, named)
            for entity in view.entities:
                found = self.column(f"entity/{entity}", name)
                if found is not None:
                    return found
            if name not in timing_columns(self.repo, view):
                return None
        if view.query:
            place = output_at(view.query, name, self.catalog)
            return SourceMap(origin, ("query",)).span(*place) if place else None
        read = view.source or (view.stream if isinstance(view, StreamFeatureView) else "")
        source = self.resolve(ANY_ROWS, read)
        if not source or source == view.address:
            return None
        behind = self.repo.definitions[source]
        found = self.column(source, name)
        if found is None and isinstance(behind, FeatureView):
            found = self.column(source, name, beyond=True)
        return found

    def _service_column(self, service: FeatureService, name: str) -> Span | None:
        for item in service.features:
            view = self.repo.view(item.view)
            if view is None:
                continue
            for feature, shown in shape.named_features(view, item, full_feature_names=service.full_feature_names):
                if shown == name:
                    return self.column(view.address, feature)
        return None

    def of_column(self, address: str, name: str) -> Iterator[Mention]:
        """Every place that names a column or feature of an object: its declaration, then its direct readers'."""
        target = self.column(address, name)
        if target is None:
            return
        yield Mention(reader=address, span=target, name=name, is_declaration=True)
        for reader in (address, *self.graph.downstream.get(address, ())):
            definition, origin = self.repo.definitions[reader], self.repo.origins.get(reader)
            if origin is None:
                continue
            for pointer, node, is_key in _scalars(origin.node):
                slot = slot_at(definition.kind, pointer, key=is_key)
                if slot is None:
                    continue
                yield from self._columns_at(definition, origin, pointer, node, slot, (target, name))

    def _columns_at(
        self,
        definition: AnyDefinition,
        origin: Origin,
        pointer: Pointer,
        node: yaml.ScalarNode,
        slot: Slot,
        wanted: tuple[Span, str],
    ) -> Iterator[Mention]:
        target, name = wanted
        if slot.names in (Names.QUERY, Names.EXPRESSION):
            written = SourceMap(origin, pointer)
            for one in names_at(slot, node.value, self.catalog).names:
                if self.catalog.fold(one.column) != self.catalog.fold(name) or not one.column:
                    continue
                found = self.sql_column(definition, slot, one.table, one.column)
                if found == target:
                    yield Mention(reader=definition.address, span=written.span(one.start, one.end), name=name)
            return
        text = node.value.partition(":")[2] if slot.names is Names.FEATURE_OF else node.value
        if text == name and self.named_column(definition, pointer, slot, node.value) == target:
            span = span_of(origin.path, node)
            if span != target:
                yield Mention(reader=definition.address, span=span, name=name)

    def sql_column(self, definition: AnyDefinition, slot: Slot, table: str, column: str) -> Span | None:
        """Where the column that SQL in ``definition`` names is declared."""
        if slot.names is Names.QUERY:
            address = self.resolve_sql(table) if table else ""
            return self.column(address, column) if address else None
        if isinstance(definition, OnDemandFeatureView):
            for name in definition.sources:
                if table in ("", self.catalog.fold(name)):
                    found = self.column(self.resolve(ANY_ROWS, name), column)
                    if found is not None:
                        return found
            return None
        return self._read(definition, column)

    def _read(self, definition: AnyDefinition, column: str) -> Span | None:
        origin = self.repo.origins.get(definition.address)
        if isinstance(definition, FeatureView) and origin is not None:
            return self._view_column(definition, origin, column, beyond=True)
        return None

    def named_column(self, definition: AnyDefinition, pointer: Pointer, slot: Slot, text: str) -> Span | None:
        """Where the column or feature named at a slot of YAML is declared."""
        match slot.names:
            case Names.READ_COLUMN:
                return self._read(definition, text)
            case Names.OWN_COLUMN:
                return self.column(definition.address, text)
            case Names.GIVEN_COLUMN:
                return self.column(self.resolve(ANY_ROWS, str(pointer[1])), text)
            case Names.FEATURE_OF:
                name, _, feature = text.partition(":")
                return self.column(self.resolve(slot.kinds, name), feature) if feature else None
            case Names.FEATURE | Names.JOIN_KEY if isinstance(definition, FeatureService):
                at = pointer[1] if isinstance(pointer[1], int) else 0
                view = self.repo.view(definition.features[at].view) if at < len(definition.features) else None
                return self.column(view.address, text) if view is not None else None
            case Names.EXPECTED if isinstance(definition, FeatureTest):
                address = self.resolve(("FeatureService",), definition.service)
                found = self.repo.view(definition.view)
                return self.column(address or (found.address if found is not None else ""), text)
            case _:
                return None


def declared(repo: Repo, address: str) -> Span | None:
    """Where an object says its name."""
    origin = repo.origins.get(address)
    return origin.value("name") if origin is not None else None


def names_at(slot: Slot, text: str, catalog: Catalog) -> SqlNames:
    """The names in the SQL at a slot."""
    return (names_in_query if slot.names is Names.QUERY else names_in_expression)(text, catalog)


def _object_part(slot: Slot, text: str) -> str:
    return text.partition(":")[0] if slot.names is Names.FEATURE_OF else text


def _scalars(node: yaml.Node, pointer: Pointer = ()) -> Iterator[tuple[Pointer, yaml.ScalarNode, bool]]:
    """Every scalar of a document with its pointer, and whether it is a key."""
    if isinstance(node, yaml.ScalarNode):
        yield pointer, node, False
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield (*pointer, key.value), key, True
                yield from _scalars(item, (*pointer, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for at, item in enumerate(node.value):
            yield from _scalars(item, (*pointer, at))
