"""Outgoing bytes: nothing of the customer's becomes a header, and ids stay whole. And the signed names in them."""

from __future__ import annotations

import email
import email.policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.channels import mail_compose, mail_token, mime
from inbox.channels.mail_compose import Writer
from inbox.channels.mime import ParseSettings
from inbox.message import ContactPoint
from tests.channels.contract import outbound
from tests.channels.mailservers import USER

SECRETS = ("first-secret-for-tests", "second-secret-for-tests")
WRITER = Writer(address=USER, name="Larkmoor", secrets=SECRETS)
LONG_ID = "A" * 40 + "." + "b" * 60 + "@prod.exchange.example"


def raw_of(**changes):
    given = {"to": ContactPoint("email", "nadia@brook.example"), "subject": "Your statement", **changes}
    return mail_compose.compose(outbound("email", **given), WRITER).raw


def head_of(raw):
    return raw.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def field(raw, name):
    return email.message_from_bytes(raw, policy=email.policy.compat32)[name]


def well_formed(raw, *, fields=frozenset()):
    """Short lines, CRLF only, and exactly the fields that we write."""
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    lines = head_of(raw)
    names = [line.partition(":")[0] for line in lines if line[:1] not in " \t"]
    assert len(names) == len(set(names))
    known = {
        "From", "To", "Subject", "Date", "Message-ID", "In-Reply-To", "References", "Reply-To", "Auto-Submitted",
        "X-Auto-Response-Suppress", "X-Loop", "Content-Language", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
    }  # fmt: skip
    assert set(names) <= known
    assert all(line.strip() for line in lines)
    body = raw.partition(b"\r\n\r\n")[2]
    assert max((len(line) for line in body.split(b"\r\n")), default=0) <= 76


@pytest.mark.parametrize(
    ("subject", "arrives"),
    [
        ("Your statement", "Re: Your statement"),
        ("RE: Your statement", "RE: Your statement"),
        ("AW: Rechnung", "AW: Rechnung"),
        ("x\r\nBcc: victim@brook.example", "Re: x Bcc: victim@brook.example"),
        ("x\r\n\r\nbody", "Re: x body"),
        ("=?utf-8?q?x=0D=0ABcc=3A_v=40y.example?=", "Re: =?utf-8?q?x=0D=0ABcc=3A_v=40y.example?="),
        ("\u2028Bcc: v@y.example", "Re: Bcc: v@y.example"),
        ("¿Cuánto debo? " * 6, "Re: " + ("¿Cuánto debo? " * 6).strip()),
        ("a" * 400, "Re: " + "a" * 250),
        ("", "Re: Larkmoor"),
    ],
)
def test_the_subject(subject, arrives):
    raw = raw_of(subject=subject, in_reply_to="a@b.example")
    well_formed(raw)
    assert mime.parse(raw, ParseSettings()).subject == arrives


def test_without_a_mail_to_answer_it_is_no_reply():
    raw = raw_of()
    assert field(raw, "Subject") == "Your statement"
    assert field(raw, "Auto-Submitted") == "auto-generated"
    assert field(raw, "In-Reply-To") is None


def test_long_ids_stay_whole_and_unencoded():
    raw = raw_of(in_reply_to=LONG_ID, references=("first@b.example", LONG_ID[1:], LONG_ID))
    well_formed(raw)
    assert f"In-Reply-To: <{LONG_ID}>".encode() in raw
    assert f"References: <first@b.example>\r\n <{LONG_ID[1:]}>\r\n <{LONG_ID}>\r\n".encode() in raw


def test_ids_with_brackets_or_without_are_the_same():
    assert raw_of(in_reply_to="<a@b.example>", references=("<a@b.example>",)) == raw_of(
        in_reply_to="a@b.example", references=("a@b.example",)
    )


@pytest.mark.parametrize(
    "bad", ["a b@c.example", "a@b.example>\r\nBcc: x@y.example", "é@b.example", "x" * 2000, "", "<>"]
)
def test_what_is_no_id_is_left_out(bad):
    raw = raw_of(in_reply_to="a@b.example", references=(bad, "good@b.example"))
    well_formed(raw)
    assert field(raw, "References") == "<good@b.example>\r\n <a@b.example>"


def test_a_long_thread_keeps_its_first_and_newest():
    raw = raw_of(in_reply_to="n99@b.example", references=tuple(f"n{n}@b.example" for n in range(100)))
    kept = field(raw, "References").split()
    assert (len(kept), kept[0], kept[1], kept[-1]) == (30, "<n0@b.example>", "<n71@b.example>", "<n99@b.example>")


@pytest.mark.parametrize(
    ("name", "arrives"),
    [
        ("Dana Reyes", "Dana Reyes"),
        ("Reyes, Dana", "Reyes, Dana"),
        ('D "the" R\\', 'D "the" R\\'),
        ("Dana\r\nBcc: x@y.example", "Dana Bcc: x@y.example"),
        ("Iñaki Müller " * 5, ("Iñaki Müller " * 5).strip()),
        ("evil@x.example", "evil@x.example"),
        ("=?utf-8?q?x?=", "=?utf-8?q?x?="),
    ],
)
def test_the_name_of_the_writer(name, arrives):
    raw = raw_of(sender_name=name)
    well_formed(raw)
    mail = mime.parse(raw, ParseSettings())
    assert (mail.sender, mail.sender_name) == (USER, arrives)


def test_both_bodies_are_read_back():
    text = "Línea uno\n\n.\n.. puntos\nFrom here\n" + "larga " * 60 + "\nfin =3D \t \n"
    raw = raw_of(text=text, html=f"<p>{'ñ' * 300}</p>")
    well_formed(raw)
    plain, html = email.message_from_bytes(raw, policy=email.policy.compat32).get_payload()
    assert plain.get_payload(decode=True).decode().replace("\r\n", "\n") == text
    assert html.get_payload(decode=True).decode().strip() == f"<p>{'ñ' * 300}</p>"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(min_size=1, max_size=200), st.text(max_size=40))
def test_no_text_of_anybody_becomes_a_header(subject, name, text, reference):
    if not text.strip():
        return
    raw = raw_of(
        subject=subject,
        sender_name=name,
        text=text,
        references=(reference,),
        language=name[:5],
        in_reply_to="a@b.example",
    )
    well_formed(raw)
    raw.decode()


# Signed names.


@given(st.text(min_size=1, max_size=20))
def test_a_reply_token_leads_back(conversation_id):
    try:
        token = mail_token.sign(conversation_id, SECRETS)
    except ValueError:  # too long for an address
        assert len(conversation_id.encode()) > 26
        return
    assert mail_token.verify(token, SECRETS) == conversation_id
    assert mail_token.verify(token.upper(), SECRETS) == conversation_id
    assert mail_token.verify(token, ("another",)) == ""
    assert mail_token.verify(token, ()) == ""


@given(st.text(max_size=80))
def test_any_other_text_is_no_token(text):
    assert mail_token.verify(text, SECRETS) == ""
    assert mail_token.is_own_id(text, USER, SECRETS) is False


def test_the_previous_secret_still_verifies():
    token = mail_token.sign("01JD8ZQ5V0000000000000000A", SECRETS[1:])
    assert mail_token.verify(token, SECRETS) == "01JD8ZQ5V0000000000000000A"
    own = mail_token.message_id("out-1", USER, SECRETS[1:])
    assert mail_token.is_own_id(f"<{own}>", USER, SECRETS)


def test_a_token_is_not_good_for_another_conversation():
    token = mail_token.sign("01JD8ZQ5V0000000000000000A", SECRETS)
    assert mail_token.verify(token.replace("00a", "00b", 1), SECRETS) == ""


def test_only_our_own_addresses_carry_tokens():
    address = mail_token.reply_address(USER, "C1", SECRETS)
    assert mail_token.conversation_of([address], [USER], SECRETS) == "C1"
    assert mail_token.conversation_of([address.replace("larkmoor", "other")], [USER], SECRETS) == ""
    assert mail_token.conversation_of(["help+@larkmoor.example", "help@larkmoor.example", ""], [USER], SECRETS) == ""


def test_an_address_with_its_token_fits_the_limit():
    local = mail_token.reply_address(USER, "01JD8ZQ5V0000000000000000A", SECRETS).partition("@")[0]
    assert len(local) <= 64


def test_without_a_secret_there_is_no_token():
    with pytest.raises(ValueError, match="reply_secrets"):
        mail_token.sign("C1", ())
    writer = Writer(address=USER, name="Larkmoor")
    mail = mail_compose.compose(outbound("email", ContactPoint("email", "nadia@brook.example")), writer)
    assert b"Reply-To" not in mail.raw
