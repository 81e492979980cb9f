"""The repo that a walk edits: one entity, one source, a few views of three kinds, and targets that move."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

NAMES = ("latest", "written", "agg", "newest", "spare", "other")
KINDS = ("latest", "written", "agg")
ADDRESSES = tuple(f"feature_view/{name}" for name in NAMES)
_COLUMNS = (("channel", "string"), ("amount", "float64"), ("order_id", "int64"))
_WINDOWS = ("3d", "30d", "300d")

_BASE = """kind: Entity
name: customer
{description}join_keys:
  - {{name: customer_id, type: int64}}
---
kind: DataSource
name: orders
{location}
timestamp_field: paid_at
unique: [order_id]
columns:
  - {{name: order_id, type: int64}}
  - {{name: customer_id, type: int64}}
  - {{name: paid_at, type: timestamp}}
  - {{name: amount, type: float64}}
  - {{name: channel, type: string}}
"""


@dataclass(slots=True)
class View:
    """One feature view. ``size`` is how many features it has (1 to 3), ``variant`` changes the values of a query,
    ``wrong`` reads a column that the store does not have.
    """

    kind: str
    size: int = 1
    variant: int = 0
    ttl: str = ""
    moved_from: str = ""
    wrong: bool = False

    def text(self, name: str) -> str:
        lines = ["kind: FeatureView", f"name: {name}", "entities: [customer]"]
        if self.moved_from:
            lines.append(f"moved_from: {self.moved_from}")
        if self.ttl:
            lines.append(f"ttl: {self.ttl}")
        body = {"latest": self._latest, "written": self._written, "agg": self._agg}[self.kind]
        return "\n".join([*lines, *body(), ""])

    def _latest(self) -> list[str]:
        rows = [f"  - {{name: {name}, type: {kind}}}" for name, kind in _COLUMNS[: self.size]]
        return ["source: orders", "schema:", *rows]

    def _written(self) -> list[str]:
        extra = " + nope" if self.wrong else ""
        outputs = [f"amount + {self.variant}{extra} AS paid", "amount * 2 AS twice", "amount - 1 AS less"][: self.size]
        query = f"  SELECT customer_id, paid_at, {', '.join(outputs)} FROM orders"
        rows = [f"  - {{name: {name}, type: float64}}" for name in ("paid", "twice", "less")[: self.size]]
        return ["timestamp_field: paid_at", "query: |", query, "schema:", *rows]

    def _agg(self) -> list[str]:
        windows = ", ".join(_WINDOWS[: self.size])
        rows = [f"  - {{function: sum, column: amount, windows: [{windows}]}}"]
        return ["source: orders", "aggregations:", *rows, "  - {function: count, name: n, windows: [30d]}"]


@dataclass(slots=True)
class Repo:
    """All definitions, by name; ``edits`` counts descriptions."""

    location: str
    views: dict[str, View] = field(default_factory=lambda: {kind: View(kind) for kind in KINDS})
    edits: int = 0

    @property
    def sound(self) -> bool:
        return not any(view.wrong for view in self.views.values())

    def mend(self) -> None:
        for view in self.views.values():
            view.wrong = False

    def text(self) -> str:
        description = f"description: edit {self.edits}\n" if self.edits else ""
        base = _BASE.format(location=self.location, description=description)
        if not self.sound:
            base += "  - {name: nope, type: float64}\n"
        return "---\n".join([base, *(view.text(name) for name, view in sorted(self.views.items()))])

    def edit(self, random: Random) -> str:
        """Change something, and say what."""
        acts = [self.touch, self.resize, self.resize, self.requery, self.expire, self.add, self.delete, self.break_one]
        return random.choice(acts)(random)

    def touch(self, random: Random | None = None) -> str:
        """A change that is surely fine."""
        self.edits += 1
        return f"description {self.edits}"

    def resize(self, random: Random) -> str:
        name = random.choice(sorted(self.views))
        view = self.views[name]
        view.size = random.choice([size for size in (1, 2, 3) if size != view.size])
        return f"{name} has {view.size} features"

    def requery(self, random: Random) -> str:
        name = random.choice(sorted(self.views))
        self.views[name].variant = random.randrange(4)
        return f"{name} is of variant {self.views[name].variant}"

    def expire(self, random: Random) -> str:
        name = random.choice(sorted(self.views))
        view = self.views[name]
        if view.kind == "agg":
            return self.touch()
        view.ttl = random.choice([ttl for ttl in ("", "10d", "400d") if ttl != view.ttl])
        return f"{name} has the ttl {view.ttl or 'of always'}"

    def add(self, random: Random) -> str:
        free = [name for name in NAMES if name not in self.views]
        if not free:
            return self.delete(random)
        name = random.choice(free)
        for view in self.views.values():
            if view.moved_from == name:
                view.moved_from = ""
        self.views[name] = View(random.choice(KINDS), size=random.choice((1, 2)))
        return f"{name} is new, a view of kind {self.views[name].kind}"

    def delete(self, random: Random) -> str:
        if len(self.views) < 2:
            return self.touch()
        name = random.choice(sorted(self.views))
        del self.views[name]
        return f"{name} is deleted"

    def break_one(self, random: Random) -> str:
        """A query over a column that is declared and not there; or the way back from it."""
        if not self.sound:
            self.mend()
            return "what was wrong is mended"
        written = sorted(name for name, view in self.views.items() if view.kind == "written")
        if not written:
            return self.touch()
        self.views[random.choice(written)].wrong = True
        return f"{written[0]} reads a column that is not there"

    def rename(self, random: Random) -> str:
        free = [name for name in NAMES if name not in self.views]
        if not free:
            return self.touch()
        old, new = random.choice(sorted(self.views)), random.choice(free)
        view = self.views.pop(old)
        for other in self.views.values():
            if other.moved_from in (old, new):
                other.moved_from = ""
        view.moved_from = old
        self.views[new] = view
        return f"{old} goes by the name {new}"
