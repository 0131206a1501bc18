"""Any bytes at all: the parser never raises, always gives storable text, and its work grows with the size alone."""

from __future__ import annotations

import dataclasses
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox.channels import mail_html, mail_inbound, mail_parser_process, mail_reply, mime
from inbox.channels.mail_parser_process import ParserProcess
from inbox.channels.mime import ParsedMail, ParseSettings
from inbox.errors import Malformed, Transient
from tests.channels.contract import FIXTURES, NOW
from tests.channels.mail_hostile import HOSTILE
from tests.channels.mailservers import USER, letter

RULES = ParseSettings(own_addresses=(USER,), authserv_ids=("mx.larkmoor.example", "microsoft365"))
SAMPLES = [path.read_bytes() for path in sorted((FIXTURES / "email").glob("*.in.eml"))]
NAMES = ["From", "To", "Subject", "Date", "Message-ID", "References", "Content-Type", "Content-Transfer-Encoding"]
NAMES += ["Content-Disposition", "Authentication-Results", "Received", "Return-Path", "Auto-Submitted", "X-Loop"]
SCRAPS = st.sampled_from(
    [b"=?", b"?=", b"utf-8", b"?q?", b"?b?", b"<", b">", b"@", b'"', b"(", b")", b";", b"=", b"*0*=", b"''", b"%zz", b"\\", b",", b":", b"\r\n ",
     b"multipart/mixed", b"boundary=b", b"--b", b"--b--", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"base64", b"quoted-printable", b"x-uuencode", b"begin 644 a\n",
     b"message/rfc822", b"text/html", b"charset=utf-7", b"charset=hz", b"+2AA-", b"~{", b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b"<a href='", b"<!--", b"&#x110000;", b"&#" + b"9" * 5000 + b";"]
)  # fmt: skip
HEADER = st.tuples(st.sampled_from(NAMES), st.lists(SCRAPS | st.binary(max_size=8), max_size=8)).map(
    lambda pair: pair[0].encode() + b": " + b"".join(pair[1]) + b"\r\n"
)
MAIL = st.tuples(st.lists(HEADER, max_size=8), st.lists(SCRAPS | HEADER | st.binary(max_size=20), max_size=20)).map(
    lambda pair: b"".join(pair[0]) + b"\r\n" + b"".join(pair[1])
)
MANY = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def storable(mail: ParsedMail) -> None:
    """Every text in it can be written as UTF-8, and what goes into headers is one line."""
    for field in dataclasses.fields(mail):
        value = getattr(mail, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                assert "\x00" not in text
                text.encode()
    for line in (mail.subject, mail.sender, mail.sender_name, mail.message_id, *mail.references, *mail.to):
        assert "\n" not in line
        assert "\r" not in line
    for file in mail.attachments:
        assert file.filename
        assert "/" not in file.filename
        assert file.size == len(file.content)


def read(raw: bytes) -> None:
    mail = mime.parse(raw, RULES)
    storable(mail)
    message = mail_inbound.message_of(mail, raw, NOW, (USER,), ("secret",))
    if message is not None:
        mail_inbound.update_of(mail, message.source_id)
        message.raw.encode()


@MANY
@given(st.binary(max_size=600))
def test_any_bytes(raw):
    read(raw)


@MANY
@given(MAIL)
def test_scraps_of_mail(raw):
    read(raw)


@MANY
@given(st.sampled_from(SAMPLES), st.data())
def test_damaged_mail(raw, data):
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(raw)))
        end = min(len(raw), at + data.draw(st.integers(0, 12)))
        raw = raw[:at] + data.draw(SCRAPS | st.binary(max_size=4)) + raw[end:]
    read(raw)


@MANY
@given(st.text(max_size=300))
def test_any_text_as_html_and_as_a_reply(text):
    mail_html.to_text(text).encode()
    reply = mail_reply.new_words(text)
    assert len(reply.text) <= len(text)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_mail_costs_more_than_its_size(name):
    """A step that looks back at all before it would take minutes for these, not hundredths of a second."""
    started = time.process_time()
    storable(mime.parse(HOSTILE[name](100_000), RULES))
    assert time.process_time() - started < 10


# The child.


@pytest.fixture
async def child():
    process = ParserProcess()
    yield process
    await process.close()


async def test_the_child_reads_as_we_do(child):
    for raw in SAMPLES:
        assert await child.parse(raw, RULES) == mime.parse(raw, RULES)


async def test_a_child_that_takes_too_long_is_replaced(child, monkeypatch):
    await child.parse(letter(), RULES)
    child.seconds = 0.0
    with pytest.raises(Malformed, match="took more than"):
        await child.parse(letter("x" * 100_000), RULES)
    child.seconds = 10.0
    assert (await child.parse(letter("again"), RULES)).text == "again"


async def test_a_child_that_needs_too_much_memory_is_replaced(child):
    child.memory = 130_000_000  # an idle child takes 36 million
    big = letter("x" * 60_000_000)
    with pytest.raises(Malformed, match="parser stop"):
        await child.parse(big, dataclasses.replace(RULES, max_bytes=100_000_000))
    child.memory = mail_parser_process.MEMORY_BYTES
    assert (await child.parse(letter("again"), RULES)).text == "again"


@pytest.mark.parametrize("program", ["/bin/false", "/nowhere/python"])
async def test_a_child_that_does_not_start_is_not_the_mails_fault(child, monkeypatch, program):
    monkeypatch.setattr(mail_parser_process.sys, "executable", program)
    with pytest.raises(Transient, match="does not start"):
        await child.parse(letter(), RULES)


async def test_a_child_that_died_is_replaced(child):
    await child.parse(letter(), RULES)
    child._child.kill()
    await child._child.wait()
    assert (await child.parse(letter("again"), RULES)).text == "again"


async def test_a_child_that_dies_while_reading_costs_only_that_mail(child):
    await child.parse(letter(), RULES)
    child._child.kill()
    with pytest.raises(Malformed):
        await child.parse(letter(), RULES)
    assert (await child.parse(letter("again"), RULES)).text == "again"


async def test_the_child_ends_with_its_parent(child):
    await child.parse(letter(), RULES)
    running = child._child
    running.stdin.close()
    assert await running.wait() == 0
