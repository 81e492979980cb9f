"""A folder as a registry's home: torn writes and damage; what every place keeps is in test_conformance.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.registry.local import LocalBlobs

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_finished_is_not_listed(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("j/a/1.json", b"", replaces=None)
    (tmp_path / "j" / "a" / ".writing-1234").write_bytes(b"half")
    assert list(blobs.list("j/")) == ["j/a/1.json"]


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = LocalBlobs(tmp_path)
    tag = blobs.put("HEAD.json", b"1", replaces=None)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asof.registry.local.os.fsync", full)
    with pytest.raises(DiagnosticError, match="No space left"):
        blobs.put("HEAD.json", b"2", replaces=tag)
    monkeypatch.undo()
    assert blobs.get("HEAD.json") == (b"1", tag)
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".writing")] == []


def test_what_cannot_be_read_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "HEAD.json").mkdir()
    with pytest.raises(DiagnosticError, match="Is a directory"):
        LocalBlobs(tmp_path).get("HEAD.json")
    (tmp_path / "file").write_text("")
    with pytest.raises(DiagnosticError, match="Not a directory"):
        list(LocalBlobs(tmp_path / "file").list("generations/"))


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a//b", "a/../b", "", "a/.hidden", "a\nb"])
def test_a_key_cannot_lead_out_of_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        LocalBlobs(tmp_path).put(key, b"", replaces=None)
