"""How sure it is that a routine answer would be right: the last doubt before the bot speaks. Pure.

The clause, the message as a whole and what else could be meant are weighed into one probability, learned from readings of
labelled messages that were right and wrong (``inbox intents calibrate``). Messages that read like those of another trade's
desk need more of it: there the same words often mean something else ("where is my card?").
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from inbox.intents.routing import Whole
from inbox.intents.understanding import NEEDS_PERSON, Candidate

SIGNS = (
    "base", "clause", "whole", "outside", "margin", "agrees", "words", "clause outside", "clause person", "several",
    "elsewhere", "elsewhere clause", "elsewhere whole",
)  # fmt: skip
_OUT = "out_of_scope"
#: From this probability on a message counts as one for another trade's desk.
ELSEWHERE = 0.45
#: From here on a wish not to be written to is taken from a likeness alone: a mistake keeps bills and reminders away.
OPT_OUT = 0.75
#: Answered whatever the doubt: a wish not to be written to is law; "not for us", a greeting and a thank-you tell nothing.
NEVER_DOUBTED = frozenset({"opt_out", "greeting", "thanks", _OUT})


def signs(
    intents: Sequence[str], candidates: Iterable[Candidate], whole: Whole, likeliest: str, words: int
) -> tuple[float, ...]:
    """Values in the order of ``SIGNS`` for the first of ``intents``; ``likeliest``: what the whole message is about."""
    intent = intents[0]
    clause = other = outside = person = 0.0
    for c in candidates:
        if c.intent == intent:
            clause = max(clause, c.score)
        if c.intent not in intents:
            other = max(other, c.score)
        if c.intent == _OUT:
            outside = max(outside, c.score)
        elif c.intent in NEEDS_PERSON:
            person = max(person, c.score)
    of_clause, of_whole, far = _logit(clause), _logit(whole.intents.get(intent, 0.0)), _logit(whole.elsewhere)
    return (
        1.0, of_clause, of_whole, _logit(whole.intents.get(_OUT, 0.0)), clause - other, float(likeliest == intent),
        math.log(1 + words), _logit(outside), _logit(person), float(len(intents) > 1), far, far * of_clause / 4, far * of_whole / 4,
    )  # fmt: skip


def probability(values: Sequence[float], weights: Sequence[float]) -> float:
    total = sum(value * weight for value, weight in zip(values, weights, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))
