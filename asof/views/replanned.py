"""How a fresh plan departs from the reviewed one, for people and programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from asof.views import wording
from asof.views.terminal import BOLD, RED, paint

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.diff import Change
    from asof.compiler.plan import Plan
    from asof.compiler.replan import Departure

_WHYS = 3


def departed(reviewed: Plan, fresh: Plan, found: Sequence[Departure], *, colour: bool) -> str:
    """Each object that would not come out as reviewed: what was reviewed, and what would happen now."""
    objects = wording.number(len(found), "difference", "differences")
    head = f"This is not what was reviewed (AS617): {objects}. Nothing was applied."
    lines = [paint(head, BOLD, RED, colour=colour), ""]
    for departure in found:
        address = paint(wording.plain(departure.address or "asof.yaml"), BOLD, colour=colour)
        lines.append(f"  {address}: {wording.plain(departure.why)}")
        if departure.reviewed is not None or departure.fresh is not None:
            lines += [f"      reviewed: {_said(reviewed, departure.reviewed)}"]
            lines += [f"      now:      {_said(fresh, departure.fresh)}"]
    lines += ["", f"The reviewed plan starts from {wording.base(reviewed)}, a fresh one from {wording.base(fresh)}."]
    lines += ["Plan again, and review the new plan: whatever is in the repo by now is in it."]
    return "\n".join(lines) + "\n"


def done(reviewed: Plan, fresh: Plan) -> str:
    """Nothing is left to do."""
    return f"Applied before: {reviewed.project} in {reviewed.target} is at serial {fresh.base.serial}.\n"


def as_reviewed(reviewed: Plan, fresh: Plan) -> str:
    """What is applied is what was reviewed, on whatever moved since."""
    if reviewed.base.serial == fresh.base.serial:
        return "A fresh plan does what was reviewed."
    return f"A fresh plan does what was reviewed; only unrelated objects have moved since {wording.base(reviewed)}."


def departures_json(found: Sequence[Departure]) -> list[object]:
    """The same for programs."""
    return [
        {
            "address": departure.address,
            "why": departure.why,
            "reviewed": msgspec.to_builtins(departure.reviewed),
            "fresh": msgspec.to_builtins(departure.fresh),
        }
        for departure in found
    ]


def _said(made: Plan, change: Change | None) -> str:
    if change is None:
        return "no change"
    whys = "; ".join(str(why) for why in wording.whys(made, change)[:_WHYS])
    return wording.short_class(change.change_class) + (f" ({whys})" if whys else "")
