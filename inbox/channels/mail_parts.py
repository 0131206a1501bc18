"""The MIME tree of a mail as a flat list of leaves. Tolerant of broken boundaries and encodings, bounded in work.

Every level looks at its bytes once, and depth and number of parts are limited: time grows with the size alone.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from inbox.channels import mail_headers
from inbox.channels.mail_headers import Fields, base64_bytes, parameters

_BAD_NAME = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|\u202a-\u202e\u2066-\u2069]+")
_NAME_CHARS = 120
_FIRST_BOUNDARY = re.compile(rb"(?:\A|[\r\n])--(\S[^\r\n]{0,199})")
_UU_LINE = re.compile(rb"begin [0-7]{3,4} ")


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf. ``path`` holds the multipart types around it, outermost first, with the number of each container."""

    fields: Fields
    content_type: str
    params: dict[str, str]
    body: bytes = field(repr=False)  # still encoded
    path: tuple[tuple[str, int], ...] = ()
    position: int = 0  # within its container

    @property
    def disposition(self) -> str:
        return parameters(self.fields.get("content-disposition"))[0]

    @property
    def filename(self) -> str:
        """A safe name without folders, ``""`` if the mail gives none."""
        given = parameters(self.fields.get("content-disposition"))[1].get("filename", "") or self.params.get("name", "")
        return safe_name(given)

    @property
    def charset(self) -> str:
        return self.params.get("charset", "")

    def content(self) -> bytes:
        """The decoded bytes; broken encodings give what can be read."""
        return decoded(self.body, self.fields.get("content-transfer-encoding"))


@dataclass(slots=True)
class _Walk:
    max_parts: int
    max_depth: int
    defects: list[str]
    seen: int = 0
    containers: int = 0


def leaves(
    fields: Fields, body: bytes, *, max_parts: int, max_depth: int
) -> tuple[list[Part], tuple[str, dict[str, str]], tuple[str, ...]]:
    """All leaves in order, the type of the whole mail with its parameters, and what was wrong or cut off."""
    walk = _Walk(max_parts, max_depth, [])
    top = _type_of(fields, "text/plain")
    found = list(_walked(fields, body, (), 0, "text/plain", walk))
    return found, top, tuple(dict.fromkeys(walk.defects))


def decoded(body: bytes, encoding: str) -> bytes:
    name = encoding.strip().strip(";\"'").lower()
    if "base64" in name:
        return base64_bytes(body)
    if "quoted" in name:
        return binascii.a2b_qp(body)
    if "uu" in name:
        return _uudecoded(body)
    return body


def safe_name(name: str) -> str:
    """A file name that can be shown and stored: one line, no folders, no direction marks, bounded."""
    last = re.split(r"[/\\]", name.strip())[-1]
    kept = _BAD_NAME.sub("_", last).strip(" .")
    if len(kept) > _NAME_CHARS:
        stem, dot, end = kept.rpartition(".")
        kept = f"{stem[: _NAME_CHARS - len(end) - 1]}.{end}" if dot and len(end) < 16 else kept[:_NAME_CHARS]
    return kept


def _walked(
    fields: Fields, body: bytes, path: tuple[tuple[str, int], ...], position: int, default: str, walk: _Walk
) -> Iterator[Part]:
    if walk.seen >= walk.max_parts:
        walk.defects.append("too many parts")
        return
    kind, params = _type_of(fields, default)
    if kind.startswith("multipart/") and len(path) < walk.max_depth:
        pieces = _pieces(fields, body, params, walk)
        if pieces:
            walk.containers += 1
            inside = (*path, (kind, walk.containers))
            child = "message/rfc822" if kind == "multipart/digest" else "text/plain"
            for n, piece in enumerate(pieces):
                head, rest = _part_head(piece)
                yield from _walked(head, rest, inside, n, child, walk)
            return
    if kind.startswith("multipart/"):
        walk.defects.append("nested too deep" if len(path) >= walk.max_depth else "multipart without parts")
        kind, params = "text/plain", {}
    walk.seen += 1
    yield Part(fields, kind, params, body, path, position)


def _type_of(fields: Fields, default: str) -> tuple[str, dict[str, str]]:
    kind, params = parameters(fields.get("content-type"))
    if re.fullmatch(r"[^\s/]{1,80}/[^\s/]{1,120}", kind):
        return kind, params
    if kind in ("text", "multipart"):
        return ("text/plain" if kind == "text" else "multipart/mixed"), params
    return default, params


def _part_head(piece: bytes) -> tuple[Fields, bytes]:
    """A part may have no header at all: it then begins with an empty line."""
    if piece.startswith((b"\r\n", b"\n", b"\r")):
        return Fields(), piece.lstrip(b"\r").removeprefix(b"\n") if piece[:1] != b"\n" else piece[1:]
    return mail_headers.split(piece)


def _pieces(fields: Fields, body: bytes, params: dict[str, str], walk: _Walk) -> list[bytes]:
    boundary = params.get("boundary", "").encode("utf-8", "replace").rstrip()
    pieces = _cut(body, boundary, walk.max_parts) if boundary else None
    if pieces is None and boundary:
        pieces = _cut(body, boundary, walk.max_parts, ignore_case=True)
    if pieces is None:
        encoding = fields.get("content-transfer-encoding")
        opened = decoded(body, encoding) if encoding else body  # not allowed for multiparts, but seen
        guess = _FIRST_BOUNDARY.search(opened)
        walk.defects.append("boundary not found")
        pieces = _cut(opened, guess[1].rstrip(), walk.max_parts) if guess else None
    return [p for p in pieces or [] if p.strip()]


def _cut(body: bytes, boundary: bytes, limit: int, *, ignore_case: bool = False) -> list[bytes] | None:
    """The bytes between boundary lines; None if there is no such line. A missing last boundary is forgiven."""
    mark, hay = b"--" + boundary, body
    if ignore_case:
        mark, hay = mark.lower(), body.lower()
    pieces: list[bytes] = []
    start, at = -1, hay.find(mark)
    while at >= 0 and len(pieces) <= limit:
        line_end = _line_end(hay, at)
        rest = hay[at + len(mark) : line_end].strip()
        if (at == 0 or hay[at - 1] in b"\r\n") and rest in (b"", b"--"):
            if start >= 0:
                pieces.append(_without_end(body[start:at]))
            start = _next_line(hay, line_end)
            if rest == b"--":
                return pieces
        at = hay.find(mark, max(line_end, at + 1))
    if start >= 0:
        pieces.append(body[start:])
    return pieces if start >= 0 else None


def _line_end(data: bytes, at: int) -> int:
    end = data.find(b"\n", at, at + 1_000)
    if end < 0:
        end = data.find(b"\r", at, at + 1_000)
    return end if end >= 0 else min(len(data), at + 1_000)


def _next_line(data: bytes, end: int) -> int:
    return end + 1 if data[end : end + 1] in (b"\n", b"\r") else end


def _without_end(piece: bytes) -> bytes:
    """The line end before a boundary belongs to the boundary."""
    return piece.removesuffix(b"\n").removesuffix(b"\r")


def _uudecoded(body: bytes) -> bytes:
    out = []
    for line in body.splitlines():
        if _UU_LINE.match(line) or not line.strip():
            continue
        if line.strip() == b"end":
            break
        try:
            out.append(binascii.a2b_uu(line))
        except binascii.Error:
            count = (((line[0] - 32) & 63) * 4 + 5) // 3  # trailing rubbish: take as many as the line says
            try:
                out.append(binascii.a2b_uu(line[:count]))
            except binascii.Error:
                continue
    return b"".join(out)
