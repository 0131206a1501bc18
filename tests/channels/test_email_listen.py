"""Following a real mailbox: what comes arrives once, in order, whatever breaks in between."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
import time

import pytest

from inbox.channels.mail_imap import ImapMailbox
from inbox.channels.mail_parser_process import parse_here
from inbox.errors import Malformed
from inbox.fakes import RecordingIntake
from inbox.message import DeliveryStatus, MessageKind
from tests.channels.mailservers import letter, listening, running_dovecot, until
from tests.tools import require_dovecot

pytest_plugins = ["tests.channels.mail_fixtures"]
pytestmark = pytest.mark.dovecot


@pytest.fixture
def intake():
    return RecordingIntake()


def texts(intake):
    return [m.text for m in intake.messages]


def flags(server):
    with server.client() as client:
        client.select_folder("INBOX", readonly=True)
        return {uid: b"\\Seen" in found for uid, found in client.get_flags(client.search()).items()}


async def test_waiting_mail_is_taken_and_marked_as_read(dovecot, mail_in, intake):
    dovecot.deliver(letter("first", 1))
    dovecot.deliver(letter("second", 2))
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
    assert flags(dovecot) == {1: True, 2: True}
    assert texts(intake) == ["first", "second"]
    assert intake.messages[0].source_id == "letter-1@brook.example"
    assert next(iter(intake.cursors.values())).split(":")[1] == "2"


async def test_new_mail_arrives_by_idle_at_once(dovecot, mail_in, intake):
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
        for n in range(4):
            await asyncio.sleep(0.15)
            await asyncio.to_thread(dovecot.deliver, letter(f"news {n}", n))
            await until(lambda n=n: len(intake.messages) == n + 1)  # IDLE itself is renewed only after 30 seconds
    assert texts(intake) == [f"news {n}" for n in range(4)]


async def test_mail_that_comes_in_bursts_is_taken_completely_and_in_order(dovecot, mail_in, intake):
    def burst():
        with dovecot.client() as client:
            for n in range(40):
                client.append("INBOX", letter(f"mail {n}", n))

    async with listening(mail_in, intake):
        await asyncio.to_thread(burst)
        await until(lambda: len(intake.messages) == 40)
    assert texts(intake) == [f"mail {n}" for n in range(40)]


async def test_mail_announced_with_another_answer_is_not_slept_through(dovecot, mail_in, intake, monkeypatch):
    """A server tells of each new mail once: here with the answer to another command, right before IDLE begins."""
    waited = ImapMailbox.wait

    def wait(mailbox, seconds, poll_seconds):
        if not intake.messages:
            dovecot.deliver(letter("in between"))
            mailbox._client._imap.noop()
        waited(mailbox, seconds, poll_seconds)

    monkeypatch.setattr(ImapMailbox, "wait", wait)
    async with listening(mail_in, intake):
        await until(lambda: intake.messages)


async def test_a_server_without_idle_is_polled(dovecot, mail_in, intake, monkeypatch):
    from inbox.channels import mail_imap

    monkeypatch.setattr(mail_imap._Client, "has_capability", lambda self, name: False)
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
        await asyncio.to_thread(dovecot.deliver, letter("polled"))
        await until(lambda: intake.messages)
    assert texts(intake) == ["polled"]


async def test_it_goes_on_where_it_stopped(dovecot, mail_in, intake):
    dovecot.deliver(letter("before", 1))
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
    dovecot.deliver(letter("while away", 2))
    later = RecordingIntake(cursors=dict(intake.cursors))
    async with listening(mail_in, later):
        await until(lambda: later.messages)
    assert texts(later) == ["while away"]


async def test_old_read_mail_is_left_alone_the_first_time(dovecot, mail_in, intake):
    dovecot.deliver(letter("years old", 1))
    dovecot.deliver(letter("unread", 2))
    with dovecot.client() as client:
        client.select_folder("INBOX")
        client.add_flags([1], [rb"\Seen"])
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
        await asyncio.to_thread(dovecot.deliver, letter("new", 3))
        await until(lambda: len(intake.messages) == 2)
    assert texts(intake) == ["unread", "new"]


async def test_mail_read_by_a_person_meanwhile_is_still_taken(dovecot, mail_in, intake):
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
    dovecot.deliver(letter("opened in another program"))
    with dovecot.client() as client:
        client.select_folder("INBOX")
        client.add_flags([1], [rb"\Seen"])
    async with listening(mail_in, intake):
        await until(lambda: intake.messages)


async def test_mail_stays_unread_if_wished(dovecot, make_email, intake):
    dovecot.deliver(letter())
    async with listening(make_email(imap_port=dovecot.port, mark_seen=False), intake):
        await until(lambda: intake.cursors)
    assert flags(dovecot) == {1: False}


async def test_a_renumbered_mailbox_is_read_again_without_doubles(dovecot, mail_in, intake):
    dovecot.deliver(letter("one", 1))
    dovecot.deliver(letter("two", 2))
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
    before = dict(intake.cursors)
    await asyncio.to_thread(dovecot.recreate)
    dovecot.deliver(letter("three", 3))
    async with listening(mail_in, intake):
        await until(lambda: len(intake.messages) == 3 and intake.cursors != before)
    assert texts(intake) == ["one", "two", "three"]


async def test_a_restarted_server_is_found_again(dovecot, mail_in, intake):
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
        await asyncio.to_thread(dovecot.stop)
        await asyncio.sleep(0.2)
        await asyncio.to_thread(dovecot.start)
        await asyncio.to_thread(dovecot.deliver, letter("after the restart"))
        await until(lambda: intake.messages)
    assert texts(intake) == ["after the restart"]


async def test_a_server_that_is_away_at_first_is_waited_for(dovecot, mail_in, intake):
    await asyncio.to_thread(dovecot.stop)
    async with listening(mail_in, intake):
        await asyncio.sleep(0.2)
        await asyncio.to_thread(dovecot.start)
        await asyncio.to_thread(dovecot.deliver, letter("at last"))
        await until(lambda: intake.messages)


async def test_a_store_that_is_down_stops_the_advance(dovecot, mail_in, intake):
    intake.broken = True
    dovecot.deliver(letter("one", 1))
    dovecot.deliver(letter("two", 2))
    async with listening(mail_in, intake):
        await asyncio.sleep(0.4)
        assert intake.messages == []
        assert intake.cursors == {}
        assert not any((await asyncio.to_thread(flags, dovecot)).values())
        intake.broken = False
        await until(lambda: len(intake.messages) == 2)
    assert texts(intake) == ["one", "two"]
    assert intake.quarantined == []


async def test_a_mail_that_cannot_be_parsed_does_not_hold_up_the_next(dovecot, make_email, intake):
    async def picky(raw, rules):
        if b"poison" in raw:
            raise Malformed("reading the mail took more than 10 seconds")
        return await parse_here(raw, rules)

    for n, text in enumerate(["one", "poison", "three"]):
        dovecot.deliver(letter(text, n))
    async with listening(make_email(picky, imap_port=dovecot.port), intake):
        await until(lambda: len(intake.messages) == 2)
    assert texts(intake) == ["one", "three"]
    [(channel, name, raw, reason)] = intake.quarantined
    assert (channel, raw, reason) == ("email", letter("poison", 1), "reading the mail took more than 10 seconds")
    assert name.startswith("sha256:")


async def test_a_mail_that_the_inbox_refuses_is_put_aside(dovecot, mail_in):
    class Tripping(RecordingIntake):
        async def message(self, message):
            if message.text == "trip":
                raise ValueError("a mistake of ours")
            return await super().message(message)

    intake = Tripping()
    for n, text in enumerate(["one", "trip", "three"]):
        dovecot.deliver(letter(text, n))
    async with listening(mail_in, intake):
        await until(lambda: len(intake.messages) == 2)
    assert texts(intake) == ["one", "three"]
    assert [reason for _, _, _, reason in intake.quarantined] == ["the inbox could not store it: ValueError"]


async def test_any_error_of_a_store_that_takes_nothing_is_waited_out(dovecot, mail_in):
    class Down(RecordingIntake):
        down = True

        async def message(self, message):
            if self.down:
                raise RuntimeError("database is locked")
            return await super().message(message)

        async def set_cursor(self, name, value):
            if self.down:
                raise RuntimeError("database is locked")
            await super().set_cursor(name, value)

    intake = Down()
    dovecot.deliver(letter("patience"))
    async with listening(mail_in, intake):
        await asyncio.sleep(0.5)
        intake.down = False
        await until(lambda: intake.messages)
    assert intake.quarantined == []


async def test_the_same_message_id_twice_is_one_message(dovecot, mail_in, intake):
    dovecot.deliver(letter("same", 1))
    dovecot.deliver(letter("same", 1))
    dovecot.deliver(letter("other", 2))
    async with listening(mail_in, intake):
        await until(lambda: len(intake.messages) == 2)
    assert texts(intake) == ["same", "other"]


async def test_mail_without_a_message_id_has_a_name_that_survives_renumbering(dovecot, mail_in, intake):
    dovecot.deliver(letter("nameless", message_id=""))
    async with listening(mail_in, intake):
        await until(lambda: intake.cursors)
    name = intake.messages[0].source_id
    assert name.startswith("sha256:")
    again = RecordingIntake()
    with dovecot.client() as client:
        client.select_folder("INBOX")
        client.remove_flags([1], [rb"\Seen"])
    async with listening(mail_in, again):
        await until(lambda: again.messages)
    assert again.messages[0].source_id == name


async def test_two_nameless_mails_are_two_messages(dovecot, mail_in, intake):
    dovecot.deliver(letter("one", message_id=""))
    dovecot.deliver(letter("two", message_id=""))
    async with listening(mail_in, intake):
        await until(lambda: len(intake.messages) == 2)


async def test_the_parser_runs_in_a_child_by_default(dovecot, make_email, intake):
    dovecot.deliver(letter("through the child"))
    async with listening(make_email(None, imap_port=dovecot.port), intake):
        await until(lambda: intake.messages)
    assert texts(intake) == ["through the child"]


async def test_mail_that_is_too_big_is_put_aside_unread(dovecot, make_email, intake):
    dovecot.deliver(letter("x" * 90_000, 1))
    dovecot.deliver(letter("small", 2))
    async with listening(make_email(imap_port=dovecot.port, max_bytes=80_000), intake):
        await until(lambda: intake.messages)
    assert texts(intake) == ["small"]
    [(_, _, raw, reason)] = intake.quarantined
    assert len(raw) == 65_536
    assert "email.max_bytes" in reason


async def test_mail_without_any_sender_is_put_aside(dovecot, mail_in, intake):
    dovecot.deliver(b"Subject: nobody\r\n\r\nhello\r\n")
    dovecot.deliver(letter("somebody"))
    async with listening(mail_in, intake):
        await until(lambda: intake.messages)
    assert [reason for _, _, _, reason in intake.quarantined] == ["the mail names no sender"]


async def test_a_bounce_is_an_update_and_a_message(dovecot, mail_in, intake):
    dovecot.deliver(BOUNCE)
    async with listening(mail_in, intake):
        await until(lambda: intake.messages)
    [update] = intake.updates
    assert update.status is DeliveryStatus.UNDELIVERED
    assert update.message_id == "01JD8Z.qrstuvwxyz234567@larkmoor.example"
    assert (str(update.point), update.code) == ("email:gone@brook.example", "5.1.1")
    assert intake.messages[0].kind is MessageKind.BOUNCE
    assert intake.messages[0].thread_keys[0] == update.message_id


async def test_a_cancelled_listener_stops_quickly_in_idle(dovecot, mail_in, intake):
    task = asyncio.create_task(mail_in.listen(intake))
    await until(lambda: intake.cursors)
    await asyncio.sleep(0.1)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - started < 2


async def test_a_server_that_never_answers_does_not_hold_up_the_end(make_email, intake):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        task = asyncio.create_task(make_email(imap_port=silent.getsockname()[1]).listen(intake))
        await asyncio.sleep(0.2)
        started = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - started < 4


async def test_a_wrong_password_names_the_setting(dovecot, make_email, intake, caplog):
    caplog.set_level(logging.WARNING)
    async with listening(make_email(imap_port=dovecot.port, imap_password=("wrong-one",)), intake):
        await until(lambda: "email.imap_password" in caplog.text)
    assert "wrong-one" not in caplog.text


async def test_a_refused_access_token_is_asked_for_again(tmp_path, token_desk, make_email, intake):
    token_desk.good = {"fresh-token"}
    tokens = tmp_path / "tokens.py"
    tokens.write_text(
        "import pathlib\nseen = pathlib.Path(__file__).with_suffix('.seen')\n"
        "print('fresh-token' if seen.exists() else 'stale-token')\nseen.touch()\n"
    )
    with running_dovecot(require_dovecot(), str(token_desk.server.make_url("/introspect"))) as server:
        server.deliver(letter("by token"))
        command = f"{sys.executable} {tokens}"
        async with listening(make_email(imap_port=server.port, imap_password=(), oauth_token_command=command), intake):
            await until(lambda: intake.messages, seconds=20)
    assert token_desk.asked >= 2


BOUNCE = b"""\
Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.larkmoor.example>
To: help@larkmoor.example
Subject: Mail could not be handed over
Message-ID: <report-1@mx.larkmoor.example>
Date: Mon, 23 Nov 2026 10:20:00 -0500
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="cut"

--cut
Content-Type: text/plain

Your mail to gone@brook.example came back.

--cut
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.larkmoor.example

Final-Recipient: rfc822; Gone@brook.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such mailbox

--cut
Content-Type: text/rfc822-headers

From: help@larkmoor.example
Message-ID: <01JD8Z.qrstuvwxyz234567@larkmoor.example>
Subject: Your statement

--cut--
""".replace(b"\n", b"\r\n")
