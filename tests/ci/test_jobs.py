"""The jobs that `asof init --ci` writes: their shell commands run in a scratch git repo, by a small runner of our own.

The forges' APIs are stand-ins on this machine (tests/ci/forge_server.py); what runs is the text of the YAML.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from asof.cli import main
from asof.ops.scaffold import CI_FILES
from tests.ci.forge_server import World, forge_server
from tests.ci.test_forges import job
from tests.ci.workflow import SH, Checkout, GitHubRunner, Ran, azure, checkout, event, gitlab, jenkins_scripts
from tests.golden import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

FEATURES = "features/features.yaml"
pytestmark = pytest.mark.xdist_group("ci-jobs")


@dataclass
class Scene:
    """A checkout that is applied as serial 1, with the jobs of all systems committed on main."""

    repo: Checkout
    world: World
    sarif: list[Any] = field(default_factory=list)

    def begin(self, system: str) -> str:
        """Back to the beginning: main as it was, the registry too. Returns its commit."""
        self.repo.git("checkout", "-q", "-f", "main")
        self.repo.git("reset", "-q", "--hard", "start")
        self.repo.git("clean", "-q", "-fd")
        for name in ("registry", "online", "cache"):
            self.repo.sh(f"rm -rf features/.asof/{name}*", {}, shell=SH)
        self.repo.sh("cp -r ../applied/. features/.asof/", {}, shell=SH)
        self.world.comments.clear()
        self.world.artifacts.clear()
        self.world.calls.clear()
        self.world.merged = ""
        self.system = system
        return self.repo.git("rev-parse", "HEAD")

    def branch(self, old: str, new: str, message: str = "A change") -> str:
        self.repo.git("checkout", "-q", "-B", "change")
        self.repo.edit(FEATURES, old, new)
        self.world.head = self.repo.commit(message)
        return self.world.head

    def merge(self) -> str:
        self.repo.git("checkout", "-q", "main")
        self.repo.git("merge", "-q", "--no-ff", "-m", "Merge", "change")
        self.world.merged = self.repo.git("rev-parse", "HEAD")
        return self.world.merged

    def file(self) -> Path:
        return self.repo.top / next(iter(CI_FILES[self.system]))

    def github(self, name: str, **facts: Any) -> dict[str, Ran]:
        context = event(name, self.repo, **facts)
        commit = "" if name == "pull_request" else self.repo.git("rev-parse", "HEAD")
        environ = job("github", self.world, commit=commit)
        environ.pop("GITHUB_TOKEN")
        return GitHubRunner(self.repo, context, environ, self.kept_by_github).workflow(self.file())

    def kept_by_github(self, action: str, given: Mapping[str, str]) -> None:
        if action.startswith("actions/upload-artifact@"):
            self.world.keep(given["name"], {given["path"]: (self.repo.top / given["path"]).read_bytes()})
        elif action.startswith("github/codeql-action/upload-sarif@"):
            self.sarif.append(json.loads((self.repo.top / given["sarif_file"]).read_text()))
        else:
            assert action.startswith("actions/checkout@"), action


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("ci")
    repo = checkout(folder)
    root = str(repo.top / "features")
    for system in CI_FILES:
        assert main(["-C", root, "init", "--ci", system]) == 0
    assert main(["-C", root, "apply", "--yes"]) == 0
    (repo.top / ".gitignore").write_text("/plan.json\n/comment.md\n/apply.log\n/pull-request\n/asof*\n")
    repo.commit("Start")
    repo.git("tag", "start")
    repo.sh("cp -r features/.asof ../applied", {}, shell=SH)
    with forge_server() as world:
        yield Scene(repo=repo, world=world)


@pytest.fixture
def scene(stage: Scene) -> Scene:
    stage.sarif.clear()
    stage.repo.sh("rm -f plan.json comment.md apply.log asof* pull-request", {}, shell=SH)
    return stage


WINDOW = ("column: amount, windows: [7d, 30d]}", "column: amount, windows: [7d, 30d, 90d]}")
TTL = ("source: orders\n", "source: orders\nttl: 7d\n")
TEST = "name: an_order_counts_once_it_is_paid\n"


def head(world: World) -> str:
    assert len(world.comments) == 1, [c["text"][:60] for c in world.comments]
    return str(world.comments[0]["text"]).splitlines()[2]


def serial(scene: Scene) -> int:
    code, output = scene.repo.sh("asof -C features registry history --json", {}, shell=SH)
    assert code == 0, output
    return int(json.loads(output)["generations"][-1]["serial"])


def test_github_plans_on_the_pull_request_and_applies_that_after_the_merge(scene: Scene) -> None:
    base = scene.begin("github")
    tip = scene.branch(*WINDOW)
    ran = scene.github("pull_request", base=base, head=tip)
    assert {name: job.code for name, job in ran.items()} == {"check": 0, "plan": 0}, ran
    assert head(scene.world) == "### asof: 1 addition"
    assert [a["name"] for a in scene.world.artifacts] == [f"asof-plan-{tip}", f"asof-report-{tip}"]
    assert scene.sarif[0]["version"] == "2.1.0"
    assert "::notice " in ran["plan"].output

    scene.repo.sh("rm -f plan.json comment.md", {}, shell=SH)
    scene.merge()
    ran = scene.github("push")
    assert {name: job.code for name, job in ran.items()} == {"apply": 0}, ran
    assert "A fresh plan does what was reviewed." in ran["apply"].output
    assert serial(scene) == 2
    assert scene.github("push")["apply"].code == 0, "the job can be run again"
    assert serial(scene) == 2
    assert len(scene.world.comments) == 1

    night = scene.github("schedule")
    assert {name: job.code for name, job in night.items()} == {"drift": 0}, night
    scene.repo.sh("rm -f features/.asof/online*", {}, shell=SH)
    assert scene.github("schedule")["drift"].code == 8


def test_github_refuses_what_was_not_reviewed_and_says_so_on_the_pull_request(scene: Scene) -> None:
    base = scene.begin("github")
    tip = scene.branch(*WINDOW)
    scene.github("pull_request", base=base, head=tip)
    scene.merge()
    scene.repo.edit(FEATURES, *TTL)
    scene.world.merged = scene.repo.commit("Something else on top")
    ran = scene.github("push")
    assert ran["apply"].code == 4
    assert serial(scene) == 1
    assert [c["text"].splitlines()[0] for c in scene.world.comments][1:] == ["<!-- asof log asof-apply -->"]
    assert "feature_view/customer_orders" in scene.world.comments[1]["text"]
    assert "exit code 4" in scene.world.comments[1]["text"]


def test_github_gives_forks_no_plan_and_applies_none_of_theirs(scene: Scene) -> None:
    base = scene.begin("github")
    tip = scene.branch(*WINDOW)
    ran = scene.github("pull_request", base=base, head=tip, fork=True)
    assert list(ran) == ["check"]
    assert scene.world.calls == []
    scene.merge()
    ran = scene.github("push")
    assert ran["apply"].code == 4
    assert "AS792" in ran["apply"].output
    assert serial(scene) == 1


def test_a_deletion_is_blocked_until_a_commit_permits_it(scene: Scene) -> None:
    base = scene.begin("github")
    text = (scene.repo.top / FEATURES).read_text()
    test = next(d for d in text.split("---\n") if TEST in d)
    tip = scene.branch("---\n" + test, "")
    ran = scene.github("pull_request", base=base, head=tip)
    assert ran["plan"].code == 7
    assert head(scene.world).startswith("### asof: 1 blocked")
    scene.world.head = tip = scene.repo.commit(
        "Away with it\n\nAllow-destroy: feature_test/an_order_counts_once_it_is_paid"
    )
    ran = scene.github("pull_request", base=base, head=tip)
    assert ran["plan"].code == 0, ran["plan"].output
    assert head(scene.world) == "### asof: 1 destructive change"
    scene.merge()
    assert scene.github("push")["apply"].code == 0
    assert serial(scene) == 2


def test_words_of_a_stranger_in_a_commit_are_no_commands(scene: Scene) -> None:
    base = scene.begin("github")
    nasty = "Allow-destroy: $(touch pwned)`touch pwned`;touch pwned\nAllow-destroy: * --json --out=/tmp/x"
    tip = scene.branch(*WINDOW, message=f"A change\n\n{nasty}")
    ran = scene.github("pull_request", base=base, head=tip)
    assert ran["plan"].code == 0, ran["plan"].output
    assert not (scene.repo.top / "pwned").exists()


def test_definitions_with_errors_are_a_comment_too(scene: Scene) -> None:
    base = scene.begin("github")
    tip = scene.branch("source: orders\n", "source: odrers\n")
    ran = scene.github("pull_request", base=base, head=tip)
    assert {name: job.code for name, job in ran.items()} == {"check": 9, "plan": 9}
    assert head(scene.world) == "### asof: no plan, 1 error in the definitions"
    assert "::error " in ran["check"].output
    assert [a["name"] for a in scene.world.artifacts] == [f"asof-report-{tip}"]


def test_gitlab_plans_and_applies(scene: Scene) -> None:
    base = scene.begin("gitlab")
    scene.branch(*WINDOW)
    request = {
        **job("gitlab", scene.world),
        "CI_PIPELINE_SOURCE": "merge_request_event",
        "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "acme/features",
        "CI_PROJECT_PATH": "acme/features",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
    }
    ran = gitlab(scene.repo, scene.file(), request)
    assert {name: job.code for name, job in ran.items()} == {"asof-check": 0, "asof-plan": 0}, ran
    assert head(scene.world) == "### asof: 1 addition"
    fork = gitlab(
        scene.repo, scene.file(), {**request, "CI_MERGE_REQUEST_SOURCE_PROJECT_PATH": "eve/features"}, run=False
    )
    assert list(fork) == ["asof-check"]
    scene.world.keep("asof-plan", {"plan.json": (scene.repo.top / "plan.json").read_bytes()})
    commit = scene.merge()
    push = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main", "CI_DEFAULT_BRANCH": "main"}
    ran = gitlab(scene.repo, scene.file(), {**job("gitlab", scene.world, commit=commit), **push})
    assert {name: job.code for name, job in ran.items()} == {"asof-apply": 0}, ran
    assert serial(scene) == 2
    ran = gitlab(scene.repo, scene.file(), {**job("gitlab", scene.world), "CI_PIPELINE_SOURCE": "schedule"})
    assert {name: job.code for name, job in ran.items()} == {"asof-drift": 0}, ran


def test_azure_plans_and_applies(scene: Scene) -> None:
    scene.begin("azure")
    scene.repo.git("update-ref", "refs/remotes/origin/main", "HEAD")
    scene.branch(*WINDOW)
    place = str(scene.repo.top.parent)
    known = {
        "System.AccessToken": "a-token",
        "Pipeline.Workspace": place,
        "System.PullRequest.TargetBranchName": "main",
    }
    kept: list[tuple[str, Mapping[str, str]]] = []

    def uses(what: str, given: Mapping[str, str]) -> None:
        kept.append((what, given))
        if what == "DownloadPipelineArtifact@2":
            scene.repo.sh("mkdir -p ../reviewed && cp ../kept.json ../reviewed/plan.json", {}, shell=SH)

    facts = {**job("azure", scene.world), **known, "Build.Reason": "PullRequest"}
    ran = azure(scene.repo, scene.file(), facts, uses)
    assert {name: job.code for name, job in ran.items()} == {"check": 0, "plan": 0}, ran
    assert head(scene.world) == "### asof: 1 addition"
    assert ("publish", "plan.json") in [(what, given.get("publish")) for what, given in kept]
    assert list(azure(scene.repo, scene.file(), {**facts, "System.PullRequest.IsFork": "True"}, uses, run=False)) == [
        "check"
    ]
    scene.repo.sh("mv plan.json ../kept.json", {}, shell=SH)
    commit = scene.merge()
    push = {**job("azure", scene.world, commit=commit), **known, "Build.Reason": "IndividualCI"}
    ran = azure(scene.repo, scene.file(), push, uses)
    assert {name: job.code for name, job in ran.items()} == {"apply": 0}, ran
    assert next(g for w, g in kept if w == "DownloadPipelineArtifact@2")["branchName"] == "refs/pull/7/merge"
    assert serial(scene) == 2
    kept.clear()
    assert azure(scene.repo, scene.file(), push, uses)["apply"].code == 0
    assert "DownloadPipelineArtifact@2" not in [what for what, _ in kept], "nothing to apply, nothing to bring"


def test_jenkins_runs_the_same_commands(scene: Scene) -> None:
    scene.begin("jenkins")
    scene.branch(*WINDOW)
    scene.repo.git("remote", "add", "origin", str(scene.repo.top))
    scripts = jenkins_scripts(scene.file().read_text())
    assert list(scripts) == ["Install", "Check", "Plan", "Apply", "Drift"]
    own = {"ASOF_REPO": "features", "ASOF_TARGET": "local", "CHANGE_TARGET": "main"}
    environ = {**own, **job("jenkins", scene.world)}
    for name in ("Check", "Plan"):
        for script in scripts[name]:
            code, output = scene.repo.sh(script, environ, shell=SH)
            assert code == 0, output
    assert head(scene.world) == "### asof: 1 addition"
    kept = (scene.repo.top / "plan.json").read_bytes()
    commit = scene.merge()
    environ = {**own, **job("jenkins", scene.world, commit=commit)}
    first, second = scripts["Apply"]
    code, output = scene.repo.sh(first, environ, shell=SH)
    assert code == 0, output
    assert (scene.repo.top / "pull-request").read_text() == "7\n"
    (scene.repo.top / "plan.json").write_bytes(kept)
    code, output = scene.repo.sh(second, environ, shell=SH)
    assert code == 0, output
    assert serial(scene) == 2
    scene.repo.git("remote", "remove", "origin")


def test_the_action_of_this_repository_does_the_same(scene: Scene) -> None:
    import yaml

    base = scene.begin("github")
    tip = scene.branch(*WINDOW)
    action = yaml.safe_load((ROOT.parent / "action.yml").read_text())
    out = scene.repo.top.parent / "outputs"

    def run(command: str, name: str, **given: str) -> Ran:
        context = event(name, scene.repo, base=base, head=tip)
        commit = "" if name == "pull_request" else scene.world.merged
        environ = job("github", scene.world, commit=commit) | {"GITHUB_OUTPUT": str(out), "RUNNER_TEMP": "/nowhere"}
        runner = GitHubRunner(scene.repo, context, environ, scene.kept_by_github)
        defaults = {key: runner.text(value.get("default", "")) for key, value in action["inputs"].items()}
        runner.inputs = {**defaults, "command": command, "working-directory": "features", **given}
        out.write_text("")
        return runner.steps(action["runs"]["steps"], {})

    assert run("validate", "pull_request").code == 0
    assert run("test", "pull_request").code == 0
    assert run("plan", "pull_request", comment="false").code == 0
    assert scene.world.comments == []
    ran = run("plan", "pull_request", target="local")
    assert ran.code == 0, ran.output
    assert out.read_text().splitlines() == ["plan=plan.json", "sarif=asof.sarif", "exit-code=0"]
    assert head(scene.world) == "### asof: 1 addition"
    scene.world.keep(f"asof-plan-{tip}", {"plan.json": (scene.repo.top / "plan.json").read_bytes()})
    scene.merge()
    ran = run("apply", "push")
    assert ran.code == 0, ran.output
    assert serial(scene) == 2
    assert run("drift", "schedule").code == 0
    assert run("destroy", "schedule").code == 64
