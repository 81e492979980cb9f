"""Scenarios: a small repo, what its author edits, and what a reviewer is then shown, all in one file.

    A ttl grows.                          what the author did, in a sentence or two

    -- options --                         optional: target, allow_destroy
    -- before --                          optional: edits of tests/scenarios/base that were applied long ago
    -- edit --                            the edits under review
    -- plan.txt --                        what comes out, rewritten by `make golden`
    -- comment.md --
    -- effect.json --

An edit is a hunk of a diff: the name of a file, then lines that stay (two spaces), go (-) and come (+). Where no line
stays or goes, the new ones come at the end of the file. ``delete ADDRESS`` removes a definition; ``copies ADDRESS N``
adds copies of one, named by number.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import yaml

from asof.compiler.check import check
from asof.compiler.check.rules import HOUSE_RULES
from asof.compiler.diagnostics import Level, has_errors, in_order
from asof.compiler.instants import instant
from asof.compiler.load import load
from asof.compiler.model import SLUGS, Ownership, Repo
from asof.compiler.ownership import with_others
from asof.compiler.places import places
from asof.compiler.plan import Plan, plan, state_after
from asof.compiler.policies import frozen
from asof.compiler.source import RepoFiles
from asof.compiler.state import EMPTY, State, repo_of
from asof.compiler.trials import trials
from asof.ops.counter_examples import Budget, counter_examples
from asof.ops.evidence import evidence_of
from asof.ops.sql_policies import judged, unusable
from asof.views import plans, wording
from asof.views.format import Format
from asof.views.plan_markdown import comment
from asof.views.renderings import rendered
from asof.views.report import Report

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = Path(__file__).parent
BASE = {path.name: path.read_text(encoding="utf-8") for path in sorted((HERE / "base").glob("*.yaml"))}
FILES = sorted(HERE.glob("*.scenario"))
MADE = ("plan.txt", "comment.md", "effect.json")
_SECTION = re.compile(r"(?m)^-- (.+) --\n")
_UNSTABLE = (
    (re.compile(r"\b[0-9a-f]{64}\b"), "<sha256>"),
    (re.compile(r"`[0-9a-f]{12}`"), "`<sha256>`"),
    (re.compile(r"__[0-9a-f]{8}\b"), "__<hash>"),
    (re.compile(r"by asof [0-9.]+[0-9]"), "by asof <version>"),
)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One file, taken apart."""

    title: str
    sections: Mapping[str, str]

    @property
    def report(self) -> Report:
        """What `asof plan` has to show after the edit."""
        options = yaml.safe_load(self.sections.get("options", "")) or {}
        target = options.get("target", "local")
        before = _edited(BASE, self.sections.get("before", ""))
        after = _edited(before, self.sections["edit"])
        state = EMPTY if options.get("empty") else _applied(_repo(before, EMPTY, target)[0], target)
        repo, report = _repo(after, state, target)
        if has_errors(d for d in report.diagnostics if d.code not in HOUSE_RULES):
            return report
        made = judged(plan(repo, state, target=target, allow_destroy=options.get("allow_destroy", ())), repo)
        now = options.get("now")
        held = frozen(made.freezes, instant(now)) if now else None
        seen = tuple(d for d in report.diagnostics if d.level is not Level.ERROR)
        return _with_plan(replace(report, diagnostics=seen, frozen=held), made, repo, state)


def read(path: Path) -> Scenario:
    title, *rest = _SECTION.split(path.read_text(encoding="utf-8"))
    return Scenario(title=title, sections=dict(zip(rest[::2], rest[1::2], strict=True)))


def written(scenario: Scenario) -> str:
    """The whole file: what was given, and what comes out of it now."""
    report = scenario.report
    made = {"plan.txt": _text(report), "comment.md": comment(report), "effect.json": _effect(report)}
    given = {name: text for name, text in scenario.sections.items() if name not in MADE}
    sections = given | {name: masked(text) for name, text in made.items()}
    return scenario.title + "".join(f"-- {name} --\n{text}" for name, text in sections.items())


def _text(report: Report) -> str:
    if report.plan is None:
        return rendered(report, Format.TEXT)
    text = plans.human(report.plan, evidence=report.evidence, width=100)
    return text if report.frozen is None else f"{text}\n{wording.frozen(report.frozen)}\n"


def _effect(report: Report) -> str:
    """What the plan does, as a machine would ask for it."""
    made = report.plan
    if made is None:
        return json.dumps({"errors": [d.code for d in report.diagnostics]}, indent=2) + "\n"
    return (
        json.dumps(
            {
                "blocked": [f"{b.code} {b.address}" for b in made.blocked],
                **({"warnings": [f"{w.code} {w.address}" for w in made.warnings]} if made.warnings else {}),
                **({"approvals": [asked.by for asked in made.approvals]} if made.approvals else {}),
                "changes": {c.address: f"{c.action} {c.change_class}" for c in made.changes[:40]},
                "settings": [r.pointer for r in made.settings_changes],
                "steps": [
                    f"{s.phase} {s.action}" + (f" {s.resource.id}" if s.action != "commit" else "")
                    for s in made.steps[:40]
                ],
            },
            indent=2,
        )
        + "\n"
    )


def masked(text: str) -> str:
    for pattern, instead in _UNSTABLE:
        text = pattern.sub(instead, text)
    return text


def _repo(texts: Mapping[str, str], state: State, target: str) -> tuple[Repo, Report]:
    written = {path: text.encode() for path, text in texts.items()}
    beside = {path: data for path, data in written.items() if not path.endswith(".yaml")}
    loaded = load(RepoFiles(project="asof.yaml", texts={p: written[p] for p in written.keys() - beside}, beside=beside))
    assert loaded.repo is not None, loaded.diagnostics
    repo = loaded.repo
    if repo.project.ownership != Ownership() and state.objects:
        repo = with_others(repo, state)
    found = in_order((*loaded.diagnostics, *check(repo, target=target), *unusable(repo.sql_policies)))
    return repo, Report(command="plan", project=repo.project.project, target="local", diagnostics=found, sources=texts)


def _applied(repo: Repo, target: str) -> State:
    after = state_after(plan(repo, EMPTY, target=target), EMPTY)
    return msgspec.structs.replace(after, generation=f"{1:064}", lineage="scenario")


def _with_plan(report: Report, made: Plan, repo: Repo, state: State) -> Report:
    tried = trials(made, repo, repo_of(state)) if state.objects else ()
    evidence = evidence_of(made, counter_examples(tried, Budget(None)))
    return replace(report, target=made.target, plan=made, places=places(repo, made), kept=True, evidence=evidence)


def _edited(texts: Mapping[str, str], edits: str) -> dict[str, str]:
    made = dict(texts)
    for block in re.split(r"\n\n+", edits.strip("\n")):
        head, *lines = block.split("\n")
        words = head.split()
        if not words:
            continue
        if words[0] == "delete":
            made["features.yaml"] = "---\n".join(d for d in _documents(made) if _address(d) != words[1])
        elif words[0] == "copies":
            made["features.yaml"] = "---\n".join([*_documents(made), *_copies(made, words[1], int(words[2]))])
        else:
            made[head] = _patched(made.get(head, ""), lines)
    return made


def _patched(text: str, lines: list[str]) -> str:
    old = "".join(f"{line[2:]}\n" for line in lines if line[0] in " -")
    new = "".join(f"{line[2:]}\n" for line in lines if line[0] in " +")
    if not old:
        return text + new
    assert text.count(old) == 1, f"stands {text.count(old)} times in the file:\n{old}"
    return text.replace(old, new)


def _documents(texts: Mapping[str, str]) -> list[str]:
    return texts["features.yaml"].split("---\n")


def _address(document: str) -> str:
    value = yaml.safe_load(document)
    return f"{SLUGS[value['kind']]}/{value['name']}"


def _copies(texts: Mapping[str, str], address: str, count: int) -> list[str]:
    (document,) = (d for d in _documents(texts) if _address(d) == address)
    name = address.partition("/")[2]
    return [document.replace(f"name: {name}\n", f"name: {name}_{at:03}\n", 1) for at in range(1, count + 1)]
