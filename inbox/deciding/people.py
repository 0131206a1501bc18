"""Where a person must act or the sender is in doubt: cases, acknowledgements, refusals. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from inbox.accounts.base import Account, Invoice
from inbox.accounts.facts import FACTS, Held, StepUp
from inbox.deciding.figures import facts, permitted
from inbox.deciding.situation import (
    FLAG_OF,
    HOLD_OF,
    SILENT_REASONS,
    Decision,
    Effect,
    Person,
    Reply,
    Situation,
)
from inbox.disclosure import table
from inbox.disclosure.table import Act
from inbox.intents.normalize import fold
from inbox.intents.understanding import DISPUTES, Finding
from inbox.message import Route, Severity
from inbox.money import Money

_SECURITY_ANSWER: Mapping[str, str] = {
    "third_party_disclosure_attempt": "refusal_third_party",
    "code_request": "refusal_code_request",
}


def forward(s: Situation) -> Decision:
    """A person has the conversation: the bot is silent; an opt-out counts all the same. What is said belongs to the case."""
    effects = tuple(e for e in opt_out_effects(s) if e.kind in ("opt_out", "preference"))
    return Decision(
        route=Route.ESCALATE, kind="silent", reason="a person has the conversation",
        intents=(s.topic,) if s.topic in DISPUTES else s.read.intents,
        severity=s.read.severity, effects=effects,
    )  # fmt: skip


def disclose() -> Decision:
    return Decision(
        route=Route.ESCALATE, kind="handoff", reason="asks whether this is a machine", intents=("speak_to_human",),
        severity=Severity.HIGH, replies=(Reply(answer="bot_disclosure"),),
    )  # fmt: skip


def verify_first(s: Situation) -> Decision:
    """The sender or the destination of money is in doubt: nothing is disclosed, nothing changes."""
    finding = _first(s.read.findings, Route.VERIFY_FIRST)
    reason = finding.case_reason if finding else ""
    if s.authority is None and reason in _CHANGES and table.permitted(reason, s.level, s.channel) is Act.CASE:
        person = Person(reason=reason, severity=Severity.HIGH, words=finding.reason if finding else "")
        return replace(hand_over(s, person), route=Route.VERIFY_FIRST, intents=s.read.intents)
    kind = _security_kind(finding)
    about = ("account_balance",) if kind == "third_party_disclosure_attempt" else ()
    asked = tuple(i for i in s.read.intents if i != "out_of_scope")  # whose account it is about is in doubt, not what
    return Decision(
        route=Route.VERIFY_FIRST, kind="refusal", reason=finding.reason if finding else s.read.reason,
        intents=asked or about or s.read.intents, severity=s.read.severity,
        replies=(Reply(answer=_SECURITY_ANSWER.get(kind, "refusal_security")),),
        effects=(Effect("security_event", {"kind": kind, "why": finding.reason if finding else ""}), *opt_out_effects(s)),
    )  # fmt: skip


_CHANGES = frozenset({"payout_destination_change", "contact_change"})


def outside_scope(s: Situation, intent: str) -> Decision:
    """An authorised person asks for more than their authorisation covers: nothing of it, and it is on record."""
    assert s.authority is not None
    why = f"{intent} is outside authorisation {s.authority.id}"
    return Decision(
        route=Route.VERIFY_FIRST, kind="refusal", reason=why, intents=(intent,), replies=(Reply(answer="authority_not_covered"),),
        effects=(Effect("security_event", {"kind": "authority_exceeded", "why": why}),),
    )  # fmt: skip


def ask_which(s: Situation) -> Decision:
    """One address, several authors: which of them is meant must be said; the question names none."""
    return Decision(
        route=Route.CLARIFY, kind="clarify", reason="the address is authorised for several accounts", intents=s.read.intents,
        replies=(Reply(answer="authority_ask_which"),),
    )  # fmt: skip


def is_about_another(finding: Finding) -> bool:
    """Whether the doubt is that somebody speaks for another person, which an authorisation settles."""
    return finding.route is Route.VERIFY_FIRST and finding.guard == "third_party.relation"


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


def escalate(s: Situation) -> Decision:
    finding = _first(s.read.findings, Route.ESCALATE)
    intent = next((i for i in s.read.intents if i in DISPUTES or i in _ALWAYS_PERSON), "")
    reason = (finding.case_reason if finding else "") or _REASON_OF_INTENT.get(intent, "speak_to_human")
    person = Person(
        reason=reason, severity=s.read.severity, words=finding.reason if finding else s.read.reason, hold=HOLD_OF.get(reason, "")
    )  # fmt: skip
    decision = hand_over(s, person)
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


def hand_over(s: Situation, person: Person) -> Decision:
    """The case, its contested items, and the one acknowledgement: no fault, no promise, a number and a time."""
    person = _about(s, person)
    effects = list(opt_out_effects(s))
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
        described = [] if e.amounts else _described(s.account, s.read.text)
        found = (described, ()) if described else _singled_out(s.account, person.reason, e.amounts)
        invoices, payments = list(found[0]), list(found[1])
    about = e.amounts
    if s.account is not None and not about and len(invoices) == 1 and (invoice := s.account.invoice(invoices[0])):
        about = (invoice.balance or invoice.total,)
    return replace(person, invoice_ids=tuple(invoices), payment_ids=tuple(payments), amounts=about)


def _described(account: Account, text: str) -> list[str]:
    """The one invoice whose description the author uses: two of its words, or its only one."""
    said = set(_WORD.findall(fold(text)))
    shared = {i.id: len(said & words) / min(len(words), 2) for i in account.invoices if (words := _telling(i))}
    best = max(shared.values(), default=0.0)
    found = [invoice_id for invoice_id, share in shared.items() if share == best]
    return found if best >= 1 and len(found) == 1 else []


def _telling(invoice: Invoice) -> set[str]:
    return {word for word in _WORD.findall(fold(invoice.description)) if len(word) > 2}


_WORD = re.compile(r"[a-z]+")


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
        if intent in FACTS and permitted(intent, s).tells:
            outcome = facts(intent, s)
            if not isinstance(outcome, (Held, StepUp)):
                found.append(Reply(answer=intent, facts=outcome))
    return tuple(found[:1])


#: Beside a wish to be left alone, an hour without one of these is when we wrote: "stop texting me, you woke me at 5 am".
_BOUND = re.compile(
    r"\b(before|after|between|until|till|antes|despu[eé]s|depois|ap[oó]s|entre|hasta|at[eé]|a partir)\b"
)


def opt_out_effects(s: Situation) -> tuple[Effect, ...]:
    """An opt-out is stored whatever else the message says; hours and days are a preference, not an opt-out."""
    if "opt_out" not in s.read.intents:
        return ()
    asked = any(f.guard == "opt_out.asked" for f in s.read.findings)
    hours = bool(s.read.entities.times) and (not asked or _BOUND.search(s.read.text.lower()) is not None)
    preference = hours or any("preference" in f.guard for f in s.read.findings)
    return (Effect("preference" if preference else "opt_out", {"words": s.read.text}),)


def _first(findings: Iterable[Finding], route: Route) -> Finding | None:
    return next((f for f in findings if f.route is route), None)
