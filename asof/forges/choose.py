"""Which forge a job speaks to, by the environment it runs in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from asof.forges.azure import Azure
from asof.forges.base import needed, nowhere
from asof.forges.github import GitHub
from asof.forges.gitlab import GitLab

if TYPE_CHECKING:
    from collections.abc import Mapping

    from asof.forges.base import Forge

_GITHUB = re.compile(r"https://([^/]+)/([^/]+/[^/]+?)(?:/pull/(\d+)|\.git)?/?")
_GITLAB = re.compile(r"https://([^/]+)/(.+?)(?:/-/merge_requests/(\d+)|\.git)?/?")


def forge(environ: Mapping[str, str]) -> Forge:
    """The forge of the job that runs here. Raises DiagnosticError AS791 where none can be told."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return GitHub(environ)
    if environ.get("GITLAB_CI") == "true":
        return GitLab(environ)
    if environ.get("TF_BUILD") == "True":
        return Azure(environ)
    if "JENKINS_URL" in environ:
        return _behind_jenkins(environ)
    raise nowhere("this is no job of GitHub, GitLab, Azure Pipelines or Jenkins")


def _behind_jenkins(environ: Mapping[str, str]) -> Forge:
    """Jenkins builds what lies elsewhere: CHANGE_URL says where for a pull request, GIT_URL for what was merged."""
    address, commit = needed(environ, "CHANGE_URL", "GIT_URL"), environ.get("GIT_COMMIT", "")
    if environ.get("GITLAB_TOKEN") and (found := _GITLAB.fullmatch(address)):
        host, project, number = found.groups()
        given = {"CI_PROJECT_ID": project, "CI_MERGE_REQUEST_IID": number or "", "CI_COMMIT_SHA": commit}
        return GitLab({"CI_API_V4_URL": f"https://{host}/api/v4", **environ, **given})
    if found := _GITHUB.fullmatch(address):
        host, repository, number = found.groups()
        api = "https://api.github.com" if host == "github.com" else f"https://{host}/api/v3"
        given = {"GITHUB_REPOSITORY": repository, "GITHUB_SHA": commit}
        given["GITHUB_REF"] = f"refs/pull/{number}/head" if number else ""
        return GitHub({"GITHUB_API_URL": api, **environ, **given})
    raise nowhere(f"{address} is no address of a repository that GITHUB_TOKEN or GITLAB_TOKEN could be for")
