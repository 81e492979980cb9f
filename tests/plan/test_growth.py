"""Work grows as the repo does: counted in calls, which no busy machine can change."""

from __future__ import annotations

import cProfile
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import msgspec
import pytest

import asof.compiler.plan
from asof.compiler.check import check
from asof.compiler.load import load
from asof.compiler.model import Column, DataSource
from asof.compiler.plan import plan, plan_bytes, plan_from_bytes, state_after
from asof.compiler.query.catalog import Catalog
from asof.compiler.query.normal import canonical_sql
from asof.compiler.query.syntax import outline
from asof.compiler.state import EMPTY, state_bytes, state_from_bytes
from asof.compiler.types import FLOAT64
from asof.ops.repo_files import read_repo
from bench.synthetic import change_one_line, write_repo

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from asof.compiler.model import Repo

R = TypeVar("R")
SIZES = (40, 80, 160)
SLACK = 1.1


class Work:
    """Calls made by each stage, by its name."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}

    def of(self, stage: str, function: Callable[[], R]) -> R:
        for remembered in (outline, canonical_sql):  # repos of all sizes share queries
            remembered.cache_clear()
        profile = cProfile.Profile()
        found = profile.runcall(function)
        self.calls[stage] = sum(entry.callcount for entry in profile.getstats())
        return found


def loaded(root: Path) -> Repo:
    files, _ = read_repo(root)
    assert files is not None
    found = load(files)
    assert not found.diagnostics
    assert found.repo is not None
    return found.repo


def stages(root: Path, views: int) -> dict[str, int]:
    root.mkdir()
    write_repo(root, views)
    work = Work()
    repo = work.of("load", lambda: loaded(root))
    assert not work.of("check", lambda: check(repo))
    first = work.of("plan of all", lambda: plan(repo, EMPTY))
    body = work.of("write a plan", lambda: plan_bytes(first))
    assert work.of("read a plan", lambda: plan_from_bytes(body)) == first
    generation = work.of("write a generation", lambda: state_bytes(state_after(first, EMPTY)))
    state = work.of("read a generation", lambda: state_from_bytes(generation, "0" * 64))
    assert work.of("plan of nothing", lambda: plan(repo, state)).empty
    change_one_line(root)
    changed = loaded(root)
    assert len(work.of("plan of one change", lambda: plan(changed, state)).changes) == 1
    change_every_query(root)
    rewritten = loaded(root)
    assert len(work.of("plan of every query changed", lambda: plan(rewritten, state)).changes) > views // 10
    gone = work.of("plan of a repo that is gone", lambda: plan(load_nothing(repo), state))
    assert len(gone.changes) == len(repo.definitions)
    return work.calls


def change_every_query(root: Path) -> None:
    for path in root.glob("entity_*.yaml"):
        text = path.read_text(encoding="utf-8")
        path.write_text(
            text.replace("\ntimestamp_field: happened_at\nttl", " WHERE f1 > 0\ntimestamp_field: happened_at\nttl")
        )


def with_another_column(repo: Repo) -> Repo:
    definitions = {
        address: msgspec.structs.replace(found, columns=(*found.columns, Column(name="more", type=FLOAT64)))
        if isinstance(found, DataSource)
        else found
        for address, found in repo.definitions.items()
    }
    return replace(repo, definitions=definitions)


def load_nothing(repo: Repo) -> Repo:
    return type(repo)(project=repo.project, definitions={})


def test_every_stage_is_linear(tmp_path: Path) -> None:
    stages(tmp_path / "first", SIZES[0])  # what a process does once: schemas compiled, dialects loaded
    small, middle, large = (stages(tmp_path / str(size), size) for size in SIZES)
    for stage, calls in large.items():
        once, twice = middle[stage] - small[stage], calls - middle[stage]
        assert twice <= 2 * SLACK * max(once, 20), f"{stage}: {small[stage]}, {middle[stage]}, {calls} calls"


def test_tables_are_listed_once_however_many_views_may_notice_a_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed: list[Repo] = []
    real = Catalog.__init__

    def listing(catalog: Catalog, repo: Repo) -> None:
        listed.append(repo)
        real(catalog, repo)

    monkeypatch.setattr(Catalog, "__init__", listing)
    counts = []
    for size in (20, 40):
        (tmp_path / str(size)).mkdir()
        write_repo(tmp_path / str(size), size)
        repo = loaded(tmp_path / str(size))
        state = state_after(plan(repo, EMPTY), EMPTY)
        listed.clear()
        made = plan(with_another_column(repo), state)
        assert len(made.changes) == size // 10
        counts.append(len(listed))
    assert counts[0] == counts[1]


def test_the_sql_of_views_that_stand_is_not_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "repo").mkdir()
    write_repo(tmp_path / "repo", 20)
    repo = loaded(tmp_path / "repo")
    state = state_after(plan(repo, EMPTY), EMPTY)
    compiled = plan(repo, state)
    monkeypatch.setattr(asof.compiler.plan, "view_sql", lambda *_: pytest.fail("a view was compiled"))
    again = plan(repo, state)
    assert again.empty
    assert plan_bytes(again) == plan_bytes(compiled)


def test_an_edit_upstream_compiles_the_views_that_read_it_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "repo"
    root.mkdir()
    write_repo(root, 30)
    repo = loaded(root)
    state = state_after(plan(repo, EMPTY), EMPTY)
    source = root / "entity_1.yaml"
    source.write_text(source.read_text().replace("path: data/events.parquet", "path: data/other.parquet"))
    seen: list[str] = []
    real = asof.compiler.plan.view_sql

    def counting(of: Repo, view: object, target: str) -> str:
        seen.append(view.name)  # type: ignore[attr-defined]
        return real(of, view, target)  # type: ignore[arg-type]

    monkeypatch.setattr(asof.compiler.plan, "view_sql", counting)
    made = plan(loaded(root), state)
    assert seen == ["view_1_0"]
    assert any(step.action == "replace" for step in made.steps)
