"""Mail without a provider: one SMTP door on loopback, our mailbox behind it, and everybody else's mailboxes.

What is addressed to the company waits in a folder until the email channel has read it, as on an IMAP server. What the
company sends is kept for the authors. Mail is one file each, written before the sender is told that it was taken.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller

from inbox.channels.mail_imap import StoredMail

#: The name of our mail server, as its Authentication-Results and Received lines give it.
SERVER = "mx.larkmoor.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One mail as it arrived. ``recipient`` is where it was delivered to, lower case."""

    number: int
    at: datetime
    sender: str
    recipient: str
    incoming: bool  # to the company
    raw: bytes = field(repr=False)


class PostOffice:
    """``address`` is the company's. ``letters`` are all that ever arrived, oldest first."""

    def __init__(self, folder: Path, address: str) -> None:
        self.address = address.lower()
        self._folder = folder
        self._news = threading.Condition()
        self._door: Controller | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.letters: list[Letter] = [_read(path) for path in sorted(folder.glob("*.eml"))]

    # The door.

    def open_door(self, port: int = 0) -> int:
        """Listen on loopback in a thread of its own; returns the port (``0``: any free one)."""
        self._door = _Door(_Visitors(self), hostname="127.0.0.1", port=port, server_hostname=SERVER, ident="demo")
        self._door.start()
        return int(self._door.port)

    def close_door(self) -> None:
        if self._door is not None:
            self._door.stop()
            self._door = None
        with self._news:
            self._news.notify_all()

    def take(self, sender: str, recipients: list[str], raw: bytes) -> None:
        """Keep one mail for each recipient."""
        for recipient in recipients:
            self._keep(sender.lower(), recipient.lower(), raw)

    def _keep(self, sender: str, recipient: str, raw: bytes) -> None:
        with self._news:
            number = self.letters[-1].number + 1 if self.letters else 1
            at = datetime.now(UTC).replace(microsecond=0)
            trace = (
                f"Return-Path: <{sender}>\r\nDelivered-To: {recipient}\r\n"
                f"Received: by {SERVER} id {number}; {format_datetime(at)}\r\n"
            )
            letter = Letter(
                number=number,
                at=at,
                sender=sender,
                recipient=recipient,
                incoming=self._is_ours(recipient),
                raw=trace.encode("utf-8") + raw,
            )
            _write(self._folder, letter)
            self.letters.append(letter)
            self._news.notify_all()

    def _is_ours(self, recipient: str) -> bool:
        local, _, domain = recipient.rpartition("@")
        return f"{local.partition('+')[0]}@{domain}" == self.address

    # What people see.

    def letter(self, number: int) -> Letter | None:
        return next((one for one in self.letters if one.number == number), None)

    def of_person(self, address: str) -> list[Letter]:
        """All that this person sent and got, newest first."""
        wanted = address.lower()
        return [one for one in reversed(self.letters) if wanted in (one.sender, one.recipient)]

    def incoming(self) -> list[Letter]:
        return [one for one in self.letters if one.incoming]

    def wait(self, known: int, seconds: float) -> None:
        """Return when there are more letters than ``known``, or after ``seconds``."""
        with self._news:
            self._news.wait_for(lambda: len(self.letters) > known or self._door is None, seconds)

    def wake(self) -> None:
        with self._news:
            self._news.notify_all()


class Mailbox:
    """The company's mailbox, with the methods of ``ImapMailbox`` that the email channel calls in its thread."""

    uidvalidity = 1

    def __init__(self, office: PostOffice) -> None:
        self._office = office
        self._interrupted = False
        self._known = 0

    @property
    def last_uid(self) -> int:
        return max(self.uids(), default=0)

    def open(self) -> None:
        """There is nothing to connect to."""

    def uids(self, *criteria: Any) -> list[int]:
        _ = criteria  # only "unread" is asked for, at the very first start, and then all of it is
        self._known = len(self._office.letters)
        return [one.number for one in self._office.incoming()]

    def uids_after(self, uid: int) -> list[int]:
        return [found for found in self.uids() if found > uid]

    def uids_since(self, day: date) -> list[int]:
        return [one.number for one in self._office.incoming() if one.at.date() >= day]

    def look(self, uid: int) -> StoredMail | None:
        letter = self._office.letter(uid)
        return StoredMail(uid=uid, size=len(letter.raw), received_at=letter.at) if letter else None

    def fetch(self, uid: int, limit: int = 0) -> bytes | None:
        letter = self._office.letter(uid)
        return (letter.raw[:limit] if limit else letter.raw) if letter else None

    def mark_seen(self, uid: int) -> None:
        """Nobody else reads this mailbox."""

    def wait(self, seconds: float, poll_seconds: float) -> None:
        if not self._interrupted:
            self._office.wait(self._known, min(seconds, poll_seconds, 5.0))

    def sent_folder(self) -> str:
        return ""

    def interrupt(self) -> None:
        self._interrupted = True
        self._office.wake()

    def close(self) -> None:
        """There is nothing to let go of."""


class _Visitors:
    """What aiosmtpd asks for each mail."""

    def __init__(self, office: PostOffice) -> None:
        self._office = office

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        _ = server, session
        self._office.take(envelope.mail_from or "", list(envelope.rcpt_tos), envelope.original_content or b"")
        return "250 2.0.0 kept"


class _Door(Controller):
    """A controller on any free port: before it knocks at its own door it must see which one it got."""

    def _trigger_server(self) -> None:
        self.port = cast("asyncio.Server", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # half of aiosmtpd has no types


def _write(folder: Path, letter: Letter) -> None:
    path = folder / f"{letter.number:08d}.eml"
    half = path.with_suffix(".new")
    mark = b"in" if letter.incoming else b"out"
    half.write_bytes(b"X-Demo: %s %d\r\n" % (mark, int(letter.at.timestamp())) + letter.raw)
    half.replace(path)


def _read(path: Path) -> Letter:
    first, _, raw = path.read_bytes().partition(b"\r\n")
    _, mark, at = first.decode("ascii").split()
    lines = raw.split(b"\r\n", 2)
    return Letter(
        number=int(path.stem),
        at=datetime.fromtimestamp(int(at), UTC),
        sender=lines[0].decode().partition("<")[2].rstrip(">"),
        recipient=lines[1].decode().partition(": ")[2],
        incoming=mark == "in",
        raw=raw,
    )
