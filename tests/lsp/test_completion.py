"""What may be written at the cursor, in the flights repo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof import api
from asof.lsp.completion import Suggestion, complete
from tests.golden import ROOT

if TYPE_CHECKING:
    from asof.compiler.model import Repo

MARK = "§"
VIEW = "kind: FeatureView\nname: x\n"
LANDINGS = f"{VIEW}source: landings\n"


@pytest.fixture(scope="module")
def repo() -> Repo:
    found = api.check(ROOT.parent / "repos" / "flights").sound
    assert found is not None
    return found


def suggested(marked: str, repo: Repo | None, *, is_project: bool = False) -> tuple[Suggestion, ...]:
    offset = marked.index(MARK)
    return complete(marked.replace(MARK, "", 1), offset, is_project=is_project, repo=repo).items


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("§", ["kind: ", "name: ", "description: "]),
        ("kind: §", ["Entity", "DataSource", "FeatureView"]),
        ("kind: Entity\n§", ["name: ", "join_keys:\n  - ", "description: "]),
        (f"{VIEW}source: §", ["airframe", "airport_site", "airport_traffic", "airports"]),
        (f"{VIEW}source:§", [" airframe", " airport_site"]),
        (f"{VIEW}entities: §", ["[aircraft]", "[airport]"]),
        (f"{VIEW}entities: [airport, §]", ["aircraft", "airport"]),
        (f"{VIEW}entities:\n  §", ["- aircraft", "- airport"]),
        (f"{VIEW}ttl: §", ["6h", "90s", "1h30m", "7d"]),
        (f"{VIEW}online: §", ["true", "false"]),
        (f"{VIEW}visibility: §", ["event", "created"]),
        (f"{LANDINGS}schema:\n  - name: §", ["flight_id", "carrier", "tailnum"]),
        (f"{LANDINGS}schema:\n  - {{name: tailnum}}\n  - name: §", ["flight_id", "carrier", "origin"]),
        (f"{LANDINGS}schema:\n  - {{name: tailnum, type: §}}", ["bool", "int32", "int64"]),
        (f"{LANDINGS}aggregations:\n  - §", ["function: ", "windows:\n      - ", "column: "]),
        (f"{LANDINGS}aggregations:\n  - function: §", ["count", "sum", "mean"]),
        (f"{LANDINGS}aggregations:\n  - {{function: sum, column: §}}", ["flight_id", "carrier"]),
        (f"{LANDINGS}aggregations:\n  - {{function: sum, by: §}}", ["flight_id", "carrier"]),
        (f"{LANDINGS}aggregations:\n  - {{function: sum, where: arr§}}", ["flight_id", "carrier"]),
        (f"{LANDINGS}aggregations:\n  - {{function: sum, windows: [§]}}", ["7d", "lifetime", "10m"]),
        (f"{VIEW}query: |\n  SELECT §\n  FROM landings", ["flight_id", "carrier"]),
        (f"{VIEW}query: |\n  SELECT l.§ FROM planes p JOIN landings AS l ON 1", ["flight_id", "carrier"]),
        (f"{VIEW}query: |\n  SELECT 1 FROM §", ["airframe", "airport_site"]),
        (f"{VIEW}query: SELECT tailnum AS t, landed_at FROM landings\ntimestamp_field: §", ["t", "landed_at"]),
        (f"{VIEW}query: SELECT tailnum AS t, landed_at FROM landings\nunique: [§]", ["t", "landed_at"]),
        ("kind: FeatureService\nname: s\nfeatures:\n  - §", ["airframe", "airport_site"]),
        ("kind: FeatureService\nname: s\nfeatures:\n  - airport_site:§", ["lat", "lon"]),
        ("kind: FeatureService\nname: s\nfeatures:\n  - {view: airport_site, features: [§]}", ["lat", "lon"]),
        ("kind: FeatureService\nname: s\nfeatures:\n  - {view: airport_site, join_key_map: {§}}", ["airport: "]),
        ("kind: SavedDataset\nname: s\nservice: §", ["arrival_delay"]),
        ("kind: FeatureTest\nname: t\nview: weather\ngiven:\n  weather_observations:\n    - {§", ["airport: "]),
        ("kind: FeatureTest\nname: t\nview: weather\nexpect:\n  - {§}", ["temp_f: ", "wind_dir_deg: "]),
        (
            "kind: OnDemandFeatureView\nname: o\nsources: [weather]\nfeatures:\n  - {expression: t§}",
            ["airport", "temp_f"],
        ),
        ("kind: DataSource\nname: s\ntype: kafka\n§", ["bootstrap_servers: ", "topic: "]),
        ("kind: DataSource\nname: s\ncolumns:\n  - {name: at, type: timestamp}\ntimestamp_field: §", ["at"]),
    ],
)
def test_what_comes_first(repo: Repo, marked: str, first: list[str]) -> None:
    assert [item.text for item in suggested(marked, repo)][: len(first)] == first


def test_keys_that_are_there_are_not_offered_again_and_each_says_what_it_is_for(repo: Repo) -> None:
    keys = suggested(f"{VIEW}source: landings\n§", repo)
    assert {"kind", "name", "source"}.isdisjoint(item.label for item in keys)
    assert all(item.documentation for item in keys)


def test_a_batch_source_is_offered_no_keys_of_streams(repo: Repo) -> None:
    assert "topic" not in [item.label for item in suggested("kind: DataSource\nname: s\n§", repo)]


def test_the_project_file_and_its_stores(repo: Repo) -> None:
    assert [i.label for i in suggested("§", repo, is_project=True)][:3] == ["version", "project", "targets"]
    text = "targets:\n  local:\n    offline: {type: postgres, §}"
    assert "url" in [i.label for i in suggested(text, repo, is_project=True)]


def test_without_a_repo_the_language_is_still_known() -> None:
    assert next(i.label for i in suggested("kind: Entity\n§", None)) == "name"
    assert suggested(f"{VIEW}source: §", None) == ()
