"""`asof ci` against stand-ins of the forges' APIs: one comment, kept in place, and the plan that was reviewed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from asof.cli import ExitCode, main
from asof.compiler.diagnostics import DiagnosticError
from asof.forges import forge, put_comment
from asof.views.log_comment import is_comment, log_comment
from tests.ci.forge_server import ME, NUMBER, TOKEN, World, forge_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYSTEMS = ("github", "gitlab", "azure", "jenkins")
MARK = "<!-- asof plan shop local -->"


@pytest.fixture
def world() -> Iterator[World]:
    with forge_server() as made:
        yield made


def job(system: str, world: World, *, number: int = NUMBER, commit: str = "") -> dict[str, str]:
    """The environment of a job: of a pull request, or of a commit that was merged."""
    if system == "gitlab":
        own = {"GITLAB_CI": "true", "CI_API_V4_URL": f"{world.address}/api/v4", "CI_PROJECT_ID": "1"}
        request = {} if commit else {"CI_MERGE_REQUEST_IID": str(number)}
        return {**own, "GITLAB_TOKEN": TOKEN, "CI_COMMIT_SHA": commit or world.head, **request}
    if system == "azure":
        own = {"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": f"{world.address}/acme/", "SYSTEM_TEAMPROJECT": "shop"}
        request = {} if commit else {"SYSTEM_PULLREQUEST_PULLREQUESTID": str(number)}
        rest = {"BUILD_REPOSITORY_ID": "r1", "SYSTEM_ACCESSTOKEN": TOKEN, "BUILD_SOURCEVERSION": commit or world.head}
        return {**own, **rest, **request}
    if system == "jenkins":
        place = "https://github.com/acme/features"
        where = {"GIT_URL": f"{place}.git"} if commit else {"CHANGE_URL": f"{place}/pull/{number}"}
        return {
            "JENKINS_URL": "http://ci/",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_API_URL": world.address,
            "GIT_COMMIT": commit or world.head,
            **where,
        }
    ref = "refs/heads/main" if commit else f"refs/pull/{number}/merge"
    own = {"GITHUB_ACTIONS": "true", "GITHUB_API_URL": world.address, "GITHUB_REPOSITORY": "acme/features"}
    return {**own, "GITHUB_TOKEN": TOKEN, "GITHUB_REF": ref, "GITHUB_SHA": commit or world.head}


def code_of(error: pytest.ExceptionInfo[DiagnosticError]) -> str:
    return error.value.diagnostics[0].code


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_comment_is_added_once_and_then_replaced(system: str, world: World) -> None:
    at = forge(job(system, world))
    world.wrote("ada", f"{MARK}\n\nsomebody else's text under the same mark")
    assert put_comment(at, f"{MARK}\n\nfirst") == "added"
    assert put_comment(at, f"{MARK}\n\nsecond") == "replaced"
    assert put_comment(at, f"{MARK}\n\nsecond\n") == "unchanged"
    assert put_comment(at, "<!-- asof log asof-apply -->\n\nlog") == "added"
    texts = [(c["author"], c["text"].splitlines()[-1]) for c in world.comments]
    assert texts == [("ada", "somebody else's text under the same mark"), (ME, "second"), (ME, "log")]
    assert len(world.written) == 3


@pytest.mark.parametrize("system", ["github", "gitlab"])
def test_a_comment_is_found_behind_hundreds_of_others(system: str, world: World) -> None:
    for number in range(230):
        world.wrote(ME if number % 2 else "ada", f"comment {number}")
    at = forge(job(system, world))
    world.wrote(ME, f"{MARK}\r\n\r\nold")
    assert put_comment(at, f"{MARK}\n\nnew") == "replaced"


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_pull_request_of_a_merged_commit_is_known(system: str, world: World) -> None:
    world.merged = "a" * 40
    assert forge(job(system, world, commit="a" * 40)).pull_request() == NUMBER
    with pytest.raises(DiagnosticError) as error:
        forge(job(system, world, commit="b" * 40)).pull_request()
    assert code_of(error) == "AS791"


@pytest.mark.parametrize("system", ["github", "gitlab", "jenkins"])
def test_the_plan_comes_from_the_last_job_on_the_head_that_was_merged(system: str, world: World) -> None:
    name = "asof-plan" if system == "gitlab" else f"asof-plan-{world.head}"
    if system != "gitlab":
        world.keep(name, {"plan.json": b"first"})
    world.keep(name, {"plan.json": b"last"})
    world.merged = "a" * 40
    assert forge(job(system, world, commit="a" * 40)).reviewed_plan("asof-plan") == b"last"


def test_what_a_fork_kept_under_the_name_is_no_reviewed_plan(world: World) -> None:
    world.merged = "a" * 40
    world.keep(f"asof-plan-{world.head}", {"plan.json": b"forged"}, fork=True)
    with pytest.raises(DiagnosticError) as error:
        forge(job("github", world, commit="a" * 40)).reviewed_plan("asof-plan")
    assert code_of(error) == "AS792"
    world.from_fork = True
    world.keep("asof-plan", {"plan.json": b"forged"})
    with pytest.raises(DiagnosticError) as error:
        forge(job("gitlab", world, commit="a" * 40)).reviewed_plan("asof-plan")
    assert code_of(error) == "AS792"


@pytest.mark.parametrize("files", [{"other.json": b"{}"}, {}])
def test_an_archive_without_a_plan_is_none(files: dict[str, bytes], world: World) -> None:
    world.merged = "a" * 40
    world.keep(f"asof-plan-{world.head}", files)
    with pytest.raises(DiagnosticError) as error:
        forge(job("github", world, commit="a" * 40)).reviewed_plan("asof-plan")
    assert code_of(error) == "AS792"


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_refusal_says_what_the_forge_said_and_never_the_token(system: str, world: World) -> None:
    world.refuse = 403
    with pytest.raises(DiagnosticError) as error:
        put_comment(forge(job(system, world)), f"{MARK}\n\ntext")
    assert code_of(error) == "AS790"
    assert "Resource not accessible" in str(error.value)
    assert TOKEN not in str(error.value)


def test_outside_of_a_job_there_is_no_pull_request(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "GITLAB_", "CI_", "TF_", "JENKINS_")):
            monkeypatch.delenv(name)
    file = tmp_path / "comment.md"
    file.write_text(f"{MARK}\n\ntext\n")
    assert main(["ci", "comment", str(file)]) == ExitCode.USAGE
    assert main(["ci", "pull-request"]) == ExitCode.USAGE
    assert main(["ci", "reviewed"]) == ExitCode.USAGE
    assert capsys.readouterr().err.count("AS791") == 3
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["ci", "pull-request"]) == ExitCode.USAGE
    assert "GITHUB_REPOSITORY is not set" in capsys.readouterr().err


def test_only_what_asof_wrote_is_a_comment(tmp_path: Path) -> None:
    file = tmp_path / "apply.log"
    file.write_text("some text\n")
    assert main(["ci", "comment", str(file)]) == ExitCode.USAGE
    assert main(["ci", "comment", str(tmp_path / "nowhere.md")]) == ExitCode.USAGE


def test_a_log_is_shown_as_text_and_cut_at_its_beginning() -> None:
    log = "".join(f"line {number} ``` @everyone\x1b[31m red\n" for number in range(5_000))
    made = log_comment("asof apply --> <!--", log, most=2_000)
    assert is_comment(made)
    assert len(made) < 2_300
    assert made.splitlines()[0] == "<!-- asof log asof-apply -->"
    assert "line 4999" in made
    assert "lines are in the job's log" in made
    assert "\x1b" not in made
    assert "````text" in made
