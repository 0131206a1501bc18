"""``say``: the only writer of outbound messages. Policy, approved words, render, row and job, all in the caller's commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import contacts, events, jobs, jsontext
from inbox.accounts.base import Account
from inbox.clock import to_micros
from inbox.contact_policy import Denied, Purpose, may_write
from inbox.conversations import Conversation, address
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import messages
from inbox.disclosure import lookup, wrong_author
from inbox.disclosure.lookup import Going
from inbox.errors import DataError, MissingFact
from inbox.house import House
from inbox.ids import new_id
from inbox.message import LANGUAGES, ChannelName, ContactPoint, Language, jsonable
from inbox.templates import values, versions
from inbox.templates.render import Part, Rendered, letter, render

#: Channels whose reader picks replies up from the history; the others get a job in their lane.
PICKED_UP: frozenset[ChannelName] = frozenset({"chat", "voice"})

_ADD = insert(
    messages, "id", "conversation_id", "contact_id", "direction", "channel", "author", "author_name", "address", "subject",
    "text", "html", "language", "status", "status_code", "status_detail", "reply_to", "thread", "parts", "meta", "received_at",
    "created_at",
)  # fmt: skip
b = sa.bindparam
_LAST_THREAD = Sql(
    sa.select(messages.c.subject, messages.c.thread)
    .where(
        messages.c.conversation_id == b("conversation"),
        messages.c.direction == "inbound",
        messages.c.channel == "email",
    )
    .order_by(messages.c.id.desc())
    .limit(1)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """One answer with its facts; ``sources`` tells for each fact the record and the as-of time."""

    answer: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """Where a message goes and whom it answers."""

    channel: ChannelName
    point: ContactPoint
    reply_to: str = ""  # the inbound message
    name: str = ""
    timezone: str = ""
    account: Account | None = None  # the author's own, where it is at hand
    never_leaves: bool = False  # written like any other, so that the way is the same, but nobody gets it


@dataclass(frozen=True, slots=True)
class Said:
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Unsaid:
    """Nothing will be sent, and why: ``template_not_approved``, ``missing_fact``, ``wrong_author`` or a policy reason."""

    reason: str
    words: str


def say(
    tx: Tx, house: House, conversation: Conversation, to: To, says: Sequence[Say], now: datetime, *,
    purpose: Purpose = "reply", meta: Mapping[str, str] | None = None, not_before: datetime | None = None,
) -> Said | Unsaid:  # fmt: skip
    """Queue one automatic message made of approved answers; it leaves ``not_before`` that moment, if one is given."""
    refused = _refused(tx, house, to, purpose)
    if refused:
        return _suppressed(tx, conversation, to, refused, [s.answer for s in says], now)
    language = language_of(conversation.language)
    parts, used = [], []
    for part in (*says, *([Say(answer=versions.LAYOUT)] if to.channel == "email" else [])):
        version = versions.approved(tx, part.answer, language)
        if version is None:
            return Unsaid("template_not_approved", f"no approved version of {part.answer} in {language}")
        parts.append(Part(part.answer, version.bundle, part.facts))
        used.append({
            "answer": part.answer, "version": version.version, "version_id": version.id, "language": language,
            "facts": values.pack(dict(part.facts)), "sources": jsonable(part.sources),
        })  # fmt: skip
    try:
        rendered = render(parts, to.channel, language, house.company, to.name, timezone=to.timezone)
    except MissingFact as missing:
        return Unsaid("missing_fact", str(missing))
    except DataError as broken:
        return Unsaid("template_broken", str(broken))
    if blocked := _blocked(tx, house, conversation, to, rendered, now):
        return blocked
    kept = {**(meta or {}), **({"purpose": purpose} if purpose == "confirmation" else {})}
    key = _store(
        tx, house, conversation, to, rendered, now, author="bot", parts=used, meta=kept, not_before=not_before,
        threaded=purpose != "notice",
    )  # fmt: skip
    return Said(key, rendered.text)


def say_as_agent(
    tx: Tx, house: House, conversation: Conversation, to: To, text: str, now: datetime, *, agent: str, display_name: str
) -> Said | Unsaid:
    """Queue a person's own words; ``agent`` is their staff id."""
    refused = _refused(tx, house, to, "agent_reply")
    if refused:
        return _suppressed(tx, conversation, to, refused, ["agent reply"], now)
    rendered = letter(
        text, to.channel, language_of(conversation.language), house.company, to.name, agent_name=display_name
    )
    if blocked := _blocked(tx, house, conversation, to, rendered, now, agent=agent, display_name=display_name):
        return blocked
    key = _store(
        tx,
        house,
        conversation,
        to,
        rendered,
        now,
        author="agent",
        author_name=display_name,
        parts=[],
        meta={"agent": agent},
    )
    return Said(key, rendered.text)


def _blocked(
    tx: Tx, house: House, conversation: Conversation, to: To, rendered: Rendered, now: datetime, *, agent: str = "",
    display_name: str = "",
) -> Unsaid | None:  # fmt: skip
    """Nothing of another author leaves, whoever wrote it; an attempt is on the security record."""
    going = Going(
        texts=(rendered.text, rendered.subject), contact_id=conversation.contact_id, at=now, own=to.account,
        agent=display_name,
    )  # fmt: skip
    found = lookup.culprits(tx, house, going)
    if not found:
        return None
    told = [{"kind": c.kind, "words": c.words, "account": c.account_id} for c in found[:20]]
    for stream in ("security", conversation.id):
        events.record(
            tx, stream, "security.wrong_author", now, agent or "bot", conversation=conversation.id, channel=to.channel,
            to=address(to.point), found=told,
        )  # fmt: skip
    return Unsaid("wrong_author", wrong_author.words(found))


def _refused(tx: Tx, house: House, to: To, purpose: Purpose) -> Denied | None:
    return may_write(purpose, to.channel, contacts.suppression(tx, to.point), switched_on=to.channel in house.channels)


def _suppressed(tx: Tx, conversation: Conversation, to: To, refused: Denied, what: list[str], now: datetime) -> Unsaid:
    events.record(
        tx, conversation.id, "message.suppressed", now, "bot", reason=refused.reason, words=refused.words,
        channel=to.channel, to=address(to.point), answers=what,
    )  # fmt: skip
    return Unsaid(refused.reason, refused.words)


def _store(
    tx: Tx, house: House, conversation: Conversation, to: To, rendered: Rendered, now: datetime, *, author: str,
    author_name: str = "", parts: list[dict[str, Any]], meta: Mapping[str, str], not_before: datetime | None = None,
    threaded: bool = True,
) -> str:  # fmt: skip
    key, micros = new_id(), to_micros(now)
    # A notice answers nothing: it has its own subject and hangs on no thread.
    subject, thread = (
        _threaded(tx, house, conversation, to, rendered.subject, now) if threaded else (rendered.subject, {})
    )
    tx.run(
        _ADD, id=key, conversation_id=conversation.id, contact_id=conversation.contact_id, direction="outbound",
        channel=to.channel, author=author, author_name=author_name, address=address(to.point), subject=subject,
        text=rendered.text, html=rendered.html, language=conversation.language,
        status="suppressed" if to.never_leaves else "queued", status_code="",
        status_detail="no contact on file: it was not sent" if to.never_leaves else "", reply_to=to.reply_to, thread=jsontext.dumps(thread), parts=jsontext.dumps(parts),
        meta=jsontext.dumps(dict(meta)), received_at=0, created_at=micros,
    )  # fmt: skip
    if to.channel in PICKED_UP:
        tx.wake(f"chat:{address(to.point)}")
        tx.wake(f"replies:{to.reply_to}")
    else:
        # What waits for the morning must not hold up the replies behind it.
        lock = f"{conversation.id}:{'later' if not_before else 'out'}"
        jobs.enqueue(tx, f"deliver:{to.channel}", "deliver", lock, now, run_at=not_before, message=key)
    return key


def _threaded(
    tx: Tx, house: House, conversation: Conversation, to: To, subject: str, now: datetime
) -> tuple[str, dict[str, Any]]:  # fmt: skip
    """An answer by mail stays in the author's thread: their Message-ID, and their subject unless it names someone else."""
    if to.channel != "email":
        return "", {}
    row = tx.one(_LAST_THREAD, conversation=conversation.id)
    if row is None:
        return subject, {}
    theirs = jsontext.loads(row["thread"])
    asked = str(row["subject"]).strip()
    answered = asked if asked.lower().startswith("re:") else f"Re: {asked}" if asked else subject
    if lookup.culprits(tx, house, Going(texts=(answered,), contact_id=conversation.contact_id, at=now, own=to.account)):
        answered = subject
    references = [*theirs.get("references", ()), theirs.get("message_id", "")]
    return answered[:300], {
        "in_reply_to": theirs.get("message_id", ""), "references": [r for r in references if r][-20:],
    }  # fmt: skip


def language_of(code: str) -> Language:
    return next((known for known in LANGUAGES if known == code), "en")
