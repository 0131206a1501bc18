"""Calls through the real routes; the stand-in carries out the TwiML and notes what the caller hears."""

from __future__ import annotations

import asyncio
import dataclasses
import json
from xml.etree import ElementTree as ET

import pytest
from twilio.twiml.voice_response import VoiceResponse

from inbox.channels.call_script import SAY_LIMIT, SILENCES, TRIES, Place, read_place, say
from inbox.channels.twilio import parse_form
from inbox.channels.voice import CARD_REMOVED, VoiceChannel, without_card
from inbox.clock import SetClock
from inbox.demo.twilio_calls import APPLICATION_ERROR
from inbox.errors import Malformed, Permanent, SettingsError, Unsupported
from inbox.fakes import RecordingIntake
from inbox.message import Accepted, ContactPoint, MessageKind, SenderProof
from tests.channels import far_end
from tests.channels.contract import NOW, ChannelContract
from tests.channels.far_end import AGENT, AUTHOR, COMPANY, NUMBER, OLD_TOKEN, TOKEN, WEB, phrases, reply, signed, turn


class TestVoiceContract(ChannelContract):
    sends = False  # replies are picked up while the call lasts
    signature_headers = ("X-Twilio-Signature",)
    fixtures = "voice"
    secrets = (TOKEN, OLD_TOKEN)

    @pytest.fixture
    async def channel(self, aiohttp_server):
        _, twilio = await far_end.start(aiohttp_server)
        return VoiceChannel(twilio, WEB, COMPANY, phrases, clock=SetClock(NOW))

    def outbound(self, **changes):
        return reply(**changes)

    def inexpressible(self):
        return reply()

    def delivery(self, text="What do I owe?", n=1):
        return turn({"SpeechResult": text, "Confidence": "0.9"}, f"/twilio/voice/turn?n={n}")

    def rotated(self):
        return turn({"SpeechResult": "What do I owe?"}, token=OLD_TOKEN)

    def unreadable(self):
        return signed("/twilio/voice/turn?n=1", {"SpeechResult": "no call id"})

    def unknown_event(self):
        return signed("/twilio/voice/status", {"CallSid": "CA1", "CallStatus": "teleported"})

    def own_echo(self):
        return signed("/twilio/voice", {"CallSid": "CA1", "From": NUMBER, "To": NUMBER})

    def fixture_delivery(self, raw):
        return signed("/twilio/voice/turn?l=es&n=3", dict(parse_form(raw.strip(), "utf-8")), body=raw.strip())


class TestGreeting:
    async def test_says_who_speaks_that_it_is_recorded_and_how_to_change_language(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        assert call.spoken == [
            ("en-US", f"voice_greeting/en company={COMPANY.name} recorded=True"),
            ("es-US", "voice_language_menu/es"),
            ("pt-BR", "voice_language_menu/pt"),
        ]
        assert call.state == "gathering"
        assert line.intake.messages == []

    async def test_the_notice_cannot_be_talked_over(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        assert "voice_greeting" in "".join(e.text or "" for e in ET.fromstring(call.documents[0]))

    async def test_no_notice_where_nothing_is_recorded(self, connect_voice):
        line = await connect_voice(recording_notice=False)
        assert (await line.twilio.call(AUTHOR)).heard[0].endswith("recorded=False")

    async def test_a_company_with_one_language_has_no_menu(self, connect_voice):
        line = await connect_voice(company=dataclasses.replace(COMPANY, languages=("pt",)))
        call = await line.twilio.call(AUTHOR)
        assert [language for language, _ in call.spoken] == ["pt-BR"]
        await line.twilio.press(call, "2")
        assert line.texts == ["2"]  # no menu was open, so it is what the caller said

    @pytest.mark.parametrize(("key", "language", "locale"), [("2", "es", "es-US"), ("3", "pt", "pt-BR")])
    async def test_a_key_changes_the_language(self, connect_voice, key, language, locale):
        line = await connect_voice(reply("Debe 40 dólares.", language=language))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.press(call, key)
        assert call.spoken[3:] == [(locale, f"voice_greeting/{language} company={COMPANY.name} recorded=True")]
        assert f'language="{locale}"' in call.documents[-1].partition("<Gather")[2]
        await line.twilio.say(call, "¿Cuánto debo?")
        assert line.intake.messages[0].language == language
        assert call.spoken[-1] == (locale, "Debe 40 dólares.")

    async def test_the_menu_is_over_once_something_was_said(self, connect_voice):
        line = await connect_voice(reply())
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        await line.twilio.press(call, "2")
        assert line.texts == ["What do I owe?", "2"]

    async def test_the_menu_is_over_after_silence(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        await line.twilio.stay_silent(call)
        assert "menu" not in call.heard[-1]
        await line.twilio.press(call, "2")
        assert line.texts == ["2"]

    async def test_the_call_goes_on_in_the_language_of_the_reply(self, connect_voice):
        line = await connect_voice(reply("Debe 40 dólares.", language="es"))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "cuánto debo")
        assert call.spoken[-1] == ("es-US", "Debe 40 dólares.")
        assert 'language="es-US"' in call.documents[-1].partition("<Say")[0]
        await line.twilio.stay_silent(call)
        assert call.heard[-1] == "voice_reprompt/es"

    async def test_a_call_from_our_own_number_is_rejected(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(NUMBER)
        assert (call.state, call.heard) == ("rejected", [])


class TestDialogue:
    async def test_speech_is_answered_turn_by_turn(self, connect_voice):
        line = await connect_voice(reply("Please type the code."), [reply("Thank you."), reply("You owe $40.00.")])
        call = await line.twilio.call(AUTHOR)
        mark = len(call.heard)
        await line.twilio.say(call, "What do I owe?", 0.87)
        await line.twilio.press(call, "482913")
        assert call.heard[mark:] == ["Please type the code.", "Thank you.", "You owe $40.00."]
        assert line.texts == ["What do I owe?", "482913"]
        first, second = line.intake.messages
        assert (first.source_id, second.source_id) == (f"{call.sid}-1", f"{call.sid}-2")
        assert first.sender == ContactPoint("phone", AUTHOR)
        assert (first.proof, first.recipient) == (SenderProof.CALLER_ID, NUMBER)
        assert first.meta == {"call_sid": call.sid, "announced": "1", "confidence": "0.87"}
        assert not call.ended

    @pytest.mark.parametrize("said", ["agent", "Agente.", "Um atendente, por favor!", "AGENT please"])
    async def test_asking_for_a_person(self, connect_voice, said):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, said)
        assert line.texts == ["agent"]
        assert line.intake.messages[0].meta["wants_human"] == "1"

    @pytest.mark.parametrize("said", ["my agent owes me money", "no agent", "agency", "urgent", "please"])
    async def test_other_words_are_left_as_they_are(self, connect_voice, said):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, said)
        assert line.texts == [said]
        assert "wants_human" not in line.intake.messages[0].meta

    async def test_zero_at_any_time(self, connect_voice):
        line = await connect_voice(reply(), reply("One moment.", meta={"handoff": "1"}))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        await line.twilio.press(call, "0")
        assert line.texts == ["What do I owe?", "agent"]
        assert line.intake.messages[1].meta == {"call_sid": call.sid, "wants_human": "1"}

    async def test_a_repeated_request_gets_the_same_answer(self, connect_voice):
        line = await connect_voice(reply("You owe $40.00."), reply("something else"))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        assert await line.twilio.phone.repeat_last_request(call) == call.documents[-1]
        assert "$40.00" in call.documents[-1]
        assert line.texts == ["What do I owe?"]
        assert len(line.intake.asked) == 1

    async def test_a_repeat_while_the_first_waits_shares_its_answer(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        decided = asyncio.Event()

        async def slow(message_id, wait):
            line.intake.asked.append(message_id)
            await decided.wait()
            return [reply()]

        line.intake.replies_to = slow
        request = (call.pending[0].get("action"), {**line.twilio.phone._fields(call), "SpeechResult": "hello"})
        both = [asyncio.create_task(line.twilio.post_webhook(*request)) for _ in range(2)]
        async with asyncio.timeout(5):
            await line.intake.changed.wait()
        decided.set()
        (_, one), (_, other) = await asyncio.gather(*both)
        assert one == other
        assert len(line.intake.asked) == 1

    async def test_after_a_failure_the_repeat_is_answered(self, connect_voice):
        line = await connect_voice(reply())
        call = await line.twilio.call(AUTHOR)
        line.intake.broken = True
        await line.twilio.say(call, "What do I owe?")
        assert call.heard[-1] == APPLICATION_ERROR
        line.intake.broken = False
        assert "$40.00" in await line.twilio.phone.repeat_last_request(call)
        assert line.texts == ["What do I owe?"]

    async def test_the_end_of_a_call_frees_its_answers(self, connect_voice):
        line = await connect_voice(reply())
        call, other = await line.twilio.call(AUTHOR), await line.twilio.call("+12025550148")
        await line.twilio.say(call, "What do I owe?")
        await line.twilio.hang_up(call)
        assert {key[0] for key in line.channel._answers} == {other.sid}

    async def test_callers_who_withhold_their_number_are_not_one_contact(self, connect_voice):
        line = await connect_voice()
        for number in ("anonymous", "+266696687"):
            call = await line.twilio.call(number)
            await line.twilio.say(call, "What do I owe?")
        first, second = line.intake.messages
        assert first.sender != second.sender
        assert first.proof is second.proof is SenderProof.NONE

    async def test_a_place_that_is_not_ours_is_malformed(self):
        for query in ({"l": "xx"}, {"n": "-1"}, {"n": "1" * 5}, {"s": "a"}, {"t": "²"}):
            with pytest.raises(Malformed):
                read_place(query, "en")
        place = Place(language="pt", turn=4, silences=1, menu=True, tries=2, message_id="m&1", no_dial=True)
        assert read_place(dict(parse_form(place.query().encode(), "utf-8")), "en") == place


class TestWaiting:
    async def test_a_late_decision_is_spoken(self, connect_voice):
        line = await connect_voice(None, None, reply("You owe $40.00."), reply("Bye."))
        call = await line.twilio.call(AUTHOR)
        mark = len(call.heard)
        await line.twilio.say(call, "What do I owe?")
        assert call.heard[mark:] == ["voice_wait/en", "voice_wait/en", "You owe $40.00."]
        assert len(set(line.intake.asked)) == 1
        await line.twilio.say(call, "Thanks")
        assert line.intake.messages[1].source_id == f"{call.sid}-2"

    async def test_after_some_waits_a_person_takes_over(self, connect_voice):
        line = await connect_voice(agent_number=AGENT)
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        assert call.heard.count("voice_wait/en") == TRIES
        assert len(line.intake.asked) == TRIES + 1
        assert call.dialed == [AGENT]

    async def test_decided_without_a_word_does_not_wait(self, connect_voice):
        line = await connect_voice()
        line.intake.decided = True
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "hello again")
        assert "voice_wait/en" not in call.heard
        assert call.heard[-1] == "voice_leave_message/en"

    async def test_each_question_has_its_own_waits(self, connect_voice):
        line = await connect_voice(None, None, reply(), None, None, None, reply("Your invoice is INV-1."))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        await line.twilio.say(call, "Which invoice?")
        assert call.heard[-1] == "Your invoice is INV-1."
        assert call.heard.count("voice_wait/en") == 5


class TestSilence:
    async def test_twice_asked_then_goodbye(self, connect_voice):
        line = await connect_voice()
        call = await line.twilio.call(AUTHOR)
        mark = len(call.heard)
        for _ in range(SILENCES + 1):
            await line.twilio.stay_silent(call)
        assert call.heard[mark:] == ["voice_reprompt/en", "voice_reprompt/en", "voice_goodbye/en"]
        assert call.ended
        assert [(m.kind, m.text) for m in line.intake.messages] == [(MessageKind.SILENCE, "")]

    async def test_speech_starts_the_count_again(self, connect_voice):
        line = await connect_voice(reply())
        call = await line.twilio.call(AUTHOR)
        await line.twilio.stay_silent(call)
        await line.twilio.stay_silent(call)
        await line.twilio.say(call, "What do I owe?")
        await line.twilio.stay_silent(call)
        assert call.heard[-1] == "voice_reprompt/en"
        for _ in range(SILENCES):
            await line.twilio.stay_silent(call)
        assert call.ended
        assert line.texts == ["What do I owe?"]


class TestCardNumbers:
    @pytest.mark.parametrize(
        "typed", ["5105105105105100", "378282246310005", "4" * 13, "5" * 19, "5105*1051*0510*5100", "4" * 30]
    )
    async def test_never_reach_the_inbox(self, connect_voice, typed):
        line = await connect_voice(reply())
        call = await line.twilio.call(AUTHOR)
        await line.twilio.press(call, typed)
        message = line.intake.messages[0]
        assert message.text == CARD_REMOVED
        assert json.loads(message.raw)["Digits"] == CARD_REMOVED
        assert typed not in repr(message) + message.raw

    @pytest.mark.parametrize("typed", ["482913", "20417", "123456789012", "12#"])
    def test_other_keys_stay(self, typed):
        assert without_card(typed) == typed


class TestWords:
    HOSTILE = 'Fee </Say><Hangup/><Say> & "x" \x00\x0b\u2028 ]]> ${run()} \ud800 é 💶'

    async def test_hostile_text_stays_text(self, connect_voice):
        line = await connect_voice(reply(self.HOSTILE))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        assert call.state == "gathering"
        assert '</Say><Hangup/><Say> & "x"' in call.heard[-1]
        assert call.heard[-1].endswith("é 💶")

    def test_long_text_is_said_in_parts(self):
        document = VoiceResponse()
        text = "word " * 2_000
        say(document, text, "en")
        parts = [e.text for e in ET.fromstring(str(document))]
        assert max(map(len, parts)) <= SAY_LIMIT
        assert " ".join(parts) == text.strip()


class TestOutbound:
    async def test_a_late_reply_says_what_to_do(self):
        channel = VoiceChannel(far_end.settings(), WEB, COMPANY, phrases)
        for ask in (channel.send, channel.find_sent):
            with pytest.raises(Unsupported) as caught:
                await ask(reply())
            assert "call" in str(caught.value)
        with pytest.raises(Unsupported, match="SMS or email"):
            await channel.send(reply())

    async def test_nothing_starts_without_a_secret(self):
        with pytest.raises(SettingsError, match=r"twilio\.auth_tokens"):
            VoiceChannel(far_end.settings(auth_tokens=()), WEB, COMPANY, phrases).routes(RecordingIntake())

    async def test_check_says_where_agents_answer(self, connect_voice):
        line = await connect_voice(agent_number=AGENT)
        assert AGENT in await line.channel.check()
        with pytest.raises(Permanent):
            await (await connect_voice(auth_tokens=("wrong",))).channel.check()

    async def test_it_is_the_intake_that_numbers_messages(self, connect_voice):
        line = await connect_voice(reply())
        call = await line.twilio.call(AUTHOR)
        await line.twilio.say(call, "What do I owe?")
        assert line.intake.asked == [Accepted(message_id="m0", conversation_id="c1").message_id]
