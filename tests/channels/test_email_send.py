"""Sending through a real SMTP server: what arrives there, and what each of its answers means."""

from __future__ import annotations

import email
import email.policy
import logging

import pytest

from inbox.channels import mail_token
from inbox.errors import Permanent, Transient, Uncertain, Unsupported
from inbox.message import ContactPoint
from tests.channels.contract import outbound
from tests.channels.mailservers import USER, Mailman

pytest_plugins = ["tests.channels.mail_fixtures"]
AUTHOR = ContactPoint("email", "nadia@brook.example")
CONVERSATION = "01JD8ZQ5V0000000000000000A"


def message(**changes):
    given = {"to": AUTHOR, "conversation_id": CONVERSATION, "subject": "Your statement", **changes}
    return outbound("email", **given)


def headers(mailman, n=-1):
    return email.message_from_bytes(mailman.taken[n].content, policy=email.policy.compat32)


async def test_what_arrives(mailman, mail_out):
    receipt = await mail_out.send(
        message(html="<p>Your statement is <b>ready</b>.</p>", in_reply_to="ask-1@brook.example")
    )
    [envelope] = mailman.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == (USER, ["nadia@brook.example"])
    arrived = headers(mailman)
    assert arrived["Message-ID"] == f"<{receipt.provider_id}>"
    assert arrived["From"] == f"Larkmoor <{USER}>"
    assert arrived["Subject"] == "Re: Your statement"
    assert arrived["In-Reply-To"] == "<ask-1@brook.example>"
    assert arrived["Auto-Submitted"] == "auto-replied"
    assert arrived["X-Auto-Response-Suppress"] == "All"
    assert arrived["X-Loop"] == USER
    assert arrived["Date"] == "Mon, 23 Nov 2026 15:30:00 +0000"
    plain, html = arrived.get_payload()
    assert plain.get_payload(decode=True).decode().strip() == "Your statement is ready."
    assert "<b>ready</b>" in html.get_payload(decode=True).decode()


async def test_the_reply_address_leads_back_to_the_conversation(mailman, mail_out):
    await mail_out.send(message())
    address = headers(mailman)["Reply-To"]
    assert mail_token.conversation_of([address], [USER], mail_out.settings.reply_secrets) == CONVERSATION


async def test_every_attempt_is_the_same_mail(mailman, mail_out):
    await mail_out.send(message(html="<p>x</p>"))
    await mail_out.send(message(html="<p>x</p>", attempt=2))
    assert mailman.taken[0].content == mailman.taken[1].content


async def test_the_message_id_that_was_stored_is_used(mailman, mail_out):
    receipt = await mail_out.send(message(message_id="<stored-1@larkmoor.example>"))
    assert receipt.provider_id == "stored-1@larkmoor.example"
    assert headers(mailman)["Message-ID"] == "<stored-1@larkmoor.example>"


async def test_mail_of_a_person_is_not_called_automatic(mailman, mail_out):
    await mail_out.send(message(automatic=False, sender_name="Dana Reyes"))
    arrived = headers(mailman)
    assert arrived["Auto-Submitted"] is None
    assert arrived["From"] == f"Dana Reyes <{USER}>"


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        ("451 4.3.0 come back later", Transient, ""),
        ("550 5.1.1 no such mailbox", Permanent, "550"),
        ("DATA 452 4.2.2 mailbox full", Transient, ""),
        ("DATA 554 5.7.1 not wanted", Permanent, "554"),
        ("drop early", Transient, ""),
        ("drop", Uncertain, ""),
    ],
)
async def test_what_the_answers_mean(mailman, mail_out, answer, error, code):
    mailman.answers = [answer]
    with pytest.raises(error) as caught:
        await mail_out.send(message())
    assert type(caught.value) is error
    assert getattr(caught.value, "code", "") == code
    assert (await mail_out.send(message())).provider_id


async def test_no_server_is_transient(make_email):
    with pytest.raises(Transient, match=r"email\.smtp_host"):
        await make_email(smtp_port=1).send(message())


async def test_no_encryption_is_refused_for_other_machines(make_email):
    with pytest.raises(Transient, match=r"email\.smtp_tls"):
        await make_email(smtp_host="mail.larkmoor.example").send(message())


async def test_a_server_without_starttls_gets_no_mail(mailman, make_email):
    with pytest.raises(Transient):
        await make_email(smtp_port=mailman.port, smtp_tls="starttls").send(message())
    assert mailman.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # on loopback only
async def test_login(make_email, caplog):
    caplog.set_level(logging.DEBUG)
    async with Mailman(needs_login=True) as server:
        right = make_email(smtp_port=server.port, smtp_password=("smtp-password-for-tests",))
        await right.send(message())
        assert server.logins == [USER]
        with pytest.raises(Transient, match=r"email\.smtp_password"):
            await make_email(smtp_port=server.port, smtp_password=("other-password",)).send(message())
    assert len(server.taken) == 1
    assert "smtp-password-for-tests" not in caplog.text


@pytest.mark.parametrize(
    "address", ["", "nadia", "nadia@", "@brook.example", "a b@brook.example", "a@b@brook.example", "a@brook.example\r\nRCPT TO:<x@y.example>", "<a@brook.example>"]
)  # fmt: skip
async def test_what_is_no_address_is_permanent(mail_out, mailman, address):
    with pytest.raises(Permanent) as caught:
        await mail_out.send(message(to=ContactPoint("email", address)))
    assert caught.value.code == "bad-address"
    assert mailman.taken == []


async def test_a_domain_with_other_letters_is_written_in_ascii(mail_out, mailman):
    await mail_out.send(outbound("email", ContactPoint("email", "nadia@bäckerei.example")))
    assert mailman.taken[0].rcpt_tos == ["nadia@xn--bckerei-5wa.example"]
    assert headers(mailman)["To"] == "nadia@xn--bckerei-5wa.example"


async def test_a_name_with_other_letters_needs_smtputf8(mail_out, mailman, make_email):
    jose = message(to=ContactPoint("email", "josé@brook.example"))
    with pytest.raises(Unsupported):
        await mail_out.send(jose)
    async with Mailman(utf8=True) as modern:
        await make_email(smtp_port=modern.port).send(jose)
    assert modern.taken[0].rcpt_tos == ["josé@brook.example"]
    assert b"To: jos\xc3\xa9@brook.example" in modern.taken[0].content


@pytest.mark.parametrize("text", ["", " \n"])
async def test_a_mail_without_text_is_unsupported(mail_out, text):
    with pytest.raises(Unsupported):
        await mail_out.send(message(text=text))


@pytest.mark.dovecot
class TestFindSent:
    async def test_without_copies_of_ours_the_folder_says_nothing(self, mail_in):
        with pytest.raises(Unsupported, match="files no copy"):
            await mail_in.find_sent(message())

    async def test_a_copy_in_the_sent_folder_is_found(self, dovecot, mailman, make_email):
        channel = make_email(imap_port=dovecot.port, smtp_port=mailman.port)
        receipt = await channel.send(message())
        dovecot.deliver(mailman.taken[0].content, folder="Sent")
        assert await channel.find_sent(message()) == receipt
        assert await channel.find_sent(message(id="never-sent")) is None


@pytest.mark.dovecot
async def test_check_says_what_is_on(dovecot, mailman, make_email):
    line = await make_email(imap_port=dovecot.port, smtp_port=mailman.port).check()
    assert line.startswith(f"{USER}: IMAP and SMTP logged in, 0 unread, reply tokens on")
    assert "email.authserv_ids" in line


async def test_check_names_what_to_mend(make_email):
    with pytest.raises(Transient, match=r"email\.imap_host"):
        await make_email().check()
