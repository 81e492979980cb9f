"""The port of an online store: one table per view version, one row per entity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from asof.compiler.diagnostics import DiagnosticError, rule
from asof.compiler.source import NOWHERE
from asof.compiler.state import Feature  # noqa: TC001, msgspec reads annotations

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from asof.compiler.state import Resource

NOT_OWNED = rule("AS740", "online table belongs to somebody else")
LAYOUT_DIFFERS = rule("AS741", "online table has another layout")
NO_TABLE = rule("AS742", "online table does not exist")
ONLINE_FAILED = rule("AS743", "online store refused a statement")
BAD_ROW = rule("AS744", "online row cannot be read")


class OnlineTable(msgspec.Struct, frozen=True, kw_only=True):
    """A physical table as the plan names it, whose it is and what its rows hold.

    ``keys`` are the join keys in order; ``features`` the row's values in order, which grow at the end only.
    ``owner`` is the mark of the registry and the view that it was made for, ``<lineage>/<mark of the resource>``: two
    tables of one project are one and the same only where the marks are equal. "" stands for an asof without marks.
    """

    name: str
    project: str
    view: str
    keys: tuple[Feature, ...]
    features: tuple[Feature, ...]
    owner: str = ""

    @classmethod
    def of(cls, resource: Resource, *, project: str, lineage: str) -> OnlineTable:
        """The table of a resource that the registry ``lineage`` records."""
        return cls(
            name=resource.name,
            project=project,
            view=resource.address.partition("/")[2],
            keys=resource.keys,
            features=resource.features,
            owner=resource.owner(lineage),
        )

    def owned_like(self, other: OnlineTable) -> bool:
        """Whether both were made by one registry for one view."""
        return (self.project, self.owner) == (other.project, other.owner)

    def may_drop(self, standing: OnlineTable) -> bool:
        """Whether what stands under the name of this table is this one, as far as a damaged entry can tell."""
        damaged = bool(standing.project) and not standing.view
        return self.owned_like(standing) or (damaged and standing.project == self.project)

    def extends(self, other: OnlineTable) -> bool:
        """Whether rows of ``other`` are rows of this table with some last features left out."""
        return self.keys == other.keys and self.features[: len(other.features)] == other.features

    def alters(self, standing: OnlineTable) -> bool:
        """Whether ``standing`` may become this table: one of them is the other with last features left out."""
        return self.extends(standing) or standing.extends(self)


class OnlineStore(Protocol):
    """A connection to an online store. It is not shared between threads.

    A store's own catalogue says whose a table is and what its rows hold; whether it is there is for the store to say.
    Every method raises DiagnosticError: AS740 for a table with another project or owner, AS741 where a table
    is there with another layout, AS742 where it is missing, AS743 with the store's own words.
    """

    def observe(self, project: str, names: Collection[str] | None = None) -> tuple[OnlineTable, ...]:
        """The tables of a project that exist, by name; with ``names`` whatever exists under these, whoever made it.

        What asof did not make has the project "". A damaged entry of the catalogue gives a table without view, keys
        and features.
        """

    def holds_rows(self, name: str) -> bool:
        """Whether a table that exists has a row."""

    def create(self, table: OnlineTable) -> None:
        """Make an empty table and record whose it is; nothing happens where just this one exists."""

    def alter(self, table: OnlineTable) -> None:
        """Let rows hold more features at their end; rows written before read them as NULL. Idempotent.

        An apply that is undone before anybody wrote such rows takes the features back in the same way. A table that
        is gone is made anew, empty.
        """

    def drop(self, table: OnlineTable) -> None:
        """Remove a table with its rows, and what the catalogue says of it; nothing happens where it is gone."""

    def write(self, name: str, rows: Iterable[tuple[bytes, bytes]], *, until: int | None = None) -> int:
        """Store rows by entity key (``KeyCodec``, ``RowCodec``); return how many are not older than what stood there.

        A row never replaces one with a greater stamp, whoever writes in whatever order. ``until`` (microseconds since
        1970) excepts stored rows whose event or created time is later: they were written under a clock that was
        ahead, and any row replaces them. Rows are written in chunks, each as a whole; after a failure the same call
        may simply be made again.
        """

    def reset(self, name: str, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Make ``rows`` all that the table holds, whatever their stamps; return how many other keys were removed.

        Of two rows for one key the newer stays. An entity that has a row before and after has one at every moment
        in between: nothing is removed or replaced until ``rows`` has ended. If ``rows`` fails, the table is as before.
        """

    def read(self, wanted: Sequence[tuple[str, Sequence[bytes]]]) -> tuple[Mapping[bytes, bytes], ...]:
        """For each (table, keys) the rows found, by key, all in one round trip."""

    def close(self) -> None:
        """End the connection."""


def whose(table: OnlineTable, project: str) -> str:
    """``belongs to project 'fraud'``: whose a table is that is not the one that ``project`` looked for."""
    if not table.project:
        return "was not made by asof"
    if table.project != project:
        return f"belongs to project {table.project!r}"
    if not table.owner:
        return "was made by an asof without owner marks"
    lineage, _, mark = table.owner.partition("/")
    return f"was made for {mark} by the registry {lineage[:12]}"


def not_owned(standing: OnlineTable, project: str) -> DiagnosticError:
    """The refusal to touch what is not ours."""
    message = f"table {standing.name!r} {whose(standing, project)} and is left alone"
    note = "asof registry repair shows what stands where, and what can be done"
    return DiagnosticError(NOT_OWNED.at(NOWHERE, message, notes=(note,)))


def layout_differs(name: str) -> DiagnosticError:
    """The refusal to reinterpret rows."""
    return DiagnosticError(LAYOUT_DIFFERS.at(NOWHERE, f"table {name!r} is there with other keys or features"))


def no_table(name: str) -> DiagnosticError:
    """What a reader or writer is told where somebody dropped the table, or another file or server answers."""
    notes = ("asof drift --repair makes it anew, empty; asof materialize fills it",)
    return DiagnosticError(NO_TABLE.at(NOWHERE, f"table {name!r} is not in the online store", notes=notes))


def refused(store: str, error: Exception) -> DiagnosticError:
    """The store's complaint in its own words."""
    return DiagnosticError(ONLINE_FAILED.at(NOWHERE, f"{store}: {error}"))
