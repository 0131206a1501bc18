"""Spelling repair against the words that the rules and the catalogue know. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from inbox.intents import lexicon

_SHORTEST = 5  # letters; below, a change of one letter is another word too often
_TWO_FROM = 9  # letters from which two changes are allowed


class Repair:
    """Replaces an unknown word by the one known word nearest to it. The first letter must agree, or be swapped with
    the second: people miss it rarely, and "loyalty" is not "royalty".
    """

    def __init__(
        self, known: Iterable[str], targets: Iterable[str] = (), prefixed: Callable[[str], bool] = lambda _: False
    ) -> None:
        words = lexicon.words()
        self._prefixed = prefixed
        self._known = frozenset(known) | frozenset(words.concept_of) | words.spared
        self._targets: dict[str, list[str]] = {}
        asked = {w for w in targets if len(w) > _SHORTEST}
        for word in sorted({w for w in words.concept_of if len(w) >= _SHORTEST} | asked):
            self._targets.setdefault(word[0], []).append(word)
        self._nearby: dict[tuple[str, int], list[str]] = {}
        self._one = lru_cache(maxsize=16384)(self._repair)

    def words(self, tokens: Sequence[str], spared: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """The tokens, unknown words repaired; ``spared`` (names) stay."""
        return tuple(t if len(t) < _SHORTEST or t in self._known or t in spared else self._one(t) for t in tokens)

    def _repair(self, word: str) -> str:
        if not word.isalpha() or len(word) > 24 or self._prefixed(word):
            return word
        firsts = dict.fromkeys((word[0], word[1]))
        limit = _limit(len(word))
        for first in firsts:
            near = process.extractOne(word, self._near(first, len(word)), scorer=OSA.distance, score_cutoff=limit)
            if near is not None:
                return str(near[0])
        return word

    def _near(self, first: str, length: int) -> Sequence[str]:
        """The words with this letter that are not too long or too short to be meant."""
        near = self._nearby.get((first, length))
        if near is None:
            limit = _limit(length)
            near = [word for word in self._targets.get(first, ()) if abs(len(word) - length) <= limit]
            if near:  # as many lists as there are letters and lengths, whatever is written
                self._nearby[first, length] = near
        return near


def _limit(length: int) -> int:
    """Changes that are allowed in a word of so many letters."""
    return 2 if length >= _TWO_FROM else 1
