"""One author's account from what Stripe's API said. Pure: objects as plain mappings in, a frozen ``Account`` out.

Only what Stripe says plainly is taken over. A field that is missing or impossible ends in ``Permanent`` with the record
and the field; a record that leaves open what is owed makes the account doubtful. No figure is made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from inbox.accounts.base import Account, AccountRef, Doubt, Invoice, Payment, Plan
from inbox.accounts.stripe_amounts import money
from inbox.accounts.stripe_claims import dispute, refund
from inbox.accounts.stripe_methods import masked, method
from inbox.accounts.stripe_plans import plan
from inbox.clock import zone
from inbox.errors import Permanent
from inbox.message import LANGUAGES, Language
from inbox.money import Money

Object = Mapping[str, Any]
SOURCE = "stripe"
#: Metadata of payments made through our links: the invoice they are for.
FOR_INVOICE = "inbox_invoice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything Stripe said of one customer; lists are complete."""

    customer: Object
    invoices: Sequence[Object]  # with ``payments`` expanded and complete
    charges: Sequence[Object]
    refunds: Sequence[Object]
    disputes: Sequence[Object]
    methods: Sequence[Object]
    as_of: datetime
    timezone: str = "UTC"  # where the customer's own is not told
    currency: str = "USD"


def account(told: Told) -> Account:
    """Raises ``Permanent`` for what cannot be read."""
    customer = told.customer
    meta = customer.get("metadata") or {}
    place = meta.get("timezone") or told.timezone
    ref = AccountRef(SOURCE, text(customer, "id", "the customer"))
    numbers = {text(i, "id", "an invoice"): number(i) for i in told.invoices}
    kept = [i for i in told.invoices if i.get("status") != "draft"]
    invoices = tuple(sorted((_invoice(i, place) for i in kept), key=lambda i: (i.issued_on, i.id)))
    paid_for = _paid_for(told.invoices, numbers)
    payments = tuple(sorted((_payment(c, paid_for, place) for c in told.charges), key=lambda p: (p.on, p.id)))
    of_charge = {p.id: p for p in payments}
    currency = _currency(customer, invoices, told.currency)
    return Account(
        ref=ref, as_of=told.as_of, name=str(customer.get("name") or ""), email=str(customer.get("email") or "").strip().lower(),
        phone=_phone(customer.get("phone")), timezone=place, language=_language(customer), region=_region(customer),
        currency=currency,
        outstanding=Money.total((i.balance for i in invoices if i.status != "void" and i.balance.currency == currency), currency),
        invoices=invoices, plans=tuple(_plans(kept, place, told.as_of)), payments=payments,
        payment_methods=tuple(method(m, _default(customer)) for m in told.methods),
        refunds=tuple(r for r in (refund(o, of_charge, place) for o in told.refunds) if r is not None),
        disputes=tuple(dispute(o, of_charge, place) for o in told.disputes),
        doubt=next(_doubts(told, numbers), None), known_as=str(meta.get("author_id") or "").strip(),
    )  # fmt: skip


def text(record: Object, field: str, what: str) -> str:
    value = record.get(field)
    if not isinstance(value, str) or not value:
        raise Permanent(f"{what}: {field} is not told", code="unreadable")
    return value


def on(seconds: object, place: str, what: str) -> date:
    """The day in the author's zone of a time in seconds since 1970."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 < seconds < 1 << 34:
        raise Permanent(f"{what} is not told as a time", code="unreadable")
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone(place)).date()


def number(invoice: Object) -> str:
    """The id people know: the invoice's number; a draft has none."""
    return str(invoice.get("number") or invoice["id"])


def id_of(value: object) -> str:
    """Of a field that holds an id or, expanded, the object."""
    if isinstance(value, Mapping):
        value = value.get("id")
    return value if isinstance(value, str) else ""


def payments_of(invoice: Object) -> Iterator[str]:
    """Ids of the payment intents and charges that were made for an invoice."""
    listed = invoice.get("payments")
    if not isinstance(listed, Mapping) or not isinstance(listed.get("data"), Sequence):
        raise Permanent(f"{invoice.get('id')}: payments is not told", code="unreadable")
    for entry in listed["data"]:
        payment = entry.get("payment") or {}
        for field in ("payment_intent", "charge"):
            if found := id_of(payment.get(field)):
                yield found


def _invoice(invoice: Object, place: str) -> Invoice:
    id_, currency = number(invoice), invoice.get("currency")

    def amount(field: str) -> Money:
        return money(invoice.get(field), currency, f"{id_}: {field}")

    due, paid, left = amount("amount_due"), amount("amount_paid"), amount("amount_remaining")
    # A credit invoice has a negative total and nothing due: the credit is the customer's balance, not this invoice's.
    headline = max(_integer(invoice, "total", id_) - _integer(invoice, "pre_payment_credit_notes_amount", id_), 0)
    total = max(money(headline, currency, f"{id_}: total"), due, key=lambda m: m.minor)
    status = text(invoice, "status", id_)
    if status == "paid":
        left = Money.zero(due.currency)
    elif status == "open" and left.minor != max(0, due.minor - paid.minor):
        raise Permanent(f"{id_}: {due} due less {paid} paid is not the {left} that are left", code="unreadable")
    balance = Money.zero(due.currency) if status == "void" else left
    issued = on(_issued(invoice), place, f"{id_}: created")
    return Invoice(
        id=id_, description=_description(invoice), issued_on=issued, due_on=_due_on(invoice, place, issued), total=total,
        paid=total - left if status != "void" else paid, balance=balance, status=status if status in ("paid", "void") else "open",
    )  # fmt: skip


def _integer(record: Object, field: str, what: str) -> int:
    value = record.get(field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Permanent(f"{what}: {field} is not told as a whole number", code="unreadable")
    return value


def _issued(invoice: Object) -> object:
    moves = invoice.get("status_transitions") or {}
    return moves.get("finalized_at") or invoice.get("effective_at") or invoice.get("created")


def _due_on(invoice: Object, place: str, issued: date) -> date:
    """The last day on which a part of it is due; what is charged by itself is due when it is next tried."""
    parts = plan(invoice, number(invoice), place, issued)
    if parts is not None:
        return parts.instalments[-1].due_on
    when = invoice.get("due_date") or invoice.get("next_payment_attempt")
    return on(when, place, f"{number(invoice)}: due_date") if when else issued


def _description(invoice: Object) -> str:
    if invoice.get("description"):
        return str(invoice["description"])
    lines = (invoice.get("lines") or {}).get("data") or ()
    return str((lines[0].get("description") if lines else "") or "")


def _paid_for(invoices: Sequence[Object], numbers: Mapping[str, str]) -> dict[str, str]:
    """Which invoice a payment intent or charge was made for."""
    return {paid: numbers[i["id"]] for i in invoices for paid in payments_of(i)}


def _payment(charge: Object, paid_for: Mapping[str, str], place: str) -> Payment:
    id_ = text(charge, "id", "a charge")
    status = text(charge, "status", id_)
    amount = money(charge.get("amount"), charge.get("currency"), f"{id_}: amount")
    given_back = money(charge.get("amount_refunded"), charge.get("currency"), f"{id_}: amount_refunded")
    if status not in ("succeeded", "pending", "failed"):
        raise Permanent(f"{id_}: status {status!r} is not known here", code="unreadable")
    if status == "succeeded" and charge.get("captured") is not True:
        status = "pending"  # authorised only: the bank holds it, it is not ours yet
    if status == "succeeded" and given_back and given_back == amount:
        status = "refunded"
    return Payment(
        id=id_, on=on(charge.get("created"), place, f"{id_}: created"), amount=amount,
        method=masked(charge.get("payment_method_details")), status=status,
        invoice_id=paid_for.get(id_of(charge.get("payment_intent"))) or paid_for.get(id_) or "",
        decline_code=_decline(charge) if status == "failed" else "",
    )  # fmt: skip


def _decline(charge: Object) -> str:
    """The bank's own reason where it gave one."""
    reason = (charge.get("outcome") or {}).get("reason")
    return str(reason or charge.get("failure_code") or "")


def _plans(invoices: Sequence[Object], place: str, as_of: datetime) -> Iterator[Plan]:
    today = as_of.astimezone(zone(place)).date()
    for invoice in invoices:
        parts = plan(invoice, number(invoice), place, today)
        if parts is not None and invoice.get("status") != "void":
            yield parts


def uncredited(invoices: Sequence[Object], charges: Sequence[Object]) -> Iterator[tuple[Object, Object]]:
    """Payments made through our links that are not booked to their invoice yet: (invoice, charge)."""
    for charge in charges:
        meant = (charge.get("metadata") or {}).get(FOR_INVOICE)
        if not meant or charge.get("status") != "succeeded" or charge.get("refunded"):
            continue
        for invoice in invoices:
            if invoice["id"] == meant and id_of(charge.get("payment_intent")) not in set(payments_of(invoice)):
                yield invoice, charge


def _doubts(told: Told, numbers: Mapping[str, str]) -> Iterator[Doubt]:
    for invoice in told.invoices:
        if invoice.get("status") not in ("draft", "open", "paid", "void"):
            yield Doubt("record_unclear", f"{number(invoice)} is {invoice.get('status')} at Stripe: is it still owed?")
    for invoice, charge in uncredited(told.invoices, told.charges):
        yield Doubt("record_unclear", f"{charge['id']} was paid for {numbers[invoice['id']]}, which does not show it")


def _currency(customer: Object, invoices: Sequence[Invoice], otherwise: str) -> str:
    of_open = [i.balance.currency for i in invoices if i.balance]
    told = [*of_open, *(i.total.currency for i in invoices), str(customer.get("currency") or "").upper()]
    return next((c for c in told if len(c) == 3), otherwise)


def _default(customer: Object) -> str:
    return id_of((customer.get("invoice_settings") or {}).get("default_payment_method"))


def _language(customer: Object) -> Language:
    told = [str(code)[:2].lower() for code in customer.get("preferred_locales") or ()]
    return next((known for code in told for known in LANGUAGES if known == code), "en")


def _region(customer: Object) -> str:
    address = customer.get("address") or {}
    country, state = address.get("country") or "", address.get("state") or ""
    return f"{country}-{state}" if country and state else str(country)


def _phone(value: object) -> str:
    """E.164 where it is one; "(202) 555-0117" proves nothing about a sender and is left out."""
    digits = "".join(c for c in str(value or "") if c.isdigit())
    return f"+{digits}" if str(value or "").strip().startswith("+") and 7 <= len(digits) <= 15 else ""
