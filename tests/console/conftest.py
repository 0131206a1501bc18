from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from inbox.clock import SetClock
from inbox.db.store import Store
from tests.console.world import World, opened


@pytest.fixture
async def world(sqlite_store: Store, clock: SetClock) -> AsyncIterator[World]:
    async with opened(sqlite_store, clock) as made:
        yield made


@pytest.fixture
async def both(store: Store, clock: SetClock) -> AsyncIterator[World]:
    """The same on each engine, for what depends on the statements."""
    async with opened(store, clock) as made:
        yield made
