"""Tests of one engine share a worker, or each worker would start it."""

from __future__ import annotations

import pytest


@pytest.mark.xdist_group("groups-hold")
def test_a_group_is_part_of_what_the_scheduler_sees(request: pytest.FixtureRequest) -> None:
    # Workers know `--dist loadgroup` by this option; without workers there is nothing to schedule.
    if getattr(request.config.option, "loadgroup", False):
        assert request.node.nodeid.endswith("@groups-hold")
