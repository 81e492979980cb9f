"""YAML as no two people would write it: comments everywhere, every style of scalar, anchors, odd indentation."""

from __future__ import annotations

from hypothesis import strategies as st

KEYS = (
    "kind",
    "name",
    "owner",
    "tags",
    "schema",
    "ttl",
    "query",
    "description",
    "source",
    "x y",
    "on",
    "7",
    "aggregations",
)
WORDS = (
    "a",
    "weather",
    "3d",
    "yes",
    "1_000",
    "#5",
    "it's",
    'say "so"',
    "a: b",
    "x # y",
    "- z",
    "",
    "null",
    "é",
    "1.5",
    "{",
    "*a",
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a file of one to three documents."""
    texts = [draw(documents()) for _ in range(draw(st.integers(1, 3)))]
    head = draw(st.sampled_from(["", "---\n", "# licence\n---\n", "\n\n"]))
    tail = draw(st.sampled_from(["", "\n", "\n# the end\n", "...\n", "\n   # the end"]))
    return head + draw(st.sampled_from(["---\n", "--- # next\n", "\n---\n# of the next\n"])).join(texts) + tail


@st.composite
def documents(draw: st.DrawFn) -> str:
    writer = _Writer(draw)
    return "\n".join([*writer.remarks(0), *writer.mapping(0, 0)]) + "\n"


class _Writer:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.anchors: list[str] = []
        self.count = 0

    def chance(self, percent: int) -> bool:
        return self.draw(st.integers(0, 99)) < percent

    def comment(self) -> str:
        self.count += 1
        gap, word = self.draw(st.sampled_from([" ", "", "  ", "# "])), self.draw(st.sampled_from(WORDS))
        return f"#{gap}c{self.count} {word}".rstrip()

    def remarks(self, indent: int) -> list[str]:
        lines = []
        while self.chance(25):
            if self.chance(40):
                lines.append("")
            if self.chance(70):
                lines.append(
                    " " * self.draw(st.sampled_from([indent, indent, 0, indent + 1, indent + 3])) + self.comment()
                )
        return lines

    def trail(self) -> str:
        return self.draw(st.sampled_from([" ", "   "])) + self.comment() if self.chance(20) else ""

    def mapping(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for key in self.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True)):
            lines += self.remarks(indent)
            quoted = f'"{key}"' if key == "7" or self.chance(10) else key
            lines += self.value(f"{' ' * indent}{quoted}:", indent, depth)
        return lines + (self.remarks(indent) if depth else [])

    def sequence(self, indent: int, depth: int) -> list[str]:
        lines: list[str] = []
        for _ in range(self.draw(st.integers(1, 3))):
            lines += self.remarks(indent)
            if self.chance(35) and depth < 3:
                inner = self.mapping(indent + 2, depth + 1)
                at = next(n for n, line in enumerate(inner) if line.strip() and not line.lstrip().startswith("#"))
                if at == 0:
                    lines += [f"{' ' * indent}- {inner[0][indent + 2 :]}", *inner[1:]]
                else:
                    lines += [f"{' ' * indent}-", *inner]
            else:
                lines += self.value(f"{' ' * indent}-", indent, depth)
        return lines + (self.remarks(indent) if depth else [])

    def value(self, head: str, indent: int, depth: int) -> list[str]:
        choice = self.draw(st.integers(0, 9))
        anchor = ""
        if self.chance(10):
            anchor = f" &n{len(self.anchors)}"
        if choice < 2 and depth < 3:
            made = self.nested(head, anchor, indent, depth)
        elif choice == 2 and self.anchors:
            return [f"{head} *{self.draw(st.sampled_from(self.anchors))}{self.trail()}"]
        elif choice == 3:
            made = self.block_scalar(head, anchor, indent)
        elif choice == 4:
            made = self.lines_of_words(head, anchor, indent)
        elif choice in (5, 6):
            flow = self.flow(indent + 2, 0)
            made = f"{head}{anchor} {flow}{self.trail()}".split("\n")
        else:
            made = [f"{head}{anchor} {self.scalar()}{self.trail()}"]
        if anchor:
            self.anchors.append(anchor.strip(" &"))
        return made

    def nested(self, head: str, anchor: str, indent: int, depth: int) -> list[str]:
        first = f"{head}{anchor}{self.trail()}"
        if self.chance(50):
            step = 0 if not head.endswith("-") and self.chance(30) else 2
            return [first, *self.sequence(indent + step, depth + 1)]
        return [first, *self.mapping(indent + self.draw(st.sampled_from([1, 2, 4])), depth + 1)]

    def block_scalar(self, head: str, anchor: str, indent: int) -> list[str]:
        header = self.draw(st.sampled_from(["|", "|-", "|+", ">", ">-", ">+"]))
        step = self.draw(st.sampled_from([1, 2, 5]))
        lines = ["SELECT 1 # not a comment"]
        for _ in range(self.draw(st.integers(0, 4))):
            lines.append(self.draw(st.sampled_from(["", "  , more", "FROM x", "- y", "# text", "\tz", "    "])))
        return [
            f"{head}{anchor} {header}{self.trail()}",
            *(" " * (indent + step) + line if line else "" for line in lines),
        ]

    def lines_of_words(self, head: str, anchor: str, indent: int) -> list[str]:
        quote = self.draw(st.sampled_from(["", "'", '"']))
        words = [self.draw(st.sampled_from(["some", "words", "that", "go", "on"])) * self.draw(st.integers(1, 12))]
        words += [
            self.draw(st.sampled_from(["", "more of them", "and more"])) for _ in range(self.draw(st.integers(1, 4)))
        ]
        words[-1] = words[-1] or "end"
        text = f"\n{' ' * (indent + 3)}".join(words)
        return f"{head}{anchor} {quote}{text}{quote}{self.trail()}".split("\n")

    def scalar(self) -> str:
        style = self.draw(st.integers(0, 3))
        word = self.draw(st.sampled_from(WORDS))
        if style == 0:
            return "'" + word.replace("'", "''") + "'"
        if style == 1:
            return '"' + word.replace('"', '\\"') + self.draw(st.sampled_from(["", "\\n", "\\u2028", "\\t"])) + '"'
        return self.draw(
            st.sampled_from(["plain", "3", "true", "", "a b  c", "no", "2026-01-31", "x:y", "0.5", "~", "a#b"])
        )

    def flow(self, indent: int, depth: int) -> str:
        broken = self.chance(30)
        mapping = self.chance(50)
        keys = self.draw(st.lists(st.sampled_from(["name", "type", "a", "b"]), max_size=4, unique=True))
        parts = []
        for key in keys:
            inner = self.flow(indent + 2, depth + 1) if depth < 2 and self.chance(25) else self.flow_scalar()
            parts.append(f"{key}: {inner}" if mapping else inner)
        if not broken:
            return ("{%s}" if mapping else "[%s]") % ", ".join(parts)
        pad = "\n" + " " * indent
        lines = []
        for part in parts:
            if self.chance(30):
                lines.append(self.comment())
            lines.append(f"{part},{self.trail()}")
        if self.chance(30):
            lines.append(self.comment())
        return ("{%s%s}" if mapping else "[%s%s]") % ("".join(pad + line for line in lines), pad)

    def flow_scalar(self) -> str:
        if self.chance(15) and self.anchors:
            return f"*{self.draw(st.sampled_from(self.anchors))} "
        return self.draw(
            st.sampled_from(["x", "3d", "'it''s'", '"a, b"', "1.0", "null", "int64", "[]", "{}", '"# no"'])
        )
