"""Repos with policies of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asof.compiler.model import Repo
    from asof.compiler.policy_files import SqlPolicy


def with_policies(repo: Repo, *policies: SqlPolicy) -> Repo:
    return replace(repo, sql_policies=policies)
