"""What to do with one message: the bot's whole judgement, pure. ``triage`` gathers the situation and carries it out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from inbox.accounts import dues
from inbox.accounts.base import Account
from inbox.accounts.facts import FACTS, Ask, Fact, FactSheet, Held, StepUp, needed_level, sheet
from inbox.errors import MissingFact
from inbox.intents.understanding import DISPUTES, Finding, Understanding
from inbox.message import ChannelName, Route, Severity
from inbox.money import Money
from inbox.settings import Rules

CodeOutcome = Literal["", "right", "wrong", "expired", "locked", "none"]
Keyword = Literal["", "stop", "start", "help"]
ANSWERS_IN_ONE_REPLY = 3
CLARIFY_BEFORE_PERSON = 2

#: The answer of an intent where it has another name.
ANSWER_OF: Mapping[str, str] = {"thanks": "thanks", "greeting": "greeting"}
#: Handoff reasons after which nothing about money is said, and the acknowledgement that fits each.
SILENT_REASONS: Mapping[str, str] = {
    "vulnerability_self_harm": "crisis",
    "estate": "handoff_bereavement",
    "bankruptcy": "handoff_high",
    "legal_representation": "handoff_high",
}
#: Account flags that a handoff reason sets, so that every channel stops its reminders.
FLAG_OF: Mapping[str, str] = {
    "vulnerability_self_harm": "self_harm_cue",
    "estate": "deceased_reported",
    "bankruptcy": "bankruptcy",
    "legal_representation": "attorney_represented",
    "hardship": "hardship",
}
#: Why collections pause, by handoff reason.
HOLD_OF: Mapping[str, str] = {
    **dict.fromkeys(
        ("chargeback", "chargeback_threat", "double_charge", "refund_request", "unrecognised_charge", "wrong_amount",
         "complaint", "chargeback_withdrawal"),
        "dispute_open",
    ),
    "hardship": "hardship_review", "bankruptcy": "bankruptcy", "legal_representation": "attorney_represented",
    "estate": "deceased_reported", "vulnerability_self_harm": "self_harm_cue", "promise_beyond_window": "promise_running",
}  # fmt: skip
_SECURITY_ANSWER: Mapping[str, str] = {
    "third_party_disclosure_attempt": "refusal_third_party",
    "code_request": "refusal_code_request",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    number: int
    claimed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision may rest on. ``account`` is the sender's, if exactly one is known, at whatever level."""

    read: Understanding
    channel: ChannelName
    level: int
    now: datetime
    account: Account | None = None
    rules: Rules = field(default_factory=Rules)
    case: CaseView | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    topic: str = ""
    code: CodeOutcome = ""
    code_left: int = 0  # tries
    fresh_code: bool = False  # a right code came with this message
    purpose: str = "read"  # what the right code was asked for
    keyword: Keyword = ""
    contact_given: bool = False  # an address to send a code to stands in the message
    masked: frozenset[str] = frozenset()
    wants_person: bool = False  # pressed 0 or said so

    @property
    def today(self) -> date:
        zone = ZoneInfo(self.account.timezone) if self.account and self.account.timezone else None
        return (self.now.astimezone(zone) if zone else self.now).date()

    @property
    def ask(self) -> Ask:
        return Ask(
            entities=self.read.entities,
            today=self.today,
            now=self.now,
            level=self.level,
            rules=self.rules,
            text=self.read.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer with its facts; links among the answer's facts are made when it is carried out."""

    answer: str
    facts: FactSheet = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to do besides replying: ``opt_out``, ``promise``, ``security_event``, ``withdrawal``, ..."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person is needed: why, how urgently, and about what."""

    reason: str
    severity: Severity
    words: str
    invoice_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    hold: str = ""
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    route: Route
    kind: str  # facts otp_prompt otp_retry link clarify confirm handoff refusal optout_confirm policy ack silent
    reason: str
    intents: tuple[str, ...] = ()
    severity: Severity = Severity.LOW
    replies: tuple[Reply, ...] = ()
    effects: tuple[Effect, ...] = ()
    person: Person | None = None
    code_for: str = ""  # send a one-time code for this purpose
    awaiting: Mapping[str, Any] = field(default_factory=dict)
    resolve: bool = False
    confirmation: bool = False  # the one message that may follow an opt-out


def decide(s: Situation) -> Decision:
    """The decision for one message. The order is the safety order: what must never be missed comes first."""
    if s.keyword:
        return _keyword(s)
    if s.case is not None and s.case.claimed:
        return _forward(s)
    if s.code in ("wrong", "expired", "locked"):
        return _code_refused(s)
    if s.wants_person:
        return _hand_over(s, Person(reason="speak_to_human", severity=Severity.NORMAL, words="asks for a person"))
    if s.read.asks_if_bot and s.case is not None and s.case.reason in SILENT_REASONS:
        return _disclose()
    route = s.read.route
    if route is Route.IGNORE:
        return Decision(route=route, kind="silent", reason=s.read.reason, intents=s.read.intents)
    if route is Route.VERIFY_FIRST:
        return _verify_first(s)
    if route is Route.ESCALATE:
        return _escalate(s)
    if s.case is not None and s.case.reason in SILENT_REASONS:
        return _hand_over(s, Person(reason=s.case.reason, severity=Severity.HIGH, words="writes again"))
    if route is Route.CLARIFY:
        return _clarify(s)
    return _answer(s)


# -- keywords, people, codes


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


def _forward(s: Situation) -> Decision:
    """A person has the conversation: the bot is silent; an opt-out counts all the same. What is said belongs to the case."""
    effects = tuple(e for e in _opt_out_effects(s) if e.kind in ("opt_out", "preference"))
    return Decision(
        route=Route.ESCALATE, kind="silent", reason="a person has the conversation",
        intents=(s.topic,) if s.topic in DISPUTES else s.read.intents,
        severity=s.read.severity, effects=effects,
    )  # fmt: skip


def _code_refused(s: Situation) -> Decision:
    answer = {"wrong": "code_wrong", "expired": "code_expired", "locked": "code_locked"}[s.code]
    left = {"tries_left": Fact("tries_left", s.code_left, "verification", s.now)} if s.code == "wrong" else {}
    return Decision(
        route=Route.ANSWER, kind="refusal" if s.code == "locked" else "otp_retry", reason=f"code {s.code}",
        intents=tuple(s.context.get("intents", ())), replies=(Reply(answer=answer, facts=left),),
        awaiting=s.context if s.code == "wrong" else {},
    )  # fmt: skip


def _disclose() -> Decision:
    return Decision(
        route=Route.ESCALATE, kind="handoff", reason="asks whether this is a machine", intents=("speak_to_human",),
        severity=Severity.HIGH, replies=(Reply(answer="bot_disclosure"),),
    )  # fmt: skip


def _verify_first(s: Situation) -> Decision:
    """The sender or the destination of money is in doubt: nothing is disclosed, nothing changes."""
    finding = _first(s.read.findings, Route.VERIFY_FIRST)
    reason = finding.case_reason if finding else ""
    if s.level >= 2 and reason in ("payout_destination_change", "contact_change"):
        person = Person(reason=reason, severity=Severity.HIGH, words=finding.reason if finding else "")
        return replace(_hand_over(s, person), route=Route.VERIFY_FIRST, intents=s.read.intents)
    kind = _security_kind(finding)
    about = ("account_balance",) if kind == "third_party_disclosure_attempt" else ()
    return Decision(
        route=Route.VERIFY_FIRST, kind="refusal", reason=finding.reason if finding else s.read.reason,
        intents=s.read.intents or about, severity=s.read.severity,
        replies=(Reply(answer=_SECURITY_ANSWER.get(kind, "refusal_security")),),
        effects=(Effect("security_event", {"kind": kind, "why": finding.reason if finding else ""}), *_opt_out_effects(s)),
    )  # fmt: skip


def _security_kind(finding: Finding | None) -> str:
    """Third party, injection or impersonation: the word for the security record."""
    if finding is None:
        return "impersonation"
    name = finding.guard
    if "third_party" in name or finding.case_reason == "third_party":
        return "third_party_disclosure_attempt"
    if "code" in name:
        return "code_request"
    if "inject" in name or "cross_account" in name:
        return "prompt_injection"
    return "impersonation"


# -- a person must act


def _escalate(s: Situation) -> Decision:
    finding = _first(s.read.findings, Route.ESCALATE)
    intent = next((i for i in s.read.intents if i in DISPUTES or i in _ALWAYS_PERSON), "")
    reason = (finding.case_reason if finding else "") or _REASON_OF_INTENT.get(intent, "speak_to_human")
    person = Person(
        reason=reason, severity=s.read.severity, words=finding.reason if finding else s.read.reason, hold=HOLD_OF.get(reason, "")
    )  # fmt: skip
    decision = _hand_over(s, person)
    if s.read.asks_if_bot:
        decision = replace(decision, replies=(Reply(answer="bot_disclosure"), *decision.replies))
    if reason in SILENT_REASONS or reason == "hardship":
        return decision
    return replace(decision, replies=(*decision.replies, *_harmless_part(s)))


_ALWAYS_PERSON = frozenset({"speak_to_human", "cancel_service", "hardship"})
_REASON_OF_INTENT: Mapping[str, str] = {
    "refund_request": "refund_request", "chargeback": "chargeback", "unrecognised_charge": "unrecognised_charge",
    "double_charge": "double_charge", "wrong_amount": "wrong_amount", "complaint": "complaint",
    "speak_to_human": "speak_to_human", "cancel_service": "cancel_service", "hardship": "hardship",
}  # fmt: skip


def _hand_over(s: Situation, person: Person) -> Decision:
    """The case, its contested items, and the one acknowledgement: no fault, no promise, a number and a time."""
    person = _about(s, person)
    effects = list(_opt_out_effects(s))
    if flag := FLAG_OF.get(person.reason):
        effects.append(Effect("flag", {"flag": flag}))
    if person.reason in SILENT_REASONS:
        answer = SILENT_REASONS[person.reason]
    elif s.case is not None:
        answer = "handoff_append"
    elif person.reason == "hardship":
        answer = "handoff_hardship"
    elif person.reason == "privacy_request":
        answer = "privacy_received"
    else:
        answer = "handoff_high" if person.severity is Severity.HIGH else "handoff"
    if s.case is not None and person.reason in SILENT_REASONS and s.case.reason == person.reason:
        answer = "crisis" if person.reason == "vulnerability_self_harm" else "handoff_append"
    return Decision(
        route=Route.ESCALATE, kind="handoff", reason=person.words, intents=s.read.intents, severity=person.severity,
        person=person, replies=(Reply(answer=answer),), effects=tuple(effects),
    )  # fmt: skip


def _about(s: Situation, person: Person) -> Person:
    """Which invoices and payments it is about: those named, else those the record singles out."""
    e = s.read.entities
    invoices = [i for i in e.invoice_ids if s.account and s.account.invoice(i)]
    payments = [p.id for p in s.account.payments if p.id in e.payment_ids] if s.account else []
    if s.account is not None and not invoices and not payments and person.hold == "dispute_open":
        found = _singled_out(s.account, person.reason, e.amounts)
        invoices, payments = list(found[0]), list(found[1])
    return replace(person, invoice_ids=tuple(invoices), payment_ids=tuple(payments), amounts=e.amounts)


def _singled_out(account: Account, reason: str, amounts: tuple[Money, ...]) -> tuple[Iterable[str], Iterable[str]]:
    captured = [p for p in account.payments if p.status in ("succeeded", "pending")]
    if amounts:
        captured = [p for p in captured if p.amount in amounts] or captured
        named = [i.id for i in account.invoices if i.total in amounts or i.balance in amounts]
        if named and reason != "double_charge":
            return named, [p.id for p in captured if p.invoice_id in named]
    if reason == "double_charge":
        by_invoice: dict[str, list[str]] = {}
        for payment in captured:
            by_invoice.setdefault(payment.invoice_id, []).append(payment.id)
        twice = {k: v for k, v in by_invoice.items() if len(v) > 1}
        return twice.keys(), [p for ids in twice.values() for p in ids]
    still_open = [i.id for i in account.invoices if i.balance]
    return (still_open, ()) if len(still_open) == 1 else ((), ())


def _harmless_part(s: Situation) -> tuple[Reply, ...]:
    """The routine question in the same message may be answered, if no more proof is needed for it."""
    if s.account is None:
        return ()
    found = []
    for intent in s.read.intents:
        if intent in FACTS and needed_level(intent, s.read.entities) <= s.level:
            outcome = _facts(intent, s)
            if not isinstance(outcome, (Held, StepUp)):
                found.append(Reply(answer=intent, facts=outcome))
    return tuple(found[:1])


# -- doubt


def _clarify(s: Situation) -> Decision:
    if "promise_to_pay" in s.read.intents:
        return Decision(
            route=Route.CLARIFY, kind="clarify", reason="a promise without a date", intents=("promise_to_pay",),
            replies=(Reply(answer="promise_ask_date"),), awaiting={"awaiting": "promise_date", "intents": ["promise_to_pay"]},
        )  # fmt: skip
    misses = int(s.context.get("misses", 0))
    if misses >= CLARIFY_BEFORE_PERSON:
        return _hand_over(
            s,
            Person(reason="not_understood", severity=Severity.NORMAL, words="still not understood after two questions"),
        )
    options = tuple(dict.fromkeys(c.intent for c in s.read.candidates if c.intent in _OFFERED and c.score >= 0.3))[:3]
    facts = {"options": Fact("options", options, "catalogue", s.now)}
    reply = Reply(answer="clarify", facts=facts) if len(options) >= 2 else Reply(answer="clarify_open")
    return Decision(
        route=Route.CLARIFY, kind="clarify", reason=s.read.reason, intents=s.read.intents, replies=(reply,),
        awaiting={"awaiting": "clarify", "options": list(options), "misses": misses + 1},
    )  # fmt: skip


_OFFERED = frozenset(FACTS)


# -- answers


def _answer(s: Situation) -> Decision:
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
    base = Decision(route=Route.ANSWER, kind="policy", reason=s.read.reason, intents=(intent,))
    if intent == "opt_out":
        effects = _opt_out_effects(s)
        stored = any(e.kind == "preference" for e in effects)
        answer = "preference_stored" if stored else "opt_out_confirmed"
        return replace(
            base, kind="ack" if stored else "optout_confirm", effects=effects, replies=(Reply(answer=answer, facts=_words(s)),)
        )  # fmt: skip
    if intent == "promise_to_pay":
        return _promise(s)
    if intent == "payment_plan" and s.account is None and not _asks_own(s):
        return replace(base, replies=(Reply(answer="payment_plan_policy"),))
    if intent in FACTS:
        return _from_record(s, intent)
    if intent in ("thanks", "greeting"):
        return replace(base, kind="ack", replies=(Reply(answer=intent),))
    if intent == "payment_methods_accepted":
        return replace(base, replies=(Reply(answer=intent),))
    if intent == "refund_request":
        return replace(base, replies=(Reply(answer="refund_policy"),))
    if intent == "out_of_scope":
        return replace(base, replies=(Reply(answer="out_of_scope"),))
    if s.read.asks_if_bot:
        return replace(base, kind="ack", replies=(Reply(answer="bot_disclosure"),))
    return _clarify(s)


def _asks_own(s: Situation) -> bool:
    return bool(s.read.entities.invoice_ids or s.read.entities.month or s.read.entities.ordinal)


def _from_record(s: Situation, intent: str) -> Decision:
    """A figure from the account, or the step that is missing before it may be told."""
    if s.account is None or s.level < needed_level(intent, s.read.entities):
        return _step_up(s, intent)
    outcome = _facts(intent, s)
    if isinstance(outcome, StepUp):
        return _step_up(s, intent)
    if isinstance(outcome, Held):
        withheld = (f"{intent}: {outcome.text}",)
        hold = HOLD_OF.get(outcome.reason, "")
        return _hand_over(
            s, Person(reason=outcome.reason, severity=Severity.NORMAL, words=outcome.text, withheld=withheld, hold=hold)
        )  # fmt: skip
    if intent == "royalty_withdrawal":
        return _withdraw(s, outcome)
    kind = "link" if intent in ("make_payment", "update_payment_method") and not _is_told(outcome) else "facts"
    return Decision(
        route=Route.ANSWER, kind="ack" if intent == "invoice_copy" else kind, reason=s.read.reason, intents=(intent,),
        replies=(Reply(answer=intent, facts=outcome),),
    )  # fmt: skip


def _is_told(facts: FactSheet) -> bool:
    return "nothing_due" in facts and bool(facts["nothing_due"].value)


def _facts(intent: str, s: Situation) -> FactSheet | Held | StepUp:
    assert s.account is not None
    try:
        return FACTS[intent](s.account, s.ask)
    except MissingFact as missing:
        return Held("missing_fact", str(missing))


def _withdraw(s: Situation, facts: FactSheet) -> Decision:
    """Eligible and freshly proven: do it, once. Eligible: ask for a fresh code. Else say what stands in the way."""
    if facts["state"].value != "eligible":
        effects = (Effect("hold_payout", {}),) if facts["state"].value == "hold" else ()
        return Decision(
            route=Route.ANSWER, kind="link" if facts["state"].value == "tax_form" else "facts", reason=s.read.reason,
            intents=("royalty_withdrawal",), replies=(Reply(answer="royalty_withdrawal", facts=facts),), effects=effects,
        )  # fmt: skip
    if not (s.fresh_code and s.purpose == "withdraw"):
        return Decision(
            route=Route.ANSWER, kind="otp_prompt", reason="a withdrawal needs a fresh code", intents=("royalty_withdrawal",),
            code_for="withdraw",
        )  # fmt: skip
    return Decision(
        route=Route.ANSWER, kind="facts", reason="confirmed by a fresh code", intents=("royalty_withdrawal",),
        replies=(Reply(answer="royalty_withdrawal_done", facts=facts),),
        effects=(Effect("withdrawal", {"amount": facts["amount"].value, "destination": facts["destination"].value}),),
    )  # fmt: skip


def _step_up(s: Situation, intent: str) -> Decision:
    """Prove more first. An unknown sender names a contact on file; the words never tell whether it is known."""
    if s.account is None and not s.contact_given and s.channel != "voice":
        return Decision(
            route=Route.ANSWER, kind="otp_prompt", reason="unknown sender asks for account data", intents=(intent,),
            replies=(Reply(answer="ask_contact"),), awaiting={"awaiting": "contact"},
        )  # fmt: skip
    return Decision(
        route=Route.ANSWER, kind="otp_prompt", reason="needs a one-time code", intents=(intent,), code_for="read"
    )


# -- promises and opt-outs


def _promise(s: Situation) -> Decision:
    """A promise within the house's limits is stored and read back; anything beyond is a person's."""
    if s.account is None or s.level < 1:
        return _step_up(s, "promise_to_pay")
    if not s.read.entities.dates:
        if any(p.status == "open" for p in s.account.promises):
            return _read_back(s)
        return _clarify(s)
    on = s.read.entities.dates[0]
    broken = [p for p in s.account.promises if p.status == "broken" and s.today - p.on <= timedelta(days=90)]
    if len(broken) >= s.rules.promises_broken_limit:
        return _promise_to_person(s, "promise_broken_twice", "two promises were broken in 90 days", on)
    if on > s.today + timedelta(days=s.rules.promise_days):
        return _promise_to_person(s, "promise_beyond_window", f"offers to pay on {on:%B} {on.day}, {on}", on)
    due = dues.current_due(dues.unpaid(s.account), s.today)
    if due is None or on < s.today:
        return _clarify(replace(s, read=replace(s.read, intents=())))
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
    decision = _hand_over(s, Person(reason=reason, severity=Severity.NORMAL, words=words, hold=HOLD_OF.get(reason, "")))
    assert decision.person is not None
    about = replace(
        decision.person, invoice_ids=(due.invoice.id,) if due else (), amounts=(due.amount,) if due else (),
        withheld=(f"no agreement to {on}",),
    )  # fmt: skip
    return replace(decision, person=about, intents=("promise_to_pay",))


def _read_back(s: Situation) -> Decision:
    outcome = _facts("promise_status", s)
    if isinstance(outcome, (Held, StepUp)):
        return _clarify(s)
    return Decision(
        route=Route.ANSWER, kind="facts", reason="reads back the open promise", intents=("promise_to_pay",),
        replies=(Reply(answer="promise_status", facts=outcome),),
    )  # fmt: skip


def _opt_out_effects(s: Situation) -> tuple[Effect, ...]:
    """An opt-out is stored whatever else the message says; hours and days are a preference, not an opt-out."""
    if "opt_out" not in s.read.intents:
        return ()
    preference = any("preference" in f.guard for f in s.read.findings) or bool(s.read.entities.times)
    return (Effect("preference" if preference else "opt_out", {"words": s.read.text}),)


def _words(s: Situation) -> FactSheet:
    times = s.read.entities.times
    values = {"not_before": times[0] if times else None, "not_after": times[1] if len(times) > 1 else None}
    return {k: Fact(k, v, "message", s.now) for k, v in values.items() if v is not None}


def _first(findings: Iterable[Finding], route: Route) -> Finding | None:
    return next((f for f in findings if f.route is route), None)
