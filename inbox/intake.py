"""The way in: mask, dedupe, identify, store, and decide or queue the decision, all in one commit.

Nothing else happens inside a provider's request. A message is known by ``(channel, source_id)``: the same delivery
twice is stored once. When the account is in the embedded ledger the decision is taken in the same unit of work, so a
chat reply costs one commit; otherwise a ``triage`` job does it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from inbox import (
    contacts,
    continued,
    conversations,
    delivery,
    events,
    jobs,
    jsontext,
    masking,
    metrics,
    redaction,
    triage,
    verification,
)
from inbox.accounts import freshness, ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.channels.base import HistoryEntry
from inbox.clock import Clock, from_micros, to_micros
from inbox.contacts import Contact
from inbox.conversations import Conversation, address
from inbox.crm import strangers
from inbox.db.store import Sql, Store, Tx, insert, upsert
from inbox.db.tables import cursors, messages, quarantine
from inbox.errors import InboxError, Overloaded
from inbox.house import House
from inbox.ids import new_id
from inbox.log import bound
from inbox.masking import Hidden
from inbox.message import (
    Accepted,
    ChannelName,
    ContactPoint,
    DeliveryStatus,
    DeliveryUpdate,
    InboundMessage,
    MessageKind,
    OutboundMessage,
    SenderProof,
)

log = logging.getLogger(__name__)
QUEUE_LIMIT = 5_000  # units waiting for the store; beyond it a provider is told to come again
_LONG = 20_000  # characters that are masked in a thread, so that nobody waits for them

b = sa.bindparam
_KNOWN = Sql(
    sa.select(messages.c.id, messages.c.conversation_id).where(
        messages.c.channel == b("on"), messages.c.source_id == b("source")
    )
)
_ADD = insert(
    messages, "id", "conversation_id", "contact_id", "direction", "channel", "source_id", "author", "author_name", "kind",
    "address", "recipient", "proof", "subject", "text", "language", "status", "thread", "masked", "meta", "attachments", "raw",
    "received_at", "created_at",
)  # fmt: skip
_MOVE = Sql(sa.update(messages).where(messages.c.id == b("message")).values(conversation_id=b("belongs")))
_QUARANTINED = Sql(
    sa.select(quarantine.c.id).where(quarantine.c.channel == b("on"), quarantine.c.source_id == b("source"))
)
_QUARANTINE = insert(quarantine, "id", "channel", "source_id", "reason", "raw", "created_at")
_CURSOR = Sql(sa.select(cursors.c.value).where(cursors.c.name == b("of")))
_SET_CURSOR = upsert(cursors, ("name",), "value")
_CHAT = Sql(
    sa.select(messages)
    .where(messages.c.channel == "chat", messages.c.address == b("point"), messages.c.id > b("after"))
    .order_by(messages.c.id)
    .limit(b("limit"))
)
_REPLIES = Sql(
    sa.select(messages)
    .where(
        messages.c.conversation_id == b("conversation"), messages.c.id > b("message"), messages.c.direction == "outbound",
        messages.c.reply_to == b("message"), messages.c.status == "queued",
    )
    .order_by(messages.c.id)
)  # fmt: skip
_INBOUND = Sql(sa.select(messages).where(messages.c.id == b("message")))
_SENT = Sql(sa.update(messages).where(messages.c.id == b("message")).values(status="sent"))


class Reception:
    """What channels may do to the inbox (``channels.base.ChatStore``), over one store."""

    def __init__(self, store: Store, house: House, clock: Clock, *, local_accounts: bool = True) -> None:
        self._store = store
        self._house = house
        self._clock = clock
        self._local = local_accounts

    async def message(self, message: InboundMessage) -> Accepted:
        if self._store.waiting > QUEUE_LIMIT:
            raise Overloaded
        long = len(message.text) + len(message.raw) > _LONG
        hidden = await asyncio.to_thread(masking.masked, message) if long else masking.masked(message)
        try:
            accepted = await self._store.run(
                lambda tx: accept(tx, self._house, hidden, self._clock, decide_now=self._local)
            )
        except InboxError:
            raise
        except Exception:  # the decision broke: store the message without it, the queue retries and parks
            log.exception("could not decide while taking in; queued instead")
            accepted = await self._store.run(lambda tx: accept(tx, self._house, hidden, self._clock, decide_now=False))
        metrics.RECEIVED.labels(message.channel).inc()
        with bound(conversation=accepted.conversation_id):
            log.info(
                "message received", extra={"channel": message.channel, "id": accepted.message_id, "twice": accepted.duplicate}
            )  # fmt: skip
        return accepted

    async def update(self, update: DeliveryUpdate) -> None:
        now = self._clock.now()
        told = replace(update, detail=masking.plain(update.detail))  # a bounce may quote what was written
        await self._store.run(lambda tx: delivery.record(tx, self._house, told, now))

    async def quarantine(self, channel: ChannelName, source_id: str, raw: bytes, reason: str) -> None:
        whole = raw[: masking.RAW_LIMIT].decode("utf-8", "replace").replace("\x00", "\ufffd")
        text = await asyncio.to_thread(redaction.mask_encoded, whole)
        reason, source_id = redaction.mask(reason).text, masking.key_of(source_id)
        now = to_micros(self._clock.now())

        def keep(tx: Tx) -> None:
            if tx.one(_QUARANTINED, on=channel, source=source_id) is None:
                tx.run(
                    _QUARANTINE, id=new_id(), channel=channel, source_id=source_id, reason=reason[:1000], raw=text,
                    created_at=now,
                )  # fmt: skip
                tx.wake("queue")

        await self._store.run(keep)
        log.warning("message quarantined", extra={"channel": channel, "source_id": source_id, "reason": reason})

    async def forged(self, network: str, why: str) -> None:
        now = self._clock.now()
        await self._store.run(
            lambda tx: events.record(
                tx, "security", "security.forged_token", now, "chat", network=network, why=why[:200]
            )
        )

    async def cursor(self, name: str) -> str:
        row = await self._store.read(lambda tx: tx.one(_CURSOR, of=name))
        return str(row["value"]) if row else ""

    async def set_cursor(self, name: str, value: str) -> None:
        await self._store.run(lambda tx: tx.run(_SET_CURSOR, name=name, value=value))

    async def history(self, visitor: ContactPoint, account_id: str, after: str, limit: int) -> Sequence[HistoryEntry]:
        point = address(_chat_point(visitor, account_id))
        return self._store.read_now(
            lambda tx: [_line(row) for row in tx.all(_CHAT, point=point, after=after, limit=limit)]
        )

    async def replies_to(self, message_id: str, wait: float) -> Sequence[OutboundMessage]:
        with self._store.watching(f"replies:{message_id}", f"decided:{message_id}") as event:
            try:
                async with asyncio.timeout(wait):
                    while not self._store.read_now(lambda tx: _is_decided(tx, message_id)):
                        event.clear()
                        await asyncio.wait_for(event.wait(), 1.0) if wait > 1 else await event.wait()
            except TimeoutError:
                pass  # the caller asks again; the reply waits
        return await self._store.run(lambda tx: _pick_up(tx, self._house, message_id))

    async def watch(self, visitor: ContactPoint, account_id: str) -> AsyncIterator[None]:
        with self._store.watching(f"chat:{address(_chat_point(visitor, account_id))}") as event:
            while True:
                await event.wait()
                event.clear()
                yield


def accept(tx: Tx, house: House, hidden: Hidden, clock: Clock, *, decide_now: bool) -> Accepted:
    """Store one message in the caller's transaction."""
    message = hidden.message
    known = tx.one(_KNOWN, on=message.channel, source=message.source_id)
    if known is not None:
        return Accepted(message_id=known["id"], conversation_id=known["conversation_id"], duplicate=True)
    now = clock.now()
    if message.proof is SenderProof.PORTAL:
        message = replace(message, sender=_chat_point(message.sender, message.account_id))
        hidden = replace(hidden, message=message)
    contact = _identify(tx, message, now)
    conversation = _conversation(tx, house, message, contact, now)
    asked = freshness.Asked(conversation, contact, message.sender, message.text)
    waits = message.kind is MessageKind.TEXT and freshness.before_deciding(tx, house, asked, now)
    at_once = message.kind is MessageKind.TEXT and decide_now and not waits and not jobs.is_busy(tx, conversation.id)
    # Marked decided right away: if deciding fails, the whole unit is undone and the message comes in undecided.
    hidden = _sealed(house, hidden, conversation)
    row = _store(tx, hidden, contact, conversation, now, "decided" if at_once else "received")
    strangers.ask(tx, house, message, contact, conversation.id, now)
    if not at_once:
        jobs.enqueue(tx, "triage", "triage", conversation.id, now, message=row["id"])
        return Accepted(message_id=row["id"], conversation_id=conversation.id)
    belongs = triage.decide_row(tx, house, row, conversation, contact, now)
    if belongs != conversation.id:
        tx.run(_MOVE, message=row["id"], belongs=belongs)
    return Accepted(message_id=row["id"], conversation_id=belongs, decided=True)


def _identify(tx: Tx, message: InboundMessage, now: Any) -> Contact:
    """The author this address belongs to, by the biller's record first, else whoever wrote from it before.

    An address that several authors have on file belongs to none of them: whoever writes from it is a stranger until they
    prove whose account they mean.
    """
    if message.proof is SenderProof.PORTAL:
        ref = AccountRef(SOURCE, message.account_id)
        found = contacts.by_account(tx, ref.source, ref.id)
    else:
        known = contacts.by_point(tx, message.sender)
        if message.sender.kind == "chat":
            return known or _stranger(tx, message, now)
        refs = ledger.find(tx, message.sender)
        if known is not None and known.account_id and (not refs or [r.id for r in refs] == [known.account_id]):
            return known
        if len(refs) != 1:
            return _apart(tx, message, known, now)
        ref = refs[0]
        found = contacts.by_account(tx, ref.source, ref.id)
    if found is None:
        found = contacts.add(tx, now, source=ref.source, account_id=ref.id, name=message.sender_name)
    contacts.add_point(tx, found.id, message.sender, now)
    return found


def _apart(tx: Tx, message: InboundMessage, known: Contact | None, now: Any) -> Contact:
    """Whoever wrote from here before, but never one author of several who share the address."""
    if known is None:
        return _stranger(tx, message, now)
    if not known.account_id:
        return known
    contact = contacts.add(tx, now, name=message.sender_name, language=message.language)
    contacts.add_point(tx, contact.id, message.sender, now)
    return contact


def _stranger(tx: Tx, message: InboundMessage, now: Any) -> Contact:
    contact = contacts.add(tx, now, name=message.sender_name, language=message.language)
    contacts.add_first_point(tx, contact.id, message.sender, now)
    return contact


def _conversation(tx: Tx, house: House, message: InboundMessage, contact: Contact, now: Any) -> Conversation:
    """By the thread if the sender fits it, else the contact's live one, else a new one."""
    threaded = conversations.by_thread(tx, message.thread_keys) if message.thread_keys else None
    if threaded is not None and threaded.contact_id == contact.id and threaded.status != "resolved":
        return threaded
    return conversations.find_or_open(
        tx, contact.id, now, channel=message.channel, subject=message.subject,
        language=message.language or contact.language, reopen=timedelta(days=house.rules.reopen_days),
    )  # fmt: skip


def _sealed(house: House, hidden: Hidden, conversation: Conversation) -> Hidden:
    """Where we asked for a code, the digits are not stored: a seal of them is, which only the house can compare."""
    if conversation.awaiting != "code" or not hidden.codes:
        return hidden
    m = hidden.message
    given = " ".join(verification.seal(house, code) for code in hidden.codes)
    meta = {k: redaction.mask_given(v) for k, v in m.meta.items() if k not in masking.KEYS}
    meta |= {k: v for k, v in m.meta.items() if k in masking.KEYS}
    message = replace(
        m, text=redaction.mask_given(m.text), subject=redaction.mask_given(m.subject), raw=redaction.mask_given(m.raw),
        meta={**meta, "given": given},
    )  # fmt: skip
    return replace(hidden, message=message)


def _store(
    tx: Tx, hidden: Hidden, contact: Contact, conversation: Conversation, now: Any, status: str
) -> dict[str, Any]:
    """Insert; returns the row."""
    key, message = new_id(), hidden.message
    told = continued.join(tx, conversation.id, key, message.text, message.raw, now)
    masked = masking.counts(hidden.found, told.kinds)
    thread = {
        "message_id": message.meta.get("message_id", ""), "keys": list(message.thread_keys),
        "references": message.meta.get("references", "").split()[-20:],
    }  # fmt: skip
    files = [{"filename": a.filename, "content_type": a.content_type, "size": a.size} for a in message.attachments]
    row: dict[str, Any] = {
        "id": key, "conversation_id": conversation.id, "contact_id": contact.id, "direction": "inbound",
        "channel": message.channel, "source_id": message.source_id, "author": "author",
        "author_name": message.sender_name, "kind": message.kind.value, "address": address(message.sender),
        "recipient": message.recipient, "proof": message.proof.value, "subject": message.subject, "text": told.text,
        "language": message.language, "status": status, "thread": jsontext.dumps(thread),
        "masked": jsontext.dumps(masked), "meta": jsontext.dumps(dict(message.meta)), "attachments": jsontext.dumps(files),
        "raw": told.raw,
        "received_at": to_micros(message.received_at), "created_at": to_micros(now),
    }  # fmt: skip
    tx.run(_ADD, **row)
    if thread["message_id"]:
        conversations.remember_key(tx, conversation.id, str(thread["message_id"]))
    events.record(
        tx, conversation.id, "message.received", now, "author", message=key, channel=message.channel, kind=message.kind.value,
        proof=message.proof.value, masked=masked,
    )  # fmt: skip
    tx.wake("queue")
    if message.channel == "chat":
        tx.wake(f"chat:{address(message.sender)}")  # the author's other tabs
    return row


def _chat_point(visitor: ContactPoint, account_id: str) -> ContactPoint:
    """A signed-in author has one chat history on all devices; an anonymous visitor only their own."""
    return ContactPoint("chat", f"author:{account_id}") if account_id else visitor


def _is_decided(tx: Tx, message_id: str) -> bool:
    row = tx.one(_INBOUND, message=message_id)
    return row is None or row["status"] != "received"


def _pick_up(tx: Tx, house: House, message_id: str) -> list[OutboundMessage]:
    row = tx.one(_INBOUND, message=message_id)
    if row is None:
        return []
    found = tx.all(_REPLIES, conversation=row["conversation_id"], message=message_id)
    here = [reply for reply in found if reply["channel"] == row["channel"]]  # a code by text leaves by its own lane
    for reply in here:
        tx.run(_SENT, message=reply["id"])
    return [delivery.outbound(reply, house) for reply in here]


def _line(row: Any) -> HistoryEntry:
    return HistoryEntry(
        cursor=row["id"], message_id=row["id"], direction=row["direction"], author=row["author"],
        author_name=row["author_name"], text=row["text"], at=from_micros(row["created_at"]), status=row["status"],
        source_id=row["source_id"] or "", channel=row["channel"],
    )  # fmt: skip


__all__ = ["DeliveryStatus", "Reception", "accept"]
