"""A Twilio on loopback: its REST API for messages and accounts, and the carrier and telephones behind it.

It plays the far end for tests and the demo; nothing of it runs in production. Webhooks are signed by Twilio's own code.
``answer_next`` makes the coming requests fail in the ways that the real one does.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import itertools
import math
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
from aiohttp import web
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped]  # twilio ships no types

from inbox.demo.twilio_calls import Call, Telephone

Carrier = Literal["none", "normal", "reversed", "doubled", "failing"]
#: What the next requests meet: a status, silence, or a broken line ("close": after taking the message, "drop": before).
Trouble = int | Literal["hang", "close", "drop", "garbage"]

_STOP = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"}
_START = {"START", "YES", "UNSTOP"}
_GSM = set(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_TWO_UNITS = set("^{}\\[~]|€\f")
_ERRORS = {
    20003: "Authenticate",
    20404: "The requested resource was not found",
    20429: "Too Many Requests",
    20500: "Internal Server Error",
    21211: "The 'To' number is not a valid phone number",
    21602: "Message body is required",
    21604: "A 'To' phone number is required",
    21606: "The 'From' number is not one of this account",
    21610: "Attempt to send to unsubscribed recipient",
    21617: "The concatenated message body exceeds the 1600 character limit",
}


def segments(text: str) -> int:
    """Parts that a carrier bills: GSM-7 160 alone or 153 each, UCS-2 70 or 67."""
    if all(c in _GSM or c in _GSM_TWO_UNITS for c in text):
        units, alone, each = len(text) + sum(c in _GSM_TWO_UNITS for c in text), 160, 153
    else:
        units, alone, each = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if units <= alone else math.ceil(units / each)


@dataclass
class StoredMessage:
    """A message as Twilio keeps it. Times are aware UTC."""

    sid: str
    direction: Literal["inbound", "outbound-api"]
    from_: str
    to: str
    body: str
    status: str
    created_at: datetime
    sent_at: datetime | None = None
    callback: str = ""
    error_code: int | None = None
    media: tuple[tuple[str, str], ...] = ()  # (content type, address)

    def as_json(self, account_sid: str) -> dict[str, Any]:
        uri = f"/2010-04-01/Accounts/{account_sid}/Messages/{self.sid}"
        created, sent = _rfc2822(self.created_at), self.sent_at and _rfc2822(self.sent_at)
        return {
            "account_sid": account_sid, "api_version": "2010-04-01", "body": self.body, "date_created": created,
            "date_sent": sent, "date_updated": sent or created, "direction": self.direction,
            "error_code": self.error_code, "error_message": None, "from": self.from_, "messaging_service_sid": None,
            "num_media": str(len(self.media)), "num_segments": str(segments(self.body)), "price": None,
            "price_unit": "USD", "sid": self.sid, "status": self.status,
            "subresource_uris": {"media": f"{uri}/Media.json"}, "to": self.to, "uri": f"{uri}.json",
        }  # fmt: skip


@dataclass
class TwilioStandIn:
    """``app`` is a sub-application with the REST API; the methods are the people and the carrier behind it.

    ``inbox_base_url`` is where our webhooks are reached, ``public_url`` the address they are signed for (default: the
    same). ``carrier`` says in which order status callbacks follow an accepted message.
    """

    account_sid: str
    auth_token: str = field(repr=False)
    inbox_base_url: str
    number: str = "+12025550100"
    public_url: str = ""
    carrier: Carrier = "normal"
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    messages: list[StoredMessage] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    opted_out: set[str] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    posts: int = 0  # requests to send that arrived, whatever became of them
    account_status: str = "active"
    last_headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # of the last REST request
    webhook_answers: list[tuple[str, int, str]] = field(default_factory=list)  # (path, status, body)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)  # of messages, calls, recordings

    def __post_init__(self) -> None:
        self.public_url = (self.public_url or self.inbox_base_url).rstrip("/")
        self._later: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None
        self.phone = Telephone(self.post_webhook, self.account_sid, self.number, self.ids)
        self.app = web.Application(middlewares=[self._door])
        root = f"/2010-04-01/Accounts/{self.account_sid}"
        self.app.add_routes([
            web.get(f"{root}.json", self._account),
            web.post(f"{root}/Messages.json", self._create),
            web.get(f"{root}/Messages.json", self._list),
            web.get(f"{root}/Messages/{{sid}}.json", self._fetch),
            web.get(f"{root}/Calls.json", self._list_calls),
            web.get(f"{root}/Calls/{{sid}}.json", self._fetch_call),
        ])  # fmt: skip

    # The people and their telephones.

    async def phone_sends(self, from_: str, body: str, media: tuple[tuple[str, str], ...] = ()) -> int:
        """A text from a telephone reaches our webhook; returns its HTTP status. It is tried once, as Twilio does."""
        now = self.now()
        message = StoredMessage(self._sid("SM"), "inbound", from_, self.number, body, "received", now, now, media=media)
        self.messages.append(message)
        word = body.strip().upper()
        extra = {"OptOutType": "STOP"} if word in _STOP else {"OptOutType": "START"} if word in _START else {}
        (self.opted_out.add if word in _STOP else self.opted_out.discard if word in _START else str)(from_)
        return (await self.post_webhook("/twilio/sms", inbound_fields(self.account_sid, message) | extra))[0]

    async def call(self, from_: str) -> Call:
        """A telephone calls our number; the first things said are in ``heard``."""
        call = Call(sid=self._sid("CA"), from_=from_, to=self.number, started_at=self.now())
        self.calls.append(call)
        await self.phone.dial_in(call)
        return call

    async def say(self, call: Call, text: str, confidence: float = 0.91) -> None:
        await self.phone.say(call, text, confidence)

    async def press(self, call: Call, digits: str) -> None:
        await self.phone.press(call, digits)

    async def stay_silent(self, call: Call) -> None:
        await self.phone.stay_silent(call)

    async def hang_up(self, call: Call) -> None:
        await self.phone.hang_up(call)

    # The carrier.

    async def post_webhook(self, path_and_query: str, fields: dict[str, str]) -> tuple[int, str]:
        """POST signed fields to the inbox; the address may be absolute. Returns (status, body)."""
        path = path_and_query.removeprefix(self.public_url)
        if self._http is None:
            self._http = aiohttp.ClientSession()
        signature = RequestValidator(self.auth_token).compute_signature(self.public_url + path, fields)
        headers = {
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8",
        }
        body = urlencode(fields)
        async with self._http.post(self.inbox_base_url.rstrip("/") + path, data=body, headers=headers) as answer:
            text = await answer.text()
            self.webhook_answers.append((path, answer.status, text))
            return answer.status, text

    async def status_callback(self, sid: str, status: str, error_code: int | None = None) -> None:
        """The carrier reports; the callback goes to the address that the message was sent with."""
        message = self._message(sid)
        message.status, message.error_code = status, error_code
        message.sent_at = message.sent_at or self.now()
        if message.callback:
            await self.post_webhook(message.callback, status_fields(self.account_sid, message, status, error_code))

    async def _report(self, sid: str) -> None:
        words = ["sent", "failed"] if self.carrier == "failing" else ["sent", "delivered"]
        if self.carrier == "reversed":
            words.reverse()
        for word in words:
            for _ in range(2 if self.carrier == "doubled" else 1):
                await self.status_callback(sid, word, 30003 if word == "failed" else None)

    async def settle(self) -> None:
        """Wait until the carrier has reported all it has to."""
        while self._later:
            await asyncio.gather(*self._later, return_exceptions=True)

    async def close(self) -> None:
        await self.settle()
        if self._http is not None:
            await self._http.close()
            self._http = None

    # The REST API.

    def answer_next(self, *troubles: Trouble) -> None:
        """The coming requests, one each, meet these."""
        self.troubles.extend(troubles)

    @web.middleware
    async def _door(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if not self._authorised(request.headers.get("Authorization", "")):
            return _error(20003, 401)
        self.posts += request.method == "POST"
        self.last_headers = request.headers
        if not self.troubles:
            return await handler(request)
        return await self._fail(self.troubles.pop(0), request, handler)

    async def _fail(self, trouble: Trouble, request: web.Request, handler: Any) -> web.StreamResponse:
        if isinstance(trouble, int):
            code = {429: 20429, 401: 20003}.get(trouble, 20500 if trouble >= 500 else 21211)
            return _error(code, trouble, {"Retry-After": "7"} if trouble == 429 else {})
        if trouble != "drop":
            await handler(request)
        if trouble == "garbage":
            return web.Response(text="<html>", status=201)
        if trouble == "hang":
            while request.transport is not None:  # noqa: ASYNC110 - no event tells that the client gave up
                await asyncio.sleep(0.02)
        elif request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    def _authorised(self, header: str) -> bool:
        try:
            return base64.b64decode(header.removeprefix("Basic ")).decode() == f"{self.account_sid}:{self.auth_token}"
        except (binascii.Error, UnicodeDecodeError):
            return False

    async def _account(self, request: web.Request) -> web.Response:
        uri = request.path
        now = _rfc2822(self.now())
        return web.json_response({
            "sid": self.account_sid, "owner_account_sid": self.account_sid, "friendly_name": "Stand-in",
            "status": self.account_status, "type": "Full", "date_created": now, "date_updated": now, "auth_token": "",
            "uri": uri, "subresource_uris": {},
        })  # fmt: skip

    async def _create(self, request: web.Request) -> web.Response:
        form = await request.post()
        to, body, sender = (str(form.get(k, "")) for k in ("To", "Body", "From"))
        problem = self._refusal(to, body, sender or (self.number if form.get("MessagingServiceSid") else ""))
        if problem:
            return _error(problem, 400)
        message = StoredMessage(
            self._sid("SM"), "outbound-api", sender or self.number, to, body, "queued", self.now(),
            callback=str(form.get("StatusCallback", "")),
        )  # fmt: skip
        self.messages.append(message)
        answer = web.json_response(message.as_json(self.account_sid), status=201)
        if self.carrier != "none":
            report = asyncio.create_task(self._report(message.sid))
            self._later.add(report)
            report.add_done_callback(self._later.discard)
        return answer

    def _refusal(self, to: str, body: str, sender: str) -> int:
        """Twilio's error code, 0 if there is nothing to refuse."""
        rules = {
            21604: not to,
            21211: not (to.startswith("+") and to[1:].isdecimal() and 8 <= len(to) <= 16),
            21606: sender != self.number,
            21602: not body,
            21617: len(body) > 1600,
            21610: to in self.opted_out,
        }
        return next((code for code, broken in rules.items() if broken), 0)

    async def _list(self, request: web.Request) -> web.Response:
        query = request.query
        since = _date(query.get("DateSent>", ""))
        found = [
            m
            for m in reversed(self.messages)
            if query.get("To") in (None, m.to)
            and query.get("From") in (None, m.from_)
            and (since is None or (m.sent_at is not None and m.sent_at >= since))
        ]
        return _page(request, "messages", [m.as_json(self.account_sid) for m in found])

    async def _fetch(self, request: web.Request) -> web.Response:
        found = next((m for m in self.messages if m.sid == request.match_info["sid"]), None)
        return web.json_response(found.as_json(self.account_sid)) if found else _error(20404, 404)

    async def _list_calls(self, request: web.Request) -> web.Response:
        return _page(request, "calls", [c.as_json(self.account_sid) for c in reversed(self.calls)])

    async def _fetch_call(self, request: web.Request) -> web.Response:
        found = next((c for c in self.calls if c.sid == request.match_info["sid"]), None)
        return web.json_response(found.as_json(self.account_sid)) if found else _error(20404, 404)

    def _message(self, sid: str) -> StoredMessage:
        return next(m for m in self.messages if m.sid == sid)

    def _sid(self, prefix: str) -> str:
        return f"{prefix}{next(self.ids):032x}"


def inbound_fields(account_sid: str, message: StoredMessage) -> dict[str, str]:
    """The fields of an incoming-message webhook."""
    fields = {
        "ToCountry": "US", "ToState": "", "SmsMessageSid": message.sid, "NumMedia": str(len(message.media)),
        "ToCity": "", "FromZip": "", "SmsSid": message.sid, "FromState": "", "SmsStatus": "received", "FromCity": "",
        "Body": message.body, "FromCountry": "US", "To": message.to, "ToZip": "",
        "NumSegments": str(segments(message.body)), "MessageSid": message.sid, "AccountSid": account_sid,
        "From": message.from_, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    for n, (kind, address) in enumerate(message.media):
        fields |= {f"MediaContentType{n}": kind, f"MediaUrl{n}": address}
    return fields


def status_fields(account_sid: str, message: StoredMessage, status: str, error_code: int | None) -> dict[str, str]:
    """The fields of a message status callback."""
    fields = {
        "SmsSid": message.sid, "SmsStatus": status, "MessageStatus": status, "To": message.to,
        "MessageSid": message.sid, "AccountSid": account_sid, "From": message.from_, "ApiVersion": "2010-04-01",
    }  # fmt: skip
    return fields | ({"ErrorCode": str(error_code)} if error_code else {})


def _page(request: web.Request, name: str, rows: list[dict[str, Any]]) -> web.Response:
    size, page = int(request.query.get("PageSize", "50")), int(request.query.get("Page", "0"))
    part, more = rows[page * size : (page + 1) * size], len(rows) > (page + 1) * size
    following = _uri(request, page + 1) if more else None
    return web.json_response({
        "page": page, "page_size": size, "start": page * size, "end": page * size + max(len(part) - 1, 0),
        "uri": _uri(request, page), "first_page_uri": _uri(request, 0), "next_page_uri": following,
        "previous_page_uri": None, name: part,
    })  # fmt: skip


def _uri(request: web.Request, page: int) -> str:
    """As Twilio gives it: from the version on, whatever we are mounted below."""
    whole = str(request.rel_url.update_query(Page=page))
    return whole[whole.index("/2010-04-01") :]


def _error(code: int, status: int, headers: dict[str, str] | None = None) -> web.Response:
    more = f"https://www.twilio.com/docs/errors/{code}"
    answer = {"code": code, "message": _ERRORS[code], "more_info": more, "status": status}
    return web.json_response(answer, status=status, headers=headers)


def _date(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None


def _rfc2822(at: datetime) -> str:
    return format_datetime(at.replace(microsecond=0))
