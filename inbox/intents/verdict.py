"""From what was noticed to a route: verify_first, escalate, answer, clarify, ignore, in that order of safety. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inbox.intents.guard import Calmed
from inbox.intents.normalize import ANGRY_EMOJI, Text
from inbox.intents.sense import Sense
from inbox.intents.understanding import DISPUTES, INTENTS, Candidate, Entities, Finding
from inbox.message import Route, Severity

ACCEPT = 0.58  # score from which a routine reading is taken
ACCEPT_PERSON = 0.60  # ... a reading that sends the message to a person
ACCEPT_BESIDE = 0.72  # ... a second reading of the same clause, or one beside an alarm
CLEAR_QUESTION, FAINT_ALARM = 0.8, 0.65
CLEAR, CLEAR_PERSON, CLEAR_BY, SHORT = 0.45, 0.54, 0.12, 3  # ... or a middling score with nothing else near
LONG, LONG_MORE = 5, 0.08  # in a letter of many clauses chance likenesses are many
#: Intents that a person must see, whoever noticed them.
NEEDS_PERSON = DISPUTES | {"speak_to_human", "cancel_service", "hardship"}
_SMALL_TALK = frozenset({"greeting", "thanks"})
_HIGH = frozenset({"chargeback", "unrecognised_charge", "hardship"})
_NORMAL = frozenset({"royalty_withdrawal", "royalty_withdrawal_status", "payment_failed", "opt_out", *NEEDS_PERSON})
#: These reach a person even when the sender is in doubt.
_WHOEVER = frozenset({"estate", "bankruptcy", "legal_representation", "vulnerability_self_harm"})
_ORDER = {intent: number for number, intent in enumerate(
    (
        "chargeback", "unrecognised_charge", "double_charge", "refund_request", "wrong_amount", "hardship", "complaint",
        "cancel_service", "speak_to_human", "opt_out",
    )
)}  # fmt: skip
_SPEAKS = frozenset({Route.ESCALATE, Route.VERIFY_FIRST, Route.ANSWER})
_SENSITIVE = ("[visa", "[mastercard", "[american", "[discover", "[card", "[bank number", "[social security", "[tax")


@dataclass(frozen=True, slots=True)
class Weighed:
    route: Route
    intents: tuple[str, ...]
    severity: Severity
    reason: str


def weigh(
    text: Text, findings: Sequence[Finding], calmed: Sequence[Calmed], by_clause: Sequence[Sequence[Candidate]],
    entities: Entities, signals: frozenset[str] = frozenset(),
) -> Weighed:  # fmt: skip
    if not text.clauses and not text.emoji and not text.templates:
        asks = "?" in text.body
        return Weighed(Route.CLARIFY if asks else Route.IGNORE, (), Severity.LOW, "nothing is said")
    if machine := next((f for f in findings if f.route is Route.IGNORE), None):
        said = (machine.intent,) if machine.intent else ()
        return Weighed(Route.IGNORE, said, machine.severity, machine.reason)
    accepted = _accepted(findings, calmed, by_clause)
    policy = frozenset(c.calm.becomes for c in calmed if c.calm.becomes)
    intents = _tidy([*(f.intent for f in findings if f.intent), *(c.intent for c in accepted), *sorted(policy)])
    if not text.clauses and text.emoji and (glad := _from_emoji(text)):
        return Weighed(Route.IGNORE, glad, Severity.LOW, "a nod that needs no reply")
    route, reason = _route(findings, intents, policy, accepted)
    if route is Route.ANSWER and "promise_to_pay" in intents and _names_no_day(text, entities, signals):
        rest = tuple(intent for intent in intents if intent != "promise_to_pay")
        if rest:
            intents = rest
        else:
            route, reason = Route.CLARIFY, "a promise without a day"
    return Weighed(route, intents, _severity(text, route, intents, findings, policy), reason)


def _names_no_day(text: Text, entities: Entities, signals: frozenset[str]) -> bool:
    """A new promise needs a day; a question about an old one does not."""
    return not entities.dates and "?" not in text.body and "promise.kept_on_file" not in signals


def in_context(weighed: Weighed, meant: Sense) -> Weighed:
    """What the context says counts where the message has no topic of its own."""
    own = [i for i in weighed.intents if i not in _SMALL_TALK]
    if own and meant.reason.startswith("goes on"):
        return weighed
    said = [] if weighed.route is Route.ESCALATE else own  # a mere likeness: no guard found anything
    intents = tuple(dict.fromkeys([*meant.intents, *said]))
    return replace(weighed, route=meant.route, intents=intents, reason=meant.reason)


def _accepted(
    findings: Sequence[Finding], calmed: Sequence[Calmed], by_clause: Sequence[Sequence[Candidate]]
) -> list[Candidate]:
    alarmed = {f.clause for f in findings if f.intent and f.route in _SPEAKS}
    unclear = {f.clause for f in findings if f.route is Route.CLARIFY}
    taken: list[Candidate] = []
    for number, candidates in enumerate(by_clause):
        calm = [c for c in candidates if not _is_calm(c.intent, number, calmed)]
        if number in unclear:
            continue
        beside = number in alarmed
        for place, candidate in enumerate(calm[:2]):
            if candidate.intent == "out_of_scope" and (beside or place):
                continue
            needed = ACCEPT_PERSON if candidate.intent in NEEDS_PERSON else ACCEPT
            if len(by_clause) > LONG:
                needed += LONG_MORE
            if beside or place:
                needed = ACCEPT_BESIDE
            if candidate.score >= needed or (not place and not beside and _stands_out(calm, len(by_clause))):
                taken.append(candidate)
    return _without_faint_alarms(sorted(taken, key=lambda c: -c.score))


def _without_faint_alarms(taken: list[Candidate]) -> list[Candidate]:
    """Beside a clear question, a faint likeness to a dispute that no guard confirms is chance."""
    if not any(c.score >= CLEAR_QUESTION and c.intent not in NEEDS_PERSON for c in taken):
        return taken
    return [c for c in taken if c.intent not in NEEDS_PERSON or c.score >= FAINT_ALARM]


def _stands_out(candidates: Sequence[Candidate], clauses: int) -> bool:
    """A middling score counts when nothing else comes near; for an alarm only in a short message."""
    best, second = candidates[0].score, candidates[1].score if len(candidates) > 1 else 0.0
    if candidates[0].intent in NEEDS_PERSON and (clauses > SHORT or best < CLEAR_PERSON):
        return False
    return best >= CLEAR and best - second >= CLEAR_BY


def _is_calm(intent: str, clause: int, calmed: Sequence[Calmed]) -> bool:
    return any(intent in c.calm.calms and (c.calm.whole or c.clause == clause) for c in calmed)


def _tidy(intents: Sequence[str]) -> tuple[str, ...]:
    """Each once, riskiest first; small talk and "out of scope" only where nothing else is wanted."""
    unique = list(dict.fromkeys(intents))
    unique.sort(key=lambda intent: _ORDER.get(intent, 99))
    wanted = [i for i in unique if i not in _SMALL_TALK]
    inside = [i for i in wanted if i != "out_of_scope"]
    return tuple((inside or wanted or unique)[:4])


def _from_emoji(text: Text) -> tuple[str, ...]:
    if text.clauses or not text.emoji:
        return ()
    return () if any(c in ANGRY_EMOJI for c in text.emoji) else ("thanks",)


def _route(
    findings: Sequence[Finding], intents: Sequence[str], policy: frozenset[str], accepted: Sequence[Candidate]
) -> tuple[Route, str]:
    whoever = next((f for f in findings if f.case_reason in _WHOEVER), None)
    if whoever:
        return Route.ESCALATE, whoever.reason
    for route in (Route.VERIFY_FIRST, Route.ESCALATE):
        if finding := next((f for f in findings if f.route is route), None):
            return route, finding.reason
    if person := next((i for i in intents if i in NEEDS_PERSON and i not in policy), ""):
        phrase = next((c.phrase for c in accepted if c.intent == person), "")
        return Route.ESCALATE, f"reads like {person}: {phrase!r}"
    if intents:
        phrase = next((c.phrase for c in accepted if c.intent == intents[0]), "")
        return Route.ANSWER, f"reads like {intents[0]}" + (f": {phrase!r}" if phrase else "")
    if clarify := next((f for f in findings if f.route is Route.CLARIFY), None):
        return Route.CLARIFY, clarify.reason
    return Route.CLARIFY, "no reading is near enough"


def _severity(
    text: Text, route: Route, intents: Sequence[str], findings: Sequence[Finding], policy: frozenset[str]
) -> Severity:
    levels = {f.severity for f in findings if f.route is not Route.CLARIFY}
    if Severity.HIGH in levels or route is Route.VERIFY_FIRST:
        return Severity.HIGH
    live = [i for i in intents if i in INTENTS and i not in policy]
    if any(i in _HIGH for i in live):
        return Severity.HIGH
    lowered = text.body.lower()
    if any(i in _NORMAL for i in live) or any(mark in lowered for mark in _SENSITIVE):
        return Severity.NORMAL
    return Severity.LOW
