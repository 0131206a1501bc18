"""An account as Stripe's objects, so that one cast lives in every source."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from inbox.accounts.base import Account, Invoice, Plan
from inbox.accounts.stripe_amounts import _places
from inbox.money import Money
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import StripeEmulator


def minor(amount: Money) -> int:
    return int(amount.decimal.scaleb(_places(amount.currency)))


def seed(emulator: StripeEmulator, account: Account, *, author_id: str = "") -> None:
    """The customer's id is the account's; invoices are ``in_`` and their number."""
    zone = ZoneInfo(account.timezone)

    def at(day: date) -> int:
        return int(datetime.combine(day, time(12), zone).timestamp())

    default = next((m.id for m in account.payment_methods if m.default), None)
    country, _, state = account.region.partition("-")
    emulator.put(
        "customers",
        objects.customer(
            account.ref.id, emulator.now, email=account.email, name=account.name, phone=account.phone,
            preferred_locales=[account.language], address={"country": country, "state": state},
            metadata={"timezone": account.timezone, **({"author_id": author_id} if author_id else {})},
            invoice_settings={"default_payment_method": default},
        ),
    )  # fmt: skip
    for invoice in account.invoices:
        plan = next((p for p in account.plans if p.invoice_id == invoice.id), None)
        emulator.put("invoices", _invoice(account, invoice, plan, at))
    for method in account.payment_methods:
        month, _, year = method.expires.partition("/")
        details = objects.card_details(method.last4, method.brand, (int(month), 2000 + int(year)))
        emulator.put("payment_methods", objects.card(method.id, account.ref.id, emulator.now, card=details))
    for payment in account.payments:
        brand, _, last4 = payment.method.partition(" ••")
        emulator.put(
            "charges",
            objects.charge(
                payment.id, account.ref.id, at(payment.on), minor(payment.amount), currency=payment.amount.currency.lower(),
                status="succeeded" if payment.status == "refunded" else payment.status, payment_intent=f"pi_{payment.id}",
                payment_method_details={"type": "card", "card": objects.card_details(last4, brand)},
                outcome={"type": "issuer_declined", "reason": payment.decline_code or None},
                disputed=any(d.payment_id == payment.id for d in account.disputes),
                amount_refunded=sum(minor(r.amount) for r in account.refunds if r.payment_id == payment.id),
            ),
        )  # fmt: skip
        emulator.invoice_payments.append(
            objects.invoice_payment(
                f"in_{payment.invoice_id}", f"pi_{payment.id}", at(payment.on), minor(payment.amount)
            )
        )
    for refund in account.refunds:
        when = at(refund.approved_on) if refund.approved_on else emulator.now
        status = "succeeded" if refund.status == "paid" else refund.status
        emulator.put("refunds", objects.refund(refund.id, refund.payment_id, when, minor(refund.amount), status=status))
    for dispute in account.disputes:
        record = objects.dispute(dispute.id, dispute.payment_id, at(dispute.opened_on), minor(dispute.amount))
        record["payment_method_details"]["card"] |= {"brand": dispute.network, "network_reason_code": dispute.reason}
        record["evidence_details"]["due_by"] = at(dispute.respond_by) if dispute.respond_by else None
        emulator.put("disputes", record)


def _invoice(account: Account, invoice: Invoice, plan: Plan | None, at: object) -> objects.Object:
    meta = {}
    if plan is not None:
        meta = {"plan_id": plan.id, "instalments": ", ".join(f"{i.due_on}={i.amount}" for i in plan.instalments)}
    return objects.invoice(
        f"in_{invoice.id}", account.ref.id, at(invoice.issued_on), minor(invoice.total), number=invoice.id,  # type: ignore[operator]
        description=invoice.description, due_date=at(invoice.due_on), amount_paid=minor(invoice.paid),  # type: ignore[operator]
        amount_remaining=minor(invoice.balance), status=invoice.status, metadata=meta,
        currency=invoice.total.currency.lower(),
        next_payment_attempt=at(plan.next_retry_on) if plan and plan.next_retry_on else None,  # type: ignore[operator]
    )  # fmt: skip
