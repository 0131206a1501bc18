"""Which declines may be tried again, and when: the table, and the days."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from inbox.accounts.declines import HARD_DECLINES, TABLE, TRY_DAYS, decline_of, next_try

DAY = date(2026, 3, 11)


def test_the_plan_is_six_tries_in_fourteen_days():
    assert TRY_DAYS == (0, 1, 3, 5, 8, 12)


def test_a_soft_decline_is_tried_on_days_1_3_5_8_12_and_no_more():
    days = [next_try(DAY, made, "insufficient_funds") for made in range(1, 8)]
    assert days == [*(DAY + timedelta(days=n) for n in (1, 3, 5, 8, 12)), None, None]


@pytest.mark.parametrize("code", sorted(HARD_DECLINES))
def test_a_hard_decline_is_never_tried_again(code):
    assert [next_try(DAY, made, code) for made in range(7)] == [None] * 7


def test_a_code_nobody_knows_is_not_tried_and_not_called_hard():
    assert decline_of("brand_new_code").kind == "unknown"
    assert decline_of("").kind == "unknown"
    assert next_try(DAY, 1, "brand_new_code") is None


def test_a_bank_debit_is_presented_at_most_twice_again():
    assert [next_try(DAY, made, "R01") is not None for made in (1, 2, 3)] == [True, True, False]
    assert decline_of("r07").kind == "hard"


def test_no_code_is_both():
    assert {decline_of(code).kind == kind for code, kind in TABLE.items()} == {True}
    assert {"soft", "hard"} == set(TABLE.values())


@pytest.mark.parametrize("made", [0, -1])
def test_a_number_of_tries_that_cannot_be_gives_no_day(made):
    assert next_try(DAY, made, "do_not_honor") is None
