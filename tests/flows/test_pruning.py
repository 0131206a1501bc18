"""Once a day: what ran out goes, what still locks or must not be done twice stays."""

from __future__ import annotations

from datetime import timedelta

from inbox import schedule
from inbox.accounts.tables import source_events
from inbox.clock import to_micros
from inbox.db.store import insert
from inbox.db.tables import code_locks
from tests.world import World

_LOCK = insert(code_locks, "subject", "until", "failures", "sent", "since")
_EVENT = insert(source_events, "id", "type", "account_id", "created_at")


async def test_what_ran_out_goes_and_what_still_counts_stays(world: World) -> None:
    now = world.clock.now()

    def fill(tx) -> None:
        for subject, until, since in (("point:old", 0, 3), ("point:locked", -2, 3), ("point:counting", 0, 0)):
            ends = to_micros(now - timedelta(days=until)) if until else 0
            tx.run(_LOCK, subject=subject, until=ends, failures=1, sent=1, since=to_micros(now - timedelta(days=since)))
        for key, days in (("stripe:evt_old", 91), ("stripe:evt_new", 88), ("stripe:dp_1:opened", 400)):
            tx.run(_EVENT, id=key, type="x", account_id="", created_at=to_micros(now - timedelta(days=days)))

    await world.store.run(fill)
    await world.store.run(lambda tx: schedule.start(tx, now))
    world.clock.tick(timedelta(days=1).total_seconds())  # the sweep of the night does it
    while await world.worker.schedule_one():
        pass
    assert {row["subject"] for row in world.rows(code_locks)} == {"point:locked", "point:counting"}
    assert {row["id"] for row in world.rows(source_events)} == {"stripe:evt_new", "stripe:dp_1:opened"}
