"""What a user meets every day, by processes that run `asof`: files, first words, progress, hints."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLI = [sys.executable, str(ROOT / "cli.py"), "--no-color"]


def asof(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*CLI, *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=300)


def well(folder: Path, *arguments: str) -> str:
    made = asof(folder, *arguments)
    assert made.returncode == 0, made.stdout + made.stderr
    return made.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repo of `asof init` in which everything was done once."""
    folder = tmp_path_factory.mktemp("everyday") / "shop"
    folder.mkdir()
    subprocess.run(["git", "init", "-q"], cwd=folder, check=True)
    well(folder, "init")
    subprocess.run(["git", "add", "-A"], cwd=folder, check=True)
    renders = ("markdown=comment.md", "sarif=asof.sarif", "html=asof-report.html", "junit=asof-plan.xml")
    shown = [word for render in renders for word in ("--render", render)]
    well(folder, "plan", "--out", "plan.json", "--evidence", "evidence.json", *shown)
    well(folder, "report", "plan.json")
    well(folder, "test", "--render", "junit=asof-tests.xml")
    well(folder, "graph", "--format", "html", "--out", "graph.html")
    well(folder, "compile")
    well(folder, "apply", "plan.json")
    for name in ("train.parquet", "train.csv"):
        well(folder, "history", "--service", "churn", "--spine", "data/spine.csv", "--out", name)
    well(folder, "materialize")
    return folder


def test_what_asof_writes_is_ignored_by_git(shop: Path) -> None:
    listed = ["git", "ls-files", "--others", "--exclude-standard"]
    others = subprocess.run(listed, cwd=shop, capture_output=True, text=True, check=True).stdout
    assert others == ""
    kept = subprocess.run(["git", "ls-files"], cwd=shop, capture_output=True, text=True, check=True).stdout.split()
    assert {"asof.yaml", ".gitignore", ".asof/schema/project.schema.json", "data/orders.csv"} <= set(kept)
    assert not [name for name in kept if name.startswith(".asof/") and not name.startswith(".asof/schema/")]


def test_a_plan_that_is_applied_already_says_so_first(shop: Path) -> None:
    said = well(shop, "apply", "plan.json").splitlines()
    assert re.match(r"This plan is applied already: generation 1 by .* at .* is its work\.", said[0])
    assert said[-1].startswith("Applied before: ")
    text = (shop / "features.yaml").read_text()
    (shop / "features.yaml").write_text(text.replace("owner: growth", "owner: shop"))
    well(shop, "apply", "--yes")
    made = asof(shop, "apply", "plan.json")
    (shop / "features.yaml").write_text(text)
    assert made.returncode == 4
    assert made.stdout.startswith("This plan is applied already: generation 1 by ")
    assert "AS605]: the plan is applied already: generation 1 by " in made.stderr
    assert "moved after" not in made.stderr


def test_a_repo_without_a_test_is_not_green(tmp_path: Path) -> None:
    well(tmp_path, "init")
    text = (tmp_path / "features.yaml").read_text()
    documents = [one for one in re.split(r"(?m)^---\n", text) if "kind: FeatureTest" not in one]
    assert len(documents) == text.count("\n---\n")
    (tmp_path / "features.yaml").write_text("---\n".join(documents))
    made = asof(tmp_path, "test")
    assert made.returncode == 9
    assert "error[AS668]: the repo has no FeatureTest, so nothing was tested" in made.stderr
    assert "asof explain AS668" in made.stderr
    assert "passed" not in made.stdout
    answer = json.loads(asof(tmp_path, "test", "--json").stdout)
    assert (answer["exit_code"], [one["code"] for one in answer["diagnostics"]]) == (9, ["AS668"])


SLOW = "SELECT 1 AS customer_id, now() AS event_timestamp FROM range(60000) a, range(60000) b HAVING count(*) > 0"
FAST_LINES = """
import sys
from asof.views import progress
progress.LINE_SECONDS, progress.BEAT_SECONDS = 0.2, 0.1
from asof.cli import main
sys.exit(main(sys.argv[1:]))
"""


def command(folder: Path, *arguments: str) -> list[str]:
    """A file, not -c: there DuckDB takes Python for a person's and shows progress of its own."""
    script = folder.parent / "fast_lines.py"
    script.write_text(FAST_LINES)
    return [sys.executable, str(script), "--no-color", *arguments]


HISTORY = ("history", "--service", "churn", "--spine", SLOW, "--out", "slow.parquet")


def test_a_log_gets_lines_while_the_engine_works(shop: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = command(shop, *HISTORY)
    made = subprocess.run(ran, cwd=shop, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    assert re.search(r"(?m)^training set: the engine is at work, \d+ s$", made.stderr), made.stderr
    assert "\x1b" not in made.stderr
    assert "\r" not in made.stderr
    quiet = subprocess.run(
        command(shop, "--json", *HISTORY), cwd=shop, env=environment, capture_output=True, text=True, check=False
    )
    assert quiet.stderr == ""
    json.loads(quiet.stdout)


def test_a_terminal_shows_that_the_engine_is_at_work_and_wipes_the_line(shop: Path) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm"}
    ran = command(shop, *HISTORY)
    made = subprocess.Popen(ran, cwd=shop, env=environment, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    assert made.wait() == 0, seen
    assert b"\r\x1b[Ktraining set: the engine is at work, " in seen
    assert seen.endswith(b"\r\x1b[K")


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("type: decimal(10,2)", "type: 'decimal(10,2)'"),
        ("type: map<string,int64>", "type: 'map<string,int64>'"),
        ("type: struct<a:int64,b:string,c:bool>", "type: 'struct<a:int64,b:string,c:bool>'"),
    ],
)
def test_a_comma_in_braces_is_said_to_want_quotes(written: str, meant: str, tmp_path: Path) -> None:
    well(tmp_path, "init")
    text = (tmp_path / "features.yaml").read_text()
    assert "{name: channel, type: string}" in text
    (tmp_path / "features.yaml").write_text(
        text.replace("{name: channel, type: string}", f"{{name: channel, {written}}}", 1)
    )
    made = asof(tmp_path, "validate")
    assert made.returncode == 9
    assert f"in braces a comma ends the value; quote it: {meant}" in made.stderr
    assert made.stderr.count("in braces a comma") == 1
    (tmp_path / "features.yaml").write_text(
        text.replace("{name: channel, type: string}", f"{{name: channel, {meant}}}", 1)
    )
    assert "AS204" not in asof(tmp_path, "validate").stderr


CASTS = """
kind: Entity
name: c
join_keys: [{name: cid, type: int64}]
---
kind: DataSource
name: o
path: o.csv
timestamp_field: ts
columns: [{name: cid, type: int64}, {name: ts, type: timestamp}, {name: x, type: int64}, {name: s, type: string}]
---
kind: FeatureView
name: v
entities: [c]
query: |
  SELECT cid, ts,
    EXPRESSION
  FROM o
timestamp_field: ts
schema: [{name: NAME, type: TYPE}]
"""


@pytest.mark.parametrize(
    ("expression", "name", "kind"),
    [
        ("x AS f", "f", "string"),
        ("x * 2 AS f", "f", "float64"),
        ("CASE WHEN x > 1 THEN 'a' ELSE s END AS f", "f", "int64"),
        ("(x + 1) * 2 AS f", "f", "'decimal(10,2)'"),
        ("x > 1 AND s IS NULL AS f", "f", "string"),
        ("x BETWEEN 1 AND 2 AS f", "f", "string"),
        ("s::VARCHAR AS f", "f", "int64"),
        ("x", "x", "string"),
        ('x AS "order"', "order", "string"),
        ("COALESCE(s, 'a') AS f", "f", "date"),
        ("NOT x IN (1, 2) AS f", "f", "string"),
    ],
)
def test_the_cast_of_as412_can_be_pasted(expression: str, name: str, kind: str, tmp_path: Path) -> None:
    (tmp_path / "asof.yaml").write_text(
        "version: 1\nproject: p\ntargets: {t: {registry: .asof/r, offline: {type: duckdb, path: o.duckdb}}}\n"
    )
    text = CASTS.replace("NAME", name).replace("TYPE", kind)
    (tmp_path / "f.yaml").write_text(text.replace("EXPRESSION", expression))
    (tmp_path / "o.csv").write_text("cid,ts,x,s\n1,2026-01-01T00:00:00Z,1,a\n")
    answer = json.loads(asof(tmp_path, "validate", "--json").stdout)
    found = [one for one in answer["diagnostics"] if one["code"] == "AS412"]
    assert len(found) == 1, answer
    hint = found[0]["notes"][0].removeprefix("write ")
    (tmp_path / "f.yaml").write_text(text.replace("EXPRESSION", hint))
    after = json.loads(asof(tmp_path, "validate", "--json").stdout)
    assert not [one for one in after["diagnostics"] if one["level"] == "error"], (hint, after)
