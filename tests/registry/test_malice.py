"""Registries and exports that somebody tampered with: an error that says so, never a traceback, never another place."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asof.compiler.diagnostics import DiagnosticError
from asof.ops.apply import Hands, abort
from asof.ops.infrastructure import StoreInfrastructure
from asof.registry import open_registry
from asof.registry.claim import unlock
from asof.registry.upkeep import export, garbage, import_, verify
from tests.registry.world import ME, REPO, go, registry_in

if TYPE_CHECKING:
    from pathlib import Path

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | st.just("../../x"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def paths(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [at, *(path for key, value in inner for path in paths(value, (*at, key)))]


def tampered(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    copy = json.loads(json.dumps(document))
    place = copy
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return copy


@QUIET
@given(data=st.data())
def test_a_head_with_anything_in_it_is_read_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    head = tmp_path / "registry" / "HEAD.json"
    if not head.exists():
        go(REPO, tmp_path)
        good = json.loads(head.read_bytes())
        good["claim"] = {"apply_id": "x", "owner": "ada", "until": "2026-01-01T00:00:00Z", "unfinished": ["y"]}
        (tmp_path / "good.json").write_text(json.dumps(good))
    good = json.loads((tmp_path / "good.json").read_text())
    path, value = data.draw(st.sampled_from(paths(good))), data.draw(VALUES)
    head.write_text(json.dumps(tampered(good, path, value)))
    registry = registry_in(tmp_path)
    for act in (
        registry.state,
        registry.history,
        lambda: export(registry),
        lambda: verify(registry),
        lambda: garbage(registry, 1),
    ):
        with suppress(DiagnosticError):
            act()
    with suppress(DiagnosticError):
        unlock(registry, by="eve", reason="fuzz")
    with suppress(DiagnosticError), StoreInfrastructure("rides", root=tmp_path) as stores:
        abort(registry, Hands(infrastructure=stores, actor=ME))


@QUIET
@given(data=st.data())
def test_an_export_with_anything_in_it_is_imported_whole_or_refused(data: st.DataObject, tmp_path: Path) -> None:
    kept = tmp_path / "export.json"
    if not kept.exists():
        go(REPO, tmp_path)
        kept.write_bytes(export(registry_in(tmp_path)))
    good = json.loads(kept.read_bytes())
    path, value = data.draw(st.sampled_from(paths(good))), data.draw(VALUES)
    body = json.dumps(tampered(good, path, value)).encode()
    place = open_registry(f"to-{data.draw(st.uuids())}", root=tmp_path)
    with suppress(DiagnosticError):
        import_(place, body, project="rides", target="local")
        assert place.state().objects == registry_in(tmp_path).state().objects


@pytest.mark.parametrize("until", ["2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "soon", "", 7])
def test_a_lease_that_is_no_instant_is_damage(tmp_path: Path, until: object) -> None:
    go(REPO, tmp_path)
    head = tmp_path / "registry" / "HEAD.json"
    document = json.loads(head.read_bytes())
    document["claim"] = {"apply_id": "x", "owner": "ada", "until": until}
    head.write_text(json.dumps(document))
    with pytest.raises(DiagnosticError, match="is damaged"):
        registry_in(tmp_path).state()


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "a/b", "", "x" * 200])
def test_names_in_a_head_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    go(REPO, tmp_path)
    head = tmp_path / "registry" / "HEAD.json"
    good = json.loads(head.read_bytes())
    for document in (
        good | {"claim": {"apply_id": name, "owner": "ada", "until": "2026-01-01T00:00:00Z"}},
        good | {"generation": name or "../x"},
    ):
        head.write_text(json.dumps(document))
        with pytest.raises(DiagnosticError, match="is damaged"):
            registry_in(tmp_path).state()
