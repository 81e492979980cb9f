"""Features of a repo for people and machines: a list, and one of them in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.views.listings import table
from asof.views.terminal import BOLD, CYAN, DIM, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.feature_list import Feature


def listed(found: Sequence[Feature]) -> str:
    """A line for each feature."""
    if not found:
        return "There is no such feature."
    rows = [(f.reference, f.type, f.owner or "-", f.description or f.made_of) for f in found]
    return table(("feature", "type", "owner", "description"), rows)


def shown(feature: Feature, readers: Sequence[tuple[str, str]], place: str, *, colour: bool) -> str:
    """One feature: its type, what it says of itself, how fresh it is, and who reads it."""
    lines = [paint(feature.reference, BOLD, CYAN, colour=colour) + f"  {paint(place, DIM, colour=colour)}"]
    facts = [
        ("type", feature.type),
        ("description", feature.description or "none"),
        ("made of", feature.made_of),
        ("freshness", feature.freshness),
        ("owner", feature.owner or "nobody"),
        ("tags", ", ".join(f"{key}: {value}" for key, value in feature.tags.items())),
    ]
    lines += [f"{name}: {value}" for name, value in facts if value]
    if readers:
        lines += ["\n" + paint("Read by", BOLD, colour=colour), table(("address", "owner"), readers)]
    return "\n".join(lines)


def as_json(feature: Feature) -> dict[str, object]:
    """The same for machines; lengths of time are microseconds."""
    return {
        "feature": feature.reference,
        "view": feature.address,
        "name": feature.name,
        "type": feature.type,
        "description": feature.description,
        "made_of": feature.made_of,
        "owner": feature.owner,
        "tags": dict(feature.tags),
        "freshness": {
            "text": feature.freshness,
            "ttl": feature.ttl.microseconds if feature.ttl else None,
            "max_age": feature.max_age.microseconds if feature.max_age else None,
            "delay": feature.delay.microseconds,
        },
    }
