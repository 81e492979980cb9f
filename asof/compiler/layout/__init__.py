"""Definition files in one layout: order of keys, indentation, quotes. Comments, anchors and meaning stay."""

from __future__ import annotations

from dataclasses import dataclass

from asof.compiler.diagnostics import Diagnostic, Level, rule
from asof.compiler.layout.order import put_in_order
from asof.compiler.layout.print import printed
from asof.compiler.layout.written import Collection, NotLaidOutError, comments, written
from asof.compiler.source import Span
from asof.compiler.yaml_reader import read

__all__ = ["Formatted", "comments", "formatted"]

LEFT_ALONE = rule("AS220", "a file that is not formatted", Level.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Formatted:
    """A file before and after. Where it cannot be read, or not be laid out safely, ``after`` is ``before``."""

    path: str
    before: str
    after: str
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def changed(self) -> bool:
        return self.before != self.after


def formatted(path: str, data: bytes, *, project: bool = False) -> Formatted:
    """One file in the layout of the house; ``project`` says that it is an asof.yaml.

    Twice is the same as once. What is written afterwards is read back: values and comments must be the same.
    """
    reading = read(path, data)
    text = data.decode("utf-8-sig", "replace")
    if reading.diagnostics:
        return Formatted(path=path, before=text, after=text, diagnostics=reading.diagnostics)
    if not all(isinstance(value, dict) for value in _values(reading.documents)):
        return _left_alone(path, text, "a document in it is no map, as definitions are")
    try:
        after = _laid_out(text, project=project)
    except NotLaidOutError as error:
        return _left_alone(path, text, f"it holds what has no layout: {error}")
    again = read(path, after.encode())
    same = not again.diagnostics and _values(again.documents) == _values(reading.documents)
    if not same or sorted(comments(after)) != sorted(comments(text)):
        return _left_alone(path, text, "a value or a comment would not survive it")
    if "\r\n" in text:
        after = after.replace("\n", "\r\n")
    return Formatted(path=path, before=text, after=after)


def _laid_out(text: str, *, project: bool) -> str:
    documents = written(text)
    for document in documents:
        root = document.root
        put_in_order(root, project=project)
        if isinstance(root, Collection) and root.entries:
            for entry in root.entries:
                entry.blank = entry.blank and entry is not root.entries[0]
    return printed(documents)


def _values(documents: tuple[object, ...]) -> list[object]:
    return [getattr(document, "value", None) for document in documents if getattr(document, "value", None) is not None]


def _left_alone(path: str, text: str, why: str) -> Formatted:
    span = Span(path=path, line=1, column=1, end_line=1, end_column=1)
    found = LEFT_ALONE.at(span, f"{path} is left as it is: {why}")
    return Formatted(path=path, before=text, after=text, diagnostics=(found,))
