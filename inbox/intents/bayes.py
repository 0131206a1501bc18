"""What the words of a clause speak for, each by how often it stands in the phrases of an intent and in no other. Pure.

Naive Bayes over the same features as the phrase matcher, with the beginnings of words against inflections. It weighs all
phrases of an intent where the matcher sees only the nearest, so the two err differently.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

_SMOOTH = 1.5  # phrases' worth of the feature's own average
_FLOOR = 0.02
_PART = 0.5  # a pair of words, or a word's beginning, says half as much as a word
_COOL = 0.7  # words are not independent: temper the sum
_STEM = 4  # letters


def widened(features: Sequence[str]) -> tuple[str, ...]:
    """The features and the beginnings of the longer words among them."""
    stems = [f"^{f[:_STEM]}" for f in features if len(f) > _STEM and " " not in f and f[0] not in "=#"]
    return tuple(dict.fromkeys([*features, *stems]))


class Bayes:
    def __init__(self, examples: Sequence[tuple[str, Sequence[str]]]) -> None:
        """``examples``: intent and features of each phrase."""
        self.intents = tuple(sorted({intent for intent, _ in examples}))
        sizes = Counter(intent for intent, _ in examples)
        counts: dict[str, Counter[str]] = {intent: Counter() for intent in self.intents}
        for intent, found in examples:
            counts[intent].update(set(widened(found)))
        total: Counter[str] = Counter()
        for count in counts.values():
            total.update(count)
        self._rows = {
            feature: tuple(
                _weight(feature, counts[i][feature], sizes[i], total[feature], len(examples)) for i in self.intents
            )
            for feature in total
        }

    def __contains__(self, feature: str) -> bool:
        return feature in self._rows

    def probabilities(self, found: Sequence[str]) -> Mapping[str, float]:
        """Share of each intent, adding up to one; empty if no feature is known."""
        rows = [row for feature in widened(found) if (row := self._rows.get(feature)) is not None]
        if not rows:
            return {}
        sums = [sum(column) for column in zip(*rows, strict=True)]
        top = max(sums)
        powers = [math.exp((value - top) * _COOL) for value in sums]
        whole = sum(powers)
        return {intent: power / whole for intent, power in zip(self.intents, powers, strict=True)}


def _weight(feature: str, here: int, size: int, everywhere: int, phrases: int) -> float:
    """How much likelier the feature is in this intent than in the others, as a logarithm."""
    inside = (here + _SMOOTH * everywhere / phrases + _FLOOR) / (size + 1)
    outside = (everywhere - here + 0.2) / (phrases - size + 1)
    return math.log(inside / outside) * (_PART if " " in feature or feature[0] == "^" else 1.0)
