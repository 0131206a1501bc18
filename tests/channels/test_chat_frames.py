"""Frames of the chat socket: what is read, and what is refused with which word."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.channels import chat_frames as frames

UUID = "7f0c2a52-9a34-4c39-8f3b-0d6d0a5f5b11"


def read(**frame):
    return frames.read(json.dumps(frame))


def test_hello_with_everything_and_with_nothing():
    full = read(type="hello", visitor="v-1.sig_-", token="a.b-c.d_", view="ab12", cursor="0001", lang="es-MX")
    assert full == frames.Hello(visitor="v-1.sig_-", token="a.b-c.d_", view="ab12", cursor="0001", language="es")
    assert read(type="hello") == frames.Hello(visitor="", token="", view="", cursor="", language="")
    assert read(type="hello", lang="de", token=None).language == ""


def test_say_is_cleaned_but_not_changed():
    assert read(type="say", id=UUID, text="  Hola\r\n¿qué tal?\x00\x07 👍 \t x ").text == "Hola\n¿qué tal? 👍 \t x"
    assert read(type="say", id=UUID, text="a\ud800b").text == "ab"
    assert read(type="say", id=UUID, text="x" * frames.MAX_TEXT).text == "x" * frames.MAX_TEXT


def test_the_rest():
    assert read(type="typing") == frames.Typing()
    assert read(type="seen", cursor="7") == frames.Seen(cursor="7", read=True)
    assert read(type="seen", cursor="7", read=False) == frames.Seen(cursor="7", read=False)
    assert read(type="more", before="9") == frames.More(before="9")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "bad_frame"),
        ("[]", "bad_frame"),
        ('"say"', "bad_frame"),
        ("{", "bad_frame"),
        ("[" * 30_000, "bad_frame"),
        ('{"type": ' + "9" * 6000 + "}", "bad_frame"),
        ('{"type": "sudo"}', "bad_frame"),
        ('{"type": ["say"]}', "bad_frame"),
        ('{"type": "say", "text": "hi"}', "bad_frame"),
        ('{"type": "say", "id": "short", "text": "hi"}', "bad_frame"),
        ('{"type": "say", "id": "x:y:z:aaaaaa", "text": "hi"}', "bad_frame"),
        (f'{{"type": "say", "id": "{UUID}", "text": 5}}', "bad_frame"),
        (f'{{"type": "say", "id": "{UUID}", "text": " \\u0000 "}}', "empty"),
        (f'{{"type": "say", "id": "{UUID}", "text": "{"y" * (frames.MAX_TEXT + 1)}"}}', "too_long"),
        ('{"type": "hello", "visitor": 7}', "bad_frame"),
        ('{"type": "hello", "cursor": "a b"}', "bad_frame"),
        ('{"type": "more", "before": "' + "1" * 129 + '"}', "bad_frame"),
    ],
)
def test_what_is_refused(raw, code):
    with pytest.raises(frames.Refused) as caught:
        frames.read(raw)
    assert caught.value.code == code
    assert caught.value.id in ("", UUID)


@given(st.text(max_size=200) | st.dictionaries(st.text(max_size=8), st.text(max_size=40)).map(json.dumps))
def test_any_text_is_a_frame_or_refused(raw):
    try:
        assert isinstance(frames.read(raw), frames.Hello | frames.Say | frames.Typing | frames.Seen | frames.More)
    except frames.Refused as refusal:
        assert str(refusal)


@given(st.text())
def test_whatever_is_said_can_be_stored_and_sent(text):
    try:
        said = read(type="say", id=UUID, text=text).text
    except frames.Refused:
        return
    assert "\x00" not in said
    assert json.loads(frames.dumps({"text": said}).encode())["text"] == said
