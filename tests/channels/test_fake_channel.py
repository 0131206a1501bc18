"""The fake keeps the promises of the real channels, so that what is tested with it holds for them."""

from __future__ import annotations

import pytest

from inbox.errors import Permanent, Transient, Uncertain
from inbox.fakes import FakeChannel
from inbox.message import ContactPoint
from tests.channels.contract import ChannelContract, outbound


class TestFakeChannelContract(ChannelContract):
    inbound = False

    @pytest.fixture
    async def channel(self):
        self.fake = FakeChannel(channel="sms")
        return self.fake

    def outbound(self, **changes):
        return outbound("sms", ContactPoint("phone", "+12025550147"), **changes)

    def inexpressible(self):
        return self.outbound(text="")

    async def provider_answers(self, status):
        self.fake.fail.append(Transient() if status == 429 or status >= 500 else Permanent(code=str(status)))

    async def provider_closes(self):
        self.fake.fail.append(Uncertain())

    async def test_the_same_message_twice_leaves_once(self, channel):
        assert await channel.send(self.outbound()) == await channel.send(self.outbound())
        assert [m.id for m in channel.sent] == ["out-1"]

    async def test_a_failed_send_leaves_nothing(self, channel):
        await self.provider_answers(500)
        with pytest.raises(Transient):
            await channel.send(self.outbound())
        assert channel.sent == []
