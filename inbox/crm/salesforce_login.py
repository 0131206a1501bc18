"""Tokens for Salesforce's REST API: OAuth client credentials or a JWT signed with our key. No password, no SOAP login.

A token is kept until Salesforce refuses it; whoever comes with a refused one gets a fresh one, once for all who ask at the
same moment. Several secrets or keys are tried in turn, so that a new one can be set up before the old one goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from inbox.clock import Clock
from inbox.crm.base import NoAccess, Unreachable
from inbox.errors import InboxError, SettingsError
from inbox.settings import Salesforce

_PATH = "/services/oauth2/token"
_VALID = timedelta(minutes=3)  # of the assertion: what Salesforce allows at most
#: OAuth's error -> what to do about it.
_FIXES: Mapping[str, str] = {
    "invalid_client": "salesforce.client_secrets is wrong; copy the consumer secret of the connected app",
    "invalid_client_id": "salesforce.client_id is wrong; copy the consumer key of the connected app",
    "invalid_app_access": "the user may not use the connected app; add its permission set to the app's policies",
    "invalid_assertion": "the JWT was refused; upload the certificate that belongs to salesforce.private_keys",
    "invalid_grant": "log-in refused; allow the flow in the connected app, choose its run-as user, and let its permission "
    "set use the app",
    "inactive_user": "the user of the connected app is switched off; activate them or choose another one",
    "inactive_org": "the Salesforce organisation is locked",
    "unsupported_grant_type": "switch the OAuth flow on in the connected app",
    "unauthorized_client": "switch the OAuth flow on in the connected app",
    "invalid_request": "salesforce.login_url must be your My Domain, https://yourcompany.my.salesforce.com",
}
_TRY_NEXT = frozenset({"invalid_client", "invalid_grant", "invalid_assertion"})
_TRY_LATER = frozenset({"rate_limit_exceeded", "server_error", "temporarily_unavailable", "unknown_error"})


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    instance: str  # https://yourcompany.my.salesforce.com, without a slash at the end


class Login:
    """Raises ``SettingsError`` if a private key cannot be used."""

    def __init__(self, settings: Salesforce, session: Session, clock: Clock) -> None:
        self._settings, self._session, self._clock = settings, session, clock
        self._keys = tuple(_key(text) for text in settings.private_keys)
        self._token: Token | None = None
        self._turn = asyncio.Lock()

    async def token(self, refused: Token | None = None) -> Token:
        """A token that nobody refused yet. Raises ``Unreachable``, or ``NoAccess`` with the fix."""
        async with self._turn:
            if self._token is None or self._token is refused:
                self._token = await self._fetch()
            return self._token

    async def _fetch(self) -> Token:
        problem: InboxError = NoAccess("salesforce.client_secrets is missing")
        for form in self._forms():
            status, body = await self._ask(form)
            if status == 200:
                return _token_of(body)
            code = str(body.get("error") or status)
            problem = _refusal(status, code, str(body.get("error_description") or ""))
            if code not in _TRY_NEXT:
                break
        raise problem

    def _forms(self) -> list[dict[str, str]]:
        settings = self._settings
        if self._keys:
            grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
            return [{"grant_type": grant, "assertion": self._assertion(key)} for key in self._keys]
        return [
            {"grant_type": "client_credentials", "client_id": settings.client_id, "client_secret": secret}
            for secret in settings.client_secrets
        ]

    def _assertion(self, key: RSAPrivateKey) -> str:
        settings = self._settings
        until = int((self._clock.now() + _VALID).timestamp())
        claims = {"iss": settings.client_id, "sub": settings.username, "aud": settings.audience, "exp": until}
        return jwt.encode(claims, key, algorithm="RS256")

    async def _ask(self, form: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        url = self._settings.login_url.rstrip("/") + _PATH
        try:
            async with self._session.get().post(url, data=form, allow_redirects=False) as answer:
                body = await answer.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"Salesforce's log-in cannot be reached: {error or 'no answer in time'}") from error
        except ValueError:
            return answer.status, {}
        return answer.status, body if isinstance(body, dict) else {}


class Session:
    """One HTTP session for log-in and calls, opened when it is first needed and closed with the application."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None

    def get(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            limit = aiohttp.ClientTimeout(total=self._timeout)
            self._session = aiohttp.ClientSession(timeout=limit, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def _token_of(body: Mapping[str, Any]) -> Token:
    text, instance = str(body.get("access_token") or ""), str(body.get("instance_url") or "").rstrip("/")
    address = urlsplit(instance)
    local = address.scheme == "http" and address.hostname in ("127.0.0.1", "localhost", "::1")
    if not text or not address.hostname or not (local or address.scheme == "https"):
        raise Unreachable("Salesforce's log-in gave an unreadable answer")
    return Token(text, instance)


def _refusal(status: int, code: str, words: str) -> InboxError:
    if status == 429 or status >= 500 or code in _TRY_LATER:
        return Unreachable(f"Salesforce's log-in asks to wait ({code})")
    if 300 <= status < 400:
        fix = "salesforce.login_url must be your My Domain itself, without a redirect"
    else:
        fix = _FIXES.get(code, "see docs/crm.md")
    said = f" (Salesforce says: {words[:200]})" if words else ""
    return NoAccess(f"log-in: {code}: {fix}{said}", code=code)


def _key(text: str) -> RSAPrivateKey:
    """From a PEM text, with real or written-out line ends, or from the file of that path."""
    fix = "make one with openssl genrsa 2048 (docs/crm.md)"
    try:
        pem = text.replace("\\n", "\n") if text.lstrip().startswith("-----") else Path(text).read_text(encoding="ascii")
        key = serialization.load_pem_private_key(pem.strip().encode(), password=None)
    except OSError as error:
        raise SettingsError([f"salesforce.private_keys: {text}: {error.strerror}"]) from error
    except (ValueError, TypeError) as error:
        raise SettingsError([f"salesforce.private_keys: not an unencrypted RSA key in PEM; {fix}"]) from error
    if not isinstance(key, RSAPrivateKey):
        raise SettingsError([f"salesforce.private_keys: Salesforce wants an RSA key; {fix}"])
    return key
