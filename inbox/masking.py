"""A message as it may be stored: what people and providers wrote, masked before the first write. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from inbox import redaction
from inbox.message import InboundMessage

TEXT_LIMIT = 100_000  # characters kept of one message
RAW_LIMIT = 200_000
KEYS = frozenset({"message_id", "in_reply_to", "references", "call_sid"})  # ids in ``meta``, compared with others


@dataclass(frozen=True, slots=True)
class Hidden:
    """A message whose texts are masked, what was masked in it, and the codes that it may answer with."""

    message: InboundMessage
    found: tuple[redaction.Masked, ...]
    codes: tuple[str, ...] = field(repr=False)


def masked(message: InboundMessage) -> Hidden:
    """Everything outside people wrote or named, masked and cut to what is kept. Pure; needs no database."""
    text = redaction.mask(clean(message.text)[:TEXT_LIMIT])
    subject = redaction.mask(clean(message.subject)[:1000])
    files = tuple(replace(a, filename=plain(a.filename)[:300]) for a in message.attachments)
    meta = {k: _keys(str(v)[:2000]) if k in KEYS else plain(str(v)[:2000]) for k, v in message.meta.items()}
    hidden = replace(
        message, text=text.text, subject=subject.text, sender_name=plain(message.sender_name)[:200],
        recipient=clean(message.recipient), source_id=key_of(message.source_id), attachments=files, meta=meta,
        thread_keys=tuple(key_of(k) for k in message.thread_keys[:50]),
        raw=redaction.mask_encoded(clean(message.raw)[:RAW_LIMIT]) if message.raw else "",
    )  # fmt: skip
    codes = redaction.codes_in(f"{message.subject[:200]} \n{message.text[:2000]}")
    return Hidden(hidden, (text, subject), codes)


def counts(masked: Sequence[redaction.Masked], kinds: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Kinds and counts of what was masked, for the audit."""
    total = Counter(kinds)
    for part in masked:
        for found in part.found:
            total[found.kind] += found.count
    return [{"kind": kind, "count": count} for kind, count in sorted(total.items())]


def plain(text: str) -> str:
    return redaction.mask(clean(text)).text


def _keys(keys: str) -> str:
    return " ".join(key_of(key) for key in keys.split())


def key_of(key: str) -> str:
    """An id of a provider or a mail: kept as it is unless a card number stands in it, then only its digest."""
    if len(key) < 13 or redaction.mask(key).text == key:
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def clean(text: str) -> str:
    """What both databases can hold: no NUL, no lone surrogates."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")
