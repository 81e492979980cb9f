"""The example repos: what they plan and compile to, and what is said where a target cannot do it yet."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from asof import api
from asof.cli import ExitCode, main
from asof.ops.feature_tests import run_feature_tests
from asof.views import plans
from tests.golden import ROOT, check_golden

REPOS = ROOT.parent / "repos"
GOLDEN = Path(__file__).parent / "golden"
LOCAL = ("driver_ranking", "flights")
ELSEWHERE = ("credit_scoring", "driver_stats_snowflake", "fraud_detection")


@pytest.fixture
def repo(name: str, tmp_path: Path) -> Path:
    """The repo without its registry, its build and its data: plans and SQL depend on none of them."""
    return Path(shutil.copytree(REPOS / name, tmp_path / name, ignore=shutil.ignore_patterns(".asof", "build", "data")))


@pytest.fixture
def no_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine where nobody has signed in to any cloud, and which is in none."""
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "STORAGE_EMULATOR_HOST"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", "/nonexistent")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)


def files_below(folder: Path) -> dict[str, bytes]:
    """All files but those of the cache, which may go at any time."""
    found = (p for p in sorted(folder.rglob("*")) if p.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in found if "cache" not in p.parts}


def test_every_example_repo_is_covered() -> None:
    assert sorted(p.parent.name for p in REPOS.glob("*/asof.yaml")) == sorted(LOCAL + ELSEWHERE)


@pytest.mark.golden
@pytest.mark.parametrize("name", LOCAL)
def test_the_first_plan_of_a_local_repo(repo: Path, name: str) -> None:
    checked = api.check(repo)
    assert checked.diagnostics == ()
    assert checked.sound is not None
    made = api.plan(repo, checked.sound)
    check_golden(GOLDEN / name / "plan.txt", plans.human(made, width=100))


@pytest.mark.golden
@pytest.mark.parametrize("name", LOCAL + ELSEWHERE)
def test_the_compiled_sql(repo: Path, name: str) -> None:
    """For stores that are not reached from here too: compiling needs no connection."""
    assert main(["-C", str(repo), "compile"]) == ExitCode.OK
    (target,) = (repo / "build").iterdir()
    compiled = files_below(target)
    for path, text in compiled.items():
        check_golden(GOLDEN / name / "build" / path, text.decode())
    assert compiled.keys() == files_below(GOLDEN / name / "build").keys()


@pytest.mark.parametrize("name", LOCAL)
def test_the_feature_tests_of_a_local_repo_pass(repo: Path, name: str) -> None:
    checked = api.check(repo)
    assert checked.sound is not None
    results = run_feature_tests(checked.sound)
    assert results
    assert [r.test.name for r in results if not r.passed] == []


@pytest.mark.golden
@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_a_target_cannot_do_yet_is_said_plainly(repo: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["-C", str(repo), "validate"]) == ExitCode.OK
    said = capsys.readouterr()
    check_golden(GOLDEN / name / "validate.txt", said.err + said.out)


@pytest.mark.parametrize("name", ELSEWHERE)
@pytest.mark.parametrize("verb", ["plan", "apply"])
def test_a_registry_without_credentials_stops_plan_and_apply(
    repo: Path, verb: str, capsys: pytest.CaptureFixture[str], no_cloud: None
) -> None:
    before = files_below(repo)
    assert main(["-C", str(repo), verb]) == ExitCode.UNAVAILABLE
    assert "error[AS782]" in capsys.readouterr().err
    assert files_below(repo) == before


@pytest.mark.parametrize("name", ["driver_ranking"])
def test_a_store_that_cannot_be_opened_yet_stops_apply_before_it_claims(
    repo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = repo / "asof.yaml"
    written = settings.read_text().replace("{type: sqlite, path: .asof/online.db}", "{type: redis, url: redis://cache}")
    settings.write_text(written)
    assert main(["-C", str(repo), "apply", "--yes"]) != ExitCode.OK
    said = capsys.readouterr().err
    assert "redis is not supported yet as an online store" in said
    assert [p.name for p in (repo / ".asof").iterdir()] == ["cache"]
