"""Weights of a multinomial logistic regression over short texts, without ever writing out their wide rows. Pure.

A row has a column for each hashed feature of its words and pairs, one for each hashed group of letters, the place in the
embedding, and a constant. Each of the first two views is divided by its length. Texts share their words: what a word
adds is worked out once a round, then summed over the texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from inbox.intents.embedding import Embedding
from inbox.intents.features import NONE, WIDTH, Array, Checksums, Rare, columns
from inbox.intents.sums import Numbers, Sums

_STRENGTH = 20.0  # the higher, the closer to the texts
_BIAS = 0.1  # square of the constant
_ROUNDS, _ROUNDS_OF_MANY, _MANY = 50, 80, 40  # with many classes each has few texts: they come apart later

Texts = Sequence[Sequence[str]]
Groups = Sequence[Checksums]  # the features of each word, or of the neighbours in each text


@dataclass(frozen=True, slots=True)
class Solution:
    """A row for each column of the view, a column for each class."""

    of_words: Array
    of_letters: Array
    of_place: Array
    bias: Array


@dataclass(frozen=True, slots=True)
class Views:
    """What texts are made of, each with the features that are worth knowing."""

    words: tuple[Groups, Rare]
    letters: tuple[Groups, Rare]
    pairs: Groups


class Rows:
    """The matrix of all texts. ``known``: every word of them; ``words`` and ``letters`` are of those, ``pairs`` of texts."""

    def __init__(
        self, texts: Texts, known: Mapping[str, int], features: Views, embedding: Embedding | None = None
    ) -> None:
        words, letters, pairs = features.words, features.letters, features.pairs
        at = _numbered(texts, known)
        self._tokens = Sums(*at, (len(texts), len(known)))
        self._words, of_words = _hashed(*words)
        self._letters, of_letters = _hashed(*letters)
        self._pairs, of_pairs = _hashed(pairs, words[1])
        self._said = _scale(self._tokens.times(of_words) + of_pairs)
        self._spelled = _scale(self._tokens.times(of_letters))
        always = np.full((len(texts), 1), math.sqrt(_BIAS), np.float32)
        self._rest = np.concatenate([self._places(list(known), embedding), always], axis=1)
        self.shape = (len(texts), 2 * WIDTH + self._rest.shape[1])

    def _places(self, known: Sequence[str], embedding: Embedding | None) -> Array:
        if embedding is None or not known:
            return np.zeros((self._said.shape[0], embedding.size if embedding else 0), np.float32)
        places = self._tokens.times(np.stack([embedding.of(word) for word in known]))
        return places * _scale(np.einsum("ij,ij->i", places, places)[:, None])

    def times(self, dense: Array) -> Array:
        """``rows @ dense``"""
        said, spelled, size = dense[:WIDTH], dense[WIDTH : 2 * WIDTH], dense.shape[1]
        of_token = np.concatenate([self._words.times(said), self._letters.times(spelled)], axis=1)
        found = self._tokens.times(of_token)
        total: Array = (found[:, :size] + self._pairs.times(said)) * self._said
        total += found[:, size:] * self._spelled
        total += self._rest @ dense[2 * WIDTH :]
        return total

    def back(self, dense: Array) -> Array:
        """``rows.T @ dense``"""
        said, size = dense * self._said, dense.shape[1]
        of_token = self._tokens.back(np.concatenate([said, dense * self._spelled], axis=1))
        return np.concatenate([
            self._words.back(of_token[:, :size]) + self._pairs.back(said),
            self._letters.back(of_token[:, size:]),
            self._rest.T @ dense,
        ])  # fmt: skip


def _numbered(texts: Texts, known: Mapping[str, int]) -> tuple[Numbers, Numbers]:
    """Of each word the text and the number."""
    lengths = np.fromiter(map(len, texts), np.intp, len(texts))
    numbers = np.fromiter((known[word] for word in chain.from_iterable(texts)), np.intp, int(lengths.sum()))
    return np.repeat(np.arange(len(texts)), lengths), numbers


def _hashed(groups: Groups, known: Rare) -> tuple[Sums, Array]:
    """The columns and values of the features of each group, and the square of its length."""
    lengths = np.fromiter(map(len, groups), np.intp, len(groups))
    features = np.concatenate([*groups, NONE])
    values = known.of(features)
    group, kept = np.repeat(np.arange(len(groups)), lengths), values != 0
    group, values = group[kept], values[kept]
    squares = np.bincount(group, values * values, len(groups)).astype(np.float32)[:, None]
    return Sums(group, columns(features[kept]), (len(groups), WIDTH), values), squares


def _scale(squares: Array) -> Array:
    found: Array = np.zeros_like(squares)
    np.divide(1.0, np.sqrt(squares), out=found, where=squares > 0)
    return found


def solve(rows: Rows, wanted: Array) -> Solution:
    """Weights that make ``wanted`` likely, one column a class, by accelerated gradient (Nesterov 1983)."""
    damping = np.float32(1 / _STRENGTH)
    step = np.float32(1 / (0.5 * _largest(rows) + float(damping)))
    found: Array = np.zeros((rows.shape[1], wanted.shape[1]), np.float32)
    ahead, pace = found, 1.0
    for _ in range(_ROUNDS_OF_MANY if wanted.shape[1] > _MANY else _ROUNDS):
        likely: Array = rows.times(ahead)
        likely -= likely.max(1, keepdims=True)
        np.exp(likely, out=likely)
        likely /= np.add.reduce(likely, 1, keepdims=True)
        uphill: Array = rows.back(likely - wanted) + damping * ahead
        before, found = found, np.subtract(ahead, step * uphill, dtype=np.float32)
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = found + np.float32((pace - 1) / faster) * (found - before)
        pace = faster
    of_place, bias = found[2 * WIDTH : -1], np.float32(math.sqrt(_BIAS)) * found[-1]
    return Solution(found[:WIDTH].copy(), found[WIDTH : 2 * WIDTH].copy(), of_place.copy(), bias)


def _largest(rows: Rows) -> float:
    """The largest eigenvalue of ``rows.T @ rows``, by repeated multiplication."""
    vector: Array = np.ones((rows.shape[1], 1), np.float32)
    for _ in range(15):
        vector = rows.back(rows.times(vector))
        vector /= np.float32(np.linalg.norm(vector))
    return float((vector.T @ rows.back(rows.times(vector)))[0, 0])
