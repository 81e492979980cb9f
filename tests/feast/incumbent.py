"""Feast itself, in an environment of its own: what its registries really hold, and what it answers."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.engines.environment import environment

PACKAGES = ("feast[duckdb]==0.67.0", "psycopg[binary,pool]", "clickhouse-connect")

WORKER = Path(__file__).with_name("incumbent_worker.py")


def feast_python() -> Path:
    """The Python that can import Feast."""
    return environment("feast", PACKAGES)


def run(*arguments: str) -> None:
    """One task of the worker, in Feast's environment."""
    # -P: the folder of the worker is called feast, as the package is.
    done = subprocess.run([feast_python(), "-P", WORKER, *arguments], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


TEMPLATES = (
    "cassandra", "couchbase", "gcp", "hazelcast", "hbase", "local", "milvus", "pytorch_nlp", "rag", "ray", "ray_rag",
    "snowflake", "spark",
)  # fmt: skip
"""The templates of `feast init` that are definitions and YAML as they stand. Not among them: minimal and athena define
nothing, the settings of aws are not YAML before they are filled in, those of postgres name a database."""


def templates() -> Path:
    """Where Feast keeps what `feast init` copies."""
    (found,) = feast_python().parents[1].glob("lib/python*/site-packages/feast/templates")
    return found
