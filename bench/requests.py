"""Requests of an apply to a registry on S3 whose every answer takes a while."""

from __future__ import annotations

import os
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from unittest.mock import patch

import boto3

from asof.testing.fault_proxy import Fault, fault_proxy
from bench.process import asof
from bench.synthetic import change_one_line, write_repo
from tests.registry.servers.stores import moto_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from asof.testing.fault_proxy import FaultProxy

SIZES = (100, 1_000)
LATENCY_SECONDS = 0.03
_BUCKET = "features"
_CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}


def requests() -> bool:
    """Print the requests and seconds of each verb; whether what has no steps takes as many whatever the size."""
    print(f"Requests to a registry on S3, {LATENCY_SECONDS * 1000:.0f} ms added to each; journal: two for 64 steps")
    with slow_s3() as proxy:
        found = {size: _measured(proxy, size) for size in SIZES}
    for size, verbs in found.items():
        for verb, (counts, wall) in verbs.items():
            said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
            print(f"  {size:>6,} views: {verb:<26} {counts.total():>3} requests ({said}) in {wall:.2f} s")
    small, large = (
        {verb: counts.total() - counts["journal"] - counts["looks"] for verb, (counts, _) in found[size].items()}
        for size in SIZES
    )
    print(f"  without journal and looks: {small} and {large}  {'met' if small == large else 'NOT met'}")
    return small == large


@contextmanager
def slow_s3() -> Iterator[FaultProxy]:
    """A real S3 protocol with one bucket, behind a proxy that waits before it answers."""
    with patch.dict(os.environ, _CREDENTIALS), moto_server() as server, fault_proxy(server) as proxy:
        client = boto3.client("s3", endpoint_url=server)
        client.create_bucket(Bucket=_BUCKET)
        client.close()
        proxy.pick = lambda _, __: Fault(when="after", delay=LATENCY_SECONDS)
        yield proxy


def _measured(proxy: FaultProxy, size: int) -> dict[str, tuple[Counter[str], float]]:
    found: dict[str, tuple[Counter[str], float]] = {}
    with TemporaryDirectory(prefix="asof-bench-") as folder:
        write_repo(Path(folder), size, registry=f"s3://{_BUCKET}/{size}?endpoint={proxy.endpoint}&path_style=true")

        def run(verb: str, *arguments: str) -> None:
            print(f"S3, {size:,} views: {verb}", file=sys.stderr, flush=True)
            proxy.seen.clear()
            wall = asof(*arguments, "-C", folder).wall
            found[verb] = counted(proxy), wall

        run("first apply", "apply", "--yes")
        run("plan, nothing changed", "plan")
        run("plan, kept", "plan")
        change_one_line(Path(folder))
        run("apply of one change", "apply", "--yes")
    return found


def counted(proxy: FaultProxy) -> Counter[str]:
    """Requests by what they are for. A look at the head is due once a second while steps run."""
    counts: Counter[str] = Counter()
    for seen in proxy.seen:
        kind = "journal" if "/journal/" in seen.path else "looks" if _is_look(seen.method, seen.path) else seen.method
        counts[kind] += 1
    return counts


def _is_look(method: str, path: str) -> bool:
    return method == "GET" and path.partition("?")[0].endswith("/HEAD.json")
