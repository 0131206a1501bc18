"""Account and register numbers with letters in them: IBAN, CURP, RFC, DNI and NIE."""

from __future__ import annotations

import re

from inbox.redaction import checksums
from inbox.redaction import words as redaction_words
from inbox.redaction.digits import fold
from inbox.redaction.page import Page

_B = "[ \\-./\u200b\\n\\r]"  # what may stand between two characters of one number
_IBAN = re.compile(
    rf"(?<![A-Za-z0-9])[A-Za-z]{_B}{{0,2}}+[A-Za-z]{_B}{{0,2}}+\d{_B}{{0,2}}+\d(?={_B}{{0,3}}+[A-Za-z0-9])"
)
_BLANKS = frozenset(" -./\u200b\n\r_")
_MOST_BLANKS = 4  # together, between two characters
_C = "[ \\-.\u200b]{0,2}+"
_CURP = re.compile(rf"(?<!\w)[A-Za-z]{{4}}{_C}\d{{6}}{_C}[HMXhmx]{_C}[A-Za-z]{{5}}{_C}[A-Za-z0-9]{_C}\d(?!\w)")
_RFC = re.compile(rf"(?<!\w)[A-Za-zÑñ&]{{3,4}}{_C}\d{{6}}{_C}[A-Za-z0-9]{{3}}(?!\w)")
_ID = re.compile(r"[A-Z]{3,4}-\d{9}")  # PAY-340731401
_DNI = re.compile(rf"(?<![\w\-/])(?:[XYZxyz]{_C}\d{{7}}|\d{{8}}|\d\d\.\d{{3}}\.\d{{3}}){_C}[A-Za-z](?![\w\-/])")


def mask_registers(page: Page) -> None:
    _mask_ibans(page)
    for match in _CURP.finditer(page.text):
        page.add_span(match.start(), match.end(), "tax_id")
    for match in _RFC.finditer(page.text):
        if fold(match.group()[:3]) in redaction_words.SOCIAL and match.group()[3:4] in (" ", "-"):
            continue  # "SSN 219099999"
        near = fold(page.text[max(0, match.start() - 16) : match.start()])
        if "rfc" in near or (checksums.rfc(_compact(match.group())) and not _ID.fullmatch(match.group())):
            page.add_span(match.start(), match.end(), "tax_id")
    for match in _DNI.finditer(page.text):
        if checksums.dni(_compact(match.group())):
            page.add_span(match.start(), match.end(), "tax_id")


def _mask_ibans(page: Page) -> None:
    taken = 0
    for match in _IBAN.finditer(page.text):
        end = _iban_end(page.text, match.start()) if match.start() >= taken else 0
        if end:
            page.add_span(match.start(), end, "bank")
            taken = end


def _iban_end(text: str, start: int) -> int:
    """Where the IBAN ends that begins at ``start``, 0 if there is none."""
    compact, end, blanks, length = "", start, 0, 99
    while end < len(text) and len(compact) < length and blanks <= _MOST_BLANKS:
        c = text[end]
        if c.isalnum() and c.isascii():
            compact, blanks = compact + c.upper(), 0
            if len(compact) == 2:
                length = checksums.iban_length(compact)
        elif c in _BLANKS:
            blanks += 1
        else:
            break
        end += 1
    return end if checksums.iban(compact) and not text[end : end + 1].isalnum() else 0


def _compact(text: str) -> str:
    return "".join(c for c in text if c.isalnum() or c == "&").upper()
