"""The types of expressions: those of the language, and what literals are before something gives them one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asof.compiler import types
from asof.compiler.types import Decimal, Scalar, Type

if TYPE_CHECKING:
    from collections.abc import Sequence

NULL = Scalar("null")
"""Of the literal NULL: any type."""
QUOTED = Scalar("quoted")
"""Of a text literal, which takes the type of what it is compared with."""
INTERVAL = Scalar("interval")
"""Of an INTERVAL literal."""


class Written(Decimal):
    """Of a number literal with decimals, of few enough digits that every engine reads the same float64 from it."""

    __slots__ = ()


_LETTERS: dict[Scalar, str] = {
    types.BOOL: "b",
    types.INT32: "i",
    types.INT64: "i",
    types.FLOAT32: "h",
    types.FLOAT64: "f",
    types.STRING: "s",
    QUOTED: "q",
    types.DATE: "d",
    types.TIMESTAMP: "t",
    types.BYTES: "y",
    types.UUID: "u",
    types.JSON: "j",
    NULL: "0",
    INTERVAL: "v",
}


def letter(kind: Type | None) -> str:
    """The letter for ``kind`` in patterns of operands: ``n`` is a decimal, ``l`` a literal one, ``x`` anything
    nested, ``?`` unknown."""
    if kind is None:
        return "?"
    if isinstance(kind, Written):
        return "l"
    if isinstance(kind, Decimal):
        return "n"
    return _LETTERS.get(kind, "x") if isinstance(kind, Scalar) else "x"


def shown(kind: Type | None) -> str:
    """``kind`` as a message names it."""
    if kind is None:
        return "a value of unknown type"
    if isinstance(kind, Written):
        return "a decimal literal"
    if kind == NULL:
        return "NULL"
    return "a text literal" if kind == QUOTED else str(kind)


def widest(kinds: Sequence[Type]) -> Type:
    """int64 where one of the integers is, else int32."""
    return types.INT64 if types.INT64 in kinds else types.INT32


def common(kinds: Sequence[Type | None]) -> Type | None:
    """The one type of values that stand side by side, as the branches of CASE; None where there is none."""
    known = [kind for kind in dict.fromkeys(kinds) if kind != NULL]
    letters = {letter(kind) for kind in known}
    if not known:
        return NULL
    if letters == {"i"}:
        return widest([kind for kind in known if kind is not None])
    if letters <= set("ilf") and "f" in letters:
        return types.FLOAT64
    if letters <= set("il") and all(kind != types.INT64 for kind in known):
        return Written(15, 5)
    if letters == {"s", "q"}:
        return types.STRING
    if len(letters) == 2 and "q" in letters and letters & {"d", "t"}:
        return next(kind for kind in known if kind != QUOTED)
    return known[0] if len(known) == 1 else None
