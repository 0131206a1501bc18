from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from inbox import events
from inbox.db.store import Sql, Store, Tx
from inbox.db.tables import events as table
from tests.conftest import NOW


async def fill(store: Store, count: int = 5) -> None:
    def unit(tx: Tx) -> None:
        for n in range(count):
            events.record(tx, "c1", "thing.done", NOW, "bot", n=n, words="ação ñ 😀")

    await store.run(unit)


async def test_a_whole_chain_verifies(store: Store) -> None:
    await fill(store)
    await fill(store)
    assert store.read_now(lambda tx: events.verify(tx, "c1")) == ""
    assert [e.data["n"] for e in store.read_now(lambda tx: list(events.read(tx, "c1")))] == [0, 1, 2, 3, 4] * 2


@pytest.mark.parametrize(
    "change",
    [
        sa.update(table).where(table.c.seq == 3).values(data='{"n":9}'),
        sa.update(table).where(table.c.seq == 3).values(actor="somebody"),
        sa.update(table).where(table.c.seq == 3).values(at=1),
        sa.update(table).where(table.c.seq == 3).values(type="thing.undone"),
        sa.delete(table).where(table.c.seq == 3),
    ],
)
async def test_any_change_is_found(store: Store, change: Any) -> None:
    await fill(store)
    await store.run(lambda tx: tx.run(Sql(change)))
    assert "c1: entry 3" in store.read_now(lambda tx: events.verify(tx, "c1"))
