"""What was written -> YAML text in the one layout: indentation, quotes, one line or several."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from asof.compiler.layout.written import Alias, Collection, Scalar
from asof.compiler.scalars import Doubt, Reading, read_plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from asof.compiler.layout.written import Entry, Node, Remark, Written

WIDTH = 120
STEP = 2
_PLAIN = re.compile(r"[A-Za-z_/.](?:[A-Za-z0-9_/.()<>=+*%$@-]| (?=[A-Za-z0-9_/.()<>=+*%$@-]))*")
"""Text that is itself without quotes, wherever it stands; cautious on purpose."""
_BREAKS = re.compile("[\r\x85\u2028\u2029\ufeff]")
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff]")


def printed(documents: Sequence[Written]) -> str:
    """The text of a file."""
    lines: list[str] = []
    carried: list[Remark] = []
    started = False
    for document in documents:
        if document.root is None:
            carried += [*document.head, *document.tail]
            continue
        printer = _Printer()
        head = [*carried, *document.head]
        carried = []
        if started:
            lines.append("---")
        started = True
        lines += printer.document(document, head)
    lines += _Printer().remarks(carried, 0, first=not lines)
    return "\n".join(lines) + "\n" if lines else ""


class _Printer:
    """Lines of one document. ``kept`` is true after a text whose blank lines at the end are part of it."""

    def __init__(self) -> None:
        self.kept = False

    def document(self, document: Written, head: list[Remark]) -> list[str]:
        lines = self.remarks(head, 0, first=True)
        if head and document.gap:
            lines.append("")
        root = document.root
        if isinstance(root, Collection):
            oneline = self.flow(root) if root.flow else None
            lines += [oneline] if oneline is not None and len(oneline) <= WIDTH else self.block(root, 0)
        elif root is not None:
            lines.append(inline(root))
        return lines + self.remarks(document.tail, 0, first=False)

    def remarks(self, remarks: Sequence[Remark], indent: int, *, first: bool) -> list[str]:
        lines: list[str] = []
        for remark in remarks:
            if remark.blank and not (first and not lines) and not self.kept:
                lines.append("")
            lines.append(" " * indent + remark.text)
            self.kept = False
        return lines

    def block(self, node: Collection, indent: int) -> list[str]:
        """A map or list, a line or more for each entry, at ``indent``."""
        lines: list[str] = []
        for place, entry in enumerate(node.entries):
            _hoist(entry)
            lines += self.remarks(entry.lead, indent, first=not place)
            if entry.blank and (place or entry.lead) and not self.kept:
                lines.append("")
            self.kept = False
            lines += self.entry(entry, indent)
        lines += self.remarks(node.tail, indent, first=not lines)
        return lines

    def entry(self, entry: Entry, indent: int) -> list[str]:
        pad, value = " " * indent, entry.value
        head = f"{pad}-" if entry.key is None else f"{pad}{inline(entry.key)}:"
        if isinstance(value, Collection):
            return self.collection(value, head, entry, indent)
        if isinstance(value, Scalar) and (made := self.lines(value, indent + STEP, len(head))) is not None:
            header, content = made
            return [_with_trail(f"{head} {header}", entry), *content]
        return [_with_trail(f"{head} {inline(value)}".rstrip(), entry)]

    def collection(self, value: Collection, head: str, entry: Entry, indent: int) -> list[str]:
        marks = _marks(value)
        oneline = self.flow(value) if value.flow or not value.entries else None
        if oneline is not None and (len(head) + 1 + len(oneline) <= WIDTH or not value.entries):
            return [_with_trail(f"{head} {oneline}", entry)]
        inner = self.block(value, indent + STEP)
        if entry.key is None and not marks:
            over = [" " * indent + entry.trail] if entry.trail else []
            return [*over, f"{head} {inner[0][indent + STEP :]}", *inner[1:]]
        return [_with_trail(f"{head}{' ' + marks if marks else ''}", entry), *inner]

    def flow(self, node: Node) -> str | None:
        """A node on one line; None where comments stand in it."""
        if not isinstance(node, Collection):
            return inline(node, flow=True)
        if node.tail:
            return None
        parts = []
        for entry in node.entries:
            text = None if entry.lead or entry.trail else self.flow(entry.value)
            if text is None:
                return None
            parts.append(text if entry.key is None else f"{inline(entry.key, flow=True)}: {text}")
        listed = ", ".join(parts)
        marks = _marks(node)
        return (f"{marks} " if marks else "") + (f"{{{listed}}}" if node.mapping else f"[{listed}]")

    def lines(self, scalar: Scalar, indent: int, used: int) -> tuple[str, list[str]] | None:
        """A text of several lines: its header and its content; None where it goes on one line."""
        text = scalar.text
        if scalar.style not in ("|", ">"):
            words = text.split(" ")
            too_long = used + 1 + len(inline(scalar)) > WIDTH
            if scalar.lines == 1 or not too_long or "\n" in text or not all(words) or not _printable(text):
                return None
            return self.header(scalar, ">-"), [" " * indent + line for line in _filled(words, WIDTH - indent)]
        stripped = text.rstrip("\n")
        if not stripped or not _printable(text) or not _starts_well(text):
            return None
        ends = len(text) - len(stripped)
        chomp = "-" if not ends else "" if ends == 1 else "+"
        self.kept = ends > 1
        if scalar.style == ">" and scalar.raw:
            content = list(scalar.raw)
            while chomp != "+" and content and not content[-1]:
                content.pop()
            marks = self.header(scalar, f">{chomp}")
        else:
            content = text.split("\n")[:-1] if ends else text.split("\n")
            marks = self.header(scalar, f"|{STEP if _first(content).startswith(' ') else ''}{chomp}")
        return marks, [" " * indent + line if line else "" for line in content]

    def header(self, scalar: Scalar, text: str) -> str:
        marks = _marks(scalar)
        return f"{marks} {text}" if marks else text


def inline(node: Scalar | Alias, *, flow: bool = False) -> str:
    """A scalar or alias on one line, in quotes where it needs them."""
    if isinstance(node, Alias):
        return f"*{node.name}"
    marks = _marks(node)
    text = _inline(node, flow=flow)
    return f"{marks} {text}".rstrip() if marks else text


def _inline(node: Scalar, *, flow: bool) -> str:
    text = node.text
    if node.style == "":
        if "\n" in text or read_plain(text).doubt is Doubt.TEXT:
            return text if node.tag else quoted(text)
        return "null" if not text and flow and not _marks(node) else text
    if _PLAIN.fullmatch(text) and not node.tag and read_plain(text) == Reading(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """A text in quotes: double ones, unless single ones need no escapes."""
    escaped = json.dumps(text, ensure_ascii=False)
    escaped = _ESCAPED.sub(lambda found: f"\\u{ord(found[0]):04x}", escaped)
    if escaped == f'"{text}"':
        return escaped
    plain = "'" + text.replace("'", "''") + "'"
    return plain if text.isprintable() and "'" not in text else escaped


def _marks(node: Scalar | Collection) -> str:
    return " ".join(part for part in (f"&{node.anchor}" if node.anchor else "", node.tag) if part)


def _with_trail(line: str, entry: Entry) -> str:
    return f"{line.ljust(entry.column - 2)}  {entry.trail}" if entry.trail else line


def _hoist(entry: Entry) -> None:
    """Move comments before an entry that would stand behind its dash, or in an empty list or map."""
    value = entry.value
    if not isinstance(value, Collection):
        return
    if not value.entries:
        entry.lead += value.tail
        value.tail = []
    elif entry.key is None and not _marks(value):
        first = value.entries[0]
        _hoist(first)
        entry.lead += first.lead
        first.lead, first.blank = [], False


def _printable(text: str) -> bool:
    return _BREAKS.search(text) is None


def _starts_well(text: str) -> bool:
    """Whether no line before the first words is made of blanks only: YAML would take it for the indentation."""
    for line in text.split("\n"):
        if line.strip():
            return not line.startswith("\t")
        if line:
            return False
    return True


def _first(lines: Sequence[str]) -> str:
    return next((line for line in lines if line), "")


def _filled(words: Sequence[str], width: int) -> list[str]:
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
