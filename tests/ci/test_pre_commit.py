"""The hooks of .pre-commit-hooks.yaml, run by pre-commit itself in a scratch git repo."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from pathlib import Path

import pytest

from asof.cli import main
from tests.ci.workflow import GIT
from tests.golden import ROOT

BIN = Path(sysconfig.get_path("scripts"))
CONFIG = """
repos:
  - repo: {source}
    rev: {revision}
    hooks:
      - id: asof-fmt
      - id: asof-validate
      - id: asof-lint
"""


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run([*GIT, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.heavy
def test_the_hooks_install_and_run(tmp_path: Path) -> None:
    """Installs asof from a clone of this checkout into an environment of pre-commit's own: minutes, not seconds."""
    source, repo = tmp_path / "asof", tmp_path / "features"
    source.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT.parent, capture_output=True, check=True).stdout
    needed = ("asof/", "docs/diagnostics/")
    names = [name for name in listed.decode().split("\0") if name and (name.startswith(needed) or "/" not in name)]
    subprocess.run(["cp", "--no-dereference", "--parents", *names, source], cwd=ROOT.parent, check=True)
    git(source, "init", "-q", "-b", "main")
    git(source, "add", "-A")
    git(source, "commit", "-q", "-m", "asof")
    assert main(["init", str(repo)]) == 0
    (repo / ".pre-commit-config.yaml").write_text(
        CONFIG.format(source=source, revision=git(source, "rev-parse", "HEAD"))
    )
    git(repo, "init", "-q", "-b", "main")
    git(repo, "add", "-A")

    def hooks() -> tuple[int, str]:
        environ = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}
        environ.pop("PYTHONPATH", None)
        done = subprocess.run(
            [BIN / "pre-commit", "run", "--all-files", "--color", "never"],
            cwd=repo,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout

    code, said = hooks()
    assert code == 0, said
    assert said.count("Passed") == 3
    file = repo / "features.yaml"
    sound = file.read_text()
    file.write_text(sound.replace("owner: growth\nentities: [customer]", "entities:    [customer]\nowner: growth"))
    code, said = hooks()
    assert code != 0
    assert "files were modified by this hook" in said
    assert file.read_text() == sound
    file.write_text(sound.replace("source: orders\n", "source: odrers\n"))
    code, said = hooks()
    assert code != 0
    assert "asof validate" in said
    assert "odrers" in said
