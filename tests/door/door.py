"""The user's door: cases become feature repos on disk and tables in a store, and processes answer as a reader.

Several cases share one repo, each under a prefix of its own, so that one apply and one start of Python serve them all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec.structs import replace

from asof.compiler.model import DataSource, Entity, FeatureService, FeatureView, Location, OnDemandFeatureView
from asof.compiler.types import Type
from asof.engines.arrow import arrow_type
from tests.door.written import text_of
from tests.oracle.cases import stored_columns
from tests.oracle.oracle import join_keys

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.compiler.model import AnyDefinition, ServiceItem
    from tests.engines import Runner
    from tests.oracle.cases import Case

ROOT = Path(__file__).parents[2]
_SDK = """
import json, sys, asof, pyarrow.parquet as pq
store = asof.Store(sys.argv[1])
for spine, service, timestamp, out in json.loads(sys.argv[2]):
    pq.write_table(store.historical(pq.read_table(spine), service=service, timestamp=timestamp), out)
"""


@dataclass(frozen=True)
class Door:
    """A feature repo with everything that some cases need; ``environment`` says as whom its processes ask."""

    folder: Path
    cases: Sequence[Case]
    environment: Mapping[str, str]

    def asof(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """The command line, as a process in the repo."""
        return self._process([sys.executable, str(ROOT / "cli.py"), "--no-color", *arguments], environment)

    def by_command_line(self, number: int) -> list[dict[str, object]]:
        """The training set of a case by ``asof history``."""
        case, out = self.cases[number], self.folder / f"cli{number}.parquet"
        spine = ("--spine", f"spine{number}.parquet", "--timestamp", case.timestamp)
        ran = self.asof("history", "--service", f"c{number}_asked", *spine, "--out", out.name)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return rows_of(pq.read_table(out))

    def by_sdk(self) -> list[list[dict[str, object]]]:
        """The training sets of all cases by ``asof.Store``, in one process."""
        outs = [self.folder / f"sdk{number}.parquet" for number in range(len(self.cases))]
        asked = [
            (str(self.folder / f"spine{number}.parquet"), f"c{number}_asked", case.timestamp, str(outs[number]))
            for number, case in enumerate(self.cases)
        ]
        ran = self._process([sys.executable, "-c", _SDK, str(self.folder), json.dumps(asked)], {})
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return [rows_of(pq.read_table(out)) for out in outs]

    def _process(self, command: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        whole = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment, **environment}
        return subprocess.run(command, cwd=self.folder, env=whole, capture_output=True, text=True, check=False)


def build(folder: Path, cases: Sequence[Case], store: Mapping[str, object], runner: Runner) -> None:
    """Write the repo of ``cases`` and load their rows through ``runner``, whose store ``store`` describes."""
    folder.mkdir(parents=True, exist_ok=True)
    target = {"registry": ".asof/registry", "offline": store}
    (folder / "asof.yaml").write_text(json.dumps({"version": 1, "project": "door", "targets": {"it": target}}))
    definitions: dict[str, AnyDefinition] = {}
    for number, case in enumerate(cases):
        prefix = f"c{number}_"
        items = tuple(_item(case, item, prefix) for item in case.items)
        service = FeatureService(name=f"{prefix}asked", features=items, full_feature_names=case.full_feature_names)
        for one in [*(_prefixed(one, prefix) for one in case.definitions), service]:
            definitions[one.address] = one
        for source in case.sources():
            runner.load(prefix + source.location.table, stored_columns(source), case.rows_of.get(source.name, ()))
        pq.write_table(spine_of(case), folder / f"spine{number}.parquet")
    (folder / "features.yaml").write_text(text_of(definitions.values()))


def spine_of(case: Case) -> pa.Table:
    """The spine as a user brings it."""
    columns = list(zip(*case.spine, strict=True)) or [()] * len(case.spine_columns)
    kinds = [arrow_type(kind) for _, kind in case.spine_columns if isinstance(kind, Type)]
    arrays = [pa.array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    return pa.table(dict(zip((name for name, _ in case.spine_columns), arrays, strict=True)))


def rows_of(table: pa.Table) -> list[dict[str, object]]:
    """Rows as the oracle has them: maps are dicts."""
    return [{name: _plain(value) for name, value in row.items()} for row in table.to_pylist()]


def _plain(value: Any) -> object:
    if isinstance(value, list):
        pairs = bool(value) and all(isinstance(one, tuple) for one in value)
        return {key: _plain(one) for key, one in value} if pairs else [_plain(one) for one in value]
    return value


def _prefixed(one: AnyDefinition, prefix: str) -> AnyDefinition:
    match one:
        case Entity():
            return one
        case DataSource() if one.type == "request":
            return replace(one, name=prefix + one.name)
        case DataSource():
            return replace(one, name=prefix + one.name, location=Location(table=prefix + one.location.table))
        case FeatureView():
            return replace(one, name=prefix + one.name, source=prefix + one.source)
        case OnDemandFeatureView():
            return replace(one, name=prefix + one.name, sources=tuple(prefix + name for name in one.sources))
    raise TypeError(f"{one.kind} is not in these cases")


def _item(case: Case, item: ServiceItem, prefix: str) -> ServiceItem:
    """The item under the view's new name, features named as before; only keys of the view are mapped."""
    view = case.repo.view(item.view)
    keys = join_keys(case.repo, view) if isinstance(view, FeatureView) else []
    mapped = tuple((key, column) for key, column in item.join_key_map if key in keys)
    return replace(item, view=prefix + item.view, alias=item.alias or item.view, join_key_map=mapped)
