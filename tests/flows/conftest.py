from __future__ import annotations

import pytest

from inbox.clock import SetClock
from inbox.db.store import Store
from tests.world import World, make_world


@pytest.fixture
async def world(store: Store, clock: SetClock) -> World:
    return await make_world(store, clock)
