"""Which intents a clause speaks for, and how sure that is. Pure.

The learned scorer says what the words are about; a phrase of the catalogue that is nearly the same settles it; the
catalogue's patterns add their word. From these signs comes one confidence, tuned on labelled messages
(``confidence.toml``, written by ``inbox intents calibrate``): a probability that this reading is right.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import mul
from typing import NamedTuple, Protocol

import numpy as np
from rapidfuzz import fuzz, process

from inbox.intents import fitted, lexicon
from inbox.intents.catalog import Catalog, words_of
from inbox.intents.examples import Message
from inbox.intents.learned import Example, Learned
from inbox.intents.understanding import NEEDS_PERSON, Candidate
from inbox.message import Route

_MOST = 4  # readings of one clause that are worked out
_NEAR = 70.0  # likeness in percent from which a phrase counts as near
_LOWEST = 0.02
_SPOKEN = -0.12  # added to what a pattern says, 0.62 to 0.94
_LONG = 30  # words of an example that teaches what a clause means
_SAID = (Route.ANSWER, Route.ESCALATE)
_OUT = "out_of_scope"
#: Said around a question, without being part of it.
_SHELL = lexicon.words().classes["shell"]


class Scorer(Protocol):
    def score(self, words: Sequence[str], spoken: Mapping[str, float], clause: int) -> list[Candidate]:
        """Candidates of one clause, best first, one per intent. ``spoken``: what the patterns say, 0 to 1 by intent."""
        ...


class Signs(NamedTuple):
    """What speaks for one reading of a clause. All are 0 to 1 but ``odds``, a logarithm."""

    odds: float  # of the learned probability
    margin: float  # over the best other reading
    pattern: float  # that a pattern of this intent gives
    against: float  # the best pattern of another intent
    near: float  # likeness of the nearest phrase of this intent
    known: float  # share of the words that the catalogue has
    person: float  # probability of all that need a person, this one left out
    outside: float  # probability of "none of these", this one left out
    short: float  # one word 1, two words 0.5, ...

    def values(self) -> tuple[float, ...]:
        """In the order of ``SIGNS``."""
        return 1.0, *self


SIGNS = ("base", "odds", "margin", "pattern", "against", "near", "known", "person", "outside", "short")


@dataclass(frozen=True, slots=True)
class Phrases:
    """The phrases of a catalogue as they are compared: by intent, as written and as their words in order."""

    texts: Mapping[str, Sequence[str]]
    joined: Mapping[str, Sequence[str]]
    words: frozenset[str]

    @classmethod
    def of(cls, catalog: Catalog) -> Phrases:
        entries = catalog.entries.items()
        return cls(
            {intent: [phrase.text.replace("\n", " ") for phrase in entry.phrases] for intent, entry in entries},
            {intent: [" ".join(sorted(phrase.tokens)) for phrase in entry.phrases] for intent, entry in entries},
            frozenset(token for phrase in catalog.phrases for token in phrase.tokens),
        )


class LearnedScorer:
    """The scorer of the packaged product: fitted from the catalogue when it is made, unless a fitted ``model`` is given."""

    def __init__(
        self,
        catalog: Catalog,
        weights: Sequence[float],
        messages: Sequence[Message] = (),
        *,
        model: Learned | None = None,
        phrases: Phrases | None = None,
    ) -> None:
        self._phrases = phrases or Phrases.of(catalog)
        self.model = model or fitted.of(training(catalog, messages))
        self._weights = tuple(weights)
        self._person = np.array([intent in NEEDS_PERSON for intent in self.model.intents], np.float32)
        self._out = self.model.intents.index(_OUT) if _OUT in self.model.intents else -1
        self._read = lru_cache(maxsize=8192)(self._read_clause)

    def score(self, words: Sequence[str], spoken: Mapping[str, float], clause: int) -> list[Candidate]:
        found = self._read(tuple(words), tuple(sorted(spoken.items())))
        return [Candidate(intent, score, phrase, clause) for intent, score, phrase in found]

    def _read_clause(
        self, words: tuple[str, ...], spoken: tuple[tuple[str, float], ...]
    ) -> tuple[tuple[str, float, str], ...]:
        ranked = [
            (intent, max(confidence(signs, self._weights), _floor(signs)), phrase)
            for intent, signs, phrase in self.signs(words, dict(spoken))
        ]
        return tuple(sorted((r for r in ranked if r[1] >= _LOWEST), key=lambda r: (-r[1], r[0])))

    def signs(self, words: Sequence[str], spoken: Mapping[str, float]) -> list[tuple[str, Signs, str]]:
        """The likeliest readings with what speaks for each and the nearest phrase."""
        core = without_shell(words)
        if not core:
            return []
        likely = self.model.probabilities(core)
        intents = self.model.intents
        order: list[int] = np.argsort(-likely, kind="stable")[:_MOST].tolist()
        if spoken:
            order += [n for n, intent in enumerate(intents) if intent in spoken and n not in order]
        shares: list[float] = likely.tolist()
        person, out = float(likely @ self._person), shares[self._out] if self._out >= 0 else 0.0
        known = sum(map(self._phrases.words.__contains__, core)) / len(core)
        joined = " ".join(sorted(core))
        found = []
        for n in order:
            intent, share = intents[n], shares[n]
            other = shares[order[0] if n != order[0] else order[1]]
            phrase, near = self._nearest(intent, joined) if n in order[:2] or intent in spoken else ("", 0.0)
            signs = Signs(
                odds=_logit(share), margin=share - other, pattern=spoken.get(intent, 0.0),
                against=max((s for i, s in spoken.items() if i != intent), default=0.0), near=near, known=known,
                person=person - (share if intent in NEEDS_PERSON else 0.0), outside=0.0 if n == self._out else out,
                short=1.0 / len(core),
            )  # fmt: skip
            found.append((intent, signs, phrase))
        return found

    def _nearest(self, intent: str, joined: str) -> tuple[str, float]:
        phrases = self._phrases.joined.get(intent, ())
        found = process.extractOne(joined, phrases, scorer=fuzz.ratio, score_cutoff=_NEAR)
        return (self._phrases.texts[intent][found[2]], found[1] / 100.0) if found else ("", 0.0)


def training(catalog: Catalog, messages: Sequence[Message]) -> list[Example]:
    """The phrases of the catalogue, and examples of whole messages that are short and about one thing."""
    found = [Example(phrase.intent, phrase.tokens) for phrase in catalog.phrases]
    for message in messages:
        words = words_of(message.text)
        if message.route in _SAID and len(message.intents) == 1 and 0 < len(words) <= _LONG:
            found.append(Example(message.intents[0], without_shell(words)))
    return found


def without_shell(words: Sequence[str]) -> tuple[str, ...]:
    """The words without the greeting before and the thanks after, if anything else is left."""
    start, end = 0, len(words)
    while start < end and words[start] in _SHELL:
        start += 1
    while end > start and words[end - 1] in _SHELL:
        end -= 1
    return tuple(words[start:end]) if end > start else tuple(words)


def confidence(signs: Signs, weights: Sequence[float]) -> float:
    total = sum(map(mul, signs.values(), weights))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _floor(signs: Signs) -> float:
    """A pattern was written by hand for these very words: it counts for something whatever was learned."""
    return _SPOKEN + signs.pattern if signs.pattern else 0.0


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-6), 1 - 1e-6)
    return math.log(bounded / (1 - bounded))


def merge(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """One candidate per intent over all clauses, best first."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.intent not in best or candidate.score > best[candidate.intent].score:
            best[candidate.intent] = candidate
    return tuple(sorted(best.values(), key=lambda c: (-c.score, c.intent)))
