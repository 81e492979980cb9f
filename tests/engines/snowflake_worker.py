"""Runs in fakesnow's own environment, whose sqlglot is another: a line of JSON asks, a line of JSON answers."""

from __future__ import annotations

import json
import sys
import warnings
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any


def plain(value: Any) -> Any:
    """What JSON has; a timestamp is its microseconds since 1970, a date its ISO text."""
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value


def main() -> None:
    import fakesnow  # type: ignore[import-not-found,unused-ignore]
    import snowflake.connector  # type: ignore[import-not-found,unused-ignore]

    answers = sys.stdout
    with fakesnow.patch():
        cursor = snowflake.connector.connect(database="proof", schema="public").cursor()
        for line in sys.stdin:
            try:
                cursor.execute(json.loads(line))
                answer = {"rows": [[plain(value) for value in row] for row in cursor.fetchall()]}
            except Exception as error:  # noqa: BLE001 - whatever it is, the test at the other end shows it
                answer = {"error": f"{type(error).__name__}: {error}"}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
