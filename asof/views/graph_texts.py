"""The picture of a repo as text that other tools draw: Mermaid, DOT, JSON. No name can break out of its quotes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from asof.compiler.lineage import Use

if TYPE_CHECKING:
    from asof.compiler.picture import Node, Picture

SHAPES = {
    "Entity": ('(["', '"])'),
    "DataSource": ('[("', '")]'),
    "FeatureView": ('["', '"]'),
    "StreamFeatureView": ('["', '"]'),
    "OnDemandFeatureView": ('{{"', '"}}'),
    "FeatureService": ('(["', '"])'),
    "SavedDataset": ('[/"', '"/]'),
    "FeatureTest": ('>"', '"]'),
}
FILLS = {
    "Entity": "#f1e8fb",
    "DataSource": "#e3eefb",
    "FeatureView": "#e5f5e8",
    "StreamFeatureView": "#dcf3ef",
    "OnDemandFeatureView": "#fdf3d8",
    "FeatureService": "#fde7df",
    "SavedDataset": "#eceff3",
    "FeatureTest": "#f6f6f6",
}
CHANGES = {
    "metadata": "#7d8590",
    "equivalent": "#7d8590",
    "additive": "#1a7f37",
    "identity": "#0969da",
    "value_change": "#bf8700",
    "interface_break": "#bc4c00",
    "destructive": "#cf222e",
}
"""Class of a change -> the colour of a border, in every picture."""
_INK = "#24292f"


def mermaid(picture: Picture) -> str:
    """A Mermaid flowchart, as GitHub and GitLab draw it from a fenced block in Markdown."""
    ids = {node.address: f"n{place}" for place, node in enumerate(picture.nodes)}
    lines = ["flowchart LR"]
    for node in picture.nodes:
        begin, end = SHAPES[node.kind]
        parts = [_entities(part) for part in (node.name, *node.columns)]
        lines.append(f"  {ids[node.address]}{begin}{'<br/>'.join(parts)}{end}")
    lines += [f"  {ids[a]} --> {ids[b]}" for a, b in picture.edges]
    for kind, fill in FILLS.items():
        named = [ids[node.address] for node in picture.nodes if node.kind == kind]
        if named:
            lines.append(f"  classDef {kind} fill:{fill},stroke:#8c959f,color:{_INK}")
            lines.append(f"  class {','.join(named)} {kind}")
    for change, colour in CHANGES.items():
        changed = [ids[node.address] for node in picture.nodes if node.change == change]
        if changed:
            lines.append(f"  classDef {change} stroke:{colour},stroke-width:3px")
            lines.append(f"  class {','.join(changed)} {change}")
    return "\n".join(lines) + "\n"


def _entities(text: str) -> str:
    """Text inside of quotes: what means something to Mermaid, Markdown or HTML by its number."""
    return "".join(c if c.isalnum() or c in " _-." else f"#{ord(c)};" for c in text)


def dot(picture: Picture) -> str:
    """A Graphviz digraph."""
    lines = [
        f"digraph {_quoted(picture.project)} {{",
        "  rankdir=LR;",
        '  node [shape=plain, fontname="Helvetica", fontsize=11];',
        '  edge [color="#8c959f", arrowsize=0.7];',
    ]
    lines += [f"  {_quoted(node.address)} [label=<{_label(node)}>];" for node in picture.nodes]
    if picture.with_columns:
        places = {(n.address, c): i for n in picture.nodes for i, c in enumerate(n.columns)}
        for edge in picture.columns:
            start, end = places.get(edge.source), places.get(edge.target)
            if start is not None and end is not None:
                style = ' [style=dashed, color="#c8ccd1"]' if edge.use is Use.ROWS else ""
                ends = f"{_quoted(edge.source.address)}:c{start}:e -> {_quoted(edge.target.address)}:c{end}:w"
                lines.append(f"  {ends}{style};")
        drawn = {(e.source.address, e.target.address) for e in picture.columns}
        lines += [f"  {_quoted(a)} -> {_quoted(b)} [style=dotted];" for a, b in picture.edges if (a, b) not in drawn]
    else:
        lines += [f"  {_quoted(a)} -> {_quoted(b)};" for a, b in picture.edges]
    return "\n".join([*lines, "}"]) + "\n"


def _label(node: Node) -> str:
    colour = CHANGES.get(node.change, "#8c959f")
    border = 2 if node.change else 1
    title = escape(node.name) if not node.deleted else f"<S>{escape(node.name)}</S>"
    rows = f'<TR><TD BGCOLOR="{FILLS[node.kind]}"><B>{title}</B></TD></TR>'
    rows += "".join(
        f'<TR><TD PORT="c{place}" ALIGN="LEFT">{escape(column) or " "}</TD></TR>'
        for place, column in enumerate(node.columns)
    )
    table = f'BORDER="{border}" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" STYLE="ROUNDED" COLOR="{colour}"'
    return f"<TABLE {table}>{rows}</TABLE>"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def as_json(picture: Picture) -> dict[str, object]:
    """The picture as plain JSON: objects, who reads whom, and columns where they were asked for."""
    nodes = [
        {
            "address": n.address,
            "kind": n.kind,
            "name": n.name,
            "owner": n.owner,
            "description": n.description,
            **({"columns": list(n.columns)} if picture.with_columns else {}),
            **({"change": n.change or None, "deleted": n.deleted} if picture.with_changes else {}),
        }
        for n in picture.nodes
    ]
    made: dict[str, object] = {
        "format": 1,
        "project": picture.project,
        "nodes": nodes,
        "edges": [{"from": a, "to": b} for a, b in picture.edges],
    }
    if picture.with_columns:
        made["columns"] = [{"from": str(e.source), "to": str(e.target), "use": e.use.value} for e in picture.columns]
    return made
