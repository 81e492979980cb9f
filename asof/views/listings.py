"""Short answers: what was made, found, registered."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from asof.compiler.diagnostics import DiagnosticError, Level, nearest, rule
from asof.compiler.source import NOWHERE
from asof.views.feature_values import instant_text, json_value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from asof.compiler.diagnostics import Diagnostic
    from asof.compiler.model import Repo
    from asof.compiler.source import Span
    from asof.compiler.state import Owed, Recorded, State
    from asof.ops.cost import Cost, Costs
    from asof.ops.materialize import Run
    from asof.ops.observe import Drifted
    from asof.ops.online import OnlineFeature
    from asof.ops.repair import Situation
    from asof.ops.scaffold import Jobs
    from asof.registry.records import Entry, Forgiven, Unlock
    from asof.registry.upkeep import Verified

NOT_A_PAIR = rule("AS193", "an entity is written as KEY=VALUE")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns under their names, as wide as what stands in them; numbers to the right."""
    cells = [[str(c) for c in header], *([_cell(c) for c in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in cells)


def _cell(value: object) -> str:
    return "NULL" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def initialised(folder: Path, written: Sequence[str], jobs: Jobs | None = None) -> str:
    """What ``asof init`` wrote and what to do next."""
    listed = "\n".join(f"  {path}" for path in written)
    if jobs is not None:
        listed += f"\n\nand in {jobs.top}\n" + "\n".join(f"  {path}" for path in jobs.files)
        if jobs.include:
            listed += f"\n\nAdd to {jobs.include}:\n  include:\n    - local: {jobs.files[0]}"
        return (
            f"Wrote\n{listed}\n\nNext: pin what the jobs install, in {jobs.top},\n  {jobs.pin}\n"
            "give the jobs their credentials, where the files say so, and commit."
        )
    enter = f"cd {folder} && " if str(folder) != "." else ""
    return f"Wrote\n{listed}\n\nNext: {enter}asof apply"


def validated(repo: Repo, found: Sequence[Diagnostic]) -> str:
    """``Valid: 12 definitions (3 FeatureView, ...).`` and how many warnings."""
    kinds = Counter(definition.kind for definition in repo.definitions.values())
    listed = ", ".join(f"{number} {kind}" for kind, number in kinds.items())
    of_kinds = f" ({listed})" if listed else ""
    count = len(repo.definitions)
    warned = f" {counted(found)}" if found else ""
    return f"Valid: {count} definition{'' if count == 1 else 's'}{of_kinds}.{warned}"


def counted(found: Sequence[Diagnostic]) -> str:
    """``2 errors, 1 warning.``"""
    levels = Counter(d.level for d in found)
    parts = [f"{levels[level]} {level}{'s' if levels[level] > 1 else ''}" for level in Level if levels[level]]
    return f"{', '.join(parts) or 'nothing found'}."


def compiled(folder: Path, files: Sequence[str]) -> str:
    """The files that were written, or that none were."""
    return "\n".join(f"{folder}/{path}" for path in files) or "Nothing was written."


def materialized(runs: Sequence[Run]) -> str:
    """What was loaded, a line for each view; rows not stored because newer ones stay; rows removed by a full run."""
    rows = [(r.view, f"{r.rows:,}", r.as_of) for r in runs]
    stay = [f"{r.view}: {r.rows:,} stored, {r.newer:,} newer ones stay" for r in runs if r.newer]
    gone = [f"{r.view}: {r.removed:,} rows removed that the query does not give" for r in runs if r.removed]
    return "\n".join((table(("view", "rows", "as of"), rows), *stay, *gone)) if rows else "No view is served online."


def materialized_json(runs: Sequence[Run]) -> list[dict[str, object]]:
    """The same as JSON: ``rows`` were stored, of ``newer`` the table has newer ones that stay, ``removed`` are gone."""
    return [
        {
            "view": r.view,
            "rows": r.rows,
            "newer": r.newer,
            "removed": r.removed,
            "seconds": r.seconds,
            "as_of": r.as_of,
        }
        for r in runs
    ]


def served(found: Sequence[OnlineFeature]) -> str:
    """One entity's features: name, value, why it is missing, when the row behind it happened, when it was computed."""
    rows = [
        (f.name, json_value(f.values[0]), f.statuses[0], _time(f.event_times[0]) or "-", _time(f.computed_at[0]) or "-")
        for f in found
    ]
    return table(("feature", "value", "status", "event time", "computed at"), rows)


def served_rows(entities: Sequence[Mapping[str, object]], found: Sequence[OnlineFeature]) -> str:
    """Several entities, a line each: what they are, and the value of each feature or why there is none."""
    names = list(entities[0]) if entities else []
    rows = [
        (*(entity[name] for name in names), *(_value_or_status(feature, at) for feature in found))
        for at, entity in enumerate(entities)
    ]
    return table((*names, *(feature.name for feature in found)), rows)


def _value_or_status(feature: OnlineFeature, at: int) -> object:
    status = str(feature.statuses[at])
    return json_value(feature.values[at]) if feature.values[at].is_valid else status


def served_json(found: Sequence[OnlineFeature], at: int = 0) -> dict[str, dict[str, object]]:
    """The features of the entity at ``at`` by name; values as ``json_value`` has them."""
    return {
        f.name: {
            "value": json_value(f.values[at]),
            "status": str(f.statuses[at]),
            "event_time": _time(f.event_times[at]),
            "computed_at": _time(f.computed_at[at]),
        }
        for f in found
    }


def served_rows_json(entities: Sequence[Mapping[str, object]], found: Sequence[OnlineFeature]) -> list[object]:
    """The same for several entities, in their order."""
    return [{"entity": dict(entity), "features": served_json(found, at)} for at, entity in enumerate(entities)]


def _time(time: int | None) -> str | None:
    """ISO 8601, UTC; of the event time None where no row was found and for what is computed on demand."""
    return None if time is None else instant_text(time)


def key_values(pairs: Sequence[str]) -> list[tuple[str, str]]:
    """``["origin=JFK", "n=3"]`` as pairs; values are text, read as their column's type later.

    Raises DiagnosticError AS193 for anything that is not KEY=VALUE.
    """
    made: list[tuple[str, str]] = []
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise DiagnosticError(NOT_A_PAIR.at(NOWHERE, f"{pair!r} is not KEY=VALUE, such as customer_id=3"))
        made.append((key, value))
    return made


def unknown(what: str, name: str, known: Sequence[str]) -> str:
    """``there is no kind 'FetureView'; did you mean 'FeatureView'?``"""
    hint = nearest(name, known) or f"known are {', '.join(known) or 'none'}"
    return f"there is no {what} {name!r}; {hint}"


def history(entries: Sequence[Entry]) -> str:
    """The generations, oldest first."""
    if not entries:
        return "Nothing was ever applied."
    rows = [(e.serial, e.at, e.by, e.commit[:12] or "-", _summary(e)) for e in entries]
    return table(("serial", "at", "by", "commit", "changes"), rows)


def history_json(entries: Sequence[Entry]) -> list[dict[str, object]]:
    """The generations as in the registry's audit trail."""
    return [
        {
            "serial": e.serial,
            "generation": e.generation,
            "at": e.at,
            "by": e.by,
            "commit": e.commit,
            "summary": e.summary,
        }
        for e in entries
    ]


def unlocks(found: Sequence[Unlock]) -> str:
    """The claims that were broken by hand, below the generations; nothing where there are none."""
    if not found:
        return ""
    rows = [(u.at, u.by, u.apply_id, u.owner, u.reason) for u in found]
    return "\n\nClaims that were broken\n\n" + table(("at", "by", "apply", "of", "reason"), rows)


def unlocked(made: Unlock | None) -> str:
    """What ``asof registry unlock`` did."""
    if made is None:
        return "Nothing to unlock: no apply holds this registry."
    said = f"Unlocked: apply {made.apply_id} of {made.owner} may not write any more."
    return f"{said}\nNext: asof apply --resume finishes what it began; asof apply --abort undoes it."


def forgiven(address: str, given_up: Sequence[Owed]) -> str:
    """What ``asof registry forgive`` did."""
    if not given_up:
        return f"Nothing to forgive: no store owes anything of {address}."
    names = ", ".join(debt.resource.id for debt in given_up)
    return f"Forgiven: {names}. What stands there stays, and asof registry repair lists it."


def forgiveness(entries: Sequence[Forgiven]) -> str:
    """What was given up, below the generations; nothing where there is nothing."""
    if not entries:
        return ""
    rows = [
        (entry.at, entry.by, debt.resource.id, debt.resource.address, entry.reason)
        for entry in entries
        for debt in entry.owed
    ]
    return "\n\nOwed steps that were given up\n\n" + table(("at", "by", "resource", "of", "reason"), rows)


def situations(listed: Sequence[Situation]) -> str:
    """What is not as it should be, and what a repair does about each."""
    if not listed:
        return "Nothing to repair: registry, journal and stores agree."
    rows = [(s.what, s.id, s.said, s.action or "-", s.hint) for s in listed]
    return table(("what", "which", "", "repair", "or"), rows)


def repaired(left: Sequence[Situation]) -> str:
    """What ``asof registry repair`` came to."""
    if not left:
        return "Repaired: registry, journal and stores agree."
    return f"Repaired, but for this:\n\n{situations(left)}"


def drifted(found: Sequence[Drifted], title: str) -> str:
    """What is not as recorded, a line each."""
    rows = [(d.found, d.id, d.store, d.address or "-", d.said) for d in found]
    return f"{title}\n\n{table(('found', 'resource', 'store', 'of', ''), rows)}"


def costs(found: Costs) -> str:
    """What is read to fill the tables of a plan, a line for each view; and what is kept."""
    rows = [(c.address, c.work, *figures(c), c.by) for c in found.views]
    head = ("view", "work", "reads rows", "bytes", "partitions", "told by")
    parts = [f"Cost of filling the tables\n\n{table(head, rows)}" if rows else "No table has to be filled."]
    if found.kept:
        parts.append(f"Kept as they are: the stored rows of {', '.join(found.kept)}.")
    return "\n\n".join(parts)


def figures(cost: Cost) -> tuple[str, str, str]:
    """Rows, bytes and partitions for people; a dash for what nobody knows."""
    count, parts = (f"{n:,}" if n is not None else "-" for n in (cost.rows, cost.partitions))
    return count, size(cost.bytes) if cost.bytes is not None else "-", parts


def size(count: int) -> str:
    """``4.2 GB``"""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if value < _THOUSAND:
            break
        value, unit = value / _THOUSAND, larger
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


_THOUSAND = 1_000


def verified(found: Sequence[Verified]) -> str:
    """Each generation and whether it is whole."""
    if not found:
        return "Nothing was ever applied."
    counts = Counter(v.found for v in found)
    rows = [(v.serial, v.generation[:12], v.found, v.why) for v in found]
    return f"{table(('serial', 'generation', 'found', ''), rows)}\n{', '.join(f'{n} {w}' for w, n in counts.items())}."


def collected(keys: Sequence[str], what: str) -> str:
    """What gc removes."""
    if not keys:
        return "Nothing to remove."
    generations = [key for key in keys if key.startswith("generations/")]
    applies = {key.split("/")[1] for key in keys if key.startswith("journal/")}
    listed = "".join(f"  {key}\n" for key in generations)
    return f"{listed}{len(generations)} generations and the journals of {len(applies)} applies {what}."


def _summary(entry: Entry) -> str:
    return ", ".join(f"{number} {cls}" for cls, number in entry.summary.items()) or "none"


def registered(state: State) -> str:
    """Every object of a generation with its owner."""
    if not state.objects:
        return "Nothing was ever applied."
    rows = [(address, recorded.owner or "-") for address, recorded in state.objects.items()]
    return f"Generation {state.serial} of {state.project} in {state.target}\n\n{table(('address', 'owner'), rows)}"


def definition(recorded: Recorded) -> str:
    """One definition as the registry holds it."""
    return json.dumps(recorded.definition, indent=2, ensure_ascii=False)


def diagnostics_json(found: Sequence[Diagnostic]) -> list[dict[str, object]]:
    """Each finding as JSON, for CI."""
    return [
        {
            "code": d.code,
            "level": str(d.level),
            "summary": d.summary,
            "message": d.message,
            "address": d.address,
            "at": _place(d.span),
            "notes": list(d.notes),
            "fixes": [
                {"title": f.title, "safe": f.safe, "edits": [{"at": _place(f.span), "text": f.text}]} for f in d.fixes
            ],
        }
        for d in found
    ]


def _place(span: Span) -> dict[str, object] | None:
    if not span.line:
        return None
    return {
        "path": span.path,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
