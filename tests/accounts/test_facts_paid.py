"""Payments that arrived, came twice or failed; receipts; refunds."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from inbox.accounts.base import (
    Account,
    Refund,
)
from inbox.accounts.facts import (
    FACTS,
    StepUp,
)
from tests.accounts.facts_cast import (
    TODAY,
    account,
    ask,
    dispute,
    full,
    has_money,
    held,
    past_due,
    payment,
    told,
    two_invoices,
    usd,
)


class TestPaymentStatus:
    def test_the_newest(self):
        facts = told("payment_status", account(), ask(1))
        assert (facts["state"], facts["amount"], facts["paid_on"]) == ("received", usd("100.00"), date(2026, 3, 20))
        assert facts["payment_id"] is None
        assert facts["method"] is None

    def test_level_two_adds_invoice_and_method(self):
        facts = told("payment_status", account(), ask())
        assert (facts["payment_id"], facts["invoice_id"], facts["method"]) == ("P-2", "INV-1", "visa ••4242")

    def test_a_later_success_on_the_same_day_counts_before_the_failure(self):
        day = (payment("P-9", "2026-04-12", "100.00"), payment("P-8", "2026-04-12", "100.00", "failed"))
        assert told("payment_status", account(payments=day), ask())["payment_id"] == "P-9"

    @pytest.mark.parametrize("entities", [{"month": 2}, {"dates": (date(2026, 2, 21),)}, {"payment_ids": ("P-1",)}])
    def test_the_one_that_is_named(self, entities):
        assert told("payment_status", account(), ask(**entities))["payment_id"] == "P-1"

    def test_level_one_must_prove_more_for_an_older_one(self):
        assert FACTS["payment_status"](account(), ask(1, month=2)) == StepUp(2)

    def test_level_one_hears_the_state_of_a_quoted_payment_without_its_amount(self):
        facts = told("payment_status", account(), ask(1, payment_ids=("P-1",)))
        assert facts["state"] == "received"
        assert not any(has_money(v) for v in facts.values())

    def test_sent_but_not_here_goes_to_a_person(self):
        assert held("payment_status", account(), ask(amounts=(usd("77.00"),))) == "payment_not_found"
        assert held("payment_status", account(), ask(payment_ids=("P-404",))) == "payment_not_found"
        assert held("payment_status", account(), ask(dates=(date(2026, 4, 1),))) == "payment_not_found"
        assert held("payment_status", past_due(payments=()), ask()) == "payment_not_found"

    def test_sent_in_the_last_days_may_still_be_on_its_way(self):
        facts = told("payment_status", account(), ask(dates=(date(2026, 4, 15),), amounts=(usd("100.00"),)))
        assert facts["state"] == "not_yet"
        assert facts["expected_by"] == date(2026, 4, 22)
        assert facts["paid_on"] == date(2026, 3, 20)

    def test_the_schedule_knows_a_month_without_a_payment_record(self):
        facts = told("payment_status", account(payments=()), ask(month=3))
        assert (facts["state"], facts["paid_on"]) == ("instalment_paid", date(2026, 3, 20))
        assert told("payment_status", account(), ask(month=5))["state"] == "instalment_open"
        assert told("payment_status", account(), ask(1, month=4))["state"] == "instalment_open"
        assert FACTS["payment_status"](account(payments=()), ask(1, month=3)) == StepUp(2)

    def test_without_payment_records_the_schedule_knows_the_last_one_paid(self):
        facts = told("payment_status", account(payments=()), ask(1))
        assert (facts["state"], facts["paid_on"]) == ("instalment_paid", date(2026, 3, 20))
        nothing = account(payments=(), outstanding=usd("0"), invoices=(), plans=())
        assert held("payment_status", nothing) == "payment_not_found"

    def test_pending_says_until_when(self):
        waiting = account(payments=(payment("P-5", "2026-04-15", "60.00", "pending"),))
        assert told("payment_status", waiting, ask(1))["expected_by"] == date(2026, 4, 22)


class TestTwice:
    PAIR = (payment("P-5", "2026-04-14", "57.00"), payment("P-6", "2026-04-14", "57.00", "pending"))

    def test_a_young_authorisation_is_explained(self):
        facts = told("payment_status", account(payments=self.PAIR), ask(amounts=(usd("57.00"),)))
        assert facts["duplicate_pending"]
        assert facts["payment_id"] == "P-5"
        assert facts["drops_by"] == date(2026, 4, 21)

    @pytest.mark.parametrize(("day", "explained"), [(date(2026, 4, 21), True), (date(2026, 4, 22), False)])
    def test_for_seven_days_and_no_longer(self, day, explained):
        outcome = FACTS["payment_status"](account(payments=self.PAIR), ask(today=day))
        assert isinstance(outcome, dict) is explained
        if not explained:
            assert outcome.reason == "double_charge"

    def test_two_captured_go_to_a_person(self):
        both = (self.PAIR[0], replace(self.PAIR[1], status="succeeded"))
        assert held("payment_status", account(payments=both)) == "double_charge"

    def test_instalments_of_one_amount_are_no_double_charge(self):
        told("payment_status", account(), ask())

    def test_other_invoices_are_no_double_charge(self):
        other = (self.PAIR[0], replace(self.PAIR[1], status="succeeded", invoice_id="INV-2"))
        told("payment_status", account(payments=other), ask())

    def test_another_payment_may_be_asked_for(self):
        both = (*account().payments, self.PAIR[0], replace(self.PAIR[1], status="succeeded"))
        assert told("payment_status", account(payments=both), ask(payment_ids=("P-1",)))["payment_id"] == "P-1"

    def test_one_that_was_refunded_is_settled(self):
        both = (self.PAIR[0], replace(self.PAIR[1], status="succeeded"))
        refund = Refund(
            id="RF-9",
            invoice_id="INV-1",
            payment_id="P-6",
            amount=usd("57.00"),
            status="approved",
            approved_on=TODAY,
            method="",
        )
        assert told("payment_status", account(payments=both, refunds=(refund,)), ask())["state"] == "received"


class TestPaymentFailed:
    def test_level_one_hears_that_not_why(self):
        facts = told("payment_failed", past_due(), ask(1))
        assert (facts["failed"], facts["amount"], facts["failed_on"]) == (True, usd("100.00"), date(2026, 4, 12))
        assert facts["next_retry_on"] == date(2026, 4, 18)
        assert not {"needs_new_method", "low_funds", "method"} & set(facts)

    @pytest.mark.parametrize(
        ("code", "hard", "low"),
        [
            ("do_not_honor", False, False), ("insufficient_funds", False, True), ("stolen_card", True, False),
            ("lost_card", True, False), ("expired_card", True, False), ("issuer_unavailable", False, False),
        ],
    )  # fmt: skip
    def test_level_two_hears_the_class_never_the_code(self, code, hard, low):
        broken = past_due(payments=(payment("P-3", "2026-04-12", "100.00", "failed", code=code),))
        facts = told("payment_failed", broken, ask())
        assert (facts["needs_new_method"], facts["low_funds"]) == (hard, low)
        assert code not in [v for v in facts.values() if isinstance(v, str)]
        assert (facts["next_retry_on"] is None) == hard

    def test_the_third_failure_in_a_row_is_for_a_person(self):
        fails = tuple(payment(f"P-{n}", f"2026-04-1{n}", "100.00", "failed") for n in range(2, 5))
        assert held("payment_failed", past_due(payments=fails)) == "payment_failed_repeatedly"
        good = (payment("P-0", "2026-04-13", "100.00"), *fails)
        assert told("payment_failed", past_due(payments=good), ask())["failed"]

    def test_a_disputed_invoice_is_not_asked_for(self):
        assert told("payment_failed", past_due(disputes=(dispute("INV-1"),)), ask()) == {"failed": False}

    def test_the_decline_belongs_to_what_is_past_due(self):
        other = payment("P-9", "2026-04-14", "80.00", "failed", "INV-2", code="stolen_card")
        facts = told("payment_failed", past_due(payments=(*past_due().payments, other)), ask())
        assert (facts["amount"], facts["invoice_id"]) == (usd("100.00"), "INV-1")
        assert not facts["needs_new_method"]

    def test_contradicting_figures_are_held(self):
        assert held("payment_failed", past_due(outstanding=usd("300.01"))) == "figures_contradict"

    def test_nothing_failed(self):
        assert told("payment_failed", account(), ask(1)) == {"failed": False}

    def test_what_has_gone_through_since_is_settled(self):
        since = account(
            payments=(payment("P-3", "2026-04-12", "100.00", "failed"), payment("P-4", "2026-04-14", "100.00"))
        )
        assert told("payment_failed", since, ask(1))["settled_on"] == date(2026, 4, 14)

    def test_a_failed_instalment_without_a_payment_record(self):
        facts = told("payment_failed", past_due(payments=()), ask())
        assert (facts["failed"], facts["amount"]) == (True, usd("100.00"))
        assert not facts["declined"], "no bank declined anything that is on record"


class TestDocuments:
    @pytest.mark.parametrize(
        ("text", "kind", "record"),
        [
            ("a statement for my accountant please", "statement", "A-1"),
            ("el extracto de mis regalías", "royalty_statement", "A-1"),
            ("send me the payment schedule as a pdf", "plan", "PL-1"),
            ("the invoice please", "invoice", "INV-1"),
        ],
    )
    def test_the_paper_that_is_named(self, text: str, kind: str, record: str):
        facts = told("invoice_copy", replace(account(), royalties=full().royalties), ask(2, text))
        assert (facts["kind"], facts["document_id"]) == (kind, record)

    def test_a_tax_paper_is_a_persons(self):
        assert held("invoice_copy", account(), ask(2, "where is my 1099?")) == "document_not_found"

    def test_level_one_gets_the_receipt_of_a_quoted_payment_only(self):
        facts = told("invoice_copy", account(), ask(1, payment_ids=("P-2",)))
        assert (facts["document_id"], facts["kind"], facts["by_email"]) == ("P-2", "receipt", True)
        assert FACTS["invoice_copy"](account(), ask(1)) == StepUp(2)
        assert FACTS["invoice_copy"](account(), ask(1, invoice_ids=("INV-1",))) == StepUp(2)

    def test_somebody_elses_payment_is_not_found(self):
        assert held("invoice_copy", account(), ask(1, payment_ids=("P-777",))) == "document_not_found"

    def test_a_failed_payment_has_no_receipt(self):
        assert held("invoice_copy", past_due(), ask(payment_ids=("P-3",))) == "document_not_found"

    @pytest.mark.parametrize(
        ("entities", "document"),
        [({}, "INV-2"), ({"invoice_ids": ("INV-1",)}, "INV-1"), ({"month": 2}, "P-1")],
    )
    def test_level_two(self, entities, document):
        assert told("invoice_copy", two_invoices(), ask(**entities))["document_id"] == document

    def test_nothing_there(self):
        assert held("invoice_copy", account(outstanding=usd("0"), invoices=(), plans=())) == "document_not_found"
        assert held("invoice_copy", account(), ask(invoice_ids=("INV-9",))) == "document_not_found"

    def test_no_address_on_file(self):
        assert not told("invoice_copy", replace(account(), email=""), ask())["by_email"]


class TestRefund:
    def test_level_one_state_and_window_of_a_quoted_one(self):
        facts = told("refund_status", full(), ask(1, refund_ids=("RF-1",)))
        assert (facts["refund_id"], facts["state"], facts["window"]) == ("RF-1", "approved", (5, 10))
        assert not any(has_money(v) for v in facts.values())
        assert "method" not in facts

    def test_level_two_adds_amount_and_method(self):
        facts = told("refund_status", full(), ask())
        assert (facts["amount"], facts["method"]) == (usd("15.00"), "visa ••4242")

    def test_below_level_two_none_and_not_mine_look_the_same(self):
        assert FACTS["refund_status"](full(), ask(1)) == StepUp(2)
        assert FACTS["refund_status"](full(), ask(1, refund_ids=("RF-2",))) == StepUp(2)
        assert FACTS["refund_status"](account(), ask(1, refund_ids=("RF-2",))) == StepUp(2)

    def test_no_refund_on_record_is_for_a_person(self):
        assert held("refund_status", account()) == "no_refund_on_record"
        assert held("refund_status", full(), ask(refund_ids=("RF-2",))) == "no_refund_on_record"
        assert held("refund_status", full(), ask(payment_ids=("P-2",))) == "no_refund_on_record"

    def changed(self, **more) -> Account:
        return full(refunds=(replace(full().refunds[0], **more),))

    def test_overdue_is_for_a_person(self):
        # approved Friday 10 April: ten business days end on Friday 24 April
        assert isinstance(FACTS["refund_status"](full(), ask(today=date(2026, 4, 24))), dict)
        assert held("refund_status", full(), ask(today=date(2026, 4, 25))) == "refund_overdue"
        assert isinstance(FACTS["refund_status"](self.changed(status="paid"), ask(today=date(2026, 6, 1))), dict)

    def test_failed_is_for_a_person(self):
        assert held("refund_status", self.changed(status="failed")) == "refund_failed"

    @pytest.mark.parametrize(
        ("expected", "window"),
        [
            ("3 to 7 days", (3, 7)),
            ("", (5, 10)),
            ("soon", (5, 10)),
            ("10-5", (5, 10)),
            ("2026-05-01", (5, 10)),
            ("9" * 5000, (5, 10)),
        ],
    )
    def test_the_window_is_what_the_record_says_if_it_can_be_read(self, expected, window):
        assert told("refund_status", self.changed(expected=expected), ask())["window"] == window
