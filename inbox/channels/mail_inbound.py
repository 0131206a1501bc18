"""From a parsed mail to the inbox's own words. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime

from inbox.channels import mail_token
from inbox.channels.mime import ParsedMail
from inbox.message import ContactPoint, DeliveryStatus, DeliveryUpdate, InboundMessage, MessageKind

#: Before the conversation id that a reply token of ours vouches for, in ``thread_keys``. No Message-ID looks so.
CONVERSATION_KEY = "conversation:"

_RAW_CHARS = 200_000
_OUTCOMES = {"failed": DeliveryStatus.UNDELIVERED, "delivered": DeliveryStatus.DELIVERED}


def source_id(mail: ParsedMail, raw: bytes, received_at: datetime) -> str:
    """The Message-ID, or for mail without one a name that stays the same whenever the mail is fetched again."""
    if mail.message_id:
        return mail.message_id
    return "sha256:" + hashlib.sha256(received_at.isoformat().encode() + raw).hexdigest()


def message_of(
    mail: ParsedMail, raw: bytes, received_at: datetime, ours: Sequence[str], secrets: Sequence[str]
) -> InboundMessage | None:
    """The message, or None if nobody can be named as its sender.

    ``thread_keys`` hold first ``conversation:ID`` of a verified reply token, then In-Reply-To, then References from
    the newest to the oldest, all without angle brackets. ``ours`` begins with the main address.
    """
    kind = mail.kind
    if mail_token.is_own_id(mail.message_id, ours[0], secrets):
        kind = MessageKind.OWN
    sender = mail.sender or ("mailer-daemon" if kind is MessageKind.BOUNCE else "")
    if not sender:
        return None
    written_to = [*mail.delivered_to, *mail.to, *mail.cc]
    return InboundMessage(
        channel="email",
        source_id=source_id(mail, raw, received_at),
        sender=ContactPoint("email", sender),
        text=mail.text,
        received_at=received_at,
        recipient=_own_recipient(written_to, ours),
        kind=kind,
        proof=mail.proof,
        subject=mail.subject,
        sender_name=mail.sender_name,
        thread_keys=_thread_keys(mail, written_to, ours, secrets),
        attachments=mail.attachments,
        meta=_meta(mail),
        raw=f"{mail.headers}\n\n{mail.full_text}"[:_RAW_CHARS],
    )


def update_of(mail: ParsedMail, source: str) -> DeliveryUpdate | None:
    """What a bounce says became of a mail of ours; None if it does not say which one or nothing final."""
    report = mail.report
    if report is None:
        return None
    status = _OUTCOMES.get(report.action or "failed")
    if status is None or not (report.original_id or report.recipient):
        return None
    return DeliveryUpdate(
        channel="email",
        status=status,
        provider_id=report.original_id,
        message_id=report.original_id,
        code=report.status,
        detail=report.detail or mail.subject,
        point=ContactPoint("email", report.recipient) if report.recipient else None,
        source_id=source,
    )


def _thread_keys(
    mail: ParsedMail, written_to: Sequence[str], ours: Sequence[str], secrets: Sequence[str]
) -> tuple[str, ...]:
    conversation = mail_token.conversation_of(written_to, ours, secrets)
    token = [CONVERSATION_KEY + conversation] if conversation else []
    original = [mail.report.original_id] if mail.report and mail.report.original_id else []
    return tuple(dict.fromkeys([*token, *original, *mail.in_reply_to, *reversed(mail.references)]))


def _own_recipient(written_to: Sequence[str], ours: Sequence[str]) -> str:
    for address in written_to:
        local, _, domain = address.partition("@")
        if f"{local.partition('+')[0]}@{domain}" in ours:
            return address
    return ours[0]


def _meta(mail: ParsedMail) -> dict[str, str]:
    found = {
        "message_id": mail.message_id,
        "subject": mail.subject,
        "references": " ".join(mail.references),
        "in_reply_to": " ".join(mail.in_reply_to),
        "from_display": mail.sender_name,
        "reply_to": " ".join(mail.reply_to),
        "suspicious_sender": mail.suspicious_sender,
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else "",
        "auto_submitted": mail.auto_submitted,
        "only_history": "yes" if mail.only_history else "",
        "defects": ", ".join(mail.defects),
        "failed_recipient": mail.report.recipient if mail.report else "",
    }
    return {key: value for key, value in found.items() if value}
