"""Fakes that ship with the product: for tests, simulation and the demo. They pass the contracts of the real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field

from aiohttp import web

from inbox.channels.base import ChatStore, HistoryEntry
from inbox.errors import Overloaded, Unsupported
from inbox.message import (
    Accepted,
    ChannelName,
    ContactPoint,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
    Receipt,
)


@dataclass
class RecordingIntake:
    """A ``ChatStore`` in memory: keeps what a channel told it, answers as the real one would."""

    messages: list[InboundMessage] = field(default_factory=list)
    updates: list[DeliveryUpdate] = field(default_factory=list)
    forgeries: list[tuple[str, str]] = field(default_factory=list)  # network, why
    quarantined: list[tuple[ChannelName, str, bytes, str]] = field(default_factory=list)
    cursors: dict[str, str] = field(default_factory=dict)
    lines: list[HistoryEntry] = field(default_factory=list)
    replies: list[OutboundMessage] = field(default_factory=list)  # handed out by the next ``replies_to``
    broken: bool = False  # the store cannot write
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def message(self, message: InboundMessage) -> Accepted:
        if self.broken:
            raise Overloaded
        key = (message.channel, message.source_id)
        for n, known in enumerate(self.messages):
            if (known.channel, known.source_id) == key:
                return Accepted(message_id=f"m{n}", conversation_id="c1", duplicate=True)
        self.messages.append(message)
        self.changed.set()
        return Accepted(message_id=f"m{len(self.messages) - 1}", conversation_id="c1")

    async def update(self, update: DeliveryUpdate) -> None:
        if self.broken:
            raise Overloaded
        self.updates.append(update)

    async def quarantine(self, channel: ChannelName, source_id: str, raw: bytes, reason: str) -> None:
        if self.broken:
            raise Overloaded
        self.quarantined.append((channel, source_id, raw, reason))

    async def cursor(self, name: str) -> str:
        return self.cursors.get(name, "")

    async def set_cursor(self, name: str, value: str) -> None:
        self.cursors[name] = value

    async def history(self, visitor: ContactPoint, account_id: str, after: str, limit: int) -> Sequence[HistoryEntry]:
        _ = visitor, account_id
        return [line for line in self.lines if line.cursor > after][:limit]

    async def forged(self, network: str, why: str) -> None:
        self.forgeries.append((network, why))

    async def replies_to(self, message_id: str, wait: float) -> Sequence[OutboundMessage]:
        _ = message_id, wait
        found, self.replies = self.replies, []
        return found

    async def watch(self, visitor: ContactPoint, account_id: str) -> AsyncIterator[None]:
        _ = visitor, account_id
        while True:
            await self.changed.wait()
            self.changed.clear()
            yield


@dataclass
class FakeChannel:
    """A channel whose far end is a list. ``fail`` holds errors to raise, one for each coming send."""

    channel: ChannelName = "chat"
    sent: list[OutboundMessage] = field(default_factory=list)
    fail: list[Exception] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> ChannelName:
        return self.channel

    def routes(self, intake: ChatStore) -> Iterable[web.AbstractRouteDef]:
        _ = intake
        return ()

    async def listen(self, intake: ChatStore) -> None:
        _ = intake

    async def send(self, message: OutboundMessage) -> Receipt:
        if self.fail:
            raise self.fail.pop(0)
        if not message.text and not message.html:
            raise Unsupported("there is nothing to send")
        if all(known.id != message.id for known in self.sent):
            self.sent.append(message)
        return Receipt(provider_id=f"fake-{message.id}")

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        self.asked.append(message.id)
        return next((Receipt(provider_id=f"fake-{m.id}") for m in self.sent if m.id == message.id), None)

    async def check(self) -> str:
        return "fake far end, always reachable"
