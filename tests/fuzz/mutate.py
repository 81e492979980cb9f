"""Documents that are nearly valid: one with a value, a branch or a line that does not belong there."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from tests.fuzz.readers import CUT, PARTS, signed

if TYPE_CHECKING:
    from random import Random

ODD: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    2**63,
    2**64,
    -(2**63) - 1,
    1e308,
    -0.0,
    0.1,
    "",
    " ",
    "x" * 300,
    "../../x",
    "/etc/passwd",
    "C:\\x",
    "a/b",
    "a\x00b",
    "a\nb",
    "\x1b]0;title\x07\x1b[2J",
    "\u202egnp",
    "\ud800",
    "\uff3f",
    "é",
    '"; DROP TABLE x; --',
    "';--",
    "$(id)",
    "${env:HOME}",
    "SELECT 1; SELECT 2",
    "SELECT " + "(" * 400 + "1" + ")" * 400,
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59.999999Z",
    "999999999d",
    "array<" * 80 + "int64" + ">" * 80,
    "decimal(999999999999,9)",
    [],
    {},
    [[[]]],
    {"kind": "FeatureView"},
)
LINES = (
    "a: &a [1, 1]",
    "b: [*a, *a, *a]",
    "<<: *a",
    "? [x]",
    "- ",
    "---",
    "...",
    "%YAML 1.1",
    "!!python/object/apply:os.system [id]",
    "x: !!binary aGk=",
    "\tx: 1",
    "x: |",
    "x: >-",
    "[" * 100,
    "{a: " * 50,
    "name: " + "n" * 300,
    "version: 99999999999999999999",
    "ttl: 999999999999w",
    "window: 1us",
    "kind: FeatureView",
    "query: SELECT * FROM (SELECT 1)",
    "query: WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT * FROM t) SELECT * FROM t",
    "type: struct<" * 30,
    "\u202e",
    "\x1b[2J",
    "0x1F: 1e400",
    "y: 1_0:59.9",
)
_WORD = re.compile(r"[A-Za-z0-9_.:/${}*-]+")


def mutated(reader: str, data: bytes, random: Random) -> bytes:
    """``data`` with one or a few things changed; still well formed more often than not."""
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        data = _yaml(data, random) if reader == "repo" else _json(reader, data, random)
    return data


def _json(reader: str, data: bytes, random: Random) -> bytes:
    start, body = b"", data
    if reader == "registry":
        first, _, body = data.partition(b"\n")
        start = first + b"\n"
    try:
        document = json.loads(body)
        places = list(_places(document))
        if not places:
            raise ValueError(document)
        parent, key = random.choice(places)
        _change(parent, key, random.choice(places), random)
        text = json.dumps(document).encode()
        whole = reader == "plan" or start[:1] == bytes([PARTS.index("journal")])
        return start + (signed(document) if whole else text)
    except (ValueError, TypeError, RecursionError, AttributeError):
        return start + _bytes(body, random)


def _places(document: Any) -> Any:
    """Every container with each key or index in it."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in list(inner):
            yield value, key
            waiting.append(item)


def _change(parent: Any, key: Any, other: tuple[Any, Any], random: Random) -> None:
    what = random.randrange(6)
    if what == 0:
        del parent[key]
    elif what == 1:
        parent[key] = json.loads(json.dumps(other[0][other[1]]))
    elif what == 2 and isinstance(parent, dict):
        parent[random.choice([odd for odd in ODD if isinstance(odd, str)])] = parent[key]
    elif what == 3 and isinstance(parent[key], str):
        parent[key] += random.choice([odd for odd in ODD if isinstance(odd, str)])
    elif what == 4 and isinstance(parent[key], list):
        parent[key] *= random.choice((2, 50))
    else:
        parent[key] = random.choice(ODD)


def _yaml(data: bytes, random: Random) -> bytes:
    lines = data.decode("utf-8", "replace").split("\n")
    at, what = random.randrange(len(lines)), random.randrange(9)
    if what == 0:
        del lines[at]
    elif what == 1:
        lines.insert(at, random.choice(lines))
    elif what == 2:
        lines.insert(at, " " * random.randrange(9) + random.choice(LINES))
    elif what == 3:
        lines[at] = random.choice((" " + lines[at], lines[at][1:], lines[at] + " #", lines[at] + ": x"))
    elif what in (4, 5, 6):
        words = list(_WORD.finditer(lines[at]))
        if words:
            found = random.choice(words)
            every = _WORD.findall("\n".join(lines))
            odd = random.choice(ODD)
            new = random.choice(every) if what == 4 else json.dumps(odd) if what == 5 else str(odd)
            lines[at] = lines[at][: found.start()] + new + lines[at][found.end() :]
    elif what == 7:
        to = random.randrange(len(lines))
        lines[min(at, to) : max(at, to)] = []
    else:
        return _bytes(data, random)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def _bytes(data: bytes, random: Random) -> bytes:
    at = random.randrange(len(data) + 1)
    piece = random.choice((b"\x00", b"\xff", b"{", b"[" * 200, b'"', b"&a", b"*a", b"\xed\xa0\x80", b"1" * 400, CUT))
    return data[:at] + random.choice((piece, b"")) + data[at + random.randrange(4) :]
