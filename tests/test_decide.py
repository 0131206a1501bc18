"""What becomes of a doubt that no guard names, once the sender has proven to be the author."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inbox.decide import Situation, decide
from inbox.intents.understanding import Finding, Understanding
from inbox.message import Route

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)


def situation(level: int, intents: tuple[str, ...], *findings: Finding) -> Situation:
    read = Understanding(text="words", language="en", intents=intents, findings=findings, route=Route.VERIFY_FIRST)
    return Situation(read=read, channel="chat", level=level, now=NOW)


def finding(route: Route) -> Finding:
    return Finding(guard="some.rule", route=route, reason="heard something")


@pytest.mark.parametrize("intent", ["refund_request", "double_charge", "speak_to_human", "hardship"])
def test_a_proven_authors_dispute_reaches_a_person(intent: str) -> None:
    decision = decide(situation(2, (intent,)))
    assert decision.route is Route.ESCALATE
    assert decision.person is not None


def test_so_does_what_a_guard_heard() -> None:
    decision = decide(situation(2, ("account_balance",), finding(Route.ESCALATE)))
    assert decision.person is not None


def test_a_named_doubt_stands_and_an_unproven_sender_hears_nothing() -> None:
    assert decide(situation(2, ("account_balance",), finding(Route.VERIFY_FIRST))).route is Route.VERIFY_FIRST
    assert decide(situation(0, ("account_balance",))).route is Route.VERIFY_FIRST


def test_a_proven_authors_routine_question_is_answered() -> None:
    assert decide(situation(2, ("payment_methods_accepted",))).route is Route.ANSWER
    assert decide(situation(2, ())).route is Route.CLARIFY
