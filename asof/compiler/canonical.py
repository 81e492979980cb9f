"""Canonical JSON (RFC 8785) and its SHA-256: equal values have equal bytes, on every machine."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asof.compiler.model import Json

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False)
_FLOAT = re.compile(r"[:\[,]-?\d+[.e]")
_BEYOND_BMP_ORDER = re.compile("[\ud800-\U0010ffff]")


def canonical_bytes(value: Json) -> bytes:
    """``value`` in the one form of RFC 8785, as UTF-8.

    Integers keep all their digits, where the RFC would round those beyond 2**53 to a double. Raises
    ValueError for what JSON cannot say: NaN, infinities, lone surrogates.
    """
    text = _ENCODER.encode(value)
    # The C encoder differs from the RFC in two things only: how floats are written, and how keys
    # sort from U+D800 on. Where neither can occur its text is canonical already.
    strange = not text.isascii() and _BEYOND_BMP_ORDER.search(text)
    if strange or isinstance(value, float) or _FLOAT.search(text):
        text = _written(value)
    return text.encode()


def sha256_hex(value: Json) -> str:
    """The SHA-256 of the canonical bytes, as 64 hex digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _written(value: Json) -> str:
    if isinstance(value, dict):
        keys = sorted(value, key=_utf16)
        return "{" + ",".join(f"{_string(k)}:{_written(value[k])}" for k in keys) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, float):
        return _number(value)
    return _string(value)


def _utf16(key: str) -> bytes:
    return key.encode("utf-16-be")


def _string(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _number(value: float) -> str:
    """A double as ECMAScript writes it: the shortest digits that read back, with its own layout."""
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(value).partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.removeprefix("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    return sign + _laid_out(digits, point)


def _laid_out(digits: str, point: int) -> str:
    """``digits`` with the decimal point after ``point`` of them (ECMA-262, Number::toString)."""
    if len(digits) <= point <= 21:
        return digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return "0." + "0" * -point + digits
    power = point - 1
    head = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{head}e{'+' if power > 0 else '-'}{abs(power)}"
