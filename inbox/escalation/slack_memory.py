"""What the desk remembers of Slack between calls: which lines a thread has, and which edit of a card was the last.

Losing it costs calls, never correctness: it is bounded and may be empty at any time.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from inbox.clock import monotonic
from inbox.escalation.base import HandoffCard

REMEMBERED = 2_000
#: Longer than this without us, another worker may have written to the thread (leases are longer).
FRESH_SECONDS = 20
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Thread:
    keys: dict[str, str] = field(default_factory=dict)  # entry key -> message ts
    seen_at: datetime = _NEVER


class Threads:
    """Which entries are in a thread, as far as we know; ``is_fresh`` tells whether that is all of them."""

    def __init__(self) -> None:
        self._threads: OrderedDict[str, _Thread] = OrderedDict()

    def find(self, root: str, key: str) -> str | None:
        thread = self._threads.get(root)
        return thread.keys.get(key) if thread and key else None

    def is_fresh(self, root: str, entry_at: datetime, now: datetime) -> bool:
        """No other worker can have posted an entry of that age without our knowing."""
        thread = self._threads.get(root)
        seen_at = thread.seen_at if thread else entry_at
        return (now - seen_at).total_seconds() < FRESH_SECONDS

    def saw(self, root: str, keys: Mapping[str, str], now: datetime) -> None:
        thread = self._threads.setdefault(root, _Thread())
        thread.keys |= {key: ts for key, ts in keys.items() if key}
        thread.seen_at = now
        self._threads.move_to_end(root)
        while len(self._threads) > REMEMBERED:
            self._threads.popitem(last=False)

    def doubt(self, root: str) -> None:
        """A post may or may not have got through: look before the next."""
        self._threads.setdefault(root, _Thread()).seen_at = _NEVER


@dataclass
class _Edit:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    newest: HandoffCard | None = None
    asked: int = 0  # calls so far
    done: int = 0  # calls whose change, or a newer one, is shown
    sent_at: float = float("-inf")


class Edits:
    """At most one edit of a card in ``seconds``; changes that come meanwhile are shown together, the newest version."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._edits: OrderedDict[str, _Edit] = OrderedDict()

    async def send(self, root: str, card: HandoffCard, send: Callable[[HandoffCard], Awaitable[None]]) -> None:
        """Returns once this card, or a newer one, was sent."""
        edit = self._edits.setdefault(root, _Edit())
        self._edits.move_to_end(root)
        edit.asked += 1
        ticket = edit.asked
        if edit.newest is None or card.version >= edit.newest.version:
            edit.newest = card
        async with edit.lock:
            if edit.done < ticket:
                await asyncio.sleep(max(0.0, edit.sent_at + self._seconds - monotonic()))
                included = edit.asked
                await send(edit.newest)
                edit.done, edit.sent_at = included, monotonic()
        self._forget()

    def _forget(self) -> None:
        for root in list(self._edits)[: max(0, len(self._edits) - REMEMBERED)]:
            if not self._edits[root].lock.locked():
                del self._edits[root]
