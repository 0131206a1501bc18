"""One IMAP mailbox, blocking: every method runs in the mail thread, only ``interrupt`` may be called from elsewhere."""

from __future__ import annotations

import contextlib
import imaplib
import logging
import select
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, TypeVar

from imapclient import IMAPClient, SocketTimeout  # type: ignore[import-untyped]  # ships no types
from imapclient.exceptions import IMAPClientError, LoginError  # type: ignore[import-untyped]  # ships no types

from inbox.channels.mail_login import TokenCommand, tls_context
from inbox.errors import Transient
from inbox.settings import Email

log = logging.getLogger(__name__)
T = TypeVar("T")

_CONNECT_SECONDS = 20.0
_READ_SECONDS = 60.0
_ENVELOPE = ["RFC822.SIZE", "INTERNALDATE"]
_LOST = (IMAPClientError, imaplib.IMAP4.error, OSError, EOFError)


class MailboxLost(Transient):
    """The connection to the mailbox is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMail:
    """What the server says about one mail before it is fetched."""

    uid: int
    size: int  # bytes
    received_at: datetime


class _Client(IMAPClient):  # type: ignore[misc]  # imapclient ships no types
    """News that came in one packet with the answer to IDLE lies in the buffer, where polling the socket is blind."""

    def _poll_socket(self, sock: socket.socket, timeout: float | None = None) -> Any:
        return True if timeout == 0 else super()._poll_socket(sock, timeout)


@dataclass(slots=True)
class ImapMailbox:
    """Raises ``MailboxLost`` from every method once the connection is gone: open a new one."""

    settings: Email
    tokens: TokenCommand | None = None
    uidvalidity: int = 0
    last_uid: int = 0  # when it was opened
    _client: Any = field(default=None, repr=False)
    _wake: tuple[socket.socket, socket.socket] = field(default_factory=socket.socketpair, repr=False)

    def open(self) -> None:
        """Connect, log in and select the mailbox. Raises ``Transient`` that names the setting to look at."""
        with _lost_as(f"no connection to {self.settings.imap_host}:{self.settings.imap_port}; check email.imap_host"):
            self._connect()
        self._login()
        with _lost_as(f"the mailbox {self.settings.mailbox!r} cannot be opened; check email.mailbox"):
            selected = self._client.select_folder(self.settings.mailbox)
        self.uidvalidity = int(selected.get(b"UIDVALIDITY", 0))
        self.last_uid = int(selected.get(b"UIDNEXT", 0)) - 1 if b"UIDNEXT" in selected else max(self.uids(), default=0)

    def uids(self, *criteria: Any) -> list[int]:
        """The UIDs that match an IMAP search, in order."""
        with _lost_as():
            return sorted(int(uid) for uid in self._client.search(list(criteria) or ["ALL"]))

    def uids_after(self, uid: int) -> list[int]:
        """UIDs greater than ``uid``; ``n:*`` always names the last mail, even one below n."""
        self._announced()  # what was said until now is about mail that the search finds
        return [found for found in self.uids("UID", f"{uid + 1}:*") if found > uid]

    def uids_since(self, day: date) -> list[int]:
        return self.uids("SINCE", day)

    def look(self, uid: int) -> StoredMail | None:
        """Size and arrival of one mail; None if it is gone."""
        with _lost_as():
            found = self._client.fetch([uid], _ENVELOPE).get(uid)
        if not found or b"RFC822.SIZE" not in found:
            return None
        at = found.get(b"INTERNALDATE") or datetime.now().astimezone()
        at = at.astimezone(UTC)  # imapclient gives local time without a zone
        return StoredMail(uid=uid, size=int(found[b"RFC822.SIZE"]), received_at=at)

    def fetch(self, uid: int, limit: int = 0) -> bytes | None:
        """The bytes of one mail, the first ``limit`` of them if that is given; the mail stays unread."""
        part = f"BODY.PEEK[]<0.{limit}>" if limit else "BODY.PEEK[]"
        with _lost_as():
            found = self._client.fetch([uid], [part]).get(uid, {})
        content = found.get(b"BODY[]<0>" if limit else b"BODY[]")
        return content if isinstance(content, bytes) else None

    def mark_seen(self, uid: int) -> None:
        with _lost_as():
            self._client.add_flags([uid], [rb"\Seen"], silent=True)

    def wait(self, seconds: float, poll_seconds: float) -> None:
        """Return when there is news, after ``seconds`` of silence, or when interrupted."""
        with _lost_as():
            if self._client.has_capability("IDLE"):
                self._idle(seconds)
            else:
                self._pause(poll_seconds)
                self._client.noop()

    def sent_folder(self) -> str:
        """Where the server or the programs file what was sent; ``""`` if there is no such folder."""
        with _lost_as():
            return str(self._client.find_special_folder(rb"\Sent") or "")

    def examine(self, folder: str) -> None:
        """Look into another folder, read only."""
        with _lost_as():
            self._client.select_folder(folder, readonly=True)

    def interrupt(self) -> None:
        """End whatever the mail thread waits for; the mailbox cannot be used after that."""
        with contextlib.suppress(OSError):
            self._wake[1].send(b"!")
        with contextlib.suppress(*_LOST, AttributeError):
            self._client.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(*_LOST, AttributeError):
            self._client.shutdown()
        for end in self._wake:
            end.close()

    # How.

    def _connect(self) -> None:
        mode = self.settings.imap_tls
        context = tls_context(mode, self.settings.imap_host, "imap")
        self._client = _Client(
            self.settings.imap_host,
            port=self.settings.imap_port,
            ssl=mode == "implicit",
            ssl_context=context if mode == "implicit" else None,
            timeout=SocketTimeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        )
        if mode == "starttls":
            self._client.starttls(context)

    def _login(self) -> None:
        user = self.settings.imap_user or self.settings.address
        if self.tokens is not None:
            self._login_with_token(user, self.tokens)
            return
        passwords = self.settings.imap_password or ("",)
        self._tried(lambda: self._client.login(user, passwords[0]), "email.imap_user and email.imap_password")

    def _login_with_token(self, user: str, tokens: TokenCommand) -> None:
        """A refused token is asked for again at the next connection: after a refusal many servers hang up."""
        token = tokens.token()
        try:
            self._tried(lambda: self._client.oauth2_login(user, token), "email.oauth_token_command")
        except Transient:
            tokens.refuse(token)
            raise

    def _tried(self, login: Callable[[], Any], setting: str) -> None:
        try:
            with _lost_as():
                login()
        except LoginError as error:
            raise Transient(f"the mailbox refused the login; check {setting}: {str(error)[:200]}") from error

    def _idle(self, seconds: float) -> None:
        """Wait for news on the line or a wake-up. The server hangs up after 30 minutes, so callers wait less."""
        self._client.idle()
        until = time.monotonic() + seconds
        news = self._announced() or _news(self._client.idle_check(timeout=0))
        while not news and time.monotonic() < until:
            readable = self._readable(until - time.monotonic())
            if self._wake[0] in readable:
                raise MailboxLost("interrupted")
            if not readable:
                break
            responses = self._client.idle_check(timeout=0)
            news = not responses or _news(responses)  # readable and yet nothing: the server hung up
        self._client.idle_done()

    def _announced(self) -> bool:
        """Whether a server told of new mail beside the answers to other commands. It does not say so again in IDLE."""
        _, counts = self._client._imap.response("EXISTS")  # noqa: SLF001 - imapclient drops them
        return bool(counts != [None])

    def _readable(self, seconds: float) -> list[socket.socket]:
        poller = select.poll()
        ends = {end.fileno(): end for end in (self._client.socket(), self._wake[0])}
        for number in ends:
            poller.register(number, select.POLLIN)
        return [ends[number] for number, _ in poller.poll(max(0.0, seconds) * 1000)]

    def _pause(self, seconds: float) -> None:
        poller = select.poll()
        poller.register(self._wake[0].fileno(), select.POLLIN)
        if poller.poll(seconds * 1000):
            raise MailboxLost("interrupted")


def _news(responses: list[Any]) -> bool:
    return any((len(r) >= 2 and r[1] in (b"EXISTS", b"RECENT")) or r[0] == b"BYE" for r in responses)


@contextlib.contextmanager
def _lost_as(message: str = "the connection to the mailbox is gone") -> Iterator[None]:
    try:
        yield
    except LoginError:
        raise
    except _LOST as error:
        raise MailboxLost(f"{message}: {type(error).__name__}: {str(error)[:200]}") from error
