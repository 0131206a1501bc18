"""Who is on the other end of a chat: signed visitor ids, and the author token of the host site. Pure.

A visitor's credential is ``<visitor id>.<signature>``: it is kept by the widget and opens that visitor's chat, so an
id alone, seen on a card or guessed, opens nothing. An author token is a JWT that the host site signs (HS256):
``sub`` (account id) and ``exp`` (at most 15 minutes ahead) are needed, ``name``, ``lang`` and ``aud`` are optional.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt

from inbox.errors import Unauthentic
from inbox.message import LANGUAGES, ContactPoint

AUDIENCE = "inbox-chat"
LIFETIME = timedelta(minutes=15)
DRIFT = timedelta(seconds=60)  # how far the host site's clock may be ahead of ours
SECRET_LENGTH = 32  # characters; a shorter key weakens HS256

_UNCHECKED = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}  # checked below


class ExpiredToken(Unauthentic):
    """The author token has expired; the host site hands over a fresh one with setToken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """The author whom the host site vouches for until ``expires_at``."""

    account_id: str
    expires_at: datetime
    name: str = ""
    language: str = ""


def credential_of(visitor: str, secrets: Sequence[str]) -> str:
    """The credential that opens this visitor's chat, signed with the first secret."""
    return f"{visitor}.{_signature(visitor, secrets[0])}"


def read_visitor(credential: str, secrets: Sequence[str]) -> str:
    """The visitor id of a credential signed with any of the secrets; ``""`` if it is not ours."""
    visitor, _, signature = credential.rpartition(".")
    known = [hmac.compare_digest(_signature(visitor, s).encode(), signature.encode()) for s in secrets]
    return visitor if visitor and any(known) else ""


def read_author(token: str, secrets: Sequence[str], now: datetime) -> Author:
    """The author of a token. Raises ``ExpiredToken``, or ``Unauthentic`` with what is wrong."""
    claims = _verified(token, secrets)
    _check_times(claims, now)
    if claims.get("aud", AUDIENCE) not in (AUDIENCE, [AUDIENCE]):
        raise Unauthentic(f'the token is meant for somebody else; leave out "aud" or set it to "{AUDIENCE}"')
    account_id = _short(claims, "sub", 100)
    if not account_id:
        raise Unauthentic('the token names no author; set "sub" to the account id (1 to 100 printable characters)')
    language = _short(claims, "lang", 35)[:2].lower()
    return Author(
        account_id=account_id,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
        name=_short(claims, "name", 80),
        language=language if language in LANGUAGES else "",
    )


def sign_author(account_id: str, secret: str, now: datetime, *, name: str = "", language: str = "") -> str:
    """A token as a host site makes it, good for 15 minutes."""
    claims: dict[str, Any] = {"sub": account_id, "aud": AUDIENCE, "exp": int((now + LIFETIME).timestamp())}
    claims |= {key: value for key, value in (("name", name), ("lang", language)) if value}
    return jwt.encode(claims, secret, algorithm="HS256")


def point_of(visitor: str, author: Author | None) -> ContactPoint:
    """The contact point of a chat.

    An author has one of their own: what they wrote signed in is never shown to whoever uses the browser after them.
    """
    return ContactPoint("chat", f"author:{author.account_id}" if author else visitor)


def view_of(point: ContactPoint) -> str:
    """A name for one history that the browser may keep; it does not tell whose it is."""
    return hashlib.sha256(f"inbox-chat-view:{point.value}".encode()).hexdigest()[:24]


def _signature(visitor: str, secret: str) -> str:
    digest = hmac.digest(secret.encode(), f"inbox-chat-visitor:{visitor}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()


def _verified(token: str, secrets: Sequence[str]) -> Mapping[str, Any]:
    problem = "chat.token_secrets is not set, so no author token can be trusted"
    for secret in secrets:
        try:
            claims: dict[str, Any] = jwt.decode(token, secret, algorithms=["HS256"], options=_UNCHECKED)  # type: ignore[arg-type]  # a plain dict is what the library reads
            return claims
        except jwt.PyJWTError as error:
            problem = f"the author token is not valid: {error}"
    raise Unauthentic(problem)


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    expires, not_before = claims.get("exp"), claims.get("nbf", 0)
    if type(expires) is not int or type(not_before) is not int:
        raise Unauthentic('the token needs "exp" as whole seconds since 1970')
    seconds = now.timestamp()
    if expires <= seconds:
        raise ExpiredToken
    if expires > seconds + (LIFETIME + DRIFT).total_seconds():
        raise Unauthentic('the token is good for too long; set "exp" to at most 15 minutes from now')
    if not_before > seconds + DRIFT.total_seconds():
        raise Unauthentic('the token is not good yet; check "nbf" and the clock of the host site')


def _short(claims: Mapping[str, Any], key: str, limit: int) -> str:
    value = claims.get(key, "")
    return value if isinstance(value, str) and len(value) <= limit and value.isprintable() else ""
