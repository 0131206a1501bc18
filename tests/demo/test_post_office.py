"""The SMTP door, the company's mailbox behind it, and the mails as people see them."""

from __future__ import annotations

import threading
from email.message import EmailMessage

import aiosmtplib
import pytest

from inbox.channels.mime import ParseSettings, parse
from inbox.demo import mail
from inbox.demo.mail import Draft
from inbox.demo.post_office import SERVER, Mailbox, PostOffice
from inbox.message import SenderProof

OURS = "help@house.example"


@pytest.fixture
def office(tmp_path):
    opened = PostOffice(tmp_path / "mail", OURS)
    opened.port = opened.open_door()
    yield opened
    opened.close_door()


def draft(**changes):
    values = {
        "sender": "ida@writer.example",
        "name": "Ida Writer",
        "to": OURS,
        "subject": "Hello",
        "text": "What now?\n",
    }
    return Draft(**values | changes)


async def test_mail_to_us_goes_into_the_mailbox_and_other_mail_does_not(office):
    await mail.send(draft(), office.port)
    await mail.send(draft(to="help+abc@house.example"), office.port)
    await mail.send(draft(to="someone@else.example"), office.port)
    mailbox = Mailbox(office)
    assert mailbox.uids_after(0) == [1, 2]
    assert mailbox.uids_after(1) == [2]
    assert mailbox.look(3).size == len(mailbox.fetch(3))
    assert [one.recipient for one in office.of_person("someone@else.example")] == ["someone@else.example"]


@pytest.mark.parametrize(
    ("verdict", "proof"),
    [("pass", SenderProof.DMARC_PASS), ("fail", SenderProof.DMARC_FAIL), ("none", SenderProof.NONE)],
)
async def test_our_reader_believes_what_our_server_found_out(office, verdict, proof):
    await mail.send(draft(verdict=verdict), office.port)
    read = parse(Mailbox(office).fetch(1), ParseSettings(own_addresses=(OURS,), authserv_ids=(SERVER,)))
    assert read.proof is proof
    assert (read.sender, read.text.strip()) == ("ida@writer.example", "What now?")


async def test_an_answer_names_the_mail_before(office):
    first = await mail.send(draft(), office.port)
    second = await mail.send(draft(answers=office.letters[0]), office.port)
    await mail.send(draft(answers=office.letters[1]), office.port)
    read = parse(office.letters[2].raw, ParseSettings())
    assert read.in_reply_to == (second.strip("<>"),)
    assert read.references == (first.strip("<>"), second.strip("<>"))


async def test_mail_is_there_after_a_restart(office, tmp_path):
    await mail.send(draft(), office.port)
    again = PostOffice(tmp_path / "mail", OURS)
    assert again.letters == office.letters
    again.take("x@y.example", [OURS], b"Subject: two\r\n\r\n.\r\n")
    assert [one.number for one in again.letters] == [1, 2]


async def test_one_mail_to_two_people_is_delivered_twice(office):
    message = EmailMessage()
    message["Subject"] = "To both"
    message.set_content("Hi")
    await aiosmtplib.send(
        message, hostname="127.0.0.1", port=office.port, sender="a@b.example", recipients=["c@d.example", OURS]
    )
    assert [(one.recipient, one.incoming) for one in office.letters] == [("c@d.example", False), (OURS, True)]


def test_waiting_ends_with_news_and_when_interrupted(office):
    mailbox = Mailbox(office)
    assert mailbox.uids() == []
    waiting = threading.Thread(target=mailbox.wait, args=(60, 60))
    waiting.start()
    office.take("x@y.example", [OURS], b"Subject: news\r\n\r\n.\r\n")
    waiting.join(10)
    assert not waiting.is_alive()
    mailbox.interrupt()
    mailbox.wait(60, 60)  # does not wait any more


async def test_both_parts_and_the_headers_are_shown(office):
    message = EmailMessage()
    message["From"], message["Reply-To"], message["Subject"] = OURS, "help+t@house.example", "Réponse"
    message.set_content("plain words")
    message.add_alternative("<p>shown words</p>", subtype="html")
    office.take(OURS, ["ida@writer.example"], message.as_bytes())
    shown = mail.opened(office.letters[0])
    assert (shown.subject, shown.text.strip(), shown.html.strip()) == ("Réponse", "plain words", "<p>shown words</p>")
    assert shown.reply_to == "help+t@house.example"
    assert shown.headers.startswith(f"Return-Path: <{OURS}>\nDelivered-To: ida@writer.example\n")


def test_bytes_that_are_no_mail_do_not_break_the_page(office):
    office.take("x@y.example", ["ida@writer.example"], b"\xff\xfe\x00 no header at all")
    office.take("x@y.example", ["ida@writer.example"], b"Content-Type: text/html; charset=nonsense\r\n\r\n<p>\xff</p>")
    for letter in office.letters:
        assert mail.opened(letter).subject == "(no subject)"
