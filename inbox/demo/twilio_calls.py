"""The telephone side of the Twilio stand-in: carries out the TwiML that the inbox answers, and notes what is heard."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal
from xml.etree import ElementTree as ET

Post = Callable[[str, dict[str, str]], Awaitable[tuple[int, str]]]
#: What the caller hears when the inbox does not answer with TwiML.
APPLICATION_ERROR = "An application error has occurred. Goodbye."
_MAX_DOCUMENTS = 40


@dataclass
class Call:
    """A call to our number. ``state`` is what the line waits for."""

    sid: str
    from_: str
    to: str
    started_at: datetime
    state: Literal["running", "gathering", "recording", "ended", "rejected"] = "running"
    heard: list[str] = field(default_factory=list)
    spoken: list[tuple[str, str]] = field(default_factory=list)  # (language, text), as ``heard``
    dialed: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)  # the TwiML answers
    posted: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # (address, fields) that asked for them
    pending: list[ET.Element] = field(default_factory=list, repr=False)  # verbs still to do; [0] waits

    @property
    def ended(self) -> bool:
        return self.state in ("ended", "rejected")

    def heard_since(self, mark: int) -> str:
        return " ".join(self.heard[mark:])

    def as_json(self, account_sid: str) -> dict[str, Any]:
        uri = f"/2010-04-01/Accounts/{account_sid}/Calls/{self.sid}"
        started = format_datetime(self.started_at.replace(microsecond=0))
        return {
            "sid": self.sid, "account_sid": account_sid, "parent_call_sid": None, "from": self.from_, "to": self.to,
            "from_formatted": self.from_, "to_formatted": self.to, "phone_number_sid": "", "direction": "inbound",
            "status": "completed" if self.ended else "in-progress", "start_time": started, "date_created": started,
            "date_updated": started, "end_time": None, "duration": None, "price": None, "price_unit": "USD",
            "answered_by": None, "forwarded_from": None, "group_sid": None, "caller_name": None, "queue_time": "0",
            "trunk_sid": "", "api_version": "2010-04-01", "uri": f"{uri}.json", "subresource_uris": {},
        }  # fmt: skip


class Telephone:
    """Callers. ``agent_picks_up`` decides what a ``<Dial>`` meets; ``transcribes`` whether voicemail is transcribed."""

    def __init__(self, post: Post, account_sid: str, number: str, ids: Iterator[int] | None = None) -> None:
        self._post = post
        self._account_sid = account_sid
        self._number = number
        self._ids = ids or itertools.count(1)
        self.agent_picks_up = False
        self.transcribes = True

    async def dial_in(self, call: Call) -> None:
        await self._ask(call, "/twilio/voice", {"CallStatus": "ringing"})

    async def say(self, call: Call, text: str, confidence: float = 0.91) -> None:
        """Speech into whatever listens: a gather that takes speech, or a recording."""
        if call.state == "recording":
            await self._leave_recording(call, text)
        elif "speech" in self._gather(call).get("input", "dtmf"):
            await self._input(call, {"SpeechResult": text, "Confidence": str(confidence)})

    async def press(self, call: Call, digits: str) -> None:
        if call.state == "recording":
            await self._leave_recording(call, "", digits[:1])
            return
        gather = self._gather(call)
        if "dtmf" in gather.get("input", "dtmf"):
            await self._input(call, {"Digits": digits[: int(gather.get("numDigits", "99"))]})

    async def stay_silent(self, call: Call) -> None:
        """The gather runs out: Twilio asks its action only if it says so, else goes on to the next verb."""
        if self._gather(call).get("actionOnEmptyResult") == "true":
            await self._input(call, {})
            return
        call.pending.pop(0)
        await self._run(call)

    async def hang_up(self, call: Call) -> None:
        await self._end(call)

    async def repeat_last_request(self, call: Call) -> str:
        """Twilio asks the same again, as after a lost answer; returns the TwiML, which is not carried out."""
        return (await self._post(*call.posted[-1]))[1]

    def _gather(self, call: Call) -> ET.Element:
        if call.state != "gathering":
            raise ValueError(f"the call does not listen now, it is {call.state}")
        return call.pending[0]

    async def _input(self, call: Call, fields: dict[str, str]) -> None:
        await self._ask(call, call.pending[0].get("action", ""), fields)

    async def _leave_recording(self, call: Call, text: str, key: str = "hangup") -> None:
        verb = call.pending[0]
        sid = f"RE{next(self._ids):032x}"
        recording = {
            "RecordingSid": sid,
            "RecordingUrl": f"https://api.twilio.com/2010-04-01/Accounts/{self._account_sid}/Recordings/{sid}",
            "RecordingDuration": str(max(1, len(text) // 15)),
        }
        await self._ask(call, verb.get("action", ""), recording | {"Digits": key})
        if verb.get("transcribeCallback"):
            done = {"TranscriptionStatus": "completed", "TranscriptionText": text}
            outcome = done if self.transcribes and text else {"TranscriptionStatus": "failed"}
            fields = {**self._fields(call), **recording, **outcome, "TranscriptionSid": f"TR{next(self._ids):032x}"}
            await self._post(verb.get("transcribeCallback", ""), fields)

    async def _ask(self, call: Call, address: str, fields: dict[str, str]) -> None:
        """Fetch the next TwiML document and carry it out."""
        if len(call.documents) >= _MAX_DOCUMENTS:
            raise RuntimeError("the call goes in circles")
        request = (address, {**self._fields(call), **fields})
        call.posted.append(request)
        status, text = await self._post(*request)
        call.documents.append(text)
        if status != 200:
            call.heard.append(APPLICATION_ERROR)
            await self._end(call)
            return
        call.pending = list(ET.fromstring(text.encode()))  # noqa: S314 - our own answer, in tests and demo
        await self._run(call)

    async def _run(self, call: Call) -> None:
        """Verb by verb until one waits for the caller or asks for another document."""
        call.state = "running"
        while call.pending:
            verb = call.pending[0]
            if verb.tag in ("Gather", "Record"):
                self._speak(call, verb.iter("Say"))
                call.state = "gathering" if verb.tag == "Gather" else "recording"
                return
            call.pending.pop(0)
            if verb.tag == "Say":
                self._speak(call, [verb])
            elif verb.tag == "Redirect":
                await self._ask(call, verb.text or "", {})
                return
            elif verb.tag == "Dial":
                await self._dial(call, verb)
                return
            elif verb.tag in ("Hangup", "Reject"):
                await self._end(call, "rejected" if verb.tag == "Reject" else "ended")
                return
        await self._end(call)

    async def _dial(self, call: Call, verb: ET.Element) -> None:
        call.dialed.append("".join(verb.itertext()).strip())
        outcome = "completed" if self.agent_picks_up else "no-answer"
        await self._ask(call, verb.get("action", ""), {"DialCallStatus": outcome})

    async def _end(self, call: Call, state: Literal["ended", "rejected"] = "ended") -> None:
        if call.ended:
            return
        call.state, call.pending = state, []
        await self._post("/twilio/voice/status", {**self._fields(call), "CallDuration": "31"})

    @staticmethod
    def _speak(call: Call, says: Any) -> None:
        for say in says:
            call.heard.append(say.text or "")
            call.spoken.append((say.get("language", ""), say.text or ""))

    def _fields(self, call: Call) -> dict[str, str]:
        """The fields that every request of a call has."""
        status = "completed" if call.ended else "in-progress"
        return {
            "CallSid": call.sid, "AccountSid": self._account_sid, "From": call.from_, "To": call.to,
            "CallStatus": status, "Direction": "inbound", "ApiVersion": "2010-04-01", "Caller": call.from_,
            "Called": call.to,
        }  # fmt: skip
