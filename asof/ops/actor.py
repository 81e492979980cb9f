"""Who is applying, for the audit trail: a CI run's address or a person, and the commit of the feature repo."""

from __future__ import annotations

import getpass
import socket
from typing import TYPE_CHECKING

from asof.ops.apply import Actor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


_COMMITS = ("GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION", "GIT_COMMIT")
"""How GitHub, GitLab, Azure and Jenkins call the commit that a job runs on."""


def current_actor(root: Path, environ: Mapping[str, str]) -> Actor:
    """The CI run where there is one, else ``user@host``; the commit as CI names it or as git has it checked out."""
    commit = next((environ[name] for name in _COMMITS if environ.get(name)), "") or _head(root)
    if "GITHUB_RUN_ID" in environ:
        server, repository = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
        return Actor(by=f"{server}/{repository}/actions/runs/{environ['GITHUB_RUN_ID']}", commit=commit)
    if "CI_JOB_URL" in environ:
        return Actor(by=environ["CI_JOB_URL"], commit=commit)
    if environ.get("TF_BUILD") == "True" and "BUILD_BUILDID" in environ:
        place = f"{environ.get('SYSTEM_COLLECTIONURI', '')}{environ.get('SYSTEM_TEAMPROJECT', '')}"
        return Actor(by=f"{place}/_build/results?buildId={environ['BUILD_BUILDID']}", commit=commit)
    if "JENKINS_URL" in environ and "BUILD_URL" in environ:
        return Actor(by=environ["BUILD_URL"], commit=commit)
    return Actor(by=f"{_user()}@{socket.gethostname()}", commit=commit)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return "unknown"


def _head(root: Path) -> str:
    """The commit that is checked out around ``root``, read from the files of git; "" where there is none."""
    for folder in (root.resolve(), *root.resolve().parents):
        head = folder / ".git" / "HEAD"
        if head.is_file():
            name = head.read_text(encoding="utf-8").strip()
            ref = folder / ".git" / name.removeprefix("ref: ")
            if not name.startswith("ref: "):
                return name
            return ref.read_text(encoding="utf-8").strip() if ref.is_file() else ""
    return ""
