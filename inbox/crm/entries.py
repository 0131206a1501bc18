"""Read from the store what the CRM should have of a conversation: its cases in order, then its log entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, jsontext
from inbox.accounts import ledger
from inbox.accounts.base import AccountRef
from inbox.clock import from_micros, zone
from inbox.conversations import Conversation
from inbox.crm import wording
from inbox.crm.base import CaseEntry, TalkEntry
from inbox.db.store import Sql, Tx
from inbox.db.tables import decisions, handoffs, messages
from inbox.errors import NotFound
from inbox.house import House
from inbox.message import ContactPoint, Severity

b, m = sa.bindparam, messages.c
_CASES = Sql(sa.select(handoffs).where(handoffs.c.conversation_id == b("conversation")).order_by(handoffs.c.number))
_CASE = Sql(sa.select(handoffs).where(handoffs.c.number == b("case")))
_COUNTS = Sql(
    sa.select(m.channel, m.author, sa.func.count().label("n"), sa.func.min(m.id).label("first"))
    .where(m.conversation_id == b("conversation"), m.status != "suppressed")
    .group_by(m.channel, m.author)
    .order_by(sa.func.min(m.id))
)
_TOPICS = Sql(
    sa.select(decisions.c.intent, sa.func.min(decisions.c.message_id).label("first"))
    .where(decisions.c.conversation_id == b("conversation"), decisions.c.intent != "")
    .group_by(decisions.c.intent)
    .order_by(sa.func.min(decisions.c.message_id))
)
_MOMENTS = {"due": "due_at", "claimed": "claimed_at", "first_reply": "first_reply_at", "closed": "closed_at"}


@dataclass(frozen=True, slots=True)
class Made:
    """An entry, and what its author can be found by."""

    entry: CaseEntry | TalkEntry
    points: tuple[ContactPoint, ...]
    author_id: str


@dataclass(frozen=True, slots=True)
class _Author:
    name: str
    account: str
    author_id: str
    points: tuple[ContactPoint, ...]


def subjects(tx: Tx, conversation_id: str, *, talks: bool) -> list[str]:
    """``case:1041`` for each case, oldest first, then, with ``talks``, ``talk:ID`` of a conversation that is resolved."""
    found = [f"case:{row['number']}" for row in tx.all(_CASES, conversation=conversation_id)]
    conversation = conversations.by_id_plain(tx, conversation_id)
    if (
        talks
        and conversation is not None
        and conversation.status == "resolved"
        and not conversation.outcome.startswith(conversations.JOINED)
    ):
        found.append(f"talk:{conversation_id}")
    return found


def entry_of(tx: Tx, house: House, conversation_id: str, subject: str, remote_id: Callable[[str], str]) -> Made | None:
    """The record as it should be now; ``remote_id`` tells the CRM's id of a subject. None if it is gone."""
    conversation = conversations.by_id_plain(tx, conversation_id)
    if conversation is None:
        return None
    author = _author(tx, conversation)
    about = wording.About(
        name=author.name, account=author.account, url=f"{house.public_url}/console/conversations/{conversation.id}"
    )
    kind, _, number = subject.partition(":")
    if kind == "case":
        row = tx.one(_CASE, case=int(number))
        return Made(_case(row, conversation, author, about), author.points, author.author_id) if row else None
    entry = _talk(tx, house, conversation, about, remote_id)
    return Made(entry, author.points, author.author_id) if entry else None


def _case(row: Any, conversation: Conversation, author: _Author, about: wording.About) -> CaseEntry:
    times = {name: from_micros(row[column]) for name, column in _MOMENTS.items() if row[column]}
    facts: Mapping[str, Any] = jsontext.loads(row["facts"])
    return CaseEntry(
        key=f"{row['number']}-{row['conversation_id']}", subject=wording.case_subject(row),
        text=wording.case_text(row, facts, about, times), severity=Severity(row["severity"]), status=row["status"],
        channel=conversation.channel, author_name=wording.masked(author.name), points=author.points,  # type: ignore[arg-type]  # stored by us
    )  # fmt: skip


def _talk(
    tx: Tx, house: House, conversation: Conversation, about: wording.About, remote_id: Callable[[str], str]
) -> TalkEntry | None:
    if conversation.resolved_at is None:
        return None
    cases = tx.all(_CASES, conversation=conversation.id)
    rows = tx.all(_COUNTS, conversation=conversation.id)
    by = {who: sum(row["n"] for row in rows if row["author"] == who) for who in ("author", "bot", "agent")}
    counts = wording.Counts(
        channels=tuple(dict.fromkeys(row["channel"] for row in rows)) or (conversation.channel,), author=by["author"],
        bot=by["bot"], agent=by["agent"], topics=tuple(r["intent"] for r in tx.all(_TOPICS, conversation=conversation.id)),
        cases=tuple((row["number"], row["outcome"]) for row in cases), opened_at=conversation.opened_at,
        ended_at=conversation.resolved_at, outcome=conversation.outcome or "resolved",
    )  # fmt: skip
    ended_on = conversation.resolved_at.astimezone(zone(house.company.timezone)).date()
    return TalkEntry(
        key=conversation.id, subject=wording.talk_subject(counts), text=wording.talk_text(counts, about), ended_on=ended_on,
        case_id=remote_id(f"case:{cases[-1]['number']}") if cases else "",
    )  # fmt: skip


def _author(tx: Tx, conversation: Conversation) -> _Author:
    """The biller's record of them, else what they wrote from."""
    contact = contacts.by_id(tx, conversation.contact_id)
    if contact is None:
        return _Author("", "", "", ())
    own = tuple(p for p in contacts.points(tx, contact.id) if p.kind != "chat")
    if not contact.account_id:
        return _Author(contact.name, "", "", own)
    account = f"{contact.account_source}:{contact.account_id}"
    try:
        known = ledger.load(tx, AccountRef(contact.account_source, contact.account_id))
    except NotFound:
        return _Author(contact.name, account, contact.account_id, own)
    return _Author(known.name, account, contact.account_id, known.points())
