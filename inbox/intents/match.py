"""How near a clause is to the phrases of the catalogue. Pure.

Words are first mapped to concepts ("pymt", "pago", "payment" are one), then compared over an inverted index by the
weight of the words they share; only the nearest few phrases are compared letter by letter with rapidfuzz. ``Scorer`` is
the seam: another scorer with the same two methods can take its place.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest
from itertools import pairwise
from typing import Protocol

from rapidfuzz import fuzz

from inbox.intents import lexicon
from inbox.intents.bayes import Bayes
from inbox.intents.catalog import Catalog, Phrase
from inbox.intents.understanding import Candidate

_SHORTLIST = 10
_NEAR, _SHARE = 0.75, 0.4  # weights of the nearest phrase and of the words' votes
_FEW = 0.6
_LOWEST = 0.1
_PLAIN = lexicon.words().classes["plain"]
_PLAIN_WEIGHT = 0.25


class Scorer(Protocol):
    def score(self, words: Sequence[str], clause: int) -> list[Candidate]:
        """Candidates of one clause, best first, one per intent."""
        ...


@lru_cache(maxsize=16384)
def concept(word: str) -> str:
    """The concept of a word, or its plain stem."""
    if found := lexicon.words().concept_of.get(word):
        return f"={found}"
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def features(words: Sequence[str]) -> tuple[str, ...]:
    """Concepts of the words and pairs of neighbours, plain words left out of the pairs."""
    ones = [concept(word) for word in words]
    solid = [one for one, word in zip(ones, words, strict=True) if word not in _PLAIN]
    return tuple(dict.fromkeys([*ones, *(f"{a} {b}" for a, b in pairwise(solid))]))


@dataclass(frozen=True, slots=True)
class _Row:
    phrase: Phrase
    joined: str
    norm: float


class PhraseScorer:
    """Nearest phrases by shared, weighted words; then by letters."""

    def __init__(self, catalog: Catalog) -> None:
        phrases = list(catalog.phrases)
        feats = [features(phrase.tokens) for phrase in phrases]
        self._bayes = Bayes([(phrase.intent, found) for phrase, found in zip(phrases, feats, strict=True)])
        count = Counter(feature for found in feats for feature in found)
        self._weight = {f: _weight(f, len(phrases), n) for f, n in count.items()}
        self._unknown = 0.5 * math.log(len(phrases) + 1.0)
        self._rows: list[_Row] = []
        self._posts: dict[str, list[int]] = {}
        for number, (phrase, found) in enumerate(zip(phrases, feats, strict=True)):
            norm = math.sqrt(sum(self._weight[f] ** 2 for f in found)) or 1.0
            self._rows.append(_Row(phrase, " ".join(phrase.tokens), norm))
            for feature in found:
                if self._weight[feature] > 1.0:
                    self._posts.setdefault(feature, []).append(number)

    def score(self, words: Sequence[str], clause: int) -> list[Candidate]:
        found = features(words)
        joined = " ".join(words)
        best: dict[str, tuple[float, str]] = {}
        for number, cosine in self._shortlist(found):
            phrase, near = self._rows[number].phrase, self._near(joined, number, cosine)
            if near > best.get(phrase.intent, (0.0, ""))[0]:
                best[phrase.intent] = near, phrase.text
        covered = self._covered(found)
        for intent, share in self._bayes.probabilities(found).items():
            near, text = best.get(intent, (0.0, ""))
            best[intent] = min(1.0, _NEAR * near + _SHARE * share * covered), text
        ranked = [Candidate(intent, score, text, clause) for intent, (score, text) in best.items() if score >= _LOWEST]
        return sorted(ranked, key=lambda c: (-c.score, c.intent))

    def _covered(self, found: Sequence[str]) -> float:
        """Which part of the words that matter the catalogue knows, less where there are but one or two."""
        ones = [(f, f in self._bayes) for f in found if " " not in f and f.removeprefix("=") not in _PLAIN]
        known = sum(1 for _, is_known in ones if is_known)
        return known / len(ones) * known / (known + _FEW) if known else 0.0

    def _shortlist(self, found: Sequence[str]) -> list[tuple[int, float]]:
        weights = [(f, self._weight.get(f)) for f in found]
        norm = math.sqrt(sum(w * w if w else (0.0 if " " in f else self._unknown) for f, w in weights)) or 1.0
        dots: dict[int, float] = {}
        for feature, weight in weights:
            if weight:
                square = weight * weight
                for number in self._posts.get(feature, ()):
                    dots[number] = dots.get(number, 0.0) + square
        rows = self._rows
        ranked = nlargest(_SHORTLIST, [(dot / rows[n].norm, n) for n, dot in dots.items()])
        return [(number, min(1.0, value / norm)) for value, number in ranked]

    def _near(self, joined: str, number: int, cosine: float) -> float:
        return 0.65 * cosine + 0.35 * fuzz.token_sort_ratio(joined, self._rows[number].joined) / 100.0


def _weight(feature: str, phrases: int, count: int) -> float:
    plain = feature.removeprefix("=") in _PLAIN
    rare = math.log((phrases + 1) / count)
    return rare * (_PLAIN_WEIGHT if plain else 0.6 if " " in feature else 1.0)


def merge(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """One candidate per intent over all clauses, best first."""
    best: dict[str, Candidate] = {}
    for candidate in candidates:
        if candidate.intent not in best or candidate.score > best[candidate.intent].score:
            best[candidate.intent] = candidate
    return tuple(sorted(best.values(), key=lambda c: (-c.score, c.intent)))
