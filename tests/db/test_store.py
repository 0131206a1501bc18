"""Units of work and group commit, on both engines."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
import sqlalchemy as sa

from inbox.db import migrate
from inbox.db.schema import metadata
from inbox.db.store import Sql, Store, StoreError, Tx, insert, open_store, upsert
from inbox.db.tables import cursors
from inbox.errors import InboxError, SettingsError

ADD = insert(cursors, "name", "value")
SET = upsert(cursors, ("name",), "value")
GET = Sql(sa.select(cursors).where(cursors.c.name == sa.bindparam("of")))
ALL = Sql(sa.select(cursors).order_by(cursors.c.name))


def value(tx: Tx, name: str) -> str | None:
    row = tx.one(GET, of=name)
    return row["value"] if row else None


async def test_a_unit_is_committed_when_run_returns(store: Store) -> None:
    await store.run(lambda tx: tx.run(ADD, name="a", value="1"))
    assert store.read_now(lambda tx: value(tx, "a")) == "1"


async def test_units_that_wait_together_share_commits(sqlite_store: Store) -> None:
    store = sqlite_store  # PostgreSQL groups the commits of its connections itself
    await asyncio.gather(*(store.run(lambda tx, n=n: tx.run(ADD, name=f"k{n}", value="x")) for n in range(300)))
    assert len(store.read_now(lambda tx: tx.all(ALL))) == 300
    assert store.commits < 150


async def test_a_unit_that_raises_takes_nobody_with_it(store: Store) -> None:
    def broken(tx: Tx) -> None:
        tx.run(ADD, name="half", value="written")
        raise InboxError("no")

    jobs = [store.run(lambda tx, n=n: tx.run(ADD, name=f"k{n}", value="x")) for n in range(20)]
    jobs.insert(7, store.run(broken))
    results = await asyncio.gather(*jobs, return_exceptions=True)
    assert [r for r in results if isinstance(r, Exception)] == [results[7]]
    assert store.read_now(lambda tx: value(tx, "half")) is None
    assert len(store.read_now(lambda tx: tx.all(ALL))) == 20


async def test_losers_of_a_race_run_again_and_see_the_winner(store: Store) -> None:
    def find_or_add(tx: Tx) -> str:
        found = value(tx, "one")
        if found is None:
            tx.run(ADD, name="one", value="first")
            return "added"
        return "found"

    results = await asyncio.gather(*(store.run(find_or_add) for _ in range(100)))
    assert results.count("added") == 1


async def test_upsert_overwrites(store: Store) -> None:
    await store.run(lambda tx: tx.run(SET, name="a", value="1"))
    await store.run(lambda tx: tx.run(SET, name="a", value="2"))
    assert store.read_now(lambda tx: value(tx, "a")) == "2"


async def test_a_watcher_wakes_after_the_commit(store: Store) -> None:
    relay = asyncio.create_task(store.relay())
    with store.watching("topic") as event:
        await store.run(lambda tx: tx.wake("topic"))
        await asyncio.wait_for(event.wait(), 5)
    relay.cancel()


async def test_another_node_is_woken_too(postgres_url: str) -> None:
    ours, theirs = open_store(postgres_url), open_store(postgres_url)
    relay = asyncio.create_task(ours.relay())
    try:
        with ours.watching("topic") as event:
            for _ in range(50):  # until the line is up
                await theirs.run(lambda tx: tx.wake("topic"))
                if event.is_set():
                    break
                await asyncio.sleep(0.05)
            assert event.is_set()
    finally:
        relay.cancel()
        ours.close()
        theirs.close()


async def test_reading_units_cannot_write(store: Store) -> None:
    with pytest.raises(Exception, match=r"read.?only"):
        store.read_now(lambda tx: tx.run(ADD, name="a", value="1"))


async def test_a_closed_store_refuses(store: Store) -> None:
    await store.run(lambda tx: tx.run(ADD, name="a", value="1"))
    await asyncio.to_thread(store.close)
    with pytest.raises(StoreError):
        await store.run(lambda tx: tx.run(ADD, name="b", value="1"))


async def test_close_finishes_what_was_accepted(store: Store) -> None:
    waiting = [
        asyncio.ensure_future(store.run(lambda tx, n=n: tx.run(ADD, name=f"k{n}", value="x"))) for n in range(50)
    ]
    await asyncio.sleep(0)
    await asyncio.to_thread(store.close)
    assert await asyncio.gather(*waiting) == [1] * 50


async def test_postgres_down_is_a_store_error_and_heals(postgres_url: str) -> None:
    store = open_store(postgres_url, writers=1)
    try:
        await store.run(lambda tx: tx.run(ADD, name="a", value="1"))

        def cut(tx: Tx) -> None:
            tx.one(Sql(sa.select(sa.func.pg_terminate_backend(sa.func.pg_backend_pid()).label("gone"))))

        with pytest.raises(StoreError):
            await store.run(cut)
        await store.run(lambda tx: tx.run(ADD, name="b", value="1"))
        assert store.read_now(lambda tx: value(tx, "b")) == "1"
    finally:
        store.close()


async def test_a_full_disk_refuses_and_heals(sqlite_store: Store) -> None:
    await sqlite_store.run(lambda tx: tx._cursor.execute("PRAGMA max_page_count=1"))
    with pytest.raises(StoreError, match="full"):
        await sqlite_store.run(lambda tx: tx.run(ADD, name="big", value="x" * 5_000_000))
    await sqlite_store.run(lambda tx: tx._cursor.execute("PRAGMA max_page_count=1000000"))
    await sqlite_store.run(lambda tx: tx.run(ADD, name="big", value="x" * 5_000_000))


def test_migrating_twice_does_nothing_the_second_time(database_url: str) -> None:
    assert migrate.upgrade(database_url) is False


def test_the_migrations_give_exactly_the_tables(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = sa.create_engine(migrate.driver_url(database_url))
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
    engine.dispose()
    assert differences == []


def test_an_unusable_address_is_a_settings_error() -> None:
    with pytest.raises(SettingsError, match="sqlite:///"):
        open_store("mysql://x")


async def test_closing_waits_for_who_still_reads_and_refuses_who_comes_later(store: Store) -> None:
    begun = threading.Event()

    def slow(tx: Tx) -> list[int]:
        begun.set()
        counts = []
        for _ in range(20):
            counts.append(len(tx.all(ALL)))
            time.sleep(0.01)
        return counts

    reading = asyncio.create_task(store.read(slow))
    await asyncio.to_thread(begun.wait)
    await asyncio.to_thread(store.close)
    assert await reading == [0] * 20
    with pytest.raises(StoreError, match="closed"):
        await store.read(lambda tx: tx.all(ALL))
