"""What a word, or two words in a row, looks like to the learned scorer: features, known by their CRC-32. Pure.

The checksum of a feature is all that is kept of it: it tells the column that the feature is hashed into, its sign (so
that chance meetings cancel out, Weinberger et al. 2009) and, looked up in ``Rare``, its weight.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from inbox.intents import lexicon

Array = NDArray[np.float32]
Checksums = NDArray[np.uint32]
NONE: Checksums = np.zeros(0, np.uint32)
WIDTH = 4096  # columns that the features of one view are hashed into
_SHORTEST, _LONGEST = 3, 5  # letters of a group
_LONGEST_WORD = 60  # letters of a word that are looked at: no word is longer
_SIGN = 0x8000_0000
_ENDINGS = ("ing", "ed", "es", "s")


@dataclass(frozen=True, slots=True)
class Rare:
    """Weights of the features that are worth knowing: the fewer texts have one, the more. ``keys`` are in order."""

    keys: Checksums
    values: Array  # with the sign of the feature

    def of(self, features: Checksums) -> Array:
        """The weight of each, 0.0 if it is not known."""
        if not len(self.keys):
            return np.zeros(len(features), np.float32)
        at = self.keys.searchsorted(features)
        found: Array = self.values.take(at, mode="clip")
        found *= self.keys.take(at, mode="clip") == features
        return found


def rare(texts: Sequence[Checksums]) -> Rare:
    """The features that more than one of the texts has, by how many have them."""
    lengths = np.fromiter(map(len, texts), np.intp, len(texts))
    of_text = np.repeat(np.arange(len(texts), dtype=np.uint64) << np.uint64(32), lengths)
    each = np.sort(of_text | np.concatenate([*texts, NONE]))
    each = np.sort(each[_firsts(each)].astype(np.uint32))  # a feature counts once in a text
    first = np.flatnonzero(_firsts(each))
    counts = np.diff(first, append=len(each))
    keys, counts = each[first][counts > 1], counts[counts > 1]
    weights = np.log((1 + len(texts)) / (1 + counts)) + 1
    return Rare(keys, np.where(keys & np.uint32(_SIGN), weights, -weights).astype(np.float32))


def _firsts(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    """Of values in order: is it another one than before?"""
    return np.concatenate([np.ones(min(len(ordered), 1), np.bool_), ordered[1:] != ordered[:-1]])


def columns(features: Checksums) -> NDArray[np.intp]:
    return (features % np.uint32(WIDTH)).astype(np.intp)


def adds(features: Checksums, known: Rare, learned: Array) -> tuple[Array, float]:
    """What some features add to each intent by their rows of ``learned``, and the square of their length."""
    values = known.of(features)
    added: Array = values @ learned.take(columns(features), 0)
    return added, float(values @ values)


def checksums(found: Iterable[str]) -> Checksums:
    return np.array([crc32(feature.encode()) for feature in found], np.uint32)


def concept(word: str) -> str:
    """The concept of a word, or its plain stem."""
    if found := lexicon.words().concept_of.get(word):
        return f"={found}"
    if word.endswith(_ENDINGS):
        for ending in _ENDINGS:
            if len(word) > len(ending) + 3 and word.endswith(ending):
                return word.removesuffix(ending)
    return word


def of_word(word: str) -> tuple[str, ...]:
    """The word itself and its concept."""
    return f"w {word}", f"c {concept(word)}"


def of_letters(word: str) -> tuple[str, ...]:
    """The groups of three to five letters in a word, its ends marked by a space."""
    if word.startswith("#"):
        return (word,)
    whole = f" {word[:_LONGEST_WORD]} "
    found = [whole] if len(whole) <= _SHORTEST else []
    for size in range(_SHORTEST, _LONGEST + 1):
        found += [whole[n : n + size] for n in range(len(whole) - size + 1)]
    return tuple(found)


@lru_cache(maxsize=2048)
def letter_checksums(word: str) -> Checksums:
    return checksums(of_letters(word))


def of_pair(one: str, two: str) -> str:
    """The concepts of two neighbours."""
    return f"p {concept(one)} {concept(two)}"


def of_pairs(words: Sequence[str]) -> Checksums:
    """Checksums of ``of_pair`` for all neighbours."""
    ends = [_pair_ends(word) for word in words]
    return np.array([crc32(ends[n + 1][1], ends[n][0]) for n in range(len(ends) - 1)], np.uint32)


@lru_cache(maxsize=8192)
def _pair_ends(word: str) -> tuple[int, bytes]:
    """The checksum of a pair so far that begins with the word, and the bytes that a pair ends with."""
    name = concept(word)
    return crc32(f"p {name}".encode()), f" {name}".encode()
