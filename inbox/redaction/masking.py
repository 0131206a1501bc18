"""Mask card, bank and identity numbers and passwords before anything is stored, logged or sent on. Pure.

Found are numbers with any separators, over line breaks, in any script's digits, and spoken as words in English, Spanish
and Portuguese. Check digits, number ranges and the words nearby decide, so that ISBNs, invoice and tracking ids, phones,
dates and amounts stay. Linear in the length of the text; masking twice changes nothing. Six digits that
may answer our own question are a matter of their own (``mask_codes``, ``mask_given``): intake must still read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inbox.redaction import glyphs
from inbox.redaction import words as redaction_words
from inbox.redaction.beside import mask_cards
from inbox.redaction.credentials import codes_at, mask_passwords, mask_told_codes, spoken_codes
from inbox.redaction.digits import NUMBER_WORDS, fold
from inbox.redaction.numbers import mask_numbers
from inbox.redaction.page import Masked, Page, Redaction
from inbox.redaction.registers import mask_registers

__all__ = ["Masked", "Redaction", "codes_in", "mask", "mask_codes", "mask_given", "mask_json"]

_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")
_SIX = re.compile(r"(?<![\w.,/:+-])\d{6}(?!\w|[.,/:-]\d)")
_ENCODED = re.compile(r"&#|%3\d|\\u00")


def mask(text: str) -> Masked:
    """The text with every secret replaced by a word in brackets, ``[Visa card •••• 1117]``, ``[bank number]``."""
    if _is_clean(text):
        return Masked(text)
    page = read(text)
    return page.masked() if page.finds else Masked(text)


def read(text: str) -> Page:
    """The text with everything found in it."""
    page = Page(text)
    mask_registers(page)
    mask_cards(page)
    mask_numbers(page)
    mask_passwords(page)
    mask_told_codes(page)
    return page


def mask_json(value: Any) -> Any:
    """The same value with all texts in it masked, and numbers that are card numbers; keys stay."""
    if isinstance(value, str):
        return mask(value).text
    if isinstance(value, Mapping):
        return {key: mask_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [mask_json(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**12:
        masked = mask(str(value)).text
        return value if masked == str(value) else masked
    return value


def mask_codes(text: str) -> str:
    """Six-digit numbers that stand alone become ``[code]``, in figures or spoken, and whatever the words call a code."""
    plain = glyphs.plain(text)
    if not _DIGIT.search(plain) and NUMBER_WORDS.isdisjoint(fold(w) for w in _WORD.findall(plain)):
        return text
    page = Page(text)
    for match in _SIX.finditer(page.text):
        page.add_span(match.start(), match.end(), "code")
    for first, last in spoken_codes(page):
        page.add(first, last, "code")
    mask_told_codes(page)
    return page.masked().text


def mask_given(text: str) -> str:
    """The same where a code was asked for: also ``123 456`` and ``123-456``."""
    page = Page(mask_codes(text))
    for start, end, _ in codes_at(page.text):
        page.add_span(start, end, "code")
    return page.masked().text


def codes_in(text: str) -> tuple[str, ...]:
    """Six-digit groups that stand alone, also written ``123 456``; at most three."""
    return tuple(code for _, _, code in codes_at(glyphs.plain(text))[:3])


def _is_clean(text: str) -> bool:
    """Nothing to look for, said in microseconds for the usual message."""
    plain = glyphs.plain(text)
    digits = len(_DIGIT.findall(plain))
    words = [w if w.isascii() else fold(w) for w in _WORD.findall(plain.lower())]
    if not redaction_words.SECRET.isdisjoint(words) or (not text.isascii() and "\u200b" in plain):
        return False
    digits += sum(w in NUMBER_WORDS for w in words)
    if digits < 3:
        return True
    return (
        digits < 6 and "card •" not in text and redaction_words.TRIGGERS.isdisjoint(words) and not _ENCODED.search(text)
    )
