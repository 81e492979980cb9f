"""The three readers of what others wrote: a YAML repo, a plan file, the blobs of a registry.

Each takes bytes and carries them through all that reads them. It returns normally whether they are accepted or refused
with a diagnostic; any other exception is what a fuzzer looks for.
"""

from __future__ import annotations

import gzip
import hashlib
import io
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from asof.compiler.artifacts import artifacts
from asof.compiler.canonical import sha256_hex
from asof.compiler.check import check
from asof.compiler.diagnostics import DiagnosticError, has_errors
from asof.compiler.load import load
from asof.compiler.plan import Plan, plan, plan_bytes, plan_from_bytes, state_after
from asof.compiler.source import RepoFiles
from asof.compiler.state import EMPTY, repo_of
from asof.compiler.trust import relying_on
from asof.ops.apply import Actor, Hands, abort, apply, resume
from asof.ops.recovery import standstill
from asof.ops.rollback import rollback_plan
from asof.registry.base import Conflict, Missing, Tag, checked
from asof.registry.claim import forgive, unlock
from asof.registry.restore import restorable
from asof.registry.store import HEAD, Registry
from asof.registry.upkeep import export, garbage, import_, verify
from asof.views import frames, listings, plans, wording
from asof.views.terminal import Terminal
from tests.plan.world import PROJECT, edited
from tests.registry.world import GROWN, REPO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from asof.compiler.infrastructure import Step
    from asof.compiler.model import Store, Target
    from asof.compiler.state import Resource, State
    from asof.ops.observe import Drifted

ROOT = Path(__file__).resolve().parents[2]
CUT = b"\n#### "
"""Begins another file in a repo: ``#### path`` and a line break."""
PARTS = ("head", "generation", "compressed", "audit", "journal", "unlock", "export")
"""Which blob of a registry the bytes take the place of: their first line says it."""


def yaml_repo(data: bytes) -> None:
    """Load, check, plan and compile what asof.yaml and the files after it say."""
    first, *others = data.split(CUT)
    texts = {"asof.yaml": first}
    for other in others:
        name, _, body = other.partition(b"\n")
        texts[name.decode("utf-8", "replace")[:80] or "features.yaml"] = body
    loaded = load(RepoFiles(project="asof.yaml", texts=texts))
    repo = loaded.repo
    found = (*loaded.diagnostics, *(check(repo) if repo else ()))
    shown(frames.render(found, loaded.sources))
    listings.diagnostics_json(found)
    if repo is None or has_errors(found):
        return
    for target in repo.project.targets:
        with suppress(DiagnosticError):
            made = plan(repo, EMPTY, target=target.name)
            read = plan_from_bytes(plan_bytes(made))
            if read != made:
                raise AssertionError("a plan does not read back")
            shown(plans.human(made))
        with suppress(DiagnosticError):
            artifacts(repo, target=target.name, serial=0)


def plan_file(data: bytes) -> None:
    """Read a plan, show it, and carry it out on a registry that it fits and on an empty one."""
    try:
        made = plan_from_bytes(data)
    except DiagnosticError as error:
        shown(frames.render(error.diagnostics, {}))
        return
    shown(plans.human(made), wording.verdict(made))
    msgspec.json.encode(plans.as_json(made))
    for start in (_standing(), {}):
        registry = Registry(Memory(dict(start)))
        with suppress(DiagnosticError):
            apply(made, registry, hands())
            _every_reader(registry)
    with suppress(DiagnosticError):
        repo_of(state_after(made, EMPTY))


def registry_blob(data: bytes) -> None:
    """Put the bytes in the place of one blob, with every hash that leads to it made right, and use the registry."""
    name, _, body = data.partition(b"\n")
    part = PARTS[int.from_bytes(name[:2].strip() or b"\0") % len(PARTS)]
    if part == "export":
        with suppress(DiagnosticError):
            import_(Registry(Memory({})), body, owner="ada", project="rides", target="local")
        return
    _every_reader(Registry(Memory(_with(part, body))))


def _every_reader(registry: Registry) -> None:
    acts: tuple[Callable[[], object], ...] = (
        lambda: shown(listings.registered(registry.state())),
        lambda: shown(listings.history(registry.history())),
        lambda: registry.since(0),
        lambda: shown(listings.unlocks(registry.unlocks())),
        lambda: export(registry),
        lambda: shown(listings.verified(verify(registry))),
        lambda: garbage(registry, 1),
        lambda: registry.at(1),
        lambda: standstill((registry.head() or _nobody())[0], registry.clock()),
        lambda: _compiled(registry.state()),
        lambda: shown(plans.human(plan(GROWN, registry.state(), target="local"))),
        lambda: rollback_plan(registry, 1, PROJECT, target="local"),
        lambda: restorable(registry),
        lambda: registry.forgiven(),
        lambda: forgive(registry, "feature_view/fares", by="eve", reason="fuzz"),
        lambda: unlock(registry, by="eve", reason="fuzz"),
        lambda: resume(registry, hands()),
        lambda: abort(registry, hands()),
        lambda: apply(plan(GROWN, registry.state(), target="local"), registry, hands()),
    )
    for act in acts:
        with suppress(DiagnosticError):
            act()


def _compiled(state: State) -> None:
    with relying_on(state):
        artifacts(repo_of(state), target=state.target, serial=1)


def _nobody() -> Any:
    return (None,)


def shown(*texts: str) -> None:
    """Say it on a terminal without colour: no control character may reach that."""
    out = io.StringIO()
    terminal = Terminal(out=out, err=out)
    for text in texts:
        terminal.say(text)
        terminal.note(text)
    stray = [c for c in out.getvalue() if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]
    if stray:
        raise AssertionError(f"a terminal was sent {stray!r}")


class Memory:
    """``Blobs`` in a dict."""

    def __init__(self, blobs: dict[str, bytes]) -> None:
        self.blobs = blobs

    def get(self, key: str) -> tuple[bytes, Tag] | None:
        body = self.blobs.get(checked(key))
        return None if body is None else (body, Tag(hashlib.sha256(body).hexdigest()))

    def put(self, key: str, body: bytes, *, replaces: Tag | None) -> Tag:
        found = self.get(key)
        if found is None and replaces is not None:
            raise Missing(key)
        if (found[1] if found else None) != replaces:
            raise Conflict(key)
        self.blobs[key] = body
        return Tag(hashlib.sha256(body).hexdigest())

    def list(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.blobs if key.startswith(prefix)))

    def delete(self, key: str) -> None:
        self.blobs.pop(checked(key), None)


class Nothing:
    """Stores without any: what a step would touch has to bear a name that stays where it belongs."""

    lineage = ""
    target: Target | None = None

    def lane(self, resource: Resource) -> str:
        return resource.name

    def observe(
        self, resources: Sequence[Resource], *, definitions: bool, beside: Sequence[tuple[str, Store]] = ()
    ) -> tuple[Drifted, ...]:
        return ()

    def rehearse(self, steps: Sequence[Step]) -> tuple[str, ...]:
        return ()

    def filled(self, tables: Sequence[Resource]) -> tuple[Resource, ...]:
        return ()

    def another(self) -> Nothing:
        return self

    def close(self) -> None:
        return

    def create(self, resource: Resource) -> None:
        if not resource.name.replace("_", "a").isalnum() or not resource.name.isascii():
            raise AssertionError(f"a step works on {resource.name!r}")

    alter = drop = create


def hands() -> Hands:
    return Hands(infrastructure=Nothing(), actor=Actor(by="fuzz"))


@cache
def _standing() -> dict[str, bytes]:
    """A registry with two generations, somebody who stopped on the way to a third, and a broken claim."""
    blobs = Memory({})
    registry = Registry(blobs)
    apply(plan(REPO, EMPTY), registry, hands())
    apply(plan(GROWN, registry.state()), registry, hands())
    third = plan(edited("feature_view/tips", repo=GROWN, description="more"), registry.state())
    stopped = Hands(infrastructure=Nothing(), actor=Actor(by="fuzz"), stop=lambda: True)
    with suppress(DiagnosticError):
        apply(third, registry, stopped)
    head = msgspec.json.decode(blobs.blobs[HEAD])
    head["claim"]["until"] = "2999-01-01T00:00:00Z"
    blobs.blobs[HEAD] = msgspec.json.encode(head)
    unlock(registry, by="eve", reason="fuzz")
    return dict(blobs.blobs)


def _with(part: str, body: bytes) -> dict[str, bytes]:
    blobs = dict(_standing())
    if part == "head":
        blobs[HEAD] = body
    elif part in ("generation", "compressed"):
        head = msgspec.json.decode(blobs[HEAD])
        digest = hashlib.sha256(body).hexdigest()
        packed = body if part == "compressed" else gzip.compress(body, 1, mtime=0)
        blobs[f"generations/{head['serial']}-{digest}.json.gz"] = packed
        blobs[HEAD] = msgspec.json.encode({**head, "generation": digest})
    else:
        start = {"audit": "audit/1", "journal": "journal/", "unlock": "audit/unlocks/"}[part]
        keys = [key for key in blobs if key.startswith(start) and (part != "journal" or "plan-begin" in key)]
        blobs[keys[-1]] = gzip.compress(body, 1, mtime=0) if part == "journal" else body
    return blobs


def signed(document: Any) -> bytes:
    """A plan's document as a file, with the effect that its contents have: what a forger would do."""
    with suppress(ValueError, AttributeError, RecursionError, msgspec.MsgspecError):
        made = msgspec.convert({**document, "effect": ""}, Plan)
        kept = ("base", "read_set", "tool", "effect", "format")
        effect = sha256_hex({k: v for k, v in msgspec.to_builtins(made).items() if k not in kept})
        document = {**document, "effect": effect}
    return msgspec.json.encode(document)


def seeds(reader: str) -> list[bytes]:
    """Whole documents to begin with."""
    if reader == "plan":
        third = plan(edited("feature_view/tips", repo=GROWN, online=False), EMPTY)
        return [plan_bytes(plan(REPO, EMPTY)), plan_bytes(third), plan_bytes(plan(GROWN, _second()))]
    if reader == "registry":
        blobs = _standing()
        exported = Registry(Memory(dict(blobs)))
        bodies: list[tuple[str, bytes]] = [("head", blobs[HEAD]), ("export", export(exported))]
        for key, body in blobs.items():
            if key.startswith("generations/"):
                bodies += [("generation", gzip.decompress(body)), ("compressed", body)]
            elif key.startswith("audit/"):
                bodies.append(("unlock" if "unlocks" in key else "audit", body))
            elif "plan-begin" in key:
                bodies.append(("journal", gzip.decompress(body)))
        return [bytes([PARTS.index(part)]) + b"\n" + body for part, body in bodies]
    return [_joined(folder) for folder in sorted((ROOT / "repos").iterdir()) if (folder / "asof.yaml").exists()]


def _joined(folder: Path) -> bytes:
    others = sorted(path for path in folder.rglob("*.yaml") if path.name != "asof.yaml" and "build" not in path.parts)
    texts = [(folder / "asof.yaml").read_bytes()]
    return b"".join([*texts, *(CUT + path.name.encode() + b"\n" + path.read_bytes() for path in others)])


def _second() -> Any:
    registry = Registry(Memory(dict(_standing())))
    return registry.state()


READERS: dict[str, Callable[[bytes], None]] = {"repo": yaml_repo, "plan": plan_file, "registry": registry_blob}
