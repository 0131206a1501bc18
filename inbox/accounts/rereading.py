"""Read accounts at their billing system: the lane ``accounts``, and the receipt for word that something changed there.

Whatever was said, the account is read whole and compared with the copy; what is new follows from the comparison, so that
repeated, late and disordered notices end in the same state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from inbox import contacts, conversations, events, jobs
from inbox.accounts import ledger, mirror
from inbox.accounts.base import Account, AccountRef, BillingSource, SourceNotice
from inbox.accounts.freshness import LANE
from inbox.accounts.mirror import Saved
from inbox.clock import Clock, from_micros
from inbox.conversations import point_of
from inbox.db.store import Store, Tx
from inbox.errors import Conflict, NotFound, Permanent, Transient
from inbox.house import House
from inbox.jobs import Job
from inbox.receivables import told

log = logging.getLogger(__name__)
PATIENCE = 40  # seconds for one look, less than the lease of a job
SAME_ADDRESS = 4  # accounts read of one address; two are too many to choose from already
Settle = Callable[[Tx, datetime], object]


class Notices:
    """What a source may do to the inbox (``accounts.base.SourceEvents``), over one store."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def changed(self, notice: SourceNotice) -> bool:
        now = self._clock.now()
        fresh = await self._store.run(lambda tx: _receive(tx, notice, now))
        log.info("notice received", extra={"source": notice.source, "type": notice.type, "twice": not fresh})
        return fresh


def _receive(tx: Tx, notice: SourceNotice, now: datetime) -> bool:
    if not mirror.first_time(tx, f"{notice.source}:{notice.event_id}", notice.type, notice.account_id, now):
        return False
    if notice.account_id:
        mirror.changed(tx, AccountRef(notice.source, notice.account_id), now)
    lock = f"account:{notice.source}:{notice.account_id or notice.record_id}"
    # One reading serves a burst of notices, but each payment is news of its own.
    if notice.kind == "payment" or not jobs.is_waiting(tx, LANE, "notice", lock, now):
        jobs.enqueue(tx, LANE, "notice", lock, now, notice=asdict(notice))
    return True


@dataclass(frozen=True, slots=True)
class Rereading:
    """The work of the lane."""

    store: Store
    house: House
    source: BillingSource
    clock: Clock

    def begin(self, tx: Tx, job: Job, now: datetime) -> Job | None:
        """None if another reading came first: what it found, or that it failed, holds for this one too."""
        if job.kind == "refresh":
            ref = AccountRef(self.source.name, str(job.payload["account"]))
            asked_at = from_micros(int(job.payload["asked_at"]))
            if mirror.is_settled(tx, ref, asked_at, now, self.house.max_age_minutes):
                jobs.finish(tx, job)
                return None
        return job

    async def run(self, job: Job) -> None:
        """Do one job. A notice is tried again while the source is away; an author's question is not kept waiting: it goes
        on with the figures in doubt, which ends with a person.
        """
        kinds = {"refresh": self._refresh, "lookup": self._look_up, "notice": self._notice, "again": self._again}
        settle = await kinds[job.kind](job)
        now = self.clock.now()

        def unit(tx: Tx) -> None:
            settle(tx, now)
            jobs.finish(tx, job)

        await self.store.run(unit)

    async def _refresh(self, job: Job) -> Settle:
        return await self._read(AccountRef(self.source.name, str(job.payload["account"])))

    async def _read(self, ref: AccountRef, *, news: str = "", patient: bool = False) -> Settle:
        try:
            account = await self.source.load(ref)
        except NotFound:
            return lambda tx, now: _gone(tx, ref, now)
        except Permanent as refusal:
            words = str(refusal)
        except Transient as wait:
            if patient:
                raise
            words = str(wait)
        else:
            return lambda tx, now: _keep(tx, self.house, account, now, news)
        log.warning("account not read: %s", words, extra={"source": ref.source, "account": ref.id})
        return lambda tx, now: mirror.failed(tx, ref, now, words)

    async def _notice(self, job: Job) -> Settle:
        notice = SourceNotice(**job.payload["notice"])
        try:
            ref = await self.source.owner(notice)
        except Permanent as refusal:
            log.warning("notice given up: %s", refusal, extra={"type": notice.type})
            return _nothing
        if ref is None:
            return _nothing
        if notice.kind == "payment":
            try:
                await self.source.credit(ref)
            except (Permanent, NotFound) as refusal:  # the account, read below, is in doubt then
                log.warning("payment not booked to its invoice: %s", refusal, extra={"account": ref.id})
        return await self._read(ref, news=notice.record_id, patient=True)

    async def _again(self, job: Job) -> Settle:
        """The night's look, for what no notice told. A source that is away now is asked the next night."""
        ref = AccountRef(self.source.name, str(job.payload["account"]))
        try:
            await self.source.credit(ref)
            return await self._read(ref, patient=True)
        except (Transient, Permanent, NotFound) as away:
            log.warning("not read in the night: %s", away, extra={"account": ref.id})
            return _nothing

    async def _look_up(self, job: Job) -> Settle:
        points, author = [str(p) for p in job.payload["points"]], str(job.payload["author"])
        try:
            async with asyncio.timeout(PATIENCE):
                refs = {ref for point in points for ref in await self.source.find(point_of(point))}
                accounts = [await self.source.load(ref) for ref in sorted(refs, key=lambda r: r.id)[:SAME_ADDRESS]]
        except TimeoutError:
            return self._not_found(points, author, f"no answer within {PATIENCE} s")
        except (Transient, Permanent, NotFound) as error:
            return self._not_found(points, author, str(error))

        def found(tx: Tx, now: datetime) -> None:
            nameless = [account for account in accounts if not account.known_as]
            saved = [_save(tx, self.house, account, now, alone=len(nameless) < 2) for account in accounts]
            if (
                author
            ):  # an account with their address that is not known to be theirs: a person looks before a figure is told
                mirror.suspect(tx, author, self.source.name, now, is_one=bool(nameless))
            else:
                _identify(tx, job.lock, now)  # before what follows, so that a case opens where the author writes
            for each in saved:
                if each is not None:
                    told.act(tx, self.house, each, "", now)

        return found

    def _not_found(self, points: list[str], author: str, why: str) -> Settle:
        """The next message may try again; until then it is open whether this author is billed there."""
        log.warning("not looked up: %s", why)

        def settle(tx: Tx, now: datetime) -> None:
            mirror.look_again(tx, points)
            if author:
                mirror.suspect(tx, author, self.source.name, now, is_one=True)

        return settle


def _nothing(tx: Tx, now: datetime) -> None:
    _ = tx, now


def _keep(tx: Tx, house: House, account: Account, now: datetime, news: str) -> None:
    saved = _save(tx, house, account, now)
    if saved is not None:
        told.act(tx, house, saved, news, now)


def _save(tx: Tx, house: House, account: Account, now: datetime, *, alone: bool = True) -> Saved | None:
    try:
        return mirror.save(tx, account, now, alone=alone, rest=timedelta(hours=house.rules.payout_hold_hours))
    except Conflict as refusal:
        log.warning("account not kept: %s", refusal)
        mirror.failed(tx, account.ref, now, str(refusal))
        return None


def _gone(tx: Tx, ref: AccountRef, now: datetime) -> None:
    mirror.gone(tx, ref, now)
    author = mirror.author_of(tx, ref)
    if author:
        events.record(tx, f"account:{author}", "account.gone", now, ref.source, account=ref.id)


def _identify(tx: Tx, conversation_id: str, now: datetime) -> None:
    """The stranger of this conversation is the one author with their address, if it is known now."""
    conversation = conversations.by_id(tx, conversation_id)
    contact = contacts.by_id(tx, conversation.contact_id) if conversation else None
    if conversation is None or contact is None or contact.account_id:
        return
    refs = {ref for p in contacts.points(tx, contact.id) if p.kind != "chat" for ref in ledger.find(tx, p)}
    if len(refs) != 1:
        return
    ref = refs.pop()
    author = contacts.by_account(tx, ref.source, ref.id)
    if author is None:
        contacts.give_account(tx, contact.id, ref.source, ref.id)
        events.record(tx, conversation.id, "contact.identified", now, "bot", account=ref.id)
    elif conversations.live(tx, author.id) is None:
        for point in contacts.points(tx, contact.id):
            contacts.add_point(tx, author.id, point, now)
        conversations.move_to_contact(tx, conversation, author.id, now)


__all__ = ["Notices", "Rereading"]
