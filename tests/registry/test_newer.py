"""A registry that a newer asof wrote is refused by every verb (AS702), and not a byte of it is touched."""

from __future__ import annotations

import gzip
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from asof.cli import ExitCode, main

if TYPE_CHECKING:
    from pathlib import Path

WRITES = (
    ("apply", "--yes"),
    ("apply", "plan.json"),
    ("apply", "--resume"),
    ("apply", "--abort"),
    ("rollback", "1", "--yes"),
    ("promote", "local", "local", "--yes"),
    ("materialize",),
    ("drift", "--repair"),
    ("registry", "gc", "--keep", "1", "--yes"),
)
READS = (
    ("plan",),
    ("drift",),
    ("registry", "show"),
    ("registry", "export"),
    ("registry", "verify"),
    ("online", "get", "--service", "churn", "-e", "customer_id=1"),
)
OF_THE_HEAD = (
    ("plan", "--against", "1"),
    ("registry", "unlock", "--reason", "x"),
    ("registry", "history"),
    ("registry", "import", "export.json"),
)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A repo of two generations with something left to apply, an export, and a plan that was kept."""
    main(["init", str(tmp_path)])
    file = tmp_path / "features.yaml"
    text = file.read_text(encoding="utf-8")
    for said in ("Somebody who buys from us.", "The second.", "The third."):
        file.write_text(text.replace("Somebody who buys from us.", said), encoding="utf-8")
        if said != "The third.":
            assert main(["apply", "--yes", "-C", str(tmp_path)]) == ExitCode.OK
    assert main(["plan", "--out", str(tmp_path / "plan.json"), "-C", str(tmp_path)]) == ExitCode.OK
    assert main(["registry", "export", "--out", str(tmp_path / "export.json"), "-C", str(tmp_path)]) == ExitCode.OK
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return tmp_path


def left_claim(head: dict[str, Any]) -> None:
    head["claim"] = {"apply_id": "x", "owner": "ada", "until": "2026-01-01T00:00:00Z", "unfinished": ["y"]}


def newer_head(root: Path) -> None:
    path = root / ".asof/registry/HEAD.json"
    head = json.loads(path.read_bytes())
    path.write_text(json.dumps({**head, "format": 99, "of_the_future": True}))


def newer_generation(root: Path, *, claimed: bool) -> None:
    registry = root / ".asof/registry"
    (path,) = registry.glob("generations/2-*")
    body = json.dumps({**json.loads(gzip.decompress(path.read_bytes())), "format": 99}).encode()
    path.unlink()
    digest = hashlib.sha256(body).hexdigest()
    (registry / f"generations/2-{digest}.json.gz").write_bytes(gzip.compress(body))
    head = json.loads((registry / "HEAD.json").read_bytes())
    head["generation"] = head["last"]["generation"] = digest
    trail = registry / "audit/2.json"
    trail.write_text(json.dumps({**json.loads(trail.read_bytes()), "generation": digest}))
    if claimed:
        left_claim(head)
    (registry / "HEAD.json").write_text(json.dumps(head))


def contents(root: Path) -> dict[str, bytes]:
    """All that asof keeps: the registry and the stores."""
    kept = [path for path in sorted((root / ".asof").rglob("*")) if path.is_file()]
    return {str(path.relative_to(root)): path.read_bytes() for path in kept if "cache" not in path.parts}


def refused(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    """The codes of what a command says when it fails, in one word."""
    assert main([*command, "--json"]) == ExitCode.UNAVAILABLE, command
    answer = json.loads(capsys.readouterr().out)
    return " ".join([d["code"] for d in answer.get("diagnostics", [])] + [str(answer.get("generations", ""))])


def test_a_newer_head(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer_head(shop)
    before = contents(shop)
    for command in (*WRITES, *READS, *OF_THE_HEAD):
        assert "AS702" in refused(command, capsys), command
    assert contents(shop) == before


@pytest.mark.parametrize("claimed", [False, True])
def test_a_newer_generation(shop: Path, capsys: pytest.CaptureFixture[str], claimed: bool) -> None:
    newer_generation(shop, claimed=claimed)
    before = contents(shop)
    nothing_stopped = set() if claimed else {("apply", "--resume"), ("apply", "--abort")}
    for command in (*WRITES, *READS):
        if command not in nothing_stopped:
            assert "AS702" in refused(command, capsys), command
        else:
            assert main([*command, "--json"]) == ExitCode.OK
            capsys.readouterr()
        assert contents(shop) == before, command


@pytest.mark.parametrize("command", [("apply", "--resume"), ("apply", "--abort")])
def test_a_newer_plan_in_the_journal(shop: Path, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    registry = shop / ".asof/registry"
    head = json.loads((registry / "HEAD.json").read_bytes())
    left_claim(head)
    (registry / "HEAD.json").write_text(json.dumps(head))
    (registry / "journal/y").mkdir()
    (registry / "journal/y/0000-plan-begin.json.gz").write_bytes(gzip.compress(b'{"format": 99}'))
    before = contents(shop)
    main([*command, "--json"])
    assert "AS607" in capsys.readouterr().out
    assert contents(shop) == before
