"""What a plain YAML scalar means: the core schema of YAML 1.2, and where YAML 1.1 would read it otherwise."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

Scalar = str | int | float | bool | None

LARGEST_INTEGER = 2**63 - 1


class Doubt(Enum):
    """How a plain scalar may be misread."""

    NONE = 0
    TEXT = 1
    """Text here; a boolean or number to readers of YAML 1.1."""
    DATE = 2
    """Text here; a date or timestamp to readers of YAML 1.1."""
    NUMBER = 3
    """A number here; another number, or text, to readers of YAML 1.1."""
    UNHELD = 4
    """A number that JSON cannot hold: infinite, not a number, or an integer beyond 64 bits."""


class Reading(NamedTuple):
    """A value and the doubt about it; ``other`` says how YAML 1.1 reads the same characters."""

    value: Scalar
    doubt: Doubt = Doubt.NONE
    other: str = ""


_WORDS: dict[str, Reading] = {
    **{word: Reading(None) for word in ("", "~", "null", "Null", "NULL")},
    **{word: Reading(True) for word in ("true", "True", "TRUE")},
    **{word: Reading(False) for word in ("false", "False", "FALSE")},
    **{word: Reading(word, Doubt.TEXT, "true") for word in ("yes", "Yes", "YES", "on", "On", "ON")},
    **{word: Reading(word, Doubt.TEXT, "false") for word in ("no", "No", "NO", "off", "Off", "OFF")},
    **{word: Reading(word, Doubt.UNHELD) for word in (".nan", ".NaN", ".NAN")},
    **{sign + word: Reading(sign + word, Doubt.UNHELD) for word in (".inf", ".Inf", ".INF") for sign in ("", "+", "-")},
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FLOAT_1_1 = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+][0-9]+)?")
_OCTAL_1_1 = re.compile(r"[-+]?0[0-7]+")
_OCTAL_1_2 = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_BASED_1_1 = re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+)")
_SEPARATED_1_1 = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9_]*)?([eE][-+][0-9]+)?")
_SEXAGESIMAL_1_1 = re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")
_DATE = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"(([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(\.[0-9]*)?([ \t]*(Z|[-+][0-9]{1,2}(:?[0-9]{2})?))?)?"
)
_MAY_BE_NUMBER = frozenset("0123456789+-.")


@lru_cache(maxsize=65_536)
def read_plain(text: str) -> Reading:
    """The meaning of an unquoted scalar. Text is never changed: a doubtful text stays as it is written."""
    found = _WORDS.get(text)
    if found is not None:
        return found
    if text[0] not in _MAY_BE_NUMBER:
        return Reading(text)
    return _number(text) or _lookalike(text) or Reading(text)


def _number(text: str) -> Reading | None:
    if _INTEGER.fullmatch(text):
        if len(text) > 20 or not -LARGEST_INTEGER - 1 <= int(text) <= LARGEST_INTEGER:
            return Reading(text, Doubt.UNHELD)
        value = int(text)
        if _OCTAL_1_1.fullmatch(text) and int(text, 8) != value:
            return Reading(value, Doubt.NUMBER, f"the octal number {int(text, 8)}")
        if len(text.lstrip("+-")) > 1 and text.lstrip("+-")[0] == "0":
            return Reading(value, Doubt.NUMBER, "text")
        return Reading(value)
    if _OCTAL_1_2.fullmatch(text):
        return Reading(int(text[2:], 8) if len(text) < 24 else text, Doubt.NUMBER, "text")
    if _HEXADECIMAL.fullmatch(text):
        return Reading(int(text, 16)) if len(text) < 18 else Reading(text, Doubt.UNHELD)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in (float("inf"), float("-inf")):
            return Reading(text, Doubt.UNHELD)
        return Reading(number) if _FLOAT_1_1.fullmatch(text) else Reading(number, Doubt.NUMBER, "text")
    return None


def _lookalike(text: str) -> Reading | None:
    if _DATE.fullmatch(text):
        return Reading(text, Doubt.DATE, "a date")
    if _SEXAGESIMAL_1_1.fullmatch(text):
        return Reading(text, Doubt.TEXT, "a number in base 60")
    if _BASED_1_1.fullmatch(text) or _SEPARATED_1_1.fullmatch(text):
        return Reading(text, Doubt.TEXT, "a number")
    return None
