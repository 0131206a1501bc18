"""A conversation as one line of time over all channels: messages, notes, and the events that are worth a line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from inbox import conversations, events, jsontext, staffing
from inbox.clock import from_micros
from inbox.console.view import age, shown, words
from inbox.console.why import PartLine, Why, explain, masked_of, parts_of
from inbox.db.store import Sql, Tx
from inbox.db.tables import attempts, decisions, messages, reviews
from inbox.errors import NotFound
from inbox.escalation import posting
from inbox.escalation.reasons import reason_of
from inbox.events import Event
from inbox.payouts import setoff

MESSAGES = 300

b = sa.bindparam
_MESSAGE = Sql(sa.select(messages).where(messages.c.id == b("message")))
_DECISIONS = Sql(sa.select(decisions).where(decisions.c.conversation_id == b("conversation")))
_ATTEMPTS = Sql(
    sa.select(attempts)
    .join(messages, messages.c.id == attempts.c.message_id)
    .where(messages.c.conversation_id == b("conversation"))
    .order_by(attempts.c.message_id, attempts.c.n)
)
_REVIEWS = Sql(
    sa.select(reviews)
    .join(messages, messages.c.id == reviews.c.message_id)
    .where(messages.c.conversation_id == b("conversation"))
    .order_by(reviews.c.id)
)


@dataclass(frozen=True, slots=True)
class Attempt:
    n: int
    started_at: datetime
    took: str
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    kind: Literal["author", "bot", "agent", "note", "event"]
    who: str
    text: str
    at: datetime
    key: str = ""
    channel: str = ""
    subject: str = ""
    address: str = ""
    status: str = ""
    status_detail: str = ""
    attempts: tuple[Attempt, ...] = ()
    masked: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    parts: tuple[PartLine, ...] = ()
    why: Why | None = None
    verdict: str = ""
    verdict_reason: str = ""
    reply_to: str = ""  # of an automated reply: the message it answers
    seq: int = 0  # of an event
    proven: bool = False  # the author's own words, which may be recorded as consent


_ROYALTIES = re.compile(r"(?i)royalt|regal[ií]a|ganancia|ganhos|earning|derechos|direitos")


@dataclass(frozen=True, slots=True)
class Timeline:
    entries: tuple[Entry, ...]
    earlier: bool  # there is more than is shown
    broken: str  # what is wrong with the chain of events, "" if it is whole

    @property
    def is_about_royalties(self) -> bool:
        """Somebody spoke of them here: only then may a "yes" be the consent to pay with them."""
        return any(_ROYALTIES.search(entry.text) for entry in self.entries if entry.kind in ("author", "agent"))


def gather(tx: Tx, conversation_id: str, author: str = "") -> Timeline:
    """``author`` is the name for messages that came without one."""
    rows = conversations.last(tx, conversation_id, MESSAGES + 1)
    earlier, rows = len(rows) > MESSAGES, rows[-MESSAGES:]
    names = {person.id: person.name or person.email for person in staffing.every(tx)}
    told = list(events.read(tx, conversation_id))
    entries = [*_messages(tx, conversation_id, rows, author), *_notes(tx, conversation_id), *_events(told, names)]
    start = from_micros(rows[0]["created_at"]) if earlier else None
    kept = [e for e in entries if start is None or e.at >= start]
    kept.sort(key=_place(told))
    return Timeline(tuple(kept), earlier, events.verify(tx, conversation_id))


def _place(told: list[Event]) -> Callable[[Entry], tuple[datetime, int, str]]:
    """What happened at the same moment stands in the order of the events: a message where it was received, an automated
    reply where its question was decided.
    """
    received = {str(e.data.get("message")): e.seq for e in told if e.type in ("message.received", "handoff.replied")}
    decided = {str(e.data.get("message")): e.seq for e in told if e.type == "message.decided"}
    noted = {str(e.data.get("note")): e.seq for e in told if e.type == "note.added"}

    def place(entry: Entry) -> tuple[datetime, int, str]:
        found = decided.get(entry.reply_to) or received.get(entry.key) or noted.get(entry.key) or 0
        return entry.at, entry.seq or found, entry.key

    return place


def one(tx: Tx, key: str) -> tuple[Entry, Entry | None]:
    """One automated reply with its reasons, and the message it answers. Raises ``NotFound``."""
    row = tx.one(_MESSAGE, message=key)
    if row is None or row["author"] != "bot":
        raise NotFound("There is no such reply.")
    conversation_id = row["conversation_id"]
    made = {d["message_id"]: explain(d) for d in tx.all(_DECISIONS, conversation=conversation_id)}
    verdicts = {r["message_id"]: r for r in tx.all(_REVIEWS, conversation=conversation_id)}
    tried = tuple(_attempt(a) for a in tx.all(_ATTEMPTS, conversation=conversation_id) if a["message_id"] == key)
    asked = tx.one(_MESSAGE, message=row["reply_to"])
    return _outbound(row, made.get(row["reply_to"]), tried, verdicts.get(key)), _inbound(
        asked, None, ""
    ) if asked else None


# -- messages


def _messages(tx: Tx, conversation_id: str, rows: list[Any], author: str) -> Iterator[Entry]:
    made = {row["message_id"]: explain(row) for row in tx.all(_DECISIONS, conversation=conversation_id)}
    verdicts = {row["message_id"]: row for row in tx.all(_REVIEWS, conversation=conversation_id)}
    tried: dict[str, list[Attempt]] = {}
    for row in tx.all(_ATTEMPTS, conversation=conversation_id):
        tried.setdefault(row["message_id"], []).append(_attempt(row))
    answered = {row["reply_to"] for row in rows if row["author"] == "bot"}
    for row in rows:
        if row["direction"] == "inbound":
            yield _inbound(row, None if row["id"] in answered else made.get(row["id"]), author)
        else:
            yield _outbound(row, made.get(row["reply_to"]), tuple(tried.get(row["id"], ())), verdicts.get(row["id"]))


def _inbound(row: Any, why: Why | None, author: str) -> Entry:
    """The decision stands with the reply; without a reply it stands here."""
    files = tuple(
        f"{f['filename']} ({f['content_type']}, {f['size']} bytes)" for f in jsontext.loads(row["attachments"])
    )
    return Entry(
        kind="author", who=row["author_name"] or author or "Author", text=shown(row["text"]), at=from_micros(row["created_at"]),
        key=row["id"], channel=row["channel"], subject=shown(row["subject"]), address=row["address"].partition(":")[2],
        masked=masked_of(row), files=files, why=why, status="" if row["kind"] == "text" else row["kind"],
        proven=row["proof"] in setoff.PROVEN,
    )  # fmt: skip


def _outbound(row: Any, why: Why | None, tried: tuple[Attempt, ...], verdict: Any) -> Entry:
    kind: Literal["bot", "agent"] = "agent" if row["author"] == "agent" else "bot"
    return Entry(
        kind=kind, who=row["author_name"] or ("Agent" if kind == "agent" else "Bot"), text=shown(row["text"]),
        at=from_micros(row["created_at"]), key=row["id"], channel=row["channel"], subject=row["subject"],
        address=row["address"].partition(":")[2], status=row["status"], status_detail=_detail(row), attempts=tried,
        reply_to=row["reply_to"] if kind == "bot" else "", parts=parts_of(row), why=why if kind == "bot" else None, verdict=verdict["verdict"] if verdict else "",
        verdict_reason=verdict["reason"] if verdict else "",
    )  # fmt: skip


def _detail(row: Any) -> str:
    if (row["status"], row["status_code"]) == ("suppressed", "claimed"):
        return "Not sent: a person took the conversation before it left."
    return " ".join(part for part in (row["status_code"], row["status_detail"]) if part)


def _attempt(row: Any) -> Attempt:
    started = from_micros(row["started_at"])
    took = age(started, from_micros(row["ended_at"])) if row["ended_at"] else "no outcome known"
    return Attempt(row["n"], started, took, row["outcome"] or "open", row["detail"])


def _notes(tx: Tx, conversation_id: str) -> Iterator[Entry]:
    for row in posting.notes_of(tx, conversation_id):
        yield Entry(
            kind="note",
            who=row["author_name"],
            text=shown(row["text"]),
            at=from_micros(row["created_at"]),
            key=row["id"],
        )


# -- events


def _events(told: Iterable[Event], names: Mapping[str, str]) -> Iterator[Entry]:
    for event in told:
        text = line_of(event)
        if text:
            who = names.get(event.actor, words(event.actor))
            yield Entry(kind="event", who=who, text=text, at=event.at, seq=event.seq)


def line_of(event: Event) -> str:
    """One line for people; ``""`` for what the timeline shows in another way."""
    say = _LINES.get(event.type)
    return say(event.data) if say else ""


class _Blank(dict[str, str]):
    """Fields that an event lacks read as nothing."""

    def __missing__(self, key: str) -> str:
        return ""


def _told(text: str) -> Callable[[Mapping[str, Any]], str]:
    return lambda data: text.format_map(_Blank({k: str(v).replace("_", " ") for k, v in data.items()}))


def _opened(data: Mapping[str, Any]) -> str:
    return f"Case #{data.get('case')} opened: {reason_of(str(data.get('reason', ''))).headline}"


def _ended(data: Mapping[str, Any]) -> str:
    """Without a case: the bot's own ending."""
    outcome = str(data.get("outcome", ""))
    return f"Resolved: {words(outcome)}" if outcome.startswith(("answered", "joined")) else ""


_LINES: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "conversation.opened": _told("Conversation opened"),
    "conversation.identified": _told("The sender proved to be another contact"),
    "conversation.joined": _told("Another conversation of the author was joined to this one"),
    "conversation.snoozed": _told("Snoozed"),
    "conversation.resolved": _ended,
    "handoff.opened": _opened,
    "handoff.claimed": _told("Claimed case #{case}"),
    "handoff.released": _told("Released case #{case}"),
    "handoff.returned": _told("Case #{case} went back to the bot: {outcome} {note}"),
    "handoff.resolved": _told("Case #{case} resolved: {outcome} {note}"),
    "handoff.reopened": _told("Case #{case} opened again {reason}"),
    "handoff.widened": _told("More came up on case #{case}: {also}"),
    "handoff.taken_over": _told("Took the conversation over from the bot"),
    "collections.paused": _told("Reminders paused for {invoice}: {reason}"),
    "message.suppressed": _told("Not sent by {channel}: {words}"),
    "notice.not_sent": lambda data: f"A notice could not be sent: {data.get('why', '')}",
    "message.retried": _told("Sent again by hand: {why}"),
    "code.sent": _told("One-time code sent"),
    "code.verified": _told("One-time code was right"),
    "code.rejected": _told("One-time code was wrong"),
    "security.code_locked": _told("Codes locked after too many tries"),
    "opt_out.stored": _told("Opted out"),
    "opt_out.lifted": _told("Opted in again"),
    "preference.stored": _told("Contact wishes stored"),
    "promise.stored": _told("Promise to pay stored"),
    "withdrawal.requested": _told("Withdrawal requested"),
    "payout.held": _told("Payouts put on hold"),
    "flag.set": _told("Account flagged: {flag}"),
    "link.used": _told("Opened the secure link"),
    "contact.identified": _told("The sender is an author of the billing system: {account}"),
    "chargeback.opened": _told("Chargeback {dispute} for {amount} on {invoice}, answer by {respond_by}"),
    "chargeback.closed": _told("Chargeback {dispute} ended: {status}"),
    "payment.received": _told("Payment {payment} of {amount} {currency} came in for {invoice}"),
    "payment_method.added": _told("A new {type} to pay with"),
    "refund.updated": _told("Refund {refund} of {amount}: {status}"),
    "contact.recognised": _told("Recognised by {point}: account {account}"),
    "crm.filed": _told("Written to the CRM: {what}, {url}"),
    "desk.refused": _told("Refused at the desk: {what}, {why}"),
    "reply.reviewed": _told("A reply was marked {verdict}: {reason}"),
}
