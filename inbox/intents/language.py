"""Which of the three languages a message is in, by its small words and letters. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from inbox.intents import lexicon
from inbox.intents.normalize import fold
from inbox.message import Language

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_LETTERS: dict[Language, re.Pattern[str]] = {"es": re.compile("[ñ¿¡]"), "pt": re.compile("[ãõçâêô]")}
_LONGEST = 400  # words looked at


def words_by_language() -> dict[Language, frozenset[str]]:
    """The small words that tell a language, folded (``words.toml``, table ``language``)."""
    lists = lexicon.words().languages
    return {"en": lists["en"], "es": lists["es"], "pt": lists["pt"]}


def detect(text: str, hint: str = "") -> Language:
    """The language with most telling words; a draw or no words at all: the hint, else English."""
    return leading(scores(text), hint)


def leading(points: Mapping[Language, float], hint: str = "") -> Language:
    """The language with most points; a draw or none: the hint, else English."""
    best = max(points.values())
    leaders: list[Language] = [language for language, value in points.items() if value == best]
    if best > 0 and len(leaders) == 1:
        return leaders[0]
    for language in leaders or points:
        if hint[:2].lower() == language:
            return language
    return leaders[0]


def scores(text: str) -> dict[Language, float]:
    lowered = text[:6000].lower()
    found = _WORD.findall(lowered)[:_LONGEST]
    lists = words_by_language()
    plain = lowered.isascii()
    points: dict[Language, float] = {"en": 0.0, "es": 0.0, "pt": 0.0}
    for language, pattern in _LETTERS.items():
        points[language] += 0.0 if plain else 1.0 * min(3, len(pattern.findall(lowered)))
    folded = found if plain else [fold(word) for word in found]
    for language in points:
        points[language] += _count(folded, lists[language])
    return points


def _count(words: Sequence[str], known: frozenset[str]) -> int:
    return sum(map(known.__contains__, words))
