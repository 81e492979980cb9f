"""What validate passes is carried out: nothing is refused later that the definitions and the target tell."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from asof import api, api_checks, engines
from asof.cli import ExitCode, main
from asof.compiler import support
from asof.compiler.artifacts import artifacts
from asof.compiler.diagnostics import Level, has_errors
from tests.golden import ROOT

if TYPE_CHECKING:
    from pathlib import Path

STORES = {
    "duckdb": "path: .asof/o.db",
    "postgres": 'url: "postgresql://nowhere"',
    "sqlite": "path: .asof/o.sqlite",
    "bigquery": "project: p, dataset: d",
    "snowflake": "account: a, database: d",
    "clickhouse": 'url: "http://nowhere"',
    "spark": "",
    "redshift": "database: d",
    "trino": "host: h, catalog: c",
}
TARGETS = "".join(
    f"  {store}: {{registry: .asof/{store}, offline: {{type: {store}{', ' * bool(options)}{options}}}}}\n"
    for store, options in STORES.items()
)
QUERIES = (
    "SELECT k, ts, v FROM s",
    "SELECT k, ts, CAST(BOOL_OR(v > 1) AS DOUBLE) AS v FROM s GROUP BY k, ts",
    "SELECT k, ts, ROUND(v, 1) AS v FROM s",
    "SELECT k, ts, CAST(DATE_DIFF('day', DATE '2024-01-01', CAST(ts AS DATE)) AS DOUBLE) AS v FROM s",
    "SELECT s.k, s.ts, CAST(u.v AS DOUBLE) AS v FROM s, UNNEST([s.v]) AS u(v)",
    "SELECT k, ts, v FROM s WHERE ts > TIMESTAMPTZ '2024-01-01' - INTERVAL 3 DAY",
    "SELECT k, ts, CAST(LENGTH(n) AS DOUBLE) AS v FROM s",
    "SELECT k, ts, CAST(REGEXP_EXTRACT(n, 'a') AS DOUBLE) AS v FROM s",
    "WITH RECURSIVE r AS (SELECT k, ts, v FROM s) SELECT k, ts, v FROM r",
)
WHERES = ("v > 1", "n LIKE 'a%'", "REGEXP_MATCHES(n, 'a')", "YEAR(ts) = 2024", "STRFTIME(ts, '%Y') = '2024'")
EXPRESSIONS = ("v + 1", "GREATEST(v, 1)", "REGEXP_EXTRACT(CAST(v AS VARCHAR), '1')", "LEVENSHTEIN('a', 'b')")
LOCATIONS = (
    "table: raw",
    "path: data/s.csv",
    "path: data/*.parquet",
    "path: data/[ab].parquet",
    "query: SELECT k, ts, v, n FROM raw",
    "query: SELECT k, ts, v, REGEXP_EXTRACT(n, 'b') AS n FROM raw",
)
MORE = {"percentile": ", percentiles: [0.5, 0.9]", "approx_percentile": ", percentiles: [0.5]", "last_n": ", n: 3"}
FUNCTIONS = ("count", "sum", "last", "percentile", "last_n", "approx_percentile", "skew", "mode")


def repo(rng: random.Random) -> str:
    """A repo that reads well: one source, one view of some shape, perhaps a service with an on-demand view."""
    zone = rng.choice(("", "", "timezone: Europe/Berlin\n"))
    text = f"""kind: Entity
name: e
join_keys: [{{name: k, type: int64}}]
---
kind: DataSource
name: s
{rng.choice(LOCATIONS)}
timestamp_field: ts
{zone}columns:
  - {{name: k, type: int64}}
  - {{name: ts, type: timestamp}}
  - {{name: v, type: float64}}
  - {{name: n, type: string}}
---
kind: FeatureView
name: {rng.choice(("v", "a_view_with_a_name_of_nearly_sixty_bytes_that_grows_longer"))}
entities: {rng.choice(("[e]", "[e]", "[]"))}
"""
    asked = rng.random() < 0.5
    text += f'query: "{rng.choice(QUERIES)}"\ntimestamp_field: ts\n' if asked else "source: s\n"
    if rng.random() < 0.5:
        function = rng.choice(FUNCTIONS)
        more = MORE.get(function, "")
        where = f', where: "{rng.choice(WHERES)}"' if not asked and rng.random() < 0.5 else ""
        by = ", by: n" if not asked and function in ("count", "sum") and rng.random() < 0.3 else ""
        text += f"aggregations: [{{function: {function}, column: v, name: f, windows: [1d]{more}{where}{by}}}]\n"
        return text
    name = re.findall("kind: FeatureView\nname: (.*)", text)[0]
    text += "schema: [{name: v, type: float64}]\n"
    if rng.random() < 0.5:
        text += f"""---
kind: OnDemandFeatureView
name: o
sources: [{name}]
features: [{{name: x, type: string, expression: "CAST({rng.choice(EXPRESSIONS)} AS VARCHAR)"}}]
---
kind: FeatureService
name: service
features: [{{view: o}}, {{view: {name}}}]
"""
    return text


@pytest.mark.parametrize("seed", range(40))
def test_where_validate_is_green_compile_is_too(seed: int, tmp_path: Path) -> None:
    """Repos of all shapes, on every target: the fuzzer of the capability pass."""
    (tmp_path / "asof.yaml").write_text(f"version: 1\nproject: p\ntargets:\n{TARGETS}")
    (tmp_path / "f.yaml").write_text(repo(random.Random(seed)))
    checked = api.check(tmp_path)
    assert checked.sound is not None, [(d.code, d.message) for d in checked.diagnostics if d.level is Level.ERROR]
    for target in checked.sound.project.targets:
        green = api_checks.with_target(checked, target.name).sound is not None
        compiled = artifacts(checked.sound, target=target.name, serial=0)
        text = (tmp_path / "f.yaml").read_text()
        assert green == (not has_errors(compiled.diagnostics)), (target.name, compiled.diagnostics, text)


BASE = """kind: Entity
name: e
join_keys: [{name: k, type: int64}]
---
kind: DataSource
name: s
LOCATION
timestamp_field: ts
columns: [{name: k, type: int64}, {name: ts, type: timestamp}, {name: v, type: float64}]
---
kind: FeatureView
name: v
entities: [e]
VIEW
"""
SCHEMA = "source: s\nschema: [{name: v, type: float64}]"


def query(text: str, kind: str = "float64") -> str:
    return f'query: "{text}"\ntimestamp_field: ts\nschema: [{{name: v, type: {kind}}}]'


LONG = f"source: s\naggregations: [{{function: sum, column: v, name: {'v' * 62}, windows: [1d]}}]"
REFUSED = {
    "AS502": ("clickhouse", "table: raw\ntimezone: Europe/Berlin", SCHEMA),
    "AS503": ("postgres", "path: data/s.csv", SCHEMA),
    "AS507": ("postgres", "table: raw", LONG),
    "AS508": ("sqlite", "table: raw", query("SELECT k, ts, REGEXP_EXTRACT('a', 'b') AS v FROM s", "string")),
    "AS509": ("duckdb", "table: raw", query("SELECT s.k, s.ts, u.v FROM s, UNNEST([s.v]) AS u(v)")),
    "AS510": ("redis", "table: raw", SCHEMA),
    "AS521": ("memory", "table: raw", query("SELECT k, ts, v FROM s")),
    "AS522": ("clickhouse", "table: raw", query("SELECT k, ts, v FROM s")),
}
"""Code -> target, and a repo for which validate raises it."""
ELSEWHERE = {
    "AS501": "every store that asof.yaml can name has a dialect",
    "AS504": "output columns of a request; of a service AS308 says it",
    "AS505": "a spine, known when it is given",
    "AS506": "features of a request; of a service AS302 says it",
    "AS512": "a warning that validate gives, tests/language/test_capabilities.py",
    "AS514": "the size of a statement: validate compiles what may be large",
    "AS516": "a warning that validate gives, tests/cli/test_targets.py",
}


def test_every_refusal_of_a_target_has_its_repo() -> None:
    text = (ROOT.parent / "asof" / "compiler" / "support.py").read_text() + (
        ROOT.parent / "asof" / "compiler" / "translate.py"
    ).read_text()
    raised = set(re.findall(r'rule\("(AS5\d\d)"', text))
    assert raised == (REFUSED.keys() | ELSEWHERE.keys()) - {"AS521"}


@pytest.mark.parametrize("code", sorted(REFUSED))
def test_validate_and_plan_say_what_would_be_refused(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    target, location, view = REFUSED[code]
    others = """  memory: {registry: .asof/m, offline: {type: duckdb}, online: {type: sqlite, path: .asof/on.db}}
  redis: {registry: .asof/r, offline: {type: duckdb, path: .asof/r.db}, online: {type: redis, url: "redis://x"}}
"""
    (tmp_path / "asof.yaml").write_text(f"version: 1\nproject: p\ntargets:\n{TARGETS}{others}")
    (tmp_path / "f.yaml").write_text(BASE.replace("LOCATION", location).replace("VIEW", view))
    monkeypatch.chdir(tmp_path)
    warned = code in ("AS510", "AS522")
    for command in ("validate", "plan"):
        ended = main([command, "--target", target])
        said = capsys.readouterr()
        assert code in said.err + said.out, said
        assert (ended == ExitCode.OK) == warned
    if warned:
        assert main(["apply", "--yes", "--target", target]) != ExitCode.OK
        assert f"error[{code}]" in capsys.readouterr().err
        assert main(["registry", "history", "--target", target]) == ExitCode.OK
        assert "generation 1" not in capsys.readouterr().out


def test_the_compiler_knows_the_stores_that_engines_open() -> None:
    assert frozenset(engines.ENGINES) == support.OFFLINE_STORES
