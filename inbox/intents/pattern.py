"""A small pattern language over tokens, readable by people and linear in the length of the message.

``refund|reembolso``  one of these words          ``cancel*``  a word that begins so
``{charged}``         a word list of words.toml    ``<3>``      up to three words of the same clause
``<~3>``              the same, across clauses     ``really?``  may be missing
``wake_up``           two words in a row, as one of the choices
``^`` and ``$``       begin and end of a clause    ``^^`` ``$$``  begin and end of the message
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from inbox.errors import DataError
from inbox.intents import lexicon
from inbox.intents.normalize import END, MARKS, START, STOP

_MOST_VARIANTS = 64
_TELLING = 5  # letters of a beginning that no other word is likely to have
_GAP = re.compile(r"<(~?)(\d)>")
# Words so common that a search must not begin at them.
_COMMON = lexicon.words().classes["common"]


@dataclass(frozen=True, slots=True)
class Element:
    """One place of a pattern: a word of ``words``, one with such a beginning, or a gap of up to ``gap`` words."""

    words: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    gap: int = 0
    crossing: bool = False
    optional: bool = False

    def fits(self, token: str) -> bool:
        return token in self.words or (self.prefixes != () and token.startswith(self.prefixes))


@dataclass(frozen=True, slots=True)
class Pattern:
    source: str
    elements: tuple[Element, ...]
    anchor: int
    solid: int = 0  # places that must be filled, clause marks not counted
    before: tuple[Element, ...] = ()  # of the anchor, from there to the first
    after: tuple[Element, ...] = ()


def compile_patterns(source: str, classes: Mapping[str, frozenset[str]]) -> tuple[Pattern, ...]:
    """One pattern, or several if some choices have more than one word. Raises DataError for an unknown word list or a
    pattern without a word.
    """
    variants = [""]
    for part in source.split():
        optional = part.endswith("?")
        choices = part.removesuffix("?").split("|")
        single = "|".join(choice for choice in choices if "_" not in choice)
        ways = [single + "?" if optional else single] if single else []
        ways += [choice.replace("_", " ") for choice in choices if "_" in choice]
        variants = [f"{before} {way}" for before in variants for way in ways]
        if len(variants) > _MOST_VARIANTS:
            raise DataError([f"pattern {source!r} has too many choices of several words; split it"])
    return tuple(_compile(variant, source, classes) for variant in variants)


def _compile(variant: str, source: str, classes: Mapping[str, frozenset[str]]) -> Pattern:
    elements = tuple(e for part in variant.split() for e in _elements(part, classes, source))
    solid = [n for n, e in enumerate(elements) if not e.gap and not e.optional and not e.words & MARKS]
    if not solid:
        raise DataError([f"pattern {source!r} has no word to look for"])
    anchor = min(
        solid, key=lambda n: len(elements[n].words & _COMMON) * 100 + len(elements[n].words) + len(elements[n].prefixes)
    )
    before = elements[anchor - 1 :: -1] if anchor else ()
    return Pattern(source, elements, anchor, len(solid), before, elements[anchor + 1 :])


def _elements(part: str, classes: Mapping[str, frozenset[str]], source: str) -> Iterator[Element]:
    marks = {"^": (STOP,), "$": (STOP,), "^^": (START, STOP), "$$": (STOP, END)}
    if part in marks:
        yield from (Element(words=frozenset({mark})) for mark in marks[part])
    elif gap := _GAP.fullmatch(part):
        yield Element(gap=int(gap.group(2)), crossing=bool(gap.group(1)))
    else:
        yield _word_element(part, classes, source)


def _word_element(part: str, classes: Mapping[str, frozenset[str]], source: str) -> Element:
    optional, words, prefixes = part.endswith("?"), set[str](), list[str]()
    choices = part.removesuffix("?").split("|")
    if len(choices) == 1 and (whole := classes.get(choices[0].strip("{}"))) and choices[0].startswith("{"):
        return Element(whole, optional=optional)  # the list itself, not a copy
    for choice in choices:
        if choice.startswith("{"):
            name = choice.strip("{}")
            if name not in classes:
                raise DataError([f"pattern {source!r}: there is no word list {name!r} in words.toml"])
            words |= classes[name]
        elif choice == "$":
            words.add(STOP)
        elif choice.endswith("*"):
            prefixes.append(choice[:-1])
        else:
            words.add(choice)
    return Element(frozenset(words), tuple(prefixes), optional=optional)


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern found: its owner, the first token and one past the last."""

    owner: Hashable
    start: int
    end: int


class Index:
    """Many patterns at once. A pattern is only walked where its rarest word stands, and only if the message has a
    word for each of its places: a comparison of bit sets, so that a thousand patterns cost microseconds.
    """

    def __init__(self, patterns: Iterable[tuple[Hashable, Pattern]]) -> None:
        self._bit: dict[tuple[frozenset[str], tuple[str, ...]], int] = {}
        self._bits_of: dict[str, int] = {}
        self._prefix_bits: dict[str, int] = {}
        self._anchored: dict[int, list[tuple[int, Hashable, Pattern]]] = {}
        for owner, pattern in patterns:
            need = 0
            for element in pattern.elements:
                if not element.gap and not element.optional:
                    need |= 1 << self._number(element)
            anchor = self._number(pattern.elements[pattern.anchor])
            self._anchored.setdefault(anchor, []).append((need, owner, pattern))
        self._lengths = sorted({len(prefix) for prefix in self._prefix_bits})
        self._anchors = sum(1 << number for number in self._anchored)
        self._word = lru_cache(maxsize=16384)(self._look_up)

    def vocabulary(self) -> frozenset[str]:
        """Every whole word that some pattern asks for."""
        return frozenset(self._bits_of)

    def knows(self, token: str) -> bool:
        """Some pattern asks for this word, whole or by a beginning long enough to tell."""
        return token in self._bits_of or any(token[:n] in self._prefix_bits for n in self._lengths if n >= _TELLING)

    def search(self, tokens: Sequence[str]) -> Iterator[Hit]:
        """The hits in the order of the text."""
        words = [self._word(token) for token in tokens]
        present = 0
        for mask, _ in words:
            present |= mask
        absent = ~present
        for at, (_, anchored) in enumerate(words):
            for need, owner, pattern in anchored:
                if not need & absent and (span := match_at(pattern, tokens, at)):
                    yield Hit(owner, *span)

    def _number(self, element: Element) -> int:
        key = (element.words, element.prefixes)
        if key not in self._bit:
            number = self._bit[key] = len(self._bit)
            for word in element.words:
                self._bits_of[word] = self._bits_of.get(word, 0) | 1 << number
            for prefix in element.prefixes:
                self._prefix_bits[prefix] = self._prefix_bits.get(prefix, 0) | 1 << number
        return self._bit[key]

    def _look_up(self, token: str) -> tuple[int, tuple[tuple[int, Hashable, Pattern], ...]]:
        """The places this word can fill, and the patterns that are looked for where it stands."""
        mask = self._bits_of.get(token, 0)
        for length in self._lengths:
            if length > len(token):
                break
            mask |= self._prefix_bits.get(token[:length], 0)
        here, found = mask & self._anchors, list[tuple[int, Hashable, Pattern]]()
        while here:
            low = here & -here
            here ^= low
            found += self._anchored[low.bit_length() - 1]
        return mask, tuple(found)


def match_at(pattern: Pattern, tokens: Sequence[str], at: int) -> tuple[int, int] | None:
    """The span of the pattern if its anchor stands at ``at``."""
    end = at + 1
    if pattern.after:
        ends = _walk(pattern.after, tokens, end, 1)
        if not ends:
            return None
        end = min(ends)
    start = at
    if pattern.before:
        starts = _walk(pattern.before, tokens, at - 1, -1)
        if not starts:
            return None
        start = max(starts) + 1
    return start, end


def _walk(elements: Sequence[Element], tokens: Sequence[str], at: int, step: int) -> set[int]:
    """Positions just past the last element. Sets of positions: the work is bounded by pattern, not by luck."""
    size = len(tokens)
    for number, element in enumerate(elements):
        if element.gap or element.optional:
            return _walk_ways(elements[number:], tokens, at, step)
        if not 0 <= at < size or not element.fits(tokens[at]):
            return set()
        at += step
    return {at}


def _walk_ways(elements: Sequence[Element], tokens: Sequence[str], at: int, step: int) -> set[int]:
    """The same where there are several ways to go on."""
    places, size = {at}, len(tokens)
    for element in elements:
        after: set[int] = set()
        for place in places:
            if element.gap:
                _spread(element, tokens, place, step, after)
            else:
                if element.optional:
                    after.add(place)
                if 0 <= place < size and element.fits(tokens[place]):
                    after.add(place + step)
        if not after:
            return after
        places = after
    return places


def _spread(element: Element, tokens: Sequence[str], place: int, step: int, after: set[int]) -> None:
    after.add(place)
    for _ in range(element.gap):
        if not 0 <= place < len(tokens) or (tokens[place] in MARKS and not element.crossing):
            return
        place += step
        after.add(place)
