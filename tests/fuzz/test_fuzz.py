"""The short form of `make fuzz`: the corpus once, some documents that are nearly valid, and bombs."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asof.compiler.diagnostics import DiagnosticError
from asof.registry.store import inflated
from tests.fuzz.mutate import mutated
from tests.fuzz.readers import PARTS, READERS, plan_file, registry_blob, seeds, yaml_repo

ROOT = Path(__file__).resolve().parents[2]
DEEP = 10_000
BOMBS = {
    "aliases": b"a: &a [x, x, x, x, x, x, x, x, x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b", ".join([b"*%c" % (97 + n)] * 9)) for n in range(12)),
    "flow lists": b"[" * DEEP,
    "flow maps": b"{a: " * DEEP,
    "block lists": b"- " * DEEP,
    "merges": b"a: &a {x: 1}\n" + b"<<: [" + b"*a, " * 50_000 + b"]\n",
    "digits": b"version: " + b"9" * 200_000,
    "a float's digits": b"version: 1e" + b"9" * 200_000,
    "a year's digits": b"version: " + b"1" * 100_000 + b"-01-01",
    "one line": b"project: " + b"x" * 2_000_000,
    "documents": b"---\nkind: Entity\n" * 5_000,
    "quotes": b'a: "' + b"\\" * 100_001,
    "comments": b"#" * 1_000_000,
}
QUERIES = {
    "parentheses": "SELECT " + "(" * DEEP + "1" + ")" * DEEP + " AS fare",
    "subqueries": "SELECT * FROM (" * DEEP + "SELECT 1" + ")" * DEEP,
    "nots": "SELECT " + "NOT " * DEEP + "TRUE AS fare",
    "a sum": "SELECT " + "1 + " * DEEP + "1 AS fare",
    "a union": " UNION ALL ".join(["SELECT 1 AS fare"] * DEEP),
    "cases": "SELECT " + "CASE WHEN TRUE THEN " * DEEP + "1" + " END" * DEEP,
    "casts": "SELECT " + "CAST(" * DEEP + "1" + " AS INT)" * DEEP,
    "types": "SELECT CAST(1 AS " + "STRUCT(a " * DEEP + "INT" + ")" * DEEP + ")",
    "a comment": "SELECT 1 AS fare /*" + "/*" * DEEP,
    "a quote": "SELECT '" + "''" * DEEP,
}


def child(code: str) -> None:
    """``code`` in a process that may not grow, and may not take long."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))\n"
    ran = subprocess.run([sys.executable, "-c", limit + code], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr[-4000:]


def test_the_corpus_is_read_or_refused_in_time_and_in_bounds() -> None:
    ran = subprocess.run([sys.executable, "-m", "tests.fuzz", "--replay"], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr[-4000:]


@pytest.mark.parametrize("reader", READERS)
def test_documents_that_are_nearly_valid_are_read_or_refused(reader: str) -> None:
    whole = seeds(reader)

    @settings(max_examples=40, deadline=None, database=None)
    @given(number=st.integers(0, 2**32), which=st.integers(0, len(whole) - 1))
    def nearly(number: int, which: int) -> None:
        READERS[reader](mutated(reader, whole[which], Random(number)))

    nearly()


@pytest.mark.parametrize("reader", READERS)
@settings(max_examples=40, deadline=None, database=None)
@given(body=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(reader: str, body: bytes) -> None:
    READERS[reader](body)


def test_yaml_bombs_are_refused() -> None:
    child("from tests.fuzz.test_fuzz import BOMBS, bomb\nfor name, body in BOMBS.items():\n    bomb(name, body)\n")


def test_queries_that_are_nested_ten_thousand_deep_are_refused() -> None:
    child("from tests.fuzz.test_fuzz import queries\nqueries()")


def test_json_bombs_are_refused() -> None:
    child("from tests.fuzz.test_fuzz import json_bombs\njson_bombs()")


def test_a_small_blob_does_not_fill_the_memory() -> None:
    body = gzip.compress(bytes(64 << 20), 9)
    with pytest.raises(DiagnosticError, match="larger than asof reads"):
        inflated(body, "generations/1-x.json.gz")
    for cut in (0, 1, 10, len(body) // 2):
        with pytest.raises(DiagnosticError, match="is damaged"):
            inflated(body[:cut], "generations/1-x.json.gz")


def bomb(name: str, body: bytes) -> None:
    """As asof.yaml, and as a file beside it; in ten seconds."""
    began = time.process_time()
    yaml_repo(body)
    yaml_repo(seeds("repo")[0] + b"\n#### bomb.yaml\n" + body)
    spent = time.process_time() - began
    assert spent < 10, f"{name}: {spent:.1f} s"


def queries() -> None:
    """Each as the query of a view in an otherwise sound repo."""
    start = seeds("repo")[0]
    for name, text in QUERIES.items():
        view = {"kind": "FeatureView", "name": "deep", "entities": [], "query": text, "timestamp_field": "at"}
        view["schema"] = [{"name": "fare", "type": "int64"}]
        began = time.process_time()
        yaml_repo(start + b"\n#### deep.yaml\n" + json.dumps(view).encode())
        assert time.process_time() - began < 20, name


def json_bombs() -> None:
    """Deep, long and strange, in place of a plan and of every blob."""
    for body in (
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"format": ' + b"9" * 1_000_000 + b"}",
        b'{"format": 1e' + b"9" * 100_000 + b"}",
        b'{"format": 1, "changes": [' + b"1," * 2_000_000 + b"1]}",
        b'{"a": "' + b"x" * 30_000_000 + b'"}',
        b'{"format": 1, "objects": {"x": ' + b'{"definition":' * 900 + b"1" + b"}" * 900 + b"}}",
        b'"' + b"\\ud800" * 1000 + b'"',
    ):
        plan_file(body)
        for part in range(len(PARTS)):
            registry_blob(bytes([part]) + b"\n" + body)
