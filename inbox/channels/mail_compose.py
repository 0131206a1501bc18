"""The bytes of an outgoing mail. Pure: the same message always gives the same bytes, so that a retry repeats them.

The standard library's mail policies turn Message-IDs of 78 characters or more into encoded words that no other
program matches, and let an encoded subject of the customer's become header lines. So headers are written here: every
value is made one line first, and what is not plain ASCII is encoded in words of our own.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from email.utils import format_datetime

from inbox.channels import mail_token
from inbox.channels.mail_charset import clean, clean_line
from inbox.errors import Permanent, Unsupported
from inbox.message import OutboundMessage

_COLUMNS = 76
_WORD_BYTES = 45  # 60 characters of base64: an encoded word has at most 75
_ID_CHARS = 900  # with its brackets and the field name a line stays below 998
_MAX_REFERENCES = 30
_SUBJECT_CHARS = 250
_ADDRESS = re.compile(r"[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]{1,64}@[^\s<>()\[\],;:\\\"@\x00-\x1f\x7f]{1,253}")
_ATOMS = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]+")
_REPLY = re.compile(r"(?:re|aw|sv|rv|res|ref|antw)\s{0,3}:", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMail:
    raw: bytes = field(repr=False)  # CRLF lines
    envelope_from: str
    recipient: str  # ASCII domain
    message_id: str  # without angle brackets

    @property
    def needs_utf8(self) -> bool:
        """The local part of the recipient is not ASCII: only an SMTPUTF8 server can take it."""
        return not self.recipient.isascii()


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Who writes: our address, the name shown, and the secrets that sign reply tokens."""

    address: str
    name: str
    secrets: tuple[str, ...] = field(default=(), repr=False)


def compose(message: OutboundMessage, writer: Writer) -> OutgoingMail:
    """Write one mail. Raises ``Permanent`` for a bad recipient address and ``Unsupported`` without any text."""
    if not message.text.strip() and not message.html.strip():
        raise Unsupported("the mail has no text")
    recipient = checked_address(message.to.value)
    own_id = message.message_id.strip().strip("<>") or mail_token.message_id(message.id, writer.address, writer.secrets)
    head = "".join(_headers(message, writer, recipient, own_id))
    raw = head.encode("utf-8") + _body(message, own_id)
    return OutgoingMail(raw=raw, envelope_from=writer.address, recipient=recipient, message_id=own_id)


def checked_address(address: str) -> str:
    """The address with an ASCII domain. Raises ``Permanent`` if it is none."""
    if not _ADDRESS.fullmatch(address):
        raise Permanent(f"{address!r} is not a mail address", code="bad-address")
    local, _, domain = address.rpartition("@")
    try:
        ascii_domain = domain.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise Permanent(f"{domain!r} is not a mail domain", code="bad-address") from error
    return f"{local}@{ascii_domain}"


def _headers(message: OutboundMessage, writer: Writer, recipient: str, own_id: str) -> Iterator[str]:
    yield f"From: {_named(message.sender_name or writer.name, writer.address)}\r\n"
    yield f"To: {recipient}\r\n"
    yield f"Subject: {_words(_subject(message, writer), len('Subject: '))}\r\n"
    yield f"Date: {format_datetime(message.created_at)}\r\n"
    yield f"Message-ID: <{own_id}>\r\n"
    if message.in_reply_to:
        yield from _ids("In-Reply-To", [message.in_reply_to])
    yield from _ids("References", _chain(message))
    if writer.secrets:
        yield f"Reply-To: {mail_token.reply_address(writer.address, message.conversation_id, writer.secrets)}\r\n"
    if message.automatic:
        yield f"Auto-Submitted: {'auto-replied' if message.in_reply_to else 'auto-generated'}\r\n"
        yield "X-Auto-Response-Suppress: All\r\n"
    yield f"X-Loop: {writer.address}\r\n"
    if message.language:
        yield f"Content-Language: {re.sub('[^A-Za-z-]', '', message.language)}\r\n"
    yield "MIME-Version: 1.0\r\n"


def _subject(message: OutboundMessage, writer: Writer) -> str:
    said = " ".join(clean_line(message.subject).split())[:_SUBJECT_CHARS] or writer.name
    return f"Re: {said}" if message.in_reply_to and not _REPLY.match(said) else said


def _chain(message: OutboundMessage) -> list[str]:
    """The references, oldest first; of a very long chain the first and the newest."""
    ids = list(dict.fromkeys([*message.references, *([message.in_reply_to] if message.in_reply_to else [])]))
    return ids if len(ids) <= _MAX_REFERENCES else [ids[0], *ids[1 - _MAX_REFERENCES :]]


def _ids(name: str, ids: Sequence[str]) -> Iterator[str]:
    """Message-IDs one to a line, never encoded; what is no id (space, bracket, not ASCII) is left out."""
    bare = [one.strip().removeprefix("<").removesuffix(">") for one in ids]
    good = [one for one in bare if one.isascii() and len(one) <= _ID_CHARS and re.fullmatch(r"[!-;=?-~]+", one)]
    if good:
        yield f"{name}: " + "\r\n ".join(f"<{one}>" for one in good) + "\r\n"


def _named(name: str, address: str) -> str:
    shown = " ".join(clean_line(name).split())[:100]
    if not shown:
        return address
    if not shown.isascii() or "=?" in shown:
        return f"{_words(shown, len('From: '))}\r\n <{address}>"
    if not _ATOMS.fullmatch(shown):
        shown = '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{shown} <{address}>"


def _words(value: str, used: int) -> str:
    """One line of text as a header value, folded; encoded where it is not plain ASCII or could be read as encoded."""
    if value.isascii() and "=?" not in value and all(len(word) < _COLUMNS for word in value.split()):
        return _folded(value.split(" "), used)
    return "\r\n ".join(f"=?utf-8?b?{base64.b64encode(chunk).decode('ascii')}?=" for chunk in _chunks(value))


def _folded(words: Sequence[str], used: int) -> str:
    out, column = "", used
    for n, word in enumerate(words):
        gap = " " if n else ""
        if n and column + len(word) + 1 > _COLUMNS:
            gap, column = "\r\n ", 0
        out += gap + word
        column += len(word) + 1
    return out


def _chunks(value: str) -> Iterator[bytes]:
    chunk = b""
    for char in value:
        encoded = char.encode("utf-8", "replace")
        if len(chunk) + len(encoded) > _WORD_BYTES:
            yield chunk
            chunk = b""
        chunk += encoded
    yield chunk


def _body(message: OutboundMessage, own_id: str) -> bytes:
    plain = _part("plain", message.text) if message.text.strip() else b""
    html = _part("html", message.html) if message.html.strip() else b""
    if not plain or not html:
        return plain or html
    boundary = b"=_" + hashlib.sha256(own_id.encode()).hexdigest()[:32].encode()  # "=_" is in no encoded text
    opened = b"--" + boundary + b"\r\n"
    return b"".join(
        [
            b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n',
            opened, plain, b"\r\n", opened, html, b"\r\n--" + boundary + b"--\r\n",
        ]
    )  # fmt: skip


def _part(kind: str, text: str) -> bytes:
    lines = binascii.b2a_qp(clean(text).encode("utf-8"), istext=True).replace(b"\n", b"\r\n")
    head = f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    return head.encode("ascii") + lines + (b"" if lines.endswith(b"\r\n") else b"\r\n")
