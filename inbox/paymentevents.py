"""The door through which the biller's payment system tells what happened: ``POST /payments/events``, signed, one JSON
object each. Told twice, nothing happens twice; without ``ledger.event_secrets`` the door does not exist.

``{"type": "payment.succeeded", "account": "A-1", "payment": {"id", "amount", "currency", "invoice", "method", "on"}}``;
also ``payment.failed`` (``decline_code``, ``next_retry_on``, ``by_author``), ``payment.updated`` (``status``),
``payment.pending`` (begun, not decided yet), ``payment.started`` (answers ``{"charge": id}``, or 409 while another payment of the invoice runs) and
``payment_method.added``. ``charge`` names the request of ours that an event answers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any

from aiohttp import web

from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef, Payment, PaymentMethod
from inbox.accounts.signing import HEADER, check
from inbox.clock import Clock
from inbox.db.store import Store, Tx
from inbox.errors import Malformed
from inbox.house import House
from inbox.money import Money
from inbox.receivables import charges, payments
from inbox.receivables.payments import Told

PATH = "/payments/events"
_LARGEST = 64_000  # bytes of one event
_AMOUNT = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,6})?")  # nothing that does not fit where it is kept
Event = Mapping[str, Any]


def event_routes(store: Store, house: House, clock: Clock, secrets: tuple[str, ...]) -> list[web.AbstractRouteDef]:
    """() without secrets."""
    if not secrets:
        return []

    async def told(request: web.Request) -> web.Response:
        if (request.content_length or 0) > _LARGEST:
            raise Malformed(f"an event has at most {_LARGEST} bytes")
        body, now = await request.read(), clock.now()
        check(secrets, body, request.headers.get(HEADER, ""), int(now.timestamp()))
        event = _event(body)
        verb = _VERBS.get(event["type"])
        if verb is None:
            return web.json_response({"ignored": event["type"]})
        prepared = verb(event, now)
        return web.json_response(await store.run(lambda tx: prepared(tx, house, now)) or {})

    return [web.post(PATH, told)]


def _event(body: bytes) -> Event:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed("the event is no JSON") from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or len(body) > _LARGEST:
        raise Malformed("an event is an object with a type and an account")
    return event


Done = dict[str, str] | None
Prepared = Callable[[Tx, House, datetime], Done]


def _succeeded(event: Event, now: datetime) -> Prepared:
    account, payment, told = _text(event, "account"), _payment(event, now, "succeeded"), _told(event)

    def do(tx: Tx, house: House, at: datetime) -> Done:
        done = payments.settled(tx, house, account, payment, at, told)
        return {"payment": payment.id, "invoice": done.invoice_id, "new": str(done.new).lower()}

    return do


def _failed(event: Event, now: datetime) -> Prepared:
    account, payment, told = _text(event, "account"), _payment(event, now, "failed"), _told(event)

    def do(tx: Tx, house: House, at: datetime) -> Done:
        retry = payments.failed(tx, house, account, payment, at, told)
        return {"payment": payment.id, "next_retry_on": retry.isoformat() if retry else ""}

    return do


def _updated(event: Event, now: datetime) -> Prepared:
    _ = now
    account, part = _text(event, "account"), _object(event, "payment")
    key, status, code = _text(part, "id"), _text(part, "status"), _optional(part, "decline_code")
    if status not in ("pending", "succeeded", "failed", "refunded"):
        raise Malformed(f"payment.status {status!r} is none of pending, succeeded, failed, refunded")

    def do(tx: Tx, house: House, at: datetime) -> Done:
        payments.updated(tx, house, account, key, status, at, code)
        return {"payment": key}

    return do


def _pending(event: Event, now: datetime) -> Prepared:
    account, payment = _text(event, "account"), _payment(event, now, "pending")

    def do(tx: Tx, house: House, at: datetime) -> Done:
        payments.pending(tx, house, account, payment, at)
        return {"payment": payment.id}

    return do


def _started(event: Event, now: datetime) -> Prepared:
    account, payment = _text(event, "account"), _payment(event, now, "pending", needs_id=False)

    def do(tx: Tx, house: House, at: datetime) -> Done:
        _ = house
        charge = charges.begin_manual(tx, AccountRef(SOURCE, account), payment.invoice_id, payment.amount, at)
        return {"charge": charge.id}

    return do


def _method_added(event: Event, now: datetime) -> Prepared:
    _ = now
    account, m = _text(event, "account"), _object(event, "method")
    last4 = _text(m, "last4")
    if not (last4.isascii() and last4.isdigit() and len(last4) == 4):
        raise Malformed("method.last4 must be the last four digits and nothing more")
    method = PaymentMethod(
        id=_text(m, "id"), type=_optional(m, "type") or "card", brand=_optional(m, "brand"), last4=last4,
        expires=_optional(m, "expires"), default=m.get("default", True) is True,
    )  # fmt: skip

    def do(tx: Tx, house: House, at: datetime) -> Done:
        payments.method_added(tx, house, account, method, at)
        return {"method": method.id}

    return do


_VERBS: Mapping[str, Callable[[Event, datetime], Prepared]] = {
    "payment.succeeded": _succeeded, "payment.failed": _failed, "payment.updated": _updated, "payment.pending": _pending,
    "payment.started": _started, "payment_method.added": _method_added,
}  # fmt: skip


# -- reading, with the name of what is wrong


def _payment(event: Event, now: datetime, status: str, *, needs_id: bool = True) -> Payment:
    p = _object(event, "payment")
    return Payment(
        id=_text(p, "id") if needs_id else "", on=_day(p, "on") or now.date(), amount=_money(p),
        method=_optional(p, "method"), status=status, invoice_id=_optional(p, "invoice", 200),
        decline_code=_optional(p, "decline_code"),
    )  # fmt: skip


def _told(event: Event) -> Told:
    p = _object(event, "payment")
    return Told(
        charge_id=_optional(event, "charge", 200), by_author=p.get("by_author", False) is True,
        next_retry_on=_day(p, "next_retry_on"),
    )  # fmt: skip


def _money(p: Event) -> Money:
    amount, currency = p.get("amount"), p.get("currency", "USD")
    if not isinstance(amount, str) or not isinstance(currency, str) or not _AMOUNT.fullmatch(amount):
        raise Malformed(
            'payment.amount must be a text such as "84.65" of at most nine digits before the point,'
            ' payment.currency a code such as "USD"'
        )
    try:
        return Money.of(amount, currency)
    except ValueError as error:
        raise Malformed(f"payment.amount: {error}") from error


def _day(p: Event, name: str) -> date | None:
    if not p.get(name):
        return None
    try:
        return date.fromisoformat(str(p[name]))
    except ValueError as error:
        raise Malformed(f"payment.{name} must be a day such as 2026-03-11") from error


def _text(event: Event, name: str) -> str:
    value = event.get(name)
    if not isinstance(value, str) or not value or len(value) > 200:
        raise Malformed(f"{name} is missing or no text")
    return value


def _optional(event: Event, name: str, length: int = 60) -> str:
    """``null`` is nothing."""
    value = event.get(name)
    return "" if value is None else str(value)[:length]


def _object(event: Event, name: str) -> Event:
    value = event.get(name)
    if not isinstance(value, dict):
        raise Malformed(f"{name} is missing or no object")
    return value
