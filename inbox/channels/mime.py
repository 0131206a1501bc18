"""A mail from its bytes, as we understand it. Pure, and it never raises, whatever the bytes are.

``parse`` may be slow on hostile input; outside tests it runs in a child process (``mail_parser_process``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from inbox.channels import mail_auth, mail_headers, mail_html, mail_kind, mail_parts, mail_reply
from inbox.channels.mail_charset import clean, decode
from inbox.channels.mail_headers import Address, Fields
from inbox.channels.mail_kind import Report
from inbox.channels.mail_parts import Part
from inbox.message import Attachment, MessageKind, SenderProof

_DELIVERED_FIELDS = ("delivered-to", "x-original-to", "x-forwarded-to", "envelope-to", "x-envelope-to")
_TEXT_TYPES = ("text/plain", "text/html", "text/enriched", "text/markdown")
_SUBJECT_CHARS = 998
_RAW_CHARS = 200_000
_ENDINGS = {
    "text/plain": "txt", "text/html": "html", "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg",
    "image/gif": "gif", "message/rfc822": "eml", "text/calendar": "ics", "text/csv": "csv", "application/zip": "zip",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ParseSettings:
    """What the parser is told: our own names and the limits of its work."""

    own_addresses: tuple[str, ...] = ()  # lower case
    authserv_ids: tuple[str, ...] = ()  # whose Authentication-Results count
    max_bytes: int = 25_000_000  # longer mail is cut there
    max_parts: int = 200
    max_depth: int = 12
    max_text: int = 100_000  # characters of the author's words
    max_attachments: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedMail:
    """One mail. Ids have no angle brackets; addresses are lower case with an ASCII domain; texts hold no NUL."""

    message_id: str = ""
    sender: str = ""  # the From address; the last angle address if there are several
    sender_name: str = ""
    suspicious_sender: str = ""  # why the From field may be a trick; "" if it is plain
    reply_to: tuple[str, ...] = ()
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    delivered_to: tuple[str, ...] = ()  # where servers say they put it, newest first
    subject: str = ""
    sent_at: datetime | None = None  # as the sender's clock says
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    auto_submitted: str = ""
    kind: MessageKind = MessageKind.TEXT
    proof: SenderProof = SenderProof.NONE
    text: str = ""  # the new words
    only_history: bool = False  # nothing new was written: ``text`` is the forwarded or quoted mail
    full_text: str = field(default="", repr=False)  # with the history
    attachments: tuple[Attachment, ...] = ()
    report: Report | None = None  # of a bounce
    defects: tuple[str, ...] = ()
    headers: str = field(default="", repr=False)


def parse(raw: bytes, settings: ParseSettings) -> ParsedMail:
    """Read one mail."""
    fields, body = mail_headers.split(raw[: settings.max_bytes])
    parts, top, defects = mail_parts.leaves(fields, body, max_parts=settings.max_parts, max_depth=settings.max_depth)
    sender, suspicious = _sender(fields)
    subject = mail_headers.text_of(fields.get("subject"))[:_SUBJECT_CHARS].strip()
    own = {address.lower() for address in settings.own_addresses}
    kind = mail_kind.kind_of(fields, top, sender.value or _shown_sender(fields), subject, own)
    bodies = _body_parts(parts)
    whole = "\n\n".join(filter(None, (_text_of(part, settings.max_text) for part in bodies)))
    forwarded = "" if whole.strip() else _forwarded_text(parts, settings)
    reply = mail_reply.new_words(whole)
    report = mail_kind.report_of(fields, parts, whole) if kind is MessageKind.BOUNCE else None
    return ParsedMail(
        message_id=next(iter(mail_headers.message_ids(fields.get("message-id"))), ""),
        sender=sender.value,
        sender_name=sender.name[:200],
        suspicious_sender=suspicious,
        reply_to=_addresses(fields, "reply-to"),
        to=_addresses(fields, "to"),
        cc=_addresses(fields, "cc"),
        delivered_to=_addresses(fields, *_DELIVERED_FIELDS),
        subject=subject,
        sent_at=mail_headers.date_of(fields.get("date")),
        in_reply_to=mail_headers.message_ids(fields.get("in-reply-to")),
        references=mail_headers.message_ids(fields.get("references")),
        auto_submitted=mail_kind.automatic_class(fields),
        kind=kind,
        proof=_proof(fields, sender.value, suspicious, settings.authserv_ids),
        text=(reply.text or forwarded)[: settings.max_text],
        only_history=reply.only_history or bool(forwarded),
        full_text=(whole or forwarded)[: settings.max_text],
        attachments=_attachments(parts, bodies, settings.max_attachments),
        report=report,
        defects=(*defects, *(("cut at the size limit",) if len(raw) > settings.max_bytes else ())),
        headers="\n".join(f"{name}: {value}" for name, value in fields.items)[:_RAW_CHARS],
    )


# Who wrote.


def _sender(fields: Fields) -> tuple[Address, str]:
    """The author's address and what is odd about the field. The last angle address is what servers check."""
    lines = fields.all("from")
    found = [address for line in lines for address in mail_headers.addresses(line)]
    if not found:
        decoded = [mail_headers.text_of(line) for line in lines if "=?" in line]
        found = [address for line in decoded for address in mail_headers.addresses(line)]
        if found:
            return found[-1], "the address stands inside an encoded word"
        return _stand_in(fields), "no address in From" if lines else "no From"
    if len(lines) > 1 or len({address.value for address in found}) > 1:
        return found[-1], "several From addresses"
    shown = {a.value for a in mail_headers.addresses(found[-1].name.replace(" ", ",")) if a.value != found[-1].value}
    return found[-1], f"the display name shows another address: {min(shown)}" if shown else ""


def _stand_in(fields: Fields) -> Address:
    for name in ("sender", "reply-to", "return-path"):
        found = mail_headers.addresses(fields.get(name))
        if found:
            return found[0]
    return Address("")


def _shown_sender(fields: Fields) -> str:
    """What stands in a From without an address, e.g. ``MAILER-DAEMON``."""
    return mail_headers.text_of(fields.get("from")).strip(' "<>').partition(" ")[0].lower()


def _proof(fields: Fields, sender: str, suspicious: str, authserv_ids: Sequence[str]) -> SenderProof:
    """Several From addresses, or none, leave open whom DMARC was about: then a pass proves nothing."""
    proof = mail_auth.proof_of(fields, sender, authserv_ids)
    doubtful = bool(suspicious) and not suspicious.startswith("the display name")
    return SenderProof.NONE if doubtful and proof is SenderProof.DMARC_PASS else proof


def _addresses(fields: Fields, *names: str) -> tuple[str, ...]:
    found = [a.value for name in names for line in fields.all(name)[:20] for a in mail_headers.addresses(line)]
    return tuple(dict.fromkeys(found))[:200]


# What was written.


def _body_parts(parts: Sequence[Part]) -> list[Part]:
    """The parts that are the mail's own text: of alternatives the best one, otherwise all that are shown in line."""
    shown = [part for part in parts if _is_text(part)]
    chosen: list[Part] = []
    decided: set[int] = set()
    for part in shown:
        group = _alternative(part)
        if group is None:
            chosen.append(part)
        elif group not in decided:
            decided.add(group)
            chosen += _best([p for p in shown if _alternative(p) == group])
    plain = [part for part in chosen if _is_written(part)]
    return plain or [part for part in parts if part.content_type.startswith("text/") and _is_written(part)][:1]


def _is_text(part: Part) -> bool:
    if part.content_type not in _TEXT_TYPES or part.disposition == "attachment":
        return False
    return not part.filename or _alternative(part) is not None or part.position == 0


def _alternative(part: Part) -> int | None:
    return next((number for kind, number in part.path if kind == "multipart/alternative"), None)


def _best(group: Sequence[Part]) -> list[Part]:
    """Plain text with something in it, or else HTML; several plain parts of one alternative belong together."""
    written = [part for part in group if _is_written(part)]
    plain = [part for part in written if part.content_type != "text/html"]
    return plain or [part for part in written if part.content_type == "text/html"][:1]


def _is_written(part: Part) -> bool:
    return bool(_text_of(part, 4_000).strip())


def _text_of(part: Part, limit: int) -> str:
    content = part.content()[: limit * 4]
    if part.content_type == "text/html":
        # Markup is many times longer than what it shows.
        return mail_html.to_text(decode(part.content()[: limit * 40], part.charset or _meta_charset(content)))[:limit]
    text = clean(decode(content, part.charset))[:limit]
    return _unflowed(text) if part.params.get("format", "").lower() == "flowed" else text


def _meta_charset(content: bytes) -> str:
    head = content[:2_000].lower().decode("ascii", "replace")
    _, found, rest = head.partition("charset=")
    return rest.strip("\"' ").split('"')[0].split("'")[0].split(">")[0].strip(" /;") if found else ""


def _unflowed(text: str) -> str:
    """Lines of format=flowed put together again (RFC 3676)."""
    out: list[str] = []
    joining = False
    for line in text.split("\n"):
        body = line.removeprefix(" ") if not line.startswith(">") else line
        quoted = body.startswith(">")
        if joining and not quoted:
            out[-1] += body
        else:
            out.append(body)
        joining = body.endswith(" ") and body != "-- " and not quoted
    return "\n".join(out)


def _forwarded_text(parts: Sequence[Part], settings: ParseSettings) -> str:
    """The words of an attached mail, if it is all there is."""
    for part in parts:
        if part.content_type == "message/rfc822":
            fields, body = mail_headers.split(part.content())
            inner, _, _ = mail_parts.leaves(fields, body, max_parts=settings.max_parts, max_depth=settings.max_depth)
            found = "\n\n".join(_text_of(p, settings.max_text) for p in _body_parts(inner))
            if found.strip():
                return found.strip()
    return ""


def _attachments(parts: Sequence[Part], bodies: Sequence[Part], limit: int) -> tuple[Attachment, ...]:
    """Every leaf that is not shown as text. An HTML twin of the plain text is no attachment."""
    used = {id(part) for part in bodies}
    made: list[Attachment] = []
    for part in parts:
        if id(part) in used or (_is_text(part) and not part.filename) or len(made) >= limit:
            continue
        content = part.content()
        if not content and not part.filename:
            continue
        ending = _ENDINGS.get(part.content_type, "bin")
        name = part.filename or f"attachment-{len(made) + 1}.{ending}"
        made.append(Attachment(filename=name, content_type=part.content_type, size=len(content), content=content))
    return tuple(made)
