"""Refunds and chargebacks from what Stripe says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from inbox.accounts.base import Dispute, Payment, Refund
from inbox.accounts.stripe_amounts import money
from inbox.clock import zone
from inbox.errors import Permanent

_REFUND = {"pending": "pending", "requires_action": "pending", "succeeded": "paid", "failed": "failed"}
_DISPUTE = {
    "needs_response": "needs_response", "warning_needs_response": "needs_response", "appeal_needs_response": "needs_response",
    "under_review": "under_review", "warning_under_review": "under_review", "appeal_under_review": "under_review",
    "warning_closed": "closed", "prevented": "closed", "won": "won", "lost": "lost",
}  # fmt: skip
_CARD_DAYS = "5-10 business days"  # https://docs.stripe.com/refunds


def refund(record: Mapping[str, Any], payments: Mapping[str, Payment], place: str) -> Refund | None:
    """None for a cancelled one, which never was. Raises ``Permanent``."""
    id_, charge = _id(record), _ref(record.get("charge"))
    status = record.get("status")
    if status == "canceled":
        return None
    if status not in _REFUND:
        raise Permanent(f"{id_}: status {status!r} is not known here", code="unreadable")
    payment = payments.get(charge)
    return Refund(
        id=id_, invoice_id=payment.invoice_id if payment else "", payment_id=charge,
        amount=money(record.get("amount"), record.get("currency"), f"{id_}: amount"), status=_REFUND[status],
        approved_on=_on(record.get("created"), place, id_), method=payment.method if payment else "",
        expected=_CARD_DAYS if status in ("pending", "succeeded") and payment and "••" in payment.method else "",
    )  # fmt: skip


def dispute(record: Mapping[str, Any], payments: Mapping[str, Payment], place: str) -> Dispute:
    """A status that is not known here counts as open: better one look too many. Raises ``Permanent``."""
    id_, charge = _id(record), _ref(record.get("charge"))
    payment = payments.get(charge)
    details = record.get("payment_method_details") or {}
    inner = details.get(details.get("type") or "") or {}
    due_by = (record.get("evidence_details") or {}).get("due_by")
    return Dispute(
        id=id_, invoice_id=payment.invoice_id if payment else "", payment_id=charge,
        amount=money(record.get("amount"), record.get("currency"), f"{id_}: amount"),
        reason=str(inner.get("network_reason_code") or record.get("network_reason_code") or record.get("reason") or ""),
        opened_on=_on(record.get("created"), place, id_), status=_DISPUTE.get(str(record.get("status")), "under_review"),
        network=str(inner.get("brand") or details.get("type") or "card"),
        respond_by=_on(due_by, place, id_) if due_by else None,
    )  # fmt: skip


def _id(record: Mapping[str, Any]) -> str:
    if not isinstance(record.get("id"), str):
        raise Permanent("a refund or dispute has no id", code="unreadable")
    return str(record["id"])


def _ref(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def _on(seconds: object, place: str, what: str) -> date:
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < 1 << 34:
        raise Permanent(f"{what}: its time is not told", code="unreadable")
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone(place)).date()
