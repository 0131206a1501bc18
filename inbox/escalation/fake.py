"""A desk in memory and the inbox side of it, for tests, simulation and the demo. They pass the contract of the real ones."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from aiohttp import web

from inbox.errors import NotFound, Overloaded, Uncertain
from inbox.escalation.base import CaseRef, DeskEvent, DeskEvents, DeskResult, HandoffCard, TranscriptEntry
from inbox.message import ChannelName

T = TypeVar("T")


@dataclass
class RecordingDeskEvents:
    """The inbox as a desk sees it: keeps what people did, lets the first one claim, and only the owner reply."""

    cards: dict[int, HandoffCard] = field(default_factory=dict)
    threads: dict[CaseRef, int] = field(default_factory=dict)
    applied: list[DeskEvent] = field(default_factory=list)  # one for each effect
    results: dict[str, DeskResult] = field(default_factory=dict)  # by source id
    deliveries: int = 0  # calls of ``apply``, repeated ones included
    staff: frozenset[str] | None = None  # desk ids that may act; None = everybody
    slow: float = 0.0  # seconds until the commit
    broken: bool = False  # the store cannot write

    def opened(self, ref: CaseRef, card: HandoffCard) -> None:
        self.cards[card.number] = card
        self.threads[ref] = card.number

    async def apply(self, event: DeskEvent) -> DeskResult:
        self.deliveries += 1
        if self.broken:
            raise Overloaded
        if self.slow:
            await asyncio.sleep(self.slow)
        if event.source_id not in self.results:
            self.results[event.source_id] = self._carry_out(event)
        return self.results[event.source_id]

    async def card(self, case: int) -> HandoffCard:
        if case not in self.cards:
            raise NotFound(f"there is no case {case}")
        return self.cards[case]

    async def case_of(self, ref: CaseRef) -> int | None:
        return self.threads.get(ref)

    async def preview(self, case: int, text: str, channel: ChannelName) -> str:
        card = await self.card(case)
        return f"{text}\n{card.owner or 'Support'}" if channel == "sms" else f"Hello,\n\n{text}\n\n{card.owner}"

    def _carry_out(self, event: DeskEvent) -> DeskResult:
        if self.staff is not None and event.actor_id not in self.staff:
            return DeskResult(ok=False, text="You are not set up as an agent; ask a supervisor to add you.")
        if event.case not in self.cards:
            raise NotFound(f"there is no case {event.case}")
        card = self.cards[event.case]
        if event.kind == "claim" and card.status == "claimed":
            return DeskResult(ok=False, text=f"{card.owner} has this case.")
        if event.kind == "claim" and card.status != "open":
            return DeskResult(ok=False, text=f"Case {card.number} is {card.status}. Reopen it first.")
        if event.kind in ("reply", "release") and card.owner != event.actor_name:
            return DeskResult(ok=False, text=f"{card.owner or 'Nobody'} has this case; claim it first.")
        self.applied.append(event)
        self.cards[event.case] = dataclasses.replace(card, version=card.version + 1, **_after(event, card))
        return DeskResult(ok=True)


def _after(event: DeskEvent, card: HandoffCard) -> dict[str, Any]:
    """What the event changes on the card."""
    changes: dict[str, dict[str, Any]] = {
        "claim": {"status": "claimed", "owner": event.actor_name},
        "release": {"status": "open", "owner": ""},
        "return": {"status": "returned", "owner": ""},
        "resolve": {"status": "resolved", "owner": event.actor_name, "outcome": event.outcome},
        "reopen": {"status": "open", "owner": "", "outcome": ""},
    }
    return changes.get(event.kind, {"owner": card.owner})


@dataclass
class FakeDesk:
    """A desk whose far end is two dicts. ``fail`` holds errors to raise, one for each coming call that posts."""

    roots: dict[CaseRef, HandoffCard] = field(default_factory=dict)  # as last shown
    lines: dict[CaseRef, list[TranscriptEntry]] = field(default_factory=dict)
    fail: list[Exception] = field(default_factory=list)
    told: list[tuple[str, str]] = field(default_factory=list)  # private words: person, text
    edits: int = 0
    events: DeskEvents | None = None
    _acts: int = 0

    @property
    def name(self) -> str:
        return "fake"

    def routes(self, events: DeskEvents) -> Iterable[web.AbstractRouteDef]:
        self.events = events
        return ()

    async def listen(self, events: DeskEvents) -> None:
        self.events = events

    async def open(self, card: HandoffCard) -> CaseRef:
        lost = self._fail()
        ref = CaseRef("fake", "cases", f"{len(self.roots) + 1}.0")
        self.roots[ref] = card
        self.lines[ref] = []
        return _answered(ref, lost)

    async def find(self, card: HandoffCard) -> CaseRef | None:
        return next((ref for ref, shown in self.roots.items() if shown.number == card.number), None)

    async def update(self, case: CaseRef, card: HandoffCard) -> None:
        self._fail()
        if card.version >= self.roots[case].version:
            self.roots[case] = card
            self.edits += 1

    async def append(self, case: CaseRef, entry: TranscriptEntry) -> str:
        lost = self._fail()
        known = [line.key for line in self.lines[case]]
        if not entry.key or entry.key not in known:
            self.lines[case].append(entry)
            known.append(entry.key)
        return _answered(f"{case.ts}-{known.index(entry.key) + 1 if entry.key else len(known)}", lost)

    async def check(self) -> str:
        return "fake desk, always reachable"

    async def act(self, ref: CaseRef, kind: Any, person: str, *, source_id: str = "", **more: Any) -> DeskResult:
        """What a person does at this desk; the same ``source_id`` is the same act delivered again."""
        if self.events is None:
            raise NotFound("nobody listens to this desk; call routes or listen first")
        case = await self.events.case_of(ref)
        if case is None:
            return DeskResult(ok=False, text="That is not the thread of a case.")
        self._acts += 1
        event = DeskEvent(
            source_id=source_id or f"fake:{self._acts}",
            kind=kind,
            case=case,
            actor_id=person,
            actor_name=person,
            at=datetime.now(UTC),
            **more,
        )
        result = await self.events.apply(event)
        if not result.ok:
            self.told.append((person, result.text))
        return result

    def _fail(self) -> Uncertain | None:
        """Raises what is planned; an ``Uncertain`` is kept for after the post, where it happens in real life."""
        if not self.fail:
            return None
        error = self.fail.pop(0)
        if isinstance(error, Uncertain):
            return error
        raise error


def _answered(value: T, lost: Uncertain | None) -> T:
    if lost:
        raise lost
    return value
