"""An instant in SQL is the same in every dialect's query, in whatever zone it was given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from asof.compiler.dialects import DIALECTS

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("given", [NOON.astimezone(timezone(timedelta(hours=-7))), NOON.replace(tzinfo=None)])
def test_it_is_written_in_utc(name: str, given: datetime) -> None:
    dialect = DIALECTS[name]
    assert dialect.instant(given).sql() == dialect.instant(NOON).sql()
