"""Header fields of a mail, read from bytes as they come; nothing here raises, whatever the bytes are.

The standard library's header objects raise on plain access to slightly broken headers and read
``alice@a.example <bob@b.example>`` as alice, so fields are read here: raw text first, structure on the raw text, and
encoded words decoded last, so that an encoded word can never become an address or a line end.
"""

from __future__ import annotations

import binascii
import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from inbox.channels.mail_charset import clean_line, decode

MAX_HEADER_BYTES = 512_000  # the whole block; a longer one is cut
MAX_FIELDS = 2_000
MAX_FIELD_CHARS = 64_000

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:(.*)", re.DOTALL)
_ENCODED = re.compile(r"=\?([^?\s]{1,60})\?([bBqQ])\?([^?]*)\?=")
_WORD_GAP = re.compile(r"(\?=)[ \t]{1,80}(?==\?)")
_ID = re.compile(r"<([^<>]{1,998})>")
_BARE_ID = re.compile(r"[^<>\s,;\"()]{1,998}")
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"@]{1,254}@[^\s<>()\[\],;:\"@]{1,254}")
_FIRST_YEAR, _LAST_YEAR = 1990, 2200


@dataclass(frozen=True, slots=True)
class Address:
    """``value`` is lower case, with an ASCII domain; ``name`` is what the sender shows."""

    value: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one header block, in order: lower-case name and raw text without line ends."""

    items: tuple[tuple[str, str], ...] = ()
    lookup: Mapping[str, str] = field(default_factory=dict)  # the first of each name

    def get(self, name: str) -> str:
        return self.lookup.get(name, "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.items if key == name]

    def __contains__(self, name: str) -> bool:
        return name in self.lookup


def split(raw: bytes) -> tuple[Fields, bytes]:
    """The header block and the body behind it.

    A line that is no header field ends the block only if no further field follows before the empty line.
    """
    start, size = 0, len(raw)
    while raw[start : start + 2] == b"\r\n" or raw[start : start + 1] == b"\n":
        start += 2 if raw[start : start + 1] == b"\r" else 1
    head_end, body_start = _block_end(raw, start)
    lines = re.split(rb"\r\n|\n|\r", raw[start : min(head_end, start + MAX_HEADER_BYTES)])
    used, fields = _fields(lines)
    if used < len(lines) and head_end <= start + MAX_HEADER_BYTES:
        body_start = start + sum(len(line) for line in lines[:used])
        body_start = _after_lines(raw, start, used)
    return _made(fields), raw[min(body_start, size) :]


def text_of(value: str) -> str:
    """A field as people read it: encoded words decoded, one line."""
    if "=?" not in value:
        return clean_line(value)
    joined = _WORD_GAP.sub(r"\1", value)
    return clean_line("".join(_decoded_runs(joined)))


def message_ids(value: str) -> tuple[str, ...]:
    """Message-IDs without angle brackets, in order, each once. Ids of any length stay whole."""
    found = [re.sub(r"\s", "", one) for one in _ID.findall(value)]
    if not found:
        found = [word for word in _BARE_ID.findall(value) if "@" in word.strip("@")]
    return tuple(dict.fromkeys(one for one in found if one))


def addresses(value: str) -> list[Address]:
    """Every address of a field, in order. An angle address wins over whatever its display name looks like."""
    found = []
    for item in _list_items(value[:MAX_FIELD_CHARS]):
        address = _address(item)
        if address is not None:
            found.append(address)
    return found


def date_of(value: str) -> datetime | None:
    """A Date field in UTC; None if it cannot be read or is absurd."""
    try:
        at = parsedate_to_datetime(value[:200])
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except Exception:  # the parser raises nearly anything for broken dates
        return None
    return at if _FIRST_YEAR <= at.year <= _LAST_YEAR else None


def parameters(value: str) -> tuple[str, dict[str, str]]:
    """``type/subtype; name=value`` as the lower-case value and its parameters.

    RFC 2231 continuations and charsets are put together; encoded words in parameters are decoded, as mailers do.
    """
    pieces = list(_split_outside(value[:MAX_FIELD_CHARS], ";"))
    main = clean_line(_uncommented(pieces[0])).strip().lower() if pieces else ""
    plain: dict[str, str] = {}
    parts: dict[str, dict[int, tuple[bool, str]]] = {}
    for piece in pieces[1:]:
        name, equals, text = piece.partition("=")
        key, star, order = name.strip().lower().partition("*")
        if not equals or not key:
            continue
        text = _unquoted(text.strip())
        if not star:
            plain.setdefault(key, text)
            continue
        number = order.rstrip("*")
        parts.setdefault(key, {})[int(number) if number.isdecimal() and len(number) < 4 else 0] = (
            not number or order.endswith("*"), text,
        )  # fmt: skip
    values = {key: text_of(text) for key, text in plain.items()}
    values.update({key: _joined(pieces) for key, pieces in parts.items()})
    return main, values


# Lines and fields.


def _block_end(raw: bytes, start: int) -> tuple[int, int]:
    ends = []
    for mark in (b"\r\n\r\n", b"\n\n", b"\r\r", b"\n\r\n"):
        at = raw.find(mark, start)
        if at >= 0:
            ends.append((at, at + len(mark)))
    return min(ends) if ends else (len(raw), len(raw))


def _after_lines(raw: bytes, start: int, count: int) -> int:
    ends = re.compile(rb"\r\n|\n|\r").finditer(raw, start)
    at = start
    for _, end in zip(range(count), ends, strict=False):
        at = end.end()
    return at


def _fields(lines: list[bytes]) -> tuple[int, list[tuple[bytes, list[bytes]]]]:
    """The fields, and how many lines they took: fewer than all if the body began without an empty line."""
    fields: list[tuple[bytes, list[bytes]]] = []
    last_field = max((n for n, line in enumerate(lines) if _starts_field(line)), default=-1)
    for n, line in enumerate(lines):
        match = _NAME.match(line) if line[:1] not in b" \t" or not fields else None
        if match and len(fields) < MAX_FIELDS:
            fields.append((match[1].lower(), [match[2]]))
        elif line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
        elif n > last_field and line.strip() and not line.startswith((b"From ", b">From ")):
            return n, fields
    return len(lines), fields


def _starts_field(line: bytes) -> bool:
    name, colon, _ = line.partition(b":")
    return (bool(colon) and name.rstrip().lower() in _KNOWN_FIELDS) or line[:2].lower() == b"x-"


_KNOWN_FIELDS = frozenset(
    b"from to cc bcc subject date message-id in-reply-to references reply-to sender received return-path mime-version "
    b"content-type content-transfer-encoding content-disposition content-id delivered-to authentication-results "
    b"dkim-signature auto-submitted precedence list-id list-unsubscribe user-agent".split()
)


def _made(fields: list[tuple[bytes, list[bytes]]]) -> Fields:
    items = []
    for name, values in fields:
        text = decode(b"".join(values)[:MAX_FIELD_CHARS], "")
        items.append((name.decode("ascii", "replace"), clean_line(text).strip()))
    lookup: dict[str, str] = {}
    for key, value in items:
        lookup.setdefault(key, value)
    return Fields(tuple(items), lookup)


# Encoded words.


def _decoded_runs(value: str) -> Iterator[str]:
    """Plain text and decoded words; words of one charset that touch are decoded together, as some split characters."""
    at, pending, charset = 0, b"", ""
    for word in _ENCODED.finditer(value):
        touching = word.start() == at and pending
        if not touching or word[1].lower() != charset:
            yield decode(pending, charset) if pending else ""
            pending = b""
        yield value[at : word.start()]
        charset = word[1].lower()
        pending += _word_bytes(word[2], word[3])
        at = word.end()
    yield decode(pending, charset) if pending else ""
    yield value[at:]


def _word_bytes(kind: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if kind in "qQ":
        return binascii.a2b_qp(data, header=True)
    return base64_bytes(data)


def base64_bytes(data: bytes) -> bytes:
    """As much of broken base64 as can be read."""
    kept = data.translate(None, delete=_NOT_BASE64)
    chunks = []
    for chunk in kept.split(b"="):  # padding in the middle: pieces were put together
        whole = chunk[: len(chunk) - 1] if len(chunk) % 4 == 1 else chunk
        chunks.append(binascii.a2b_base64(whole + b"=" * (-len(whole) % 4)))
    return b"".join(chunks)


_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/="
_NOT_BASE64 = bytes(set(range(256)) - set(_BASE64))


# Addresses.


def _list_items(value: str) -> Iterator[str]:
    for piece in _split_outside(value, ",;"):
        if piece.strip():
            yield piece


def _split_outside(value: str, separators: str) -> Iterator[str]:
    """Pieces between separators that stand outside quotes, comments and angle brackets. One pass."""
    start, quoted, depth, angle, escaped = 0, False, 0, False, False
    for n, char in enumerate(value):
        if escaped:
            escaped = False
        elif char == "\\" and (quoted or depth):
            escaped = True
        elif char == '"' and not depth:
            quoted = not quoted
        elif quoted:
            continue
        elif char in "()":
            depth = max(0, depth + (1 if char == "(" else -1))
        elif depth:
            continue
        elif char in "<>":
            angle = char == "<"
        elif char in separators and not angle:
            yield value[start:n]
            start = n + 1
    if quoted or depth or angle:  # something was never closed: read what is left without such marks
        yield from re.split("[" + separators + "]", value[start:])
    else:
        yield value[start:]


def _address(item: str) -> Address | None:
    head, angle, rest = item.rpartition("<")
    if angle:
        value = _spec(rest.partition(">")[0])
        name = _shown(head)
        if value:
            return Address(value, name)
    bare = _uncommented(item)
    found = _ADDRESS.findall(bare)
    if not found or bare.count("@") != len(found):
        return None
    comment = item[item.find("(") + 1 : item.rfind(")")] if "(" in item else ""
    name = _shown(bare.replace(found[-1], " ")) or _shown(comment)
    return Address(_normal(found[-1]), name)


def _spec(inside: str) -> str:
    text = inside.strip().rpartition(":")[2] if inside.strip().startswith("@") else inside.strip()
    text = text.removeprefix("mailto:").replace(" ", "")
    if text.startswith('"') and '"@' in text:
        local, _, domain = text.rpartition("@")
        return f"{local}@{domain.lower()}" if domain else ""
    return _normal(text) if _ADDRESS.fullmatch(text) else ""


def _normal(address: str) -> str:
    local, _, domain = text_of(address).strip(".").rpartition("@")
    if any(ord(c) > 127 for c in domain) and len(domain) < 250:
        with contextlib.suppress(UnicodeError):
            domain = domain.encode("idna").decode("ascii")
    return f"{local}@{domain}".lower()


def _shown(text: str) -> str:
    text = text.rpartition(":")[2] if ":" in text and '"' not in text and "=?" not in text else text
    return text_of(_unquoted(text.strip())).strip(" \t\"'<>,")


def _unquoted(text: str) -> str:
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = re.sub(r'\\(["\\])', r"\1", text[1:-1])  # other backslashes are paths of careless mailers
    return text.strip('"') if text.count('"') == 1 else text


def _uncommented(text: str) -> str:
    if "(" not in text:
        return text
    kept, depth, quoted = [], 0, False
    for char in text:
        if char == '"' and not depth:
            quoted = not quoted
        if char == "(" and not quoted:
            depth += 1
        elif char == ")" and not quoted and depth:
            depth -= 1
        elif not depth:
            kept.append(char)
    return "".join(kept)


# RFC 2231 parameters.


def _joined(pieces: dict[int, tuple[bool, str]]) -> str:
    charset, data = "", b""
    for order in sorted(pieces):
        encoded, text = pieces[order]
        if encoded and order == 0 and text.count("'") >= 2:
            charset, _, text = text.split("'", 2)
        data += _percent_bytes(text) if encoded else text.encode("utf-8", "replace")
    return clean_line(decode(data, charset))


def _percent_bytes(text: str) -> bytes:
    head, *rest = text.split("%")
    out = [head.encode("utf-8", "replace")]
    for piece in rest:
        try:
            out.append(bytes([int(piece[:2], 16)]) + piece[2:].encode("utf-8", "replace"))
        except ValueError:
            out.append(b"%" + piece.encode("utf-8", "replace"))
    return b"".join(out)
