"""Which parts of a run of digits are card numbers."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

from inbox.redaction import checksums
from inbox.redaction.digits import Group, Run

_SHORTEST, _LONGEST = 13, 19
_FIRST_DIGITS = frozenset("234568")
#: How people and card faces group the digits; these are recognised even between other numbers.
_USUAL = frozenset(
    ((4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 4, 4, 4, 2), (4, 4, 4, 4, 1), (4, 6, 5), (4, 6, 4), (4, 4, 5), (4, 4, 4, 1), (8, 8),
     (4, 4, 4, 2), (4, 4, 4, 3), (6, 10), (4, 12), (12, 4), (4, 4, 8), (8, 4, 4), (4, 3, 3, 3))
)  # fmt: skip
#: Those that are printed on cards.
_PRINTED = frozenset(((4, 4, 4, 4), (4, 4, 4, 4, 3), (4, 6, 5), (4, 6, 4)))
_Sizes = frozenset[tuple[int, ...]] | None
_PHONES = re.compile(r"(?:1?334|34){2,}")  # sizes of groups: 415-555-0134 415-555-0135
_FIRST_SIZES = frozenset(sizes[0] for sizes in _USUAL) | frozenset(range(_SHORTEST, _LONGEST + 1))
_MOST_USUAL = max(map(len, _USUAL))
_REST = re.compile(r"(?:(?:0[1-9]|1[0-2])(?:\d\d|20\d\d))?\d{3,4}|(?:0[1-9]|1[0-2])(?:\d\d|20\d\d)")


class CardSpan(NamedTuple):
    first: int  # index of the first group
    last: int
    digits: str
    brand: str


def card_spans(run: Run, known: Mapping[int, str]) -> list[CardSpan]:
    """Cards in the run, left to right: first those in one piece or usual grouping, then any other split.

    ``known`` are groups that belong to another number, by index: ``firm`` ones are never part of a card, the others only
    of one in the groups that are printed on cards; a loose ``id`` of no other.
    """
    groups = run.groups
    if sum(len(g.digits) for g in groups) < _SHORTEST:
        return []
    tables, size = _luhn_tables(groups), len(groups)
    firm = [(n, n) for n, kind in known.items() if kind == "firm"] + _parcels(groups)
    found = [s for low, high in _gaps(firm, size) for s in _scan(groups, low, high, tables, _PRINTED)]
    ids = [(n, n) for n, kind in known.items() if kind == "id"]
    claims = [*firm, *ids, *((s.first, s.last) for s in found)]
    found += [s for low, high in _gaps(claims, size) for s in _scan(groups, low, high, tables, _USUAL)]
    claims = [*((n, n) for n in known), *((s.first, s.last) for s in found)]
    for first, last in _free(groups, claims):
        found += _scan(groups, first, last, tables, None)
    return sorted(found)


class _Tables(NamedTuple):
    """Running sums that give the Luhn sum of any stretch at once."""

    digits: str
    starts: list[int]  # where each group begins, and where the last one ends
    even_doubled: list[int]
    odd_doubled: list[int]

    def valid(self, start: int, end: int) -> bool:
        sums = self.odd_doubled if (end - 1) % 2 == 0 else self.even_doubled
        return (sums[end] - sums[start]) % 10 == 0


def _luhn_tables(groups: Sequence[Group]) -> _Tables:
    digits = "".join(g.digits for g in groups)
    starts = [0, *accumulate(len(g.digits) for g in groups)]
    plain = [int(d) for d in digits]
    doubled = [2 * d - 9 if d > 4 else 2 * d for d in plain]
    even = [d2 if n % 2 == 0 else d1 for n, (d1, d2) in enumerate(zip(plain, doubled, strict=True))]
    odd = [d2 if n % 2 else d1 for n, (d1, d2) in enumerate(zip(plain, doubled, strict=True))]
    return _Tables(digits, starts, [0, *accumulate(even)], [0, *accumulate(odd)])


def _scan(groups: Sequence[Group], low: int, high: int, tables: _Tables, usual: _Sizes) -> list[CardSpan]:
    found, n = [], low
    while n < high:
        at = tables.starts[n]
        span = _starting_at(groups, n, low, high, at, tables, usual) if tables.digits[at] in _FIRST_DIGITS else None
        if span:
            found.append(span)
        n = span.last + 1 if span else n + 1
    return found


def _starting_at(
    groups: Sequence[Group], n: int, low: int, high: int, at: int, tables: _Tables, usual: _Sizes
) -> CardSpan | None:
    """The longest card whose first group is ``n``."""
    if usual:
        if len(groups[n].digits) > _LONGEST:
            return _glued(groups[n].digits, n)
        if len(groups[n].digits) not in _FIRST_SIZES:
            return None
    best = None
    first = n if usual else bisect_left(tables.starts, at + _SHORTEST) - 1
    until = min(high, n + (_MOST_USUAL if usual else _LONGEST))
    for k in range(max(first, n), until):
        size = tables.starts[k + 1] - at
        if size > _LONGEST:
            break
        if size < _SHORTEST or not tables.valid(at, at + size) or (usual and not _is_usual(groups, n, k, usual)):
            continue
        digits = tables.digits[at : at + size]
        brand = checksums.card_brand(digits)
        if brand and len(set(digits)) > 1 and (usual or _stands_alone(groups, n, k, low, high, digits)):
            best = CardSpan(n, k, digits, brand)
    return best


def _is_usual(groups: Sequence[Group], first: int, last: int, usual: frozenset[tuple[int, ...]]) -> bool:
    return first == last or tuple(len(g.digits) for g in groups[first : last + 1]) in usual


def _glued(digits: str, n: int) -> CardSpan | None:
    """Card, expiry and code typed without a gap: ``42424242424242420428999``."""
    if len(digits) > 26:
        return None
    for size in (16, 15):
        card = digits[:size]
        brand = checksums.card_brand(card)
        if brand and checksums.luhn(card) and _REST.fullmatch(digits, size):
            return CardSpan(n, n, card, brand)
    return None


def _stands_alone(groups: Sequence[Group], first: int, last: int, low: int, high: int, digits: str) -> bool:
    """An unusual split counts only if it does not cut through a longer list of numbers."""
    if len(digits) == _SHORTEST and digits[0] == "4":
        return False  # 13-digit Visa cards are long gone; any two phone numbers look like one
    whole = first == low and last == high - 1
    if not whole and sum(g.strong for g in groups[first + 1 : last + 1]) > 1:
        return False
    starts = first == low or _breaks(groups, first)
    return starts and _ends(groups, last, high) and not _has_isbn(groups, first, last)


def _ends(groups: Sequence[Group], last: int, high: int) -> bool:
    if last == high - 1 or _breaks(groups, last + 1):
        return True
    rest = "".join(g.digits for g in groups[last + 1 : min(high, last + 11)])
    return len(rest) <= 10 and bool(_REST.fullmatch(rest))


def _breaks(groups: Sequence[Group], n: int) -> bool:
    """A list of numbers visibly ends before group ``n``: a strong gap, or single digits begin or end."""
    return groups[n].strong or groups[n].walled or (len(groups[n].digits) == 1) != (len(groups[n - 1].digits) == 1)


def _has_isbn(groups: Sequence[Group], first: int, last: int) -> bool:
    """An ISBN-13 inside would be cut: 978-… starts at one of the groups and ends in this stretch."""
    return any(end <= last for _, end in _isbns(groups[first : last + 1], first))


def _free(groups: Sequence[Group], claims: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The stretches between cards, ISBNs and lists of telephone numbers."""
    claims = [*claims, *_isbns(groups), *_phone_lists(groups), *_parcels(groups)]
    return [piece for first, end in _gaps(claims, len(groups)) for piece in _between_walls(groups, first, end)]


def _gaps(claims: Sequence[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    """What lies between the claimed stretches, as first and end."""
    gaps, at = [], 0
    for first, last in sorted(claims):
        if first > at:
            gaps.append((at, first))
        at = max(at, last + 1)
    return [*gaps, (at, size)] if at < size else gaps


def _between_walls(groups: Sequence[Group], first: int, end: int) -> list[tuple[int, int]]:
    edges = [first, *(n for n in range(first + 1, end) if groups[n].walled), end]
    return list(pairwise(edges))


def _isbns(groups: Sequence[Group], offset: int = 0) -> list[tuple[int, int]]:
    spans = []
    for n, group in enumerate(groups):
        if group.digits.startswith(("978", "979")):
            digits = group.digits
            k = n
            while len(digits) < 13 and k + 1 < min(n + 6, len(groups)):
                k += 1
                digits += groups[k].digits
            if checksums.isbn13(digits):
                spans.append((n + offset, k + offset))
    return spans


def _parcels(groups: Sequence[Group]) -> list[tuple[int, int]]:
    """USPS numbers in their groups, ``9400 1000 0000 0000 0000 00``, known by their check digit."""
    found = []
    for n, group in enumerate(groups):
        if group.digits[0] == "9" and len(group.digits) == 4:
            last = n + 5
            digits = "".join(g.digits for g in groups[n : last + 1])
            if last < len(groups) and len(digits) in (20, 22) and checksums.usps(digits):
                found.append((n, last))
    return found


def _phone_lists(groups: Sequence[Group]) -> list[tuple[int, int]]:
    sizes = "".join(str(min(len(g.digits), 9)) for g in groups)
    return [
        (m.start(), m.end() - 1)
        for m in _PHONES.finditer(sizes)
        if (m.start() == 0 or groups[m.start()].strong or sizes[m.start() - 1] == "9")
        and (m.end() == len(groups) or groups[m.end()].strong or sizes[m.end()] == "9")
    ]
