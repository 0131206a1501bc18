"""Numbers that are known not to be cards: parcels, record ids, ISBNs, dates, telephone numbers. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from inbox.redaction import checksums

#: Believed whatever the digits say. All patterns begin at the edge of a number or with a fixed sign, and are bounded.
_FIRM = re.compile(
    r"(?P<ups>(?<![A-Za-z0-9])1Z[0-9A-Z]{16}(?![A-Za-z0-9]))"
    r"|(?P<hex>(?<![A-Za-z0-9])(?:[A-Z]{0,4}+[0-9a-f]{28,64}|[0-9A-HJKMNP-TV-Z]{26})(?![A-Za-z0-9]))"
    r"|(?P<uuid>(?<![A-Za-z0-9])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![A-Za-z0-9]))"
    r"|(?P<told>(?<![a-z])(?:tracking|fedex|usps|dhl|rastreo|rastreio)(?: (?:number|no|id|numero))?(?: is| es)?[:#. ]{1,3}+\d{10,22}(?!\d))",
)
_LOOSE = re.compile(
    r"(?P<id>(?<![A-Za-z0-9])[A-Z]{1,6}+[-#]\d{3,12}(?!\d))"
    r"|(?P<isbn>(?<![\d\-])(?=[\d\-]{12}[\dXx](?![\w\-]))\d{1,5}-\d{1,7}-\d{1,7}-[\dXx]|(?<![\d\-])\d{9}[\dXx](?![\w\-]))"
    r"|(?P<date>(?<!\d)(?:19|20)\d\d(?P<a>[-/.])(?:0?[1-9]|1[0-2])(?P=a)(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])(?P<b>[-/.])(?:0?[1-9]|[12]\d|3[01])(?P=b)(?:19|20)\d\d(?!\d))"
    r"|(?P<phone>(?<!\d)\(\d{3}\) ?\d{3}[-.]\d{4}(?!\d)|(?<!\d)\d{3}-\d{3}-\d{4}(?!\d)"
    r"|\+\d{1,3}(?:[ \-.()]{0,2}+\d{1,4}){2,5}+(?![A-Za-z0-9]))"
)
_CARD_WORDS = frozenset(("CARD", "CC", "VISA", "MC", "AMEX", "TARJET", "CARTAO", "NO", "NUM", "PAN", "TC"))
_TURNS = 8  # between letters and digits: a random id, not a number with letters around it
_GROUPS = ("ups", "hex", "uuid", "told", "id", "isbn", "date", "phone")


class Innocents:
    """The stretches of a text that are other numbers. ``firm`` ones are believed even against a card's usual groups."""

    def __init__(self, text: str) -> None:
        firm = [(m.start(), m.end(), "firm") for m in _FIRM.finditer(text) if _holds(m)]
        loose = [(m.start(), m.end(), _kind(m)) for m in _LOOSE.finditer(text) if _holds(m)]
        self._layers = [(spans, [start for start, _, _ in spans]) for spans in (firm, loose) if spans]

    def of(self, places: Sequence[int]) -> dict[int, str]:
        """Kind of the stretch that each of these places lies in, by its position in the list."""
        found: dict[int, str] = {}
        for spans, starts in self._layers:
            for n, place in enumerate(places):
                k = bisect_left(starts, place + 1) - 1
                if k >= 0 and place < spans[k][1]:
                    found.setdefault(n, spans[k][2])
        return found


def _kind(match: re.Match[str]) -> str:
    return next(name for name in _GROUPS if name in match.re.groupindex and match[name] is not None)


def _holds(match: re.Match[str]) -> bool:
    text, kind = match.group(), _kind(match)
    if kind == "ups":
        return checksums.ups(text)
    if kind == "hex":
        return sum(a.isdigit() != b.isdigit() for a, b in pairwise(text)) > _TURNS
    if kind == "id":
        return text.partition("-")[0].partition("#")[0] not in _CARD_WORDS
    return kind != "isbn" or checksums.isbn10(text.replace("-", "").upper())
