"""Numbers said in words, in English, Spanish and Portuguese: single digits, pairs, hundreds and thousands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

UNITS = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "cero": 0, "uno": 1, "un": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
    "nueve": 9, "um": 1, "uma": 1, "dois": 2, "duas": 2, "quatro": 4, "sete": 7, "oito": 8, "nove": 9, "meia": 6,
    "naught": 0, "nought": 0, "niner": 9,
}  # fmt: skip
_TEENS = {
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17,
    "eighteen": 18, "nineteen": 19, "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15,
    "dieciseis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veintiuno": 21, "veintiun": 21, "veintidos": 22,
    "veintitres": 23, "veinticuatro": 24, "veinticinco": 25, "veintiseis": 26, "veintisiete": 27, "veintiocho": 28,
    "veintinueve": 29, "dez": 10, "onze": 11, "doze": 12, "treze": 13, "quatorze": 14, "catorze": 14, "quinze": 15,
    "dezesseis": 16, "dezasseis": 16, "dezessete": 17, "dezassete": 17, "dezoito": 18, "dezenove": 19, "dezanove": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fourty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70,
    "ochenta": 80, "noventa": 90, "vinte": 20, "trinta": 30, "quarenta": 40, "cinquenta": 50, "sessenta": 60,
    "oitenta": 80,
}  # fmt: skip
_HUNDREDS = {
    "cien": 100, "ciento": 100, "cem": 100, "cento": 100,
    **{stem + end: n for stem, n in (
        ("doscient", 200), ("trescient", 300), ("cuatrocient", 400), ("quinient", 500), ("seiscient", 600),
        ("setecient", 700), ("ochocient", 800), ("novecient", 900), ("duzent", 200), ("trezent", 300),
        ("quatrocent", 400), ("quinhent", 500), ("seiscent", 600), ("setecent", 700), ("oitocent", 800), ("novecent", 900),
    ) for end in ("os", "as")},
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "treble": 3, "doble": 2, "duplo": 2, "triplo": 3, "dobro": 2}
_HUNDRED, _THOUSAND = "hundred", frozenset(("thousand", "mil"))
_VALUES = {**UNITS, **_TEENS, **_TENS}
#: Words that are a number by themselves; "double" and "hundred" only count beside one.
NUMBER_WORDS = frozenset(_VALUES) | frozenset(_HUNDREDS) | {"mil", "thousand"}
WORDS = NUMBER_WORDS | frozenset(_TIMES) | {_HUNDRED}
_ENGLISH = frozenset(("two", "three", "four", "five", "six", "seven", "eight", "nine"))


class Said(NamedTuple):
    digits: str  # "" for a word that only sounds like a number
    last: int  # index of its last word


class _Number(NamedTuple):
    value: int
    last: int


Following = Callable[[int], int]  # the number word after one, 0 if none does


def number_at(words: Sequence[str], n: int, following: Following) -> Said:
    """The number that begins at word ``n``: ``forty two`` 42, ``double four`` 44, ``cuatro mil doscientos`` 4200."""
    word = words[n]
    if word in _TIMES:
        after = following(n)
        if after and words[after] in UNITS:
            return Said(str(UNITS[words[after]]) * _TIMES[word], after)
        return Said("", n)
    if word == "um" and any(w in _ENGLISH for w in words[max(0, n - 3) : n + 4]):
        return Said("", n)  # a hesitation, not the Portuguese one
    whole = _Number(1, n) if word in _THOUSAND else _below_thousand(words, n, following)
    if whole is None:
        return Said("", n)
    thousand = n if word in _THOUSAND else _one_of(words, following(whole.last), _THOUSAND)
    if not thousand and word not in _THOUSAND:
        return Said(str(whole.value), whole.last)
    rest = _rest(words, thousand, following)
    return Said(str(whole.value * 1000 + rest.value), rest.last)


def _rest(words: Sequence[str], thousand: int, following: Following) -> _Number:
    """What is said after "thousand", unless that is a small number with a thousand of its own."""
    after = following(thousand)
    found = _below_thousand(words, after, following) if after else None
    if found is None or (found.value < 100 and _one_of(words, following(found.last), _THOUSAND)):
        return _Number(0, thousand)
    return found  # "seis mil trescientos dos | mil cuatrocientos": groups of four


def _below_thousand(words: Sequence[str], n: int, following: Following) -> _Number | None:
    if words[n] in _HUNDREDS:
        return _plus(_HUNDREDS[words[n]], words, n, following)
    found = _below_hundred(words, n, following)
    hundred = _one_of(words, following(found.last), {_HUNDRED}) if found and found.value else 0
    return _plus(found.value * 100, words, hundred, following) if found and hundred else found


def _plus(value: int, words: Sequence[str], n: int, following: Following) -> _Number:
    after = following(n)
    found = _below_hundred(words, after, following) if after else None
    return _Number(value + found.value, found.last) if found and found.value else _Number(value, n)


def _below_hundred(words: Sequence[str], n: int, following: Following) -> _Number | None:
    word = words[n]
    if word not in _VALUES:
        return None
    if word in _TENS:
        after = following(n)
        unit = UNITS.get(words[after], 0) if after else 0
        if unit:
            return _Number(_TENS[word] + unit, after)
    return _Number(_VALUES[word], n)


def _one_of(words: Sequence[str], n: int, wanted: frozenset[str] | set[str]) -> int:
    return n if n and words[n] in wanted else 0
