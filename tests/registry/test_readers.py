"""What readers meet between two of their requests: the first apply, the next one, and gc. None of it is damage."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from asof.compiler.diagnostics import DiagnosticError
from asof.registry.store import GENERATIONS, HEAD, Registry
from asof.registry.upkeep import collect, export, verify
from tests.plan.world import edited
from tests.registry.world import REPO, go, registry_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from asof.registry.base import Blobs, Tag


class Meanwhile:
    """Blobs of a reader; after its first answer about ``key`` others do something, each of ``acts`` once."""

    def __init__(self, real: Blobs, key: str, *acts: Callable[[], object]) -> None:
        self.real, self.key, self.acts = real, key, list(acts)

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        found = self.real.get(key)
        if key.startswith(self.key) and self.acts:
            self.acts.pop(0)()
        return found

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        raise AssertionError(f"a reader wrote {key}")

    def list(self, prefix: str) -> Iterator[str]:
        return self.real.list(prefix)

    def delete(self, key: str) -> None:
        raise AssertionError(f"a reader deleted {key}")


def moved_on(root: Path, text: str) -> Callable[[], object]:
    """Another generation, after which gc takes all those before it."""

    def act() -> None:
        go(edited("feature_view/fares", repo=REPO, description=text), root)
        collect(registry_in(root), owner="gc", keep=1)

    return act


def reader(root: Path, key: str, *acts: Callable[[], object]) -> Registry:
    return Registry(Meanwhile(registry_in(root).blobs, key, *acts))


def test_a_generation_that_gc_took_while_it_was_looked_for_is_not_damage(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    assert reader(tmp_path, HEAD, moved_on(tmp_path, "a")).state().serial == 2
    again = reader(tmp_path, HEAD, moved_on(tmp_path, "b"), moved_on(tmp_path, "c"))
    assert again.state().serial == 4
    exported = json.loads(export(reader(tmp_path, HEAD, moved_on(tmp_path, "d"))))
    assert (exported["head"]["serial"], exported["state"]["serial"]) == (5, 5)
    for key in (HEAD, "audit/", GENERATIONS):
        found = verify(reader(tmp_path, key, moved_on(tmp_path, f"e {key}")))
        assert {v.found for v in found} <= {"whole", "collected"}, key


def test_an_earlier_generation_that_gc_takes_just_now_is_said_to_be_gone(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    for text in ("a", "b"):
        go(edited("feature_view/fares", repo=REPO, description=text), tmp_path)
    asking = reader(tmp_path, "audit/1", lambda: collect(registry_in(tmp_path), owner="gc", keep=2))
    with pytest.raises(DiagnosticError) as caught:
        asking.at(1)
    assert caught.value.diagnostics[0].code == "AS709"
    taken = reader(tmp_path, f"{GENERATIONS}2-", lambda: collect(registry_in(tmp_path), owner="gc", keep=1))
    assert taken.at(2).serial == 2


def test_a_first_apply_between_two_looks_is_not_a_head_that_is_gone(tmp_path: Path) -> None:
    assert reader(tmp_path, HEAD, lambda: go(REPO, tmp_path)).state().serial == 1


def test_a_generation_that_is_really_gone_is_damage_for_readers_too(tmp_path: Path) -> None:
    go(REPO, tmp_path)
    for key in tuple(registry_in(tmp_path).blobs.list(GENERATIONS)):
        registry_in(tmp_path).blobs.delete(key)
    with pytest.raises(DiagnosticError, match="is missing"):
        registry_in(tmp_path).state()
