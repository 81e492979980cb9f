"""A valid YAML document -> the plain JSON of the model: shorthands spelt out, each thing in one form only."""

from __future__ import annotations

import csv
import io
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from asof.compiler.diagnostics import Diagnostic, Fix, Level, rule
from asof.compiler.duration import Duration
from asof.compiler.types import TypeSyntaxError, parse_type

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from asof.compiler.source import Origin

    Json = dict[str, Any]

BAD_TYPE = rule("AS213", "a text is not a type")
BAD_DURATION = rule("AS214", "a text is not a duration")
BAD_CSV = rule("AS217", "a text is not CSV with a header")
OTHER_NAME = rule("AS221", "a length of time has another name in features", Level.NOTE)
LONG_NAME = rule("AS218", "a name is longer than engines allow")

LONGEST_NAME = 63
"""Bytes; Postgres cuts longer names without a word."""

_TIMING = (
    "timestamp_field", "created_timestamp_column", "unique", "delay",
    "visibility", "timezone", "timestamp_unit", "valid_to",
)  # fmt: skip
_STREAM = ("bootstrap_servers", "topic", "stream", "region", "format", "watermark_delay")
_LOCATION = ("path", "table", "query")


class Lowering:
    """One document on its way to the model. ``found`` gathers what only shows while values are read, ``noted`` what
    keeps nothing from being built."""

    def __init__(self, origin: Origin, address: str = "", tables: Mapping[str, bytes] = MappingProxyType({})) -> None:
        self.origin = origin
        self.address = address
        self.tables = tables
        self.found: list[Diagnostic] = []
        self.noted: list[Diagnostic] = []

    def definition(self, document: Json) -> Json:
        """The model's JSON for a document that its kind's schema accepts."""
        made = dict(document)
        for key in ("tags", "allow"):
            _pairs(made, key)
        _KINDS[made["kind"]](self, made)
        return made

    def entity(self, made: Json) -> None:
        self.columns(made, "join_keys")

    def data_source(self, made: Json) -> None:
        self.timing(made)
        stream = _take(made, _STREAM)
        if stream:
            self.duration(stream, "watermark_delay")
            made["stream"] = stream
        if location := _take(made, _LOCATION):
            made["location"] = location
        for key in ("targets", "field_mapping"):
            _pairs(made, key)
        self.columns(made, "columns")

    def feature_view(self, made: Json) -> None:
        self.timing(made)
        self.duration(made, "ttl")
        self.duration(made, "max_age")
        self.columns(made, "schema")
        if "aggregations" in made:
            made["aggregations"] = [
                self.aggregation(item, "aggregations", at) for at, item in enumerate(made["aggregations"])
            ]

    def on_demand_feature_view(self, made: Json) -> None:
        self.columns(made, "features")

    def feature_service(self, made: Json) -> None:
        made["features"] = [self.service_item(item, at) for at, item in enumerate(made["features"])]

    def saved_dataset(self, made: Json) -> None:
        made["spine"] = dict(made["spine"])
        self.columns(made["spine"], "columns", "spine")

    def feature_test(self, made: Json) -> None:
        given = made.get("given", {})
        made["given"] = [(source, self.rows(given[source], "given", source)) for source in sorted(given)]
        for key in ("spine", "expect"):
            made[key] = self.rows(made[key], key)

    def aggregation(self, item: Json, *pointer: str | int) -> Json:
        made = dict(item)
        _pairs(made, "tags")
        made["windows"] = [self.window(window, *pointer, "windows", at) for at, window in enumerate(item["windows"])]
        self.name(made.get("name", ""), *pointer, "name")
        return made

    def window(self, item: str | Json, *pointer: str | int) -> Json:
        if isinstance(item, str):
            if item == "lifetime":
                return {}
            made = {"length": item}
            self.duration(made, "length", *pointer, inside=False)
            self.other_name(item, made["length"], *pointer)
            return made
        made = dict(item)
        if made["length"] == "lifetime":
            del made["length"]
        self.duration(made, "length", *pointer)
        self.duration(made, "offset", *pointer)
        if "length" in made and not made.get("name"):
            self.other_name(item["length"], made["length"], *pointer, "length")
        self.name(made.get("name", ""), *pointer, "name")
        return made

    def other_name(self, written: str, kept: str, *pointer: str | int) -> None:
        """Features are called by the shortest text of a length, whatever was written."""
        if written != kept:
            span = self.origin.value(*pointer)
            fix = Fix(title=f"write {kept}", span=span, text=kept)
            self.noted.append(OTHER_NAME.at(span, f"`{written}` is `{kept}` in the names of features", fixes=(fix,)))

    def service_item(self, item: str | Json, at: int) -> Json:
        if isinstance(item, str):
            view, _, feature = item.partition(":")
            return {"view": view, "features": [{"name": feature}]} if feature else {"view": view}
        made = dict(item)
        if "as" in made:
            made["alias"] = made.pop("as")
        _pairs(made, "join_key_map")
        if "features" in made:
            made["features"] = [
                {"name": feature}
                if isinstance(feature, str)
                else {"name": feature["name"], "alias": feature.get("as", "")}
                for feature in made["features"]
            ]
            for place, feature in enumerate(made["features"]):
                self.name(feature.get("alias", ""), "features", at, "features", place, "as")
        return made

    def columns(self, made: Json, key: str, *pointer: str | int) -> None:
        if key not in made:
            return
        columns = []
        for at, item in enumerate(made[key]):
            column = dict(item)
            _pairs(column, "tags")
            self.name(column["name"], *pointer, key, at, "name")
            try:
                column["type"] = parse_type(column["type"]).text
            except TypeSyntaxError as error:
                self.report(BAD_TYPE.at(self.origin.value(*pointer, key, at, "type"), str(error)))
            columns.append(column)
        made[key] = columns

    def timing(self, made: Json) -> None:
        timing = _take(made, _TIMING)
        if timing:
            self.duration(timing, "delay")
            made["timing"] = timing

    def duration(self, made: Json, key: str, *pointer: str | int, inside: bool = True) -> None:
        if key not in made:
            return
        try:
            made[key] = str(Duration.parse(made[key]))
        except ValueError as error:
            span = self.origin.value(*pointer, key) if inside else self.origin.value(*pointer)
            self.report(BAD_DURATION.at(span, str(error)))

    def rows(self, item: list[Json] | Json, *pointer: str | int) -> list[Json]:
        if isinstance(item, list):
            return item
        key = "csv" if "csv" in item else "csv_file"
        span = self.origin.value(*pointer, key)
        text = item[key]
        if key == "csv_file":
            if text not in self.tables:
                self.report(BAD_CSV.at(span, f"the repo has no file {text}"))
                return []
            try:
                text = self.tables[text].decode("utf-8-sig")
            except UnicodeDecodeError as error:
                self.report(BAD_CSV.at(span, f"{text} is no UTF-8: byte {error.start}"))
                return []
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows: list[Json] = []
        try:
            header = next(reader, [])
            if len(set(header)) != len(header) or not all(header):
                self.report(BAD_CSV.at(span, "the header names a column twice, or not at all"))
                return []
            for cells in reader:
                if cells and len(cells) != len(header):
                    message = f"line {reader.line_num} has {len(cells)} cells; the header has {len(header)}"
                    self.report(BAD_CSV.at(span, message))
                elif cells:
                    rows.append({name: cell if cell else None for name, cell in zip(header, cells, strict=True)})
        except csv.Error as error:
            self.report(BAD_CSV.at(span, f"line {reader.line_num}: {error}"))
        return rows

    def name(self, name: str, *pointer: str | int) -> None:
        size = len(name.encode("utf-8", "surrogatepass"))
        if size > LONGEST_NAME:
            message = f"`{name}` takes {size} bytes; {LONGEST_NAME} is the most"
            self.report(LONG_NAME.at(self.origin.value(*pointer), message))

    def report(self, found: Diagnostic) -> None:
        self.found.append(found)


_KINDS: dict[str, Callable[[Lowering, Json], None]] = {
    "Entity": Lowering.entity,
    "DataSource": Lowering.data_source,
    "FeatureView": Lowering.feature_view,
    "StreamFeatureView": Lowering.feature_view,
    "OnDemandFeatureView": Lowering.on_demand_feature_view,
    "FeatureService": Lowering.feature_service,
    "SavedDataset": Lowering.saved_dataset,
    "FeatureTest": Lowering.feature_test,
}


def lower_project(document: Json) -> Json:
    """The model's JSON for an asof.yaml that its schema accepts."""
    made = dict(document)
    made["targets"] = [
        {
            "name": name,
            "registry": target["registry"],
            **{k: _store(target[k]) for k in ("offline", "online") if k in target},
        }
        for name, target in document["targets"].items()
    ]
    policies = document.get("policies", {})
    made["policies"] = [_policy(name, policies[name]) for name in sorted(policies)]
    if "ownership" in made:
        made["ownership"] = dict(made["ownership"])
        _pairs(made["ownership"], "tags")
    if "approvals" in made:
        made["approvals"] = dict(made["approvals"])
        _pairs(made["approvals"], "also")
    return made


def _policy(name: str, item: str | Json) -> Json:
    if isinstance(item, str):
        return {"rule": name, "severity": item}
    options = {key: value for key, value in item.items() if key not in ("severity", "targets")}
    made = {"rule": name, "severity": item["severity"], "options": sorted(options.items())}
    return made | ({"targets": sorted(item["targets"].items())} if "targets" in item else {})


def _store(item: Json) -> Json:
    options = {key: value for key, value in item.items() if key != "type"}
    return {"type": item["type"], "options": sorted(options.items())}


def _take(made: Json, keys: tuple[str, ...]) -> Json:
    return {key: made.pop(key) for key in keys if key in made}


def _pairs(made: Json, key: str) -> None:
    """A map as a sorted list of pairs: the order it was written in means nothing."""
    if key in made:
        made[key] = sorted(made[key].items())
