"""Signed names of ours that travel through other people's mail: the reply token and the Message-ID.

Both carry an HMAC, so that nobody can write himself into a conversation by guessing its id. The first secret signs,
all of them verify, so that a new one can be added before the old one goes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

_MAC_CHARS = 16  # 80 bits in base32: out of reach for guessing by mail
_PLAIN_ID = re.compile(r"[0-9A-W][0-9A-Z]{0,31}")  # survives being lower-cased on its way
_TOKEN = re.compile(r"[0-9a-z]{17,60}")
_WRAPPED = "x"  # marks ids that are written in base32


def sign(conversation_id: str, secrets: Sequence[str]) -> str:
    """A reply token for one conversation: lower-case letters and digits, fit for ``support+TOKEN@``.

    Raises ``ValueError`` without a secret, or for an id too long for the local part of an address (64 octets).
    """
    if not secrets:
        raise ValueError("no secret to sign reply tokens with; set email.reply_secrets or web.secrets")
    token = _written(conversation_id) + _mac("reply", conversation_id, secrets[0])
    if not _TOKEN.fullmatch(token):
        raise ValueError(f"the conversation id {conversation_id!r} does not fit into an address")
    return token


def verify(token: str, secrets: Sequence[str]) -> str:
    """The conversation id of a token; ``""`` if no secret of ours signed it."""
    token = token.lower()
    if not _TOKEN.fullmatch(token):
        return ""
    conversation_id = _read(token[:-_MAC_CHARS])
    return conversation_id if _signed("reply", conversation_id, token[-_MAC_CHARS:], secrets) else ""


def reply_address(address: str, conversation_id: str, secrets: Sequence[str]) -> str:
    """``support+TOKEN@host``, where answers to this conversation come back."""
    local, _, domain = address.rpartition("@")
    return f"{local}+{sign(conversation_id, secrets)}@{domain}"


def conversation_of(addresses: Sequence[str], ours: Sequence[str], secrets: Sequence[str]) -> str:
    """The conversation that one of these addresses names by a token that we signed; ``""`` if none does."""
    own = {address.lower() for address in ours}
    for address in addresses:
        local, _, domain = address.lower().rpartition("@")
        base, plus, token = local.partition("+")
        found = verify(token, secrets) if plus and f"{base}@{domain}" in own else ""
        if found:
            return found
    return ""


def message_id(outbound_id: str, address: str, secrets: Sequence[str]) -> str:
    """The Message-ID of an outbound message, without angle brackets; the same at every attempt."""
    name = re.sub(r"[^0-9A-Za-z-]", "-", outbound_id)
    mac = _mac("id", name, secrets[0] if secrets else "")
    return f"{name}.{mac}@{_ascii_domain(address)}"


def is_own_id(candidate: str, address: str, secrets: Sequence[str]) -> bool:
    """Whether ``message_id`` made this Message-ID (with or without angle brackets)."""
    local, _, domain = candidate.strip().strip("<>").rpartition("@")
    name, _, mac = local.rpartition(".")
    return domain.lower() == _ascii_domain(address) and _signed("id", name, mac, secrets)


def _ascii_domain(address: str) -> str:
    domain = address.rpartition("@")[2].lower()
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        return domain.encode("ascii", "ignore").decode("ascii") or "localhost"


def _mac(purpose: str, value: str, secret: str) -> str:
    digest = hmac.new(secret.encode(), f"{purpose}:{value}".encode(), hashlib.sha256).digest()
    return base64.b32encode(digest[:10]).decode("ascii").lower()


def _signed(purpose: str, value: str, mac: str, secrets: Sequence[str]) -> bool:
    given = mac.encode("utf-8", "replace")
    return bool(value) and any(hmac.compare_digest(given, _mac(purpose, value, s).encode()) for s in secrets)


def _written(conversation_id: str) -> str:
    if _PLAIN_ID.fullmatch(conversation_id):
        return conversation_id.lower()
    return _WRAPPED + base64.b32encode(conversation_id.encode()).decode("ascii").rstrip("=").lower()


def _read(written: str) -> str:
    if not written.startswith(_WRAPPED):
        return written.upper()
    body = written[1:].upper()
    try:
        return base64.b32decode(body + "=" * (-len(body) % 8)).decode("utf-8")
    except (binascii.Error, ValueError):
        return ""
