"""Following a mailbox: which mail comes next, and the promise that none is passed before the store has it."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Protocol, TypeVar

from inbox.channels import mail_inbound
from inbox.channels.base import Intake
from inbox.channels.mail_imap import ImapMailbox, StoredMail
from inbox.channels.mail_parser_process import Parser
from inbox.channels.mime import ParseSettings
from inbox.errors import Malformed, Overloaded, Transient

log = logging.getLogger(__name__)
T = TypeVar("T")

_HEAD_BYTES = 65_536  # kept of a mail that is too big
_TRIES = 3  # of a mail that the inbox refuses while the store works


class Call(Protocol):
    """Calls a method of the mailbox in the mailbox's own thread."""

    async def __call__(self, method: Callable[..., T], *args: Any) -> T: ...


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries: from ``first``, doubled each time, up to ``longest``; half of it is chance."""

    first: float = 1.0
    longest: float = 60.0

    def after(self, failures: int) -> float:
        return min(self.longest, self.first * 2.0 ** min(failures, 16)) * random.uniform(0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was read: ``1700000000:42:2026-03-11`` (UIDVALIDITY, last UID, day of that mail)."""

    uidvalidity: int
    uid: int
    day: date | None = None

    @classmethod
    def read(cls, text: str) -> Place | None:
        """The place that was kept; None at the first time."""
        validity, _, rest = text.partition(":")
        uid, _, day = rest.partition(":")
        if not validity.isdecimal() or not uid.isdecimal():
            return None
        return cls(int(validity), int(uid), date.fromisoformat(day) if day else None)

    def __str__(self) -> str:
        return f"{self.uidvalidity}:{self.uid}:{self.day or ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Following:
    """One mailbox, one inbox and the rules between them."""

    intake: Intake
    parse: Parser
    rules: ParseSettings
    secrets: tuple[str, ...] = field(repr=False)
    cursor: str  # the name of the place
    mark_seen: bool
    pauses: Pauses
    idle_seconds: float
    poll_seconds: float

    async def follow(self, call: Call) -> None:
        """Take what waits and what comes, until the mailbox is lost."""
        place = await self._start(call)
        while True:
            for uid in await call(ImapMailbox.uids_after, place.uid):
                place = await self._take(call, uid, place)
            await call(ImapMailbox.wait, self.idle_seconds, self.poll_seconds)

    async def _start(self, call: Call) -> Place:
        """Where to go on. The first time only unread mail counts: old mail is not answered years later.

        A new UIDVALIDITY makes all numbers worthless: all mail since the last day known comes again, and the intake
        knows by its Message-ID what it has. The place is kept only after all of that, so a crash starts it over.
        """
        validity, last = await call(lambda mailbox: (mailbox.uidvalidity, mailbox.last_uid))
        known = Place.read(await self._until_stored(lambda: self.intake.cursor(self.cursor)))
        if known is not None and known.uidvalidity == validity:
            return known
        if known is None:
            waiting = await call(ImapMailbox.uids, "UNSEEN")
        else:
            log.warning("mailbox: the server numbered the mail anew; what came since %s is read again", known.day)
            waiting = await call(ImapMailbox.uids_since, (known.day or date(1970, 1, 2)) - timedelta(days=1))
        day = known.day if known else None
        for uid in waiting:
            if uid <= last:
                day = await self._take_one(call, uid) or day
        place = Place(validity, last, day)
        await self._keep(place)
        return place

    async def _take(self, call: Call, uid: int, place: Place) -> Place:
        day = await self._take_one(call, uid)
        moved = Place(place.uidvalidity, uid, day or place.day)
        await self._keep(moved)
        return moved

    async def _keep(self, place: Place) -> None:
        await self._until_stored(lambda: self.intake.set_cursor(self.cursor, str(place)))

    async def _take_one(self, call: Call, uid: int) -> date | None:
        """Store one mail; the day it came, or None if a person moved or deleted it meanwhile."""
        stored = await call(ImapMailbox.look, uid)
        big = stored is not None and stored.size > self.rules.max_bytes
        raw = await call(ImapMailbox.fetch, uid, _HEAD_BYTES if big else 0) if stored else None
        if stored is None or raw is None:
            return None
        if big:
            await self._put_aside(raw, f"{stored.size} bytes are more than email.max_bytes; only its beginning is kept")
        else:
            await self._read_and_store(raw, stored)
        if self.mark_seen:
            await call(ImapMailbox.mark_seen, uid)
        return stored.received_at.date()

    async def _read_and_store(self, raw: bytes, stored: StoredMail) -> None:
        try:
            mail = await self.parse(raw, self.rules)
        except Malformed as error:
            await self._put_aside(raw, str(error))
            return
        message = mail_inbound.message_of(mail, raw, stored.received_at, self.rules.own_addresses, self.secrets)
        if message is None:
            await self._put_aside(raw, "the mail names no sender")
            return
        update = mail_inbound.update_of(mail, message.source_id)
        if update is not None and not await self._accepted(lambda: self.intake.update(update), raw):
            return
        await self._accepted(lambda: self.intake.message(message), raw)

    # What the store may do to us.

    async def _until_stored(self, step: Callable[[], Awaitable[T]]) -> T:
        """Do it until the store takes it: nothing after it may happen before."""
        failures = 0
        while True:
            try:
                return await step()
            except Exception as error:  # whatever a store raises, the mail stays where it is
                log.warning("mail waits for the store: %s: %s", type(error).__name__, error)
            await asyncio.sleep(self.pauses.after(failures))
            failures += 1

    async def _accepted(self, step: Callable[[], Awaitable[object]], raw: bytes) -> bool:
        """Whether the inbox took it. A mail that it refuses while the store takes other things is put aside."""
        refused, failures = 0, 0
        while True:
            try:
                await step()
                return True
            except (Overloaded, Transient, OSError) as error:
                log.warning("mail waits for the store: %s", error)
            except Exception as error:  # a mail that trips a mistake of ours may not stop the others
                log.warning("mail was refused: %s: %s", type(error).__name__, error)
                refused += await self._store_works()
                if refused >= _TRIES:
                    await self._put_aside(raw, f"the inbox could not store it: {type(error).__name__}")
                    return False
            await asyncio.sleep(self.pauses.after(failures))
            failures += 1

    async def _store_works(self) -> bool:
        try:
            await self.intake.set_cursor(f"{self.cursor}#probe", "")
        except Exception:  # then it is not the mail's fault
            return False
        return True

    async def _put_aside(self, raw: bytes, reason: str) -> None:
        log.warning("mail put aside: %s", reason)
        name = "sha256:" + hashlib.sha256(raw).hexdigest()
        await self._until_stored(lambda: self.intake.quarantine("email", name, raw, reason))
