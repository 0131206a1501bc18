"""Balance, what is due, payment links, methods, plans and promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from inbox.accounts.base import (
    Account,
)
from inbox.accounts.facts import (
    FACTS,
    StepUp,
)
from inbox.money import Money
from tests.accounts.facts_cast import (
    TODAY,
    account,
    ask,
    dispute,
    full,
    has_money,
    held,
    invoice,
    past_due,
    plan,
    told,
    two_invoices,
    usd,
)


class TestBalance:
    def test_per_invoice_with_date(self):
        facts = told("account_balance", two_invoices(), ask())
        assert facts["outstanding"] == usd("380.00")
        assert [(i["id"], i["balance"]) for i in facts["invoices"]] == [
            ("INV-2", usd("80.00")),
            ("INV-1", usd("300.00")),
        ]
        assert facts["as_of_on"] == TODAY
        assert facts["past_due"] is None

    def test_the_day_is_the_authors(self):
        late = replace(account(), as_of=datetime(2026, 4, 16, 3, 0, tzinfo=UTC))
        facts = told("account_balance", late, ask(now=datetime(2026, 4, 16, 3, 5, tzinfo=UTC)))
        assert facts["as_of_on"] == date(2026, 4, 15)

    def test_the_part_past_due(self):
        assert told("account_balance", past_due(), ask())["past_due"] == usd("100.00")

    def test_a_disputed_invoice_stands_apart_and_is_not_counted(self):
        facts = told("account_balance", two_invoices(disputes=(dispute("INV-2"),)), ask())
        assert facts["outstanding"] == usd("300.00")
        assert [i["id"] for i in facts["invoices"]] == ["INV-1"]
        assert [i["id"] for i in facts["on_hold"]] == ["INV-2"]

    def test_a_dispute_that_is_over_counts_no_more(self):
        facts = told("account_balance", two_invoices(disputes=(dispute("INV-2", "withdrawn"),)), ask())
        assert facts["outstanding"] == usd("380.00")
        assert facts["on_hold"] == ()

    def test_nothing_left(self):
        paid = account(outstanding=usd("0"), invoices=(invoice(1, "500.00", "500.00"),), plans=())
        facts = told("account_balance", paid, ask())
        assert facts["outstanding"] == usd("0")
        assert facts["credit"] is None
        assert facts["invoices"] == ()

    def test_a_credit_is_said_as_such(self):
        paid = account(outstanding=usd("-5.00"), invoices=(invoice(1, "500.00", "505.00"),), plans=())
        facts = told("account_balance", paid, ask())
        assert facts["credit"] == usd("5.00")
        assert facts["outstanding"] == usd("0")

    def test_many_invoices_are_cut_and_said_to_be(self):
        many = tuple(invoice(n, "1.00") for n in range(1, 41))
        facts = told("account_balance", account(outstanding=usd("40.00"), invoices=many, plans=()), ask())
        assert len(facts["invoices"]) == 12
        assert facts["more"] == 28

    def test_sources_name_the_records(self):
        outcome = FACTS["account_balance"](two_invoices(disputes=(dispute("INV-2"),)), ask())
        assert outcome["invoices"].source == "ledger:A-1/INV-1"
        assert outcome["on_hold"].source == "ledger:A-1/INV-2"
        assert outcome["outstanding"].source == "ledger:A-1"


class TestAmountDue:
    def test_the_next_instalment(self):
        facts = told("amount_due", account(), ask())
        assert (facts["amount"], facts["due_on"]) == (usd("100.00"), date(2026, 4, 20))
        assert (facts["number"], facts["count"]) == (3, 5)
        assert facts["method"] == "visa ••4242"
        assert not facts["past_due"]

    def test_what_is_past_due_comes_first_with_its_next_try(self):
        facts = told("amount_due", past_due(), ask())
        assert facts["due_on"] == date(2026, 4, 12)
        assert facts["past_due"]
        assert facts["next_retry_on"] == date(2026, 4, 18)

    def test_a_try_that_lies_behind_is_not_announced(self):
        assert told("amount_due", past_due(), ask(today=date(2026, 4, 19)))["next_retry_on"] is None

    def test_a_scheduled_part_whose_day_has_passed_is_past_due(self):
        assert told("amount_due", account(), ask(today=date(2026, 4, 21)))["past_due"]
        assert not told("amount_due", account(), ask(today=date(2026, 4, 20)))["past_due"]

    def test_level_one_knows_the_current_instalment_only(self):
        facts = told("amount_due", two_invoices(), ask(1))
        assert facts["amount"] == usd("100.00")
        assert facts["number"] is None
        assert "others" not in facts
        assert "method" not in facts

    def test_level_two_knows_what_else_comes(self):
        facts = told("amount_due", two_invoices(), ask())
        assert [(o["invoice_id"], o["amount"]) for o in facts["others"]] == [("INV-2", usd("80.00"))]

    @pytest.mark.parametrize(
        ("entities", "due"),
        [
            ({"month": 5, "invoice_ids": ("INV-1",)}, date(2026, 5, 20)),
            ({"month": 3}, date(2026, 3, 20)),
            ({"ordinal": 5}, date(2026, 6, 20)),
            ({"dates": (date(2026, 6, 20),)}, date(2026, 6, 20)),
            ({"month": 11}, date(2026, 4, 20)),
            ({"invoice_ids": ("INV-2",)}, date(2026, 5, 1)),
            ({"invoice_ids": ("INV-404",)}, date(2026, 4, 20)),
        ],
    )
    def test_the_one_that_is_named(self, entities, due):
        assert told("amount_due", two_invoices(), ask(**entities))["due_on"] == due

    def test_two_dues_in_the_month_that_is_named_are_both_told(self):
        facts = told("amount_due", two_invoices(), ask(month=5))
        assert (facts["due_on"], facts["amount"]) == (date(2026, 5, 1), usd("80.00"))
        assert [(o["due_on"], o["amount"]) for o in facts["others"]] == [(date(2026, 5, 20), usd("100.00"))]

    def test_an_invoice_is_found_by_a_word_of_its_description(self):
        facts = told("amount_due", two_invoices(), ask(text="when is the trailer to be paid"))
        assert facts["invoice_id"] == "INV-2"

    def test_words_that_several_descriptions_share_name_none(self):
        same = (invoice(1, "500.00", "200.00", description="Cover art"), invoice(2, "80.00", description="Cover text"))
        assert told("amount_due", two_invoices(invoices=same), ask(text="the cover bill"))["invoice_id"] == "INV-1"

    def test_level_one_must_prove_more_for_another_month(self):
        assert FACTS["amount_due"](account(), ask(1, month=6)) == StepUp(2)
        assert told("amount_due", account(), ask(1, month=4))["due_on"] == date(2026, 4, 20)

    def test_a_paid_month_is_said_to_be_paid(self):
        facts = told("amount_due", account(), ask(month=3))
        assert facts["paid"]
        assert not facts["past_due"]

    def test_a_disputed_invoice_is_never_demanded(self):
        facts = told("amount_due", two_invoices(disputes=(dispute("INV-1"),)), ask())
        assert facts["invoice_id"] == "INV-2"
        assert [i["id"] for i in facts["on_hold"]] == ["INV-1"]
        assert not has_money(facts["on_hold"])
        assert facts["others"] == ()

    def test_with_everything_in_dispute_nothing_is_due(self):
        facts = told("amount_due", account(disputes=(dispute("INV-1"),)), ask())
        assert facts["nothing_due"]
        assert not any(has_money(v) for v in facts.values())

    def test_level_one_hears_that_something_is_on_hold_but_not_what(self):
        facts = told("amount_due", two_invoices(disputes=(dispute("INV-2"),)), ask(1))
        assert facts["some_on_hold"]
        assert facts["on_hold"] == ()

    def test_a_disputed_invoice_cannot_be_named_into_a_demand(self):
        facts = told("amount_due", two_invoices(disputes=(dispute("INV-2"),)), ask(invoice_ids=("INV-2",)))
        assert facts["invoice_id"] == "INV-1"

    def test_a_promise_is_read_back(self):
        facts = told("amount_due", full(), ask(1))
        assert (facts["promised_amount"], facts["promised_on"]) == (usd("100.00"), date(2026, 4, 24))

    def test_an_account_without_debts(self):
        facts = told("amount_due", account(outstanding=usd("0"), invoices=(), plans=()), ask(1))
        assert facts["nothing_due"]


class TestMakePayment:
    def test_the_current_due(self):
        facts = told("make_payment", past_due(), ask(1))
        assert (facts["amount"], facts["invoice_id"]) == (usd("100.00"), "INV-1")

    @pytest.mark.parametrize(
        ("level", "named", "amount"),
        [
            (1, "40.00", "40.00"),
            (1, "250.00", "100.00"),
            (2, "250.00", "250.00"),
            (2, "300.01", "100.00"),
            (2, "0.00", "100.00"),
        ],
    )
    def test_an_amount_is_taken_if_it_is_owed_and_may_be_known(self, level, named, amount):
        assert told("make_payment", account(), ask(level, amounts=(usd(named),)))["amount"] == usd(amount)

    def test_another_currency_is_not_taken(self):
        facts = told("make_payment", account(), ask(amounts=(Money.of("40.00", "EUR"),)))
        assert facts["amount"] == usd("100.00")

    def test_a_disputed_invoice_gets_no_link(self):
        facts = told("make_payment", two_invoices(disputes=(dispute("INV-1"),)), ask(invoice_ids=("INV-1",)))
        assert facts["invoice_id"] == "INV-2"
        assert told("make_payment", account(disputes=(dispute("INV-1"),)), ask())["nothing_due"]

    def test_level_one_cannot_reach_for_other_invoices(self):
        assert FACTS["make_payment"](two_invoices(), ask(1, invoice_ids=("INV-2",))) == StepUp(2)


class TestUpdatePaymentMethod:
    def test_level_one_hears_nothing_of_what_is_on_file(self):
        assert told("update_payment_method", account(), ask(1)) == {"method": None}

    def test_level_two_hears_the_default_and_the_next_charge(self):
        facts = told("update_payment_method", account(), ask())
        assert facts["method"] == "visa ••4242"
        assert (facts["next_amount"], facts["next_on"]) == (usd("100.00"), date(2026, 4, 20))

    def test_contradicting_figures_are_left_out_the_link_remains_possible(self):
        facts = told("update_payment_method", account(outstanding=usd("1.00")), ask())
        assert "next_amount" not in facts

    def test_without_a_default_several_methods_are_not_guessed_at(self):
        methods = tuple(replace(m, default=False, status="active") for m in account().payment_methods)
        assert told("update_payment_method", account(payment_methods=methods), ask())["method"] is None


class TestPlan:
    def test_the_schedule_that_is_left(self):
        (row,) = told("payment_plan", account(), ask())["plans"]
        assert (row["left"], row["count"], row["total_left"], row["each"]) == (3, 5, usd("300.00"), usd("100.00"))
        assert (row["first_on"], row["ends_on"]) == (date(2026, 4, 20), date(2026, 6, 20))
        assert [i["number"] for i in row["schedule"]] == [3, 4, 5]

    def test_a_part_whose_day_has_passed_is_marked(self):
        (row,) = told("payment_plan", account(), ask(today=date(2026, 4, 21)))["plans"]
        assert [i["past_due"] for i in row["schedule"]] == [True, False, False]

    def test_parts_that_differ_have_no_each(self):
        odd = plan(1, ("2026-05-20", "150.01", "scheduled"), ("2026-06-20", "149.99", "scheduled"))
        (row,) = told("payment_plan", account(plans=(odd,)), ask())["plans"]
        assert row["each"] is None

    def two_plans(self, **more) -> Account:
        return two_invoices(plans=(*account().plans, plan(2, ("2026-05-01", "80.00", "scheduled"))), **more)

    def test_two_plans_are_both_told_or_the_one_that_is_named(self):
        assert len(told("payment_plan", self.two_plans(), ask())["plans"]) == 2
        (row,) = told("payment_plan", self.two_plans(), ask(invoice_ids=("INV-2",)))["plans"]
        assert row["id"] == "PL-2"

    def test_a_disputed_one_is_only_on_hold(self):
        facts = told("payment_plan", self.two_plans(disputes=(dispute("INV-1"),)), ask())
        assert [p["id"] for p in facts["plans"]] == ["PL-2"]
        assert [i["id"] for i in facts["on_hold"]] == ["INV-1"]

    def test_none(self):
        assert told("payment_plan", account(plans=()), ask())["plans"] == ()


class TestPromise:
    def test_read_back(self):
        facts = told("promise_status", full(), ask(1))
        assert facts == {"amount": usd("100.00"), "on": date(2026, 4, 24), "invoice_id": "INV-1"}

    def test_none(self):
        assert held("promise_status", account()) == "promise_not_found"
