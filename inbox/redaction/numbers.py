"""Bank, tax and identity numbers: known by their shape and check digits, or by the words nearby."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inbox.redaction import checksums
from inbox.redaction import words as redaction_words
from inbox.redaction.digits import Group, Run, fold
from inbox.redaction.page import Page

_WORD = re.compile(r"[^\W\d_]+")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3}){0,4}[.,]\d{2}")
_PHONE = re.compile(r"\d{3}[-. ]\d{3}[-. ]\d{4}|\d{3}[-.]\d{4}")


def mask_numbers(page: Page) -> None:
    """All of the first sort before any of the second: masked twice, a text must give the same runs."""
    for known in (_shaped, _worded):
        for run in page.runs():
            start = 0
            while start < len(run.groups):
                end, kind = known(page, run, start) or (start, "")
                if kind:
                    page.add(run.groups[start].first, run.groups[end].last, kind)
                start = end + 1


def _shaped(page: Page, run: Run, start: int) -> tuple[int, str] | None:
    """Numbers that are known by grouping and check digits alone."""
    if len(run.groups[start].digits) == 1:
        return None
    if _is_routing_pair(page, run, start):
        return start + 1, "bank"
    for count in (5, 4, 3, 2, 1):
        groups = run.groups[start : start + count]
        if len(groups) < count or any(g.strong for g in groups[1:]):
            continue
        digits = "".join(g.digits for g in groups)
        sizes = tuple(len(g.digits) for g in groups)
        kind = _kind_of_shape(page, groups, digits, sizes)
        if kind and not (kind == "bank" and _cuts(run, start, start + count)):
            return start + count - 1, kind
    return None


def _cuts(run: Run, start: int, end: int) -> bool:
    """More digits stand right before or behind: a longer number, such as a parcel's."""
    before = start > 0 and not run.groups[start].strong and not run.groups[start].walled
    return before or (end < len(run.groups) and not run.groups[end].strong and not run.groups[end].walled)


def _is_routing_pair(page: Page, run: Run, start: int) -> bool:
    """``wire to 026009593 / 330044556677``: a routing number by its check digit, an account, and a word for sending."""
    pair = run.groups[start : start + 2]
    if len(pair) < 2 or len(pair[0].digits) != 9 or not 6 <= len(pair[1].digits) <= 17 or pair[1].walled:
        return False
    first = pair[0].first
    if page.text[max(0, page.tokens[first].start - 1) : page.tokens[first].start] in ("-", "_", "+", "#"):
        return False
    near = {t.text for t in page.tokens[max(0, first - 8) : first + 8] if t.kind == "word"}
    return checksums.aba(pair[0].digits) and not near.isdisjoint(redaction_words.SENDING)


def _kind_of_shape(page: Page, groups: Sequence[Group], digits: str, sizes: tuple[int, ...]) -> str:
    token = page.tokens[groups[0].first]
    before = page.text[max(0, token.start - 2) : token.start]
    if (before[-1:] in tuple("-_+") and before) or before[-1:].isalpha():
        return ""  # the tail of an id or an international number
    end = page.tokens[groups[-1].last].end
    raw = page.text[token.start : end].replace("\u200b", "")
    if sizes == (3, 2, 4) and raw[3] == raw[6] == "-" and len(raw) == 11:
        return "" if _goes_on(page.text, end) else "ssn"
    if len(digits) == 11 and sizes in ((3, 3, 3, 2), (9, 2)) and checksums.cpf(digits):
        return "tax_id"
    if sizes == (11,) and checksums.cpf(digits) and not _is_us_phone(digits):
        return "tax_id"
    if sizes in ((2, 3, 3, 4, 2), (8, 4, 2), (12, 2), (14,)) and checksums.cnpj(digits):
        return "tax_id"
    if sizes == (2, 8, 1) and checksums.cuit(digits):
        return "tax_id"
    if len(digits) == 18 and sizes in ((18,), (3, 3, 11, 1), (3, 3, 12), (4, 4, 4, 4, 2)) and checksums.clabe(digits):
        return "bank"
    return ""


def _goes_on(text: str, end: int) -> bool:
    """A longer id: ``978-00-0000-000-2``."""
    return text[end : end + 1] == "-" and text[end + 1 : end + 2].isdigit()


def _is_us_phone(digits: str) -> bool:
    return digits[0] == "1" and digits[1] > "1" and digits[4] > "1"


def _worded(page: Page, run: Run, start: int) -> tuple[int, str] | None:
    """Numbers that the words before or behind them give away."""
    if start and not _parts(page, run.groups[start - 1], run.groups[start]):
        return None  # a number stands right before it, and was asked already
    words = _words_before(page, run.groups[start].first)
    end = _number_end(page, run, start)
    kind = _kind_of_words(page, words, run.groups[start : end + 1])
    if not kind:
        behind = _words_behind(page, run.groups[end].last)
        kind = _kind_of_words(page, behind, run.groups[start : end + 1]) if behind else ""
    return (end, kind) if kind else None


def _number_end(page: Page, run: Run, start: int) -> int:
    """The groups that belong together: up to a strong gap (said in words: up to another word) or 34 digits."""
    end, size = start, len(run.groups[start].digits)
    while end + 1 < len(run.groups) and size <= 34 and not _parts(page, run.groups[end], run.groups[end + 1]):
        end += 1
        size += len(run.groups[end].digits)
    return end


def _parts(page: Page, before: Group, group: Group) -> bool:
    said = page.tokens[before.last].kind == page.tokens[group.first].kind == "spoken"
    return group.walled or (group.strong and not said)


def _words_before(page: Page, n: int) -> set[str]:
    """Up to eight words that lead to token ``n``, as long as they are of the kind that introduces a number."""
    words: set[str] = set()
    for k in range(n - 1, max(-1, n - 9), -1):
        token, gap = page.tokens[k], page.between(k + 1)
        if gap != " " and any(c in gap for c in ".!?$€£") and gap.strip() != ".":
            break
        if page.taken.get(k) == "bank":
            return words | {"bank-number"}
        if token.kind != "word" or token.text not in redaction_words.LEADING:
            break
        words.add(token.text)
    return words


def _words_behind(page: Page, n: int) -> set[str]:
    """``999 is my cvv``: a copula must follow, or the word itself."""
    words: set[str] = set()
    for k in range(n + 1, min(n + 7, len(page.tokens))):
        token = page.tokens[k]
        if (
            token.kind != "word"
            or token.text not in redaction_words.LEADING
            or any(c in page.between(k) for c in ".!?,;\n")
        ):
            break
        words.add(token.text)
    if words & redaction_words.COPULAS or words & redaction_words.CVV:
        return words | {"behind"}
    return set()


def _kind_of_words(page: Page, words: set[str], groups: Sequence[Group]) -> str:
    if not words:
        return ""
    size = sum(len(g.digits) for g in groups)
    start, end = page.tokens[groups[0].first].start, page.tokens[groups[-1].last].end
    if redaction_words.is_cvv(words) and size in (3, 4):
        return "cvv"
    if redaction_words.is_social(words) and (size == 9 or (size == 4 and "behind" not in words)):
        return "ssn" if redaction_words.is_persons(words) else "tax_id"
    if redaction_words.is_tax(words) and 7 <= size <= 14:
        return "tax_id"
    if words & redaction_words.PIN and size == 4 and not redaction_words.is_bank(words):
        return "password"
    if redaction_words.is_bank(words) and _is_account_number(page.text, start, end, size, words):
        return "bank"
    return ""


def _is_account_number(text: str, start: int, end: int, size: int, words: set[str]) -> bool:
    shortest = 3 if words & redaction_words.BRANCH else 4 if "bank-number" in words else 8 if "behind" in words else 6
    if not shortest <= size <= 34:
        return False
    before, after = text[max(0, start - 2) : start], text[end : end + 12]
    if before[-1:] in ("+", "(", "$", "€", "£", "_") or before[-1:].isalpha():
        return False
    if before[-1:] in tuple("-/") and before[:1].isalnum():  # the tail of an id: A-71104
        return False
    following = _WORD.match(after.lstrip())
    if following and fold(following.group()) in redaction_words.CURRENCIES:
        return False
    raw = text[start:end]
    return not (_DATE.fullmatch(raw) or _AMOUNT.fullmatch(raw) or _PHONE.fullmatch(raw))
