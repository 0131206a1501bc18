"""Cards, and the expiry dates and security codes that stand beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inbox.redaction import words as redaction_words
from inbox.redaction.cards import card_spans
from inbox.redaction.digits import Group, Run, runs
from inbox.redaction.page import Page

_SPOKEN_REST = re.compile(r"(?:(?:0[1-9]|1[0-2])(?:20)?\d\d)?(?:\d{3,4})?")
_ID_AND_PHONE = re.compile(r"\d(?:1?334|34){1,2}")  # sizes of groups


def mask_cards(page: Page) -> None:
    for run in page.runs():
        known = page.innocents.of([page.tokens[g.first].start for g in run.groups]) if len(run.digits) > 12 else {}
        for span in card_spans(run, known):
            first, last = run.groups[span.first].first, run.groups[span.last].last
            if _is_id_and_phone(page, run.groups[span.first : span.last + 1]):
                continue
            brand = f"{span.brand} " if span.brand else ""
            page.add(first, last, "pan", f"[{brand}card •••• {span.digits[-4:]}]", span.digits[-4:])
            page.cards.append((first, last))
    for first, last in page.cards:
        _mask_after_card(page, last)
        _mask_before_card(page, first)


def _is_id_and_phone(page: Page, groups: Sequence[Group]) -> bool:
    """``INV-224302 415-555-0134``: the tail of an id and a telephone number, which only happen to add up."""
    start = page.tokens[groups[0].first].start
    before = page.text[max(0, start - 2) : start]
    is_id = before[-1:] == "#" or (before[-1:] in ("-", "_") and before[:1].isalpha())
    return is_id and bool(_ID_AND_PHONE.fullmatch("".join(str(min(len(g.digits), 9)) for g in groups)))


def _mask_after_card(page: Page, last: int) -> None:
    """Expiry and security code in the words right behind a card, each once."""
    expiry = cvv = worded = False
    n = last + 1
    while n < min(last + 20, len(page.tokens)) and len(page.between(n)) < 12:
        token, kind = page.tokens[n], page.taken.get(n, "")
        if kind in ("expiry", "cvv"):
            expiry, cvv = expiry or kind == "expiry", cvv or kind == "cvv"
        elif token.kind == "word" and not expiry and (end := _month_end(page, n)) >= 0:
            page.add(n, end, "expiry")
            expiry, n = True, end
        elif token.kind == "word" and token.text in redaction_words.BESIDE_CARD:
            worded = True
        elif token.kind == "spoken" and _counts(page, n):
            worded, n = True, n + 1
        elif token.kind not in ("number", "spoken") or "$" in page.between(n):
            return
        elif token.kind == "spoken" and not expiry and not cvv:
            n, kind = _mask_spoken_rest(page, n)
            if not kind:
                return
            expiry, cvv = True, kind == "cvv"
        elif not expiry and not cvv and (end := _expiry_end(page, n)) >= 0:
            page.add(n, end, "expiry")
            expiry, n = True, end
        elif not cvv and (end := _code_end(page, n, amex_or_told=expiry or worded)) >= 0:
            page.add(n, end, "cvv")
            cvv, n = True, end
        else:
            return
        n += 1


def _mask_spoken_rest(page: Page, n: int) -> tuple[int, str]:
    """``… zero four two eight nine nine nine``: expiry and code said in one breath. Last token and kind, or ""."""
    until = next((k for k in range(n, n + 12) if k in page.taken), n + 12)
    run = next(runs(page.text, page.tokens[n:until]), Run())
    if len(run.digits) < 3 or not _SPOKEN_REST.fullmatch(run.digits):
        return n, ""
    kind = "expiry" if len(run.digits) in (4, 6) else "cvv"
    end = n + run.groups[-1].last
    page.add(n, end, kind)
    return end, kind


def _mask_before_card(page: Page, first: int) -> None:
    """``exp 04/28, card 4242…``"""
    for n in range(first - 1, max(first - 7, 0), -1):
        if (
            page.tokens[n].kind == "number"
            and n not in page.taken
            and page.tokens[n - 1].text in redaction_words.EXPIRY
        ):
            end = _expiry_end(page, n)
            if 0 <= end < first:
                page.add(n, end, "expiry")
            return


def _counts(page: Page, n: int) -> bool:
    """``the three digits on the back``."""
    return n + 1 < len(page.tokens) and page.tokens[n + 1].text in redaction_words.COUNTED


def _month_end(page: Page, n: int) -> int:
    """Index of the year of ``April 2028`` or ``abril de 28`` that starts at ``n``; -1 if there is none."""
    if page.tokens[n].text not in redaction_words.MONTHS:
        return -1
    for k in range(n + 1, min(n + 3, len(page.tokens))):
        token = page.tokens[k]
        if token.kind == "number":
            return k if len(token.text) in (2, 4) and k not in page.taken else -1
        if token.text not in ("de", "of", "del"):
            return -1
    return -1


def _expiry_end(page: Page, n: int) -> int:
    """Index of the last token of ``04/28``, ``0428`` or ``4 2028`` that starts at ``n``; -1 if there is none."""
    digits = page.tokens[n].text
    if page.tokens[n].kind != "number":
        return -1
    if len(digits) in (4, 6) and "01" <= digits[:2] <= "12" and (len(digits) == 4 or digits[2:4] == "20"):
        return n
    if len(digits) <= 2 and 1 <= int(digits) <= 12 and n + 1 < len(page.tokens):
        year, gap = page.tokens[n + 1], page.between(n + 1)
        if year.kind == "number" and len(year.text) in (2, 4) and gap.strip() in ("/", "-", ".", "") and len(gap) <= 3:
            return n + 1
    return -1


def _code_end(page: Page, n: int, *, amex_or_told: bool) -> int:
    """Index of the last token of a security code that starts at ``n``; -1 if there is none."""
    end, digits = n, ""
    while end < len(page.tokens) and page.tokens[end].kind == page.tokens[n].kind and len(digits) < 5:
        if end > n and (page.tokens[n].kind == "number" or len(page.between(end)) > 2):
            break
        digits += page.tokens[end].text if page.tokens[end].kind == "number" else "0"
        end += 1
    following = page.text[page.tokens[end - 1].end : page.tokens[end - 1].end + 2]
    if following[:1].isalpha() or (following[:1] in tuple(".,-/") and following[1:].isdigit()):
        return -1
    return end - 1 if len(digits) == 3 or (len(digits) == 4 and amex_or_told) else -1
