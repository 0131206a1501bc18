"""The engine room: one set of consumers per lane, channel listeners, and a graceful stop.

A triage job is claimed, decided and finished in one transaction, so a killed worker's conversations are free at once.
Jobs that call a provider are leased: claim in one commit, call outside, finish in another.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from inbox import delivery, jobs, metrics, redaction, schedule, triage
from inbox.accounts import freshness, rereading
from inbox.accounts.base import BillingSource, Collector
from inbox.channels.base import Channel, ChatStore
from inbox.clock import Clock
from inbox.crm import filing
from inbox.crm.base import CaseBook
from inbox.db.store import Store, Tx
from inbox.errors import Conflict, InboxError, Permanent, Transient, Uncertain
from inbox.escalation import posting
from inbox.escalation.base import Desk, DeskEvents
from inbox.house import House
from inbox.jobs import Job
from inbox.log import bound
from inbox.message import ChannelName
from inbox.receivables import autopay, collecting, reminders

log = logging.getLogger(__name__)
POLL = 1.0  # seconds between looks when nobody wakes us: jobs whose retry time came, a lost wake-up
IN_FLIGHT = 4  # sends at once in one lane
READINGS = 8  # accounts read at once at the billing system
BUG_ATTEMPTS = 3  # of a job that raised something unexpected, before it is parked
GRACE = 15.0  # seconds for running jobs to end when we stop


class LaneWork(Protocol):
    """What a lane does with a job: ``begin`` inside the commit that claims it, ``run`` outside of any."""

    def begin(self, tx: Tx, job: Job, now: datetime) -> Any:
        """What ``run`` needs, or None if the job is settled already (and finished here)."""
        ...

    async def run(self, prepared: Any, /) -> None: ...


@dataclass
class Worker:
    store: Store
    house: House
    clock: Clock
    channels: Mapping[ChannelName, Channel]
    intake: ChatStore
    desk: Desk | None = None
    desk_events: DeskEvents | None = None
    source: BillingSource | None = None
    collector: Collector | None = None  # takes money with methods on file; None = the biller does that by itself
    crm: CaseBook | None = None
    triage_workers: int = 1
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self) -> None:
        """Work until cancelled; then finish what is in flight."""
        tasks: list[asyncio.Task[None]] = [asyncio.create_task(loop, name=name) for name, loop in self._loops()]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()  # a loop that broke is a bug: stop loudly
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self._running:
                await asyncio.wait(self._running, timeout=GRACE)

    def _loops(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        loops: list[tuple[str, Coroutine[None, None, None]]] = [("relay", self.store.relay())]
        loops += [(f"triage-{n}", self._triage()) for n in range(self.triage_workers)]
        loops.append(("schedule", self._schedule()))
        if self.collector is not None:
            loops.append(("charges", self._lane(autopay.LANE, IN_FLIGHT)))
        for name, channel in self.channels.items():
            loops.append((f"deliver:{name}", self._lane(f"deliver:{name}", getattr(channel, "in_flight", IN_FLIGHT))))
            loops.append((f"listen:{name}", self._listen(channel)))
        if self.source is not None:
            loops.append((freshness.LANE, self._lane(freshness.LANE, READINGS)))
        if self.desk is not None and self.desk_events is not None:
            desk, events = self.desk, self.desk_events
            loops.append(("desk", self._lane("desk", IN_FLIGHT)))
            loops.append(("listen:desk", self._kept_alive(f"desk {desk.name}", lambda: desk.listen(events))))
        if self.crm is not None:
            loops.append((filing.LANE, self._lane(filing.LANE, IN_FLIGHT)))
        return loops

    # -- triage: one transaction a job

    async def _triage(self) -> None:
        with self.store.watching("lane:triage") as event:
            while True:
                event.clear()
                if not await self.triage_one():
                    await _wait(event, POLL)

    async def triage_one(self) -> bool:
        """Decide the next message that waits; False if none does."""
        now = self.clock.now()
        claimed: list[Job] = []

        def unit(tx: Tx) -> bool:
            claimed[:] = jobs.claim(tx, "triage", now)
            for job in claimed:
                triage.run(tx, self.house, str(job.payload["message"]), now)
                jobs.finish(tx, job)
            return bool(claimed)

        try:
            return await self.store.run(unit)
        except Transient as wait:
            log.warning("triage waits: %s", wait)
            await asyncio.sleep(POLL)
            return False
        except Exception as error:  # a bug in the decision must not stop the queue: count, park, tell a person
            if not claimed:
                raise
            job = claimed[0]
            log.exception("triage failed", extra={"job": job.id, "attempt": job.attempts})
            why = _words(error)
            await self.store.run(lambda tx: self._failed(tx, job, why))
            return True

    def _failed(self, tx: Tx, job: Job, text: str) -> None:
        again = jobs.lease_again(tx, job, self.clock.now())
        if again is None:
            return
        if again.attempts < BUG_ATTEMPTS:
            jobs.retry(tx, again, self.clock.now(), text)
            return
        jobs.park(tx, again, self.clock.now(), text)
        metrics.PARKED.labels(again.lane).inc()
        if again.kind == "triage":
            triage.give_to_person(tx, self.house, str(again.payload["message"]), self.clock.now(), text)

    # -- what happens by itself: one transaction a job

    async def _schedule(self) -> None:
        await self._settle(lambda tx: schedule.start(tx, self.clock.now()))
        with self.store.watching(f"lane:{reminders.LANE}") as event:
            while True:
                event.clear()
                if not await self.schedule_one():
                    await _wait(event, POLL)

    async def schedule_one(self) -> bool:
        """Do the next thing whose time has come; False if there is none."""
        now = self.clock.now()
        claimed: list[Job] = []

        def unit(tx: Tx) -> bool:
            claimed[:] = jobs.claim(tx, reminders.LANE, now)
            for job in claimed:
                schedule.run(tx, self.house, job, now)
                jobs.finish(tx, job)
            return bool(claimed)

        try:
            return await self.store.run(unit)
        except Transient as wait:
            log.warning("the schedule waits: %s", wait)
            await asyncio.sleep(POLL)
            return False
        except Exception as error:  # a bug must not stop the other timers: count, park, go on
            if not claimed:
                raise
            job = claimed[0]
            log.exception("a timer failed", extra={"job": job.id, "attempt": job.attempts})
            why = _words(error)
            await self._settle(lambda tx: self._failed(tx, job, why))
            return True

    # -- lanes that call somebody

    def _work(self, lane: str) -> LaneWork:
        if lane == "desk":
            assert self.desk is not None
            return posting.Postings(self.store, self.house, self.desk, self.clock)
        if lane == freshness.LANE:
            assert self.source is not None
            return rereading.Rereading(self.store, self.house, self.source, self.clock)
        if lane == autopay.LANE:
            assert self.collector is not None
            return collecting.Collections(self.store, self.house, self.collector, self.clock)
        if lane == filing.LANE:
            assert self.crm is not None
            return filing.Filings(self.store, self.house, self.crm, self.clock)
        channel = self.channels[lane.partition(":")[2]]  # type: ignore[index]  # a lane is named after its channel
        return delivery.Deliveries(self.store, self.house, channel, self.clock)

    async def _lane(self, lane: str, width: int) -> None:
        """Keep up to ``width`` jobs of the lane running."""
        work = self._work(lane)
        running: set[asyncio.Task[None]] = set()
        with self.store.watching(f"lane:{lane}") as event:
            while True:
                if len(running) >= width:
                    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                event.clear()
                found = await self._claim(lane, width - len(running))
                for job, prepared in found:
                    task = asyncio.create_task(self._run(work, job, prepared), name=f"{lane}:{job.id}")
                    for group in (running, self._running):
                        group.add(task)
                        task.add_done_callback(group.discard)
                if not found:
                    await _wait(event, POLL)

    async def _claim(self, lane: str, limit: int) -> list[tuple[Job, Any]]:
        now, work = self.clock.now(), self._work(lane)

        def unit(tx: Tx) -> list[tuple[Job, Any]]:
            claimed = jobs.claim(tx, lane, now, limit=limit, lease=delivery.LEASE)
            return [(job, work.begin(tx, job, now)) for job in claimed]

        try:
            return await self.store.run(unit)
        except Transient as wait:
            log.warning("%s waits: %s", lane, wait)
            await asyncio.sleep(POLL)
            return []

    async def run_lane_once(self, lane: str) -> bool:
        """Run the lane's next due job in the foreground; False if there is none. For simulation and tests."""
        found = await self._claim(lane, 1)
        for job, prepared in found:
            await self._run(self._work(lane), job, prepared)
        return bool(found)

    async def _run(self, work: LaneWork, job: Job, prepared: Any) -> None:
        if prepared is None:  # settled in the commit that claimed it
            return
        with bound(job=job.id, lane=job.lane):
            try:
                await work.run(prepared)
            except Conflict as lost:
                log.warning("%s", lost)
            except (Transient, Uncertain) as wait:
                pause = wait.retry_after if isinstance(wait, Transient) else None
                words = str(wait)
                await self._settle(lambda tx: jobs.retry(tx, job, self.clock.now(), words, wait=pause))
            except Permanent as refusal:
                log.warning("parked: %s", refusal)
                words = str(refusal)
                metrics.PARKED.labels(job.lane).inc()
                await self._settle(lambda tx: jobs.park(tx, job, self.clock.now(), words))
            except Exception as error:  # a bug: logged with its traceback, counted, parked in the end
                log.exception("job failed")
                words, attempts = _words(error), job.attempts
                if attempts < BUG_ATTEMPTS:
                    await self._settle(lambda tx: jobs.retry(tx, job, self.clock.now(), words))
                else:
                    metrics.PARKED.labels(job.lane).inc()
                    await self._settle(lambda tx: jobs.park(tx, job, self.clock.now(), words))

    async def _settle(self, unit: Callable[[Tx], object]) -> None:
        try:
            await self.store.run(unit)
        except InboxError as error:  # the store is down or the lease is gone: the lease runs out and another takes it
            log.warning("could not settle: %s", error)

    # -- listeners

    async def _listen(self, channel: Channel) -> None:
        await self._kept_alive(f"channel {channel.name}", lambda: channel.listen(self.intake))

    async def _kept_alive(self, name: str, listen: Callable[[], Awaitable[None]]) -> None:
        """Run a listener; if it breaks, say so and start it again a little later."""
        while True:
            try:
                await listen()
            except Exception:  # whatever broke one listener must not stop the others
                log.exception("%s stopped listening; trying again in 10 s", name)
                await asyncio.sleep(10)
            else:
                return


def _words(error: Exception) -> str:
    """What is kept of a bug: its message may quote what somebody wrote."""
    return redaction.mask_codes(redaction.mask(f"{type(error).__name__}: {error}"[:2000]).text)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


__all__ = ["Worker"]
