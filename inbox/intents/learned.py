"""What a clause is about, learned from the phrases of the catalogue. Pure and deterministic.

Multinomial logistic regression over three views of the words: the words themselves with their concepts and pairs of
neighbours, the groups of letters in them, and their place in the embedding. Each view is a sum over words divided by
its length, so what a word adds to every intent is worked out once and kept: reading a clause is a sum of short rows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from inbox.intents.embedding import Embedding
from inbox.intents.features import (
    NONE,
    Array,
    Checksums,
    Rare,
    adds,
    checksums,
    columns,
    letter_checksums,
    of_letters,
    of_pairs,
    of_word,
    rare,
)
from inbox.intents.fitting import Rows, Views, solve

_NEW_WORDS = 4096  # words that nobody taught are kept after they were met


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
    known: tuple[str, ...]  # the words of the examples
    rows: Array  # of each known word, see ``row``

    def row(self, word: str) -> Array:
        """What a word adds to every intent by itself and by its letters, then the squares of its length in both."""
        return self.row_of(checksums(of_word(word)), letter_checksums(word))

    def row_of(self, features: Checksums, groups: Checksums) -> Array:
        """The same by the features of the word and its groups of letters."""
        said, length = adds(features, self.words, self.of_words)
        spelled, letters = adds(groups, self.letters, self.of_letters)
        return np.concatenate([said, spelled, np.array([length, letters], np.float32)])


class Learned:
    """Probabilities of the intents for the words of one clause."""

    def __init__(self, weights: Weights, embedding: Embedding | None = None) -> None:
        self.weights = weights
        self.intents = weights.intents
        self._embedding = embedding if len(weights.of_place) else None
        self._number = {word: n for n, word in enumerate(weights.known)}
        self._new = lru_cache(maxsize=_NEW_WORDS)(weights.row)

    def probabilities(self, words: Sequence[str]) -> Array:
        """In the order of ``intents``, adding up to one."""
        powers: Array = np.exp(self.scores(words))
        powers /= np.add.reduce(powers)
        return powers

    def scores(self, words: Sequence[str]) -> Array:
        """Logarithms of the odds, the highest zero."""
        weights, size = self.weights, len(self.intents)
        total = weights.bias.copy()
        if words:
            row = self._sum(words)
            said, (length, letters) = row[:size], row[2 * size :].tolist()
            if len(words) > 1:
                pairs = of_pairs(words)
                values = weights.words.of(pairs)
                if values.any():
                    said += values @ weights.of_words.take(columns(pairs), 0)
                    length += float(values @ values)
            if length:
                total += said / np.float32(math.sqrt(length))
            if letters:
                total += row[size : 2 * size] / np.float32(math.sqrt(letters))
            if self._embedding is not None:
                place = self._embedding.of_all(words)
                if size_there := float(place @ place):
                    total += (place / np.float32(math.sqrt(size_there))) @ weights.of_place
        total -= np.maximum.reduce(total)
        return total

    def _sum(self, words: Sequence[str]) -> Array:
        numbers = [self._number.get(word, -1) for word in words]
        if -1 not in numbers:
            known: Array = np.add.reduce(self.weights.rows.take(numbers, 0))
            return known
        numbers = [number for number in numbers if number >= 0]
        total: Array = np.add.reduce(self.weights.rows.take(numbers, 0))
        for word in words:
            if word not in self._number:
                total += self._new(word)
        return total


def fit(examples: Sequence[Example], embedding: Embedding | None = None) -> Weights:
    """Learn from phrases; the same phrases give the same weights."""
    intents = tuple(sorted({e.intent for e in examples}))
    texts = [e.words for e in examples]
    known = tuple(dict.fromkeys(word for words in texts for word in words))
    at = {word: n for n, word in enumerate(known)}
    words, letters = [checksums(of_word(word)) for word in known], [checksums(of_letters(word)) for word in known]
    pairs = [of_pairs(text) for text in texts]
    numbers = [[at[word] for word in dict.fromkeys(text)] for text in texts]
    said = rare([np.concatenate([*(words[n] for n in of), pairs[t]]) for t, of in enumerate(numbers)])
    spelled = rare([np.concatenate([NONE, *(letters[n] for n in of)]) for of in numbers])
    number = {intent: n for n, intent in enumerate(intents)}
    wanted = np.zeros((len(texts), len(intents)), np.float32)
    wanted[np.arange(len(texts)), [number[e.intent] for e in examples]] = 1.0
    found = solve(Rows(texts, at, Views((words, said), (letters, spelled), pairs), embedding), wanted)
    weights = Weights(
        intents=intents, words=said, letters=spelled, of_words=found.of_words, of_letters=found.of_letters,
        of_place=found.of_place, bias=found.bias, known=known, rows=np.zeros((0, 2 * len(intents) + 2), np.float32),
    )  # fmt: skip
    return replace(weights, rows=np.stack(list(map(weights.row_of, words, letters)))) if known else weights
