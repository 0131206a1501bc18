"""A Twilio stand-in on a real socket, for the SMS and voice tests. The inbox is public as https://inbox.example."""

from __future__ import annotations

import dataclasses
from urllib.parse import urlencode

from aiohttp import web
from twilio.request_validator import RequestValidator

from inbox.channels.sms import SmsChannel
from inbox.channels.voice import VoiceChannel
from inbox.clock import SetClock
from inbox.demo.twilio_stand_in import TwilioStandIn
from inbox.fakes import RecordingIntake
from inbox.message import ContactPoint, OutboundMessage
from inbox.settings import Company, Twilio, Web
from tests.channels.contract import Delivery, outbound

ACCOUNT = "AC" + "5e" * 16
TOKEN = "primary-token-for-tests"
OLD_TOKEN = "previous-token-for-tests"
NUMBER = "+12025550100"
AUTHOR = "+12025550147"
PUBLIC = "https://inbox.example"
COMPANY = Company(name="Fern & Fold <Press>")
AGENT = "+12025550155"
WEB = Web(public_url=PUBLIC + "/")


def settings(**changes) -> Twilio:
    return Twilio(**{"account_sid": ACCOUNT, "auth_tokens": (TOKEN, OLD_TOKEN), "number": NUMBER, **changes})


async def start(aiohttp_server, **options) -> tuple[TwilioStandIn, Twilio]:
    """The stand-in below a prefix, as the demo mounts it, and the settings that point to it."""
    stand_in = TwilioStandIn(ACCOUNT, TOKEN, inbox_base_url="", number=NUMBER, public_url=PUBLIC, **options)
    root = web.Application()
    root.add_subapp("/twilio-api", stand_in.app)
    server = await aiohttp_server(root)
    return stand_in, settings(api_base=str(server.make_url("/twilio-api")))


def signed(path: str, fields, token: str = TOKEN, url: str = "", body: bytes | None = None) -> Delivery:
    """A webhook as Twilio posts it; ``url`` is what was signed, if not the public address of ``path``."""
    signature = RequestValidator(token).compute_signature(url or PUBLIC + path, fields)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
    return Delivery(path, urlencode(fields).encode() if body is None else body, headers)


def incoming(text="What do I owe?", sid="SM" + "1" * 32, **fields):
    return {
        "MessageSid": sid, "SmsSid": sid, "AccountSid": ACCOUNT, "From": AUTHOR, "To": NUMBER, "Body": text,
        "NumMedia": "0", "NumSegments": "1", "ToCity": "", "ApiVersion": "2010-04-01", **fields,
    }  # fmt: skip


def sms(text="Your statement is ready.", **changes):
    return outbound("sms", ContactPoint("phone", AUTHOR), text=text, **changes)


def status(word, path="/twilio/sms/status?m=out-1", **fields):
    return signed(path, {"MessageSid": "SM9", "MessageStatus": word, "To": AUTHOR, "From": NUMBER, **fields})


def phrases(name: str, language: str, **facts: object) -> str:
    """Service texts that show what they were asked for."""
    return " ".join([f"{name}/{language}", *(f"{k}={v}" for k, v in sorted(facts.items()))])


def reply(text="You owe $40.00.", **changes) -> OutboundMessage:
    return outbound("voice", ContactPoint("phone", AUTHOR), text=text, **changes)


def turn(fields, path="/twilio/voice/turn?l=es&n=3&s=0&k=0", token=TOKEN):
    sid = "CA" + "1" * 32
    return signed(path, {"CallSid": sid, "AccountSid": ACCOUNT, "From": AUTHOR, "To": NUMBER, **fields}, token)


class Answering(RecordingIntake):
    """Gives the next reply or replies of a list to each question; None = nothing decided yet."""

    def __init__(self, *answers):
        super().__init__()
        self.answers = list(answers)
        self.asked = []
        self.decided = False

    async def message(self, message):
        accepted = await super().message(message)
        return dataclasses.replace(accepted, decided=self.decided)

    async def replies_to(self, message_id, wait):
        assert 0 < wait < 15, "Twilio gives up after 15 seconds"
        self.asked.append(message_id)
        answer = self.answers.pop(0) if self.answers else None
        return [] if answer is None else [answer] if isinstance(answer, OutboundMessage) else answer


@dataclasses.dataclass
class Line:
    """Both ends of a line: the inbox's channel and the Twilio before it."""

    channel: SmsChannel | VoiceChannel
    twilio: TwilioStandIn
    intake: RecordingIntake
    client: object
    clock: SetClock

    @property
    def texts(self):
        return [m.text for m in self.intake.messages]

    async def post(self, delivery: Delivery, **headers) -> tuple[int, str]:
        made = self.client.post(delivery.path, data=delivery.body, headers={**delivery.headers, **headers})
        async with made as answer:
            return answer.status, await answer.text()
