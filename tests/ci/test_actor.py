"""Who applied stands in the registry: the run of a CI system, by its address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from asof.ops.actor import current_actor

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("environ", "by"),
    [
        (
            {"GITHUB_RUN_ID": "7", "GITHUB_SERVER_URL": "https://g", "GITHUB_REPOSITORY": "a/b", "GITHUB_SHA": "c1"},
            "https://g/a/b/actions/runs/7",
        ),
        ({"CI_JOB_URL": "https://l/a/b/-/jobs/7", "CI_COMMIT_SHA": "c1"}, "https://l/a/b/-/jobs/7"),
        (
            {
                "TF_BUILD": "True",
                "BUILD_BUILDID": "7",
                "SYSTEM_COLLECTIONURI": "https://z/a/",
                "SYSTEM_TEAMPROJECT": "b",
                "BUILD_SOURCEVERSION": "c1",
            },
            "https://z/a/b/_build/results?buildId=7",
        ),
        ({"JENKINS_URL": "https://j/", "BUILD_URL": "https://j/job/b/7/", "GIT_COMMIT": "c1"}, "https://j/job/b/7/"),
    ],
)
def test_a_job_is_named_by_the_address_of_its_run(tmp_path: Path, environ: dict[str, str], by: str) -> None:
    found = current_actor(tmp_path, environ)
    assert (found.by, found.commit) == (by, "c1")


def test_a_person_is_named_by_user_and_machine(tmp_path: Path) -> None:
    assert "@" in current_actor(tmp_path, {}).by
