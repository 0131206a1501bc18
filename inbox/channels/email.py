"""Email: IMAP in, SMTP out. The rules of reading stand in ``mime``, those of writing in ``mail_compose``."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from inbox.channels import mail_compose, mail_smtp
from inbox.channels.base import ChatStore
from inbox.channels.mail_compose import Writer
from inbox.channels.mail_follow import Call, Following, Pauses
from inbox.channels.mail_imap import ImapMailbox
from inbox.channels.mail_login import TokenCommand
from inbox.channels.mail_parser_process import Parser, ParserProcess
from inbox.channels.mime import ParseSettings
from inbox.errors import Transient, Unsupported
from inbox.message import ChannelName, OutboundMessage, Receipt
from inbox.settings import Company, Email

log = logging.getLogger(__name__)
T = TypeVar("T")

IDLE_SECONDS = 300.0  # below the 29 minutes of RFC 2177 and what most routers keep a silent line for
POLL_SECONDS = 30.0  # where the server has no IDLE
_CLOSE_SECONDS = 2.0


@dataclass
class EmailChannel:
    """One mailbox and its SMTP server. ``fallback_secrets`` (web.secrets) sign reply tokens if the section has none."""

    settings: Email
    company: Company
    fallback_secrets: tuple[str, ...] = field(default=(), repr=False)
    parser: Parser | None = None  # default: a child process, started with the first mail
    mark_seen: bool = True
    idle_seconds: float = IDLE_SECONDS
    poll_seconds: float = POLL_SECONDS
    pauses: Pauses = field(default_factory=Pauses)

    def __post_init__(self) -> None:
        command = self.settings.oauth_token_command
        self._tokens = TokenCommand(command) if command else None
        self._ours = tuple(a.strip().lower() for a in (self.settings.address, *self.settings.aliases))
        self._secrets = self.settings.reply_secrets or self.fallback_secrets
        shown = self.settings.display_name or self.company.name
        self._writer = Writer(address=self._ours[0], name=shown, secrets=self._secrets)

    @property
    def name(self) -> ChannelName:
        return "email"

    def routes(self, intake: ChatStore) -> Iterable[web.AbstractRouteDef]:
        _ = intake
        return ()

    async def listen(self, intake: ChatStore) -> None:
        """Follow the mailbox until cancelled, through lost connections and while the store is down."""
        failures = 0
        async with self._reading() as parse:
            following = self._following(intake, parse)
            while True:
                try:
                    async with self._mailbox() as call:
                        await call(ImapMailbox.open)
                        failures = 0
                        await following.follow(call)
                except Transient as error:
                    log.warning("mailbox: %s", error)
                await asyncio.sleep(self.pauses.after(failures))
                failures += 1

    async def send(self, message: OutboundMessage) -> Receipt:
        """Hand the mail to the SMTP server; the receipt holds its Message-ID, which is the same at every attempt."""
        mail = mail_compose.compose(message, self._writer)
        await mail_smtp.deliver(mail, self.settings, self._tokens)
        return Receipt(provider_id=mail.message_id)

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        """Look for the mail in the mailbox's Sent folder; many servers file a copy of all that they send.

        Raises ``Unsupported`` where there is no such folder or no mail of ours in it: then it says nothing.
        """
        wanted = mail_compose.compose(message, self._writer).message_id
        async with self._mailbox() as call:
            await call(ImapMailbox.open)
            folder = await call(ImapMailbox.sent_folder)
            if not folder:
                raise Unsupported("SMTP cannot be asked, and the mailbox has no Sent folder")
            await call(ImapMailbox.examine, folder)
            if await call(ImapMailbox.uids, "HEADER", "Message-ID", f"<{wanted}>"):
                return Receipt(provider_id=wanted)
            if not await call(ImapMailbox.uids, "HEADER", "X-Loop", self._ours[0]):
                raise Unsupported("SMTP cannot be asked, and the server files no copy of our mail in the Sent folder")
        return None

    async def check(self) -> str:
        async with self._mailbox() as call:
            await call(ImapMailbox.open)
            waiting = len(await call(ImapMailbox.uids, "UNSEEN"))
        async with mail_smtp.session(self.settings, self._tokens):
            pass
        tokens = "reply tokens on" if self._secrets else "no reply tokens: set email.reply_secrets"
        dmarc = "DMARC read" if self.settings.authserv_ids else "DMARC not read: set email.authserv_ids"
        return f"{self._ours[0]}: IMAP and SMTP logged in, {waiting} unread, {tokens}, {dmarc}"

    def _following(self, intake: ChatStore, parse: Parser) -> Following:
        user = self.settings.imap_user or self.settings.address
        rules = ParseSettings(
            own_addresses=self._ours, authserv_ids=self.settings.authserv_ids, max_bytes=self.settings.max_bytes
        )
        return Following(
            intake=intake,
            parse=parse,
            rules=rules,
            secrets=self._secrets,
            cursor=f"email:{user}@{self.settings.imap_host}/{self.settings.mailbox}",
            mark_seen=self.mark_seen,
            pauses=self.pauses,
            idle_seconds=self.idle_seconds,
            poll_seconds=self.poll_seconds,
        )

    @asynccontextmanager
    async def _mailbox(self) -> AsyncIterator[Call]:
        """A mailbox in a thread of its own, as a way to call its methods there."""
        mailbox = ImapMailbox(self.settings, self._tokens)
        loop = asyncio.get_running_loop()
        thread = ThreadPoolExecutor(1, thread_name_prefix="mail")

        async def call(method: Callable[..., T], *args: Any) -> T:
            return await loop.run_in_executor(thread, lambda: method(mailbox, *args))

        try:
            yield call
        finally:
            mailbox.interrupt()
            closing = loop.run_in_executor(thread, mailbox.close)
            thread.shutdown(wait=False)
            await asyncio.wait([closing], timeout=_CLOSE_SECONDS)  # a server that does not answer may not hold us

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Parser]:
        if self.parser is not None:
            yield self.parser
            return
        process = ParserProcess()
        try:
            yield process.parse
        finally:
            await process.close()
