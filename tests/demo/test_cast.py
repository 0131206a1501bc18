"""What the start page says about an author."""

from __future__ import annotations

from datetime import UTC, date, datetime

from inbox.accounts.base import Account, AccountRef, Dispute, Invoice, Payment, Promise, Refund
from inbox.demo.cast import doubled_payment, remarks, roles
from inbox.money import Money

TODAY = date(2026, 3, 11)


def account(**changes):
    values = {"name": "Mirna Lobell", "email": "m@lobell.example", "phone": "+12025550123", "timezone": "UTC"}
    return Account(
        ref=AccountRef("ledger", "T-1"), as_of=datetime(2026, 3, 11, tzinfo=UTC), language="en", region="US-NY",
        **values | changes,
    )  # fmt: skip


def payment(key, day, amount="40.00", status="succeeded"):
    return Payment(
        id=key, on=date(2026, 3, day), amount=Money.of(amount), method="visa ••4242", status=status, invoice_id="I-1"
    )


def invoice(balance, due):
    return Invoice(
        id="I-1", description="Layout", issued_on=date(2026, 1, 1), due_on=due, total=Money.of("90.00"),
        paid=Money.of("90.00") - Money.of(balance), balance=Money.of(balance), status="open",
    )  # fmt: skip


def test_two_equal_charges_within_days_are_a_double_charge():
    assert doubled_payment(account(payments=(payment("A", 1), payment("B", 3)))).id == "B"
    assert doubled_payment(account(payments=(payment("A", 1), payment("B", 9)))) is None
    assert doubled_payment(account(payments=(payment("A", 1), payment("B", 2, "41.00")))) is None


def test_a_charge_that_was_given_back_is_no_double_charge():
    back = Refund(
        id="R",
        invoice_id="I-1",
        payment_id="B",
        amount=Money.of("40.00"),
        status="paid",
        approved_on=TODAY,
        method="card",
    )
    assert doubled_payment(account(payments=(payment("A", 1), payment("B", 3)), refunds=(back,))) is None


def test_the_remarks_tell_what_is_special():
    dispute = Dispute(
        id="D",
        invoice_id="I-1",
        amount=Money.of("9.00"),
        reason="",
        opened_on=TODAY,
        status="under_review",
        network="visa",
    )
    promises = tuple(
        Promise(id=k, invoice_id="I-1", amount=Money.of("1.00"), on=TODAY, status="broken", made_on=TODAY) for k in "ab"
    )
    found = remarks(
        account(disputes=(dispute,), promises=promises, invoices=(invoice("30.00", date(2026, 3, 1)),)), TODAY
    )
    assert found == ["open chargeback of $9.00", "$30.00 past due", "2 promises broken"]
    assert remarks(account(outstanding=Money(-2500)), TODAY) == ["has $25.00 to their credit"]
    assert remarks(account(), TODAY) == ["owes nothing"]


def test_without_authors_there_is_no_tour():
    assert roles([]) is None
