"""From Stripe's objects to an account: every amount is right, or it is an error; nothing is made up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.accounts import stripe_amounts
from inbox.accounts.base import Account
from inbox.accounts.facts import FACTS, Ask, Held
from inbox.accounts.stripe_account import Told, account
from inbox.errors import Permanent
from inbox.money import Money
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe_objects import Object, listed

AT = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
NOW = int(AT.timestamp())


def invoice(total: int = 10_000, **fields: Any) -> Object:
    return objects.invoice("in_1", "cus_1", NOW, total, **({"number": "INV-1", "payments": listed([])} | fields))


def charge(**fields: Any) -> Object:
    return objects.charge("ch_1", "cus_1", NOW, fields.pop("amount", 10_000), **fields)


def told(**parts: Any) -> Told:
    whole: dict[str, Any] = {
        "customer": objects.customer("cus_1", NOW, email="A@b.example", name="Ada", phone="+12025550117"),
        "invoices": [], "charges": [], "refunds": [], "disputes": [], "methods": [], "as_of": AT,
    }  # fmt: skip
    return Told(**(whole | parts))


def read(**parts: Any) -> Account:
    return account(told(**parts))


# --- amounts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "currency", "shown"),
    [
        (12_345, "usd", "123.45"), (0, "usd", "0.00"), (1, "EUR", "0.01"), (500, "jpy", "500"), (1, "krw", "1"),
        (700, "xaf", "700"), (12_340, "kwd", "12.340"), (5_000, "isk", "50"), (5_000, "ugx", "50"), (999_999_999_999, "idr", "9999999999.99"),
    ],
)  # fmt: skip
def test_each_currency_has_its_own_smallest_unit(value: int, currency: str, shown: str) -> None:
    amount = stripe_amounts.money(value, currency, "in_1: total")
    assert (str(amount), amount.currency) == (shown, currency.upper())
    if value:
        assert stripe_amounts.written(amount) == value


@pytest.mark.parametrize(
    ("value", "currency"),
    [
        (-1, "usd"), (10**12, "usd"), (True, "usd"), (1.5, "usd"), ("100", "usd"), (None, "usd"), (100, "us"), (100, None),
        (100, "us$"), (100, "ÄÖÜ"), (5_001, "isk"), ([], "usd"), (100, 5),
    ],
)  # fmt: skip
def test_what_is_no_sound_amount_is_an_error_that_names_it(value: Any, currency: Any) -> None:
    with pytest.raises(Permanent, match="in_1: total"):
        stripe_amounts.money(value, currency, "in_1: total")


@pytest.mark.parametrize("amount", [Money(0), Money(-1), Money(10**12)])
def test_what_cannot_be_charged_is_not_sent(amount: Money) -> None:
    with pytest.raises(Permanent, match="cannot be charged"):
        stripe_amounts.written(amount)


@given(st.integers(1, 10**9), st.sampled_from(["USD", "EUR", "JPY", "KWD", "XOF", "BRL", "MGA", "BHD"]))
def test_an_amount_comes_back_as_it_went(minor: int, currency: str) -> None:
    amount = Money(minor, currency)
    try:
        value = stripe_amounts.written(amount)
    except Permanent:
        assert currency == "MGA"  # fifths, which we write with two places and Stripe with none
        assert minor % 100
        return
    assert stripe_amounts.money(value, currency.lower(), "x") == amount


# --- invoices ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["amount_due", "amount_paid", "amount_remaining", "total", "status", "created", "payments"]
)
def test_a_field_that_is_missing_is_an_error_that_names_it(field: str) -> None:
    """As after a change of the API version: never a zero, never half an account."""
    record = invoice()
    del record[field]
    if field == "created":
        record |= {"status_transitions": {}, "effective_at": None}
    with pytest.raises(Permanent, match=field):
        read(invoices=[record])


def test_what_is_due_less_what_is_paid_must_be_what_is_left() -> None:
    with pytest.raises(Permanent, match=r"INV-1: 100\.00 due less 0\.00 paid is not the 99\.99 that are left"):
        read(invoices=[invoice(amount_remaining=9_999)])


def test_credit_notes_and_balances_are_in_what_is_left() -> None:
    """100.00, of which a credit note took 10.00 and the customer's balance 20.00, and 30.00 was paid: 40.00 is left."""
    found = read(
        invoices=[
            invoice(pre_payment_credit_notes_amount=1_000, amount_due=7_000, amount_paid=3_000, amount_remaining=4_000, starting_balance=-2_000)
        ]
    ).invoices[0]  # fmt: skip
    assert (str(found.total), str(found.paid), str(found.balance)) == ("90.00", "50.00", "40.00")


def test_an_old_debt_that_is_due_with_it_counts() -> None:
    found = read(invoices=[invoice(amount_due=12_000, amount_remaining=12_000, starting_balance=2_000)]).invoices[0]
    assert (str(found.total), str(found.balance)) == ("120.00", "120.00")


def test_a_credit_invoice_asks_for_nothing() -> None:
    account_ = read(invoices=[invoice(-5_000, amount_due=0, amount_remaining=0, status="paid")])
    assert account_.outstanding == Money(0)
    assert str(account_.invoices[0].total) == "0.00"


def test_a_paid_invoice_owes_nothing_even_if_it_was_paid_elsewhere() -> None:
    account_ = read(invoices=[invoice(status="paid")])
    assert account_.outstanding == Money(0)


def test_drafts_are_not_told_and_void_ones_owe_nothing() -> None:
    draft = invoice() | {"id": "in_2", "number": None, "status": "draft"}
    account_ = read(invoices=[draft, invoice(status="void")])
    assert [i.id for i in account_.invoices] == ["INV-1"]
    assert account_.outstanding == Money(0)


@pytest.mark.parametrize("status", ["uncollectible", "deleted", "a_new_word"])
def test_where_stripe_leaves_open_what_is_owed_no_figure_is_told(status: str) -> None:
    account_ = read(invoices=[invoice(status=status)])
    assert account_.doubt is not None
    outcome = FACTS["account_balance"](account_, Ask(today=AT.date(), now=AT, level=2))
    assert isinstance(outcome, Held)
    assert status in outcome.text


def test_a_zero_decimal_invoice_is_told_in_whole_units() -> None:
    account_ = read(invoices=[invoice(500, currency="jpy")])
    assert (str(account_.outstanding), account_.currency) == ("500", "JPY")


def test_two_currencies_are_never_added_up() -> None:
    other = invoice(700, currency="eur") | {"id": "in_2", "number": "INV-2"}
    account_ = read(invoices=[invoice(), other])
    outcome = FACTS["account_balance"](account_, Ask(today=AT.date(), now=AT, level=2))
    assert isinstance(outcome, Held)
    assert outcome.reason == "figures_contradict"


@given(
    st.fixed_dictionaries({
        name: st.one_of(st.integers(-(10**13), 10**13), st.none(), st.booleans(), st.text(max_size=3))
        for name in ("total", "amount_due", "amount_paid", "amount_remaining", "pre_payment_credit_notes_amount")
    }),
    st.sampled_from(["open", "paid", "void", "uncollectible", "draft"]),
)  # fmt: skip
def test_any_amounts_give_a_coherent_account_or_an_error(amounts: dict[str, Any], status: str) -> None:
    try:
        account_ = read(invoices=[invoice() | amounts | {"status": status}])
    except Permanent:
        return
    for found in account_.invoices:
        assert found.status == "void" or found.total - found.paid == found.balance
        assert found.balance.minor >= 0
        if status == "open":
            assert found.balance.minor == amounts["amount_remaining"]


# --- instalments ------------------------------------------------------------------------------------------------------

PARTS = "2026-02-01=40.00, 2026-03-01=30.00, 2026-04-01=30.00"


def test_instalments_are_paid_oldest_first_and_a_part_lowers_the_next() -> None:
    record = invoice(amount_paid=5_500, amount_remaining=4_500, metadata={"instalments": PARTS, "plan_id": "PL-1"})
    [plan] = read(invoices=[record]).plans
    assert [(str(i.amount), i.status) for i in plan.instalments] == [
        ("40.00", "paid"),
        ("15.00", "failed"),
        ("30.00", "scheduled"),
    ]
    assert Money.total(i.amount for i in plan.left) == Money(4_500)


@pytest.mark.parametrize(
    "parts", ["2026-02-01=40.00", "2026-02-01=100.01", "soon=100.00", "2026-02-01=all", "2026-02-01", "2026-02-01=-1, 2026-03-01=101.00", "x"]
)  # fmt: skip
def test_instalments_that_do_not_come_to_the_invoice_are_an_error(parts: str) -> None:
    with pytest.raises(Permanent, match="INV-1"):
        read(invoices=[invoice(metadata={"instalments": parts})])


# --- payments, refunds, chargebacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "status", "decline"),
    [
        ({}, "succeeded", ""),
        ({"captured": False}, "pending", ""),
        ({"status": "pending"}, "pending", ""),
        ({"amount_refunded": 10_000}, "refunded", ""),
        ({"amount_refunded": 9_999}, "succeeded", ""),
        ({"status": "failed", "failure_code": "card_declined", "outcome": {"reason": "insufficient_funds"}}, "failed", "insufficient_funds"),
        ({"status": "failed", "failure_code": "card_declined"}, "failed", "card_declined"),
    ],
)  # fmt: skip
def test_what_became_of_a_payment(fields: dict[str, Any], status: str, decline: str) -> None:
    [payment] = read(charges=[charge(**fields)]).payments
    assert (payment.status, payment.decline_code) == (status, decline)


def test_a_payment_knows_its_invoice_by_the_intent() -> None:
    record = invoice(payments=listed([objects.invoice_payment("in_1", "pi_1", NOW, 100)]))
    [payment] = read(invoices=[record], charges=[charge(payment_intent="pi_1")]).payments
    assert payment.invoice_id == "INV-1"
    assert payment.method == "visa ••4242"


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ({"type": "us_bank_account", "us_bank_account": {"last4": "6789"}}, "bank ••6789"),
        ({"type": "paypal", "paypal": {}}, "paypal"), ({"type": "card"}, "card"), (None, ""), ({}, ""),
    ],
)  # fmt: skip
def test_methods_are_masked(details: Any, shown: str) -> None:
    [payment] = read(charges=[charge(payment_method_details=details)]).payments
    assert payment.method == shown


@pytest.mark.parametrize(
    ("status", "told_as"),
    [("pending", "pending"), ("requires_action", "pending"), ("succeeded", "paid"), ("failed", "failed")],
)
def test_what_became_of_a_refund(status: str, told_as: str) -> None:
    [refund] = read(charges=[charge()], refunds=[objects.refund("re_1", "ch_1", NOW, 500, status=status)]).refunds
    assert (refund.status, refund.payment_id, str(refund.amount)) == (told_as, "ch_1", "5.00")


def test_a_cancelled_refund_never_was_and_an_unknown_state_is_an_error() -> None:
    assert read(refunds=[objects.refund("re_1", "ch_1", NOW, 500, status="canceled")]).refunds == ()
    with pytest.raises(Permanent, match="re_1"):
        read(refunds=[objects.refund("re_1", "ch_1", NOW, 500, status="teleported")])


@pytest.mark.parametrize(
    ("status", "is_open"),
    [("needs_response", True), ("warning_needs_response", True), ("under_review", True), ("a_new_word", True), ("won", False),
     ("lost", False), ("warning_closed", False), ("prevented", False)],
)  # fmt: skip
def test_a_chargeback_is_open_until_stripe_says_it_is_not(status: str, *, is_open: bool) -> None:
    [dispute] = read(charges=[charge()], disputes=[objects.dispute("dp_1", "ch_1", NOW, 500, status=status)]).disputes
    assert dispute.is_open is is_open
    assert (dispute.network, dispute.reason, dispute.respond_by) == ("visa", "10.4", date(2026, 3, 20))


def test_a_payment_for_an_invoice_that_does_not_show_it_is_a_doubt() -> None:
    account_ = read(invoices=[invoice()], charges=[charge(metadata={"inbox_invoice": "in_1"}, payment_intent="pi_9")])
    assert account_.doubt is not None
    assert account_.doubt.reason == "record_unclear"


# --- the customer -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phone", "kept"),
    [("+1 (202) 555-0117", "+12025550117"), ("(202) 555-0117", ""), (None, ""), ("+1", ""), ("+" + "9" * 40, "")],
)
def test_only_a_phone_with_its_country_can_prove_a_sender(phone: str | None, kept: str) -> None:
    assert read(customer=objects.customer("cus_1", NOW, phone=phone)).phone == kept


@pytest.mark.parametrize(
    ("locales", "language"), [(["pt-BR"], "pt"), (["fr", "es-419"], "es"), ([], "en"), (None, "en")]
)
def test_the_first_language_we_speak(locales: Any, language: str) -> None:
    assert read(customer=objects.customer("cus_1", NOW, preferred_locales=locales)).language == language


def test_what_is_not_told_stays_empty() -> None:
    bare = {"id": "cus_1", "object": "customer", "created": NOW, "livemode": False}
    account_ = account(replace(told(), customer=bare))
    assert (account_.name, account_.email, account_.phone, account_.region) == ("", "", "", "")
