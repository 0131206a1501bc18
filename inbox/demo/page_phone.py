"""A telephone: texts both ways as the carrier sees them, and a call with keypad. It drives the Twilio stand-in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from aiohttp import web

from inbox.channels.twilio import normal_number
from inbox.demo.cast import NUMBER, STRANGER
from inbox.demo.twilio_calls import Call
from inbox.demo.twilio_stand_in import StoredMessage, segments
from inbox.demo.view import form, page, see
from inbox.demo.world import Demo

_TYPED_NUMBER = re.compile(r"\+[0-9]{8,15}")
_TEXTS_SHOWN = 60


@dataclass(slots=True)
class Transcript:
    """A call as it was, line by line: (who, words); ``heard`` counts the lines that were taken from the call."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    heard: int = 0

    def catch_up(self, call: Call) -> None:
        self.lines += [("line", words) for words in call.heard[self.heard :]]
        self.heard = len(call.heard)


def routes(demo: Demo) -> list[web.AbstractRouteDef]:
    phone = _Phone(demo)
    return [
        web.get("/demo/phone", phone.show),
        web.post("/demo/phone/text", phone.text),
        web.post("/demo/phone/call", phone.call),
    ]


class _Phone:
    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._transcripts: dict[str, Transcript] = {}

    async def show(self, request: web.Request) -> web.Response:
        author = await self._demo.chosen(request)
        number = author.phone if author else _number(request.query.get("number", ""))
        call = self._last_call(number)
        return page(
            "phone.html", nav="phone", author=author, number=number, authors=await self._demo.authors(),
            texts=self._texts(number), call=call, company_number=NUMBER, stranger=STRANGER, segments=segments,
            transcript=self._transcripts.get(call.sid, Transcript()) if call else None, state=_state(call),
            picks_up=self._demo.twilio.phone.agent_picks_up, opted_out=number in self._demo.twilio.opted_out,
            mark=self._demo.mark(), problem=request.query.get("problem", ""),
        )  # fmt: skip

    async def text(self, request: web.Request) -> web.Response:
        sent = await form(request)
        number, words = _number(sent.get("number", "")), sent.get("text", "").strip()
        problem = ""
        if words:
            status = await self._demo.twilio.phone_sends(number, words[:1600])
            problem = "" if status == 200 else f"The inbox did not take the text (HTTP {status})."
        return _back(sent, number, problem)

    async def call(self, request: web.Request) -> web.Response:
        sent = await form(request)
        number = _number(sent.get("number", ""))
        try:
            await self._act(sent, number)
        except ValueError:
            return _back(sent, number, "The line is not listening at the moment.")
        return _back(sent, number)

    async def _act(self, sent: dict[str, str], number: str) -> None:
        act, twilio, call = sent.get("act", ""), self._demo.twilio, self._last_call(number)
        if act == "pick_up":
            twilio.phone.agent_picks_up = not twilio.phone.agent_picks_up
        elif act == "dial" and (call is None or call.ended):
            call = await twilio.call(number)
        elif call is not None and not call.ended:
            await self._in_call(act, call, sent)
        if call is not None:
            self._transcripts.setdefault(call.sid, Transcript()).catch_up(call)

    async def _in_call(self, act: str, call: Call, sent: dict[str, str]) -> None:
        written = self._transcripts.setdefault(call.sid, Transcript())
        words = sent.get("words", "").strip()[:500]
        keys = "".join(k for k in sent.get("keys", "") if k in "0123456789*#")[:24]
        if act == "say" and words:
            written.lines.append(("caller", words))
            await self._demo.twilio.say(call, words)
        elif act == "press" and keys:
            written.lines.append(("keys", keys))
            await self._demo.twilio.press(call, keys)
        elif act == "silence":
            written.lines.append(("caller", "…"))
            await self._demo.twilio.stay_silent(call)
        elif act == "hang_up":
            await self._demo.twilio.hang_up(call)

    def _texts(self, number: str) -> Sequence[StoredMessage]:
        return [m for m in self._demo.twilio.messages if number in (m.from_, m.to)][-_TEXTS_SHOWN:]

    def _last_call(self, number: str) -> Call | None:
        return next((c for c in reversed(self._demo.twilio.calls) if c.from_ == number), None)


def _number(typed: str) -> str:
    number = normal_number(typed)
    return number if _TYPED_NUMBER.fullmatch(number) else STRANGER


def _state(call: Call | None) -> str:
    if call is None:
        return "none"
    return "ended" if call.ended else call.state


def _back(sent: dict[str, str], number: str, problem: str = "") -> web.Response:
    where = {"author": sent["author"]} if sent.get("author") else {"number": number}
    return see("/demo/phone?" + urlencode(where | ({"problem": problem} if problem else {})))
