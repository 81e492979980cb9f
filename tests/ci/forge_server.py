"""The part of the APIs of GitHub, GitLab and Azure DevOps that asof asks, on a free port: it records every call.

Written after their documentation, not by them: that the real ones answer like this is not shown here.
"""

from __future__ import annotations

import io
import json
import re
import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a-token"
ME = "github-actions[bot]"
NUMBER = 7


@dataclass
class World:
    """One repository with one pull request."""

    address: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    artifacts: list[dict[str, Any]] = field(default_factory=list)
    head: str = "0" * 40
    merged: str = ""
    """The commit that the pull request was merged as; "" is not yet."""
    from_fork: bool = False
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: int = 0
    """A status that every call is answered with."""

    def wrote(self, author: str, text: str) -> None:
        self.comments.append({"id": len(self.comments) + 1, "author": author, "text": text})

    def keep(self, name: str, files: dict[str, bytes], *, fork: bool = False) -> None:
        body = io.BytesIO()
        with zipfile.ZipFile(body, "w") as archive:
            for path, data in files.items():
                archive.writestr(path, data)
        made = {"id": len(self.artifacts) + 1, "name": name, "zip": body.getvalue(), "files": files, "fork": fork}
        self.artifacts.append({**made, "head": self.head})

    @property
    def written(self) -> list[tuple[str, str]]:
        """The calls that change something."""
        return [call for call in self.calls if call[0] != "GET"]


@contextmanager
def forge_server() -> Iterator[World]:
    world = World()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            return

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            parts = urlsplit(self.path)
            world.calls.append((self.command, parts.path))
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            if world.refuse:
                return self.reply(world.refuse, {"message": "Resource not accessible by integration"})
            if parts.path == "/blob":
                # Where GitHub sends those who ask for an artifact: another host, which must not see the token.
                authorized = "Authorization" in self.headers
                found = next(a for a in world.artifacts if str(a["id"]) == asked["id"])
                return self.reply(400, {"message": "two credentials"}) if authorized else self.reply(200, found["zip"])
            if TOKEN not in (self.headers.get("Authorization", "") + self.headers.get("PRIVATE-TOKEN", "")):
                return self.reply(401, {"message": "Bad credentials"})
            for pattern, method in ROUTES:
                found_route = re.fullmatch(pattern, f"{self.command} {parts.path}")
                if found_route:
                    return self.reply(*method(world, *found_route.groups(), asked=asked, body=body))
            return self.reply(404, {"message": "Not Found"})

        def reply(self, status: int, body: Any) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            if status == 302:
                self.send_header("Location", body["location"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = answer  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    world.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield world
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _page(items: list[Any], asked: dict[str, str]) -> list[Any]:
    size, page = int(asked.get("per_page", 30)), int(asked.get("page", 1))
    return items[(page - 1) * size : page * size]


def _github_comments(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    made = [{"id": c["id"], "body": c["text"], "user": {"login": c["author"]}} for c in world.comments]
    return 200, _page(made, asked)


def _add(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    world.wrote(ME, body["body"])
    return 201, {"id": len(world.comments)}


def _replace(world: World, number: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    world.comments[int(number) - 1]["text"] = body["body"]
    return 200, {}


def _github_pulls(world: World, sha: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    found = {"number": NUMBER, "merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": world.merged}
    return 200, [{**found, "head": {"sha": world.head}}] if world.merged == sha else []


def _github_artifacts(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    listed = [
        {
            "id": a["id"],
            "name": a["name"],
            "expired": False,
            "created_at": f"2026-01-01T00:00:{a['id']:02}Z",
            "workflow_run": {"repository_id": 1, "head_repository_id": 2 if a["fork"] else 1, "head_sha": a["head"]},
        }
        for a in world.artifacts
        if a["name"] == asked["name"]
    ]
    return 200, {"total_count": len(listed), "artifacts": listed}


def _github_zip(world: World, number: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    return 302, {"location": f"{world.address.replace('127.0.0.1', 'localhost')}/blob?id={number}"}


def _gitlab_notes(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    made = [
        {"id": c["id"], "body": c["text"], "system": False, "author": {"id": 5 if c["author"] == ME else 6}}
        for c in world.comments
    ]
    return 200, _page(made, asked)


def _gitlab_requests(world: World, sha: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    found = {"iid": NUMBER, "state": "merged", "sha": world.head, "merge_commit_sha": world.merged}
    found |= {"source_project_id": 2 if world.from_fork else 1, "target_project_id": 1, "squash_commit_sha": None}
    return 200, [found] if world.merged == sha else []


def _gitlab_pipelines(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    return 200, [{"id": 31, "sha": world.head, "ref": f"refs/merge-requests/{NUMBER}/head"}]


def _gitlab_jobs(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    return 200, [{"id": 40, "name": "asof-check"}, *({"id": 40 + a["id"], "name": a["name"]} for a in world.artifacts)]


def _gitlab_file(world: World, job: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    found = next((a["files"] for a in world.artifacts if 40 + a["id"] == int(job)), {})
    return (200, found["plan.json"]) if "plan.json" in found else (404, {"message": "404 Not Found"})


def _azure_threads(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    made = [
        {"id": c["id"], "comments": [{"id": 1, "content": c["text"], "author": {"id": c["author"]}}]}
        for c in world.comments
    ]
    return 200, {"value": made}


def _azure_add(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    world.wrote(ME, body["comments"][0]["content"])
    return 200, {}


def _azure_replace(world: World, thread: str, *, asked: Any, body: Any) -> tuple[int, Any]:
    world.comments[int(thread) - 1]["text"] = body["content"]
    return 200, {}


def _azure_completed(world: World, *, asked: Any, body: Any) -> tuple[int, Any]:
    found = [{"pullRequestId": NUMBER, "lastMergeCommit": {"commitId": world.merged}}] if world.merged else []
    return 200, {"value": found}


GITHUB, GITLAB = "/repos/acme/features", "/api/v4/projects/1"
AZURE = "/acme/shop/_apis/git/repositories/r1"
ROUTES = [
    ("GET /user", lambda world, **_: (403, {"message": "Resource not accessible by integration"})),
    (f"GET {GITHUB}/issues/{NUMBER}/comments", _github_comments),
    (f"POST {GITHUB}/issues/{NUMBER}/comments", _add),
    (rf"PATCH {GITHUB}/issues/comments/(\d+)", _replace),
    (rf"GET {GITHUB}/commits/(\w+)/pulls", _github_pulls),
    (f"GET {GITHUB}/actions/artifacts", _github_artifacts),
    (rf"GET {GITHUB}/actions/artifacts/(\d+)/zip", _github_zip),
    ("GET /api/v4/user", lambda world, **_: (200, {"id": 5})),
    (f"GET {GITLAB}/merge_requests/{NUMBER}/notes", _gitlab_notes),
    (f"POST {GITLAB}/merge_requests/{NUMBER}/notes", _add),
    (rf"PUT {GITLAB}/merge_requests/{NUMBER}/notes/(\d+)", _replace),
    (rf"GET {GITLAB}/repository/commits/(\w+)/merge_requests", _gitlab_requests),
    (f"GET {GITLAB}/merge_requests/{NUMBER}/pipelines", _gitlab_pipelines),
    (f"GET {GITLAB}/pipelines/31/jobs", _gitlab_jobs),
    (rf"GET {GITLAB}/jobs/(\d+)/artifacts/plan.json", _gitlab_file),
    ("GET /acme/_apis/connectionData", lambda world, **_: (200, {"authenticatedUser": {"id": ME}})),
    (f"GET {AZURE}/pullRequests/{NUMBER}/threads", _azure_threads),
    (f"POST {AZURE}/pullRequests/{NUMBER}/threads", _azure_add),
    (rf"PATCH {AZURE}/pullRequests/{NUMBER}/threads/(\d+)/comments/1", _azure_replace),
    (f"GET {AZURE}/pullrequests", _azure_completed),
]
