"""What is done behind asof's back. Whatever is taken or damaged is entered in the walk's book."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from tests.registry.walk import checks
from tests.registry.walk.door import Trouble
from tests.registry.walk.walker import ALLOWED, Breach, Walker

if TYPE_CHECKING:
    from collections.abc import Iterator
ANOTHER_LAYOUT = "CAST(REPLACE(CAST(layout AS TEXT), 'customer_id', 'customer') AS BLOB)"


def drop_table(walker: Walker, target: str) -> None:
    """Somebody drops an online table; perhaps its catalogue row as well."""
    standing = [(path, name, view) for path, name, view in walker.tables(target) if name in walker.standing(path)]
    if not standing:
        return
    path, name, view = walker.random.choice(sorted(standing, key=lambda table: table[2]))
    walker.say(f"the table of {view} is dropped")
    _taken(walker, path, name)
    rows = (f"DELETE FROM asof_tables WHERE name = '{name}'",) if walker.random.random() < 0.3 else ()
    walker.door.call(lambda: walker.world.online(path, f'DROP TABLE "{name}"', *rows))


def drop_view(walker: Walker, target: str) -> None:
    views = sorted(walker.facts["targets"][target]["views"] or ())
    if views:
        view = walker.random.choice(views)
        walker.say(f"the offline view {view} is dropped")
        walker.book.touched.add(view)
        walker.door.call(lambda: walker.world.drop_view(target, view))


def lose_file(walker: Walker, target: str) -> None:
    """The online file is gone for good."""
    path = walker.world.file(walker.world.targets[target].online)
    walker.say(f"{path} is lost")
    for name in walker.standing(path):
        _taken(walker, path, name)
    walker.book.foreign = {(where, name) for where, name in walker.book.foreign if where != path}
    for file in (walker.world.root / ".asof").glob(path.rsplit("/", 1)[1] + "*"):
        file.unlink()


def catalogue(walker: Walker, target: str) -> None:
    """asof's own list of tables is damaged: a layout that is another, one that is none, or a row that is gone."""
    standing = [(path, name, view) for path, name, view in walker.tables(target) if name in walker.standing(path)]
    if not standing:
        return
    path, name, view = walker.random.choice(sorted(standing, key=lambda table: table[2]))
    way, statement = walker.random.choice((
        ("differs", f"UPDATE asof_tables SET layout = {ANOTHER_LAYOUT}"),
        ("is cut", "UPDATE asof_tables SET layout = SUBSTR(layout, 1, 20)"),
        ("is gone", "DELETE FROM asof_tables"),
    ))  # fmt: skip
    walker.say(f"the catalogue row of {view} {way}")
    walker.book.touched.add(name)
    walker.book.blind = True
    if way == "is gone":
        walker.book.hidden.add(name)
    walker.loaded.pop((path, name), None)
    walker.door.call(lambda: walker.world.online(path, f"{statement} WHERE name = '{name}'"))


def foreign(walker: Walker, target: str) -> None:
    """A table of somebody else's bears the name that the next apply wants."""
    walker.say(walker.repo.edit(walker.random))
    walker.write()
    ran = walker.run("--json", "plan", "--no-examples", *ALLOWED, target=target)
    wanted = [step["after"]["name"] for step in _steps(ran.out) if step["action"] == "create"]
    path = walker.world.file(walker.world.targets[target].online)
    names = [name for name in wanted if name not in walker.standing(path) and name.count("__") > 1]
    if names:
        walker.say(f"a table of somebody else's has the name of {names[0].rsplit('__', 1)[0]}")
        walker.book.foreign.add((path, names[0]))
        walker.door.call(lambda: walker.world.online(path, f'CREATE TABLE "{names[0]}" (x)'))
    walker.change("apply", "--yes", *ALLOWED, target=target)


def garbage(walker: Walker, target: str) -> None:
    """The online file is something else for as long as one command runs."""
    path = walker.world.file(walker.world.targets[target].online)
    if walker.random.random() < 0.4:
        moving = walker.world.targets[target]
        moving.online = walker.random.choice([choice for choice in moving.choices if choice != moving.online])
        walker.say(f"{target} is to be served from {moving.online}")
    else:
        walker.say(walker.repo.edit(walker.random))
    walker.write()
    command = walker.random.choice((("apply", "--yes", *ALLOWED),) * 3 + (("drift",), ("plan",), ("apply", "--resume")))
    with _replaced(walker, path):
        walker.run(*command, target=target)
    walker.changes += 1
    walker.look()


@contextlib.contextmanager
def _replaced(walker: Walker, path: str) -> Iterator[None]:
    folder, stem = walker.world.root / ".asof", path.rsplit("/", 1)[1]
    kept = walker.home("kept")
    kept.mkdir()
    for file in folder.glob(stem + "*"):
        file.rename(kept / file.name)
    (folder / stem).write_bytes(b"away for a moment" * 999)
    walker.say(f"{path} is garbage")
    try:
        yield
    finally:
        for file in folder.glob(stem + "*"):
            file.unlink()
        for file in kept.iterdir():
            file.rename(folder / file.name)
        kept.rmdir()
        walker.say(f"{path} is back")


def read_only(walker: Walker, target: str) -> None:
    """Nothing can be written for a moment; who only reads does not notice."""
    command = walker.random.choice((("apply", "--yes"), ("drift",), ("plan",), ("registry", "verify"), ()))
    bound = Trouble(unprivileged=True)
    modes = [(path, path.stat().st_mode) for path in (walker.world.root, *walker.world.root.rglob("*"))]
    for path, mode in modes:
        path.chmod(mode & 0o555)
    try:
        if command:
            ran = walker.run(*command, target=target, trouble=bound)
            if command[0] == "registry" and ran.code:
                raise Breach(f"`registry verify` wants to write ({ran.code}): {ran.complaint}")
        elif walker.loaded and walker.book.clean:
            checks.same_values(walker, walker.random.choice(sorted(walker.loaded)), bound)
    finally:
        for path, mode in modes:
            if path.exists():
                path.chmod(mode)
    walker.changes += 1
    walker.look()


def journal(walker: Walker, target: str) -> None:
    """The plan of an apply that stopped is cut in half."""
    keys = walker.door.call(lambda: walker.world.journals(target))
    if keys:
        walker.say("the journal of the apply that stopped is damaged")
        walker.book.blind = True
        walker.door.call(lambda: walker.world.damage(target, walker.random.choice(keys)))


def watermark(walker: Walker, target: str) -> None:
    """What says how far a view was materialized is cut in half; a full materialization is the way on."""
    keys = walker.door.call(lambda: walker.world.keys(target, "runs/watermarks/"))
    if keys:
        key = walker.random.choice(keys)
        walker.say(f"{key} is damaged")
        walker.door.call(lambda: walker.world.damage(target, key))
        walker.change("materialize", "--as-of", walker.instant.isoformat(), target=target)
        walker.unload(target)
        walker.door.call(lambda: walker.world.forget(target, key))


def shared_store(walker: Walker, target: str) -> None:
    """Two targets are to share one online file, by mistake."""
    target, other = walker.world.targets["second"].name, walker.world.targets["local"]
    before = walker.world.targets[target].online
    walker.world.targets[target].online = other.online
    walker.say(f"{target} is to be served from {other.online}, as {other.name} is")
    walker.write()
    ran = walker.change("apply", "--yes", *ALLOWED, target=target)
    if ran.code == 0:
        raise Breach("two targets may share an online file")
    walker.world.targets[target].online = before
    walker.write()


def _taken(walker: Walker, path: str, name: str) -> None:
    walker.book.touched.add(name)
    walker.loaded.pop((path, name), None)


def _steps(answer: str) -> list[dict[str, Any]]:
    with contextlib.suppress(ValueError, KeyError):
        steps: list[dict[str, Any]] = json.loads(answer)["plan"]["steps"]
        return steps
    return []
