"""The queue: order within a lock, one at a time, leases with fences, parking."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox import jobs
from inbox.db.store import Store
from inbox.errors import Conflict, NotFound
from tests.conftest import NOW


async def add(store: Store, *locks: str, lane: str = "triage") -> None:
    for n, lock in enumerate(locks):
        await store.run(lambda tx, n=n, lock=lock: jobs.enqueue(tx, lane, "work", lock, NOW, n=n))


async def claim(store: Store, after: float = 0, limit: int = 10) -> list[jobs.Job]:
    now = NOW + timedelta(seconds=after)
    return await store.run(lambda tx: jobs.claim(tx, "triage", now, limit=limit))


async def test_one_lock_gives_one_job_at_a_time_in_order(store: Store) -> None:
    await add(store, "a", "a", "b", "a")
    first = await claim(store)
    assert [j.payload["n"] for j in first] == [0, 2]
    assert await claim(store) == []
    await store.run(lambda tx: jobs.finish(tx, first[0]))
    assert [j.payload["n"] for j in await claim(store)] == [1]


async def test_many_workers_never_get_the_same_job(store: Store) -> None:
    await add(store, *[f"l{n}" for n in range(40)])
    found = await asyncio.gather(*(claim(store, limit=3) for _ in range(20)))
    taken = [j.id for batch in found for j in batch]
    assert len(taken) == len(set(taken)) == 40


async def test_an_expired_lease_is_taken_over_and_the_old_holder_cannot_finish(store: Store) -> None:
    await add(store, "a")
    [mine] = await claim(store)
    [theirs] = await claim(store, after=61)
    assert (mine.id, theirs.attempts, theirs.fence > mine.fence) == (theirs.id, 2, True)
    with pytest.raises(Conflict):
        await store.run(lambda tx: jobs.finish(tx, mine))
    with pytest.raises(Conflict):
        await store.run(lambda tx: jobs.retry(tx, mine, NOW, "x"))
    await store.run(lambda tx: jobs.finish(tx, theirs))


async def test_a_renewed_lease_holds(store: Store) -> None:
    await add(store, "a")
    [job] = await claim(store)
    assert await store.run(lambda tx: jobs.renew(tx, job, NOW + timedelta(seconds=50)))
    assert await claim(store, after=61) == []


async def test_a_waiting_retry_keeps_its_place_in_the_lock(store: Store) -> None:
    await add(store, "a", "a")
    [job] = await claim(store)
    await store.run(lambda tx: jobs.retry(tx, job, NOW, "later", wait=30))
    assert await claim(store, after=10) == []
    assert [j.payload["n"] for j in await claim(store, after=31)] == [0]


async def test_after_the_last_attempt_it_is_parked_and_the_next_goes_on(store: Store) -> None:
    await add(store, "a", "a")
    for n in range(jobs.MAX_ATTEMPTS):
        [job] = await claim(store, after=n * 2000, limit=1)
        await store.run(lambda tx, j=job, n=n: jobs.retry(tx, j, NOW + timedelta(seconds=n * 2000), "broken"))
    [parked] = store.read_now(jobs.parked)
    assert (parked["error"], parked["attempts"]) == ("broken", jobs.MAX_ATTEMPTS)
    assert [j.payload["n"] for j in await claim(store, after=99_999)] == [1]
    await store.run(lambda tx: jobs.unpark(tx, parked["id"], NOW))
    assert store.read_now(jobs.parked) == []


async def test_retrying_an_unknown_parked_job_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound):
        await store.run(lambda tx: jobs.unpark(tx, "nothing", NOW))


async def test_a_lane_does_not_wait_for_another(store: Store) -> None:
    await add(store, *[f"x{n}" for n in range(50)], lane="deliver:sms")
    await add(store, "a")
    assert len(await claim(store)) == 1


@given(st.integers(1, 40))
def test_backoff_grows_to_a_limit(attempt: int) -> None:
    assert 1.0 <= jobs.backoff(attempt) <= 900.0
