"""Names of people as keys: folded, in plain characters, first name with one of the family names. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from inbox.redaction import plain

_UNSEEN = "\u200b"
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['’\u0300-\u036f\u200b])*+")
_APART = 4  # characters between two words of one name: blanks, a comma, a dot, a line break
_LONGEST = 3  # words between a first and a last name


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Words that are names and everyday words at once; a pair of them alone is no name, and in lower case none of them is.
_COMMON = _words(
    "will pay grace period bill due may april june august mark grant rose faith hope joy summer page book best white black"
    " brown green young long short rich gold silver king stone art cash penny bond check sunny frank guy iris chase reed wood"
    " rivers lake banks law case price day knight church hill field ford house home west north south winter author paid plan"
    " january february march july september october november december monday tuesday wednesday thursday friday saturday sunday"
    " luz paz mar rosa sol blanco dulce esperanza santo claro bueno rico campo rey leal franco gracia total final visa card"
    " mastercard american express discover paypal bank transfer ach best kind warm regards dear hi hello thanks thank you"
    " hola saludos atentamente gracias estimado estimada ola obrigado obrigada atenciosamente prezado prezada caro cara new your"
    " our the this that please invoice payment balance account royalty royalties statement amount date support team billing reply stop help text"
)
_STOP = _words(
    "the a an to of in on at for and or but is are was were be been it its i you he she we they me my your our their his her"
    " this that these those with from by as if so no not yes do does did has have had can could will would should may might"
    " el la los las un una de del al y o u en con por para que se su sus mi tu lo le es son fue no si como mas ya"
    " hi hello dear hola ola oi thanks thank gracias obrigado obrigada regards saludos estimado estimada prezado prezada"
    " os uma um do da dos das e ou em com por para que se seu sua meu minha nao sim como mais ja foi"
)


@lru_cache(maxsize=8192)
def folded(word: str) -> str:
    """Lower case without accents, zero-width signs and apostrophes."""
    flat = unicodedata.normalize("NFD", word.lower())
    return "".join(c for c in flat if not unicodedata.combining(c) and c not in "'’\u200b")


def keys(name: str) -> tuple[str, str]:
    """What a stored name is found by: first with last word, and first with the last but one, "" if it has none.

    ``"Gabriel García Márquez"`` gives ``("gabriel marquez", "gabriel garcia")``; a single word is no full name.
    """
    words = [w for w in (folded(w) for w in _WORD.findall(plain(name))) if len(w) > 1 and w not in _STOP]
    if len(words) < 2:
        return "", ""
    return f"{words[0]} {words[-1]}", f"{words[0]} {words[-2]}" if len(words) > 2 else ""


def spoken_of(text: str, *, any_case: bool, without: frozenset[str] = frozenset()) -> dict[str, str]:
    """Keys of everything in a text that could be a full name, with the words as they stand there.

    With ``any_case`` words in lower case count too, as people type them. ``without`` are folded words that are no part of
    a name here: the company's own. ``text`` is plain.
    """
    found: dict[str, str] = {}
    for pair in _pairs(text, any_case=any_case, without=without):
        (a, b), shown = pair
        found.setdefault(f"{a} {b}", shown)
        found.setdefault(f"{b} {a}", shown)
    return found


def _pairs(text: str, *, any_case: bool, without: frozenset[str]) -> Iterator[tuple[tuple[str, str], str]]:
    words = [(m.start(), m.end(), m.group()) for m in _WORD.finditer(text)]
    known = [folded(w) for _, _, w in words]
    may = [
        _may_name(raw, key, any_case=any_case) and key not in without
        for (_, _, raw), key in zip(words, known, strict=True)
    ]
    for n in range(len(words)):
        if not may[n]:
            continue
        for k in range(n + 1, min(n + 2 + _LONGEST, len(words))):
            if words[k][0] - words[k - 1][1] > _APART or not _is_between(text[words[k - 1][1] : words[k][0]]):
                break
            if may[k] and not (known[n] in _COMMON and known[k] in _COMMON):
                yield (known[n], known[k]), text[words[n][0] : words[k][1]].replace(_UNSEEN, "")
            elif not may[k] and known[k] not in _STOP and len(known[k]) > 1:
                break


def _may_name(raw: str, key: str, *, any_case: bool) -> bool:
    if len(key) < 2 or key in _STOP:
        return False
    return raw[0].isupper() or (any_case and key not in _COMMON)


def _is_between(gap: str) -> bool:
    return bool(gap) and all(c.isspace() or c in ",._-\u200b/·" for c in gap)


def of_words(names: Sequence[str]) -> frozenset[str]:
    """Every folded word of some names."""
    return frozenset(folded(w) for name in names for w in _WORD.findall(plain(name)))
