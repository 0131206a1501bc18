"""What SMS and voice share: proof that a request is Twilio's, and calls to Twilio's REST API that never repeat a send.

Signatures are checked by Twilio's own ``RequestValidator`` over the *configured* public address: behind a proxy the
``Host`` and scheme that we see are not those that were signed. Sends go through Twilio's own client in a thread, with a
time limit and without its retries, which would post the same message again.
"""

from __future__ import annotations

import asyncio
import codecs
import json
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit

import phonenumbers
import requests
from aiohttp import web
from multidict import CIMultiDictProxy, MultiDict
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException  # type: ignore[import-untyped]  # twilio ships no types
from twilio.http.http_client import TwilioHttpClient  # type: ignore[import-untyped]  # twilio ships no types
from twilio.request_validator import (  # type: ignore[import-untyped]  # twilio ships no types
    SIGNATURE_HEADER,
    SIGNATURE_SETTINGS_HEADER,
    RequestValidator,
    get_signature_algorithm,
)
from twilio.rest import Client  # type: ignore[import-untyped]  # twilio ships no types
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from inbox.errors import InboxError, Malformed, Permanent, SettingsError, Transient, Unauthentic, Uncertain
from inbox.message import ContactPoint
from inbox.settings import Twilio, Web

T = TypeVar("T")

#: Fields in one webhook; Twilio sends about 40.
MAX_FIELDS = 500
#: Seconds for one call to the REST API, to connect and to answer.
TIMEOUT = 10.0
#: A gateway that answers 504 gave up waiting for Twilio: the message may have been taken.
GATEWAY_TIMEOUT = 504

_CHARSETS = ("utf-8", "ascii", "iso8859-1", "cp1252")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
#: What carriers give for a withheld number: the words, or the words typed on a keypad.
_WITHHELD = frozenset({"", "anonymous", "restricted", "unavailable", "unknown", "private"}) | frozenset(
    {"+266696687", "+7378742833", "+86282452253", "+8656696", "+2562533"}
)


@dataclass(frozen=True, slots=True)
class Form:
    """A webhook's fields, proven to be from Twilio. ``query`` is ours: we wrote it into the URL that was signed."""

    fields: MultiDict[str]
    query: Mapping[str, str]

    def get(self, name: str) -> str:
        """The first value, "" if there is none, without NUL, which no database keeps."""
        return self.fields.get(name, "").replace("\x00", "")

    def require(self, name: str) -> str:
        """The value, or ``Malformed``: Twilio always sends it."""
        value = self.get(name).strip()
        if not value:
            raise Malformed(f"the request has no {name}")
        return value

    def as_json(self, **changed: str) -> str:
        """All fields as JSON text, to be masked and kept."""
        return json.dumps({**{k: self.get(k) for k in self.fields}, **changed}, ensure_ascii=False)


class Door:
    """Lets in what Twilio signed, and nothing else."""

    def __init__(self, twilio: Twilio, web_settings: Web) -> None:
        self._twilio = twilio
        self._web = web_settings

    def check_settings(self) -> None:
        """Raises ``SettingsError``: without a secret and a public address no request could be proven."""
        problems = []
        if not self._twilio.auth_tokens:
            problems.append("twilio.auth_tokens is missing; without it no webhook can be trusted")
        if not self._web.public_url:
            problems.append("web.public_url is missing; Twilio signs the public address of the webhook")
        if problems:
            raise SettingsError(problems)

    def url(self, path_and_query: str) -> str:
        """One of our paths as Twilio sees it."""
        return self._web.public_url.rstrip("/") + path_and_query

    async def open(self, request: web.Request) -> Form:
        """Read and verify one webhook. Raises ``Malformed`` or ``Unauthentic``."""
        body = await _read(request, self._web.max_body_bytes)
        fields = MultiDict(parse_form(body, request.charset or "utf-8"))
        self._verify(request.raw_path, fields, request.headers)
        return Form(fields, dict(request.query))

    def _verify(self, path: str, fields: MultiDict[str], headers: CIMultiDictProxy[str]) -> None:
        signature = headers.get(SIGNATURE_HEADER, "")
        algorithm = get_signature_algorithm(headers.get(SIGNATURE_SETTINGS_HEADER, ""))
        url = self.url(path)
        # Every token is tried, so that how long it takes does not tell which one is in use.
        valid = [RequestValidator(t).validate(url, fields, signature, algorithm) for t in self._twilio.auth_tokens]
        if not any(valid):
            raise Unauthentic("the request is not signed by Twilio for this address; compare web.public_url")


def parse_form(body: bytes, charset: str) -> list[tuple[str, str]]:
    """Every field as it was signed: blank values kept, nothing stripped. Raises ``Malformed``."""
    try:
        encoding = codecs.lookup(charset).name
        if encoding not in _CHARSETS:
            raise LookupError(charset)
        text = body.decode(encoding)
        return parse_qsl(text, keep_blank_values=True, encoding=encoding, errors="strict", max_num_fields=MAX_FIELDS)
    except (LookupError, ValueError) as error:  # UnicodeError is a ValueError
        raise Malformed(f"the form cannot be read as {charset[:40]!r}: {type(error).__name__}") from error


async def _read(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_chunked(65_536):
        body += chunk
        if len(body) > limit:
            raise web.HTTPRequestEntityTooLarge(max_size=limit, actual_size=len(body))
    return bytes(body)


def twiml(document: object) -> web.Response:
    return web.Response(text=str(document), content_type="text/xml", charset="utf-8")


def normal_number(value: str) -> str:
    """E.164 where it is a telephone number; short codes and sender names stay as they are."""
    value = value.strip()
    if not value.startswith("+"):
        return value
    try:
        number = phonenumbers.parse(value)
    except phonenumbers.NumberParseException:
        return value
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def is_number(value: str) -> bool:
    return value.startswith("+") and value[1:].isdecimal() and value not in _WITHHELD


def caller(value: str, call_sid: str) -> ContactPoint:
    """The caller's number. Callers who withhold it are each a contact of their own, never one together."""
    if value.strip().lower() in _WITHHELD:
        return ContactPoint("phone", f"withheld-{call_sid}")
    return ContactPoint("phone", normal_number(value))


class Rest:
    """Twilio's REST API for one account, errors in our own words."""

    def __init__(self, twilio: Twilio, timeout: float = TIMEOUT) -> None:
        token = twilio.auth_tokens[0] if twilio.auth_tokens else ""
        # Threads of its own: a Twilio that hangs must not take those that others need.
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="twilio")
        # A given environment keeps the client from reading the process's own (edge, region).
        self._client = Client(
            twilio.account_sid,
            token,
            http_client=_Http(twilio.api_base, timeout),
            environment={"TWILIO_REGION": ""},
        )

    async def create_message(self, **fields: Any) -> Any:
        """POST one message, exactly once. Raises ``Transient``, ``Uncertain`` or ``Permanent``."""
        try:
            return await self._in_thread(self._client.messages.create, **fields)
        except (TwilioException, ValueError) as error:
            raise Uncertain("Twilio took the request, but its answer cannot be read") from error

    async def list_messages(self, **query: Any) -> list[Any]:
        """Stored messages, newest first. Raises ``Transient`` or ``Permanent``."""
        return await self._ask(self._client.messages.list, **query)

    async def check(self) -> str:
        """One line about the account. Raises an ``InboxError`` that names the fix."""
        account = await self._ask(self._client.api.account.fetch)
        if account.status != "active":
            raise Permanent(f"the Twilio account is {account.status}; reactivate it in Twilio's console")
        return f"Twilio account {account.friendly_name!r} is active"

    async def _ask(self, question: Callable[..., T], **query: Any) -> T:
        try:
            return await self._in_thread(question, **query)
        except (TwilioException, ValueError) as error:
            raise Transient("Twilio's answer cannot be read") from error

    async def _in_thread(self, work: Callable[..., T], **fields: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, **fields))


class _Http(TwilioHttpClient):  # type: ignore[misc]  # twilio ships no types
    """Twilio's HTTP client with another base address and our errors; it never repeats a request."""

    def __init__(self, base: str, timeout: float) -> None:
        super().__init__(timeout=timeout)
        self._base = urlsplit(base.rstrip("/"))
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, HTTPAdapter(max_retries=0, pool_maxsize=32))
        if self._base.hostname in _LOOPBACK:
            self.session.trust_env = False  # a proxy of the environment cannot reach our loopback

    def request(self, method: str, url: str, **options: Any) -> Any:
        # A kept connection may be dead by the next send, which then cannot be told from an accepted message.
        options["headers"] = {**(options.get("headers") or {}), "Connection": "close"}
        try:
            response = super().request(method, self._rebase(url), **options)
        except requests.RequestException as error:
            raise _broken(method, error) from error
        _refuse_failure(method, response)
        return response

    def _rebase(self, url: str) -> str:
        asked = urlsplit(url)
        base = self._base
        return asked._replace(scheme=base.scheme, netloc=base.netloc, path=base.path + asked.path).geturl()

    def log_request(self, kwargs: object) -> None:
        """Nothing: the library would log telephone numbers."""

    def log_response(self, status_code: int, response: object) -> None:
        """Nothing, see ``log_request``."""


def _broken(method: str, error: requests.RequestException) -> InboxError:
    """No answer. Was the request sent? If that is not certain, a send is ``Uncertain``."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    not_sent = (
        isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.InvalidURL))
        or isinstance(reason, (NewConnectionError, ConnectTimeoutError))
        or "CERTIFICATE_VERIFY_FAILED" in str(error)
    )
    if method.upper() == "POST" and not not_sent:
        return Uncertain(f"Twilio did not answer ({type(error).__name__}); the message may have left")
    return Transient(f"Twilio cannot be reached ({type(error).__name__}); see twilio.api_base and the network")


def _refuse_failure(method: str, response: Any) -> None:
    status = int(response.status_code)
    if status < 300:
        return
    if status == GATEWAY_TIMEOUT and method.upper() == "POST":
        raise Uncertain("a gateway gave up waiting for Twilio; the message may have left")
    if status == 429 or status >= 500:
        raise Transient(f"Twilio answered {status}", retry_after=_seconds(response.headers.get("Retry-After")))
    code, text = _reason(response.text, status)
    if status in (401, 403) and code != "21610":
        text += "; compare twilio.account_sid and the first of twilio.auth_tokens"
    raise Permanent(f"Twilio refused it: {text} ({code})", code=code)


def _reason(text: str, status: int) -> tuple[str, str]:
    """Twilio's own code and words, if its answer has them."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    return str(answer.get("code") or status), str(answer.get("message") or answer.get("detail") or "no reason given")


def _seconds(value: str | None) -> float | None:
    return float(value) if value and value.isdecimal() else None


def log_of(name: str) -> logging.Logger:
    return logging.getLogger(f"inbox.channels.{name}")
