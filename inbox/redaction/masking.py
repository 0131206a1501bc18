"""Mask card, bank and identity numbers and passwords before anything is stored, logged or sent on. Pure.

Found are numbers with any separators, over line breaks, and spoken as words in English, Spanish and Portuguese. Check
digits, number ranges and the words nearby decide, so that ISBNs, invoice and tracking ids, phones, dates and amounts
stay. One pass, linear in the length of the text; masking twice changes nothing. One-time codes are a matter of their
own (``mask_codes``): intake must still read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inbox.redaction import checksums
from inbox.redaction import words as redaction_words
from inbox.redaction.cards import card_spans
from inbox.redaction.digits import NUMBER_WORDS, PLACEHOLDERS, Group, Run, fold, runs
from inbox.redaction.page import Masked, Page, Redaction

__all__ = ["Masked", "Redaction", "mask", "mask_codes", "mask_json"]

_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2} ?\d{2}(?=[ \-.\xa0]?[A-Za-z0-9])")
_IBAN_BLANKS = frozenset(" -.\xa0\u202f")
_CURP = re.compile(r"(?<!\w)[A-Za-z]{4}(\d{6})[HMXhmx][A-Za-z]{5}[A-Za-z0-9]\d(?!\w)")
_RFC = re.compile(r"(?<!\w)[A-Za-zÑñ&]{3,4}[- ]?\d{6}[- ]?[A-Za-z0-9]{3}(?!\w)")
_PASSWORD = re.compile(r"(?i)(?<!\w)(password|passcode|passphrase|passwd|pwd|contrase(?:ñ|n|ñ)a|senha|clave)(?!\w)")
_PASSWORD_SAYS = re.compile(r"(?i)\s{0,3}(?:(?::|=|->|is|was|es|era|é|e)(?:\s{1,3}|(?<=[:=>]))){1,3}")
_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})")
_AMOUNT = re.compile(r"\d{1,3}(?:[.,]\d{3}){0,4}[.,]\d{2}")
_PHONE = re.compile(r"\d{3}[-. ]\d{3}[-. ]\d{4}|\d{3}[-.]\d{4}")
_SPOKEN_REST = re.compile(r"(?:(?:0[1-9]|1[0-2])(?:20)?\d\d)?(?:\d{3,4})?")
_ID_AND_PHONE = re.compile(r"\d(?:1?334|34){1,2}")  # sizes of groups
_SIX = re.compile(r"(?<![\w.,/:+-])\d{6}(?!\w|[.,/:-]\d)")


def mask(text: str) -> Masked:
    """The text with every secret replaced by a word in brackets, ``[Visa card •••• 1117]``, ``[bank number]``."""
    if _is_clean(text):
        return Masked(text)
    page = Page(text)
    _mask_ibans(page)
    _mask_registers(page)
    _mask_cards(page)
    _mask_numbers(page)
    _mask_passwords(page)
    return page.masked() if page.finds else Masked(text)


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
    """Six-digit numbers that stand alone become ``[code]``, in figures or spoken: for logs and desk copies."""
    text = _SIX.sub("[code]", text)
    if NUMBER_WORDS.isdisjoint(fold(w) for w in _WORD.findall(text)):
        return text
    page = Page(text)
    for run in page.runs():
        if len(run.groups) == 6 == len(run.digits):
            page.add(run.groups[0].first, run.groups[-1].last, "code", "[code]")
    return page.masked().text


def _is_clean(text: str) -> bool:
    """Nothing to look for, said in microseconds for the usual message."""
    digits = len(_DIGIT.findall(text))
    words = [w if w.isascii() else fold(w) for w in _WORD.findall(text.lower())]
    if not redaction_words.PASSWORD.isdisjoint(words):
        return False
    digits += sum(w in NUMBER_WORDS for w in words)
    if digits < 3:
        return True
    return digits < 9 and "card •" not in text and redaction_words.TRIGGERS.isdisjoint(words)


# --- account and register numbers with letters ------------------------------------------------------------------------


def _mask_ibans(page: Page) -> None:
    for match in _IBAN.finditer(page.text):
        length = checksums.iban_length(match.group()[:2].upper())
        end, compact = match.start(), ""
        while length and end < len(page.text) and len(compact) < length:
            if page.text[end].isalnum() and page.text[end].isascii():
                compact += page.text[end].upper()
            elif page.text[end] not in _IBAN_BLANKS:
                break
            end += 1
        if checksums.iban(compact) and not page.text[end : end + 1].isalnum():
            page.add_span(match.start(), end, "bank")


def _mask_registers(page: Page) -> None:
    for match in _CURP.finditer(page.text):
        page.add_span(match.start(), match.end(), "tax_id")
    for match in _RFC.finditer(page.text):
        compact = match.group().upper().replace("-", "").replace(" ", "")
        near = fold(page.text[max(0, match.start() - 16) : match.start()])
        if checksums.rfc(compact) or "rfc" in near:
            page.add_span(match.start(), match.end(), "tax_id")


# --- cards and what stands beside them --------------------------------------------------------------------------------


def _mask_cards(page: Page) -> None:
    for run in page.runs():
        for span in card_spans(run):
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
    while n < min(last + 14, len(page.tokens)) and len(page.between(n)) < 12:
        token, kind = page.tokens[n], page.taken.get(n, "")
        if kind in ("expiry", "cvv"):
            expiry, cvv = expiry or kind == "expiry", cvv or kind == "cvv"
        elif token.kind == "word" and token.text in redaction_words.BESIDE_CARD:
            worded = True
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


# --- numbers that shape or the words nearby give away -----------------------------------------------------------------


def _mask_numbers(page: Page) -> None:
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
    for count in (5, 4, 3, 2, 1):
        groups = run.groups[start : start + count]
        if len(groups) < count or any(g.strong for g in groups[1:]):
            continue
        digits = "".join(g.digits for g in groups)
        sizes = tuple(len(g.digits) for g in groups)
        if kind := _kind_of_shape(page, groups, digits, sizes):
            return start + count - 1, kind
    return None


def _kind_of_shape(page: Page, groups: Sequence[Group], digits: str, sizes: tuple[int, ...]) -> str:
    token = page.tokens[groups[0].first]
    before = page.text[max(0, token.start - 2) : token.start]
    if (before[-1:] in tuple("-_+") and before) or before[-1:].isalpha():
        return ""  # the tail of an id or an international number
    raw = page.text[token.start : page.tokens[groups[-1].last].end]
    if sizes == (3, 2, 4) and raw[3] == raw[6] and raw[3] in "-‐‑–" and len(raw) == 11:
        return "" if _goes_on(page.text, token.start + 11) else "ssn"
    if len(digits) == 11 and sizes in ((3, 3, 3, 2), (9, 2)) and checksums.cpf(digits):
        return "tax_id"
    if sizes == (11,) and checksums.cpf(digits) and not _is_us_phone(digits):
        return "tax_id"
    if sizes in ((2, 3, 3, 4, 2), (8, 4, 2), (12, 2), (14,)) and checksums.cnpj(digits):
        return "tax_id"
    if sizes == (2, 8, 1) and checksums.cuit(digits):
        return "tax_id"
    if len(digits) == 18 and sizes in ((18,), (3, 3, 11, 1), (3, 3, 12)) and checksums.clabe(digits):
        return "bank"
    return ""


def _goes_on(text: str, end: int) -> bool:
    """A longer id: ``978-00-0000-000-2``."""
    return text[end : end + 1] in tuple("-‐‑–") and text[end + 1 : end + 2].isdigit()


def _is_us_phone(digits: str) -> bool:
    return digits[0] == "1" and digits[1] > "1" and digits[4] > "1"


def _worded(page: Page, run: Run, start: int) -> tuple[int, str] | None:
    """Numbers that the words before or behind them give away."""
    if start and not run.groups[start].strong:
        return None  # a number stands right before it, and was asked already
    words = _words_before(page, run.groups[start].first)
    end = _number_end(run, start)
    kind = _kind_of_words(page, words, run.groups[start : end + 1])
    if not kind:
        behind = _words_behind(page, run.groups[end].last)
        kind = _kind_of_words(page, behind, run.groups[start : end + 1]) if behind else ""
    return (end, kind) if kind else None


def _number_end(run: Run, start: int) -> int:
    """The groups that belong together: up to a strong gap or 34 digits."""
    end, size = start, len(run.groups[start].digits)
    while end + 1 < len(run.groups) and not run.groups[end + 1].strong and size <= 34:
        end += 1
        size += len(run.groups[end].digits)
    return end


def _words_before(page: Page, n: int) -> set[str]:
    """Up to eight words that lead to token ``n``, as long as they are of the kind that introduces a number."""
    words: set[str] = set()
    for k in range(n - 1, max(-1, n - 9), -1):
        if any(c in page.between(k + 1) for c in ".!?$€£") and page.between(k + 1).strip() != ".":
            break
        if page.taken.get(k) == "bank":
            return words | {"bank-number"}
        token = page.tokens[k]
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
        return "ssn"
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


# --- passwords --------------------------------------------------------------------------------------------------------


def _mask_passwords(page: Page) -> None:
    at = 0
    while match := _PASSWORD.search(page.text, at):
        at = match.end()
        says = _PASSWORD_SAYS.match(page.text, at)
        if not says:
            continue
        end = says.end()
        while end < len(page.text) and not page.text[end].isspace():
            end += 1
        word = page.text[says.end() : end].strip("\"'`“”‘’«»<>()").rstrip(".,;!?")
        if word and word not in PLACEHOLDERS and _is_secret(word, told=":" in says.group() or "=" in says.group()):
            start = page.text.index(word, says.end())
            if not page.is_masked_at(start):
                page.add_span(start, start + len(word), "password")
        at = end


def _is_secret(word: str, *, told: bool) -> bool:
    """After a colon any word is one; after "is" only what does not look like an ordinary word ("is wrong")."""
    if told:
        return len(word) >= 4 and "://" not in word
    return len(word) >= 4 and not word.isalpha() and any(c.isalnum() for c in word)
