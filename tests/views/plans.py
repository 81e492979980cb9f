"""Plans to be shown, made by hand: as large and as hostile as no repo is."""

from __future__ import annotations

import msgspec

from asof.compiler.classify import ChangeClass, Reason
from asof.compiler.diff import Action, Change, Reached
from asof.compiler.guards import Blocked
from asof.compiler.infrastructure import Phase, Step
from asof.compiler.plan import Base, Plan, Tool, effect_of
from asof.compiler.source import Span
from asof.compiler.state import Settings
from asof.views.report import Report
from tests.plan.world import LOCAL

HOSTILE = (
    "| pipe | `tick` ``` @octocat @org/team #12 GH-12 </details> <!-- --> <script>alert(1)</script> "
    "[link](https://evil.example) www.evil.example https://evil.example a@b.example\n\n# Title\n/close\n"
    "::error::boo\r\n\x1b[31mred\u202egnp.exe \u200b ~~~ &amp; $x$ **bold** _it_ "
    "0123456789abcdef0123456789abcdef01234567"
)
_CLASSES = {
    ChangeClass.DESTRUCTIVE: Action.DELETE,
    ChangeClass.INTERFACE_BREAK: Action.UPDATE,
    ChangeClass.VALUE_CHANGE: Action.UPDATE,
    ChangeClass.IDENTITY: Action.MOVE,
    ChangeClass.ADDITIVE: Action.CREATE,
    ChangeClass.EQUIVALENT: Action.UPDATE,
    ChangeClass.METADATA: Action.UPDATE,
}


def plan_of(changes: int, *, text: str = "values can change", owner: str = "team", blocked: int = 0) -> Plan:
    """A plan with that many changes of every class in turn, each with a reason, a diff and readers."""
    made = Plan(
        format=2,
        project="rides",
        target="local",
        base=Base(lineage="l", serial=7, generation="a" * 64, settings="b"),
        tool=Tool(asof="1.0", builder=1),
        changes=tuple(_change(at, text, owner) for at in range(changes)),
        blocked=tuple(
            Blocked(address=f"feature_view/v{at:05}", code="AS601", message=text, remedy=text) for at in range(blocked)
        ),
        steps=(Step(id="commit", phase=Phase.COMMIT, action="commit", reason=text, inverse="rollback"),),
        settings=Settings(sql_dialect="duckdb", offline=LOCAL.offline),
    )
    return msgspec.structs.replace(made, effect=effect_of(made))


def report_of(made: Plan, **more: object) -> Report:
    """The plan with a line for each of its changes."""
    places = {
        change.address: Span(path="views.yaml", line=at + 1, column=3, end_line=at + 1, end_column=9)
        for at, change in enumerate(made.changes)
    }
    return Report(command="plan", project=made.project, target=made.target, plan=made, places=places, **more)  # type: ignore[arg-type]


def _change(at: int, text: str, owner: str) -> Change:
    cls = tuple(_CLASSES)[at % len(_CLASSES)]
    reason = Reason(
        pointer="/query",
        change_class=cls,
        text=text,
        old=text,
        new=text + "!",
        diff=("--- before", "+++ after", "@@ -1 +1 @@", f"-{text}", f"+{text} {at}"),
    )
    return Change(
        address=f"feature_view/v{at:05}",
        action=_CLASSES[cls],
        change_class=cls,
        reasons=(reason,),
        owner=owner,
        cost=text,
        previous=f"feature_view/w{at:05}" if cls is ChangeClass.IDENTITY else "",
        reach=tuple(Reached(address=f"feature_service/s{n}", owner=owner) for n in range(12)),
    )
