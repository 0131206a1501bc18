"""Text messages going out: each is posted once, and every failure has its meaning."""

from __future__ import annotations

import dataclasses
import socket

import pytest

from inbox.channels.sms import SmsChannel
from inbox.errors import Permanent, Transient, Uncertain, Unsupported
from inbox.message import ContactPoint, DeliveryStatus
from tests.channels import far_end
from tests.channels.far_end import AUTHOR, NUMBER, PUBLIC, WEB, sms


class TestSending:
    async def test_what_is_posted(self, sms_line):
        receipt = await sms_line.channel.send(sms("Olá & <bem-vinda>"))
        stored = sms_line.twilio.messages[0]
        assert (stored.sid, stored.from_, stored.to, stored.body) == (
            receipt.provider_id, NUMBER, AUTHOR, "Olá & <bem-vinda>",
        )  # fmt: skip
        assert stored.callback == f"{PUBLIC}/twilio/sms/status?m=out-1"
        assert receipt.status is DeliveryStatus.SENT

    async def test_a_messaging_service_takes_the_place_of_the_number(self, connect_sms):
        line = await connect_sms(messaging_service_sid="MG" + "a" * 32, number="+12025550199")
        assert (await line.channel.send(sms())).provider_id
        assert line.twilio.messages[0].from_ == NUMBER  # chosen by Twilio, not our setting

    @pytest.mark.parametrize(
        ("trouble", "expected", "stored"),
        [
            (429, Transient, 0),
            (500, Transient, 0),
            (503, Transient, 0),
            (504, Uncertain, 0),
            (400, Permanent, 0),
            (401, Permanent, 0),
            (307, Permanent, 0),
            ("hang", Uncertain, 1),
            ("close", Uncertain, 1),
            ("drop", Uncertain, 0),
            ("garbage", Uncertain, 1),
        ],
    )
    async def test_every_failure_has_its_meaning_and_is_one_post(self, connect_sms, trouble, expected, stored):
        line = await connect_sms(timeout=0.3 if trouble == "hang" else 10.0)
        line.twilio.answer_next(trouble)
        with pytest.raises(expected) as caught:
            await line.channel.send(sms())
        assert type(caught.value) is expected
        assert line.twilio.posts == 1
        assert len(line.twilio.messages) == stored

    async def test_a_connection_is_used_once(self, sms_line):
        """A kept one may be dead by the next send, which could then not be told from an accepted message."""
        await sms_line.channel.send(sms())
        assert sms_line.twilio.last_headers["Connection"] == "close"

    async def test_a_refusal_in_other_words_is_still_permanent(self, sms_line, monkeypatch):
        monkeypatch.setattr(sms_line.twilio, "_refusal", lambda *_: 20404)
        with pytest.raises(Permanent, match="not found") as caught:
            await sms_line.channel.send(sms())
        assert caught.value.code == "20404"

    async def test_it_says_how_long_to_wait(self, sms_line):
        sms_line.twilio.answer_next(429)
        with pytest.raises(Transient) as caught:
            await sms_line.channel.send(sms())
        assert caught.value.retry_after == 7

    async def test_nobody_listens(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            base = f"http://127.0.0.1:{unused.getsockname()[1]}"
            with pytest.raises(Transient, match=r"twilio\.api_base"):
                await SmsChannel(far_end.settings(api_base=base), WEB).send(sms())

    async def test_an_opted_out_number_is_told_by_its_code(self, sms_line):
        await sms_line.twilio.phone_sends(AUTHOR, "STOP")
        with pytest.raises(Permanent) as caught:
            await sms_line.channel.send(sms())
        assert caught.value.code == "21610"
        await sms_line.twilio.phone_sends(AUTHOR, "Start")
        assert await sms_line.channel.send(sms())

    @pytest.mark.parametrize(
        "message",
        [
            sms("x" * 1601),
            sms("  "),
            dataclasses.replace(sms(), to=ContactPoint("email", "a@b.example")),
            dataclasses.replace(sms(), to=ContactPoint("phone", "LARKBANK")),
            dataclasses.replace(sms(), to=ContactPoint("phone", "withheld-CA1")),
        ],
    )
    async def test_what_cannot_be_a_text_never_leaves(self, sms_line, message):
        with pytest.raises(Unsupported):
            await sms_line.channel.send(message)
        assert sms_line.twilio.posts == 0
        assert (await sms_line.channel.send(sms("x" * 1600))).provider_id

    async def test_check_tells_a_suspended_account(self, sms_line):
        assert NUMBER in await sms_line.channel.check()
        sms_line.twilio.account_status = "suspended"
        with pytest.raises(Permanent, match="suspended"):
            await sms_line.channel.check()

    async def test_a_wrong_token_names_the_setting(self, connect_sms):
        line = await connect_sms(auth_tokens=("wrong",))
        with pytest.raises(Permanent, match=r"twilio\.auth_tokens"):
            await line.channel.check()


class TestUnclearSends:
    async def unclear(self, line, message, trouble="close"):
        line.twilio.answer_next(trouble)
        with pytest.raises(Uncertain):
            await line.channel.send(message)

    async def test_an_accepted_one_is_found(self, sms_line):
        await self.unclear(sms_line, sms())
        found = await sms_line.channel.find_sent(sms())
        assert found.provider_id == sms_line.twilio.messages[0].sid
        assert sms_line.twilio.posts == 1

    async def test_a_lost_one_is_not_found(self, sms_line):
        await self.unclear(sms_line, sms(), "drop")
        assert await sms_line.channel.find_sent(sms()) is None

    async def test_an_equal_text_sent_before_is_another_message(self, sms_line):
        sms_line.clock.tick(-3600)
        await SmsChannel(sms_line.channel._twilio, WEB).send(sms(id="older"))  # by another process
        sms_line.clock.tick(3600)
        await self.unclear(sms_line, sms(), "drop")
        assert await sms_line.channel.find_sent(sms()) is None

    async def test_an_equal_text_of_another_message_is_not_taken_for_it(self, sms_line):
        await sms_line.channel.send(sms(id="twin"))
        await self.unclear(sms_line, sms(), "drop")
        assert await sms_line.channel.find_sent(sms()) is None

    async def test_an_inbound_echo_of_the_words_is_not_it(self, sms_line):
        await self.unclear(sms_line, sms(), "drop")
        await sms_line.twilio.phone_sends(AUTHOR, sms().text)
        assert await sms_line.channel.find_sent(sms()) is None

    async def test_a_callback_settles_it(self, connect_sms):
        line = await connect_sms(carrier="normal")
        await self.unclear(line, sms())
        await line.twilio.settle()
        assert [(u.message_id, u.status) for u in line.intake.updates] == [("out-1", "sent"), ("out-1", "delivered")]
        line.twilio.answer_next(500)  # not asked: the callback told
        assert (await line.channel.find_sent(sms())).provider_id == line.twilio.messages[0].sid

    async def test_a_provider_that_cannot_be_asked_now_is_transient(self, sms_line):
        sms_line.twilio.answer_next(500, "close")
        for _ in range(2):
            with pytest.raises(Transient):
                await sms_line.channel.find_sent(sms())
