"""A folder as a registry's home: conditional writes, torn writes, damage."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.registry.base import Conflict, Missing, Tag
from asof.registry.local import LocalBlobs

if TYPE_CHECKING:
    from pathlib import Path


def test_a_blob_is_created_once(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path / "r")
    assert blobs.get("a/b.json") is None
    tag = blobs.put("a/b.json", b"1", replaces=None)
    assert blobs.get("a/b.json") == (b"1", tag)
    with pytest.raises(Conflict):
        blobs.put("a/b.json", b"2", replaces=None)
    assert blobs.get("a/b.json") == (b"1", tag)


def test_a_blob_is_replaced_only_by_those_who_saw_it(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    first = blobs.put("HEAD.json", b"1", replaces=None)
    second = blobs.put("HEAD.json", b"2", replaces=first)
    with pytest.raises(Conflict):
        blobs.put("HEAD.json", b"3", replaces=first)
    assert blobs.get("HEAD.json") == (b"2", second)
    with pytest.raises(Missing):
        blobs.put("gone.json", b"3", replaces=Tag("x"))


def test_a_blob_that_was_removed_is_gone_and_may_be_removed_again(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("a/b.json", b"1", replaces=None)
    for _ in range(2):
        blobs.delete("a/b.json")
        assert blobs.get("a/b.json") is None
    blobs.delete("never/there.json")


def test_keys_come_in_order_without_what_is_not_finished(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    for key in ("j/b/2.json", "j/a/1.json", "j/a-b/1.json", "k/1.json"):
        blobs.put(key, b"", replaces=None)
    (tmp_path / "j" / "a" / ".writing-1234").write_bytes(b"half")
    keys = list(blobs.list("j/"))
    assert keys == sorted(["j/a/1.json", "j/a-b/1.json", "j/b/2.json"])
    assert list(blobs.list("j/a")) == sorted(["j/a/1.json", "j/a-b/1.json"])
    assert list(blobs.list("nothing/")) == []


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


def test_of_many_writers_who_saw_the_same_blob_one_wins(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    tag = blobs.put("HEAD.json", b"0", replaces=None)
    for turn in range(20):
        won: list[Tag] = []
        start = threading.Barrier(8)

        def race(me: int, seen: Tag, won: list[Tag] = won, start: threading.Barrier = start, turn: int = turn) -> None:
            start.wait()
            try:
                won.append(LocalBlobs(tmp_path).put("HEAD.json", f"{turn}.{me}".encode(), replaces=seen))
            except Conflict:
                return

        threads = [threading.Thread(target=race, args=(me, tag)) for me in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == 1
        tag = won[0]
        found = blobs.get("HEAD.json")
        assert found is not None
        assert found[1] == tag
