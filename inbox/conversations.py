"""Conversations and their messages: find or open, change status, read back.

Status: ``pending`` (the bot has it), ``open`` (a person has it), ``snoozed``, ``resolved``. ``owner`` is ``bot`` or a
staff id; every change of owner or status raises ``version``, and the bot's reply commits only at the version it read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import events, jsontext
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import conversations, messages, notes, thread_keys
from inbox.ids import new_id
from inbox.message import ContactPoint

BOT = "bot"
JOINED = "joined:"  # the outcome of a conversation that goes on in another one, whose id follows
_TOKEN = "conversation:"  # noqa: S105 - the mark of a verified reply token in thread keys, no secret
b = sa.bindparam

_BY_ID = Sql(sa.select(conversations).where(conversations.c.id == b("conversation")).with_for_update())
_BY_ID_PLAIN = Sql(sa.select(conversations).where(conversations.c.id == b("conversation")))
_LIVE = Sql(
    sa.select(conversations)
    .where(conversations.c.contact_id == b("contact"), conversations.c.status != "resolved")
    .with_for_update()
)
_LATEST = Sql(
    sa.select(conversations)
    .where(conversations.c.contact_id == b("contact"))
    .order_by(conversations.c.opened_at.desc())
    .limit(1)
    .with_for_update()
)
_LATEST_PLAIN = Sql(
    sa.select(conversations)
    .where(conversations.c.contact_id == b("contact"))
    .order_by(conversations.c.opened_at.desc())
    .limit(1)
)
_ADD = insert(
    conversations,
    "id",
    "contact_id",
    "status",
    "channel",
    "subject",
    "language",
    "owner",
    "opened_at",
    "last_message_at",
)
_TOUCH = Sql(
    sa.update(conversations)
    .where(conversations.c.id == b("conversation"))
    .values(
        channel=b("on"), language=b("in_language"), topic=b("about"), context=b("state"), last_message_at=b("at"),
        proof_level=b("level"), proof_point=b("point"), proof_at=b("proven"), proof_account=b("proven_account"),
        proof_authority=b("proven_authority"),
    )
)  # fmt: skip
_STATUS = Sql(
    sa.update(conversations)
    .where(conversations.c.id == b("conversation"), conversations.c.version == b("read"))
    .values(
        status=b("to"), owner=b("who"), version=conversations.c.version + 1, resolved_at=b("ended"), outcome=b("result")
    )
)
_BY_KEY = Sql(
    sa.select(conversations)
    .join(thread_keys, thread_keys.c.conversation_id == conversations.c.id)
    .where(thread_keys.c.key == b("thread_key"))
)
_KEY_KNOWN = Sql(sa.select(thread_keys.c.conversation_id).where(thread_keys.c.key == b("thread_key")))
_ADD_KEY = insert(thread_keys, "key", "conversation_id")
_MOVE_CONTACT = Sql(
    sa.update(conversations).where(conversations.c.id == b("conversation")).values(contact_id=b("contact"))
)
_MESSAGES = Sql(
    sa.select(messages)
    .where(messages.c.conversation_id == b("conversation"), messages.c.id > b("after"))
    .order_by(messages.c.id)
    .limit(b("limit"))
)
_LAST = Sql(
    sa.select(messages)
    .where(messages.c.conversation_id == b("conversation"))
    .order_by(messages.c.id.desc())
    .limit(b("limit"))
)
_ADD_NOTE = insert(notes, "id", "conversation_id", "case", "author_name", "text", "created_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    id: str
    contact_id: str
    status: str
    channel: str
    subject: str
    language: str
    topic: str
    owner: str
    version: int
    context: Mapping[str, Any] = field(default_factory=dict)
    proof_level: int = 0
    proof_point: str = ""
    proof_at: datetime | None = None
    proof_account: str = ""  # "source:id", where it is not the contact's own account
    proof_authority: str = ""  # the address of an authorised person, "email:…"
    opened_at: datetime
    last_message_at: datetime
    resolved_at: datetime | None = None
    outcome: str = ""

    @property
    def awaiting(self) -> str:
        return str(self.context.get("awaiting", ""))


def by_id(tx: Tx, conversation_id: str) -> Conversation | None:
    """The conversation, locked against other units until the commit."""
    row = tx.one(_BY_ID, conversation=conversation_id)
    return _conversation(row) if row else None


def by_id_plain(tx: Tx, conversation_id: str) -> Conversation | None:
    """The same without a lock, for readers."""
    row = tx.one(_BY_ID_PLAIN, conversation=conversation_id)
    return _conversation(row) if row else None


def by_thread(tx: Tx, keys: tuple[str, ...]) -> Conversation | None:
    """The conversation that one of these keys belongs to; the first known one wins.

    A key is a Message-ID, or ``conversation:ID`` of a reply token that the channel has verified.
    """
    for key in keys:
        if key.startswith(_TOKEN):
            found = by_id(tx, key.removeprefix(_TOKEN))
            if found is not None:
                return found
            continue
        row = tx.one(_BY_KEY, thread_key=key)
        if row:
            return _conversation(row)
    return None


def live(tx: Tx, contact_id: str) -> Conversation | None:
    row = tx.one(_LIVE, contact=contact_id)
    return _conversation(row) if row else None


def goes_on(tx: Tx, conversation: Conversation) -> Conversation:
    """Where something late about this conversation belongs: the contact's live one if this has ended meanwhile, else itself.

    A contact has one live conversation, so that an older one cannot simply be opened again.
    """
    if conversation.status != "resolved":
        return conversation
    return live(tx, conversation.contact_id) or conversation


def latest(tx: Tx, contact_id: str) -> Conversation | None:
    """The contact's last conversation, live or not."""
    row = tx.one(_LATEST, contact=contact_id)
    return _conversation(row) if row else None


def latest_plain(tx: Tx, contact_id: str) -> Conversation | None:
    """The same without a lock, for readers."""
    row = tx.one(_LATEST_PLAIN, contact=contact_id)
    return _conversation(row) if row else None


def find_or_open(
    tx: Tx, contact_id: str, at: datetime, *, channel: str, subject: str, language: str, reopen: timedelta
) -> Conversation:
    """The live conversation, or the last one if it ended less than ``reopen`` ago, else a new one."""
    found = live(tx, contact_id)
    if found is None:
        ended = latest(tx, contact_id)
        if ended and ended.resolved_at and at - ended.resolved_at < reopen:
            found = ended
    return found or _open(tx, contact_id, at, channel=channel, subject=subject, language=language)


def _open(tx: Tx, contact_id: str, at: datetime, *, channel: str, subject: str, language: str) -> Conversation:
    conversation = new_id()
    micros = to_micros(at)
    tx.run(
        _ADD, id=conversation, contact_id=contact_id, status="pending", channel=channel, subject=subject[:300],
        language=language, owner=BOT, opened_at=micros, last_message_at=micros,
    )  # fmt: skip
    events.record(tx, conversation, "conversation.opened", at, contact=contact_id, channel=channel)
    return Conversation(
        id=conversation, contact_id=contact_id, status="pending", channel=channel, subject=subject[:300],
        language=language, topic="", owner=BOT, version=0, opened_at=at, last_message_at=at,
    )  # fmt: skip


def touch(tx: Tx, conversation: Conversation) -> None:
    """Write back what a message changed: channel, language, topic, context, proof."""
    tx.run(
        _TOUCH, conversation=conversation.id, on=conversation.channel, in_language=conversation.language,
        about=conversation.topic, state=jsontext.dumps(dict(conversation.context)),
        at=to_micros(conversation.last_message_at), level=conversation.proof_level, point=conversation.proof_point,
        proven=to_micros(conversation.proof_at) if conversation.proof_at else 0,
        proven_account=conversation.proof_account, proven_authority=conversation.proof_authority,
    )  # fmt: skip


def set_status(
    tx: Tx,
    conversation: Conversation,
    status: str,
    at: datetime,
    *,
    owner: str = BOT,
    actor: str = "bot",
    outcome: str = "",
) -> Conversation | None:
    """Change status and owner; None if somebody else changed them first. No-op when nothing would change."""
    if (conversation.status, conversation.owner) == (status, owner):
        return conversation
    ended = to_micros(at) if status == "resolved" else 0
    changed = tx.run(
        _STATUS, conversation=conversation.id, read=conversation.version, to=status, who=owner, ended=ended, result=outcome
    )  # fmt: skip
    if not changed:
        return None
    events.record(
        tx, conversation.id, f"conversation.{_WORD[status]}", at, actor,
        before={"status": conversation.status, "owner": conversation.owner},
        after={"status": status, "owner": owner}, outcome=outcome,
    )  # fmt: skip
    tx.wake("queue")
    return replace(
        conversation, status=status, owner=owner, version=conversation.version + 1, outcome=outcome,
        resolved_at=at if ended else None,
    )  # fmt: skip


_WORD = {"pending": "returned", "open": "handed_over", "snoozed": "snoozed", "resolved": "resolved"}


def move_to_contact(tx: Tx, conversation: Conversation, contact_id: str, at: datetime) -> Conversation:
    """The sender proved to be another contact, one that has no live conversation: the conversation is theirs now."""
    tx.run(_MOVE_CONTACT, conversation=conversation.id, contact=contact_id)
    events.record(
        tx, conversation.id, "conversation.identified", at, contact=contact_id, before=conversation.contact_id
    )
    return replace(conversation, contact_id=contact_id)


def remember_key(tx: Tx, conversation_id: str, key: str) -> None:
    """Tie a Message-ID to a conversation; the first tie stays."""
    if key and tx.one(_KEY_KNOWN, thread_key=key) is None:
        tx.run(_ADD_KEY, key=key, conversation_id=conversation_id)


def note(tx: Tx, conversation_id: str, case: int, author: str, text: str, at: datetime) -> str:
    """Keep what agents say among themselves; it is never sent."""
    key = new_id()
    tx.run(
        _ADD_NOTE, id=key, conversation_id=conversation_id, case=case, author_name=author, text=text, created_at=to_micros(at)
    )  # fmt: skip
    events.record(tx, conversation_id, "note.added", at, author, note=key, case=case)
    return key


def read(tx: Tx, conversation_id: str, after: str = "", limit: int = 500) -> list[Any]:
    """Message rows, oldest first."""
    return tx.all(_MESSAGES, conversation=conversation_id, after=after, limit=limit)


def last(tx: Tx, conversation_id: str, limit: int) -> list[Any]:
    """The last message rows, oldest first."""
    return tx.all(_LAST, conversation=conversation_id, limit=limit)[::-1]


def address(point: ContactPoint) -> str:
    return f"{point.kind}:{point.value}"


def point_of(text: str) -> ContactPoint:
    kind, _, value = text.partition(":")
    return ContactPoint(kind, value)  # type: ignore[arg-type]  # written by address() above


def _conversation(row: Any) -> Conversation:
    return Conversation(
        id=row["id"], contact_id=row["contact_id"], status=row["status"], channel=row["channel"],
        subject=row["subject"], language=row["language"], topic=row["topic"], owner=row["owner"] or BOT,
        version=row["version"], context=jsontext.loads(row["context"]) if row["context"] != "{}" else {},
        proof_level=row["proof_level"], proof_point=row["proof_point"],
        proof_at=from_micros(row["proof_at"]) if row["proof_at"] else None, proof_account=row["proof_account"],
        proof_authority=row["proof_authority"],
        opened_at=from_micros(row["opened_at"]), last_message_at=from_micros(row["last_message_at"]),
        resolved_at=from_micros(row["resolved_at"]) if row["resolved_at"] else None, outcome=row["outcome"],
    )  # fmt: skip
