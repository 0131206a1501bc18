"""Time. Pure code is given ``now``; only edges ask a clock.

Every ``*_at`` in the code is an aware UTC ``datetime``; in the database it is an integer of microseconds since 1970,
which both engines compare and index the same way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Clock(Protocol):
    def now(self) -> datetime:
        """The current time, aware, in UTC."""
        ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


@dataclass
class SetClock:
    """A clock that stands still until it is moved: simulation, replay, tests."""

    at: datetime

    def now(self) -> datetime:
        return self.at.astimezone(UTC)

    def move(self, to: datetime) -> None:
        self.at = to

    def tick(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 (exact)."""
    return (at - _EPOCH) // _MICROSECOND


def from_micros(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


@lru_cache(maxsize=1024)  # the library keeps eight, and reads the others from disk each time
def zone(name: str) -> ZoneInfo:
    """The time zone of that name; UTC if there is none, for a message must be read and answered all the same."""
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def monotonic() -> float:
    """Seconds on a clock that never goes back; for timeouts within one process."""
    return time.monotonic()
