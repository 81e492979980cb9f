"""Real engines behind one small door: load rows, run SQL, read plain Python values.

Timestamps come back as aware UTC datetimes, dates as dates, bools as bools, on every engine. Sessions are hostile on
purpose: their time zone is Kathmandu (UTC+05:45), so SQL that leans on the session's zone gives wrong answers here.
One file an engine; its fixture is in tests/conftest.py.
"""

from __future__ import annotations

from tests.engines.base import NAIVE, Runner

__all__ = ["NAIVE", "Runner"]
