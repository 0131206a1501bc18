"""Fixtures of the email tests: the servers of ``mailservers`` and a channel between them.

A test module takes them with ``pytest_plugins = ["tests.channels.mail_fixtures"]``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from inbox.channels.email import EmailChannel
from inbox.channels.mail_follow import Pauses
from inbox.channels.mail_parser_process import parse_here
from inbox.settings import Company
from tests.channels.mailservers import Dovecot, Mailman, TokenDesk, email_settings, running_dovecot
from tests.tools import require_dovecot


@pytest.fixture
def dovecot() -> Iterator[Dovecot]:
    with running_dovecot(require_dovecot()) as server:
        yield server


@pytest.fixture
async def mailman() -> AsyncIterator[Mailman]:
    async with Mailman() as server:
        yield server


@pytest.fixture
def make_email() -> Callable[..., EmailChannel]:
    """A channel whose waits are short and whose parser runs in this process."""

    def make(parser=parse_here, **settings) -> EmailChannel:
        mark_seen = settings.pop("mark_seen", True)
        return EmailChannel(
            email_settings(**settings), Company(), parser=parser, mark_seen=mark_seen, idle_seconds=30.0,
            poll_seconds=0.05, pauses=Pauses(first=0.01, longest=0.1),
        )  # fmt: skip

    return make


@pytest.fixture
def mail_in(dovecot: Dovecot, make_email: Callable[..., EmailChannel]) -> EmailChannel:
    return make_email(imap_port=dovecot.port)


@pytest.fixture
def mail_out(mailman: Mailman, make_email: Callable[..., EmailChannel]) -> EmailChannel:
    return make_email(smtp_port=mailman.port)


@pytest.fixture
async def token_desk(aiohttp_server) -> AsyncIterator[TokenDesk]:
    made = TokenDesk()
    made.server = await aiohttp_server(made.app())
    yield made
