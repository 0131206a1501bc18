"""Text messages through Twilio.

Three things Twilio does shape this file. It does not repeat a webhook that we failed to take, so ``listen`` asks for
what we missed. It has no key to tell two attempts at one message apart, so a send is tried once and an unclear outcome
is looked up (``find_sent``) or told by a status callback, whose address carries our message id. And its callbacks come
in any order, so they are only translated here; the inbox keeps the latest state.
"""

from __future__ import annotations

import asyncio
import mimetypes
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from twilio.twiml.messaging_response import MessagingResponse  # type: ignore[import-untyped]  # ships no types

from inbox.channels.base import ChatStore, Intake
from inbox.channels.twilio import Door, Form, Rest, is_number, log_of, normal_number, twiml
from inbox.clock import Clock, SystemClock
from inbox.errors import Unsupported
from inbox.message import (
    Attachment,
    ChannelName,
    ContactPoint,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    MessageKind,
    OutboundMessage,
    Receipt,
    SenderProof,
)
from inbox.settings import Twilio, Web

log = log_of("sms")

#: Characters in one message; Twilio refuses more (error 21617).
MAX_TEXT = 1600
MAX_MEDIA = 10
#: Twilio's words for ours. Once Twilio has it, it is sent as far as we are concerned: an unclear send is settled.
STATUSES: Mapping[str, DeliveryStatus] = {
    "accepted": DeliveryStatus.SENT,
    "scheduled": DeliveryStatus.SENT,
    "queued": DeliveryStatus.SENT,
    "sending": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "read": DeliveryStatus.READ,
    "undelivered": DeliveryStatus.UNDELIVERED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}
OPTED_OUT = "21610"
CURSOR = "sms.inbound"
#: How far each poll looks back behind what it has seen: messages may show up in the list late.
OVERLAP = timedelta(minutes=10)
#: Twilio's clock and ours may differ by so much.
SKEW = timedelta(minutes=2)
_REMEMBERED = 5_000


class SmsChannel:
    """SMS. ``poll_seconds`` is how often ``listen`` looks for messages whose webhook failed; 0 = never."""

    def __init__(
        self,
        twilio: Twilio,
        web: Web,
        *,
        clock: Clock | None = None,
        poll_seconds: float = 60.0,
        timeout: float = 10.0,
    ) -> None:
        self._twilio = twilio
        self._number = normal_number(twilio.number)
        self._door = Door(twilio, web)
        self._rest = Rest(twilio, timeout)
        self._clock = clock or SystemClock()
        self._poll_seconds = poll_seconds
        self._sent: OrderedDict[str, str] = OrderedDict()  # Twilio's id -> ours, of late
        self._seen: OrderedDict[str, None] = OrderedDict()  # ids of inbound messages, of late

    @property
    def name(self) -> ChannelName:
        return "sms"

    def __repr__(self) -> str:
        return f"SmsChannel({self._number})"

    # Coming in.

    def routes(self, intake: ChatStore) -> Iterable[web.AbstractRouteDef]:
        """The webhooks to enter at Twilio. Raises ``SettingsError`` if requests could not be proven."""
        self._door.check_settings()

        async def inbound(request: web.Request) -> web.Response:
            await self._take(intake, self.parse(await self._door.open(request)))
            return twiml(MessagingResponse())

        async def status(request: web.Request) -> web.Response:
            update = self.parse_status(await self._door.open(request))
            if update:
                await intake.update(update)
            return web.Response(status=200)

        return (web.post("/twilio/sms", inbound), web.post("/twilio/sms/status", status))

    async def _take(self, intake: Intake, message: InboundMessage) -> None:
        """Store it unless it is our own come back; it counts as seen only after the commit."""
        if message.sender.value == self._number:
            return
        await intake.message(message)
        _remember(self._seen, message.source_id, None)

    def parse(self, form: Form) -> InboundMessage:
        """One inbound message. Raises ``Malformed`` without an id or a sender."""
        meta = {"opt_out_type": form.get("OptOutType")} if form.get("OptOutType") else {}
        media = _media(form)
        return self._inbound(
            sid=form.get("MessageSid") or form.get("SmsMessageSid") or form.require("SmsSid"),
            sender=form.require("From"),
            recipient=form.get("To"),
            text=form.get("Body"),
            received_at=self._clock.now(),
            attachments=tuple(a for a, _ in media),
            meta={**meta, **{f"media_url_{n}": url for n, (_, url) in enumerate(media)}},
            raw=form.as_json(),
        )

    def _inbound(self, *, sid: str, sender: str, recipient: str, **rest: Any) -> InboundMessage:
        number = normal_number(sender)
        person = is_number(number)
        return InboundMessage(
            channel="sms",
            source_id=sid,
            sender=ContactPoint("phone", number),
            recipient=normal_number(recipient),
            # Short codes and sender names belong to machines: answering one may start a loop.
            kind=MessageKind.TEXT if person else MessageKind.MACHINE,
            proof=SenderProof.CARRIER if person else SenderProof.NONE,
            **rest,
        )

    def parse_status(self, form: Form) -> DeliveryUpdate | None:
        """What became of one of ours; None for a state that we do not know."""
        sid = form.get("MessageSid") or form.require("SmsSid")
        word = form.get("MessageStatus") or form.get("SmsStatus")
        ours = form.query.get("m", "")
        if word not in STATUSES:
            log.info("status %r of %s is not known; ignored", word[:40], sid)
            return None
        if ours:
            _remember(self._sent, sid, ours)
        code, to = form.get("ErrorCode").strip(), form.get("To")
        return DeliveryUpdate(
            channel="sms",
            status=STATUSES[word],
            provider_id=sid,
            message_id=ours,
            code="" if code == "0" else code,
            detail=form.get("ErrorMessage"),
            point=ContactPoint("phone", normal_number(to)) if to and code == OPTED_OUT else None,
            source_id=f"{sid}:{word}",
        )

    async def listen(self, intake: ChatStore) -> None:
        """Look for messages whose webhook failed, until cancelled. Nothing that goes wrong ends this."""
        if self._poll_seconds <= 0:
            return
        while True:
            try:
                found = await self.reconcile(intake)
                if found:
                    log.warning("%d messages came in by the list, not by the webhook; look at its errors", found)
            except Exception as error:  # the next round may work: a poll that has ended loses messages for good
                log.warning("asking Twilio for missed messages failed: %s: %s", type(error).__name__, error)
            await asyncio.sleep(self._poll_seconds)

    async def reconcile(self, intake: Intake) -> int:
        """Hand in what Twilio has and we have not seen; returns how many. Raises ``Transient``, ``Permanent``."""
        cursor = await intake.cursor(CURSOR)
        if not cursor:  # the first time: what came before us is not ours to answer
            await intake.set_cursor(CURSOR, self._clock.now().isoformat())
            return 0
        last = datetime.fromisoformat(cursor)
        stored = await self._stored_since(last - OVERLAP)
        missed = [m for m in stored if m.sid not in self._seen]
        await self._take_all(intake, missed)
        newest = max((_when(m) for m in stored), default=last)
        if newest > last:
            await intake.set_cursor(CURSOR, newest.isoformat())
        return len(missed)

    async def _take_all(self, intake: Intake, missed: list[Any]) -> None:
        """Each on its own: one that cannot be stored keeps back neither the others nor, by itself, its next try."""
        failed: list[Exception] = []
        for stored in missed:
            try:
                await self._take(intake, self._from_list(stored))
            except Exception as error:  # raised again below, before the cursor moves
                failed.append(error)
        if failed:
            raise failed[0]

    async def _stored_since(self, since: datetime) -> list[Any]:
        """Inbound messages of that time and later, oldest first. Twilio may look at the day of the filter only."""
        to = {} if self._twilio.messaging_service_sid else {"to": self._number}
        listed = await self._rest.list_messages(date_sent_after=since, page_size=1000, **to)
        return sorted((m for m in listed if m.direction == "inbound" and _when(m) >= since), key=_when)

    def _from_list(self, stored: Any) -> InboundMessage:
        return self._inbound(
            sid=stored.sid,
            sender=stored.from_ or "",
            recipient=stored.to or "",
            text=(stored.body or "").replace("\x00", ""),
            received_at=_when(stored),
            meta={"reconciled": "1", "media": str(stored.num_media or "0")},
        )

    # Going out.

    async def send(self, message: OutboundMessage) -> Receipt:
        """One attempt. Raises ``Transient``, ``Uncertain``, ``Permanent`` (21610: opted out) or ``Unsupported``."""
        _check_expressible(message)
        service = self._twilio.messaging_service_sid
        sender = {"messaging_service_sid": service} if service else {"from_": self._number}
        callback = self._door.url(f"/twilio/sms/status?{urlencode({'m': message.id})}")
        made = await self._rest.create_message(
            to=message.to.value, body=message.text, status_callback=callback, **sender
        )
        _remember(self._sent, made.sid, message.id)
        return Receipt(provider_id=made.sid)

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        """Did an earlier attempt arrive? Known from callbacks, else asked: same number, same words, not earlier."""
        for sid, ours in self._sent.items():
            if ours == message.id:
                return Receipt(provider_id=sid)
        # No date filter: it looks at DateSent, which a message still queued at Twilio does not have.
        listed = await self._rest.list_messages(to=message.to.value, limit=200)
        since = message.created_at - SKEW
        for stored in listed:
            if stored.sid not in self._sent and _when(stored) >= since and _same_words(stored.body, message.text):
                return Receipt(provider_id=stored.sid, status=STATUSES.get(stored.status, DeliveryStatus.SENT))
        return None

    async def check(self) -> str:
        return f"{await self._rest.check()}; texts come from {self._twilio.messaging_service_sid or self._number}"


def _check_expressible(message: OutboundMessage) -> None:
    if not message.text.strip():
        raise Unsupported("a text message needs text")
    if len(message.text) > MAX_TEXT:
        raise Unsupported(f"a text message holds {MAX_TEXT} characters, this one has {len(message.text)}; shorten it")
    if message.to.kind != "phone" or not is_number(message.to.value):
        raise Unsupported(f"{message.to.value!r} is not a telephone number that can get texts")


def _media(form: Form) -> list[tuple[Attachment, str]]:
    """Attachments by their description and where Twilio keeps them; they are not fetched."""
    count = form.get("NumMedia")
    found = []
    for n in range(min(int(count), MAX_MEDIA) if count.isdecimal() else 0):
        kind = form.get(f"MediaContentType{n}") or "application/octet-stream"
        name = f"media-{n + 1}{mimetypes.guess_extension(kind) or ''}"
        found.append((Attachment(filename=name, content_type=kind, size=0), form.get(f"MediaUrl{n}")))
    return found


def _when(stored: Any) -> datetime:
    """When a stored message was sent or, still queued, made."""
    when: datetime | None = stored.date_sent or stored.date_created
    return when or datetime.min.replace(tzinfo=UTC)


def _same_words(stored: str | None, ours: str) -> bool:
    """Twilio trims and may replace special spaces."""
    return (stored or "").split() == ours.split()


def _remember(known: OrderedDict[str, Any], key: str, value: Any) -> None:
    known[key] = value
    known.move_to_end(key)
    while len(known) > _REMEMBERED:
        known.popitem(last=False)
