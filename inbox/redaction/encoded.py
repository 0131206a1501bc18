"""Raw payloads: text that is written in base64, quoted-printable or JSON escapes may hide a number. Pure."""

from __future__ import annotations

import binascii
import json
import re

from inbox.redaction.masking import mask

_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}+={0,2}(?:\r?\n[A-Za-z0-9+/]{4,}+={0,2})*+")
_WORD = re.compile(r"=\?[\w\-]{2,40}\?([bBqQ])\?([^?\s]{1,400})\?=")
_QUOTED = re.compile(r"(?:=[0-9A-Fa-f]{2})")
_ESCAPED = re.compile(r"(?<!\\)(?:\\u[0-9a-fA-F]{4}){1,200}")
HIDDEN = "[encoded text with a masked number]"


def mask_encoded(text: str) -> str:
    """The text masked, and every encoded part that holds something to mask taken out."""
    if "=?" in text:
        text = _WORD.sub(lambda m: HIDDEN if _hides(_word(m[1], m[2])) else m[0], text)
    if _ESCAPED.search(text):
        text = _ESCAPED.sub(lambda m: _written(m[0]), text)
    if len(_QUOTED.findall(text)) > _FEW:
        plain = binascii.a2b_qp(text.encode("utf-8", "replace")).decode("utf-8", "replace")
        text = plain if _hides(plain) and not _hides(text) else text
    text = _BASE64.sub(lambda m: HIDDEN if _hides(_base64(m[0])) else m[0], text)
    return mask(text).text


_FEW = 3


def _hides(text: str) -> bool:
    return bool(text) and bool(mask(text).found)


def _written(escapes: str) -> str:
    """Escapes of JSON written out; what must be escaped in it stays as it is."""
    decoded: str = json.loads(f'"{escapes}"')
    return "".join(f"\\u{ord(c):04x}" if _must_escape(c) else c for c in decoded)


def _must_escape(c: str) -> bool:
    return c < " " or c in '"\\' or "\ud800" <= c <= "\udfff"


def _word(kind: str, body: str) -> str:
    if kind in "bB":
        return _base64(body)
    return binascii.a2b_qp(body.replace("_", " ").encode("ascii", "replace"), header=True).decode("utf-8", "replace")


def _base64(text: str) -> str:
    """What is encoded, "" if that is no text."""
    try:
        raw = binascii.a2b_base64("".join(text.split()).rstrip("=") + "===")
    except binascii.Error:
        return ""
    decoded = raw.decode("utf-8", "replace")
    readable = sum(c.isprintable() or c.isspace() for c in decoded)
    return decoded if decoded and readable > 0.9 * len(decoded) and "\ufffd" not in decoded[:-2] else ""
