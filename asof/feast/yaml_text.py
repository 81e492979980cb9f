"""Documents as YAML for people: keys in order, columns one a line, notes as comments above what they are about."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from asof.compiler.layout.print import quoted
from asof.compiler.scalars import Reading, read_plain
from asof.feast.documents import Placed, Written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from asof.feast.documents import Document, Note

WIDTH = 120
_COMMENT_WIDTH = 100

_PLAIN = re.compile(r"[A-Za-z0-9_./(<$][^\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff]*")
_FLOW = re.compile(r"[,\[\]{}]")
_BROKEN = re.compile(r":(\s|$)|\s#|\s$|^(---|\.\.\.)")
_UNPRINTABLE = re.compile("[^\t\n\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def written(documents: Iterable[Document]) -> Written:
    """The files that hold ``documents``, each in the order given."""
    grouped: dict[str, list[Document]] = {}
    for document in documents:
        grouped.setdefault(document.file, []).append(document)
    files: dict[str, str] = {}
    notes: list[Placed] = []
    for file in sorted(grouped, key=lambda name: (name != "asof.yaml", name)):
        lines: list[str] = []
        for document in _merged(grouped[file]):
            if lines:
                # Comments alone between two markers would be an empty document.
                lines.append("---" if document.body is not None else "")
            for note in document.notes:
                notes.append(Placed(note=note, file=file, line=len(lines) + 1))
                lines += comment(note)
            if document.body is not None:
                lines += _block(document.body, "")
        files[file] = "\n".join(lines) + "\n"
    return Written(files=files, notes=tuple(notes))


def _merged(documents: list[Document]) -> list[Document]:
    """Documents first, what was left out last: a comment after the last document belongs to no other."""
    return [d for d in documents if d.body is not None] + [d for d in documents if d.body is None]


def comment(note: Note) -> Iterator[str]:
    """A note as comment lines, its code indented below it."""
    head = f"{note.about}: {note.text}" if note.about else note.text
    for line in wrap(_printable(head), _COMMENT_WIDTH, break_long_words=False, break_on_hyphens=False) or [""]:
        yield f"# {line}"
    for line in note.code.expandtabs(4).splitlines():
        yield f"#     {_printable(line)}".rstrip()


def _printable(text: str) -> str:
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)


def _block(body: dict[str, Any], indent: str) -> Iterator[str]:
    for key, value in body.items():
        head = f"{indent}{scalar(key, flow=False)}:"
        match value:
            case str() if _literal(value):
                yield f"{head} |-"
                yield from (f"{indent}  {line}" if line else "" for line in value.split("\n"))
            case dict() | list():
                flow = _flow(value)
                if (len(head) + 1 + len(flow) <= WIDTH and _flat(value)) or not value:
                    yield f"{head} {flow}"
                elif isinstance(value, dict):
                    yield head
                    yield from _block(value, f"{indent}  ")
                else:
                    yield head
                    yield from _items(value, f"{indent}  ")
            case _:
                yield f"{head} {scalar(value, flow=False)}"


def _items(items: list[Any], indent: str) -> Iterator[str]:
    for item in items:
        flow = _flow(item)
        if not isinstance(item, dict) or (len(indent) + 2 + len(flow) <= WIDTH and "\n" not in flow):
            yield f"{indent}- {flow}"
            continue
        lines = list(_block(item, f"{indent}  "))
        yield f"{indent}- {lines[0].lstrip()}"
        yield from lines[1:]


def _flat(value: dict[str, Any] | list[Any]) -> bool:
    """Whether it reads well on one line: nothing but scalars in it."""
    inner = value.values() if isinstance(value, dict) else value
    return all(not isinstance(item, dict | list) for item in inner)


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{scalar(k, flow=True)}: {_flow(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(_flow(item) for item in value) + "]"
    return scalar(value, flow=True)


def _literal(text: str) -> bool:
    """Whether a block scalar can hold it: lines that keep their blanks, and nothing to escape."""
    lines = text.split("\n")
    return (
        len(lines) > 1
        and bool(lines[0].strip())
        and bool(lines[-1])
        and not any(line != line.rstrip() or "\t" in line for line in lines)
        and lines[0] == lines[0].lstrip()
        and not _UNPRINTABLE.search(text)
        and "\x85" not in text
    )


def scalar(value: object, *, flow: bool) -> str:
    """One value, plain where it reads back as itself, else in quotes as `asof fmt` chooses them."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return str(value)
    if (
        _PLAIN.fullmatch(value)
        and not _BROKEN.search(value)
        and not (flow and _FLOW.search(value))
        and read_plain(value) == Reading(value)
    ):
        return value
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted(value))
