"""The email channel keeps the promises of every channel, as far as they fit a mailbox that is polled."""

from __future__ import annotations

import asyncio

import pytest

from inbox.message import ContactPoint
from tests.channels.contract import ChannelContract, Delivery, outbound
from tests.channels.mailservers import PASSWORD, USER, letter, listening, until

pytest_plugins = ["tests.channels.mail_fixtures"]
pytestmark = pytest.mark.dovecot


class TestEmailContract(ChannelContract):
    webhooks = False
    can_be_asked = False  # as long as the server files no copies; see test_email_send
    fixtures = "email"
    secrets = (PASSWORD, "first-secret-for-tests", "second-secret-for-tests")

    @pytest.fixture
    async def channel(self, dovecot, mailman, make_email):
        self.server, self.mailman = dovecot, mailman
        return make_email(imap_port=dovecot.port, smtp_port=mailman.port, authserv_ids=("mx.larkmoor.example",))

    @pytest.fixture
    async def client(self, channel, intake):
        return channel, intake

    def outbound(self, **changes):
        return outbound("email", ContactPoint("email", "nadia@brook.example"), **changes)

    def inexpressible(self):
        return self.outbound(text="", html="")

    def delivery(self, text="What do I owe?", n=1):
        return Delivery(body=letter(text, n))

    def own_echo(self):
        return Delivery(body=letter(X_Loop=USER))

    def fixture_delivery(self, raw):
        return Delivery(body=raw)

    async def provider_answers(self, status):
        self.mailman.answers = ["451 4.3.0 later" if status == 429 or status >= 500 else "550 5.1.1 refused"]

    async def provider_closes(self):
        self.mailman.answers = ["drop"]

    async def receive(self, client, delivery):
        channel, intake = client
        before = dict(intake.cursors)
        await asyncio.to_thread(self.server.deliver, delivery.body)
        async with listening(channel, intake):
            if intake.broken:
                await asyncio.sleep(0.3)
            else:
                await until(lambda: intake.cursors != before)
        return 503 if intake.cursors == before else 200
