"""A chat store in memory that keeps each visitor's lines apart and answers every message, for the chat's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from inbox.channels.base import HistoryEntry
from inbox.errors import Overloaded
from inbox.message import (
    STATUS_RANK,
    Accepted,
    ChannelName,
    ContactPoint,
    DeliveryUpdate,
    InboundMessage,
    OutboundMessage,
)

START = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)


@dataclass
class MemoryChat:
    """``answers``: reply "You said: …" to each message. ``broken``: the store cannot write."""

    answers: bool = True
    broken: bool = False
    lines: dict[ContactPoint, list[HistoryEntry]] = field(default_factory=dict)
    messages: list[InboundMessage] = field(default_factory=list)
    updates: list[DeliveryUpdate] = field(default_factory=list)
    forgeries: list[tuple[str, str]] = field(default_factory=list)  # network, why
    watchers: dict[ContactPoint, set[asyncio.Event]] = field(default_factory=dict)
    attempts: int = 0

    async def message(self, message: InboundMessage) -> Accepted:
        self.attempts += 1
        if self.broken:
            raise Overloaded
        for n, known in enumerate(self.messages):
            if known.source_id == message.source_id:
                return Accepted(message_id=f"in-{n}", conversation_id="c1", duplicate=True)
        self.messages.append(message)
        key = f"in-{len(self.messages) - 1}"
        self._add(message.sender, key, "inbound", "author", message.text, source_id=message.source_id)
        if self.answers:
            self.reply(message.sender, f"You said: {message.text}")
        self.wake(message.sender)
        return Accepted(message_id=key, conversation_id="c1")

    def reply(self, point: ContactPoint, text: str, *, author: str = "bot", name: str = "") -> str:
        key = f"out-{sum(map(len, self.lines.values()))}"
        self._add(point, key, "outbound", author, text, name=name)
        self.wake(point)
        return key

    def wake(self, point: ContactPoint) -> None:
        for event in self.watchers.get(point, ()):
            event.set()

    def texts(self, point: ContactPoint) -> list[str]:
        return [line.text for line in self.lines.get(point, [])]

    def _add(
        self,
        point: ContactPoint,
        key: str,
        direction: str,
        author: str,
        text: str,
        *,
        name: str = "",
        source_id: str = "",
    ) -> None:
        known = self.lines.setdefault(point, [])
        entry = HistoryEntry(
            cursor=f"{len(known) + 1:08d}",
            message_id=key,
            direction=direction,
            author=author,
            author_name=name,
            text=text,
            at=START + timedelta(seconds=len(known)),
            status="received" if direction == "inbound" else "sent",
            source_id=source_id,
        )
        known.append(entry)

    async def update(self, update: DeliveryUpdate) -> None:
        await asyncio.sleep(0)
        if self.broken:
            raise Overloaded
        self.updates.append(update)
        for lines in self.lines.values():
            for n, line in enumerate(lines):
                if line.message_id == update.message_id and STATUS_RANK[update.status] > STATUS_RANK[line.status]:
                    lines[n] = replace(line, status=update.status.value)

    async def history(self, visitor: ContactPoint, account_id: str, after: str, limit: int) -> Sequence[HistoryEntry]:
        await asyncio.sleep(0)
        return [line for line in self.lines.get(visitor, []) if line.cursor > after][:limit]

    async def watch(self, visitor: ContactPoint, account_id: str) -> AsyncIterator[None]:
        event = asyncio.Event()
        self.watchers.setdefault(visitor, set()).add(event)
        try:
            while True:
                await event.wait()
                event.clear()
                yield
        finally:
            self.watchers[visitor].discard(event)

    async def forged(self, network: str, why: str) -> None:
        self.forgeries.append((network, why))

    async def replies_to(self, message_id: str, wait: float) -> Sequence[OutboundMessage]:
        return ()

    async def quarantine(self, channel: ChannelName, source_id: str, raw: bytes, reason: str) -> None:
        raise AssertionError("the chat quarantines nothing")

    async def cursor(self, name: str) -> str:
        return ""

    async def set_cursor(self, name: str, value: str) -> None:
        raise AssertionError("the chat polls nothing")
