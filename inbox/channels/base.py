"""The channel port: what a way in and out must do, and what it may do to us.

A channel verifies, parses and sends. It never looks up people, conversations or accounts, and it never decides.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from aiohttp import web

from inbox.message import (
    Accepted,
    ChannelName,
    ContactPoint,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
    Receipt,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One line of a visitor's own chat history. ``cursor`` grows with time and is unique."""

    cursor: str
    message_id: str
    direction: str  # "inbound" | "outbound"
    author: str  # "author" | "bot" | "agent" | "system"
    author_name: str
    text: str
    at: datetime
    status: str
    source_id: str = ""  # the client's own id of an inbound line
    channel: ChannelName = "chat"


class Intake(Protocol):
    """What a channel may do to the inbox. Every call returns only after the commit."""

    async def message(self, message: InboundMessage) -> Accepted:
        """Store one message. Raises ``Overloaded`` or a store error: the provider must be told to come again."""
        ...

    async def update(self, update: DeliveryUpdate) -> None:
        """Record what became of an outbound message; an unknown one is ignored, a final state never moves back."""
        ...

    async def quarantine(self, channel: ChannelName, source_id: str, raw: bytes, reason: str) -> None:
        """Keep what could not be read, for a person to look at; never raises for the content."""
        ...

    async def cursor(self, name: str) -> str:
        """A poller's place, ``""`` at the first time."""
        ...

    async def set_cursor(self, name: str, value: str) -> None: ...


class ChatStore(Intake, Protocol):
    """What the channels that hold a live line (chat, phone) need besides: their own conversation, read back."""

    async def history(self, visitor: ContactPoint, account_id: str, after: str, limit: int) -> Sequence[HistoryEntry]:
        """The visitor's own lines after a cursor, oldest first; ``account_id`` adds the author's signed-in chats."""
        ...

    async def replies_to(self, message_id: str, wait: float) -> Sequence[OutboundMessage]:
        """The replies to one inbound message that wait to be picked up; waits up to ``wait`` seconds for a decision.

        Those returned count as sent.
        """
        ...

    async def forged(self, network: str, why: str) -> None:
        """Somebody from ``network`` showed an author's token that is none: for the record of what concerns security."""
        ...

    def watch(self, visitor: ContactPoint, account_id: str) -> AsyncIterator[None]:
        """Yields whenever there may be something new in this visitor's history."""
        ...


class Channel(Protocol):
    @property
    def name(self) -> ChannelName: ...

    def routes(self, intake: ChatStore) -> Iterable[web.AbstractRouteDef]:
        """The webhooks of this channel; ``()`` for a poller."""
        ...

    async def listen(self, intake: ChatStore) -> None:
        """Poll or hold a connection until cancelled; returns at once if there is nothing to do."""
        ...

    async def send(self, message: OutboundMessage) -> Receipt:
        """Hand one message to the provider.

        Raises ``Transient`` (safe to repeat), ``Uncertain`` (may have left), ``Permanent`` or ``Unsupported``.
        """
        ...

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        """Ask the provider whether an earlier attempt at this message arrived; None if it did not.

        Raises ``Unsupported`` where the provider cannot be asked.
        """
        ...

    async def check(self) -> str:
        """One line for ``inbox doctor``: reachable and logged in. Raises an ``InboxError`` that names the fix."""
        ...
