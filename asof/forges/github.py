"""GitHub and GitHub Enterprise."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from asof.forges.base import PAGE, needed, nowhere, pages, unreviewed, unzipped
from asof.forges.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_WORKFLOW_USER = "github-actions[bot]"


class GitHub:
    """A repository, by the variables of a workflow: GITHUB_REPOSITORY, GITHUB_REF, GITHUB_SHA and GITHUB_TOKEN."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.here = f"/repos/{quote(needed(environ, 'GITHUB_REPOSITORY'))}"
        self.client = Client(
            environ.get("GITHUB_API_URL", "https://api.github.com"),
            {"Authorization": f"Bearer {needed(environ, 'GITHUB_TOKEN', 'GH_TOKEN')}"},
            accept="application/vnd.github+json",
        )

    def pull_request(self) -> int:
        found = re.fullmatch(r"refs/pull/(\d+)/\w+", self.environ.get("GITHUB_REF", ""))
        return int(found[1]) if found else int(self._merged()["number"])

    def comments(self, number: int) -> Iterator[tuple[str, str]]:
        # The token of a workflow may not ask who it is.
        me = (self.client.find("/user") or {}).get("login", _WORKFLOW_USER)
        path = f"{self.here}/issues/{number}/comments?per_page={PAGE}"
        for found in pages(lambda page: self.client.get(f"{path}&page={page}")):
            if (found.get("user") or {}).get("login") == me:
                yield str(found["id"]), found.get("body") or ""

    def add(self, number: int, text: str) -> None:
        self.client.send("POST", f"{self.here}/issues/{number}/comments", {"body": text})

    def replace(self, number: int, comment: str, text: str) -> None:
        self.client.send("PATCH", f"{self.here}/issues/comments/{comment}", {"body": text})

    def reviewed_plan(self, artifact: str) -> bytes:
        head = self._merged()["head"]["sha"]
        query = urlencode({"name": f"{artifact}-{head}", "per_page": PAGE})
        listed = self.client.get(f"{self.here}/actions/artifacts?{query}")["artifacts"]
        kept = [found for found in listed if not found["expired"] and _ours(found["workflow_run"], head)]
        if not kept:
            raise unreviewed(f"no workflow of this repository keeps {artifact}-{head}")
        last = max(kept, key=lambda found: str(found["created_at"]))
        body = self.client.download(f"{self.here}/actions/artifacts/{last['id']}/zip")
        if body is None:
            raise unreviewed(f"{artifact}-{head} is there no more")
        return unzipped(body)

    def _merged(self) -> Any:
        sha = needed(self.environ, "GITHUB_SHA")
        for found in self.client.get(f"{self.here}/commits/{quote(sha)}/pulls"):
            if found["merged_at"] and found["merge_commit_sha"] == sha:
                return found
        raise nowhere(f"no pull request was merged as {sha}")


def _ours(run: Any, head: str) -> bool:
    """Whether a workflow of this repository made it, on that commit: a fork's can keep what it likes under any name."""
    return bool(run and run["head_repository_id"] == run["repository_id"] and run["head_sha"] == head)
