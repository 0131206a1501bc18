"""From what was noticed to a route: verify_first, escalate, answer, clarify, ignore, in that order of safety. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inbox.intents.guard import Calmed
from inbox.intents.judging import WHOEVER
from inbox.intents.keywords import Keyword
from inbox.intents.normalize import ANGRY_EMOJI, MARKS, Text
from inbox.intents.routing import Whole
from inbox.intents.sense import Sense
from inbox.intents.understanding import DISPUTES, INTENTS, NEEDS_PERSON, Candidate, Entities, Finding
from inbox.message import Route, Severity

CLEAR_QUESTION = 0.8  # beside a question as clear as this, a faint likeness to a dispute is chance
AS_NEAR = 0.08  # two readings of one clause that are as likely as that are both meant
OWN_TOPIC = 0.65  # a short follow-up needs as much to change the topic
LONG, LONG_MORE = 5, 0.08  # in a letter of many clauses chance likenesses are many
_SMALL_TALK = frozenset({"greeting", "thanks"})
_HIGH = frozenset({"chargeback", "unrecognised_charge", "hardship"})
_NORMAL = frozenset({"royalty_withdrawal", "royalty_withdrawal_status", "payment_failed", "opt_out", *NEEDS_PERSON})
_HEAVY = (Severity.LOW, Severity.NORMAL, Severity.HIGH)
_DOUBT, _MOST_DOUBT = 0.1, 0.7
_STILL_LIKELY = 0.1  # from here on a likely dispute is asked about rather than answered as something else
_MERE_WORDS = 0.03  # below it, words of a dispute are none: "last year you charged me twice, all settled"
#: Whom a doubt favours: a missed dispute or impostor costs more than a question too many.
_CAUTION = {Route.VERIFY_FIRST: 1.2, Route.ESCALATE: 1.0, Route.ANSWER: 1.0, Route.CLARIFY: 1.0, Route.IGNORE: 0.5}
_ORDER = {intent: number for number, intent in enumerate(
    (
        "chargeback", "unrecognised_charge", "double_charge", "refund_request", "wrong_amount", "hardship", "complaint",
        "cancel_service", "speak_to_human", "opt_out",
    )
)}  # fmt: skip
_SPEAKS = frozenset({Route.ESCALATE, Route.VERIFY_FIRST, Route.ANSWER})
_ASKS_WHERE = frozenset({"where", "when", "status", "donde", "cuando", "estado", "onde", "quando", "situacao", "cade"})
CARDS = ("[visa", "[mastercard", "[american", "[discover", "[card")
_SENSITIVE = (*CARDS, "[bank number", "[social security", "[tax")


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Confidence from which a reading is taken; written by ``inbox intents calibrate``."""

    answer: float  # a routine reading
    person: float  # one that sends the message to a person
    agreed: float  # a routine one that the message as a whole speaks for too
    sure: float  # probability that a routine answer is right, from which it is given
    sure_elsewhere: float  # the same for a message that reads like one for another trade's desk
    beside: float  # a second reading of the same clause, or one beside an alarm or a clear question


@dataclass(frozen=True, slots=True)
class Weighed:
    route: Route
    intents: tuple[str, ...]
    severity: Severity
    reason: str


def weigh(
    text: Text, findings: Sequence[Finding], calmed: Sequence[Calmed], by_clause: Sequence[Sequence[Candidate]],
    entities: Entities, taken: Thresholds, signals: frozenset[str] = frozenset(),
) -> Weighed:  # fmt: skip
    if not text.clauses and not text.emoji and not text.templates:
        asks = "?" in text.body
        return Weighed(Route.CLARIFY if asks else Route.IGNORE, (), Severity.LOW, "nothing is said")
    if machine := next((f for f in findings if f.route is Route.IGNORE), None):
        said = (machine.intent,) if machine.intent else ()
        return Weighed(Route.IGNORE, said, machine.severity, machine.reason)
    accepted = _accepted(findings, calmed, by_clause, taken)
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


def settle(
    draft: Weighed, judged: Mapping[Route, float], whole: Whole, findings: Sequence[Finding],
    by_clause: Sequence[Sequence[Candidate]], taken: Thresholds,
) -> Weighed:  # fmt: skip
    """The draft, unless the message as a whole is judged otherwise. Identity, harm, law and machines stay with the guards;
    only words of a dispute can turn out to be none. Only guards decide that nobody answers.
    """
    if draft.route is Route.IGNORE or any(f.case_reason in WHOEVER for f in findings):
        return draft
    route = max(judged, key=lambda r: judged[r] * _CAUTION[r])
    if route is draft.route or route is Route.IGNORE:
        return draft
    if draft.route is Route.ANSWER and judged[route] < _suspicion(draft, by_clause):
        return draft
    alarms = [f for f in findings if f.route in (Route.VERIFY_FIRST, Route.ESCALATE)]
    if any(f.route is Route.VERIFY_FIRST for f in alarms):
        return draft
    if alarms and route in (Route.ANSWER, Route.CLARIFY):
        mere_words = all(_may_be_none(f) for f in alarms) and judged[Route.ESCALATE] < _MERE_WORDS
        if not mere_words:
            return draft
    share = f"{judged[route]:.0%}"
    if route is Route.VERIFY_FIRST:
        said = f"reads like a sender who must be proven first ({share})"
        return replace(draft, route=route, severity=Severity.HIGH, reason=said)
    if route is Route.ESCALATE:
        return _to_person(draft, whole.about[route], share)
    asked = _asked(draft, by_clause, whole.about[Route.ANSWER], taken)
    if route is Route.ANSWER and asked and not (_disputes(draft) and judged[Route.ESCALATE] >= _STILL_LIKELY):
        return Weighed(route, asked, Severity.LOW, f"reads like a question about {asked[0]} ({share})")
    return Weighed(Route.CLARIFY, draft.intents, draft.severity, f"no reading is near enough ({share})")


def doubted(settled: Weighed, sure: float, needed: float) -> Weighed:
    """A routine answer that is not likely enough to be right is a question back; beside it what is law is still done."""
    if sure >= needed:
        return settled
    if "opt_out" in settled.intents:
        return replace(
            settled, intents=("opt_out",), reason=f"{settled.reason}: only the wish for fewer messages is sure"
        )
    return Weighed(Route.CLARIFY, (), Severity.LOW, f"{settled.reason}: not sure enough ({sure:.0%} of {needed:.0%})")


def _disputes(draft: Weighed) -> bool:
    """Reads like a dispute and like nothing else that could be answered."""
    return draft.route is Route.ESCALATE and draft.intents != () and DISPUTES.issuperset(draft.intents)


def _may_be_none(alarm: Finding) -> bool:
    """Words of a dispute can stand in a settled matter; a grave complaint cannot."""
    return alarm.intent in DISPUTES and not (alarm.intent == "complaint" and alarm.severity is Severity.HIGH)


def _suspicion(draft: Weighed, by_clause: Sequence[Sequence[Candidate]]) -> float:
    """The clearer the question, the more it takes to see something else in it."""
    clear = max((c.score for found in by_clause for c in found if c.intent in draft.intents), default=0.0)
    return min(_MOST_DOUBT, clear + _DOUBT)


def of_keyword(order: Keyword) -> Weighed:
    """STOP, START and HELP alone in a text message are orders, whatever else they could mean."""
    said = ("opt_out",) if order == "stop" else ()
    return Weighed(
        Route.ANSWER, said, Severity.NORMAL if said else Severity.LOW, f"the carrier keyword {order.upper()}"
    )


def named_record(weighed: Weighed, text: Text, entities: Entities) -> Weighed | None:
    """Who asks about a refund or a withdrawal by its id, and says nothing else that is clear, asks where it is."""
    words = [token for token in text.tokens if token not in MARKS and not token.startswith("#")]
    if weighed.route not in (Route.CLARIFY, Route.ANSWER) or not {*weighed.intents} <= {"out_of_scope"}:
        return None
    if len(words) > 1 and "?" not in text.body and not _ASKS_WHERE.intersection(words):
        return None
    for ids, intent in ((entities.refund_ids, "refund_status"), (entities.withdrawal_ids, "royalty_withdrawal_status")):
        if ids:
            return Weighed(Route.ANSWER, (intent,), Severity.LOW, f"names {ids[0]}")
    return None


def late_promise(weighed: Weighed) -> Weighed:
    return replace(
        weighed, route=Route.ESCALATE, severity=Severity.NORMAL, reason="a promise for a day beyond what the bot may accept"
    )  # fmt: skip


def _to_person(draft: Weighed, about: str, share: str) -> Weighed:
    known = [i for i in draft.intents if i in NEEDS_PERSON]
    intents = _tidy([*(known or ([about] if about else [])), *draft.intents])
    severity = Severity.HIGH if any(i in _HIGH for i in intents[:1]) else Severity.NORMAL
    return replace(
        draft, route=Route.ESCALATE, intents=intents, severity=max(severity, draft.severity, key=_HEAVY.index),
        reason=f"reads like {intents[0] if intents else 'something'} for a person ({share})",
    )  # fmt: skip


def _asked(draft: Weighed, by_clause: Sequence[Sequence[Candidate]], about: str, taken: Thresholds) -> tuple[str, ...]:
    """What can be answered: what was taken already, else the best reading that the message as a whole agrees with."""
    routine = tuple(i for i in draft.intents if i not in NEEDS_PERSON)
    if routine:
        return routine
    best = max(
        (c for found in by_clause for c in found if c.intent not in NEEDS_PERSON), key=lambda c: c.score, default=None
    )
    if best is not None and (best.score >= taken.answer or (best.intent == about and best.score >= taken.agreed)):
        return (best.intent,)
    return ()


def _names_no_day(text: Text, entities: Entities, signals: frozenset[str]) -> bool:
    """A new promise needs a day; a question about an old one does not."""
    return not entities.dates and "?" not in text.body and "promise.kept_on_file" not in signals


def in_context(weighed: Weighed, meant: Sense, candidates: Sequence[Candidate]) -> Weighed | None:
    """What the context says counts where the message has no clear topic of its own; None where it has."""
    clear = {c.intent for c in candidates if c.score >= OWN_TOPIC}
    small = meant.reason.startswith("goes on")
    own = [i for i in weighed.intents if i not in _SMALL_TALK and i != "out_of_scope" and (i in clear or not small)]
    if own and meant.reason.startswith("goes on"):
        return None
    said = [] if weighed.route is Route.ESCALATE else own  # a mere likeness: no guard found anything
    intents = tuple(dict.fromkeys([*meant.intents, *said]))
    return replace(weighed, route=meant.route, intents=intents, reason=meant.reason)


def _accepted(
    findings: Sequence[Finding], calmed: Sequence[Calmed], by_clause: Sequence[Sequence[Candidate]], needs: Thresholds
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
            needed = needs.person if candidate.intent in NEEDS_PERSON else needs.answer
            if len(by_clause) > LONG:
                needed += LONG_MORE
            if beside or place:
                needed = needs.beside
                if place and not beside and candidate.score >= calm[0].score - AS_NEAR:
                    needed -= AS_NEAR
            if candidate.score >= needed:
                taken.append(candidate)
    return _without_faint_alarms(sorted(taken, key=lambda c: -c.score), needs)


def _without_faint_alarms(taken: list[Candidate], needs: Thresholds) -> list[Candidate]:
    """Beside a clear question, a faint likeness to a dispute that no guard confirms is chance."""
    if not any(c.score >= CLEAR_QUESTION and c.intent not in NEEDS_PERSON for c in taken):
        return taken
    return [c for c in taken if c.intent not in NEEDS_PERSON or c.score >= needs.beside]


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
    whoever = next((f for f in findings if f.case_reason in WHOEVER), None)
    if whoever:
        return Route.ESCALATE, whoever.reason
    for route in (Route.VERIFY_FIRST, Route.ESCALATE):
        if finding := next((f for f in findings if f.route is route), None):
            return route, finding.reason
    if person := next((i for i in intents if i in NEEDS_PERSON and i not in policy), ""):
        phrase = next((c.phrase for c in accepted if c.intent == person), "")
        return Route.ESCALATE, f"reads like {person}" + (f": {phrase!r}" if phrase else "")
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
