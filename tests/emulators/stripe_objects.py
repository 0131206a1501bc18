"""Stripe's objects with every field that API version 2026-10-28 always has (https://docs.stripe.com/api)."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]
VERSION = "2026-10-28.endive"


def listed(records: list[Object], *, has_more: bool = False, url: str = "/v1/records") -> Object:
    return {"object": "list", "data": records, "has_more": has_more, "url": url}


def customer(id_: str, created: int, **fields: Any) -> Object:
    return {
        "id": id_, "object": "customer", "created": created, "livemode": False, "email": None, "name": None, "phone": None,
        "address": None, "balance": 0, "currency": None, "default_source": None, "delinquent": False, "description": None,
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None},
        "metadata": {}, "preferred_locales": [], "shipping": None, "tax_exempt": "none", "test_clock": None, **fields,
    }  # fmt: skip


def invoice(id_: str, customer_id: str, created: int, total: int, **fields: Any) -> Object:
    """Open and unpaid unless the fields say otherwise."""
    line = {
        "id": f"il_{id_}", "object": "line_item", "amount": total, "currency": fields.get("currency", "usd"), "description": None,
        "discount_amounts": [], "discountable": True, "discounts": [], "invoice": id_, "livemode": False, "metadata": {},
        "period": {"start": created, "end": created}, "quantity": 1, "subtotal": total, "subscription": None,
        "pricing": None, "parent": None, "taxes": [], "pretax_credit_amounts": [],
    }  # fmt: skip
    return {
        "id": id_, "object": "invoice", "customer": customer_id, "created": created, "currency": "usd", "livemode": False,
        "number": None, "description": None, "status": "open", "total": total, "subtotal": total, "amount_due": total,
        "amount_paid": 0, "amount_remaining": total, "amount_overpaid": 0, "amount_shipping": 0, "attempt_count": 0,
        "attempted": False, "auto_advance": False, "automatic_tax": {"enabled": False, "liability": None, "status": None,
        "disabled_reason": None, "provider": None}, "billing_reason": "manual", "collection_method": "send_invoice",
        "default_tax_rates": [], "discounts": [], "due_date": None, "effective_at": created,
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{id_}", "issuer": {"type": "self"}, "lines": listed([line]),
        "metadata": {}, "next_payment_attempt": None, "payment_settings": {"default_mandate": None,
        "payment_method_options": None, "payment_method_types": None}, "period_start": created, "period_end": created,
        "post_payment_credit_notes_amount": 0, "pre_payment_credit_notes_amount": 0, "starting_balance": 0,
        "ending_balance": 0, "status_transitions": {"finalized_at": created, "marked_uncollectible_at": None,
        "paid_at": None, "voided_at": None}, **fields,
    }  # fmt: skip


def invoice_payment(invoice_id: str, intent: str, created: int, amount: int, currency: str = "usd") -> Object:
    return {
        "id": f"inpay_{intent}", "object": "invoice_payment", "invoice": invoice_id, "created": created, "currency": currency,
        "amount_paid": amount, "amount_requested": amount, "is_default": False, "livemode": False, "status": "paid",
        "payment": {"type": "payment_intent", "payment_intent": intent, "charge": None},
        "status_transitions": {"paid_at": created, "canceled_at": None},
    }  # fmt: skip


def card_details(last4: str = "4242", brand: str = "visa", expires: tuple[int, int] = (8, 2030)) -> Object:
    return {
        "brand": brand, "checks": None, "country": "US", "exp_month": expires[0], "exp_year": expires[1], "fingerprint": "f1",
        "funding": "credit", "last4": last4, "network": brand, "wallet": None,
    }  # fmt: skip


def payment_intent(id_: str, customer_id: str, created: int, amount: int, **fields: Any) -> Object:
    return {
        "id": id_, "object": "payment_intent", "customer": customer_id, "created": created, "amount": amount,
        "amount_capturable": 0, "amount_received": amount, "capture_method": "automatic_async",
        "confirmation_method": "automatic", "currency": "usd", "livemode": False, "metadata": {}, "latest_charge": None,
        "payment_method_types": ["card"], "status": "succeeded", **fields,
    }  # fmt: skip


def charge(id_: str, customer_id: str, created: int, amount: int, **fields: Any) -> Object:
    status = fields.get("status", "succeeded")
    return {
        "id": id_, "object": "charge", "customer": customer_id, "created": created, "amount": amount, "currency": "usd",
        "amount_captured": amount if status == "succeeded" else 0, "amount_refunded": 0, "billing_details": {"address": None,
        "email": None, "name": None, "phone": None, "tax_id": None}, "captured": status == "succeeded", "disputed": False,
        "failure_code": None, "failure_message": None, "livemode": False, "metadata": {}, "outcome": None,
        "paid": status == "succeeded", "payment_intent": None, "payment_method": None,
        "payment_method_details": {"type": "card", "card": card_details()}, "refunded": False, "status": status, **fields,
    }  # fmt: skip


def refund(id_: str, charge_id: str, created: int, amount: int, **fields: Any) -> Object:
    return {
        "id": id_, "object": "refund", "charge": charge_id, "created": created, "amount": amount, "currency": "usd",
        "metadata": {}, "payment_intent": None, "reason": None, "status": "succeeded", **fields,
    }  # fmt: skip


def dispute(id_: str, charge_id: str, created: int, amount: int, **fields: Any) -> Object:
    return {
        "id": id_, "object": "dispute", "charge": charge_id, "created": created, "amount": amount, "currency": "usd",
        "balance_transactions": [], "enhanced_eligibility_types": [], "evidence": {"enhanced_evidence": {}},
        "evidence_details": {"due_by": created + 9 * 86_400, "enhanced_eligibility": {}, "has_evidence": False, "past_due": False,
        "submission_count": 0, "submission_method": "not_submitted"}, "is_charge_refundable": False, "livemode": False,
        "metadata": {}, "payment_intent": None, "reason": "fraudulent", "status": "needs_response",
        "payment_method_details": {"type": "card", "card": {"brand": "visa", "case_type": "chargeback", "network": "visa",
        "network_reason_code": "10.4"}}, **fields,
    }  # fmt: skip


def card(id_: str, customer_id: str, created: int, **fields: Any) -> Object:
    return {
        "id": id_, "object": "payment_method", "type": "card", "customer": customer_id, "created": created, "livemode": False,
        "billing_details": {"address": None, "email": None, "name": None, "phone": None, "tax_id": None}, "metadata": {},
        "card": card_details(), **fields,
    }  # fmt: skip


def event(id_: str, type_: str, created: int, thing: Object, **data: Any) -> Object:
    return {
        "id": id_, "object": "event", "api_version": VERSION, "created": created, "type": type_, "livemode": False,
        "pending_webhooks": 1, "request": {"id": None, "idempotency_key": None}, "data": {"object": thing, **data},
    }  # fmt: skip
