"""Whom we write to about money, and where: the author's conversation, the addresses on file, what we know of their day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any

import phonenumbers
import phonenumbers.timezone
import sqlalchemy as sa

from inbox import contacts, conversations
from inbox.accounts.base import Account
from inbox.clock import from_micros
from inbox.contact_policy import LAWFUL_FROM, LAWFUL_UNTIL, Hours, Pause
from inbox.conversations import Conversation, point_of
from inbox.db.store import Sql, Tx
from inbox.db.tables import messages, preferences
from inbox.house import House
from inbox.message import ChannelName, ContactPoint, SenderProof
from inbox.receivables import holds
from inbox.replies import To

#: A receipt goes into the chat only if the author wrote there so lately that they still look at it.
CHAT_LASTS = timedelta(minutes=30)
#: More zones than this say nothing about where a number is (toll-free numbers have all of a continent).
MOST_ZONES = 4
#: Outcomes of a call in the contact log that mean that we talked.
TALKED = frozenset({"talked", "conversation", "connected", "answered", "reached", "right_party_contact"})

b = sa.bindparam
_LAST_IN = Sql(
    sa.select(messages.c.channel, messages.c.address, messages.c.proof, messages.c.received_at)
    .where(messages.c.conversation_id == b("conversation"), messages.c.direction == "inbound")
    .order_by(messages.c.id.desc())
    .limit(1)
)
_LAST_CALL = Sql(
    sa.select(messages.c.received_at)
    .where(
        messages.c.conversation_id == b("conversation"),
        messages.c.direction == "inbound",
        messages.c.channel == "voice",
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)
_PREFERENCE = Sql(sa.select(preferences).where(preferences.c.contact_id == b("contact")))


def stream_of(tx: Tx, account: Account) -> str:
    """Where events about this author's money are recorded: the last conversation, or the account while there is none."""
    found = latest(tx, account)
    return found.id if found else f"account:{account.ref.id}"


def latest(tx: Tx, account: Account) -> Conversation | None:
    """The author's last conversation, live or not."""
    author = contacts.by_account(tx, account.ref.source, account.ref.id)
    return conversations.latest_plain(tx, author.id) if author else None


def conversation_with(
    tx: Tx, house: House, account: Account, channel: str, subject: str, now: datetime
) -> Conversation:
    """The author's live or recent conversation; opened for an author who never wrote."""
    author = contacts.by_account(tx, account.ref.source, account.ref.id) or contacts.add(
        tx, now, source=account.ref.source, account_id=account.ref.id, name=account.name, language=account.language,
        timezone=account.timezone,
    )  # fmt: skip
    found = conversations.find_or_open(
        tx, author.id, now, channel=channel, subject=subject, language=account.language,
        reopen=timedelta(days=house.rules.reopen_days),
    )  # fmt: skip
    return found if found.language else replace(found, language=account.language)


def rest(tx: Tx, conversation: Conversation, now: datetime) -> None:
    """A conversation that was opened only for a notice of ours waits for nothing; an answer opens it again."""
    if conversation.opened_at == now and conversation.status == "pending":
        conversations.set_status(tx, conversation, "resolved", now, outcome="notified")


def point_on_file(account: Account, channel: str) -> ContactPoint | None:
    kind = "email" if channel == "email" else "phone"
    return next((p for p in account.points() if p.kind == kind), None)


def receipt_to(tx: Tx, house: House, account: Account, conversation: Conversation | None, now: datetime) -> To | None:
    """Where a receipt goes: the chat the signed-in author has open, else the channel used last, else what is on file
    and allowed; None if nothing is.
    """
    last = tx.one(_LAST_IN, conversation=conversation.id) if conversation else None
    if last is not None and "chat" in house.channels and _is_open_chat(last, now):
        return To(channel="chat", point=point_of(last["address"]), name=called(account), timezone=account.timezone)
    order: list[ChannelName] = ["email", "sms"]
    if last is not None and last["channel"] in ("sms", "voice"):
        order = ["sms", "email"]
    for channel in order:
        point = point_on_file(account, channel)
        if point is None or channel not in house.channels or contacts.suppression(tx, point) not in _ALLOWED[channel]:
            continue
        if account.consents.get(channel, False) or channel == "email":
            return To(channel=channel, point=point, name=called(account), timezone=account.timezone)
    return None


def _is_open_chat(last: Any, now: datetime) -> bool:
    signed_in = last["channel"] == "chat" and last["proof"] == SenderProof.PORTAL
    return bool(signed_in and now - from_micros(last["received_at"]) <= CHAT_LASTS)


#: An opt-out of reminders by mail leaves receipts allowed; one of texts does not.
_ALLOWED: dict[str, tuple[str, ...]] = {"email": ("", "opt_out"), "sms": ("",)}


def called(account: Account) -> str:
    """The name a greeting uses."""
    return (account.name.split() or [""])[0]


@dataclass(frozen=True, slots=True)
class Habits:
    """What we know of when the author may be reached."""

    wished: Hours | None = None
    talked_at: datetime | None = None
    with_person: bool = False


def habits(tx: Tx, account: Account) -> Habits:
    author = contacts.by_account(tx, account.ref.source, account.ref.id)
    conversation = conversations.latest_plain(tx, author.id) if author else None
    if author is None or conversation is None:
        return Habits(talked_at=_logged_talk(account))
    call = tx.one(_LAST_CALL, conversation=conversation.id)
    talks = [t for t in (_logged_talk(account), from_micros(call["received_at"]) if call else None) if t]
    return Habits(
        wished=_wished(tx, author.id), talked_at=max(talks, default=None), with_person=conversation.owner != conversations.BOT
    )  # fmt: skip


def _logged_talk(account: Account) -> datetime | None:
    return max((c.at for c in account.contact_log if c.channel == "call" and c.outcome in TALKED), default=None)


def _wished(tx: Tx, contact_id: str) -> Hours | None:
    row = tx.one(_PREFERENCE, contact=contact_id)
    if row is None or not (row["not_before"] or row["not_after"]):
        return None
    opens = time.fromisoformat(row["not_before"]) if row["not_before"] else LAWFUL_FROM
    closes = time.fromisoformat(row["not_after"]) if row["not_after"] else LAWFUL_UNTIL
    return Hours(opens, closes) if opens < closes else None


def pauses(tx: Tx, account: Account, now: datetime) -> tuple[Pause, ...]:
    return tuple(
        Pause(row["invoice_id"], row["reason"], of_case=row["case"] > 0) for row in holds.of(tx, account.ref.id, now)
    )


@lru_cache(maxsize=4096)
def zones_of(phone: str) -> tuple[str, ...]:
    """Time zones in which this number may be; () where it does not tell."""
    try:
        found = phonenumbers.timezone.time_zones_for_number(phonenumbers.parse(phone))
    except phonenumbers.NumberParseException:
        return ()
    known = tuple(z for z in found if z != phonenumbers.timezone.UNKNOWN_TIMEZONE)
    return known if len(known) <= MOST_ZONES else ()
