"""What the stand-ins remember over a restart, and the keys."""

from __future__ import annotations

import stat

import pytest

from inbox.demo import keys
from inbox.demo.memory import Memory
from inbox.demo.slack_stand_in import SlackStandIn
from inbox.demo.twilio_stand_in import StoredMessage, TwilioStandIn
from inbox.errors import DataError


def ends(memory):
    twilio = TwilioStandIn("AC1", "token", "http://127.0.0.1:1", ids=memory.numbers)
    slack = SlackStandIn("secret", "xoxb-1", "http://127.0.0.1:1")
    memory.restore(twilio, slack)
    return twilio, slack


async def test_texts_and_slack_messages_come_back_and_no_id_is_given_twice(tmp_path):
    memory = Memory(tmp_path / "far_ends.json")
    twilio, slack = ends(memory)
    text = StoredMessage(
        "SM1", "inbound", "+12025550101", "+12025550100", "hi", "received", twilio.now(), media=(("a", "b"),)
    )
    twilio.messages.append(text)
    twilio.opted_out.add("+12025550101")
    root = slack.workspace.add(slack.channel, {"text": "a case", "user": "U1"})
    given = slack.workspace.new_id("Ev")
    memory.save(twilio, slack)

    twilio, slack = ends(Memory(tmp_path / "far_ends.json"))
    assert twilio.messages == [text]
    assert twilio.opted_out == {"+12025550101"}
    assert slack.workspace.message(slack.channel, root["ts"])["text"] == "a case"
    assert slack.workspace.new_id("Ev") > given


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path):
    first = keys.kept(tmp_path, ["a@b.example"])
    assert keys.kept(tmp_path, ["a@b.example"]) == first
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600
    assert len(first.passwords["a@b.example"]) >= 12
    assert first.web_secret not in repr(first)


def test_broken_keys_are_named_with_the_way_out(tmp_path):
    (tmp_path / "keys.json").write_text("{}")
    with pytest.raises(DataError, match="start afresh"):
        keys.kept(tmp_path, [])
