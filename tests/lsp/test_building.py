"""A repo that is built again at each key stroke, and checked when typing rests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from asof import api_editor
from asof.compiler import definition_file
from asof.lsp.checking import OpenRepo

if TYPE_CHECKING:
    from pathlib import Path

PROJECT = "version: 1\nproject: p\ntargets: {local: {registry: .asof/registry, offline: {type: duckdb}}}\n"
ENTITY = "kind: Entity\nname: a\njoin_keys: [{name: k, type: int64}]\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "asof.yaml").write_text(PROJECT)
    (tmp_path / "a.yaml").write_text(ENTITY)
    (tmp_path / "b.yaml").write_text(ENTITY.replace("name: a", "name: b"))
    (tmp_path / ".asofignore").write_text("skipped.yaml\ndrafts/\n")
    return tmp_path


def test_texts_that_are_not_saved_stand_in_for_files_where_files_count(root: Path) -> None:
    buffers = {
        "a.yaml": ENTITY.replace("name: a", "name: typed"),
        "new/c.yaml": ENTITY.replace("name: a", "name: c"),
        "skipped.yaml": ENTITY.replace("name: a", "name: d"),
        "drafts/e.yaml": ENTITY.replace("name: a", "name: e"),
        ".asof/f.yaml": ENTITY.replace("name: a", "name: f"),
        "notes.txt": "kind: Entity",
    }
    built = api_editor.build(root, buffers)
    assert built.repo is not None
    assert list(built.repo.definitions) == ["entity/b", "entity/c", "entity/typed"]


def test_only_what_was_typed_is_read_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = api_editor.build(root, {})
    read: list[str] = []
    original = definition_file.read

    def noted(path: str, data: bytes) -> object:
        read.append(path)
        return original(path, data)

    monkeypatch.setattr(definition_file, "read", noted)
    after = api_editor.build(root, {"a.yaml": ENTITY.replace("int64", "string")}, before)
    assert read == ["a.yaml"]
    assert after.repo == api_editor.build(root, {"a.yaml": ENTITY.replace("int64", "string")}).repo


def test_what_cannot_be_read_now_is_known_as_it_was(root: Path) -> None:
    before = api_editor.build(root, {})
    after = api_editor.build(root, {"a.yaml": "kind: Entity\nname: a\njoin_keys: ["}, before)
    assert after.repo is not None
    assert after.last is not None
    assert "entity/a" not in after.repo.definitions
    assert after.last.entity("a") == before.repo.entity("a")  # type: ignore[union-attr]
    gone = api_editor.build(root, {"asof.yaml": "version: ["}, after)
    assert gone.repo is None
    assert gone.last == after.last
    removed = api_editor.build(root, {"a.yaml": ""}, before)
    assert removed.last is not None
    assert removed.last.entity("a") is None, "what was taken out is gone"


def test_fast_typing_is_checked_once_and_the_last_text_counts(root: Path) -> None:
    async def session() -> None:
        text = ENTITY
        published: list[tuple[str, ...]] = []
        done = asyncio.Event()

        def publish(built: api_editor.Built, found: tuple[object, ...]) -> None:
            published.append((built.sources["a.yaml"], *(d.code for d in found)))  # type: ignore[attr-defined]
            done.set()

        repo = OpenRepo(root, lambda: {"a.yaml": text}, publish, lambda error: published.append((str(error),)))
        for letter in "xyz":
            text = ENTITY.replace("int64", f"int{letter}")
            repo.changed()
        await asyncio.wait_for(done.wait(), 30)
        await repo.close()
        assert [seen[0] for seen in published] == [text]

    asyncio.run(session())


def test_a_check_that_goes_wrong_is_said(root: Path) -> None:
    async def session() -> None:
        said: list[str] = []
        done = asyncio.Event()

        def publish(*_: object) -> None:
            raise ValueError("the paper is out")

        def trouble(error: Exception) -> None:
            said.append(str(error))
            done.set()

        repo = OpenRepo(root, dict, publish, trouble)
        repo.changed()
        await asyncio.wait_for(done.wait(), 30)
        await repo.close()
        assert said == ["the paper is out"]

    asyncio.run(session())
