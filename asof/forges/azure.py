"""Azure Repos in Azure DevOps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from asof.forges.base import needed, nowhere, unreviewed
from asof.forges.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VERSION = "api-version=7.1"
_RECENT = 200


class Azure:
    """A repository, by the predefined variables of a pipeline, and SYSTEM_ACCESSTOKEN, which its YAML hands on."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        token = needed(environ, "SYSTEM_ACCESSTOKEN")
        self.client = Client(needed(environ, "SYSTEM_COLLECTIONURI"), {"Authorization": f"Bearer {token}"})
        project, repository = needed(environ, "SYSTEM_TEAMPROJECT"), needed(environ, "BUILD_REPOSITORY_ID")
        self.here = f"/{quote(project)}/_apis/git/repositories/{quote(repository)}"

    def pull_request(self) -> int:
        given = self.environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID")
        if given:
            return int(given)
        sha = needed(self.environ, "BUILD_SOURCEVERSION")
        query = urlencode({"searchCriteria.status": "completed", "$top": _RECENT})
        for found in self.client.get(f"{self.here}/pullrequests?{query}&{_VERSION}")["value"]:
            if (found.get("lastMergeCommit") or {}).get("commitId") == sha:
                return int(found["pullRequestId"])
        raise nowhere(f"none of the last {_RECENT} pull requests was completed as {sha}")

    def comments(self, number: int) -> Iterator[tuple[str, str]]:
        me = self.client.get("/_apis/connectionData")["authenticatedUser"]["id"]
        for thread in self.client.get(f"{self._threads(number)}?{_VERSION}")["value"]:
            for found in thread.get("comments", ()):
                if found["author"]["id"] == me and found.get("content"):
                    yield f"{thread['id']}/comments/{found['id']}", found["content"]

    def add(self, number: int, text: str) -> None:
        comment = {"parentCommentId": 0, "content": text, "commentType": "text"}
        # A thread that is closed does not hold up a policy that wants all of them resolved.
        self.client.send("POST", f"{self._threads(number)}?{_VERSION}", {"comments": [comment], "status": "closed"})

    def replace(self, number: int, comment: str, text: str) -> None:
        self.client.send("PATCH", f"{self._threads(number)}/{comment}?{_VERSION}", {"content": text})

    def reviewed_plan(self, artifact: str) -> bytes:
        raise unreviewed(f"on Azure the task DownloadPipelineArtifact brings {artifact}, as docs/ci.md shows")

    def _threads(self, number: int) -> str:
        return f"{self.here}/pullRequests/{number}/threads"
