"""GitLab, the public one and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from asof.forges.base import PAGE, PLAN, needed, nowhere, pages, unreviewed
from asof.forges.client import Client

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class GitLab:
    """A project, by the predefined variables of a job, and GITLAB_TOKEN: a job's own token may not write notes."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.here = f"/projects/{quote(needed(environ, 'CI_PROJECT_ID'), safe='')}"
        self.client = Client(
            environ.get("CI_API_V4_URL", "https://gitlab.com/api/v4"),
            {"PRIVATE-TOKEN": needed(environ, "GITLAB_TOKEN")},
        )

    def pull_request(self) -> int:
        return int(self.environ.get("CI_MERGE_REQUEST_IID") or self._merged()["iid"])

    def comments(self, number: int) -> Iterator[tuple[str, str]]:
        me = self.client.get("/user")["id"]
        path = f"{self._request(number)}/notes?sort=asc&order_by=created_at&per_page={PAGE}"
        for found in pages(lambda page: self.client.get(f"{path}&page={page}")):
            if found["author"]["id"] == me and not found["system"]:
                yield str(found["id"]), found["body"]

    def add(self, number: int, text: str) -> None:
        self.client.send("POST", f"{self._request(number)}/notes", {"body": text})

    def replace(self, number: int, comment: str, text: str) -> None:
        self.client.send("PUT", f"{self._request(number)}/notes/{comment}", {"body": text})

    def reviewed_plan(self, artifact: str) -> bytes:
        merged = self._merged()
        if merged["source_project_id"] != merged["target_project_id"]:
            raise unreviewed(f"!{merged['iid']} came from a fork, whose jobs plan nothing")
        for pipeline in self.client.get(f"{self._request(merged['iid'])}/pipelines?per_page={PAGE}"):
            # The pipeline of the head, or the one of the head merged into its target.
            if pipeline["sha"] == merged["sha"] or pipeline.get("ref") == f"refs/merge-requests/{merged['iid']}/merge":
                for job in self.client.get(f"{self.here}/pipelines/{pipeline['id']}/jobs?per_page={PAGE}"):
                    body = self._kept(job["id"]) if job["name"] == artifact else None
                    if body is not None:
                        return body
                raise unreviewed(f"pipeline {pipeline['id']} of !{merged['iid']} keeps no {PLAN} of a job {artifact!r}")
        raise unreviewed(f"!{merged['iid']} had no pipeline for {merged['sha']}")

    def _kept(self, job: int) -> bytes | None:
        return self.client.download(f"{self.here}/jobs/{job}/artifacts/{PLAN}")

    def _request(self, number: int) -> str:
        return f"{self.here}/merge_requests/{number}"

    def _merged(self) -> Any:
        sha = needed(self.environ, "CI_COMMIT_SHA")
        for found in self.client.get(f"{self.here}/repository/commits/{quote(sha)}/merge_requests"):
            if found["state"] == "merged" and sha in _landed(found):
                return found
        raise nowhere(f"no merge request was merged as {sha}")


def _landed(request: Any) -> tuple[str | None, ...]:
    """The commits that a merge request can end in: of a merge, of a squash, or its own head."""
    return request.get("merge_commit_sha"), request.get("squash_commit_sha"), request["sha"]
