"""An apply takes as many requests for a thousand objects as for ten, but for the journal of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from asof.compiler.plan import plan
from asof.ops.apply import BATCH
from asof.registry import claim, open_registry
from asof.testing.fault_proxy import fault_proxy
from tests.plan.world import Entity, column, repo_with
from tests.registry.conftest import BUCKET
from tests.registry.world import DRIVER, TRIPS, carry_out, view

if TYPE_CHECKING:
    from pathlib import Path

    from asof.compiler.model import Repo


@pytest.fixture(autouse=True)
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The head is looked at once a second while steps run: a matter of time, not of size."""
    monkeypatch.setattr(claim, "LOOK_SECONDS", 3600.0)


def entities(count: int) -> Repo:
    return repo_with(*(Entity(name=f"entity{i}", join_keys=(column(f"k{i}"),)) for i in range(count)))


def views(count: int) -> Repo:
    return repo_with(DRIVER, TRIPS, *(view(f"view{i}") for i in range(count)))


def requests(endpoint: str, repo: Repo, root: Path) -> tuple[int, int, int]:
    """Of a first apply, of a plan (its reads alone), and of the apply of one more entity."""
    root.mkdir()
    counts = []
    with fault_proxy(endpoint) as proxy:
        registry = open_registry(f"s3://{BUCKET}/{uuid4().hex}?endpoint={proxy.endpoint}&path_style=true", root=root)
        first = plan(repo, registry.state())
        proxy.seen.clear()
        carry_out(first, root, registry)
        counts.append(len(proxy.seen))
        proxy.seen.clear()
        state = registry.state()
        counts.append(len(proxy.seen))
        more = plan(repo_with(*repo.definitions.values(), Entity(name="more", join_keys=(column("more_id"),))), state)
        proxy.seen.clear()
        carry_out(more, root, registry)
        counts.append(len(proxy.seen))
    return counts[0], counts[1], counts[2]


def test_objects_cost_no_request(s3_endpoint: str, tmp_path: Path) -> None:
    few = requests(s3_endpoint, entities(10), tmp_path / "few")
    assert requests(s3_endpoint, entities(100), tmp_path / "more") == few
    assert requests(s3_endpoint, entities(1_000), tmp_path / "many") == few
    assert few[1] == 2  # the head and the generation


def test_steps_cost_two_entries_of_the_journal_a_batch(s3_endpoint: str, tmp_path: Path) -> None:
    one = requests(s3_endpoint, views(BATCH), tmp_path / "one")
    three = requests(s3_endpoint, views(2 * BATCH + 1), tmp_path / "three")
    assert (three[0] - one[0], three[1:]) == (4, one[1:])
