"""What a JSON Schema validator says, told to the person who wrote the document: once, at the key concerned."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import yaml

from asof import schema
from asof.compiler.diagnostics import Diagnostic, Fix, correction, rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from jsonschema.exceptions import ValidationError

    from asof.compiler.source import Origin, Span

UNKNOWN_KEY = rule("AS204", "a key that the language does not know")
MISSING_KEY = rule("AS205", "a key is missing")
WRONG_TYPE = rule("AS206", "a value is of the wrong type")
NOT_ONE_OF = rule("AS207", "a value is not one of those allowed")
MALFORMED = rule("AS208", "a text does not have the form it must have")
OUT_OF_BOUNDS = rule("AS209", "a value is too small, too large, too short or too long")
EXACTLY_ONE = rule("AS210", "of several keys a certain number must be written")
OUT_OF_PLACE = rule("AS211", "a key that has no place here")
REPEATED = rule("AS212", "a list names something twice")

_JSON_NAMES = {
    str: "text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a map",
    type(None): "empty",
}
_SCHEMA_NAMES = {
    "string": "text",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "array": "a list",
    "object": "a map",
}
_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
_STRENGTH = ("type", "not", "oneOf", "anyOf", "enum", "const")
"""Of several complaints about one value, the first of these is the telling one."""


@dataclass(frozen=True, slots=True)
class Violation:
    """An error of jsonschema: which keyword, asking what, was broken by which value, where."""

    validator: str
    validator_value: Any
    instance: Any
    schema: dict[str, Any]
    absolute_path: tuple[str | int, ...]
    absolute_schema_path: tuple[str | int, ...]

    @classmethod
    def of(cls, error: ValidationError) -> Violation:
        path, where = tuple(error.absolute_path), tuple(error.absolute_schema_path)
        part: Any = error.schema
        return cls(str(error.validator), error.validator_value, error.instance, part, path, where)


def violations(kind: str, document: Any, origin: Origin, address: str = "") -> tuple[Diagnostic, ...]:
    """Everything that ``kind``'s schema finds wrong with a document that it does not accept."""
    errors = list(_independent(map(Violation.of, schema.validator(kind).iter_errors(document))))
    found = [item for error in errors for item in _explain(error, origin, address)]
    return tuple(found)


def _independent(errors: Iterable[Violation]) -> Iterator[Violation]:
    """Leave out what merely follows from another error."""
    every = sorted(errors, key=_strength)
    refused = {e.absolute_path for e in every if e.validator == "not"}
    choices = {e.absolute_path for e in every if e.validator == "oneOf"}
    judged: set[tuple[str | int, ...]] = set()
    for error in every:
        at = error.absolute_path
        if error.validator in ("dependentRequired", "required") and _follows(error, at, refused, choices):
            continue
        if error.validator in _VALUE_RULES:
            if at in judged:
                continue
            judged.add(at)
        yield error


def _follows(
    error: Violation, at: tuple[str | int, ...], refused: set[tuple[Any, ...]], choices: set[tuple[Any, ...]]
) -> bool:
    if error.validator == "required":
        return at in choices and "then" in error.absolute_schema_path
    needs = error.validator_value
    present = [key for key in needs if key in error.instance and not set(needs[key]) <= error.instance.keys()]
    return bool(present) and all((*at, key) in refused for key in present)


def _strength(error: Violation) -> int:
    return _STRENGTH.index(error.validator) if error.validator in _STRENGTH else len(_STRENGTH)


def _explain(error: Violation, origin: Origin, address: str) -> Iterator[Diagnostic]:
    if "propertyNames" in error.absolute_schema_path:
        at = error.absolute_path
        message = f"the key `{error.instance}` is not {_title(error.schema)}"
        yield MALFORMED.at(origin.key(*at, str(error.instance)), message, notes=_hint(error), address=address)
        return
    for item in _RULES[error.validator](error, origin):
        yield replace(item, address=address)


def _unknown_key(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at, known = error.absolute_path, error.schema.get("properties", {})
    torn, rests = _torn(error.instance)
    for key in error.instance:
        if key in rests and key not in known:
            if key in torn:
                before, whole = torn[key]
                note = f"in braces a comma ends the value; quote it: {before}: '{whole}'"
                span = origin.key(*at, key)
                yield UNKNOWN_KEY.at(span, f"unknown key `{key}`{_within(at)}", notes=(note,))
        elif key not in known:
            span = origin.key(*at, key)
            word, safe = correction(key, known)
            fixes: tuple[Fix, ...] = ()
            notes: tuple[str, ...] = (f"known here: {', '.join(known)}",)
            if word:
                safe = safe and word not in error.instance
                fixes, notes = (Fix(title=f"did you mean {word!r}?", span=span, text=word, safe=safe),), ()
            yield UNKNOWN_KEY.at(span, f"unknown key `{key}`{_within(at)}", fixes=fixes, notes=notes)


_PAIRS = {"(": ")", "<": ">", "[": "]"}


def _torn(written: dict[str, Any]) -> tuple[dict[str, tuple[str, str]], set[str]]:
    """Values that a comma has torn apart, as ``{type: decimal(10,2)}``, where ``2)`` is read as a key without a value.

    By the first key of the rest: the key of the value, and the value as it was meant; and every key of a rest.
    """
    torn: dict[str, tuple[str, str]] = {}
    rests: set[str] = set()
    items = list(written.items())
    for place, (key, value) in enumerate(items):
        if not isinstance(value, str) or not _open(value):
            continue
        parts: list[str] = []
        for rest, nothing in items[place + 1 :]:
            if nothing is not None:
                break
            parts.append(str(rest))
            whole = ",".join((value, *parts))
            if not _open(whole):
                torn[parts[0]] = (str(key), whole)
                rests |= set(parts)
                break
    return torn, rests


def _open(text: str) -> bool:
    return any(text.count(left) > text.count(right) for left, right in _PAIRS.items())


def _missing_key(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    known = error.schema.get("properties", {})
    for key in error.validator_value:
        if key in error.instance:
            continue
        described = known.get(key, {}).get("description", "")
        notes = (f"`{key}`: {described}",) if described else ()
        yield MISSING_KEY.at(start_of(origin, *at), f"the key `{key}` is missing{_within(at)}", notes=notes)


def _companion(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    for key, needs in error.validator_value.items():
        missing = [need for need in needs if key in error.instance and need not in error.instance]
        if missing:
            yield MISSING_KEY.at(origin.key(*at, key), f"`{key}` has no meaning without `{missing[0]}`")
            return


def _wrong_type(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at, value = error.absolute_path, error.instance
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    span = origin.value(*at) if not isinstance(value, dict | list) else start_of(origin, *at)
    written = _written(origin, at)
    shown = f"`{written}` is {_JSON_NAMES[type(value)]}" if written else f"this is {_JSON_NAMES[type(value)]}"
    title = error.schema.get("title", "")
    expected = " or ".join(_SCHEMA_NAMES[name] for name in wanted)
    if title and title not in expected:
        expected += f" ({title})"
    fixes: tuple[Fix, ...] = ()
    if "string" in wanted and isinstance(value, bool | int | float):
        fixes = (Fix(title="put it in quotes", span=span, text=f'"{written}"', safe=wanted == ["string"]),)
    elif wanted == ["boolean"] and written.lower() in _BOOLEANS:
        text = _BOOLEANS[written.lower()]
        fixes = (Fix(title=f"write {text}", span=span, text=text, safe=True),)
    message = f"{_subject(at)} must be {expected}; {shown}"
    yield WRONG_TYPE.at(span, message, notes=() if fixes else _hint(error), fixes=fixes)


def _not_one_of(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    wanted = error.validator_value if error.validator == "enum" else [error.validator_value]
    choices = [str(item) for item in wanted]
    written = _written(origin, at)
    span = origin.value(*at) if written else start_of(origin, *at)
    word, safe = correction(written, choices)
    fixes = (Fix(title=f"did you mean {word!r}?", span=span, text=word, safe=safe),) if word else ()
    listed = ", ".join(choices) if len(choices) > 1 else f"only {choices[0]}"
    message = f"{_subject(at)} cannot be `{written}`" if written else f"{_subject(at)} cannot be this"
    yield NOT_ONE_OF.at(span, message, fixes=fixes, notes=(f"allowed: {listed}",))


def _malformed(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    title = _title(error.schema)
    secret = "env:" in str(error.validator_value)
    message = f"{_subject(at)} must be {title}" if secret else f"`{error.instance}` is not {title}"
    yield MALFORMED.at(origin.value(*at), message, notes=_hint(error))


def _out_of_bounds(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at, limit = error.absolute_path, error.validator_value
    words = {
        "minimum": f"must be {limit} or more",
        "maximum": f"must be {limit} or less",
        "minItems": "must not be empty",
        "minProperties": "must not be empty",
        "minLength": "must not be empty",
        "maxLength": f"must not be longer than {limit} characters",
    }
    span = origin.value(*at) if not isinstance(error.instance, dict | list) else start_of(origin, *at)
    yield OUT_OF_BOUNDS.at(span, f"{_subject(at)} {words[error.validator]}")


def _choice(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    if not isinstance(error.instance, dict):
        return  # another violation says that a map is wanted here
    keys = [part["required"][0] for part in error.validator_value]
    written = [key for key in keys if key in error.instance]
    listed = f"{', '.join(f'`{key}`' for key in keys[:-1])} {'and' if written else 'or'} `{keys[-1]}`"
    if len(written) > 1:
        message = f"only one of {listed} can be written{_within(at)}"
        yield EXACTLY_ONE.at(origin.key(*at, written[1]), message)
    else:
        amount = "at least one of " if error.validator == "anyOf" else ""
        yield EXACTLY_ONE.at(start_of(origin, *at), f"{amount}{listed} is missing{_within(at)}")


def _out_of_place(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    yield OUT_OF_PLACE.at(origin.key(*at), f"`{at[-1]}` has no place here", notes=(error.schema["description"],))


def _repeated(error: Violation, origin: Origin) -> Iterator[Diagnostic]:
    at = error.absolute_path
    for place, item in enumerate(error.instance):
        if item in error.instance[:place]:
            yield REPEATED.at(origin.value(*at, place), f"{_subject(at)} names `{item}` twice")


_RULES = {
    "additionalProperties": _unknown_key,
    "required": _missing_key,
    "dependentRequired": _companion,
    "type": _wrong_type,
    "enum": _not_one_of,
    "const": _not_one_of,
    "pattern": _malformed,
    "oneOf": _choice,
    "anyOf": _choice,
    "not": _out_of_place,
    "uniqueItems": _repeated,
    **dict.fromkeys(("minimum", "maximum", "minItems", "minProperties", "minLength", "maxLength"), _out_of_bounds),
}
_VALUE_RULES = frozenset(_RULES) - {"additionalProperties", "required", "dependentRequired", "oneOf", "anyOf"}


def start_of(origin: Origin, *pointer: str | int) -> Span:
    """Where a map or list begins: its first key, or the key it belongs to where it is empty or a list."""
    node = origin.node_at(*pointer)
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return origin.key(*pointer, str(node.value[0][0].value))
    return origin.key(*pointer) if pointer and isinstance(pointer[-1], str) else origin.value(*pointer)


def _title(part: dict[str, Any]) -> str:
    return str(part.get("title") or "of the right form")


def _hint(error: Violation) -> tuple[str, ...]:
    examples = [item for item in error.schema.get("examples", ()) if isinstance(item, str | int | float)]
    return (f"for example {', '.join(str(item) for item in examples[:3])}",) if examples else ()


def _written(origin: Origin, at: tuple[str | int, ...]) -> str:
    node = origin.node_at(*at)
    return str(node.value) if isinstance(node, yaml.ScalarNode) and re.search(r"\S", str(node.value)) else ""


def _subject(at: tuple[str | int, ...]) -> str:
    names = [step for step in at if isinstance(step, str)]
    if not names:
        return "the document"
    return f"an item of `{names[-1]}`" if isinstance(at[-1], int) else f"`{names[-1]}`"


def _within(at: tuple[str | int, ...]) -> str:
    names = [step for step in at if isinstance(step, str)]
    return f" in `{names[-1]}`" if names else ""
