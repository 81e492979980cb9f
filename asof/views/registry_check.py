"""What ``asof registry check`` found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.registry.probe import Status, passed

if TYPE_CHECKING:
    from asof.registry.probe import Finding

__all__ = ["document", "human", "passed"]

_MARKS = {Status.OK: "ok", Status.WARNING: "warning", Status.FAILED: "FAILED", Status.SKIPPED: "-"}


def human(findings: tuple[Finding, ...]) -> str:
    """A line for each step, what to do below it, and the verdict."""
    lines = []
    for finding in findings:
        code = f" [{finding.code}]" if finding.code else ""
        lines.append(f"{_MARKS[finding.status]:<8}{finding.step:<9}{finding.text}{code}")
        lines += [f"{'':17}{note}" for note in finding.notes]
    verdict = "A registry may live here." if passed(findings) else "A registry must not live here as it is."
    return "\n".join([*lines, "", verdict])


def document(findings: tuple[Finding, ...]) -> list[dict[str, object]]:
    """The same as JSON."""
    return [
        {"step": f.step, "status": str(f.status), "text": f.text, "code": f.code or None, "notes": list(f.notes)}
        for f in findings
    ]
