"""A kept plan is the plan that would be made: it saves time, never the truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof import api
from asof.compiler.plan import plan_bytes
from asof.ops import plan_cache
from asof.ops.keeping import FOLDER

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    api.init(tmp_path)
    return tmp_path


def planned(root: Path, **asked: object) -> bytes:
    made = api.review(root, **asked).plan  # type: ignore[arg-type]
    assert made is not None
    return plan_bytes(made)


def apply(root: Path) -> None:
    repo = api.check(root).sound
    assert repo is not None
    api.apply(root, repo.project, api.plan(root, repo), progress=lambda _: None)


def kept(root: Path) -> list[Path]:
    return sorted((root / FOLDER / plan_cache.PLANS).glob("*"))


def test_the_second_plan_is_kept_and_equal_to_the_byte(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = planned(repo)
    monkeypatch.setattr(api, "plan", None)
    assert planned(repo) == fresh


def test_an_edit_is_planned_anew(repo: Path) -> None:
    apply(repo)
    before = planned(repo)
    file = repo / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("paid_at", "paid_at\ndelay: 1s", 1), encoding="utf-8")
    assert planned(repo) != before


def test_a_registry_that_moved_is_planned_anew(repo: Path) -> None:
    first = planned(repo)
    apply(repo)
    made = api.review(repo).plan
    assert made is not None
    assert made.empty
    assert plan_bytes(made) != first


def test_what_was_asked_takes_part(repo: Path) -> None:
    planned(repo)
    planned(repo, target="local")
    planned(repo, allow_destroy=("entity/customer",))
    assert len(kept(repo)) == 3


@pytest.mark.parametrize("damage", [b"", b"{", b'{"registry": 1}', b"\xff\xfe"])
def test_a_damaged_cache_is_no_cache(repo: Path, damage: bytes) -> None:
    fresh = planned(repo)
    (file,) = kept(repo)
    file.write_bytes(damage)
    assert planned(repo) == fresh


def test_findings_are_shown_again_with_the_kept_plan(repo: Path) -> None:
    file = repo / "features.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("owner: growth\n", "", 1), encoding="utf-8")
    first = api.review(repo)
    again = api.review(repo)
    assert again.checked.repo is None
    assert again.checked.diagnostics == first.checked.diagnostics
    assert [d.code for d in again.checked.diagnostics] == ["AS650"]
    assert again.checked.sources.keys() == first.checked.sources.keys()


def test_a_repo_with_errors_keeps_nothing(repo: Path) -> None:
    (repo / "broken.yaml").write_text("kind: Entity\nname: 7\n", encoding="utf-8")
    assert api.review(repo).plan is None
    assert not kept(repo)


def test_only_the_newest_plans_stay(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_cache, "KEPT", 2)
    for index in range(4):
        planned(repo, allow_destroy=(f"entity/e{index}",))
    assert len(kept(repo)) == 2
