"""Methods to pay with, masked, from what Stripe says of them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inbox.accounts.base import PaymentMethod
from inbox.errors import Permanent

_BANK = frozenset(
    {
        "us_bank_account",
        "sepa_debit",
        "bacs_debit",
        "acss_debit",
        "au_becs_debit",
        "nz_bank_account",
        "customer_balance",
    }
)


def method(record: Mapping[str, Any], default: str) -> PaymentMethod:
    """``default`` is the id of the one that invoices are charged to. Raises ``Permanent``."""
    id_, kind = record.get("id"), record.get("type")
    if not isinstance(id_, str) or not isinstance(kind, str):
        raise Permanent("a payment method has no id or type", code="unreadable")
    inner = record.get(kind) or {}
    expires = ""
    if kind == "card" and isinstance(inner.get("exp_month"), int) and isinstance(inner.get("exp_year"), int):
        expires = f"{inner['exp_month']:02d}/{inner['exp_year'] % 100:02d}"
    return PaymentMethod(
        id=id_, type=_type(kind), brand=str(inner.get("brand") or inner.get("bank_name") or kind),
        last4=str(inner.get("last4") or ""), expires=expires, default=id_ == default,
    )  # fmt: skip


def masked(details: object) -> str:
    """``visa ••4141``, ``bank ••8081``, ``paypal``; "" if nothing is told."""
    if not isinstance(details, Mapping) or not isinstance(details.get("type"), str):
        return ""
    kind = details["type"]
    inner = details.get(kind) or {}
    name = inner.get("brand") or _type(kind)
    return f"{name} ••{inner['last4']}" if inner.get("last4") else str(name)


def _type(kind: str) -> str:
    return "bank" if kind in _BANK else kind
