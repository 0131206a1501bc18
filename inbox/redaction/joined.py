"""Secrets that are told over several messages: half a card number now, the other half a moment later. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from inbox.redaction import glyphs
from inbox.redaction.digits import NUMBER_WORDS, PART_OF_CARD, fold
from inbox.redaction.masking import read
from inbox.redaction.page import Find

_DIGIT = re.compile(r"\d")
_WORD = re.compile(r"[^\W\d_]+")
_EDGE = 80  # characters at which one message goes on where another ended
_PART = "[part of it]"


@dataclass(frozen=True, slots=True)
class Piece:
    """One message after the others were read with it; ``gone`` are the words that were taken out of it."""

    text: str
    gone: tuple[str, ...]
    kinds: tuple[str, ...]


def may_go_on(text: str) -> bool:
    """A number stands near the beginning: it may end one that an earlier message began. Cheap."""
    return _has_number(text[:_EDGE])


def mask_joined(texts: Sequence[str]) -> list[Piece]:
    """Messages of one author in the order they were sent, read as one. What was masked before stays as it is."""
    page = read(" ".join(texts))
    starts, at = [], 0
    for text in texts:
        starts.append(at)
        at += len(text) + 1
    return [_piece(text, start, page.finds) for text, start in zip(texts, starts, strict=True)]


def is_open(text: str) -> bool:
    """Numbers or a masked card stand near the end: the next message may go on with them."""
    tail = text[-_EDGE:]
    return _has_number(tail) or tail.rstrip(" .,;:").endswith("]")


def _has_number(text: str) -> bool:
    plain = glyphs.plain(text)
    return bool(_DIGIT.search(plain)) or not NUMBER_WORDS.isdisjoint(fold(w) for w in _WORD.findall(plain))


def _piece(text: str, start: int, finds: Sequence[Find]) -> Piece:
    """The part of every find that lies in this message; the last part of one carries its name."""
    out: list[str] = []
    gone: list[str] = []
    kinds: list[str] = []
    at, end = start, start + len(text)
    for find in sorted(finds, key=lambda f: (f.start, -f.end)):
        low, high = max(find.start, at), min(find.end, end)
        if low >= high:
            continue
        ends_here = find.end <= end
        name = find.replacement if ends_here else PART_OF_CARD if find.kind == "pan" else _PART
        out += [text[at - start : low - start], name]
        gone.append(text[low - start : high - start])
        kinds += [find.kind] if ends_here else []
        at = high
    return Piece("".join([*out, text[at - start :]]), tuple(gone), tuple(kinds))
