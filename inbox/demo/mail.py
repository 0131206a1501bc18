"""The email channel of the demo, and the authors who write to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr, make_msgid
from typing import Any, TypeVar, cast

import aiosmtplib

from inbox.channels.email import EmailChannel
from inbox.channels.mail_charset import decode
from inbox.channels.mail_follow import Call
from inbox.demo.post_office import SERVER, Letter, Mailbox, PostOffice

T = TypeVar("T")
VERDICTS = ("pass", "fail", "none")


@dataclass
class DemoMailbox(EmailChannel):
    """The real email channel; only the mailbox that it follows is a folder instead of an IMAP server."""

    office: PostOffice = field(kw_only=True)

    @asynccontextmanager
    async def _mailbox(self) -> AsyncIterator[Call]:
        mailbox = Mailbox(self.office)
        thread = ThreadPoolExecutor(1, thread_name_prefix="mail")
        loop = asyncio.get_running_loop()

        async def call(method: Callable[..., T], *args: Any) -> T:
            own = getattr(mailbox, method.__name__, None)  # the same method of our mailbox
            run = (lambda: own(*args)) if own else (lambda: method(mailbox, *args))
            return cast("T", await loop.run_in_executor(thread, run))

        try:
            yield call
        finally:
            mailbox.interrupt()
            thread.shutdown(wait=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an author writes. ``verdict`` is what our mail server finds out about the sender (DMARC)."""

    sender: str
    name: str
    to: str
    subject: str
    text: str
    verdict: str = "pass"
    answers: Letter | None = None  # the mail that this one replies to


async def send(draft: Draft, port: int) -> str:
    """Write the mail and hand it to the SMTP door; returns its Message-ID."""
    mail = written(draft)
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, sender=draft.sender, recipients=[draft.to], timeout=10)
    return str(mail["Message-ID"])


def written(draft: Draft) -> EmailMessage:
    """The mail as the author's program and our mail server together make it."""
    mail = EmailMessage(policy=policy.SMTP)
    domain = draft.sender.rpartition("@")[2]
    if draft.verdict in ("pass", "fail"):
        mail["Authentication-Results"] = f"{SERVER}; dmarc={draft.verdict} header.from={domain}"
    mail["From"] = formataddr((draft.name, draft.sender))
    mail["To"] = draft.to
    mail["Subject"] = draft.subject or "(no subject)"
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = make_msgid(domain=domain)
    if draft.answers is not None:
        _thread(mail, message_from_bytes(draft.answers.raw, policy=policy.default))
    mail.set_content(draft.text)
    return mail


def _thread(mail: EmailMessage, before: Any) -> None:
    parent = str(before["Message-ID"] or "").strip()
    if parent:
        mail["In-Reply-To"] = parent
        mail["References"] = f"{before['References'] or ''} {parent}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A letter as a mail program shows it."""

    letter: Letter
    subject: str
    sender: str
    reply_to: str
    text: str
    html: str
    headers: str


def opened(letter: Letter) -> Opened:
    mail = message_from_bytes(letter.raw, policy=policy.default)
    head = letter.raw.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    return Opened(
        letter=letter,
        subject=str(mail["Subject"] or "(no subject)"),
        sender=str(mail["From"] or letter.sender),
        reply_to=str(mail["Reply-To"] or mail["From"] or letter.sender),
        text=_body(mail, "plain"),
        html=_body(mail, "html"),
        headers=head.replace("\r\n", "\n"),
    )


def _body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    if part is None:
        return ""
    content = part.get_payload(decode=True)
    return decode(content, part.get_content_charset("")) if isinstance(content, bytes) else ""
