from __future__ import annotations

from dataclasses import replace

import pytest

from inbox.clock import SetClock
from inbox.db.store import Store
from tests.receivables.world import LATE, MARA, Till
from tests.world import ILSE, make_world


async def _till(store: Store, clock: SetClock) -> Till:
    """The inbox does the automatic charging."""
    world = await make_world(store, clock, MARA, ILSE, LATE)
    world.house = replace(world.house, can_charge=True)
    world.worker.house = world.house
    return Till(world)


@pytest.fixture
async def till(sqlite_store: Store, clock: SetClock) -> Till:
    return await _till(sqlite_store, clock)


@pytest.fixture
async def any_till(store: Store, clock: SetClock) -> Till:
    """On both engines, for what happens at once."""
    return await _till(store, clock)
