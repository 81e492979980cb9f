"""Objects of a repo for people and machines: one of them in full, lists, what a search found, who is hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import codec
from asof.compiler.lineage import Use
from asof.compiler.model import SLUGS
from asof.views.listings import table
from asof.views.terminal import BOLD, CYAN, DIM, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from asof.api_explore import Impact, Shown
    from asof.compiler.lineage import Column, Reached
    from asof.compiler.lookup import Hit
    from asof.compiler.model import Repo

MOST = 12
"""Lines of a list that a terminal shows, unless all are asked for."""


def shown(found: Shown, repo: Repo, *, colour: bool, everything: bool = False) -> str:
    """One object: what it is, where it stands, its text, what is above and below it, and what was asked for."""

    def title(text: str) -> str:
        return "\n" + paint(text, BOLD, colour=colour)

    d = found.definition
    parts = [
        paint(found.address, BOLD, CYAN, colour=colour) + f"  {paint(f'{found.path}:{found.line}', DIM, colour=colour)}"
    ]
    parts += [d.description] if d.description else []
    facts = [("owner", d.owner or "nobody"), ("tags", ", ".join(f"{k}: {v}" for k, v in d.tags))]
    facts += [("protected from", ", ".join(d.protect))]
    if d.deprecated:
        facts.append(
            ("deprecated", f"since {d.deprecated.since}" + (f", use {d.deprecated.use}" if d.deprecated.use else ""))
        )
    facts += [("accepts", "; ".join(f"{code} ({why})" for code, why in d.allow))]
    parts += [f"{name}: {value}" for name, value in facts if value]
    parts += [title("Definition"), found.text]
    if found.columns:
        parts += [title("Columns"), *_columns(found.columns, everything=everything)]
    parts += [title("Upstream"), *_tree(found.upstream, repo, everything=everything)]
    parts += [title("Downstream"), *_tree(found.downstream, repo, everything=everything)]
    if found.consumers:
        parts += [title("Consumers"), table(("address", "owner"), [(a, o or "-") for a, o in found.consumers])]
    for path, text in found.sql.items():
        parts += [title(path), text.rstrip("\n")]
    if found.history:
        rows = [(e.serial, how, e.at, e.by, e.commit[:12] or "-") for e, how in found.history]
        parts += [title("History"), table(("serial", "what", "at", "by", "commit"), rows)]
    return "\n".join(parts)


def _columns(columns: Mapping[str, Mapping[Column, Use]], *, everything: bool) -> list[str]:
    width = max(map(len, columns))
    lines = []
    for name, origins in columns.items():
        values = [str(origin) for origin, use in origins.items() if use is Use.VALUE]
        lines.append(f"{name.ljust(width)}  {'<- ' + ', '.join(values) if values else ''}".rstrip())
    return _cut(lines, everything=everything)


def _tree(addresses: Sequence[str], repo: Repo, *, everything: bool) -> list[str]:
    if not addresses:
        return ["nothing"]
    rows = [(address, repo.definitions[address].owner or "-") for address in addresses]
    return _cut(table(("address", "owner"), rows).split("\n"), everything=everything)


def _cut(lines: list[str], *, everything: bool) -> list[str]:
    if everything or len(lines) <= MOST + 1:
        return lines
    return [*lines[:MOST], f"... and {len(lines) - MOST} more (--all)"]


def shown_json(found: Shown) -> dict[str, object]:
    """The same for machines, whole."""
    return {
        "address": found.address,
        "kind": found.definition.kind,
        "name": found.definition.name,
        "owner": found.definition.owner,
        "at": {"path": found.path, "line": found.line} if found.path else None,
        "definition": codec.to_json(found.definition),
        "columns": [
            {"name": name, "from": [{"column": str(c), "use": use.value} for c, use in origins.items()]}
            for name, origins in found.columns.items()
        ],
        "upstream": list(found.upstream),
        "downstream": list(found.downstream),
        "consumers": [{"address": a, "owner": o} for a, o in found.consumers],
        "sql": dict(found.sql),
        "history": [
            {"serial": e.serial, "what": how, "at": e.at, "by": e.by, "commit": e.commit} for e, how in found.history
        ],
    }


def listed(addresses: Sequence[str], repo: Repo) -> str:
    """A table of objects."""
    if not addresses:
        return "Nothing like that is defined."
    rows = [(d.address, d.owner or "-", d.description) for d in map(repo.definitions.__getitem__, addresses)]
    return table(("address", "owner", "description"), rows)


def listed_json(addresses: Sequence[str], repo: Repo) -> list[dict[str, object]]:
    """The same for machines."""
    return [
        {
            "address": d.address,
            "kind": d.kind,
            "owner": d.owner,
            "description": d.description,
            "tags": dict(d.tags),
            "deprecated": d.deprecated is not None,
        }
        for d in map(repo.definitions.__getitem__, addresses)
    ]


def hits(found: Sequence[Hit], repo: Repo, *, colour: bool) -> str:
    """What a search found, best first, with what made it fit."""
    if not found:
        return "Nothing was found."
    lines = []
    for hit in found:
        owner = repo.definitions[hit.address].owner
        lines.append(paint(hit.address, BOLD, CYAN, colour=colour) + (f"  {owner}" if owner else ""))
        lines += [f"    {where}" for where in hit.where]
    return "\n".join(lines)


def hits_json(found: Sequence[Hit]) -> list[dict[str, object]]:
    """The same for machines."""
    return [{"address": hit.address, "score": hit.score, "where": list(hit.where)} for hit in found]


_ORDER = {slug: place for place, slug in enumerate(SLUGS.values())}


def impact(found: Impact, *, colour: bool, everything: bool = False) -> str:
    """Who is hit by a change, object by object, and whose they are."""
    what = f"{found.address}.{found.column}" if found.column else found.address
    owners = dict(found.objects)
    by_object: dict[str, list[Reached]] = {}
    for reached in found.reached:
        by_object.setdefault(reached.column.address, []).append(reached)
    others = [a for a, _ in found.objects if a not in by_object and not found.column]
    if not by_object and not others:
        return f"Nothing is made from {what}."
    lines = [paint(what, BOLD, CYAN, colour=colour) + " reaches"]
    for address in sorted({*by_object, *others}, key=lambda a: (_ORDER[a.split("/")[0]], a)):
        lines.append("")
        lines.append(paint(address, BOLD, colour=colour) + f"  {owners.get(address) or 'nobody owns it'}")
        names = [
            f"    {r.column.name}" + (paint("  (which rows count)", YELLOW, colour=colour) if r.use is Use.ROWS else "")
            for r in by_object.get(address, ())
        ]
        lines += _cut(names, everything=everything)
    kinds = [f"{n} {word}" for word, n in _counted(list({*by_object, *others})).items()]
    columns = f"{len(found.reached)} column{'' if len(found.reached) == 1 else 's'}"
    lines += ["", f"{columns} of {', '.join(kinds)}. Owners: {', '.join(found.owners) or 'none'}."]
    return "\n".join(lines)


def _counted(addresses: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for address in sorted(addresses, key=lambda a: _ORDER[a.split("/")[0]]):
        word = address.split("/")[0].replace("_", " ")
        counts[word] = counts.get(word, 0) + 1
    return {word if n == 1 else f"{word}s": n for word, n in counts.items()}


def impact_json(found: Impact) -> dict[str, object]:
    """The same for machines."""
    owners = dict(found.objects)
    return {
        "address": found.address,
        "column": found.column or None,
        "columns": [
            {
                "address": r.column.address,
                "column": r.column.name,
                "use": r.use.value,
                "owner": r.owner,
                "through": str(r.through),
            }
            for r in found.reached
        ],
        "objects": [{"address": address, "owner": owner} for address, owner in owners.items()],
        "owners": list(found.owners),
    }
