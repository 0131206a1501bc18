"""Find numbers in text however they are written: in figures with any separators, over line breaks, or as spoken words.

Reads text that ``glyphs.plain`` made plain. Everything is one pass over it; no pattern here can backtrack.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from inbox.redaction import spoken
from inbox.redaction.spoken import NUMBER_WORDS

__all__ = ["NUMBER_WORDS", "PLACEHOLDERS", "Group", "Run", "Token", "fold", "runs", "tokens"]

PART_OF_CARD = "[part of a card number]"
#: What stands in a text where something was masked. They are read back, so that masking twice changes nothing.
PLACEHOLDERS = {
    "[security code]": "cvv",
    "[expiry date]": "expiry",
    "[bank number]": "bank",
    "[social security number]": "ssn",
    "[tax number]": "tax_id",
    "[password]": "password",
    "[code]": "code",
    PART_OF_CARD: "pan",
    "[part of it]": "part",
}
_CARD = r"\[(?:[A-Z][A-Za-z]{1,11} ?(?:Express |Club )?)?card •••• \d{4}\]"
_TAG = r"</?(?:br|b|i|u|p|a|em|li|ol|ul|td|tr|th|div|pre|span|code|font|strong|table|tbody)\b[^<>\d]{0,80}>"
_ENTITY = (
    r"&(?:nbsp|ensp|emsp|thinsp|shy|ndash|mdash|minus|hyphen|lt|gt|amp|quot|zwnj|zwj|#\d{1,5}|#[xX][0-9A-Fa-f]{1,4});"
)
_ESCAPED = r"\\u[0-9A-Fa-f]{4}|\\[nrt]|%(?:20|2[dDbBeEcC]|0[aAdD]|[cC]2%[aA]0)|=\r?\n|=20(?=[\r\n=]|$)|=C2=A0|=E2=80=[89A][0-9A-F]"
_ESCAPES = rf"{_ESCAPED}|{_ENTITY}|{_TAG}"
_CODED = r"&#0{0,2}(?:4[89]|5[0-7]);|&#[xX]3\d;|%3\d|\\u003\d"
_TOKEN = re.compile(
    rf"(?P<card>{_CARD})|(?P<done>{'|'.join(re.escape(p) for p in PLACEHOLDERS)})|(?P<coded>{_CODED})|(?:{_ESCAPES})"
    r"|(?P<number>\d++(?:[OolI]{1,2}+\d++){0,8}+)|(?P<word>[^\W\d_](?:[^\W\d_]|[\u0300-\u036f\u200b])*+)"
)
_LETTERS = str.maketrans("OolI", "0011")
_SEPARATOR = r"\s.,\-_/\\|*+=>·•:;~'\u200b"
_GAP = re.compile(rf"(?:{_ESCAPES}|[{_SEPARATOR}])*+")
#: Signs that stand around numbers rather than within one: over these only the usual groups of a card are followed.
_WIDE_GAP = re.compile(rf"(?:{_ESCAPES}|[{_SEPARATOR}()\[\]{{}}\"“”‘’«»<&#`^])*+")
_STRONG = re.compile(r"[\n\t,;:|]|\\n")
_CLOSE_GAP, _LONGEST_GAP = 12, 200
#: Words between the groups of a number that is told piece by piece.
_TELLING = frozenset((
    "uh", "um", "er", "ah", "eh", "and", "y", "e", "then", "next", "luego", "depois", "dash", "space", "hyphen", "dot",
    "comma", "guion", "espacio", "coma", "punto", "traco", "espaco", "hifen", "virgula", "ponto",
    "the", "first", "last", "second", "third", "final", "other", "middle", "rest", "is", "are", "it", "s", "of", "digits",
    "numbers", "number", "followed", "by", "continues", "ends", "with", "in", "slash", "despues", "entonces", "el", "la", "los", "las",
    "resto", "es", "son", "primeros", "ultimos", "siguientes", "digitos", "numeros", "termina", "con", "en", "seguido", "de",
    "o", "os", "sao", "primeiros", "seguintes", "termina", "com", "em", "entao", "barra", "plus", "mas", "mais", "begins", "starts",
))  # fmt: skip
_FOURS = frozenset(("four", "cuatro", "quatro", "4"))
_WHICH = frozenset(("first", "last", "next", "second", "third", "final", "other", "middle", "primeros", "ultimos",
                    "siguientes", "otros", "primeiros", "seguintes", "outros"))  # fmt: skip


#: Words that mean something by themselves but also turn up in hexadecimal ids.
_IN_IDS = frozenset(("aba", "ein", "dni", "pwd", "cbu"))


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
    walled: bool = False  # brackets, words or much room stand before it


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
    return "".join(
        c for c in unicodedata.normalize("NFD", word.lower()) if not unicodedata.combining(c) and c != "\u200b"
    )


def tokens(text: str) -> list[Token]:
    found = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind is None:
            continue
        raw = match.group()
        if kind == "number":
            raw = raw if raw.isdigit() else raw.translate(_LETTERS)
        elif kind == "coded":
            kind, raw = "number", _decoded(raw)
        elif kind == "word":
            raw = fold(raw) if len(raw) < 40 else raw
            if len(raw) == 3 and raw in _IN_IDS and text[match.start() - 1 : match.start()].isdigit():
                raw = ""  # within a random id: …4cb4aba
            kind = "spoken" if raw in spoken.WORDS else kind
        found.append(Token(kind, raw, match.start(), match.end()))
    return found


def _decoded(raw: str) -> str:
    """The digit behind ``&#52;``, ``%34`` or an escape of JSON."""
    if raw.startswith("&#") and raw[2] not in "xX":
        return chr(int(raw[2:-1]))
    return raw.rstrip(";")[-1]


def runs(text: str, found: Sequence[Token]) -> Iterator[Run]:
    """Every run of numbers, in order."""
    words = [t.text for t in found]
    run = Run()
    n = 0
    while n < len(found):
        if found[n].kind not in ("number", "spoken") or _is_told(found, n):
            n += 1
            continue
        strong, walled, joined = _joins(text, found, run, n) if run.groups else (True, False, True)
        if not joined:
            yield run
            run = Run()
        group = _group(text, found, words, n, strong, walled)
        if group.digits:
            run.groups.append(group)
        n = group.last + 1
    if run.groups:
        yield run


def _is_told(found: Sequence[Token], n: int) -> bool:
    """The "four" of "the last four are": it counts digits and is none."""
    return (
        found[n].text in _FOURS
        and n > 0
        and found[n - 1].text in _WHICH
        and n + 1 < len(found)
        and found[n + 1].kind == "word"
    )


def _joins(text: str, found: Sequence[Token], run: Run, n: int) -> tuple[bool, bool, bool]:
    """Does token ``n`` continue the run, over a strong gap, over a wall? ``(strong, walled, joined)``."""
    last = run.groups[-1].last
    if n == last + 1:
        start, end = found[last].end, found[n].start
        if end - start <= _CLOSE_GAP and _GAP.fullmatch(text, start, end):
            gap = text[start:end]
            plus = len(gap) > 1 and gap[-1] == "+"  # +1 415 …
            return len(gap) > 3 or bool(_STRONG.search(gap)), False, not plus
        wide = end - start <= _LONGEST_GAP and bool(_WIDE_GAP.fullmatch(text, start, end))
        return True, True, wide and text[end - 1] != "+"
    between = range(last + 1, n)
    if len(between) > 6 or any(found[k].text not in _TELLING and not _is_told(found, k) for k in between):
        return True, True, False
    edges = [found[last].end, *(x for k in between for x in (found[k].start, found[k].end)), found[n].start]
    if not all(
        b - a <= _CLOSE_GAP and _GAP.fullmatch(text, a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ):
        return True, True, False
    said = found[n].kind == "spoken" or found[last].kind == "spoken"
    return True, not said, True


def _group(
    text: str, found: Sequence[Token], words: Sequence[str], n: int, strong: bool, walled: bool
) -> Group:  # fmt: skip
    if found[n].kind == "number":
        return Group(found[n].text, n, n, strong, walled)
    said = spoken.number_at(words, n, lambda k: _spoken_after(text, found, k))
    return Group(said.digits, n, said.last, strong, walled)


def _spoken_after(text: str, found: Sequence[Token], n: int) -> int:
    """Index of the number word that follows, over one ``y``, ``e`` or ``and``; 0 if none does."""
    for k in (n + 1, n + 2):
        if (
            k < len(found)
            and found[k].start - found[k - 1].end <= 3
            and "," not in text[found[k - 1].end : found[k].start]
            and _GAP.fullmatch(text, found[k - 1].end, found[k].start)
        ):
            if found[k].kind == "spoken":
                return k
            if found[k].text in ("y", "e", "and"):
                continue
        return 0
    return 0
