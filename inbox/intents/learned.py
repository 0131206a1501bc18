"""What a clause is about, learned from the phrases of the catalogue. Pure and deterministic.

Multinomial logistic regression over three views of the words: the words themselves with their concepts and pairs of
neighbours, the groups of letters in them, and their place in the embedding. Each view is a sum over words divided by
its length, so what a word adds to every intent is worked out once and kept: reading a clause is a sum of short rows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from inbox.intents import lexicon
from inbox.intents.embedding import Embedding

Array = NDArray[np.float32]
WIDTH = 2048  # columns that the features of one view are hashed into
_SHORTEST, _LONGEST = 3, 5  # letters of a group
_STRENGTH = 20.0  # of the fit; the higher, the closer to the phrases
_PLACE = 1.0  # weight of the embedding beside the words and the letters
_BIAS = 0.1
_ROUNDS = 50

Rare = Mapping[str, float]  # weight of a feature: the fewer phrases have it, the more


@dataclass(frozen=True, slots=True)
class Example:
    intent: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Weights:
    """All that was learned: a row for each hashed column and embedding number, a column for each intent."""

    intents: tuple[str, ...]
    words: Rare
    letters: Rare
    of_words: Array  # WIDTH x intents
    of_letters: Array  # WIDTH x intents
    of_place: Array  # size of the embedding x intents
    bias: Array


class _Part(NamedTuple):
    """What one word adds to every intent, by each view, and the squared length it has there."""

    said: Array
    length: float
    spelled: Array
    letters: float
    place: Array


class Learned:
    """Probabilities of the intents for the words of one clause."""

    def __init__(self, weights: Weights, embedding: Embedding | None = None) -> None:
        self.weights = weights
        self.intents = weights.intents
        self._embedding = embedding
        self._nowhere: Array = np.zeros(len(weights.of_place), np.float32)
        self._add = lru_cache(maxsize=32768)(self._added)
        self._add_pair = lru_cache(maxsize=32768)(self._added_pair)

    def probabilities(self, words: Sequence[str]) -> Array:
        """In the order of ``intents``, adding up to one."""
        powers: Array = np.exp(self.scores(words))
        powers /= np.add.reduce(powers)
        return powers

    def scores(self, words: Sequence[str]) -> Array:
        """Logarithms of the odds, the highest zero."""
        total = np.array(self.weights.bias)
        if words:
            parts = [self._add(word) for word in words]
            pairs = [self._add_pair(one, two) for one, two in pairwise(words)]
            length = sum(p.length for p in parts) + sum(squared for _, squared in pairs)
            if length:
                total += _sum([*(p.said for p in parts), *(pair for pair, _ in pairs)]) / np.float32(math.sqrt(length))
            letters = sum(p.letters for p in parts)
            if letters:
                total += _sum([p.spelled for p in parts]) / np.float32(math.sqrt(letters))
            place = _sum([p.place for p in parts])
            size = float(place @ place)
            if size:
                total += (place * np.float32(_PLACE / math.sqrt(size))) @ self.weights.of_place
        result: Array = total - total.max()
        return result

    def _added(self, word: str) -> _Part:
        said, length = _adds(_of_word(word), self.weights.words, self.weights.of_words)
        spelled, letters = _adds(_of_letters(word), self.weights.letters, self.weights.of_letters)
        return _Part(said, length, spelled, letters, self._embedding.of(word) if self._embedding else self._nowhere)

    def _added_pair(self, one: str, two: str) -> tuple[Array, float]:
        return _adds(_of_pair(one, two), self.weights.words, self.weights.of_words)


def fit(examples: Sequence[Example], embedding: Embedding | None = None) -> Weights:
    """Learn from phrases; the same phrases give the same weights."""
    intents = tuple(sorted({e.intent for e in examples}))
    texts = [e.words for e in examples]
    said = [[*map(_of_word, words), *(_of_pair(one, two) for one, two in pairwise(words))] for words in texts]
    spelled = [[_of_letters(word) for word in words] for words in texts]
    words, letters = _rare(said), _rare(spelled)
    always = np.full((len(texts), 1), math.sqrt(_BIAS), np.float32)
    rows = np.concatenate([_rows(said, words), _rows(spelled, letters), _places(texts, embedding), always], axis=1)
    number = {intent: n for n, intent in enumerate(intents)}
    wanted = np.zeros((len(texts), len(intents)), np.float32)
    wanted[np.arange(len(texts)), [number[e.intent] for e in examples]] = 1.0
    found = _solve(rows, wanted)
    of_words, of_letters, of_place = found[:WIDTH], found[WIDTH : 2 * WIDTH], found[2 * WIDTH : -1]
    return Weights(intents, words, letters, of_words, of_letters, of_place, np.float32(math.sqrt(_BIAS)) * found[-1])


def concept(word: str) -> str:
    """The concept of a word, or its plain stem."""
    if found := lexicon.words().concept_of.get(word):
        return f"={found}"
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def _of_word(word: str) -> tuple[str, ...]:
    return f"w {word}", f"c {concept(word)}"


def _of_pair(one: str, two: str) -> tuple[str, ...]:
    return (f"p {concept(one)} {concept(two)}",)


@lru_cache(maxsize=32768)
def _of_letters(word: str) -> tuple[str, ...]:
    if word.startswith("#"):
        return (word,)
    whole = f" {word} "
    found = [whole] if len(whole) <= _SHORTEST else []
    for size in range(_SHORTEST, _LONGEST + 1):
        found += [whole[n : n + size] for n in range(len(whole) - size + 1)]
    return tuple(found)


Groups = Sequence[Sequence[tuple[str, ...]]]  # of each text: the features of each of its words or pairs


def _rare(texts: Groups) -> Rare:
    """Features that more than one text has."""
    count = Counter(f for groups in texts for f in {f for group in groups for f in group})
    return {f: math.log((1 + len(texts)) / (1 + n)) + 1 for f, n in count.items() if n > 1}


def _hashed(group: Iterable[str], rare: Rare) -> tuple[list[int], list[float]]:
    """Columns and values; the sign makes chance meetings cancel out (Weinberger et al. 2009)."""
    columns, values = list[int](), list[float]()
    for feature in group:
        weight = rare.get(feature)
        if weight is not None:
            number = crc32(feature.encode())
            columns.append(number % WIDTH)
            values.append(weight if number & 0x8000_0000 else -weight)
    return columns, values


def _adds(group: Iterable[str], rare: Rare, learned: Array) -> tuple[Array, float]:
    """What a group of features adds to each intent, and the square of its length."""
    columns, values = _hashed(group, rare)
    if not columns:
        return np.zeros(learned.shape[1], np.float32), 0.0
    added: Array = np.array(values, np.float32) @ learned[columns]
    return added, sum(v * v for v in values)


def _rows(texts: Groups, rare: Rare) -> Array:
    found: Array = np.zeros((len(texts), WIDTH), np.float32)
    known: dict[tuple[str, ...], tuple[list[int], list[float]]] = {}
    for n, groups in enumerate(texts):
        columns, values = list[int](), list[float]()
        for group in groups:
            if group not in known:
                known[group] = _hashed(group, rare)
            columns += known[group][0]
            values += known[group][1]
        if columns:
            amounts = np.array(values, np.float32)
            found[n] = np.bincount(columns, amounts, WIDTH).astype(np.float32) / np.float32(
                math.sqrt(float(amounts @ amounts))
            )
    return found


def _places(texts: Sequence[Sequence[str]], embedding: Embedding | None) -> Array:
    found: Array = np.zeros((len(texts), embedding.size if embedding else 0), np.float32)
    if embedding is None:
        return found
    known = {word: embedding.of(word) for word in {w for words in texts for w in words}}
    for n, words in enumerate(texts):
        place = _sum([known[w] for w in words])
        size = math.sqrt(float(place @ place))
        if size:
            found[n] = place * np.float32(_PLACE / size)
    return found


def _sum(rows: list[Array]) -> Array:
    total: Array = rows[0] if len(rows) == 1 else np.add.reduce(rows)
    return total


def _solve(rows: Array, wanted: Array) -> Array:
    """Weights that make ``wanted`` likely, one column an intent, by accelerated gradient (Nesterov 1983)."""
    damping = np.float32(1 / _STRENGTH)
    step = np.float32(1 / (0.5 * _largest(rows) + float(damping)))
    found: Array = np.zeros((rows.shape[1], wanted.shape[1]), np.float32)
    ahead, pace = found, 1.0
    for _ in range(_ROUNDS):
        likely: Array = rows @ ahead
        likely -= likely.max(1, keepdims=True)
        np.exp(likely, out=likely)
        likely /= np.add.reduce(likely, 1, keepdims=True)
        after: Array = ahead - step * (rows.T @ (likely - wanted) + damping * ahead)
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = after + np.float32((pace - 1) / faster) * (after - found)
        found, pace = after, faster
    return found


def _largest(rows: Array) -> float:
    """The largest eigenvalue of ``rows.T @ rows``, by repeated multiplication."""
    vector: Array = np.ones(rows.shape[1], np.float32)
    for _ in range(15):
        vector = rows.T @ (rows @ vector)
        vector /= np.float32(np.linalg.norm(vector))
    return float(vector @ (rows.T @ (rows @ vector)))
