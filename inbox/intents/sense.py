"""What a message means given what went before: a bare code, date or "yes" answers our question, "and the next one?"
keeps the topic. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from inbox.intents.normalize import Text
from inbox.intents.understanding import INTENTS, Candidate, Context, Entities
from inbox.message import Route

_SHORT = 14  # words; a longer message stands by itself
_FOLLOWS = frozenset(
    [
        "and",
        "so",
        "also",
        "what",
        "how",
        "e",
        "y",
        "entao",
        "entonces",
        "tambien",
        "tambem",
        "the",
        "which",
        "when",
        "ok",
        "okay",
        "that",
        "this",
        "those",
        "it",
    ]
)


@dataclass(frozen=True, slots=True)
class Sense:
    """What the context makes of a message without a topic of its own."""

    route: Route
    intents: tuple[str, ...]
    reason: str


def of(text: Text, entities: Entities, candidates: tuple[Candidate, ...], context: Context) -> Sense | None:
    """None: the context says nothing about it."""
    words = sum(1 for token in text.tokens if token not in (".", "<<", ">>"))
    topic = (context.topic,) if context.topic in INTENTS else ()
    if context.awaiting == "code" and entities.codes:
        return Sense(Route.ANSWER, topic, "a code, as asked")
    if context.awaiting == "contact" and (entities.emails or entities.phones):
        return Sense(Route.ANSWER, topic, "an address to prove, as asked")
    if context.awaiting == "promise_date" and (entities.dates or entities.vague_date):
        route = Route.ANSWER if entities.dates else Route.CLARIFY
        return Sense(route, ("promise_to_pay",), "a day, as asked" if entities.dates else "asked for a day, got none")
    if context.awaiting == "plan_day" and entities.dates:
        return Sense(Route.ANSWER, ("payment_plan",), "a day, as asked")
    if context.awaiting == "confirm" and entities.answer:
        return Sense(Route.ANSWER, topic, f"says {entities.answer}, as asked")
    if context.awaiting == "clarify" and context.options:
        return _choice(entities, candidates, context)
    if topic and words <= _SHORT and _follows(text, entities):
        return Sense(Route.ANSWER, topic, f"goes on about {context.topic}")
    return None


def _choice(entities: Entities, candidates: tuple[Candidate, ...], context: Context) -> Sense | None:
    options = context.options
    if 0 < entities.ordinal <= len(options):
        return Sense(Route.ANSWER, (options[entities.ordinal - 1],), "picks one of the offered")
    if entities.answer == "yes" and len(options) == 1:
        return Sense(Route.ANSWER, options, "says yes to the offered")
    near = [c for c in candidates if c.intent in options and c.score >= 0.3]
    return Sense(Route.ANSWER, (near[0].intent,), "picks one of the offered by its words") if near else None


def _follows(text: Text, entities: Entities) -> bool:
    """It carries on: names a month, day, id or ordinal, or begins like a follow-up question."""
    named = entities.month or entities.dates or entities.ordinal or entities.invoice_ids or entities.payment_ids
    words = [t for t in text.tokens if t not in (".", "<<", ">>")]
    asks = "?" in text.body or (bool(words) and words[0] in _FOLLOWS)
    return bool(words) and asks and (bool(named) or words[0] in _FOLLOWS) and not entities.answer
