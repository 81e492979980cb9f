"""The last row before a question on one time line, where it is not the dialect's own way: Postgres without an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.oracle.cases import Case, agree
from tests.oracle.prove import prove

if TYPE_CHECKING:
    from tests.engines.postgres import Postgres

pytestmark = pytest.mark.xdist_group("engine-postgres")


def test_the_last_row_before_a_question_equals_the_oracles(postgres_runner: Postgres) -> None:
    def body(runner: Postgres, case: Case, _: int) -> None:
        agree(case.rows(runner, latest="timeline"), case.expected())

    prove(postgres_runner, body)  # type: ignore[arg-type]
