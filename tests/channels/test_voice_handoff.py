"""A call goes to a person: put through, voicemail or call-back."""

from __future__ import annotations

import dataclasses

import pytest

from inbox.demo.twilio_calls import APPLICATION_ERROR
from inbox.message import MessageKind
from tests.channels.far_end import AGENT, AUTHOR, NUMBER, reply


class TestHandoff:
    def handoff(self, **meta):
        return reply("I will put you through.", meta={"handoff": "1", **meta})

    async def ask(self, line):
        call = await line.twilio.call(AUTHOR)
        await line.twilio.press(call, "0")
        return call

    async def test_the_agent_picks_up(self, connect_voice):
        line = await connect_voice(self.handoff(), agent_number=AGENT)
        line.twilio.phone.agent_picks_up = True
        call = await self.ask(line)
        assert call.dialed == [AGENT]
        assert call.heard[-2:] == ["I will put you through.", "voice_goodbye/en"]
        assert call.ended
        assert f'callerId="{NUMBER}"' in call.documents[-2]

    async def test_the_agent_does_not_pick_up(self, connect_voice):
        line = await connect_voice(self.handoff(), agent_number=AGENT)
        call = await self.ask(line)
        assert call.dialed == [AGENT]
        assert call.heard[-1] == "voice_leave_message/en"

    @pytest.mark.parametrize(("agent_number", "meta"), [("", {}), (AGENT, {"handoff": "voicemail"})])
    async def test_nobody_is_there(self, connect_voice, agent_number, meta):
        line = await connect_voice(self.handoff(**meta), agent_number=agent_number)
        call = await self.ask(line)
        assert call.dialed == []
        assert call.heard[-1] == "voice_leave_message/en"

    async def test_a_call_back_is_asked_for_with_1(self, connect_voice):
        line = await connect_voice(self.handoff())
        call = await self.ask(line)
        await line.twilio.press(call, "1")
        assert call.heard[-1] == "voice_callback/en"
        assert call.ended
        message = line.intake.messages[-1]
        assert (message.text, message.kind) == ("Please call me back.", MessageKind.TEXT)
        assert message.meta == {"call_sid": call.sid, "callback": "1", "wants_human": "1"}

    async def test_another_key_leads_back_to_the_choice(self, connect_voice):
        line = await connect_voice(self.handoff())
        call = await self.ask(line)
        await line.twilio.press(call, "7")
        assert call.heard[-2:] == ["voice_leave_message/en"] * 2
        assert line.texts == ["agent"]
        await line.twilio.press(call, "1")
        assert line.texts == ["agent", "Please call me back."]

    async def test_a_voicemail_is_kept_and_its_transcript_too(self, connect_voice):
        line = await connect_voice(self.handoff())
        call = await self.ask(line)
        await line.twilio.stay_silent(call)
        assert call.state == "recording"
        await line.twilio.say(call, "This is Odile, my royalties are missing, please ring.")
        assert call.heard[-1] == "voice_goodbye/en"
        recording, transcript = line.intake.messages[1:]
        assert recording.text == "Voicemail, 3 s"
        assert transcript.text == "This is Odile, my royalties are missing, please ring."
        for message in (recording, transcript):
            assert message.kind is MessageKind.TEXT
            assert message.meta["voicemail"] == "1"
            assert message.meta["recording_url"].endswith(message.meta["recording_sid"])
            assert message.sender.value == AUTHOR
        assert recording.source_id != transcript.source_id

    async def test_a_voicemail_without_transcript_is_kept(self, connect_voice):
        line = await connect_voice(self.handoff())
        line.twilio.phone.transcribes = False
        call = await self.ask(line)
        await line.twilio.stay_silent(call)
        await line.twilio.say(call, "mumbling")
        assert line.texts == ["agent", "Voicemail, 1 s"]

    async def test_spanish_is_recorded_but_not_transcribed(self, connect_voice):
        line = await connect_voice(dataclasses.replace(self.handoff(), language="es"))
        call = await line.twilio.call(AUTHOR)
        await line.twilio.press(call, "2")
        await line.twilio.press(call, "0")
        await line.twilio.stay_silent(call)
        assert "transcribe" not in call.documents[-1]
        await line.twilio.say(call, "Llámenme, por favor.")
        assert line.texts == ["agent", "Mensaje de voz, 1 s"]

    async def test_1_ends_a_recording_with_a_call_back(self, connect_voice):
        line = await connect_voice(self.handoff())
        call = await self.ask(line)
        await line.twilio.stay_silent(call)
        await line.twilio.press(call, "1")
        assert line.texts == ["agent", "Please call me back."]

    async def test_a_store_that_is_down_loses_no_voicemail_silently(self, connect_voice):
        line = await connect_voice(self.handoff())
        call = await self.ask(line)
        await line.twilio.stay_silent(call)
        line.intake.broken = True
        await line.twilio.say(call, "hello")
        assert call.heard[-1] == APPLICATION_ERROR
        assert [status for path, status, _ in line.twilio.webhook_answers if "transcript" in path] == [503]
