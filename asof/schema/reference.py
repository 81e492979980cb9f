"""The language reference, made from the schemas: ``python -m asof.schema.reference docs/reference``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asof.schema import KINDS, document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def pages() -> Mapping[str, str]:
    """File name -> Markdown: a page for each kind, one for asof.yaml, and an index."""
    made = {f"{stem}.md": _page(kind) for kind, stem in KINDS.items() if kind != "definition"}
    rows = [
        f"| [{document(kind)['title']}]({stem}.md) | {document(kind)['description']} |"
        for kind, stem in KINDS.items()
        if kind != "definition"
    ]
    head = "# The language\n\nMade from the JSON Schemas; `asof schema KIND` prints them.\n\n"
    head += "| kind | what it is |\n|---|---|\n"
    return made | {"index.md": head + "\n".join(rows) + "\n"}


def _page(kind: str) -> str:
    schema = document(kind)
    parts = [f"# {schema['title']}", schema["description"], "## Example", _example(schema["examples"][0])]
    parts += ["## Keys", _table(schema, schema["$defs"])]
    for title, part in _nested(schema, schema["$defs"]):
        parts += [f"### {title}", part.get("description", ""), _table(part, schema["$defs"])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _table(schema: dict[str, Any], defs: dict[str, Any]) -> str:
    required = schema.get("required", ())
    rows = ["| key | value | what it says |", "|---|---|---|"]
    for key, value in schema["properties"].items():
        part = _resolved(value, defs)
        star = " (required)" if key in required else ""
        default = f" Default: `{json.dumps(part['default'])}`." if "default" in part else ""
        example = f" For example `{_plain(part['examples'][0])}`." if part.get("examples") else ""
        says = f"{part.get('description', '')}{default}{example}".replace("|", "\\|")
        rows.append(f"| `{key}`{star} | {_kind(part, defs)} | {says} |")
    return "\n".join(rows)


def _nested(schema: dict[str, Any], defs: dict[str, Any], trail: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Maps inside of maps, each once, under the key that holds them; of stores, one for each type."""
    for key, value in schema.get("properties", {}).items():
        part = _resolved(value, defs)
        here = f"{trail}.{key}" if trail else key
        for inner in (part, part.get("items", {}), part.get("additionalProperties", {})):
            found = _resolved(inner, defs) if isinstance(inner, dict) else {}
            if "properties" in found and "allOf" not in found:
                yield here, found
                yield from _nested(found, defs, here)
            for store in found.get("allOf", ()):
                kind = store["if"]["properties"]["type"]["const"]
                yield f"{here}: {kind}", _resolved(store["then"], defs)


def _resolved(part: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in part:
        target = defs[part["$ref"].removeprefix("#/$defs/")]
        part = {**target, **{key: value for key, value in part.items() if key != "$ref"}}
    return part


def _kind(part: dict[str, Any], defs: dict[str, Any]) -> str:
    if "const" in part:
        return f"`{part['const']}`"
    if "enum" in part:
        return "one of " + ", ".join(f"`{item}`" for item in part["enum"])
    kinds = part.get("type", "any value")
    names = {"array": "list", "object": "map", "string": "text", "integer": "whole number", "boolean": "true or false"}
    words = [names.get(name, name) for name in ([kinds] if isinstance(kinds, str) else kinds)]
    if words == ["list"]:
        return f"list of {_kind(_resolved(part['items'], defs), defs)}"
    return str(part["title"]) if words == ["text"] and "title" in part else " or ".join(words)


def _plain(value: object) -> str:
    return value.replace("\n", "\\n") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _example(value: dict[str, Any]) -> str:
    lines = [f"{key}: {json.dumps(item, ensure_ascii=False)}" for key, item in value.items()]
    return "```yaml\n" + "\n".join(lines) + "\n```"


def write(folder: Path) -> None:
    """Write every page into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
