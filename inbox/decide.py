"""What to do with one message: the bot's whole judgement, pure. ``triage`` gathers the situation and carries it out."""

from __future__ import annotations

from dataclasses import replace

from inbox.accounts.facts import Fact, Held, StepUp
from inbox.deciding import plans
from inbox.deciding.answering import answer
from inbox.deciding.doubt import clarify
from inbox.deciding.figures import facts
from inbox.deciding.payouts import confirmed, names_amount
from inbox.deciding.people import (
    ask_which,
    disclose,
    escalate,
    forward,
    hand_over,
    is_about_another,
    verify_first,
)
from inbox.deciding.situation import (
    HOLD_OF,
    SILENT_REASONS,
    CaseView,
    CodeOutcome,
    Decision,
    Effect,
    Person,
    Reply,
    Situation,
)
from inbox.disclosure.levels import CODE_LEVEL
from inbox.intents.keywords import Keyword
from inbox.intents.understanding import NEEDS_PERSON
from inbox.message import Route, Severity

__all__ = [
    "HOLD_OF",
    "CaseView",
    "CodeOutcome",
    "Decision",
    "Effect",
    "Keyword",
    "Person",
    "Reply",
    "Situation",
    "decide",
]


def decide(s: Situation) -> Decision:
    """The decision for one message. The order is the safety order: what must never be missed comes first."""
    if s.keyword:
        return _keyword(s)
    if s.case is not None and s.case.claimed:
        return forward(s)
    if s.code in ("wrong", "expired", "locked"):
        return _code_refused(s)
    if s.wants_person:
        return hand_over(s, Person(reason="speak_to_human", severity=Severity.NORMAL, words="asks for a person"))
    if s.fresh_code and s.purpose == "withdraw" and "amount" in s.context:
        return confirmed(s)
    if s.read.asks_if_bot and s.case is not None and s.case.reason in SILENT_REASONS:
        return disclose()
    route = s.read.route
    if route is Route.IGNORE:
        closes = s.read.intents == ("thanks",) and s.case is None and not s.context.get("awaiting")
        return Decision(route=route, kind="silent", reason=s.read.reason, intents=s.read.intents, resolve=closes)
    if s.authority is not None or s.recorded:
        return _for_another(s)
    if s.which_account:
        return ask_which(s)
    return _routed(s, route)


def _for_another(s: Situation) -> Decision:
    """Somebody with an authorisation on record: that they speak for the author is settled, everything else is not."""
    left = tuple(f for f in s.read.findings if not is_about_another(f))
    settled = replace(s, read=replace(s.read, findings=left))
    route = s.read.route
    if route is Route.VERIFY_FIRST and not any(f.route is Route.VERIFY_FIRST for f in left):
        route = _without_doubt(settled)
    decision = _routed(settled, route)
    told = any(r.facts for r in decision.replies) and decision.kind in ("facts", "link", "ack")
    if s.authority is None or not told:
        return decision
    return replace(decision, replies=(Reply(answer="authority_preface"), *decision.replies))


def _routed(s: Situation, route: Route) -> Decision:
    if route is Route.VERIFY_FIRST and _is_proven(s):
        route = _without_doubt(s)
    if route is Route.VERIFY_FIRST:
        return verify_first(s)
    if route is Route.ESCALATE and not s.read.findings and _is_settled_by_limits(s):
        return answer(s)  # the limits decide; beyond them the case tells what was asked for
    if route is Route.ESCALATE and _is_authorisation_only(s):
        return answer(replace(s, read=replace(s.read, intents=("payment_status",), findings=())))
    if route is Route.ESCALATE:
        return escalate(s)
    if s.case is not None and s.case.reason in SILENT_REASONS:
        return hand_over(s, Person(reason=s.case.reason, severity=Severity.HIGH, words="writes again"))
    if names_amount(s):
        return answer(replace(s, read=replace(s.read, intents=("royalty_withdrawal",))))
    if route is Route.CLARIFY:
        return clarify(s)
    return answer(s)


def _is_authorisation_only(s: Situation) -> bool:
    """What looks like a second payment is a young authorisation on record, and nothing else is contested: that is explained
    once to who asks (playbook section 3). Whoever claims it, writes of it again or is not proven gets a person.
    """
    contested = {i for i in s.read.intents if i in NEEDS_PERSON} | {f.intent for f in s.read.findings}
    claims = bool(s.read.findings) and "?" not in s.read.text
    if (
        claims
        or contested != {"double_charge"}
        or s.account is None
        or s.level < CODE_LEVEL
        or s.topic == "payment_status"
        or s.case
    ):
        return False
    told = facts("payment_status", s)
    return (
        not isinstance(told, (Held, StepUp)) and "duplicate_pending" in told and bool(told["duplicate_pending"].value)
    )


def _is_settled_by_limits(s: Situation) -> bool:
    """A promise, or a change of a plan: the bot agrees within the house's limits."""
    intents = s.read.intents
    if intents[:1] == ("promise_to_pay",):
        return True
    wished = plans.INTENT in intents and bool(s.read.wishes & plans.WISHES)
    return wished and not any(i in NEEDS_PERSON for i in intents)


def _is_proven(s: Situation) -> bool:
    """No guard names a doubt, the message only looks like one, and the sender has proven to be the author."""
    return s.level >= 2 and not any(f.route is Route.VERIFY_FIRST for f in s.read.findings)


def _without_doubt(s: Situation) -> Route:
    """Where the message goes once its sender is not in doubt: a dispute still reaches a person."""
    alarmed = any(f.route is Route.ESCALATE for f in s.read.findings)
    if alarmed or any(i in NEEDS_PERSON for i in s.read.intents):
        return Route.ESCALATE
    return Route.ANSWER if s.read.intents else Route.CLARIFY


def _keyword(s: Situation) -> Decision:
    if s.keyword == "stop":
        return Decision(
            route=Route.ANSWER, kind="optout_confirm", reason="STOP keyword", intents=("opt_out",),
            replies=(Reply(answer="opt_out_confirmed"),), effects=(Effect("opt_out"),), confirmation=True,
        )  # fmt: skip
    if s.keyword == "start":
        return Decision(
            route=Route.ANSWER, kind="ack", reason="START keyword", replies=(Reply(answer="opt_in_confirmed"),),
            effects=(Effect("opt_in"),), confirmation=True,
        )  # fmt: skip
    return Decision(
        route=Route.ANSWER,
        kind="policy",
        reason="HELP keyword",
        replies=(Reply(answer="help_keyword"),),
        confirmation=True,
    )


def _code_refused(s: Situation) -> Decision:
    answer = {"wrong": "code_wrong", "expired": "code_expired", "locked": "code_locked"}[s.code]
    told = {"wrong": {"tries_left": s.code_left}, "locked": {"minutes": s.code_minutes}}.get(s.code, {})
    facts = {name: Fact(name, value, "verification", s.now) for name, value in told.items()}
    return Decision(
        route=Route.ANSWER, kind="refusal" if s.code == "locked" else "otp_retry", reason=f"code {s.code}",
        intents=tuple(s.context.get("intents", ())), replies=(Reply(answer=answer, facts=facts),),
        awaiting=s.context if s.code == "wrong" else {},
    )  # fmt: skip
