"""House rules about a plan: what they block, what they warn of, and when it may not be applied."""

from asof.compiler.policies.freeze import FROZEN, Freeze, freezes, frozen
from asof.compiler.policies.judge import Judgement, Warned, accepted, as_warning, judge, order, worded

__all__ = [
    "FROZEN",
    "Freeze",
    "Judgement",
    "Warned",
    "accepted",
    "as_warning",
    "freezes",
    "frozen",
    "judge",
    "order",
    "worded",
]
