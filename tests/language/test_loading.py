"""Kept definitions save reading, never the truth: with them and without them a repo is the same."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from asof import api
from asof.compiler import definition_file
from asof.compiler.check import check
from asof.compiler.load import load
from asof.compiler.plan import plan, plan_bytes
from asof.compiler.state import EMPTY
from asof.ops import keeping
from asof.ops.loading import NAME, load_repo
from asof.ops.repo_files import read_repo
from asof.views.frames import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from asof.compiler.load import Loaded
    from asof.compiler.source import RepoFiles

REPOS = sorted(path.parent for path in (Path(__file__).parents[2] / "repos").glob("*/asof.yaml"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    api.init(tmp_path)
    (tmp_path / "more.yaml").write_text(
        "kind: Entity\nname: shop\nowner: growth\njoin_keys:\n  - {name: shop_id, type: int64}\n"
    )
    return tmp_path


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of files that were read as YAML, in order."""
    seen: list[str] = []
    real = definition_file.read

    def counting(path: str, data: bytes) -> object:
        seen.append(path)
        return real(path, data)

    monkeypatch.setattr(definition_file, "read", counting)
    return seen


def files_in(root: Path) -> RepoFiles:
    files, _ = read_repo(root)
    assert files is not None
    return files


def same(one: Loaded, other: Loaded) -> None:
    assert one.repo == other.repo
    assert one.diagnostics == other.diagnostics
    assert one.sound == other.sound
    assert one.repo is not None
    assert other.repo is not None
    assert one.repo.broken == other.repo.broken
    assert one.repo.origins.keys() == other.repo.origins.keys()
    for address, origin in one.repo.origins.items():
        assert origin.key("name") == other.repo.origins[address].key("name")
        assert origin.value("name") == other.repo.origins[address].value("name")


@pytest.mark.parametrize("source", REPOS, ids=lambda path: path.name)
def test_plans_and_findings_have_the_same_bytes_with_and_without(source: Path, tmp_path: Path) -> None:
    root = tmp_path / source.name
    shutil.copytree(source, root, ignore=shutil.ignore_patterns(".asof", "build", "data"))
    files = files_in(root)
    plain, first, second = load(files), load_repo(root, files), load_repo(root, files)
    same(plain, first)
    same(plain, second)
    said = [render(check(found.repo), found.sources, colour=False) for found in (plain, second) if found.repo]
    assert said[0] == said[1]
    made = [plan_bytes(plan(found.repo, EMPTY)) for found in (plain, second) if found.repo]
    assert made[0] == made[1]


def test_only_what_was_edited_is_read_again(root: Path, read: list[str]) -> None:
    load_repo(root, files_in(root))
    assert sorted(read) == ["features.yaml", "more.yaml"]
    read.clear()
    load_repo(root, files_in(root))
    assert read == []
    more = root / "more.yaml"
    more.write_text(more.read_text().replace("growth", "sales"))
    found = load_repo(root, files_in(root))
    assert read == ["more.yaml"]
    assert found.repo is not None
    assert found.repo.definitions["entity/shop"].owner == "sales"


def test_a_file_may_move(root: Path, read: list[str]) -> None:
    load_repo(root, files_in(root))
    read.clear()
    (root / "more.yaml").rename(root / "shops.yaml")
    found = load_repo(root, files_in(root))
    assert read == []
    assert found.repo is not None
    assert found.repo.origins["entity/shop"].value("name").path == "shops.yaml"
    assert read == ["shops.yaml"]


def test_what_something_is_to_be_said_about_is_never_kept(root: Path) -> None:
    (root / "odd.yaml").write_text(
        "kind: Entity\nname: odd\njoin_keys:\n  - {name: odd_id, type: int64}\ndescription: yes\n"
    )
    first, second = load_repo(root, files_in(root)), load_repo(root, files_in(root))
    assert first.diagnostics
    assert first.diagnostics == second.diagnostics
    assert "odd.yaml" not in second.sound


def test_names_that_clash_between_kept_files_are_reported_where_they_stand(root: Path) -> None:
    (root / "again.yaml").write_bytes((root / "more.yaml").read_bytes())
    first, second = load_repo(root, files_in(root)), load_repo(root, files_in(root))
    assert [d.code for d in second.diagnostics] == ["AS301"]
    assert first.diagnostics == second.diagnostics


def _forged(body: bytes) -> bytes:
    """What somebody would write who knows how to seal."""
    seal = hashlib.sha256(f"{NAME}\0{keeping.code()}\0".encode() + body).digest()
    return seal + body


def _of_other_shape(_: bytes) -> bytes:
    return _forged(msgspec.msgpack.encode({b"x": [1, 2], b"y": "no definitions"}))


def _with_other_values(data: bytes) -> bytes:
    entries = msgspec.msgpack.decode(data[32:], type=dict[bytes, msgspec.Raw])
    return _forged(msgspec.msgpack.encode({key: [{"kind": "Entity", "name": 7}] for key in entries}))


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "not ours": lambda _: b"\xff" * 100,
    "cut in the seal": lambda data: data[:10],
    "cut at the seal": lambda data: data[:32],
    "cut at the end": lambda data: data[:-1],
    "cut in the middle": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\0",
    "a flipped bit in the seal": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "an edited owner": lambda data: data.replace(b"growth", b"sales!"),
    "sealed, and no map": lambda _: _forged(b"\x01"),
    "sealed, and no MessagePack": lambda _: _forged(b"\xc1"),
    "sealed, of another shape": _of_other_shape,
    "sealed, of values that are no definitions": _with_other_values,
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_file_is_no_file(root: Path, damage: Callable[[bytes], bytes]) -> None:
    files = files_in(root)
    load_repo(root, files)
    path = root / keeping.FOLDER / NAME
    before = path.read_bytes()
    assert damage(before) != before
    path.write_bytes(damage(before))
    same(load_repo(root, files), load(files))
    assert path.read_bytes() == before


def test_other_code_keeps_other_files(root: Path, read: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    load_repo(root, files_in(root))
    read.clear()
    monkeypatch.setattr(keeping, "code", lambda: "another")
    load_repo(root, files_in(root))
    assert sorted(read) == ["features.yaml", "more.yaml"]


def test_a_folder_that_cannot_be_written_changes_nothing(root: Path) -> None:
    shutil.rmtree(root / keeping.FOLDER, ignore_errors=True)
    (root / keeping.FOLDER).parent.mkdir(exist_ok=True)
    (root / keeping.FOLDER).write_text("a file where the folder should be")
    files = files_in(root)
    same(load_repo(root, files), load(files))


def test_a_file_under_another_name_is_no_file(root: Path) -> None:
    keeping.keep(root, "one", b"body")
    assert keeping.kept(root, "one") == b"body"
    folder = root / keeping.FOLDER
    (folder / "one").rename(folder / "two")
    assert keeping.kept(root, "two") is None


def test_where_asof_yaml_alone_matters_nothing_else_is_read(root: Path, read: list[str]) -> None:
    (root / "broken.yaml").write_text("kind: [")
    found = api.project_at(root)
    assert found.repo is not None
    assert not found.diagnostics
    assert not read


def test_an_asof_yaml_that_leads_out_of_the_repo_is_refused(tmp_path: Path) -> None:
    root, outside = tmp_path / "repo", tmp_path / "outside.yaml"
    root.mkdir()
    api.init(root)
    (root / "asof.yaml").rename(outside)
    (root / "asof.yaml").symlink_to(outside)
    for found in (api.project_at(root), api.check(root)):
        assert found.repo is None
        assert [d.code for d in found.diagnostics] == ["AS114"]
