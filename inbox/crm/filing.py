"""Keep the CRM up to date with what happens here: a case for each handoff, a log entry for each resolved conversation.

One job a conversation, however much happens meanwhile: it writes what the CRM does not have yet, in order, and looks again
before it ends. A dead CRM holds up nothing but this lane, and everything is caught up when it is back.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox import conversations, events, jobs, metrics
from inbox.clock import Clock, to_micros
from inbox.conversations import point_of
from inbox.crm import entries, strangers, wording
from inbox.crm.base import CaseBook, CaseEntry, Filed, NoAccess, Person, TalkEntry, Unreachable
from inbox.crm.who import one_of
from inbox.db.store import Sql, Store, Tx, upsert
from inbox.db.tables import crm_records
from inbox.errors import Permanent
from inbox.house import House
from inbox.jobs import Job
from inbox.message import ContactPoint

LANE = strangers.LANE
KIND = "crm.write"
PATIENCE = 60.0  # seconds for one conversation, well within the job's lease
_COALESCE = timedelta(seconds=1)
_LONGEST_WAIT = 300.0  # seconds between two tries while the CRM is away

b = sa.bindparam
_RECORD = Sql(sa.select(crm_records).where(crm_records.c.subject == b("of"), crm_records.c.book == b("by")))
_SAVE = upsert(crm_records, ("book", "subject"), "remote_id", "url", "digest", "person_id", "matches", "filed_at")


def changed(tx: Tx, house: House, conversation_id: str, now: datetime) -> None:
    """Something happened that the CRM should know; nothing is done where there is no CRM."""
    lock = f"crm:{conversation_id}"
    if not house.crm or jobs.is_waiting(tx, LANE, KIND, lock, now):
        return
    jobs.enqueue(tx, LANE, KIND, lock, now, run_at=now + _COALESCE, conversation=conversation_id)


@dataclass(frozen=True, slots=True)
class _Known:
    """What the CRM has already."""

    remote_id: str = ""
    digest: str = ""
    person_id: str = ""
    matches: int = 0


@dataclass(frozen=True, slots=True)
class _Writing:
    """One record to be written: a case or the conversation's log entry."""

    subject: str  # "case:1041" or "talk:01J9…"
    entry: CaseEntry | TalkEntry
    points: tuple[ContactPoint, ...]
    author_id: str
    known: _Known

    @property
    def digest(self) -> str:
        return hashlib.sha256(repr(self.entry).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Filings:
    """The work of the CRM's lane."""

    store: Store
    house: House
    book: CaseBook
    clock: Clock

    def begin(self, tx: Tx, job: Job, now: datetime) -> Job:
        _ = tx, now
        return job

    async def run(self, job: Job) -> None:
        """Do one job. Raises ``Transient`` and ``Permanent``; an absence of the CRM is waited out."""
        try:
            async with asyncio.timeout(PATIENCE):
                await (self._ask_who(job) if job.kind == strangers.KIND else self._write_all(job))
        except (Unreachable, NoAccess) as away:
            await self._wait(job, str(away), away.retry_after if isinstance(away, Unreachable) else None)
        except TimeoutError:
            await self._wait(job, f"{self.book.name} took more than {PATIENCE:.0f} s", None)

    async def _ask_who(self, job: Job) -> None:
        conversation, point = str(job.payload["conversation"]), str(job.payload["point"])
        refs = await self.book.find(point_of(point))
        now = self.clock.now()

        def unit(tx: Tx) -> None:
            if strangers.identify(tx, self.book.name, conversation, point, refs, now):
                changed(tx, self.house, conversation, now)  # what was written before did not say who it is
            jobs.finish(tx, job)

        await self.store.run(unit)

    async def _write_all(self, job: Job) -> None:
        """One thing the CRM refuses does not keep the others from it."""
        conversation = str(job.payload["conversation"])
        refused: list[Permanent] = []
        for subject in await self.store.read(lambda tx: entries.subjects(tx, conversation, talks=self.house.crm_talks)):
            try:
                await self._write(conversation, subject)
            except NoAccess:
                raise
            except Permanent as error:
                metrics.FILED.labels(self.book.name, "refused").inc()
                refused.append(error)
        if refused:
            raise Permanent("; ".join(map(str, refused)), code=refused[0].code)
        await self.store.run(lambda tx: self._finish(tx, job, conversation))

    async def _write(self, conversation: str, subject: str) -> None:
        writing = await self.store.read(lambda tx: self._behind(tx, conversation, subject))
        if writing is None:
            return
        person, first = None, not writing.known.remote_id
        if first:
            person, writing = await self._identified(writing)
        filed = await self._send(writing, person, first=first)
        if filed.created and not first:  # deleted there, or another CRM by now: it lacks what is written once
            person, writing = await self._identified(writing)
            filed = replace(await self._send(writing, person, first=True), created=True)
        metrics.FILED.labels(self.book.name, "created" if filed.created else "changed").inc()
        await self.store.run(lambda tx: self._receipt(tx, conversation, writing, person, filed))

    async def _send(self, writing: _Writing, person: Person | None, *, first: bool) -> Filed:
        if isinstance(writing.entry, CaseEntry):
            return await self.book.file_case(writing.entry, person, first=first)
        return await self.book.file_talk(writing.entry, person, first=first)

    async def _identified(self, writing: _Writing) -> tuple[Person | None, _Writing]:
        """Who the author is at the CRM; where that is not clear, the text says so."""
        found = [await self.book.people(point) for point in writing.points]
        person = one_of(writing.author_id, found)
        several = len({p.id or p.account_id for people in found for p in people})
        matches = several if person is None else 0
        known = replace(writing.known, person_id=person.id if person else "", matches=matches)
        if isinstance(writing.entry, CaseEntry):
            entry: CaseEntry | TalkEntry = replace(
                writing.entry, text=wording.with_matches(writing.entry.text, matches)
            )
        else:
            entry = replace(writing.entry, text=wording.with_matches(writing.entry.text, matches))
        return person, replace(writing, known=known, entry=entry)

    # -- in the store

    def _behind(self, tx: Tx, conversation: str, subject: str) -> _Writing | None:
        """What the CRM lacks of this record, None if it has it all."""
        known = self._known(tx, subject)
        made = entries.entry_of(tx, self.house, conversation, subject, self._remote_id(tx))
        if made is None:
            return None
        entry = made.entry
        if known.matches:
            entry = replace(entry, text=wording.with_matches(entry.text, known.matches))
        writing = _Writing(subject, entry, made.points, made.author_id, known)
        return None if writing.digest == known.digest else writing

    def _known(self, tx: Tx, subject: str) -> _Known:
        row = tx.one(_RECORD, of=subject, by=self.book.name)
        return _Known(row["remote_id"], row["digest"], row["person_id"], row["matches"]) if row else _Known()

    def _remote_id(self, tx: Tx) -> Callable[[str], str]:
        return lambda subject: self._known(tx, subject).remote_id

    def _receipt(self, tx: Tx, conversation: str, writing: _Writing, person: Person | None, filed: Filed) -> None:
        now = self.clock.now()
        tx.run(
            _SAVE, book=self.book.name, subject=writing.subject, remote_id=filed.id, url=filed.url, digest=writing.digest,
            person_id=writing.known.person_id, matches=writing.known.matches, filed_at=to_micros(now),
        )  # fmt: skip
        if not writing.known.remote_id or filed.created:
            events.record(
                tx, conversation, "crm.filed", now, self.book.name, what=writing.subject, id=filed.id, url=filed.url,
                person=person.id if person else "", matches=writing.known.matches,
            )  # fmt: skip

    def _finish(self, tx: Tx, job: Job, conversation: str) -> None:
        """Done, unless something changed while the CRM was written to: whoever changed it may have counted on this job."""
        conversations.by_id(tx, conversation)  # waits for whoever is changing it
        if any(
            self._behind(tx, conversation, subject)
            for subject in entries.subjects(tx, conversation, talks=self.house.crm_talks)
        ):
            jobs.retry(tx, job, self.clock.now(), "changed meanwhile", wait=0.0, free=True)
        else:
            jobs.finish(tx, job)

    async def _wait(self, job: Job, why: str, pause: float | None) -> None:
        """Try again later, for as long as it takes: these jobs are not parked."""
        metrics.FILED.labels(self.book.name, "away").inc()
        late = job.attempts >= jobs.MAX_ATTEMPTS - 1
        usual = random.uniform(0.5, 1.0) * _LONGEST_WAIT if late else jobs.backoff(job.attempts)
        wait = min(max(pause or 0.0, usual), 2 * _LONGEST_WAIT)
        await self.store.run(lambda tx: jobs.retry(tx, job, self.clock.now(), why, wait=wait, free=late))
