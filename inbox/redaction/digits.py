"""Find numbers in text however they are written: in figures with any separators, over line breaks, or as spoken words.

Everything is one pass over the text; no pattern here can backtrack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

#: What stands in a text where something was masked. They are read back, so that masking twice changes nothing.
PLACEHOLDERS = {
    "[security code]": "cvv",
    "[expiry date]": "expiry",
    "[bank number]": "bank",
    "[social security number]": "ssn",
    "[tax number]": "tax_id",
    "[password]": "password",
}
_CARD = r"\[(?:[A-Z][A-Za-z]{1,11} ?(?:Express |Club )?)?card •••• \d{4}\]"
_ESCAPES = r"\\[nrt]|&nbsp;|&#160;|%(?:20|2[dDbB]|0[aA]|0[dD])|=\r?\n"
_TOKEN = re.compile(
    rf"(?P<card>{_CARD})|(?P<done>{'|'.join(re.escape(p) for p in PLACEHOLDERS)})"
    rf"|(?:{_ESCAPES})|(?P<number>\d+)|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f])*)"
)
_SEPARATOR = r"\s.,\-‐‑‒–—−_/|*+=>·•:;~'\u200b-\u200f\u2060\ufeff\ufe0f\u20e3\u00ad"
_GAP = re.compile(rf"(?:[{_SEPARATOR}]|{_ESCAPES})*")
_STRONG = re.compile(r"[\n\t,;:|]|\\n")
_LONGEST_GAP = 12

_UNITS = {
    "zero": 0, "oh": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "cero": 0, "uno": 1, "un": 1, "una": 1, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
    "nueve": 9, "um": 1, "uma": 1, "dois": 2, "duas": 2, "quatro": 4, "sete": 7, "oito": 8, "nove": 9, "meia": 6,
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
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80,
    "noventa": 90, "vinte": 20, "trinta": 30, "quarenta": 40, "cinquenta": 50, "sessenta": 60, "oitenta": 80,
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3, "doble": 2, "duplo": 2, "triplo": 3, "dobro": 2}
NUMBER_WORDS = frozenset(_UNITS) | frozenset(_TEENS) | frozenset(_TENS)
_ENGLISH = frozenset(("two", "three", "four", "five", "six", "seven", "eight", "nine"))
_FILLERS = frozenset((
    "uh", "um", "er", "ah", "eh", "and", "y", "e", "then", "next", "luego", "depois", "dash", "space", "hyphen", "dot",
    "comma", "guion", "espacio", "coma", "punto", "traco", "espaco", "hifen", "virgula", "ponto",
))  # fmt: skip


class Token(NamedTuple):
    kind: str  # number | spoken | word | card | done
    text: str  # digits of a number, folded word, placeholder as it stands
    start: int
    end: int


class Group(NamedTuple):
    """Digits without anything between them, or one number word."""

    digits: str
    first: int  # index of its first token
    last: int
    strong: bool  # a comma, line break or word stands before it


@dataclass(slots=True)
class Run:
    """Groups with nothing but separators between them."""

    groups: list[Group] = field(default_factory=list)

    @property
    def digits(self) -> str:
        return "".join(g.digits for g in self.groups)


@lru_cache(maxsize=4096)
def fold(word: str) -> str:
    """Lower case without accents: ``Código`` -> ``codigo``."""
    if word.isascii():
        return word.lower()
    return "".join(c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c))


def tokens(text: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        raw = match.group()
        if kind == "number":
            raw = raw if raw.isascii() else "".join(str(unicodedata.decimal(c)) for c in raw)
        elif kind == "word":
            raw = fold(raw) if len(raw) < 40 else raw
            kind = "spoken" if raw in NUMBER_WORDS or raw in _TIMES else kind
        found.append(Token(kind, raw, match.start(), match.end()))
    return found


def runs(text: str, found: Sequence[Token]) -> Iterator[Run]:
    """Every run of numbers, in order."""
    run = Run()
    n = 0
    while n < len(found):
        if found[n].kind not in ("number", "spoken"):
            n += 1
            continue
        strong, joined = _joins(text, found, run, n)
        if run.groups and not joined:
            yield run
            run = Run()
        group = _group(text, found, n, strong)
        if group.digits:
            run.groups.append(group)
        n = group.last + 1
    if run.groups:
        yield run


def _joins(text: str, found: Sequence[Token], run: Run, n: int) -> tuple[bool, bool]:
    """Does token ``n`` continue the run, and is the gap before it a strong one?"""
    if not run.groups:
        return True, False
    last = run.groups[-1].last
    spoken = found[n].kind == "spoken" or found[last].kind == "spoken"
    between = range(last + 1, n)
    if len(between) > 2 or (between and not (spoken and all(found[k].text in _FILLERS for k in between))):
        return True, False
    edges = [found[last].end, *(x for k in between for x in (found[k].start, found[k].end)), found[n].start]
    gaps = [text[a:b] if b - a <= _LONGEST_GAP else "x" for a, b in zip(edges[::2], edges[1::2], strict=True)]
    joined = all(_GAP.fullmatch(gap) for gap in gaps) and not (len(gaps[-1]) > 1 and gaps[-1][-1] == "+")  # +1 415 …
    return bool(between) or len(gaps[0]) > 3 or bool(_STRONG.search(gaps[0])), joined


def _group(text: str, found: Sequence[Token], n: int, strong: bool) -> Group:
    token = found[n]
    if token.kind == "number":
        return Group(token.text, n, n, strong)
    following = _spoken_after(text, found, n)
    if token.text in _TIMES:
        if following and found[following].text in _UNITS:
            return Group(str(_UNITS[found[following].text]) * _TIMES[token.text], n, following, strong)
        return Group("", n, n, strong)
    if token.text in _TENS:
        unit = _UNITS.get(found[following].text, 0) if following else 0
        return Group(str(_TENS[token.text] + unit), n, following if following and unit else n, strong)
    if token.text == "um" and _near_english(found, n):
        return Group("", n, n, strong)  # a hesitation, not the Portuguese one
    return Group(str(_UNITS[token.text] if token.text in _UNITS else _TEENS[token.text]), n, n, strong)


def _spoken_after(text: str, found: Sequence[Token], n: int) -> int:
    """Index of the number word that follows, over one ``y``, ``e`` or ``and``; 0 if none does."""
    for k in (n + 1, n + 2):
        if (
            k < len(found)
            and found[k].start - found[k - 1].end <= 3
            and _GAP.fullmatch(text, found[k - 1].end, found[k].start)
        ):
            if found[k].kind == "spoken":
                return k
            if found[k].text in ("y", "e", "and"):
                continue
        return 0
    return 0


def _near_english(found: Sequence[Token], n: int) -> bool:
    return any(t.text in _ENGLISH for t in found[max(0, n - 3) : n + 4])
