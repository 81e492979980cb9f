"""Registries and exports that somebody tampered with: an error that says so, never a traceback, never another place."""

from __future__ import annotations

import io
import json
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from asof import engines
from asof.compiler.diagnostics import DiagnosticError
from asof.compiler.model import Store
from asof.compiler.plan import effect_of, plan, plan_bytes, plan_from_bytes
from asof.compiler.state import EMPTY, Resource
from asof.ops.apply import Hands, abort, apply
from asof.ops.infrastructure import StoreInfrastructure
from asof.registry import open_registry
from asof.registry.base import checked
from asof.registry.claim import unlock
from asof.registry.upkeep import export, garbage, import_, verify
from asof.views.terminal import BOLD, RED, Terminal, paint
from tests.plan.world import LOCAL, repo_with
from tests.registry.world import DRIVER, ME, REPO, TRIPS, asked, go, registry_in

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
        import_(place, body, owner="ada", project="rides", target="local")
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


def forged(tmp_path: Path, edit: Any) -> Any:
    """A plan for an empty registry, with its steps' resources edited and its effect made right again."""
    made = plan(repo_with(DRIVER, TRIPS, asked("reads", "SELECT driver_id, fare, ended_at FROM trips")), EMPTY)
    with closing(engines.connect(LOCAL.offline, root=tmp_path)) as engine:
        engine.execute(["CREATE TABLE trips (driver_id BIGINT, fare DOUBLE, tip DOUBLE, ended_at TIMESTAMPTZ)"])
    steps = tuple(replace(s, after=edit(s.after)) if s.after else s for s in made.steps)
    made = replace(made, steps=steps, resources_after=tuple(edit(r) for r in made.resources_after))
    return plan_from_bytes(plan_bytes(replace(made, effect=effect_of(made))))


def carried_out(tmp_path: Path, made: Any) -> DiagnosticError:
    with StoreInfrastructure("rides", root=tmp_path, target=LOCAL) as stores, pytest.raises(DiagnosticError) as caught:
        apply(made, registry_in(tmp_path), Hands(infrastructure=stores, actor=ME))
    return caught.value


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; COPY (SELECT 1) TO 'stolen.csv'",
        "SELECT 1 AS x\n;\nDROP TABLE trips",
        "COPY (SELECT 1) TO 'stolen.csv'",
        "INSTALL httpfs",
        "",
    ],
)
def test_a_forged_plan_runs_no_statement_but_a_query(tmp_path: Path, sql: str) -> None:
    made = forged(tmp_path, lambda r: replace(r, sql=sql) if r.kind == "offline_view" else r)
    assert "AS641" in [d.code for d in carried_out(tmp_path, made).diagnostics]
    assert not list(tmp_path.glob("stolen*"))


def test_a_forged_plan_makes_nothing_in_another_store(tmp_path: Path) -> None:
    elsewhere = Store(type="sqlite", options=(("path", str(tmp_path / "elsewhere.db")),))
    made = forged(tmp_path, lambda r: replace(r, store=elsewhere) if r.kind == "online_table" else r)
    assert "AS640" in [d.code for d in carried_out(tmp_path, made).diagnostics]
    assert not (tmp_path / "elsewhere.db").exists()


def test_no_store_of_a_forger_is_sent_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    theirs = Store(type="postgres", options=(("url", "postgresql://x:${env:SECRET_OF_MINE}@evil.invalid/x"),))
    view = Resource(kind="offline_view", name="rides__x", address="feature_view/x", store=theirs, sql="SELECT 1")
    with StoreInfrastructure("rides", root=tmp_path, target=LOCAL) as stores:
        for act in (stores.create, stores.drop, lambda r: stores.observe([r], definitions=True)):
            with pytest.raises(DiagnosticError, match=r"does not name|SECRET_OF_MINE") as caught:
                act(view)
            assert caught.value.diagnostics[0].code == "AS640"


def test_a_store_that_works_otherwise_is_no_strange_one(tmp_path: Path) -> None:
    """A step of a plan made before somebody chose another strategy is carried out after it."""
    before = replace(LOCAL.offline, options=(*LOCAL.offline.options, ("latest", "frame"), ("threads", 1)))
    view = Resource(kind="offline_view", name="rides__x", address="feature_view/x", store=before, sql="SELECT 1 AS x")
    with StoreInfrastructure("rides", root=tmp_path, target=LOCAL) as stores:
        stores.create(view)
    with StoreInfrastructure("rides", root=tmp_path, target=LOCAL) as stores:
        assert stores.observe([replace(view, store=LOCAL.offline)], definitions=True) == ()


@pytest.mark.parametrize(
    "name", ["../x", "/x", "a/../b", "a\x00b", "C:\\x", "a\n", "é", "a\u202eb", "", 'x"; DROP', "\uff0e\uff0e"]
)
def test_names_in_a_plan_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(DiagnosticError, match="this is not a plan"):
        forged(tmp_path, lambda r: replace(r, name=name))
    for key in (name, f"journal/{name}", f"{name}/HEAD.json"):
        with pytest.raises(ValueError, match="is not a key"):
            checked(key)


def test_a_terminal_is_sent_no_escapes_but_ours() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x1b[8mhidden\x9b31m\u202etxt\r\ud800"
    plain, painted = io.StringIO(), io.StringIO()
    Terminal(out=plain, err=plain).say(evil)
    assert not set(plain.getvalue()) & set("\x1b\x07\x9b\u202e\r\ud800")
    assert "\\x1b]0;owned\\x07" in plain.getvalue()
    Terminal(out=painted, err=painted, colour=True).say(paint("bold", BOLD, RED, colour=True) + evil)
    assert painted.getvalue().startswith("\x1b[1;31mbold\x1b[0m")
    assert painted.getvalue().count("\x1b") == 2
