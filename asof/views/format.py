"""The formats that an answer can be written in, and which one suits the place it is shown in."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Format(StrEnum):
    """How an answer is written."""

    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    GITLAB = "gitlab"
    AUTO = "auto"


PLACED = frozenset({Format.SARIF, Format.GITHUB, Format.GITLAB})
"""Formats that say on which line of which file a change was written."""


def suited(environ: Mapping[str, str], *, to_file: bool) -> Format:
    """What ``auto`` stands for: annotations in a GitHub workflow; in GitLab what it picks up from a file; else text."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return Format.GITHUB
    if environ.get("GITLAB_CI") == "true" and to_file:
        return Format.GITLAB
    return Format.TEXT
