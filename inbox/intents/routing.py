"""Which route a message takes as a whole, learned from the examples. Pure and deterministic.

The guards look for words, the scorer reads clause by clause; this sees the message as one, so that "I am not disputing it,
I only want to know what the line covers" and "my own count is forty, yours says nine" end where people would put them.
Its judgement is weighed with theirs (``match.Signs`` of the message, ``tuning``); identity, harm and law stay with the guards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inbox.intents import fitted
from inbox.intents.examples import ELSEWHERE, Message
from inbox.intents.learned import Example, Learned
from inbox.intents.normalize import MARKS, prepare
from inbox.message import Route

ROUTES: tuple[Route, ...] = (Route.VERIFY_FIRST, Route.ESCALATE, Route.ANSWER, Route.CLARIFY, Route.IGNORE)


@dataclass(frozen=True, slots=True)
class Whole:
    """What the message as a whole looks like."""

    routes: Mapping[Route, float]  # probabilities, adding up to one
    about: Mapping[Route, str]  # the likeliest intent if it is answered, if it goes to a person
    intents: Mapping[str, float]  # probability that it is about this, answered or not
    elsewhere: float  # that it was meant for the desk of another trade


class RouteModel:
    """Knows the examples only: the phrases of the catalogue say what is meant, not where a message goes."""

    def __init__(self, messages: Sequence[Message], *, model: Learned | None = None) -> None:
        self.model = model or fitted.of(training(messages))
        labels = [label.split(" ") for label in self.model.intents]
        self._about = ["" if len(label) < 2 or label[1] == ELSEWHERE else label[1] for label in labels]
        self._intents = sorted({*self._about} - {""})
        self._sums = np.array(
            [
                *([label[0] == route.value for label in labels] for route in ROUTES),
                *([about == intent for about in self._about] for intent in self._intents),
                [label[-1] == ELSEWHERE for label in labels],
            ],
            np.float32,
        )  # a row for each probability that is a sum over labels

    def read(self, tokens: Sequence[str]) -> Whole:
        likely = self.model.probabilities([token for token in tokens if token not in MARKS])
        about = (self._sums[1:3] * likely).argmax(1).tolist()
        found = (self._sums @ likely).tolist()
        return Whole(
            dict(zip(ROUTES, found, strict=False)),
            {route: self._about[n] for route, n in zip(ROUTES[1:3], about, strict=True)},
            dict(zip(self._intents, found[len(ROUTES) :], strict=False)),
            found[-1],
        )


def training(messages: Sequence[Message]) -> list[Example]:
    found = [Example(m.label, words_of(m.text)) for m in messages]
    return [example for example in found if example.words]


def words_of(text: str) -> tuple[str, ...]:
    return tuple(token for token in prepare(text).tokens if token not in MARKS)
