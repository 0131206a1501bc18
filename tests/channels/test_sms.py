"""SMS through the real routes and the real Twilio client, against the stand-in on loopback."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from inbox.channels.sms import CURSOR, STATUSES, SmsChannel
from inbox.channels.twilio import normal_number, parse_form
from inbox.clock import SetClock
from inbox.demo.twilio_stand_in import segments
from inbox.errors import Malformed, Overloaded
from inbox.fakes import RecordingIntake
from inbox.message import ContactPoint, MessageKind, SenderProof
from tests.channels import far_end
from tests.channels.contract import NOW, ChannelContract
from tests.channels.far_end import AUTHOR, NUMBER, OLD_TOKEN, TOKEN, WEB, incoming, signed, sms, status


class TestSmsContract(ChannelContract):
    signature_headers = ("X-Twilio-Signature",)
    fixtures = "sms"
    secrets = (TOKEN, OLD_TOKEN)

    @pytest.fixture
    async def channel(self, aiohttp_server):
        clock = SetClock(NOW)
        self.twilio, twilio = await far_end.start(aiohttp_server, carrier="none", now=clock.now)
        return SmsChannel(twilio, WEB, clock=clock)

    def outbound(self, **changes):
        return sms(**changes)

    def inexpressible(self):
        return sms("x" * 1601)

    def delivery(self, text="What do I owe?", n=1):
        return signed("/twilio/sms", incoming(text, f"SM{n:032x}"))

    def rotated(self):
        return signed("/twilio/sms", incoming(), OLD_TOKEN)

    def unreadable(self):
        return signed("/twilio/sms", {"Body": "no id, no sender"})

    def unknown_event(self):
        return status("teleported")

    def own_echo(self):
        return signed("/twilio/sms", incoming(From=NUMBER, To=AUTHOR))

    def fixture_delivery(self, raw):
        return signed("/twilio/sms", dict(parse_form(raw.strip(), "utf-8")), body=raw.strip())

    async def provider_answers(self, status):
        self.twilio.answer_next(status)

    async def provider_closes(self):
        self.twilio.answer_next("close")


class TestReading:
    @pytest.mark.parametrize("body", [b"Body=%ff%fe&MessageSid=SM1", b"Body=\xff", b"&".join([b"a=1"] * 501)])
    async def test_a_form_that_cannot_be_read_is_malformed(self, sms_line, body):
        answered, text = await sms_line.post(signed("/twilio/sms", {}, body=body))
        assert (answered, sms_line.intake.messages) == (400, [])
        assert "form" in text

    @pytest.mark.parametrize("charset", ["klingon", "hex", "utf-7", "punycode"])
    def test_other_charsets_are_malformed(self, charset):
        with pytest.raises(Malformed):
            parse_form(b"Body=a", charset)

    async def test_latin_1_is_read_if_said_so(self, sms_line):
        good = signed("/twilio/sms", incoming("ação"), body=urlencode(incoming("ação"), encoding="latin-1").encode())
        declared = {"Content-Type": "application/x-www-form-urlencoded; charset=ISO-8859-1"}
        assert (await sms_line.post(good, **declared))[0] == 200
        assert sms_line.intake.messages[0].text == "ação"

    async def test_a_huge_request_is_refused(self, connect_sms):
        line = await connect_sms(web=dataclasses.replace(WEB, max_body_bytes=2_000))
        assert (await line.post(signed("/twilio/sms", incoming("x" * 3_000))))[0] == 413
        assert line.intake.messages == []

    async def test_the_answer_is_empty_twiml(self, sms_line):
        assert "<Response />" in (await sms_line.post(signed("/twilio/sms", incoming())))[1]

    @pytest.mark.parametrize(
        ("sender", "value", "kind", "proof"),
        [
            ("+1 (202) 555-0147", AUTHOR, MessageKind.TEXT, SenderProof.CARRIER),
            ("+5511955501234", "+5511955501234", MessageKind.TEXT, SenderProof.CARRIER),
            ("72345", "72345", MessageKind.MACHINE, SenderProof.NONE),
            ("LARKBANK", "LARKBANK", MessageKind.MACHINE, SenderProof.NONE),
        ],
    )
    async def test_senders(self, sms_line, sender, value, kind, proof):
        await sms_line.post(signed("/twilio/sms", incoming(From=sender)))
        message = sms_line.intake.messages[0]
        assert (message.sender.value, message.kind, message.proof) == (value, kind, proof)

    @pytest.mark.parametrize("hostile", ["+", "+" + "9" * 100_000, "+1" + "-" * 100_000, "+\x00", "+abc;ext=1"])
    def test_hostile_numbers_are_harmless(self, hostile):
        assert normal_number(hostile)

    async def test_media_are_named_not_fetched(self, sms_line):
        where = "https://media.example/1"
        fields = incoming(NumMedia="2", MediaUrl0=where, MediaContentType0="image/png", MediaUrl1=where + "2")
        await sms_line.post(signed("/twilio/sms", fields))
        message = sms_line.intake.messages[0]
        assert [(a.filename, a.content_type) for a in message.attachments] == [
            ("media-1.png", "image/png"),
            ("media-2.bin", "application/octet-stream"),
        ]
        assert message.meta == {"media_url_0": where, "media_url_1": where + "2"}

    async def test_opt_out_and_payload_are_kept(self, sms_line):
        await sms_line.twilio.phone_sends(AUTHOR, "stop")
        message = sms_line.intake.messages[0]
        assert message.meta["opt_out_type"] == "STOP"
        assert json.loads(message.raw)["Body"] == "stop"

    async def test_a_nul_is_left_out(self, sms_line):
        await sms_line.post(signed("/twilio/sms", incoming("a\x00b")))
        assert sms_line.intake.messages[0].text == "ab"
        assert "\\u0000" not in sms_line.intake.messages[0].raw


class TestStatusCallbacks:
    @pytest.mark.parametrize(("word", "expected"), STATUSES.items())
    async def test_words_are_translated(self, sms_line, word, expected):
        assert (await sms_line.post(status(word)))[0] == 200
        update = sms_line.intake.updates[0]
        assert (update.status, update.provider_id, update.message_id) == (expected, "SM9", "out-1")

    @pytest.mark.parametrize("word", ["received", "receiving", "partially_delivered", "", "brand-new"])
    async def test_other_words_are_ignored(self, sms_line, word):
        assert (await sms_line.post(status(word)))[0] == 200
        assert sms_line.intake.updates == []

    async def test_error_codes_come_along(self, sms_line):
        await sms_line.post(status("undelivered", ErrorCode="30005", ErrorMessage="Unknown destination handset"))
        await sms_line.post(status("failed", ErrorCode="21610"))
        await sms_line.post(status("sent", ErrorCode="0"))
        first, second, third = sms_line.intake.updates
        assert (first.code, first.detail, first.point) == ("30005", "Unknown destination handset", None)
        assert second.point == ContactPoint("phone", AUTHOR)
        assert third.code == ""

    async def test_a_callback_without_our_id_still_counts(self, sms_line):
        await sms_line.post(status("sent", path="/twilio/sms/status"))
        assert (sms_line.intake.updates[0].message_id, sms_line.intake.updates[0].provider_id) == ("", "SM9")

    async def test_our_id_cannot_be_changed(self, sms_line):
        forged = dataclasses.replace(status("delivered"), path="/twilio/sms/status?m=out-2")
        assert (await sms_line.post(forged))[0] == 403
        assert sms_line.intake.updates == []

    async def test_a_store_that_is_down_is_told(self, sms_line):
        sms_line.intake.broken = True
        assert (await sms_line.post(status("sent")))[0] == 503

    @pytest.mark.parametrize(
        ("carrier", "expected"),
        [
            ("normal", ["sent", "delivered"]),
            ("reversed", ["delivered", "sent"]),
            ("doubled", ["sent", "sent", "delivered", "delivered"]),
            ("failing", ["sent", "failed"]),
        ],
    )
    async def test_updates_pass_in_the_order_they_come(self, connect_sms, carrier, expected):
        line = await connect_sms(carrier=carrier)
        receipt = await line.channel.send(sms())
        await line.twilio.settle()
        assert [u.status for u in line.intake.updates] == expected
        assert {(u.message_id, u.provider_id) for u in line.intake.updates} == {("out-1", receipt.provider_id)}


class TestReconciliation:
    async def test_the_first_look_only_marks_the_place(self, sms_line):
        sms_line.intake.broken = True
        await sms_line.twilio.phone_sends(AUTHOR, "from before")
        sms_line.intake.broken = False
        assert await sms_line.channel.reconcile(sms_line.intake) == 0
        assert sms_line.intake.cursors == {CURSOR: NOW.isoformat()}
        assert sms_line.intake.messages == []

    async def test_what_the_webhook_missed_is_handed_in_once(self, sms_line):
        await sms_line.channel.reconcile(sms_line.intake)
        await sms_line.twilio.phone_sends(AUTHOR, "taken")
        sms_line.intake.broken = True
        sms_line.clock.tick(30)
        assert await sms_line.twilio.phone_sends(AUTHOR, "missed") == 503
        sms_line.intake.broken = False
        await sms_line.channel.send(sms("one of ours"))
        for expected in (1, 0):
            sms_line.clock.tick(30)
            assert await sms_line.channel.reconcile(sms_line.intake) == expected
        assert [m.text for m in sms_line.intake.messages] == ["taken", "missed"]
        missed = sms_line.intake.messages[1]
        assert missed.source_id == sms_line.twilio.messages[1].sid
        assert (missed.received_at, missed.proof) == (NOW + timedelta(seconds=30), SenderProof.CARRIER)
        assert sms_line.intake.cursors[CURSOR] == (NOW + timedelta(seconds=30)).isoformat()

    async def test_another_process_that_saw_nothing_doubles_nothing(self, sms_line):
        await sms_line.channel.reconcile(sms_line.intake)
        await sms_line.twilio.phone_sends(AUTHOR, "taken")
        fresh = SmsChannel(sms_line.channel._twilio, WEB, clock=sms_line.clock)
        await fresh.reconcile(sms_line.intake)
        assert [m.text for m in sms_line.intake.messages] == ["taken"]

    async def test_one_that_cannot_be_stored_does_not_keep_back_the_others(self, sms_line):
        class Picky(RecordingIntake):
            async def message(self, message):
                if message.text == "bad" and self.broken:
                    raise Overloaded
                self.messages.append(message)

        intake = Picky()
        await sms_line.channel.reconcile(intake)
        sms_line.intake.broken = True
        sms_line.clock.tick(60)
        for text in ("bad", "good"):
            await sms_line.twilio.phone_sends(AUTHOR, text)
        intake.broken = True
        with pytest.raises(Overloaded):
            await sms_line.channel.reconcile(intake)
        assert [m.text for m in intake.messages] == ["good"]
        assert intake.cursors[CURSOR] == NOW.isoformat()
        intake.broken = False
        assert await sms_line.channel.reconcile(intake) == 1
        assert [m.text for m in intake.messages] == ["good", "bad"]

    async def test_listen_goes_on_after_errors(self, connect_sms, caplog):
        line = await connect_sms(poll_seconds=0.001)
        line.intake.cursors[CURSOR] = NOW.isoformat()
        line.intake.broken = True
        await line.twilio.phone_sends(AUTHOR, "missed")
        line.intake.broken = False
        line.twilio.answer_next(500, "close", 429, "garbage", 401)
        listening = asyncio.create_task(line.channel.listen(line.intake))
        async with asyncio.timeout(5):
            await line.intake.changed.wait()
        assert [m.text for m in line.intake.messages] == ["missed"]
        assert not listening.done()
        listening.cancel()
        assert caplog.text.count("missed messages failed") == 5

    async def test_with_a_messaging_service_our_own_are_told_apart(self, connect_sms):
        line = await connect_sms(messaging_service_sid="MG" + "a" * 32, number="+12025550199")
        await line.channel.reconcile(line.intake)
        line.clock.tick(30)
        await line.channel.send(sms())
        await line.twilio.status_callback(line.twilio.messages[0].sid, "sent")
        line.intake.updates.clear()
        assert await line.channel.reconcile(line.intake) == 0
        assert line.intake.messages == []

    async def test_no_poll_if_switched_off(self, connect_sms):
        line = await connect_sms(poll_seconds=0)
        async with asyncio.timeout(5):
            await line.channel.listen(line.intake)
        assert line.intake.cursors == {}

    async def test_pages_are_followed(self, sms_line):
        for n in range(5):
            await sms_line.channel.send(sms(f"part {n}"))
        listed = await sms_line.channel._rest.list_messages(page_size=2)
        assert [m.body for m in listed] == [f"part {n}" for n in (4, 3, 2, 1, 0)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a" * 160, 1), ("a" * 161, 2), ("a" * 307, 3), ("€" * 80, 1), ("€" * 81, 2), ("ã" * 70, 1), ("ã" * 71, 2),
     ("💶" * 35, 1), ("💶" * 36, 2), ("ñ" * 160, 1)],
)  # fmt: skip
def test_segments_are_counted_as_carriers_do(text, expected):
    assert segments(text) == expected
