"""What is said on a call, as TwiML. Pure: where the call stands is an argument, carried in the next request's address.

All words come from outside: replies from the inbox, service texts from ``phrases``. TwiML is built by Twilio's library,
which escapes them.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse  # type: ignore[import-untyped]  # ships no types

from inbox.errors import Malformed
from inbox.message import LANGUAGES, Language, OutboundMessage


class Phrases(Protocol):
    def __call__(self, name: str, language: str, **facts: object) -> str:
        """An approved service text. ``voice_greeting`` gets ``company`` (text) and ``recorded`` (bool)."""
        ...


#: Twilio's locale and voice for each language.
VOICES: Mapping[Language, tuple[str, str]] = {
    "en": ("en-US", "Polly.Joanna"),
    "es": ("es-US", "Polly.Lupe"),
    "pt": ("pt-BR", "Polly.Camila"),
}
#: Keys of the language menu; they never change, so that callers can learn them.
MENU: Mapping[str, Language] = {"1": "en", "2": "es", "3": "pt"}
#: Reprompts before we say goodbye.
SILENCES = 2
#: Times we ask the caller to wait for a decision before a person takes over.
TRIES = 3
#: Characters in one <Say>; Twilio reads at most 4096, its voices fewer.
SAY_LIMIT = 1_500
LISTEN_SECONDS = 6
RING_SECONDS = 20
VOICEMAIL_SECONDS = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a call stands."""

    language: Language = "en"
    turn: int = 1  # number of the next utterance
    silences: int = 0  # in a row
    menu: bool = False  # the keypad chooses a language
    tries: int = 0  # waits for a decision on ``message_id``
    message_id: str = ""
    no_dial: bool = False  # nobody is there to put the caller through to

    def query(self) -> str:
        short = {"l": self.language, "n": self.turn, "s": self.silences, "k": int(self.menu)}
        waiting = {"t": self.tries, "m": self.message_id} if self.message_id else {}
        return urlencode(short | waiting | ({"v": 1} if self.no_dial else {}))


def read_place(query: Mapping[str, str], default: Language) -> Place:
    """The place from an address that we wrote. Raises ``Malformed``."""
    language = query.get("l", default)
    numbers = {name: query.get(name, "") for name in "nstkv"}
    if language not in LANGUAGES or not all(v == "" or (v.isdecimal() and len(v) < 5) for v in numbers.values()):
        raise Malformed("the address of this call step is not one of ours")
    return Place(
        language=language,
        turn=int(numbers["n"] or 1),
        silences=int(numbers["s"] or 0),
        menu=numbers["k"] == "1",
        tries=int(numbers["t"] or 0),
        message_id=query.get("m", ""),
        no_dial=numbers["v"] == "1",
    )


class Script:
    """The documents of a call. ``url`` makes one of our paths absolute."""

    def __init__(self, phrases: Phrases, url: Callable[[str], str], languages: Sequence[Language]) -> None:
        self._phrases = phrases
        self._url = url
        self._languages = languages

    def greeting(self, place: Place, *, company: str, recorded: bool, menu: bool) -> VoiceResponse:
        """Who we are, that a machine speaks and that calls may be recorded: outside the gather, so always heard."""
        document = VoiceResponse()
        notice = self._phrases("voice_greeting", place.language, company=company, recorded=recorded)
        say(document, notice, place.language)
        choices = [c for c in self._languages if c != place.language] if menu else []
        gather = self._gather(replace(place, menu=bool(choices)))
        for choice in choices:
            say(gather, self._phrases("voice_language_menu", choice), choice)
        document.append(gather)
        return document

    def replies(self, replies: Iterable[OutboundMessage], place: Place) -> VoiceResponse:
        """The replies inside the gather, so that the caller can cut in, then the next turn."""
        document = VoiceResponse()
        gather = self._gather(replace(place, turn=place.turn + 1, silences=0, tries=0, message_id=""))
        for reply in replies:
            say(gather, reply.text, _language(reply, place))
        document.append(gather)
        return document

    def silence(self, place: Place) -> VoiceResponse:
        """Ask again, twice; then goodbye."""
        if place.silences >= SILENCES:
            return self.goodbye(place)
        document = VoiceResponse()
        gather = self._gather(replace(place, silences=place.silences + 1))
        say(gather, self._phrases("voice_reprompt", place.language), place.language)
        document.append(gather)
        return document

    def wait(self, place: Place) -> VoiceResponse:
        document = VoiceResponse()
        say(document, self._phrases("voice_wait", place.language), place.language)
        document.redirect(self._url(f"/twilio/voice/wait?{place.query()}"), method="POST")
        return document

    def to_handoff(self, replies: Iterable[OutboundMessage], place: Place) -> VoiceResponse:
        document = VoiceResponse()
        for reply in replies:
            say(document, reply.text, _language(reply, place))
        document.redirect(self._url(f"/twilio/voice/handoff?{place.query()}"), method="POST")
        return document

    def put_through(self, place: Place, agent_number: str, our_number: str) -> VoiceResponse:
        """Ring the agent; ``dialed`` hears what came of it."""
        document = VoiceResponse()
        action = self._url(f"/twilio/voice/dialed?{place.query()}")
        dial = Dial(action=action, method="POST", timeout=RING_SECONDS, caller_id=our_number, answer_on_bridge=True)
        dial.number(agent_number)
        document.append(dial)
        return document

    def voicemail(self, place: Place) -> VoiceResponse:
        """Leave a message after the tone, or press 1 for a call-back."""
        document = VoiceResponse()
        action = self._url(f"/twilio/voice/callback?{place.query()}")
        keys = Gather(input="dtmf", num_digits=1, timeout=2, action=action, method="POST")
        say(keys, self._phrases("voice_leave_message", place.language), place.language)
        document.append(keys)
        transcript = self._url(f"/twilio/voice/transcript?{place.query()}")
        document.record(
            action=self._url(f"/twilio/voice/recorded?{place.query()}"),
            method="POST",
            max_length=VOICEMAIL_SECONDS,
            play_beep=True,
            # Twilio transcribes English only; other recordings are listened to.
            **({"transcribe": True, "transcribe_callback": transcript} if place.language == "en" else {}),
        )
        return self._bye(document, "voice_goodbye", place)

    def callback(self, place: Place) -> VoiceResponse:
        return self._bye(VoiceResponse(), "voice_callback", place)

    def goodbye(self, place: Place) -> VoiceResponse:
        return self._bye(VoiceResponse(), "voice_goodbye", place)

    def _bye(self, document: VoiceResponse, phrase: str, place: Place) -> VoiceResponse:
        say(document, self._phrases(phrase, place.language), place.language)
        document.hangup()
        return document

    def _gather(self, place: Place) -> Gather:
        """Listen for speech or keys. An empty result comes to us too: silence is a turn of its own."""
        return Gather(
            input="speech dtmf",
            action=self._url(f"/twilio/voice/turn?{place.query()}"),
            method="POST",
            timeout=LISTEN_SECONDS,
            speech_timeout="auto",
            language=VOICES[place.language][0],
            profanity_filter=False,
            action_on_empty_result=True,
        )


def say(node: VoiceResponse | Gather, text: str, language: Language) -> None:
    """Speak it, in parts that are short enough, without characters that XML cannot hold."""
    locale, voice = VOICES[language]
    clean = "".join(c if c.isprintable() else " " for c in text)
    for part in textwrap.wrap(clean, SAY_LIMIT):
        node.say(part, voice=voice, language=locale)


def spoken_language(replies: Sequence[OutboundMessage], place: Place) -> Language:
    """The language the call goes on in: that of the last reply."""
    return _language(replies[-1], place) if replies else place.language


def _language(reply: OutboundMessage, place: Place) -> Language:
    return next((known for known in LANGUAGES if known == reply.language), place.language)
