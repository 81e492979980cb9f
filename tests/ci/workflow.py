"""A small runner for jobs: it reads their YAML, decides what runs, and runs the shell commands in a scratch git repo.

What belongs to a runner (checkout, keeping files) is done by the test; `pip install` is left out, since asof is here.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from tests.golden import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

GIT = ["git", "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]


@dataclass
class Ran:
    """What became of one job."""

    code: int = 0
    output: str = ""
    used: list[str] = field(default_factory=list)


@dataclass
class Checkout:
    """A git repo with a feature repo in features/, and asof on the PATH of its jobs."""

    top: Path
    bin: Path

    def git(self, *arguments: str) -> str:
        done = subprocess.run([*GIT, *arguments], cwd=self.top, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def commit(self, message: str) -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.top / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file} holds {old!r} {text.count(old)} times"
        path.write_text(text.replace(old, new))

    def sh(self, script: str, environ: Mapping[str, str], *, shell: tuple[str, ...]) -> tuple[int, str]:
        keep = {k: v for k, v in os.environ.items() if k in ("HOME", "LANG", "LD_LIBRARY_PATH", "TMPDIR")}
        path = f"{self.bin}:{os.environ['PATH']}"
        done = subprocess.run(
            [*shell, script],
            cwd=self.top,
            env={**keep, "NO_COLOR": "1", **environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=120,
        )
        return done.returncode, done.stdout


def checkout(folder: Path) -> Checkout:
    """An empty one."""
    top, programs = folder / "work", folder / "bin"
    top.mkdir(parents=True)
    programs.mkdir()
    asof = programs / "asof"
    main = "import sys; from asof.cli import main; sys.exit(main())"
    asof.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT.parent}" exec "{sys.executable}" -W error -c "{main}" "$@"\n')
    asof.chmod(0o755)
    made = Checkout(top=top, bin=programs)
    made.git("init", "-q", "-b", "main")
    return made


BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
SH = ("sh", "-e", "-c")


@dataclass
class GitHubRunner:
    """Runs jobs of a workflow: their conditions, ``env``, ``run`` steps and expressions."""

    repo: Checkout
    github: dict[str, Any]
    environ: dict[str, str]
    uses: Callable[[str, Mapping[str, str]], None]
    inputs: Mapping[str, str] = field(default_factory=dict)

    def workflow(self, path: Path) -> dict[str, Ran]:
        """The jobs that run, by name."""
        document = yaml.safe_load(path.read_text())
        ran = {}
        for name, job in document["jobs"].items():
            if self.value(job.get("if", "true")):
                ran[name] = self.steps(job["steps"], {**document.get("env", {}), **job.get("env", {})})
        return ran

    def steps(self, steps: list[dict[str, Any]], env: Mapping[str, str]) -> Ran:
        ran = Ran()
        for step in steps:
            condition = step.get("if", "success()")
            if not self.value(condition.strip().removeprefix("${{").removesuffix("}}"), failed=ran.code != 0):
                continue
            if "uses" in step:
                ran.used.append(step["uses"])
                self.uses(step["uses"], {k: self.text(v) for k, v in step.get("with", {}).items()})
            elif step.get("name") != "Install asof":
                given = {k: self.text(v) for k, v in {**env, **step.get("env", {})}.items()}
                code, output = self.repo.sh(step["run"], {**self.environ, **given}, shell=BASH)
                ran.code, ran.output = ran.code or code, ran.output + output
        return ran

    def text(self, value: object) -> str:
        return re.sub(r"\$\{\{(.*?)\}\}", lambda found: str(self.value(found[1]) or ""), str(value))

    def value(self, expression: str, *, failed: bool = False) -> Any:
        """An expression of GitHub's, of the kinds that our workflows use."""

        def look(path: str) -> Any:
            found: Any = {"github": self.github, "inputs": self.inputs}
            for name in path.split("."):
                found = (found or {}).get(name)
            return found

        known = {
            "look": look,
            "success": lambda: not failed,
            "cancelled": lambda: False,
            "hashFiles": lambda path: "x" if (self.repo.top / path).exists() else "",
        }
        made = re.sub(
            r"'[^']*'|[a-z_]+(?:\.[\w-]+)+", lambda m: m[0] if m[0][0] == "'" else f'look("{m[0]}")', expression
        )
        made = re.sub(r"!(?!=)", " not ", made).replace("&&", " and ").replace("||", " or ")
        return eval(made.replace("true", "True").strip(), {"__builtins__": {}}, known)


def gitlab(repo: Checkout, path: Path, environ: Mapping[str, str]) -> dict[str, Ran]:
    """The jobs of a GitLab file whose rules match, by name."""
    document = yaml.safe_load(path.read_text())
    known = defaultdict(str, environ)
    ran = {}
    for name, job in document.items():
        if name.startswith(".") or not any(_rule(rule["if"], known) for rule in job["rules"]):
            continue
        variables = document[job["extends"]]["variables"]
        code, output = repo.sh("\n".join(job["script"]), {**environ, **variables}, shell=BASH)
        ran[name] = Ran(code=code, output=output)
    return ran


def _rule(text: str, known: Mapping[str, str]) -> bool:
    made = re.sub(r"\$(\w+)", r'known["\1"]', text).replace("&&", " and ")
    return bool(eval(made, {"__builtins__": {}}, {"known": known}))


def azure(
    repo: Checkout, path: Path, variables: dict[str, str], uses: Callable[[str, Mapping[str, str]], None]
) -> dict[str, Ran]:
    """The jobs of an Azure file whose conditions hold, by name."""
    document = yaml.safe_load(path.read_text())
    known = defaultdict(str, variables)
    ran: dict[str, Ran] = {}
    for job in document["jobs"]:
        if not _condition(job["condition"], known, failed=False):
            continue
        made = ran.setdefault(job["job"], Ran())
        for step in job["steps"]:
            if not _condition(step.get("condition", "succeeded()"), known, failed=made.code != 0):
                continue
            if "bash" not in step:
                what = step.get("task") or next(iter(step))
                made.used.append(what)
                given = step.get("inputs") or {k: str(v) for k, v in step.items()}
                uses(what, {k: _macros(str(v), known) for k, v in given.items()})
            elif step.get("displayName") != "Install asof":
                own = {k: _macros(v, known) for k, v in step.get("env", {}).items()}
                environ = {name.upper().replace(".", "_"): value for name, value in known.items() if "(" not in name}
                environ.pop("SYSTEM_ACCESSTOKEN", None)
                code, output = repo.sh(step["bash"], {**environ, **document["variables"], **own}, shell=("bash", "-c"))
                made.code, made.output = made.code or code, made.output + output
                known.update(re.findall(r"##vso\[task\.setvariable variable=(\w+)\](.*)", output))
    return ran


def _macros(text: str, known: Mapping[str, str]) -> str:
    return re.sub(r"\$\(([\w.]+)\)", lambda found: known[found[1]], text)


def _condition(text: str, known: Mapping[str, str], *, failed: bool) -> bool:
    made = re.sub(r"\b(and|not|in)\(", r"_\1(", text)
    functions = {
        "eq": lambda one, other: one == other,
        "ne": lambda one, other: one != other,
        "_in": lambda one, *others: one in others,
        "_and": lambda *all_of: all(all_of),
        "succeeded": lambda: not failed,
        "succeededOrFailed": lambda: True,
    }
    return bool(eval(made, {"__builtins__": {}}, {**functions, "variables": known}))


def jenkins_scripts(text: str) -> dict[str, list[str]]:
    """The ``sh`` steps of a Jenkinsfile by stage, as Groovy reads their text."""
    found: dict[str, list[str]] = {}
    for stage in text.split("stage('")[1:]:
        name, _, body = stage.partition("'")
        found[name] = [
            (block or line).replace("\\\\", "\\")
            for block, line in re.findall(r"sh '''(.*?)'''|sh '([^'\n]+)'", body, re.S)
        ]
    return found


def event(name: str, repo: Checkout, *, base: str = "", head: str = "", fork: bool = False) -> dict[str, Any]:
    """GitHub's context for an event."""
    own = "acme/features"
    request = {"base": {"sha": base}, "head": {"sha": head, "repo": {"full_name": "eve/features" if fork else own}}}
    return {
        "event_name": name,
        "repository": own,
        "token": "a-token",
        "ref": "refs/pull/7/merge" if name == "pull_request" else "refs/heads/main",
        "event": {"pull_request": request} if name == "pull_request" else {},
        "sha": repo.git("rev-parse", "HEAD"),
    }


def parsed(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())
