"""The table of moves: nothing leads back, a release goes on where it stopped."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.errors import Conflict
from inbox.payouts.states import MOVES, REPORTED, STATES, STILL_HERE, check_move, may_move

RANK = {"requested": 0, "in_review": 1, "sent": 2, "paid": 3, "returned": 4}


def test_every_state_is_in_the_table():
    assert set(MOVES) == set(STATES)
    assert set().union(*MOVES.values()) == set(STATES)


@settings(max_examples=500, deadline=None, database=None)
@given(st.lists(st.sampled_from(STATES), max_size=12))
def test_no_walk_leads_back(wished):
    """Whatever is tried in whatever order, the states outside a hold only ever grow."""
    state, held_from, reached = "requested", "", 0
    for wish in wished:
        if not may_move(state, wish, held_from):
            with pytest.raises(Conflict):
                check_move("WD-1", state, wish, held_from)
            continue
        check_move("WD-1", state, wish, held_from)
        held_from = state if wish == "held" else ""
        state = wish
        if state != "held":
            assert RANK[state] >= reached
            reached = RANK[state]


@pytest.mark.parametrize("after", STATES)
def test_what_came_back_is_over(after):
    assert not may_move("returned", after)


@pytest.mark.parametrize(("held_from", "to", "may"), [
    ("requested", "requested", True), ("requested", "in_review", False), ("in_review", "in_review", True),
    ("in_review", "requested", False), ("requested", "sent", False), ("in_review", "paid", False),
    ("requested", "returned", True),
])  # fmt: skip
def test_a_release_goes_on_where_it_stopped(held_from, to, may):
    assert may_move("held", to, held_from) is may


def test_money_that_left_is_not_held():
    assert {s for s in STATES if "held" in MOVES[s]} == STILL_HERE - {"held"}
    assert set(REPORTED) < set(STATES)


@pytest.mark.parametrize(("before", "after", "words"), [
    ("paid", "sent", "going back to sent is not possible"), ("held", "sent", "release it first"),
    ("requested", "paid", "cannot become paid"), ("requested", "gone", "a withdrawal is one of"),
])  # fmt: skip
def test_refusals_say_why(before, after, words):
    with pytest.raises(Conflict, match=words):
        check_move("WD-1", before, after)
