"""The picture of a repo as one HTML file that needs nothing else: search, pan, zoom, what is up- and downstream."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from asof import templates
from asof.compiler.lineage import Use
from asof.views.graph_layout import layout
from asof.views.graph_texts import CHANGES

if TYPE_CHECKING:
    from asof.compiler.picture import Picture


def html(picture: Picture) -> str:
    """The page. It opens without a network."""
    places = layout(picture)
    number = {node.address: at for at, node in enumerate(picture.nodes)}
    columns = {(n.address, c): (number[n.address], i) for n in picture.nodes for i, c in enumerate(n.columns)}
    data = {
        "project": picture.project,
        "nodes": [
            {
                "address": n.address,
                "kind": n.kind,
                "name": n.name,
                "owner": n.owner,
                "description": n.description,
                "columns": list(n.columns),
                "change": n.change,
                "deleted": n.deleted,
                "focus": n.focus,
                "at": [places[n.address].x, places[n.address].y, places[n.address].width, places[n.address].height],
            }
            for n in picture.nodes
        ],
        "edges": [[number[a], number[b]] for a, b in picture.edges],
        "columns": [
            [*columns[e.source], *columns[e.target], int(e.use is Use.ROWS)]
            for e in picture.columns
            if e.source in columns and e.target in columns
        ],
        "changes": CHANGES if picture.with_changes else {},
    }
    return templates.graph(picture.project, _inside_of_script(json.dumps(data, ensure_ascii=False)))


def _inside_of_script(text: str) -> str:
    """JSON that no name can end: ``<`` and the two line breaks that older parsers choke on are escaped."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
