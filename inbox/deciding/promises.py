"""Promises to pay: within the house's limits stored and read back, beyond them a person's. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from inbox.accounts import dues
from inbox.accounts.base import Promise
from inbox.accounts.facts import Held, StepUp, sheet
from inbox.deciding.doubt import clarify
from inbox.deciding.figures import facts, permitted, step_up
from inbox.deciding.people import hand_over
from inbox.deciding.situation import (
    HOLD_OF,
    Decision,
    Effect,
    Person,
    Reply,
    Situation,
)
from inbox.message import Route, Severity


def promise(s: Situation) -> Decision:
    """A promise within the house's limits is stored and read back; anything beyond is a person's."""
    if s.account is None or not permitted("promise_to_pay", s).tells:
        return step_up(s, "promise_to_pay")
    if s.account.doubt is not None:
        return hand_over(s, Person(reason=s.account.doubt.reason, severity=Severity.NORMAL, words=s.account.doubt.text))
    if not s.read.entities.dates:
        if running := [p for p in s.account.promises if p.status == "open"]:
            return _remind(running) if "remind" in s.read.wishes else _read_back(s)
        return clarify(s)
    on = s.read.entities.dates[0]
    broken = [p for p in s.account.promises if p.status == "broken" and s.today - p.on <= timedelta(days=90)]
    if len(broken) >= s.rules.promises_broken_limit:
        return _promise_to_person(s, "promise_broken_twice", "two promises were broken in 90 days", on)
    if on > s.today + timedelta(days=s.rules.promise_days):
        return _promise_to_person(s, "promise_beyond_window", f"offers to pay on {on:%B} {on.day}, {on}", on)
    due = dues.current_due(dues.unpaid(s.account), s.today)
    if due is None or on < s.today:
        return clarify(replace(s, read=replace(s.read, intents=())))
    amount = next((a for a in s.read.entities.amounts if 0 < a.minor <= due.invoice.balance.minor), due.amount)
    facts = sheet(s.account, due.invoice.id, amount=amount, on=on, invoice_id=due.invoice.id)
    return Decision(
        route=Route.ANSWER, kind="ack", reason="promise within the limits", intents=("promise_to_pay",),
        replies=(Reply(answer="promise_stored", facts=facts),),
        effects=(Effect("promise", {"amount": amount, "on": on, "invoice_id": due.invoice.id, "words": s.read.text}),),
    )  # fmt: skip


def _promise_to_person(s: Situation, reason: str, words: str, on: date) -> Decision:
    assert s.account is not None
    due = dues.current_due(dues.unpaid(s.account), s.today)
    decision = hand_over(s, Person(reason=reason, severity=Severity.NORMAL, words=words, hold=HOLD_OF.get(reason, "")))
    assert decision.person is not None
    about = replace(
        decision.person, invoice_ids=(due.invoice.id,) if due else (), amounts=(due.amount,) if due else (),
        withheld=(f"no agreement to {on}",),
    )  # fmt: skip
    return replace(decision, person=about, intents=("promise_to_pay",))


def _remind(running: Sequence[Promise]) -> Decision:
    """The author wants to be reminded of the promise that comes first."""
    first = min(running, key=lambda p: p.on)
    return Decision(
        route=Route.ANSWER, kind="ack", reason="wants a reminder of the promise", intents=("promise_to_pay",),
        replies=(Reply(answer="promise_reminder_set"),),
        effects=(Effect("promise_reminder", {"invoice_id": first.invoice_id}),),
    )  # fmt: skip


def _read_back(s: Situation) -> Decision:
    outcome = facts("promise_status", s)
    if isinstance(outcome, (Held, StepUp)):
        return clarify(s)
    return Decision(
        route=Route.ANSWER, kind="facts", reason="reads back the open promise", intents=("promise_to_pay",),
        replies=(Reply(answer="promise_status", facts=outcome),),
    )  # fmt: skip
