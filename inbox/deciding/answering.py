"""Routine answers from the record and from policy, several in one reply. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from inbox.accounts.facts import FACTS, Fact, FactSheet, Held, StepUp
from inbox.deciding import plans
from inbox.deciding.doubt import clarify
from inbox.deciding.figures import facts, permitted, step_up
from inbox.deciding.payouts import withdraw
from inbox.deciding.people import hand_over, opt_out_effects, outside_scope
from inbox.deciding.promises import promise
from inbox.deciding.situation import (
    HOLD_OF,
    Decision,
    Effect,
    Person,
    Reply,
    Situation,
)
from inbox.disclosure.table import Act
from inbox.message import Route, Severity

ANSWERS_IN_ONE_REPLY = 3


def answer(s: Situation) -> Decision:
    if settled := plans.confirmed(s):
        return settled
    if plans.INTENT in s.read.intents and (proposed := plans.change(s)):
        return proposed
    replies: list[Reply] = []
    effects: list[Effect] = []
    kinds: list[str] = []
    extra: dict[str, Any] = {}
    for intent in _wanted(s) or ("clarify",):
        part = _one_answer(s, intent)
        if replies and (part.code_for or part.kind in ("clarify", "otp_prompt")):
            continue  # what can be answered now is answered; more proof is asked for when only that is left
        if part.person is not None or part.code_for or part.kind in ("clarify", "otp_prompt"):
            return replace(part, intents=s.read.intents)  # this comes first; the rest can wait
        replies += [r for r in part.replies if r not in replies]
        effects += part.effects
        kinds.append(part.kind)
        extra |= part.awaiting
    if "pan" in s.masked and not any(r.answer == "update_payment_method" for r in replies):
        replies.append(Reply(answer="card_masked"))
    intents = s.read.intents
    confirming = intents[:1] == ("opt_out",)
    if any(r.answer == "promise_status" for r in replies) and "amount_due" not in intents:
        intents = (*intents, "amount_due")  # reading the promise back says what is due and when
    closes = s.case is None and not _is_pending(s) and (set(intents) == {"thanks"} or _is_settled(s, replies))
    return Decision(
        route=Route.ANSWER, kind=kinds[0], reason=s.read.reason, intents=intents, severity=s.read.severity,
        replies=tuple(replies), effects=tuple(effects), awaiting=extra, resolve=closes, confirmation=confirming,
    )  # fmt: skip


def _wanted(s: Situation) -> tuple[str, ...]:
    """What one reply answers. Beside a question for the royalty balance nothing is paid out: one reply says both."""
    intents = s.read.intents[:ANSWERS_IN_ONE_REPLY]
    if "royalty_balance" in intents:
        intents = tuple(i for i in intents if i != "royalty_withdrawal")
    return intents


def _is_pending(s: Situation) -> bool:
    """A payment has not posted yet: the matter is not over, however kindly it is left."""
    return s.account is not None and any(p.status == "pending" for p in s.account.payments)


def _is_settled(s: Situation, replies: Iterable[Reply]) -> bool:
    """A payment was confirmed and nothing is left to pay: there is no next step."""
    paid = any(r.answer == "payment_status" for r in replies)
    return paid and s.account is not None and not s.account.outstanding and len(s.read.intents) == 1


def _one_answer(s: Situation, intent: str) -> Decision:
    """What the table permits for this part; the words that hold for everybody need no account."""
    if (
        s.read.asks_if_bot
        and intent not in FACTS
        and intent not in _SAID_TO_ALL
        and intent not in ("opt_out", "promise_to_pay")
    ):
        return Decision(
            route=Route.ANSWER, kind="ack", reason=s.read.reason, intents=(intent,), replies=(Reply(answer="bot_disclosure"),)
        )  # fmt: skip
    if intent == "clarify":
        return clarify(s)
    if intent == "refund_request":
        return _policy(s, intent)  # only the general question comes here; a wish is a person's
    match permitted(intent, s):
        case Act.REFUSE:
            return outside_scope(s, intent)
        case Act.DO:
            return _opt_out(s)
        case Act.POLICY:
            return _policy(s, intent)
        case Act.CASE:
            return clarify(s)  # the reader hands these over; here the words alone were not clear enough
        case Act.STEP_UP:
            return step_up(s, intent)
        case _:
            return promise(s) if intent == "promise_to_pay" else _from_record(s, intent)


#: Words that hold for everybody, by what was asked.
_SAID_TO_ALL = {
    "payment_plan": "payment_plan_policy", "payment_methods_accepted": "payment_methods_accepted",
    "refund_request": "refund_policy", "out_of_scope": "out_of_scope", "thanks": "thanks", "greeting": "greeting",
}  # fmt: skip


def _policy(s: Situation, intent: str) -> Decision:
    return Decision(
        route=Route.ANSWER, kind="ack" if intent in ("thanks", "greeting") else "policy", reason=s.read.reason,
        intents=(intent,), replies=(Reply(answer=_SAID_TO_ALL[intent]),),
    )  # fmt: skip


def _opt_out(s: Situation) -> Decision:
    effects = opt_out_effects(s)
    stored = any(e.kind == "preference" for e in effects)
    answer = "preference_stored" if stored else "opt_out_confirmed"
    return Decision(
        route=Route.ANSWER, kind="ack" if stored else "optout_confirm", reason=s.read.reason, intents=("opt_out",),
        effects=effects, replies=(Reply(answer=answer, facts=_words(s)),),
    )  # fmt: skip


def _from_record(s: Situation, intent: str) -> Decision:
    """A figure from the account, or the step that is missing before it may be told."""
    if s.account is None:
        return step_up(s, intent)
    outcome = facts(intent, s)
    if isinstance(outcome, StepUp):
        return step_up(s, intent)
    if isinstance(outcome, Held):
        withheld = (f"{intent}: {outcome.text}",)
        hold = HOLD_OF.get(outcome.reason, "")
        return hand_over(
            s, Person(reason=outcome.reason, severity=Severity.NORMAL, words=outcome.text, withheld=withheld, hold=hold)
        )  # fmt: skip
    if intent == "royalty_withdrawal":
        return withdraw(s, outcome)
    kind = "link" if intent in ("make_payment", "update_payment_method") and not _is_told(outcome) else "facts"
    return Decision(
        route=Route.ANSWER, kind="ack" if intent == "invoice_copy" else kind, reason=s.read.reason, intents=(intent,),
        replies=(Reply(answer=intent, facts=outcome),),
    )  # fmt: skip


def _is_told(facts: FactSheet) -> bool:
    return "nothing_due" in facts and bool(facts["nothing_due"].value)


def _words(s: Situation) -> FactSheet:
    times = s.read.entities.times
    values = {"not_before": times[0] if times else None, "not_after": times[1] if len(times) > 1 else None}
    return {k: Fact(k, v, "message", s.now) for k, v in values.items() if v is not None}
