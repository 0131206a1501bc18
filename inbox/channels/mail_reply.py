"""The new words of a mail: without the quoted history, the lines mail programs add, and the signature.

Losing the author's words is the worse mistake, so what cannot be told apart stays. All rules look at single lines or
at a few neighbours with plain comparisons: time grows with the length of the text alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from inbox.channels import mail_words as words

_MAX_LINES = 20_000
_LOOKED_AT = 400  # characters of a line that the rules read
_WRAPPED = 4  # an attribution may be wrapped over this many lines
_SIGNATURE_LINES = 12
_WORD_CHARS = 60

_DASHES = re.compile(r"^[ \t>*]*[-_=*~–—]{2,}")
_QUOTED = re.compile(r"^[ \t]{0,8}(?:[A-Z]{0,3}>|\|[ \t])")
_LABEL = re.compile(r"^[ \t>*_]{0,8}([^\s:*][^:*\n]{0,24}?)[ \t*_]{0,3}[:：][ \t*_]{0,4}(.*)$")
_MAIL = re.compile(r"[^\s<>@\"(]{1,80}@[^\s<>@\")]{1,80}")
_CLOCK = re.compile(r"\b\d{1,2}[:.hH]\d{2}\b")
_YEAR = re.compile(r"\b(?:19|20)\d{2}\b|\b\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\b")
_IMAGE = re.compile(r"\[(?:cid|image|inline image)\b[^\]\n]{0,200}\]", re.IGNORECASE)
_CONTACT = re.compile(
    r"https?://|www\.|@|\+?\(?\d[\d ().-]{6,}\d|^(?:tel|phone|mobile|cell|fax|office|web|email|e-mail|tlf|móvil|celular)\b",
    re.IGNORECASE,
)
_MARGIN = " \t>*_-—–"
_WORD_END = re.compile(r"[,:<>]")
_PRINTED = re.compile(r"[\w?]")


@dataclass(frozen=True, slots=True)
class Reply:
    """``only_history``: nothing new was written, ``text`` is the old mail handed over whole."""

    text: str
    only_history: bool = False


def new_words(text: str) -> Reply:
    """What the author newly wrote."""
    lines = [_IMAGE.sub("", line.rstrip()) if "[" in line[:_LOOKED_AT] else line.rstrip() for line in text.split("\n")]
    kept = _tidied(_without_signature(_without_history(lines[:_MAX_LINES])))
    if kept:
        return Reply(kept)
    whole = _tidied(lines)
    return Reply(whole, only_history=bool(whole))


def _without_history(lines: list[str]) -> list[str]:
    heads = [line[:_LOOKED_AT] for line in lines]
    kept: list[str] = []
    n = 0
    while n < len(lines):
        head = heads[n]
        if _opens_history(heads, n):
            break
        if _QUOTED.match(head):
            n += 1
            continue
        length = _attribution(heads, n)
        if length:
            n += length
            if not _quote_follows(heads, n):
                break
            continue
        kept.append(lines[n])
        n += 1
    return kept


def _opens_history(heads: list[str], n: int) -> bool:
    """The rest is an older mail: a dashed title, a program's line for it, or a block of header lines."""
    bare = heads[n].strip(" \t>*").lower()
    if not bare:
        return False
    if bare.rstrip(" :.").startswith(words.OLD_MAIL_LINES):
        return True
    if _DASHES.match(heads[n]):
        inner = bare.strip("-_=~–— \t:")
        if inner:
            return _is_old_mail_title(bare, inner)
        return _header_block(heads, _next_written(heads, n + 1))
    return _header_block(heads, n)


def _is_old_mail_title(bare: str, inner: str) -> bool:
    said = inner.split()
    return bare[-1] in "-_=~–—:" and len(said) <= 6 and any(w in words.OLD_MAIL_WORDS for w in said)


def _header_block(heads: list[str], n: int) -> bool:
    """Three or more ``Label: value`` lines that begin as the head of a mail does and name an address or a date."""
    labels: list[str] = []
    body = ""
    gaps = 0
    for head in heads[n : n + 12]:
        match = _LABEL.match(head)
        if match:
            labels.append(match[1].strip().lower())
            body += " " + match[2]
        elif not head.strip():
            gaps += 1
            if gaps > 1 and len(labels) >= 2:
                break
        elif not labels:
            return False
        else:
            body += " " + head  # a long value was wrapped
    known = [label for label in labels if label in words.FROM_LABELS or label in words.OTHER_LABELS]
    if not labels or labels[0] not in words.FROM_LABELS | words.OTHER_LABELS:
        return False
    has_from = any(label in words.FROM_LABELS for label in labels)
    return has_from and len(known) >= 3 and bool(_MAIL.search(body) or _YEAR.search(body) or _CLOCK.search(body))


def _attribution(heads: list[str], n: int) -> int:
    """How many lines an attribution ("On … NAME wrote:") takes from here; 0 if there is none."""
    if not _may_begin(heads[n]) or (n > 0 and _continues(heads[n - 1]) and not _dated(heads[n])):
        return 0
    joined, used, blanks = "", 0, 0
    for head in heads[n : n + _WRAPPED + 3]:
        used += 1
        bare = head.strip(_MARGIN)
        if not bare:
            blanks += 1
            if blanks > 2 or not _dated(joined):
                return 0
            continue
        if used > 1 and _QUOTED.match(head) and not bare.endswith(":"):
            return 0
        joined = f"{joined} {bare}".strip()
        if _says_wrote(joined):
            return used if _is_attribution(joined) and not _begins_later(heads, n, used) else 0
        if len(joined) > _LOOKED_AT or used - blanks >= _WRAPPED:
            return 0
    return 0


def _may_begin(head: str) -> bool:
    """A line of the author's right above an attribution is not its beginning."""
    bare = head.strip(_MARGIN)
    return bool(bare) and (
        _dated(bare) or bare.lower().startswith(words.WROTE_STARTS) or _MAIL.search(bare) is not None
    )


def _begins_later(heads: list[str], n: int, used: int) -> bool:
    for later in range(n + 1, n + used):
        bare = heads[later].strip(_MARGIN)
        if bare.lower().startswith(words.WROTE_STARTS) and _dated(bare) and _attribution(heads, later):
            return True
    return False


def _says_wrote(joined: str) -> bool:
    tail = joined.rstrip(":：-–—>,; ").lower()
    said = _WORD_END.sub(" ", tail).split()
    named, dated = _MAIL.search(tail) is not None, _dated(tail)
    if not joined.rstrip(" -–—").endswith((":", "：")):
        return bool(said) and said[-1] in words.WROTE and named and dated and tail.startswith(words.WROTE_STARTS)
    if any(word in words.WROTE for word in said[-3:]) or tail.endswith(words.WROTE_ENDINGS):
        return True
    # Without a verb that we know: "Thu, 5 Mar 2026 10:02 +0000 от NAME <a@b>:".
    return named and dated and (joined.endswith((">:", "> :", "):")) or any(word in words.WROTE for word in said))


def _is_attribution(joined: str) -> bool:
    begins = joined.lower().startswith(words.WROTE_STARTS)
    named = _MAIL.search(joined) is not None
    return (named and (_dated(joined) or len(joined.split()) <= 14)) or (begins and _dated(joined))


def _dated(text: str) -> bool:
    return _YEAR.search(text) is not None or _CLOCK.search(text) is not None


def _continues(line: str) -> bool:
    """The line before runs on, so this one is no beginning."""
    return line.rstrip()[-1:] in ",;" and len(line) > _WORD_CHARS


def _quote_follows(heads: list[str], n: int) -> bool:
    at = _next_written(heads, n)
    return at < len(heads) and _QUOTED.match(heads[at]) is not None


def _next_written(heads: list[str], n: int) -> int:
    while n < len(heads) and not heads[n].strip():
        n += 1
    return n


# Signatures.


def _without_signature(lines: list[str]) -> list[str]:
    """Cut at the first sign of a signature, and take the lines of mail programs and legal notices away."""
    first = next((n for n, line in enumerate(lines) if _PRINTED.search(line[:_LOOKED_AT])), len(lines))
    ends = [n for n, line in enumerate(lines) if line.strip()][-_SIGNATURE_LINES - 1 :]
    cut = len(lines)
    for n, line in enumerate(lines):
        bare = line[:_LOOKED_AT].strip(" \t*_").lower()
        rule = n > first and ends and n >= ends[0] and _is_rule(line, lines[n + 1 :])
        if rule or _is_footer(bare) or (n > first and bare.startswith(words.NOTICES)):
            cut = n
            break
    return _without_card(_trimmed(lines[:cut]))


def _is_rule(line: str, below: list[str]) -> bool:
    """The line above a signature. Longer lines of dashes are also drawn between paragraphs."""
    bare = line.strip()
    if line.rstrip() in ("--", "—", "–"):
        return True
    return len(bare) >= 3 and not bare.strip("_-—–") and all(_cardlike(each.strip()) for each in below)


def _is_footer(bare: str) -> bool:
    start = bare.lstrip("<[(-– ")
    return len(bare) <= 120 and start.startswith(words.FOOTERS) and len(start.split()) <= 12


def _without_card(lines: list[str]) -> list[str]:
    """Name, role and telephone under the closing words, where they look like a visiting card and not like sentences."""
    for n in range(len(lines) - 1, max(-1, len(lines) - _SIGNATURE_LINES - 2), -1):
        if not _is_sign_off(lines[n]):
            continue
        below = [line.strip() for line in lines[n + 1 :] if line.strip()]
        if any(_CONTACT.search(line[:_LOOKED_AT]) for line in below) and all(_cardlike(line) for line in below):
            return lines[: n + 1]
        return lines
    return lines


def _is_sign_off(line: str) -> bool:
    bare = line[:80].strip(" \t*_").lower().rstrip(" ,.!;:-–—")
    return bare in words.SIGN_OFFS


def _cardlike(line: str) -> bool:
    said = line[:_LOOKED_AT].split()
    return len(said) <= 10 and not line.endswith(("?", "!")) and not (len(said) > 5 and line.endswith("."))


def _trimmed(lines: list[str]) -> list[str]:
    end = len(lines)
    while end and not lines[end - 1].strip(" \t>*-_"):
        end -= 1
    return lines[:end]


def _tidied(lines: list[str]) -> str:
    out: list[str] = []
    for line in lines:
        if line.strip() or (out and out[-1]):
            out.append(line.rstrip())
    text = "\n".join(out).strip()
    return text if _PRINTED.search(text) or any(ord(c) > 0x2000 for c in text[:2000]) else ""
