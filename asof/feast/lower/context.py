"""What all of lowering shares: names, what each source must declare, which views came through, and what is noted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asof.compiler.duration import LONGEST, Duration
from asof.feast.documents import Note
from asof.feast.lower.names import Names, is_name
from asof.feast.types import INTERNAL_TAGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from asof.feast.model import Common, Project, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What lowering is told of the world: the dialect of SQL in the new repo, and what its files are."""

    dialect: str = "duckdb"
    relocated: Callable[[str], str] = str
    """A path as Feast has it -> as the new repo must have it."""
    stored: Callable[[str, str], str] = lambda _path, _column: ""
    """(path as Feast has it, column) -> the type that the column has there, "" where nobody can tell."""


class Context:
    """One import on its way. ``columns``: source -> stored column -> type, gathered from the views that read it."""

    def __init__(self, project: Project, around: Surroundings) -> None:
        self.project = project
        self.around = around
        self.entities = Names("entity")
        self.sources = Names("source")
        self.views = Names("view")
        self.services = Names("service")
        self.datasets = Names("dataset")
        self.key_types: dict[str, tuple[str, str]] = {}
        """Feast's entity name -> (join key, type)."""
        self.found: dict[str, Source] = {}
        """Every source of the project by Feast's name, those inside of views too."""
        self.columns: dict[str, dict[str, str]] = {}
        self.features: dict[str, dict[str, str]] = {}
        """Feast's name of a view that came through -> feature -> type."""
        self.keys: dict[str, tuple[str, ...]] = {}
        """Feast's name of a view that came through -> its join keys."""
        self.left: dict[str, str] = {}
        """Feast's name of a view that was left out -> why, in a few words."""

    def stored(self, source: Source, used: str) -> str:
        """The type that the source's file has for what views call ``used``, "" where nobody can tell."""
        column = {name: stored for stored, name in source.field_mapping}.get(used, used)
        return self.around.stored(source.place.path, column) if source.place.path else ""

    def named(self, source: Source) -> str:
        """Feast's name for a source, which may leave it to the place."""
        place = source.place
        return source.name or place.table or place.path or place.query or "unnamed"


def head(kind: str, name: str, given: Common) -> dict[str, Any]:
    """The first keys of every document."""
    tags = {key: value for key, value in given.tags if key not in INTERNAL_TAGS}
    return {
        "kind": kind,
        "name": name,
        **({"description": given.description} if given.description else {}),
        **({"owner": given.owner} if given.owner else {}),
        **({"tags": tags} if tags else {}),
    }


def renamed(about: str, old: str, new: str, *, asked_for: bool = True) -> tuple[Note, ...]:
    """A note where a name is not what it was; ``asked_for``: callers use the name."""
    if old == new:
        return ()
    text = f"is called {new} here: "
    text += "another has that name." if is_name(old) else "a name has letters, digits and single underscores."
    text += " Callers must ask for the new one." if asked_for else ""
    return (Note(about=f"{about} {old}", text=text, by_hand=asked_for),)


def duration(about: str, key: str, micros: int) -> tuple[dict[str, Any], tuple[Note, ...]]:
    """A length of time under ``key``; nothing where there is none, and a note where asof cannot hold it."""
    if micros == 0:
        return {}, ()
    if not 0 < micros <= LONGEST:
        text = (
            f"{key} of {micros / 86_400_000_000:g} days is left out: a length of time is above 0 and "
            "below 10,000 years."
        )
        return {}, (Note(about=about, text=text),)
    return {key: str(Duration(micros))}, ()
