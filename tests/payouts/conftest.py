from __future__ import annotations

from dataclasses import replace

import pytest
from argon2 import PasswordHasher

from inbox import staffing
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.staffing import add
from tests.world import ILSE, MARA, PASSWORD, World, make_world

#: A second author with royalties, who writes Spanish.
XIMENA = replace(
    MARA, ref=replace(MARA.ref, id="A-300"), name="Ximena Abarca", email="ximena@abarca.example", phone="+12125550303",
    language="es", titles=("Agua mansa",), invoices=(), plans=(), payments=(), refunds=(), payment_methods=(),
    outstanding=replace(MARA.outstanding, minor=0),
)  # fmt: skip


#: As the product makes it, but quick to check: real ones are slow on purpose.
HASH = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staffing, "hashed", lambda _: HASH)


@pytest.fixture
async def world(store: Store, clock: SetClock) -> World:
    made = await make_world(store, clock, MARA, ILSE, XIMENA)
    made.agents["vera"] = await store.run(
        lambda tx: add(
            tx,
            clock.now(),
            email="vera@larkmoor.example",
            name="Vera",
            role="supervisor",
            password=PASSWORD,
            slack_user_id="U-vera",
        )
    )
    return made
