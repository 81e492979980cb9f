"""Diagnostics for people: code frames that show the line, point at the place and say what to do."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from asof.compiler.diagnostics import Label, Level
from asof.compiler.secret_patterns import SECRET_IN_DSN, SECRET_IN_URL
from asof.views.terminal import BLUE, BOLD, CYAN, GREEN, RED, YELLOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from asof.compiler.diagnostics import Diagnostic, Fix
    from asof.compiler.source import Span

TAB_WIDTH = 4
WIDEST_LINE = 160
_COLOURS = {Level.ERROR: RED, Level.WARNING: YELLOW, Level.NOTE: CYAN}
_SECRET_KEY = re.compile(r"(?i)\b(?:password|token|secret)[\"']?\s*:\s*[\"']?(?!\$\{env:)([^\s\"',}]+)")


def render(diagnostics: Iterable[Diagnostic], sources: Mapping[str, str], *, colour: bool = False) -> str:
    """Every finding as a code frame, then a line that counts them. ``sources``: text by path."""
    found = tuple(diagnostics)
    paint = _Paint(colour)
    shown = {path for item in found for path in _paths(item)}
    lines = {path: sources[path].splitlines() for path in shown & sources.keys()}
    frames = [_frame(item, lines, paint) for item in found]
    return "\n".join([*frames, _count(found, paint)]) if found else ""


def to_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """A finding as plain JSON: code, level, message, place, notes and fixes."""
    made = asdict(diagnostic)
    made["level"] = str(diagnostic.level)
    return made


class _Paint:
    def __init__(self, on: bool) -> None:
        self.on = on

    def __call__(self, text: str, *codes: str) -> str:
        return f"\x1b[{';'.join(codes)}m{text}\x1b[0m" if self.on and text else text


def _paths(item: Diagnostic) -> Iterable[str]:
    return (item.span.path, *(label.span.path for label in item.secondary))


def _frame(item: Diagnostic, lines: Mapping[str, list[str]], paint: _Paint) -> str:
    tint = _COLOURS[item.level]
    out = [paint(f"{item.level}[{item.code}]", BOLD, tint) + paint(f": {item.message}", BOLD)]
    primary = Label(span=item.span, text=item.label)
    places = [label for label in (primary, *item.secondary) if label.span.path]
    margin = max((len(str(label.span.line)) for label in places), default=1)
    gutter = " " * margin + paint(" |", BLUE)
    by_path: dict[str, list[Label]] = {}
    for label in places:
        by_path.setdefault(label.span.path, []).append(label)
    for path, labels in by_path.items():
        head = labels[0].span
        arrow = "-->" if path == item.span.path else ":::"
        out.append(" " * margin + paint(arrow, BLUE) + f" {path}:{head.line}:{head.column}")
        out += _snippet(labels, lines.get(path, []), item.span, margin, paint, tint)
    for note in item.notes:
        out.append(" " * margin + paint(" = ", BLUE) + paint("note", BOLD) + f": {note}")
    for fix in item.fixes:
        out.append(" " * margin + paint(" = ", BLUE) + paint("help", BOLD, GREEN) + f": {_help(fix)}")
    if not item.notes and not item.fixes and places:
        out.append(gutter)
    return "\n".join(out) + "\n"


def _help(fix: Fix) -> str:
    return fix.title if fix.text in fix.title else f"{fix.title}: {fix.text}"


def _snippet(
    labels: list[Label], lines: list[str], primary: Span, margin: int, paint: _Paint, tint: str
) -> Iterable[str]:
    blank = " " * margin + paint(" |", BLUE)
    out = [blank]
    last = 0
    for label in sorted(labels, key=lambda found: (found.span.line, found.span.column)):
        at = label.span.line
        if not 1 <= at <= len(lines):
            continue
        text = masked(lines[at - 1])
        if last and at > last + 1:
            out.append(paint("...", BLUE))
        if at != last:
            out.append(paint(f"{at:>{margin}} |", BLUE) + f" {_expanded(text)[:WIDEST_LINE]}".rstrip())
        last = at
        is_primary = label.span == primary
        mark = _marks(text, label.span, "^" if is_primary else "-")
        out.append(f"{blank} " + paint(f"{mark} {label.text}".rstrip(), *((BOLD, tint) if is_primary else (BLUE,))))
    return out if len(out) > 1 else []


def _marks(text: str, span: Span, sign: str) -> str:
    start = min(span.column - 1, len(text))
    end = span.end_column - 1 if span.end_line == span.line else len(text.rstrip())
    before = _width(_expanded(text[:start]))
    under = max(1, _width(_expanded(text[: max(end, start)])) - before)
    room = max(1, WIDEST_LINE - before)
    return " " * min(before, WIDEST_LINE) + sign * min(under, room)


def masked(line: str) -> str:
    """The line with passwords starred out, each star for one character so that columns stay."""
    for pattern, group in ((SECRET_IN_URL, 2), (SECRET_IN_DSN, 1), (_SECRET_KEY, 1)):
        for match in pattern.finditer(line):
            line = line[: match.start(group)] + "*" * len(match[group]) + line[match.end(group) :]
    return line


def _expanded(text: str) -> str:
    return "".join(" " * TAB_WIDTH if c == "\t" else c if c.isprintable() or c == " " else "\ufffd" for c in text)


def _width(text: str) -> int:
    """Columns on a terminal: wide characters take two, combining ones none."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def _count(found: tuple[Diagnostic, ...], paint: _Paint) -> str:
    parts = []
    for level in Level:
        number = sum(item.level is level for item in found)
        if number:
            parts.append(paint(f"{number} {level}{'s' if number > 1 else ''}", BOLD, _COLOURS[level]))
    return ", ".join(parts) + "\n"
