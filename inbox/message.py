"""The words that cross borders: what comes in, what goes out, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

ChannelName = Literal["chat", "email", "sms", "voice"]
CHANNELS: tuple[ChannelName, ...] = ("chat", "email", "sms", "voice")
Language = Literal["en", "es", "pt"]
LANGUAGES: tuple[Language, ...] = ("en", "es", "pt")
PointKind = Literal["email", "phone", "chat"]


class Route(StrEnum):
    """What becomes of one message (labels of the evaluation data)."""

    ANSWER = "answer"
    ESCALATE = "escalate"
    VERIFY_FIRST = "verify_first"
    CLARIFY = "clarify"
    IGNORE = "ignore"


class Severity(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"


class SenderProof(StrEnum):
    """What the channel itself established about the sender. It is never a level; see ``verification.level_of``."""

    NONE = "none"
    PORTAL = "portal"  # a fresh token that the host site signed
    CARRIER = "carrier"  # SMS: the carrier's sender number
    CALLER_ID = "caller_id"  # phone: display only, easily forged
    DMARC_PASS = "dmarc_pass"  # noqa: S105 - a state, no password
    DMARC_FAIL = "dmarc_fail"


class MessageKind(StrEnum):
    """What sort of utterance; only ``text`` may ever get an automatic answer."""

    TEXT = "text"
    AUTO_REPLY = "auto_reply"
    BOUNCE = "bounce"
    MACHINE = "machine"  # lists, bulk, no-reply
    OWN = "own"  # our own message come back
    SILENCE = "silence"  # a call with nothing said


@dataclass(frozen=True, slots=True)
class ContactPoint:
    """An address of a person: ``+15550100`` (E.164), ``a@b.example`` (lower case) or a chat visitor id."""

    kind: PointKind
    value: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    filename: str
    content_type: str
    size: int  # bytes
    content: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundMessage:
    """One utterance as a channel understood it; nothing in it is masked yet."""

    channel: ChannelName
    source_id: str  # the provider's id, our idempotency key
    sender: ContactPoint
    text: str  # the new words only: no quoted history, no signature where it can be told
    received_at: datetime
    recipient: str = ""  # our own address that was written to
    kind: MessageKind = MessageKind.TEXT
    proof: SenderProof = SenderProof.NONE
    account_id: str = ""  # only with SenderProof.PORTAL: the author the host site vouches for
    subject: str = ""
    sender_name: str = ""
    language: str = ""  # what the channel knows (widget locale), "" if nothing
    thread_keys: tuple[str, ...] = ()  # Message-IDs and reply tokens that tie it to a conversation
    attachments: tuple[Attachment, ...] = ()
    meta: Mapping[str, str] = field(default_factory=dict)  # e.g. call_sid, message_id
    raw: str = field(default="", repr=False)  # the provider's payload as text; masked and kept


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundMessage:
    """One message ready to leave. ``id`` is the key of every attempt at it."""

    id: str
    channel: ChannelName
    conversation_id: str
    to: ContactPoint
    text: str
    created_at: datetime
    html: str = ""
    subject: str = ""
    language: str = "en"
    sender_name: str = ""  # an agent's approved display name, "" for the bot
    automatic: bool = True
    message_id: str = ""  # email: the stable Message-ID of this mail
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    attempt: int = 1
    meta: Mapping[str, str] = field(default_factory=dict)


class DeliveryStatus(StrEnum):
    """States of an outbound message, in order; from ``delivered`` on they are final."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNCERTAIN = "uncertain"  # may or may not have left: a person looks
    DELIVERED = "delivered"
    READ = "read"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    SUPPRESSED = "suppressed"  # refused by contact policy, never left


#: A state may only be replaced by one of a higher rank.
STATUS_RANK: Mapping[str, int] = {
    "queued": 0, "sending": 1, "uncertain": 2, "sent": 3,
    "delivered": 5, "undelivered": 5, "failed": 5, "suppressed": 5, "read": 6,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """The provider took it."""

    provider_id: str
    status: DeliveryStatus = DeliveryStatus.SENT


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryUpdate:
    """What became of an outbound message. Found by ``message_id`` (ours) or ``provider_id`` (theirs)."""

    channel: ChannelName
    status: DeliveryStatus
    provider_id: str = ""
    message_id: str = ""
    code: str = ""
    detail: str = ""
    point: ContactPoint | None = None  # the address that bounced or opted out, if the provider says so
    source_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The answer to a channel: the message is on disk."""

    message_id: str
    conversation_id: str
    duplicate: bool = False
    decided: bool = False  # the decision was taken in the same commit


def jsonable(value: Any) -> Any:
    """Plain JSON for the records above: enums as their text, datetimes in ISO 8601."""
    if value is None or type(value) in _PLAIN:  # most are
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, dict) or isinstance(value, Mapping):  # noqa: SIM101 - the first is quick, the second is not
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [jsonable(v) for v in value]
    if isinstance(value, (str, int, float)):
        return value
    return str(value)


_PLAIN = frozenset((str, int, float, bool))
