"""The desk port: how a case reaches people, and what people may do with it. Never a dict, never blocks JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from aiohttp import web

from inbox.message import ChannelName, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One labelled fact on the card; ``url`` links it to its record."""

    label: str
    value: str
    url: str = ""
    warn: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptEntry:
    """Something the case thread should show: an author's message, a reply, or an event worth a line."""

    kind: Literal["author", "bot", "agent", "note", "event"]
    who: str
    text: str
    at: datetime
    channel: ChannelName | None = None
    key: str = ""  # unique; the same entry is never posted twice
    status: str = ""  # of a reply: queued, sent, delivered, failed


@dataclass(frozen=True, slots=True, kw_only=True)
class HandoffCard:
    """All that a person needs to take the case (playbook section 4), already masked, in reading order."""

    number: int  # the case number people say aloud
    conversation_id: str
    status: Literal["open", "claimed", "returned", "resolved"]
    reason: str  # code, e.g. "double_charge"
    headline: str  # plain words: "Says she was charged twice"
    severity: Severity
    owner: str = ""  # display name of the agent who claimed it
    due_at: datetime | None = None  # first human reply by
    local_time: str = ""
    author_name: str = ""
    quote: str = ""  # the author's own words, masked
    language: str = "en"
    channel: ChannelName = "chat"
    reply_channels: tuple[ChannelName, ...] = ()  # where a reply may go; opt-outs left out
    proof: str = ""  # "L2: one-time code to +1 ••• 0134"
    flags: tuple[str, ...] = ()
    who: tuple[Line, ...] = ()
    money: tuple[Line, ...] = ()
    contested: tuple[Line, ...] = ()
    royalties: tuple[Line, ...] = ()
    history: tuple[TranscriptEntry, ...] = ()
    bot_did: tuple[str, ...] = ()
    bot_withheld: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    outcome: str = ""
    url: str = ""  # the conversation in the console
    version: int = 0


@dataclass(frozen=True, slots=True)
class CaseRef:
    """The desk's copy of the case: workspace channel and root message."""

    desk: str  # "slack"
    channel: str
    ts: str


Outcome = Literal[
    "refund", "credit", "explained", "plan_agreed", "evidence_submitted", "duplicate", "no_action", "other"
]
OUTCOMES: tuple[Outcome, ...] = (
    "refund", "credit", "explained", "plan_agreed", "evidence_submitted", "duplicate", "no_action", "other",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskEvent:
    """What a person did at the desk. ``source_id`` makes a repeated delivery one effect."""

    source_id: str
    kind: Literal["claim", "release", "reply", "note", "return", "resolve", "reopen"]
    case: int
    actor_id: str  # the desk's own id of the person, e.g. a Slack user id
    actor_name: str
    at: datetime
    text: str = ""
    channel: ChannelName | None = None  # for a reply: where it should go
    outcome: str = ""
    reason: str = ""
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskResult:
    """What to tell the person who acted. ``ok`` False is a refusal with its reason in plain words."""

    ok: bool
    text: str = ""


class DeskEvents(Protocol):
    """What a desk may do to the inbox."""

    async def apply(self, event: DeskEvent) -> DeskResult:
        """Record and carry out; returns after the commit. The same ``source_id`` returns the first result."""
        ...

    async def card(self, case: int) -> HandoffCard:
        """The card as it is now. Raises ``NotFound``."""
        ...

    async def case_of(self, ref: CaseRef) -> int | None:
        """Which case a thread belongs to."""
        ...

    async def preview(self, case: int, text: str, channel: ChannelName) -> str:
        """What the author would receive, in that channel; nothing is sent."""
        ...


class Desk(Protocol):
    @property
    def name(self) -> str: ...

    def routes(self, events: DeskEvents) -> Iterable[web.AbstractRouteDef]: ...

    async def listen(self, events: DeskEvents) -> None: ...

    async def open(self, card: HandoffCard) -> CaseRef:
        """Post the case. Raises ``Transient``, ``Uncertain`` or ``Permanent``."""
        ...

    async def find(self, card: HandoffCard) -> CaseRef | None:
        """The case's root message if an earlier, interrupted ``open`` did post it."""
        ...

    async def update(self, case: CaseRef, card: HandoffCard) -> None: ...

    async def append(self, case: CaseRef, entry: TranscriptEntry) -> str:
        """Add one line to the thread; returns the desk's id of it."""
        ...

    async def check(self) -> str: ...
