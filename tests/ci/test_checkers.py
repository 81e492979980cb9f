"""What others say of the jobs that asof writes, of its action and of its hooks: schemas, linters and a parser."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import tree_sitter_groovy
from tree_sitter import Language, Node, Parser

from asof.cli import ExitCode, main
from asof.ops.scaffold import CI_FILES
from tests.ci.actionlint import complaints
from tests.golden import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

REPO = ROOT.parent
BIN = Path(sysconfig.get_path("scripts"))
ZIZMOR = """
rules:
  unpinned-uses:
    config:
      policies:
        # GitHub's own, by their major version; there are no others.
        "actions/*": ref-pin
        "github/*": ref-pin
"""


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the jobs of every system, for a repo in a folder of it."""
    top = tmp_path_factory.mktemp("jobs")
    (top / ".git").mkdir()
    for system in CI_FILES:
        assert main(["-C", str(top / "some features"), "init", "--ci", system]) == ExitCode.OK
    return top


def run(*command: str | Path) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files", "broken"),
    [
        ("vendor.github-workflows", (".github/workflows/asof.yml",), ("runs-on:", "run-on:")),
        ("vendor.gitlab-ci", (".gitlab/asof.yml", ".gitlab-ci.yml"), ("resource_group:", "resource_groups:")),
        ("vendor.azure-pipelines", (".azure/asof.yml",), ("lockBehavior: sequential", "lockBehavior: often")),
    ],
)
def test_jobs_are_valid_by_the_schemas_of_their_systems(
    jobs: Path, tmp_path: Path, schema: str, files: tuple[str, ...], broken: tuple[str, str]
) -> None:
    command = (BIN / "check-jsonschema", "--regex-variant", "python", "--builtin-schema", schema)
    code, said = run(*command, *(jobs / file for file in files))
    assert code == 0, said
    text = (jobs / files[0]).read_text()
    assert broken[0] in text
    (tmp_path / "broken.yml").write_text(text.replace(*broken, 1))
    assert run(*command, tmp_path / "broken.yml")[0] != 0, "the schema notices what is wrong"


def test_the_action_and_the_hooks_are_valid_by_their_schemas() -> None:
    code, said = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-actions", REPO / "action.yml")
    assert code == 0, said
    code, said = run(BIN / "pre-commit", "validate-manifest", REPO / ".pre-commit-hooks.yaml")
    assert code == 0, said


def test_actionlint_finds_nothing_in_the_workflow_and_much_in_a_broken_one(jobs: Path, tmp_path: Path) -> None:
    workflow = jobs / ".github/workflows/asof.yml"
    assert complaints([workflow]) == []
    (tmp_path / "broken.yml").write_text(
        workflow.read_text()
        .replace("  pull_request:\n", "  pull_reqest:\n")
        .replace("$BASE..", "${{ github.head_ref }}..")
    )
    found = "\n".join(complaints([tmp_path / "broken.yml"]))
    assert "pull_reqest" in found
    assert "potentially untrusted" in found


def test_zizmor_finds_nothing_in_the_workflow_and_the_action(jobs: Path, tmp_path: Path) -> None:
    config = tmp_path / "zizmor.yml"
    config.write_text(ZIZMOR)
    command = (BIN / "zizmor", "--offline", "--no-progress", "--config", config)
    code, said = run(*command, jobs / ".github/workflows/asof.yml", REPO / "action.yml")
    assert code == 0, said
    assert "No findings to report" in said
    broken = tmp_path / "broken.yml"
    text = (jobs / ".github/workflows/asof.yml").read_text()
    broken.write_text(text.replace("pull_request:\n", "pull_request_target:\n", 1))
    code, said = run(*command, broken)
    assert code != 0
    assert "dangerous-triggers" in said


def test_no_expression_stands_in_a_shell_command(jobs: Path) -> None:
    import yaml

    action = yaml.safe_load((REPO / "action.yml").read_text())["runs"]["steps"]
    workflow = yaml.safe_load((jobs / ".github/workflows/asof.yml").read_text())["jobs"].values()
    steps = [*action, *(step for job in workflow for step in job["steps"])]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []
    assert all(job["permissions"] for job in workflow), "each job says what it may do"


def test_the_jenkinsfile_is_groovy(jobs: Path) -> None:
    text = (jobs / "Jenkinsfile").read_text()
    assert wrong(text) == []
    assert wrong(text.replace("when { changeRequest() }", "when { changeRequest( }", 1)) != []


def wrong(text: str) -> list[str]:
    """What the grammar of Groovy cannot read."""

    def nodes(node: Node) -> Iterator[Node]:
        yield node
        for child in node.children:
            yield from nodes(child)

    tree = Parser(Language(tree_sitter_groovy.language())).parse(text.encode())
    return [f"line {n.start_point[0] + 1}: {n.type}" for n in nodes(tree.root_node) if n.is_error or n.is_missing]


def test_jobs_that_are_there_are_not_overwritten_unless_asked(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    root = tmp_path / "features"
    assert main(["-C", str(root), "init", "--ci", "github"]) == ExitCode.OK
    file = tmp_path / ".github/workflows/asof.yml"
    written = file.read_text()
    assert main(["-C", str(root), "init", "--ci", "github"]) == ExitCode.OK, "the same again is no conflict"
    file.write_text("name: mine\n")
    assert main(["-C", str(root), "init", "--ci", "github"]) == ExitCode.USAGE
    assert file.read_text() == "name: mine\n"
    assert main(["-C", str(root), "init", "--ci", "github", "--force"]) == ExitCode.OK
    assert file.read_text() == written
    assert main(["-C", str(root), "init", "--ci", "github", "--target", "moon"]) == ExitCode.USAGE
    assert main(["-C", str(root), "init", "--force"]) == ExitCode.USAGE


def test_a_gitlab_file_that_is_there_is_left_to_its_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / ".gitlab-ci.yml").write_text("stages: [test]\n")
    assert main(["-C", str(tmp_path / "features"), "init", "--ci", "gitlab"]) == ExitCode.OK
    assert (tmp_path / ".gitlab-ci.yml").read_text() == "stages: [test]\n"
    assert "- local: .gitlab/asof.yml" in capsys.readouterr().out


def test_jobs_know_the_main_branch_and_what_the_stores_need(tmp_path: Path) -> None:
    head = tmp_path / ".git/refs/remotes/origin/HEAD"
    head.parent.mkdir(parents=True)
    head.write_text("ref: refs/remotes/origin/trunk\n")
    root = tmp_path / "features"
    assert main(["init", str(root)]) == ExitCode.OK
    settings = root / "asof.yaml"
    settings.write_text(settings.read_text().replace("registry: .asof/registry", "registry: az://box/features"))
    assert main(["-C", str(root), "init", "--ci", "github"]) == ExitCode.OK
    text = (tmp_path / ".github/workflows/asof.yml").read_text()
    assert 'branches: ["trunk"]' in text
    assert "asof-compiler[azure]==" in (root / "asof-requirements.in").read_text()


def test_a_folder_that_a_shell_would_read_otherwise_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    assert main(["-C", str(tmp_path / "team's $features"), "init", "--ci", "github"]) == ExitCode.USAGE
