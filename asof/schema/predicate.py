"""JSON Schema compiled to closures that answer one question, quickly: is this value valid?

Asking jsonschema costs about a millisecond for a feature view; a repo has thousands. The closures
take a few dozen microseconds, and a test holds them to jsonschema's answers.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[[Any], bool]

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
    "array": (list,),
    "object": (dict,),
}
_ANNOTATIONS = frozenset({"$schema", "$id", "$defs", "title", "description", "examples", "default"})


@cache
def anchored(pattern: str) -> re.Pattern[str]:
    """An ECMA pattern for Python, whose own ``$`` would also match before a final newline."""
    return re.compile(re.sub(r"(?<!\\)\$(?=\)|$)", r"\\Z", pattern))


def compiled(document: dict[str, Any]) -> Check:
    """A predicate for a self-contained schema. Raises ValueError for a keyword it does not know."""
    return _Compiler(document).check(document)


class _Compiler:
    def __init__(self, document: dict[str, Any]) -> None:
        self.definitions: dict[str, Any] = document.get("$defs", {})
        self.made: dict[str, Check] = {}

    def check(self, schema: Any) -> Check:
        checks: list[Check] = []
        if "properties" in schema or "additionalProperties" in schema:
            checks.append(self.members(schema))
        for keyword, wanted in schema.items():
            if keyword in ("properties", "additionalProperties", "then", "else") or keyword in _ANNOTATIONS:
                continue
            if keyword in _LEAVES:
                checks.append(_LEAVES[keyword](wanted))
            elif keyword in _BRANCHES:
                checks.append(_BRANCHES[keyword](self, wanted, schema))
            else:
                raise ValueError(f"the schema uses {keyword!r}, which the predicate does not know")
        return _every(checks)

    def ref(self, target: str, _: object) -> Check:
        name = target.removeprefix("#/$defs/")
        if name not in self.made:
            self.made[name] = self.check(self.definitions[name])
        return self.made[name]

    def members(self, schema: dict[str, Any]) -> Check:
        known = {key: self.check(value) for key, value in schema.get("properties", {}).items()}
        others = schema.get("additionalProperties", True)
        rest = self.check(others) if isinstance(others, dict) else None

        def holds(value: Any) -> bool:
            if type(value) is not dict:
                return True
            for key, item in value.items():
                check = known.get(key, rest)
                if check is None:
                    if others is False:
                        return False
                elif not check(item):
                    return False
            return True

        return holds

    def items(self, wanted: Any, _: object) -> Check:
        check = self.check(wanted)
        return lambda value: type(value) is not list or all(map(check, value))

    def names(self, wanted: Any, _: object) -> Check:
        check = self.check(wanted)
        return lambda value: type(value) is not dict or all(map(check, value))

    def all_of(self, wanted: Any, _: object) -> Check:
        return _every([self.check(part) for part in wanted])

    def any_of(self, wanted: Any, _: object) -> Check:
        checks = [self.check(part) for part in wanted]
        return lambda value: any(check(value) for check in checks)

    def one_of(self, wanted: Any, _: object) -> Check:
        checks = [self.check(part) for part in wanted]
        return lambda value: sum(check(value) for check in checks) == 1

    def negated(self, wanted: Any, _: object) -> Check:
        check = self.check(wanted)
        return lambda value: not check(value)

    def condition(self, wanted: Any, schema: dict[str, Any]) -> Check:
        test, then, other = self.check(wanted), self.check(schema.get("then", {})), self.check(schema.get("else", {}))
        return lambda value: then(value) if test(value) else other(value)


_BRANCHES: dict[str, Callable[[_Compiler, Any, dict[str, Any]], Check]] = {
    "$ref": _Compiler.ref,
    "items": _Compiler.items,
    "propertyNames": _Compiler.names,
    "allOf": _Compiler.all_of,
    "anyOf": _Compiler.any_of,
    "oneOf": _Compiler.one_of,
    "not": _Compiler.negated,
    "if": _Compiler.condition,
}


def _every(checks: list[Check]) -> Check:
    if len(checks) == 1:
        return checks[0]

    def holds(value: Any) -> bool:
        for check in checks:  # noqa: SIM110 - a generator here would double the time
            if not check(value):
                return False
        return True

    return holds


def _type(wanted: str | list[str]) -> Check:
    names = [wanted] if isinstance(wanted, str) else wanted
    allowed = frozenset(found for name in names for found in _TYPES[name])
    return lambda value: type(value) in allowed


def _enum(wanted: list[Any]) -> Check:
    allowed = frozenset((type(item) is bool, item) for item in wanted)
    return lambda value: type(value) not in (list, dict) and (type(value) is bool, value) in allowed


def _unique(wanted: bool) -> Check:
    def holds(value: Any) -> bool:
        return type(value) is not list or all(item not in value[:at] for at, item in enumerate(value))

    return holds if wanted else lambda _: True


def _required(wanted: list[str]) -> Check:
    keys = frozenset(wanted)
    return lambda value: type(value) is not dict or value.keys() >= keys


def _dependent(wanted: dict[str, list[str]]) -> Check:
    def holds(value: Any) -> bool:
        if type(value) is not dict:
            return True
        return all(need in value for key, needs in wanted.items() if key in value for need in needs)

    return holds


def _pattern(wanted: str) -> Check:
    search = anchored(wanted).search
    return lambda value: type(value) is not str or search(value) is not None


def _number(value: Any) -> bool:
    return type(value) is int or type(value) is float


_LEAVES: dict[str, Callable[[Any], Check]] = {
    "type": _type,
    "enum": _enum,
    "const": lambda wanted: _enum([wanted]),
    "pattern": _pattern,
    "required": _required,
    "dependentRequired": _dependent,
    "uniqueItems": _unique,
    "minLength": lambda least: lambda value: type(value) is not str or len(value) >= least,
    "maxLength": lambda most: lambda value: type(value) is not str or len(value) <= most,
    "minItems": lambda least: lambda value: type(value) is not list or len(value) >= least,
    "minProperties": lambda least: lambda value: type(value) is not dict or len(value) >= least,
    "maxProperties": lambda most: lambda value: type(value) is not dict or len(value) <= most,
    "minimum": lambda least: lambda value: not _number(value) or value >= least,
    "maximum": lambda most: lambda value: not _number(value) or value <= most,
}
