"""Phone calls through Twilio: what the caller says or types becomes messages, replies are spoken.

A call is a chain of webhooks, each answered with TwiML. All state is in the signed addresses, so any node can take the
next step; only the answers given are kept, so that a repeated webhook hears the same again. Enter at Twilio:
``/twilio/voice`` for calls, ``/twilio/voice/handoff`` as its fallback, ``/twilio/voice/status`` for call events.

Message meta: ``call_sid``; ``announced`` on the first utterance, after the greeting said that this is automated and may be
recorded; ``confidence`` of the speech recognition; ``wants_human``; ``voicemail``, ``recording_url``
and ``recording_seconds``; ``callback``. A reply with meta ``handoff`` leads to a person: "voicemail" means that nobody
is there now, anything else rings ``agent_number`` if there is one.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import web
from twilio.twiml.voice_response import VoiceResponse  # type: ignore[import-untyped]  # twilio ships no types

from inbox.channels.base import ChatStore
from inbox.channels.call_script import MENU, TRIES, Phrases, Place, Script, read_place, spoken_language
from inbox.channels.twilio import Door, Form, Rest, caller, is_number, normal_number, twiml
from inbox.clock import Clock, SystemClock
from inbox.errors import Unsupported
from inbox.message import (
    LANGUAGES,
    ChannelName,
    InboundMessage,
    Language,
    MessageKind,
    OutboundMessage,
    Receipt,
    SenderProof,
)
from inbox.settings import Company, Twilio, Web

#: Seconds to wait for a decision within one webhook; Twilio gives up after 15.
WAIT_SECONDS = 8.0
CARD_REMOVED = "[card number removed]"
#: From so many digits on they may hold a card number (13 to 19, or more with date and code behind it).
CARD_DIGITS = 13
_FINAL = ("completed", "busy", "failed", "no-answer", "canceled")
_WANTS_HUMAN = frozenset({"agent", "agente", "atendente"})
_FILLERS = frozenset({"a", "an", "the", "please", "un", "una", "um", "uma", "por", "favor"})
_CALL_ME: Mapping[Language, str] = {
    "en": "Please call me back.",
    "es": "Por favor, devuélvanme la llamada.",
    "pt": "Por favor, retornem a minha ligação.",
}
_VOICEMAIL: Mapping[Language, str] = {
    "en": "Voicemail, {seconds} s",
    "es": "Mensaje de voz, {seconds} s",
    "pt": "Mensagem de voz, {seconds} s",
}
_REMEMBERED = 2_000

Step = Callable[[ChatStore, Form, Place], Awaitable[VoiceResponse]]


@dataclass(frozen=True, slots=True)
class Said:
    """What came over the line in one turn."""

    text: str
    meta: Mapping[str, str] = field(default_factory=dict)


class VoiceChannel:
    """Phone. ``phrases(name, language, **facts)`` gives the approved service texts."""

    def __init__(
        self, twilio: Twilio, web: Web, company: Company, phrases: Phrases, *, clock: Clock | None = None
    ) -> None:
        self._twilio = twilio
        self._number = normal_number(twilio.number)
        self._company = company
        self._languages: tuple[Language, ...] = tuple(c for c in LANGUAGES if c in company.languages) or ("en",)
        self._language: Language = next((c for c in LANGUAGES if c in company.languages[:1]), "en")
        self._door = Door(twilio, web)
        self._rest = Rest(twilio)
        self._script = Script(phrases, self._door.url, self._languages)
        self._clock = clock or SystemClock()
        self._answers: OrderedDict[tuple[str, ...], asyncio.Task[str]] = OrderedDict()

    @property
    def name(self) -> ChannelName:
        return "voice"

    def __repr__(self) -> str:
        return f"VoiceChannel({self._number})"

    def routes(self, intake: ChatStore) -> Iterable[web.AbstractRouteDef]:
        """One route for each step of a call. Raises ``SettingsError`` if requests could not be proven."""
        self._door.check_settings()
        steps: Mapping[str, Step] = {
            "": self._greet,
            "/turn": self._turn,
            "/wait": self._wait,
            "/handoff": self._hand_off,
            "/dialed": self._dialed,
            "/callback": self._callback,
            "/recorded": self._recorded,
        }
        return (
            *(web.post(f"/twilio/voice{path}", self._step(intake, step)) for path, step in steps.items()),
            web.post("/twilio/voice/transcript", self._plain(intake, self._transcript)),
            web.post("/twilio/voice/status", self._plain(intake, self._call_event)),
        )

    def _step(self, intake: ChatStore, step: Step) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        """Verify, read the place, answer; a repeated request gets the first one's answer."""

        async def answer(request: web.Request) -> web.Response:
            form = await self._door.open(request)
            call_sid, place = form.require("CallSid"), read_place(form.query, self._language)

            async def document() -> str:
                return str(await step(intake, form, place))

            said = tuple(form.get(name) for name in ("Digits", "SpeechResult", "RecordingSid", "DialCallStatus"))
            return twiml(await self._once((call_sid, request.raw_path, *said), document))

        return answer

    async def _once(self, key: tuple[str, ...], document: Callable[[], Coroutine[Any, Any, str]]) -> str:
        task = self._answers.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._answers[key] = asyncio.create_task(document())
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return await asyncio.shield(task)

    def _plain(
        self, intake: ChatStore, take: Callable[[ChatStore, Form], Awaitable[None]]
    ) -> Callable[[web.Request], Coroutine[Any, Any, web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            await take(intake, await self._door.open(request))
            return web.Response(status=200)

        return answer

    # The steps of a call, in the order they come.

    async def _greet(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        _ = intake
        if normal_number(form.get("From")) == self._number:
            document = VoiceResponse()
            document.reject()
            return document
        return self._greeting(place, menu=True)

    def _greeting(self, place: Place, *, menu: bool) -> VoiceResponse:
        recorded = self._twilio.recording_notice
        return self._script.greeting(place, company=self._company.name, recorded=recorded, menu=menu)

    async def _turn(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        chosen = MENU.get(form.get("Digits")) if place.menu else None
        if chosen in self._languages:
            return self._greeting(replace(place, language=chosen, menu=False), menu=False)
        place = replace(place, menu=False)
        said = heard(form)
        if not said.text:
            return await self._silence(intake, form, place)
        if place.turn == 1:
            said = Said(said.text, {"announced": "1", **said.meta})
        message = self._message(form, place, f"{form.get('CallSid')}-{place.turn}", said)
        accepted = await intake.message(message)
        return await self._answer(intake, replace(place, message_id=accepted.message_id), decided=accepted.decided)

    async def _silence(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        """A call with nothing said at all is kept as such, once it ends."""
        document = self._script.silence(place)
        if place.turn == 1 and "<Hangup" in str(document):
            silent = self._message(form, place, f"{form.get('CallSid')}-{place.turn}", Said(""))
            await intake.message(replace(silent, kind=MessageKind.SILENCE))
        return document

    async def _answer(self, intake: ChatStore, place: Place, *, decided: bool = False) -> VoiceResponse:
        """Speak the replies; none yet: wait; none at all, or too late: a person."""
        replies = await intake.replies_to(place.message_id, wait=WAIT_SECONDS)
        place = replace(place, language=spoken_language(replies, place))
        handoff = next((r.meta["handoff"] for r in replies if r.meta.get("handoff")), "")
        if handoff:
            return self._script.to_handoff(replies, replace(place, no_dial=handoff == "voicemail"))
        if replies:
            return self._script.replies(replies, place)
        if decided or place.tries >= TRIES:
            return self._script.to_handoff((), place)
        return self._script.wait(replace(place, tries=place.tries + 1))

    async def _wait(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        _ = form
        return await self._answer(intake, place)

    async def _hand_off(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        _ = intake, form
        if self._twilio.agent_number and not place.no_dial:
            return self._script.put_through(place, self._twilio.agent_number, self._number)
        return self._script.voicemail(place)

    async def _dialed(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        _ = intake
        if form.get("DialCallStatus") in ("completed", "answered"):
            return self._script.goodbye(place)
        return self._script.voicemail(place)

    async def _callback(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        if form.get("Digits") != "1":
            return self._script.voicemail(place)
        said = Said(_CALL_ME[place.language], {"callback": "1", "wants_human": "1"})
        await intake.message(self._message(form, place, f"{form.get('CallSid')}-callback", said))
        return self._script.callback(place)

    async def _recorded(self, intake: ChatStore, form: Form, place: Place) -> VoiceResponse:
        """Kept at once, whether or not a transcript follows."""
        if form.get("Digits") == "1":
            return await self._callback(intake, form, place)
        if form.get("RecordingSid"):
            text = _VOICEMAIL[place.language].format(seconds=form.get("RecordingDuration") or "?")
            said = Said(text, _recording(form))
            await intake.message(self._message(form, place, form.get("RecordingSid"), said))
        return self._script.goodbye(place)

    async def _transcript(self, intake: ChatStore, form: Form) -> None:
        place = read_place(form.query, self._language)
        text = form.get("TranscriptionText").strip()
        if form.get("TranscriptionStatus") != "completed" or not text:
            return  # the recording itself is kept already
        source_id = f"{form.require('RecordingSid')}-transcript"
        await intake.message(self._message(form, place, source_id, Said(text, _recording(form))))

    async def _call_event(self, intake: ChatStore, form: Form) -> None:
        """The end of a call frees its answers; other events say nothing that we need."""
        _ = intake
        call_sid = form.require("CallSid")
        if form.get("CallStatus") in _FINAL:
            for key in [key for key in self._answers if key[0] == call_sid]:
                del self._answers[key]

    def _message(self, form: Form, place: Place, source_id: str, said: Said) -> InboundMessage:
        call_sid = form.require("CallSid")
        sender = caller(form.get("From"), call_sid)
        typed = form.get("Digits")
        return InboundMessage(
            channel="voice",
            source_id=source_id,
            sender=sender,
            text=said.text,
            received_at=self._clock.now(),
            recipient=normal_number(form.get("To")),
            proof=SenderProof.CALLER_ID if is_number(sender.value) else SenderProof.NONE,
            language=place.language,
            meta={"call_sid": call_sid, **said.meta},
            raw=form.as_json(**({"Digits": without_card(typed)} if typed else {})),
        )

    # The rest of the port.

    async def listen(self, intake: ChatStore) -> None:
        """Nothing to poll: calls come by webhook."""
        _ = intake

    async def send(self, message: OutboundMessage) -> Receipt:
        """Replies are spoken while the call lasts; what comes later cannot be."""
        _ = message
        raise Unsupported("the call is over, so this cannot be spoken; write by SMS or email, or call the author back")

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        _ = message
        raise Unsupported("Twilio does not know what was said on a call; listen to the recording if there is one")

    async def check(self) -> str:
        agent = self._twilio.agent_number
        return f"{await self._rest.check()}; " + (f"agents answer at {agent}" if agent else "voicemail and call-back")


def heard(form: Form) -> Said:
    """The caller's words or keys; "0" and "agent" ask for a person."""
    digits, speech = form.get("Digits").strip(), form.get("SpeechResult").strip()
    if digits == "0" or _asks_for_person(speech):
        return Said("agent", {"wants_human": "1", **_confidence(form)})
    if digits:
        return Said(without_card(digits), {"typed": "1"})
    return Said(speech, _confidence(form))


def without_card(digits: str) -> str:
    """Keys as typed; what may be a card number never reaches the inbox."""
    return CARD_REMOVED if sum(c.isdecimal() for c in digits) >= CARD_DIGITS else digits


def _asks_for_person(speech: str) -> bool:
    words = "".join(c if c.isalpha() else " " for c in speech.casefold()).split()
    rest = [w for w in words if w not in _FILLERS]
    return len(rest) == 1 and rest[0] in _WANTS_HUMAN


def _confidence(form: Form) -> dict[str, str]:
    return {"confidence": form.get("Confidence")} if form.get("Confidence") else {}


def _recording(form: Form) -> dict[str, str]:
    found = {
        "recording_url": form.get("RecordingUrl"),
        "recording_sid": form.get("RecordingSid"),
        "recording_seconds": form.get("RecordingDuration"),
    }
    return {"voicemail": "1", "wants_human": "1", **{k: v for k, v in found.items() if v}}
