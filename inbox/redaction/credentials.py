"""Passwords and one-time codes: what stands behind the word that gives them away."""

from __future__ import annotations

import re

from inbox.redaction import words as redaction_words
from inbox.redaction.digits import PLACEHOLDERS
from inbox.redaction.page import Page

_SAYS = re.compile(r"[\s\"'\u200b*_]{0,4}+(:|=|->|=>|→|'s\b|’s\b)[\s\u200b]{0,4}+|\s{1,4}+")
_COPULA = frozenset(("is", "was", "es", "era", "e", "sao", "s"))
_BLANKS = re.compile(r"[\s'\u200b]")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "`": "`"}
_LONGEST_PHRASE = 80
_ID = re.compile(r"[A-Za-z]{1,6}[-#]\d{2,}")
#: Codes of this many digits are one-time codes when the words say so.
_CODE_DIGITS = range(4, 9)


def mask_passwords(page: Page) -> None:
    """Every word of the text is looked at once."""
    done = 0
    for n, token in enumerate(page.tokens):
        if token.kind != "word" or token.start < done or token.text not in redaction_words.SECRET:
            continue
        if page.text[token.end : token.end + 1].isdigit():
            continue  # within an id
        found = _after(page, n)
        if found and not page.is_masked_at(found[0]):
            page.add_span(*found, "password")
            done = found[1]


def _after(page: Page, n: int) -> tuple[int, int] | None:
    """Start and end of the secret that the word at ``n`` introduces."""
    token = page.tokens[n]
    told, at = _says(page.text, token.end)
    last = n
    while not told and last + 1 < len(page.tokens) and last < n + 6:
        word = page.tokens[last + 1]
        if word.kind != "word" or _BLANKS.sub("", page.text[page.tokens[last].end : word.start]):
            break
        last += 1
        if word.text in _COPULA:
            colon, at = _says(page.text, word.end)
            return _secret(page, at, told=bool(colon), said=True)
        if word.text not in redaction_words.OF_PASSWORD:
            break
        told, at = _says(page.text, word.end)
    if told:
        return _secret(page, at, told=True, said=True)
    if token.text in redaction_words.SHORT_SECRET:
        return None  # "pass" and "pw" without a colon are too common
    return _secret(page, _says(page.text, token.end)[1], told=False, said=False)


def _says(text: str, at: int) -> tuple[str, int]:
    """The sign that introduces what follows, "" for blanks alone, and where that begins."""
    match = _SAYS.match(text, at)
    return (match.group(1) or "", match.end()) if match else ("", at)


def _secret(page: Page, start: int, *, told: bool, said: bool) -> tuple[int, int] | None:
    text = page.text
    if start >= len(text):
        return None
    closing = _QUOTES.get(text[start])
    if closing and said:
        end = text.find(closing, start + 1, start + _LONGEST_PHRASE)
        if end > start + 2:
            return start + 1, end
    end = start
    while end < len(text) and not text[end].isspace() and not _ends_value(text, end):
        end += 1
    raw = text[start:end]
    word = raw.strip("\"'`“”‘’«»<>()*_").rstrip(".,;!?")
    start += raw.find(word)
    placeholder = next((p for p in PLACEHOLDERS if text.startswith(p, start)), "")
    if (
        not word
        or placeholder
        or word.startswith("[")
        or "://" in word
        or not _is_secret(page, start, word, told=told, said=said)
    ):
        return None
    return start, start + len(word)


def _ends_value(text: str, at: int) -> bool:
    """A closing quote in JSON or a tag: ``"…hunter2","From"``."""
    return (text[at] == '"' and text[at + 1 : at + 2] in (",", "}", "]", ":", "")) or text.startswith(
        ("\\n", "\\r", "</", "<br"), at
    )


def _is_secret(page: Page, start: int, word: str, *, told: bool, said: bool) -> bool:
    """After a colon any word is one; after "is" only what does not look like an ordinary word ("is wrong")."""
    if told:
        return len(word) >= 3 and any(c.isalnum() for c in word)
    mixed = not word.isalpha() and any(c.isalnum() for c in word)
    if not said:
        return (
            len(word) >= 5 and any(c.isdigit() for c in word) and any(c.isalpha() for c in word) and not _ID.match(word)
        )
    if len(word) >= 4 and mixed and "'" not in word and "’" not in word:
        return not _ID.match(word)
    return (
        len(word) >= 3
        and word.isalpha()
        and redaction_words.may_be_password(word)
        and _closes(page.text, start + len(word))
    )


def _closes(text: str, end: int) -> bool:
    """The sentence ends behind the word, or goes on with another thought."""
    rest = text[end : end + 40].lstrip(" \u200b\"'”’»")
    following = rest[:12].split(None, 1)[:1]
    return (
        not rest or rest[0] in ".,;!?\n\r)}<\\" or bool(following and following[0].lower() in redaction_words.GOES_ON)
    )


def mask_told_codes(page: Page) -> None:
    """``your code is 482913``: digits behind words for a one-time code."""
    for run in page.runs():
        for n, group in enumerate(run.groups):
            if n and not group.strong:
                continue
            end = n
            while end + 1 < len(run.groups) and not run.groups[end + 1].strong:
                end += 1
            size = sum(len(g.digits) for g in run.groups[n : end + 1])
            if size in _CODE_DIGITS and _is_code(page, group.first, run.groups[end].last):
                page.add(group.first, run.groups[end].last, "code")


def _is_code(page: Page, first: int, last: int) -> bool:
    before = page.text[page.tokens[first].start - 1 : page.tokens[first].start]
    if before and (before.isalnum() or before in "-#$€£/_+"):
        return False
    words: list[str] = []
    for k in range(first - 1, max(-1, first - 8), -1):
        token = page.tokens[k]
        if token.kind != "word" or any(c in page.between(k + 1) for c in "?!;$€£"):
            break
        words.append(token.text)
    if redaction_words.is_one_time_code(words):
        return True
    behind = [t.text for t in page.tokens[last + 1 : last + 7] if t.kind == "word"]
    return behind[:1] == ["is"] and redaction_words.is_one_time_code(behind)


def spoken_codes(page: Page) -> list[tuple[int, int]]:
    """First and last token of six digits that are said in words."""
    return [
        (run.groups[0].first, run.groups[-1].last)
        for run in page.runs()
        if len(run.groups) in (2, 3, 6) and len(run.digits) == 6 and page.tokens[run.groups[0].first].kind == "spoken"
    ]


def codes_at(text: str) -> list[tuple[int, int, str]]:
    """Start, end and digits of every six-digit group that stands alone, also ``123 456`` and ``123-456``."""
    found, digits, start, last = [], "", 0, ""
    for at, c in enumerate(f"{text} "):
        if c.isascii() and c.isdigit():
            start = start if digits else at
            digits += c
        elif digits and c in " -" and len(digits) == 3 and last.isdigit():
            pass
        else:
            if len(digits) == 6:
                found.append((start, at, digits))
            digits = ""
        last = c
    return found
