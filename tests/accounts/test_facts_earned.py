"""Royalties and withdrawals."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from inbox.accounts.base import (
    Account,
    Withdrawal,
)
from inbox.accounts.facts import (
    FACTS,
    StepUp,
)
from inbox.errors import MissingFact
from inbox.money import Money
from tests.accounts.facts_cast import (
    NOW,
    account,
    ask,
    full,
    has_money,
    held,
    told,
    usd,
)


class TestRoyalties:
    def test_balance(self):
        facts = told("royalty_balance", full(), ask())
        assert (facts["available"], facts["pending"], facts["reserve"]) == (usd("120.50"), usd("10.00"), usd("3.20"))
        assert not facts["below_threshold"]
        assert facts["hold_until"] is None

    def test_no_record_is_a_missing_fact(self):
        with pytest.raises(MissingFact):
            FACTS["royalty_balance"](account(), ask())

    def royal(self, **more) -> Account:
        base = full()
        assert base.royalties is not None
        return full(royalties=replace(base.royalties, **more))

    def test_below_zero_is_for_a_person(self):
        assert held("royalty_balance", self.royal(available=usd("-1.00"))) == "negative_royalty_balance"
        assert held("royalty_withdrawal", self.royal(available=usd("-1.00"))) == "negative_royalty_balance"

    @pytest.mark.parametrize(
        ("change", "entities", "state"),
        [
            ({}, {}, "eligible"),
            ({}, {"amounts": (Money.of("50.00"),)}, "eligible"),
            ({}, {"amounts": (Money.of("49.99"),)}, "below_minimum"),
            ({}, {"amounts": (Money.of("120.51"),)}, "too_much"),
            ({"available": Money.of("49.99")}, {}, "below_minimum"),
            ({"available": Money.of("50.00")}, {}, "eligible"),
            ({"tax_form_status": "missing"}, {}, "tax_form"),
            ({"tax_form_status": "expired"}, {}, "tax_form"),
            ({"payout_method": ""}, {}, "no_destination"),
            ({"hold_until": NOW + timedelta(seconds=1)}, {}, "hold"),
            ({"hold_until": NOW}, {}, "eligible"),
        ],
    )
    def test_may_it_be_paid_out(self, change, entities, state):
        facts = told("royalty_withdrawal", self.royal(**change), ask(**entities))
        assert facts["state"] == state
        assert (facts["amount"] is not None) == (state == "eligible")

    def test_a_part_leaves_the_rest(self):
        facts = told("royalty_withdrawal", full(), ask(amounts=(usd("100.00"),)))
        assert facts["remaining"] == usd("20.50")

    def test_a_hold_is_told_on_the_authors_clock(self):
        facts = told("royalty_withdrawal", self.royal(hold_until=datetime(2026, 4, 18, 3, 0, tzinfo=UTC)), ask())
        assert facts["hold_until"].isoformat() == "2026-04-17T21:00:00-06:00"

    def test_a_fraud_flag_is_for_a_person(self):
        assert held("royalty_withdrawal", full(flags=("fraud",))) == "security_hold"

    def test_a_form_without_a_name_cannot_be_asked_for(self):
        with pytest.raises(MissingFact):
            FACTS["royalty_withdrawal"](self.royal(tax_form="", tax_form_status="missing"), ask())


class TestWithdrawalStatus:
    def with_(self, *withdrawals: Withdrawal) -> Account:
        base = full()
        assert base.royalties is not None
        return full(royalties=replace(base.royalties, withdrawals=withdrawals))

    ONE = Withdrawal(id="WD-7", amount=usd("75.00"), requested_on=date(2026, 4, 1), status="paid", paid_on=date(2026, 4, 8), expected_on=date(2026, 4, 9))  # fmt: skip

    def test_level_one_state_and_date_of_a_quoted_one_no_amount(self):
        facts = told("royalty_withdrawal_status", self.with_(self.ONE), ask(1, withdrawal_ids=("WD-7",)))
        assert (facts["state"], facts["paid_on"]) == ("paid", date(2026, 4, 8))
        assert not any(has_money(v) for v in facts.values())

    def test_level_two_has_the_amount(self):
        assert told("royalty_withdrawal_status", self.with_(self.ONE), ask())["amount"] == usd("75.00")

    def test_level_one_without_the_number_must_prove_more(self):
        assert FACTS["royalty_withdrawal_status"](full(), ask(1)) == StepUp(2)
        assert FACTS["royalty_withdrawal_status"](full(), ask(1, withdrawal_ids=("WD-404",))) == StepUp(2)
        assert FACTS["royalty_withdrawal_status"](account(), ask(1, withdrawal_ids=("WD-1",))) == StepUp(2)

    def test_what_is_under_way_comes_before_what_has_ended(self):
        newer = replace(self.ONE, id="WD-8", requested_on=date(2026, 4, 10))
        sent = replace(self.ONE, id="WD-6", status="sent", paid_on=None, expected_on=date(2026, 4, 20))
        assert told("royalty_withdrawal_status", self.with_(self.ONE, newer, sent), ask())["withdrawal_id"] == "WD-6"
        assert told("royalty_withdrawal_status", self.with_(self.ONE, newer), ask())["withdrawal_id"] == "WD-8"

    def test_late_is_for_a_person(self):
        late = replace(self.ONE, status="sent", paid_on=None, expected_on=date(2026, 4, 15))
        assert held("royalty_withdrawal_status", self.with_(late)) == "withdrawal_late"

    def test_returned_twice_is_for_a_person(self):
        back = replace(self.ONE, status="returned", paid_on=None)
        assert told("royalty_withdrawal_status", self.with_(back), ask())["state"] == "returned"
        assert held("royalty_withdrawal_status", self.with_(back, replace(back, id="WD-9"))) == "withdrawal_returned"

    def test_none(self):
        assert told("royalty_withdrawal_status", self.with_(), ask())["state"] == "none"
        assert held("royalty_withdrawal_status", full(), ask(withdrawal_ids=("WD-404",))) == "withdrawal_not_found"
