"""What an agent does with a conversation. Each form carries a number of its own, so sending it twice has one effect."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Literal

from aiohttp import web

from inbox import contacts, conversations, events, redaction
from inbox.console.auth import Door
from inbox.console.conversation import source_of, written
from inbox.console.view import Console, Visit, see_other
from inbox.db.store import Tx
from inbox.errors import Malformed, NotFound
from inbox.escalation import acts, handoffs
from inbox.escalation.base import OUTCOMES, DeskEvent, DeskResult
from inbox.house import House
from inbox.message import CHANNELS, ChannelName

Kind = Literal["claim", "release", "reply", "note", "return", "resolve", "reopen"]
_LONGEST_TEXT = 5_000


class ActionPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        base = "/console/conversations/{id}"
        return [
            door.post(f"{base}/claim", self.claim),
            door.post(f"{base}/release", self.release),
            door.post(f"{base}/preview", self.preview),
            door.post(f"{base}/reply", self.reply),
            door.post(f"{base}/note", self.note),
            door.post(f"{base}/resolve", self.resolve),
            door.post(f"{base}/return", self.give_back),
            door.post(f"{base}/reopen", self.reopen),
            door.post(f"{base}/take-over", self.take_over),
        ]

    async def claim(self, visit: Visit) -> web.StreamResponse:
        return await self._act(visit, "claim")

    async def release(self, visit: Visit) -> web.StreamResponse:
        return await self._act(visit, "release")

    async def preview(self, visit: Visit) -> web.StreamResponse:
        """What the author would get. Nothing is sent."""
        text, channel = _text_of(visit), _channel(visit)
        if not text.strip():
            return await written(self._console, visit, "conversation.html", problem="There is nothing to send yet.")
        number = await self._case(visit)
        try:
            seen = await self._console.desk.preview(number, text, channel)
        except Malformed as refused:
            return await written(
                self._console, visit, "conversation.html", problem=str(refused), draft=text, chosen=channel
            )
        return await written(self._console, visit, "conversation.html", draft=text, chosen=channel, preview=seen)

    async def reply(self, visit: Visit) -> web.StreamResponse:
        if visit.form.get("change"):
            return await written(
                self._console, visit, "conversation.html", draft=_text_of(visit), chosen=_channel(visit)
            )
        return await self._act(visit, "reply", text=_text_of(visit), channel=_channel(visit))

    async def note(self, visit: Visit) -> web.StreamResponse:
        text = _text_of(visit)
        if not text.strip():
            return await written(self._console, visit, "conversation.html", problem="Write the note first.")
        return await self._act(visit, "note", text=text)

    async def resolve(self, visit: Visit) -> web.StreamResponse:
        outcome = visit.form.get("outcome", "")
        known = outcome if outcome in OUTCOMES else ""
        return await self._act(visit, "resolve", outcome=known, text=_text_of(visit))

    async def give_back(self, visit: Visit) -> web.StreamResponse:
        return await self._act(visit, "return", text=_text_of(visit))

    async def reopen(self, visit: Visit) -> web.StreamResponse:
        return await self._act(visit, "reopen", reason=_text_of(visit))

    async def take_over(self, visit: Visit) -> web.StreamResponse:
        """Without a case: open one and claim it, in one commit."""
        now, house = self._console.clock.now(), self._console.house
        event = self._event(visit, "claim", 0)
        result = await self._console.store.run(lambda tx: take_over(tx, house, visit.path("id"), event, now))
        return await self._answer(visit, result)

    async def _act(
        self, visit: Visit, kind: Kind, *, text: str = "", channel: ChannelName | None = None, outcome: str = "",
        reason: str = "",
    ) -> web.StreamResponse:  # fmt: skip
        number = await self._case(visit)
        event = self._event(visit, kind, number, text=text, channel=channel, outcome=outcome, reason=reason)
        result = await self._console.desk.apply(event)
        return await self._answer(visit, result, draft=text if kind == "reply" else "")

    def _event(
        self, visit: Visit, kind: Kind, case: int, *, text: str = "", channel: ChannelName | None = None,
        outcome: str = "", reason: str = "",
    ) -> DeskEvent:  # fmt: skip
        nonce = visit.form.get("nonce", "")
        if not nonce:
            raise Malformed("This form is incomplete. Reload the page and try again.")
        return DeskEvent(
            source_id=source_of(visit, nonce), kind=kind, case=case, actor_id=visit.staff.id,
            actor_name=visit.staff.name or visit.staff.email, at=self._console.clock.now(), text=text, channel=channel,
            outcome=outcome, reason=reason,
        )  # fmt: skip

    async def _case(self, visit: Visit) -> int:
        """The live case, else the last one. Raises ``NotFound``."""
        key = visit.path("id")
        cases = await self._console.store.read(lambda tx: handoffs.of_conversation(tx, key))
        if not cases:
            raise NotFound("This conversation has no case. Take it over first.")
        return cases[0].number

    async def _answer(self, visit: Visit, result: DeskResult, draft: str = "") -> web.StreamResponse:
        """A refusal keeps what was typed; success goes back to the page."""
        if not result.ok:
            return await written(self._console, visit, "conversation.html", problem=result.text, draft=draft)
        return see_other(f"/console/conversations/{visit.path('id')}?done={visit.form['nonce'][:64]}")


def take_over(tx: Tx, house: House, key: str, event: DeskEvent, now: datetime) -> DeskResult:
    """Open a case for a conversation that the bot has, and claim it for the event's actor."""
    conversation = conversations.by_id(tx, key)
    if conversation is None:
        raise NotFound("There is no such conversation.")
    other = conversations.live(tx, conversation.contact_id)
    if other is not None and other.id != key:
        return DeskResult(ok=False, text="The author has a newer conversation; take that one over.")
    contact = contacts.by_id(tx, conversation.contact_id)
    ask = handoffs.Ask(
        reason="speak_to_human", account_id=contact.account_id if contact else "",
        did=(f"{event.actor_name} took it over in the console",),
    )  # fmt: skip
    if handoffs.live(tx, key) is None:
        case, _ = handoffs.open_case(tx, house, conversation, ask, now)
        events.record(tx, key, "handoff.taken_over", now, event.actor_id, case=case.number)
    case_now = handoffs.live(tx, key)
    assert case_now is not None
    return acts.apply(tx, house, replace(event, case=case_now.number), ())


def _text_of(visit: Visit) -> str:
    """What was typed; card and bank numbers are masked here too."""
    return redaction.mask(visit.form.get("text", "")[:_LONGEST_TEXT]).text


def _channel(visit: Visit) -> ChannelName:
    wanted = visit.form.get("channel", "")
    found = next((c for c in CHANNELS if c == wanted), None)
    if found is None:
        raise Malformed("Choose where the reply should go.")
    return found
