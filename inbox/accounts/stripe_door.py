"""Stripe's webhooks: who may knock, and what a knock means. Nothing in the body is believed but ids.

https://docs.stripe.com/webhooks#verify-events: HMAC over the raw body, several secrets while one is rolled, duplicates and
any order. Stripe's own verifier lets a timestamp of the future pass; here both directions end after five minutes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import stripe
from aiohttp import web

from inbox import jsontext
from inbox.accounts.base import SourceNotice
from inbox.errors import Malformed, Unauthentic

TOLERANCE = 300  # seconds
LARGEST = 512 * 1024  # bytes of one event
SOURCE = "stripe"

Kind = Literal["account", "invoice", "payment", "refund", "chargeback", "method"]
#: The longest fitting beginning of an event's type tells what changed.
_KINDS: Mapping[str, Kind] = {
    "customer.": "account", "customer.source.": "method", "invoice.": "invoice", "invoice_payment.": "invoice",
    "payment_intent.": "payment", "charge.": "payment", "charge.refund": "refund", "refund.": "refund",
    "charge.dispute.": "chargeback", "payment_method.": "method", "credit_note.": "invoice",
}  # fmt: skip


async def raw_body(request: web.Request) -> bytes:
    """Raises ``Malformed`` if it is too large."""
    if (request.content_length or 0) > LARGEST:
        raise Malformed(f"an event of more than {LARGEST} bytes is none of Stripe's")
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge as error:
        raise Malformed("the event is too large") from error
    if len(raw) > LARGEST:
        raise Malformed(f"an event of more than {LARGEST} bytes is none of Stripe's")
    return raw


def verify(raw: bytes, header: str, secrets: tuple[str, ...], now: datetime) -> None:
    """Raises ``Unauthentic`` unless a current secret signed this body within five minutes of ``now``."""
    try:
        body = raw.decode()
    except UnicodeDecodeError as error:
        raise Unauthentic("the body is not what Stripe signs: it is not UTF-8") from error
    if not header.isascii() or not any(_signed(body, header, secret) for secret in secrets):
        raise Unauthentic("none of stripe.webhook_secrets made this signature")
    stamp = next((p[2:] for p in header.split(",") if p.startswith("t=")), "")  # the one the verifier signed over
    if abs(int(stamp) - now.timestamp()) > TOLERANCE:
        raise Unauthentic("the signature is more than five minutes old, or of the future; check the clock")


def _signed(body: str, header: str, secret: str) -> bool:
    try:
        return bool(stripe.WebhookSignature.verify_header(body, header, secret, tolerance=None))
    except stripe.SignatureVerificationError:
        return False


def notice(raw: bytes) -> SourceNotice | None:
    """What a verified event is about; None for one that means nothing here. Raises ``Malformed``."""
    try:
        event = jsontext.loads(raw.decode())
        id_, type_, thing = event["id"], event["type"], event["data"]["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise Malformed("the event cannot be read") from error
    if not (isinstance(id_, str) and id_ and isinstance(type_, str) and isinstance(thing, Mapping)):
        raise Malformed("the event has no id, type or object")
    kind = _kind(type_)
    if kind is None:
        return None
    return SourceNotice(
        source=SOURCE, event_id=id_[:200], kind=kind, type=type_[:100], account_id=_customer(event, thing)[:200],
        record_id=_record(thing)[:200],
    )  # fmt: skip


def _kind(type_: str) -> Kind | None:
    fitting = [beginning for beginning in _KINDS if type_.startswith(beginning)]
    return _KINDS[max(fitting, key=len)] if fitting else None


def _customer(event: Mapping[str, Any], thing: Mapping[str, Any]) -> str:
    if thing.get("object") == "customer":
        return _id(thing)
    before = (event["data"].get("previous_attributes") or {}) if isinstance(event["data"], Mapping) else {}
    return _id(thing.get("customer")) or (_id(before.get("customer")) if isinstance(before, Mapping) else "")


def _record(thing: Mapping[str, Any]) -> str:
    """Whose owner can be asked for: the charge or payment of a dispute or refund, else the thing itself."""
    fields = ("charge", "latest_charge", "payment_intent")
    return next((found for f in fields if (found := _id(thing.get(f)))), _id(thing))


def _id(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""
