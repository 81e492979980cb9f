"""Dates and instants as people write them, in asof.yaml and at the command line."""

from __future__ import annotations

from datetime import UTC, datetime


def utc(moment: datetime) -> datetime:
    """The same instant in UTC, which a naive moment is in already. Raises OverflowError at the ends of the calendar."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def instant(text: str) -> datetime | None:
    """An ISO 8601 date or instant in UTC, which it is also where it names no zone; None for anything else."""
    try:
        return utc(datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None
