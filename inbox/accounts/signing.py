"""How the biller's payment system and we prove to each other who is speaking: HMAC-SHA256 over time and body. Pure."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from inbox.errors import Unauthentic

HEADER = "Inbox-Signature"
TOLERANCE = 300  # seconds, into the past and into the future


def sign(secret: str, body: bytes, at: int) -> str:
    """``t=1773241200,v1=<hex>``; ``at`` in seconds since 1970."""
    return f"t={at},v1={_digest(secret, body, at)}"


def check(secrets: Sequence[str], body: bytes, header: str, now: int) -> None:
    """Raises ``Unauthentic`` for a missing, wrong, old or future signature. Any of the secrets may have signed."""
    if not header.isascii():
        raise Unauthentic(f"the {HEADER} header holds other signs than t=<seconds>,v1=<hex>")
    fields = [part.partition("=") for part in header.split(",")]
    at = next((v for k, _, v in fields if k.strip() == "t"), "")
    if not (at.isascii() and at.isdigit() and len(at) <= 12) or abs(now - int(at)) > TOLERANCE:
        raise Unauthentic(f"the {HEADER} header must carry t=<seconds>,v1=<hex> of the last {TOLERANCE} seconds")
    given = [v.strip() for k, _, v in fields if k.strip() == "v1"]
    wanted = [_digest(secret, body, int(at)) for secret in secrets]
    if not any(hmac.compare_digest(g.encode(), w.encode()) for g in given for w in wanted):
        raise Unauthentic(f"the {HEADER} header does not fit the body; sign '<t>.<raw body>' with ledger.event_secrets")


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
