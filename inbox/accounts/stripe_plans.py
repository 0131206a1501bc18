"""Instalments of one invoice. Stripe has no object for them, so the house writes them on the invoice: metadata
``instalments`` = ``2026-02-15=120.00, 2026-03-10=120.00``. What was paid covers the oldest first. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

from inbox.accounts.base import Instalment, Plan
from inbox.accounts.stripe_amounts import money
from inbox.clock import zone
from inbox.errors import Permanent
from inbox.money import Money

METADATA = "instalments"


def plan(invoice: Mapping[str, Any], invoice_id: str, place: str, today: date) -> Plan | None:
    """None if the invoice is paid at once. Raises ``Permanent`` if the parts do not add up to what is due."""
    meta = invoice.get("metadata") or {}
    if not meta.get(METADATA):
        return None
    due = money(invoice.get("amount_due"), invoice.get("currency"), f"{invoice_id}: amount_due")
    paid = money(invoice.get("amount_paid"), invoice.get("currency"), f"{invoice_id}: amount_paid")
    if invoice.get("status") == "paid":
        paid = due
    parts = sorted(_parts(str(meta[METADATA]), invoice_id, due.currency))
    whole = Money.total((Money(minor, due.currency) for _, minor in parts), due.currency)
    if whole != due:
        raise Permanent(f"{invoice_id}: its instalments come to {whole}, the invoice to {due}", code="unreadable")
    retry = invoice.get("next_payment_attempt")
    return Plan(
        id=str(meta.get("plan_id") or f"{invoice_id}-plan"), invoice_id=invoice_id,
        instalments=tuple(_instalments(parts, paid, today)),
        next_retry_on=datetime.fromtimestamp(retry, UTC).astimezone(zone(place)).date() if isinstance(retry, int) else None,
    )  # fmt: skip


def _parts(text: str, invoice_id: str, currency: str) -> Iterator[tuple[date, int]]:
    for part in text.split(","):
        day, _, amount = part.strip().partition("=")
        try:
            value = Money.of(amount.strip(), currency)
            found = date.fromisoformat(day.strip()), value.minor
        except ValueError as error:
            raise Permanent(
                f"{invoice_id}: the instalment {part.strip()!r} cannot be read", code="unreadable"
            ) from error
        if value.minor <= 0:
            raise Permanent(f"{invoice_id}: the instalment {part.strip()!r} is not above zero", code="unreadable")
        yield found


def _instalments(parts: list[tuple[date, int]], paid: Money, today: date) -> Iterator[Instalment]:
    left = paid.minor
    for n, (day, amount) in enumerate(parts, 1):
        covered = min(left, amount)
        left -= covered
        status = "paid" if covered == amount else "failed" if day < today else "scheduled"
        told = amount if status == "paid" else amount - covered
        yield Instalment(number=n, due_on=day, amount=Money(told, paid.currency), status=status)
