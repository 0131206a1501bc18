"""Who may be paid out: each bar, the hold to the second, and amounts that always add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.accounts.base import Dispute, Withdrawal
from inbox.accounts.facts import FACTS, Ask, Held, plain
from inbox.intents.understanding import Entities
from inbox.money import Money
from inbox.payouts.royalties import BAR_WORDS, CALLED_OFF, FOR_A_PERSON, bar, came_back, trouble
from tests.world import MARA, NOW

ROYALTIES = MARA.royalties
assert ROYALTIES is not None


def account(*, flags=(), disputes=(), **more):
    return replace(MARA, flags=flags, disputes=disputes, royalties=replace(ROYALTIES, **more))


BACK = Withdrawal(id="WD-5", amount=Money.of("60.00"), requested_on=date(2026, 3, 1), status="returned", changed_at=NOW)
COPIES = Dispute(id="D-9", invoice_id="", amount=Money.of("0.00"), reason="copies_disputed", opened_on=date(2026, 3, 1), status="under_review")  # fmt: skip


@pytest.mark.parametrize(("whole", "expected"), [
    (account(), ""),
    (account(flags=("fraud",)), "fraud"),
    (account(flags=("security_hold",)), "fraud"),
    (account(available=Money(-1)), "negative"),
    (account(flags=("copies_disputed",)), "copies_disputed"),
    (account(disputes=(COPIES,)), "copies_disputed"),
    (account(disputes=(replace(COPIES, status="closed"),)), ""),
    (account(withdrawals=(BACK,)), "returned"),
    (account(tax_form_status="missing"), "tax_form"),
    (account(tax_form_status="expired"), "tax_form"),
    (account(payout_method=""), "no_destination"),
    (account(hold_until=NOW + timedelta(seconds=1)), "payout_hold"),
    (account(hold_until=NOW + timedelta(microseconds=1)), "payout_hold"),
    (account(hold_until=NOW), ""),
    (account(hold_until=NOW - timedelta(seconds=1)), ""),
    (account(flags=("fraud",), tax_form_status="missing", hold_until=NOW + timedelta(days=1)), "fraud"),
    (replace(MARA, royalties=None), "no_destination"),
])  # fmt: skip
def test_what_stops_a_payout(whole, expected):
    assert bar(whole, NOW) == expected
    assert not expected or BAR_WORDS[expected]


def test_a_returned_payout_is_over_once_people_checked_the_method_or_a_later_one_arrived():
    returned = account(withdrawals=(BACK,))
    assert came_back(returned.royalties) == BACK
    assert came_back(account(withdrawals=(BACK,), payout_checked_at=NOW).royalties) is None
    assert came_back(account(withdrawals=(BACK,), payout_checked_at=NOW - timedelta(seconds=1)).royalties) == BACK
    later = replace(BACK, id="WD-6", status="paid", requested_on=date(2026, 3, 5))
    assert came_back(account(withdrawals=(BACK, later)).royalties) is None
    assert came_back(account(withdrawals=(replace(BACK, reason=CALLED_OFF),)).royalties) is None


def test_what_a_person_must_lift_goes_to_a_person():
    for whole in (account(flags=("fraud",)), account(available=Money(-1)), account(withdrawals=(BACK,))):
        held = told(whole, Entities())
        assert isinstance(held, Held)
        assert held.reason == FOR_A_PERSON[bar(whole, NOW)][0]


@settings(max_examples=400, deadline=None, database=None)
@given(st.integers(0, 10**9), st.integers(1, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_amounts_always_add_up(available, wanted, threshold, reserve):
    whole = account(available=Money(available), threshold=Money(threshold), returns_reserve=Money(reserve))
    facts = plain(told(whole, Entities(amounts=(Money(wanted),))))
    if facts["state"] == "eligible":
        assert threshold <= wanted <= available
        assert facts["amount"] == Money(wanted)
        assert facts["amount"] + facts["remaining"] == facts["available"] == Money(available)
    else:
        assert wanted > available or wanted < threshold
        assert facts["amount"] is None
        assert facts["remaining"] is None
    assert (facts["reserve"] or Money(0)) == Money(reserve)


def test_nothing_available_is_below_the_minimum_even_if_there_is_none():
    assert trouble(replace(ROYALTIES, available=Money(0), threshold=Money(0)), Money(0)) == "below_minimum"


def told(whole, entities):
    return FACTS["royalty_withdrawal"](whole, Ask(entities=entities, today=NOW.date(), now=NOW, level=2))
