"""What is read from a mail, without any server."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from inbox.channels import mail_inbound, mime
from inbox.channels.mime import ParseSettings
from inbox.message import MessageKind, SenderProof
from tests.channels.contract import FIXTURES, plain
from tests.channels.mailservers import USER, letter

RULES = ParseSettings(own_addresses=(USER,), authserv_ids=("mx.larkmoor.example",))
SECRETS = ("first-secret-for-tests", "second-secret-for-tests")
NOW = datetime(2026, 11, 24, tzinfo=UTC)


def parse(text: str | bytes, **rules):
    raw = text if isinstance(text, bytes) else text.encode()
    return mime.parse(raw, ParseSettings(own_addresses=(USER,), **rules))


@pytest.mark.parametrize("path", sorted((FIXTURES / "email").glob("*.in.eml")), ids=lambda p: p.name.split(".")[0])
def test_fixture(path: Path):
    raw = path.read_bytes()
    message = mail_inbound.message_of(mime.parse(raw, RULES), raw, NOW, (USER,), SECRETS)
    assert message is not None
    found = plain(message)
    [expected] = json.loads(path.with_name(path.name.replace(".in.eml", ".out.json")).read_text("utf-8"))
    assert {key: found[key] for key in expected} == expected


# Headers.


@pytest.mark.parametrize(
    ("field", "sender", "name"),
    [
        ("Nadia Brook <nadia@brook.example>", "nadia@brook.example", "Nadia Brook"),
        ("NADIA@Brook.Example", "nadia@brook.example", ""),
        ("nadia@brook.example (Nadia Brook)", "nadia@brook.example", "Nadia Brook"),
        ('"Brook, Nadia" <nadia@brook.example>', "nadia@brook.example", "Brook, Nadia"),
        ("Nadia nadia@brook.example", "nadia@brook.example", "Nadia"),
        ("=?utf-8?q?Nad=C3=ADa?= <nadia@brook.example>", "nadia@brook.example", "Nadía"),
        ('"<evil@x.example>" <nadia@brook.example>', "nadia@brook.example", "evil@x.example"),
        ("nadia@bäckerei.example", "nadia@xn--bckerei-5wa.example", ""),
        ("<@relay.example:nadia@brook.example>", "nadia@brook.example", ""),
        ("a@b@evil.example", "", ""),
        ('<"', "", ""),
        ("undisclosed-recipients:;", "", ""),
        ("", "", ""),
    ],
)
def test_the_sender(field, sender, name):
    mail = parse(f"From: {field}\nSubject: x\n\nhello".encode())
    assert (mail.sender, mail.sender_name if sender else "") == (sender, name)


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("From: alice@brook.example <bob@elsewhere.example>", "display name"),
        ("From: a@brook.example, b@elsewhere.example", "several"),
        ("From: a@brook.example\nFrom: b@elsewhere.example", "several"),
        ("From: =?utf-8?q?Nadia_=3Cnadia=40brook.example=3E?=", "encoded word"),
        ("From: Nadia\nSender: nadia@brook.example", "no address"),
    ],
)
def test_an_odd_sender_is_marked_and_proves_nothing_by_itself(lines, why):
    results = "".join(
        f"Authentication-Results: mx.larkmoor.example; dmarc=pass header.from={d}.example\n"
        for d in ("elsewhere", "brook")
    )
    mail = parse(results + lines + "\n\nhello", authserv_ids=("mx.larkmoor.example",))
    assert why in mail.suspicious_sender
    expected = SenderProof.DMARC_PASS if why == "display name" else SenderProof.NONE
    assert mail.proof is expected


def test_the_subject_is_one_line_whatever_it_encodes():
    mail = parse("From: a@b.example\nSubject: =?utf-8?q?hi=0D=0ABcc=3A_x=40y.example?=\n\nhello")
    assert mail.subject == "hi  Bcc: x@y.example"


def test_a_character_cut_between_two_encoded_words_is_whole():
    mail = parse("From: a@b.example\nSubject: =?utf-8?b?4oI=?=\n =?utf-8?b?rA==?= late fee\n\nhello")
    assert mail.subject == "€ late fee"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Mon, 23 Nov 2026 10:00:00 -0500", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("23 Nov 26 10:00 EST", datetime(2026, 11, 23, 15, tzinfo=UTC)),
        ("Mon, 1 Jan 1900 00:00:00 +0000", None),
        ("Mon, 99 Nov 2026 10:00:00 +9999", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_the_date(value, expected):
    assert parse(f"From: a@b.example\nDate: {value}\n\nhello").sent_at == expected


def test_a_broken_line_among_the_headers_does_not_hide_the_rest():
    mail = parse("From : a@b.example\nthis is no header\nSubject: still here\nMessage-ID: < <one@b.example>\n\nhello")
    assert (mail.sender, mail.subject, mail.message_id, mail.text) == (
        "a@b.example",
        "still here",
        "one@b.example",
        "hello",
    )


def test_a_body_without_an_empty_line_before_it_is_kept():
    mail = parse("From: a@b.example\nSubject: x\nI cannot pay this month\nSorry")
    assert (mail.subject, mail.text) == ("x", "I cannot pay this month\nSorry")


def test_an_mbox_line_on_top_is_no_header():
    assert parse("From a@b.example Mon Nov 23\nFrom: a@b.example\nSubject: x\n\nhello").subject == "x"


# Bodies.


@pytest.mark.parametrize(
    ("charset", "data"),
    [
        ("utf-8", "¿Qué debo?".encode()),
        ("iso-8859-1", "¿Qué debo – hoy?".encode("cp1252")),
        ("us-ascii", "¿Qué debo?".encode()),
        ("utf8", "Olá".encode()),
        ("gb2312", "镕基欠款".encode("gb18030")),
        ("shift_jis", "①請求書".encode("cp932")),
        ("x-unknown", "Não recebi".encode()),
        ("punycode", b"plain words"),
        ("", "Não".encode()),
        ("utf-16", "Olá".encode("utf-16")),
        ("unicode-1-1-utf-7", b"Ol+AOE-"),
    ],
)
def test_charsets(charset, data):
    text = parse(f"From: a@b.example\nContent-Type: text/plain; charset={charset}\n\n".encode() + data).text
    assert "\ufffd" not in text
    assert text in ("¿Qué debo?", "¿Qué debo – hoy?", "Olá", "镕基欠款", "①請求書", "Não recebi", "plain words", "Não")


def test_an_unlabelled_text_is_recognised():
    words = "El cargo no coincide con la factura, ¿me lo explican? Mañana pagaré la mitad."
    assert parse(b"From: a@b.example\n\n" + words.encode("cp1252")).text == words


@pytest.mark.parametrize(
    ("encoding", "body", "text"),
    [
        ("quoted-printable", "caf=C3=A9 =\nau lait=", "café au lait="),
        ("base64", "aGVsbG8gd29ybGQ", "hello world"),
        ("BASE64;", "aGVs!!bG8=\naGk=", "hellohi"),
        ("UTF-8", "hello", "hello"),
        ("7-bit", "hello", "hello"),
        ("x-uuencode", "begin 644 a.txt\n+:&5L;&\\@=V]R;&0`\n`\nend", "hello world"),
    ],
)
def test_transfer_encodings(encoding, body, text):
    found = parse(
        f"From: a@b.example\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{body}"
    )
    assert found.text == text.rstrip("=") if encoding == "quoted-printable" else text


def multipart(*parts: str, kind="mixed", boundary="b1", declared="b1", end=True) -> bytes:
    body = "".join(f"--{boundary}\n{part}\n" for part in parts) + (f"--{boundary}--\n" if end else "")
    return f'From: a@b.example\nContent-Type: multipart/{kind}; boundary="{declared}"\n\nignored\n{body}'.encode()


def test_every_text_part_of_a_mixed_mail_is_read():
    mail = parse(
        multipart(
            "Content-Type: text/plain\n\none",
            "Content-Type: image/gif\n\nGIF",
            "\ntwo",
            "Content-Type: text/html\n\n<p>three",
        )
    )
    assert mail.text == "one\n\ntwo\n\nthree"
    assert [(a.filename, a.content) for a in mail.attachments] == [("attachment-1.gif", b"GIF")]


@pytest.mark.parametrize("changes", [{"declared": "B1"}, {"declared": "other"}, {"declared": ""}, {"end": False}])
def test_broken_boundaries(changes):
    assert parse(multipart("Content-Type: text/plain\n\none", "\ntwo", **changes)).text == "one\n\ntwo"


def test_a_multipart_without_any_part_shows_something():
    mail = parse("From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n\njust words")
    assert mail.text == "just words"
    assert mail.defects


def test_plain_text_wins_over_its_html_twin_and_the_twin_is_no_attachment():
    mail = parse(
        multipart("Content-Type: text/plain\n\nplain", "Content-Type: text/html\n\n<p>rich", kind="alternative")
    )
    assert (mail.text, mail.attachments) == ("plain", ())


def test_an_attached_text_is_an_attachment():
    mail = parse(
        multipart("\nsee file", "Content-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nsecret")
    )
    assert mail.text == "see file"
    assert [a.filename for a in mail.attachments] == ["a.txt"]


def test_a_mail_that_is_only_a_file():
    mail = parse(
        "From: a@b.example\nContent-Type: application/pdf; name=bill.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg=="
    )
    assert (mail.text, [(a.filename, a.content) for a in mail.attachments]) == ("", [("bill.pdf", b"%PDF")])


def test_a_mail_that_only_carries_another_hands_it_over_marked():
    mail = parse(multipart("Content-Type: message/rfc822\n\nFrom: x@y.example\nSubject: s\n\nold words"))
    assert (mail.text, mail.only_history) == ("old words", True)
    assert mail.sender == "a@b.example"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\bill.pdf", "bill.pdf"),
        ("a\u202efdp.exe", "a_fdp.exe"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("a\r\nb.pdf", "a  b.pdf"),
    ],
)
def test_file_names_are_safe(given, kept):
    head = f'Content-Type: application/pdf\nContent-Disposition: attachment; filename="{given!s}"'.replace(
        "\r\n", "=0D=0A"
    )
    head = head if "=0D" not in head else head.replace('"a=0D=0Ab.pdf"', '"=?utf-8?q?a=0D=0Ab.pdf?="')
    mail = parse(multipart("\nx", f"{head}\n\nPDF"))
    assert [a.filename for a in mail.attachments] == [kept]


def test_too_many_parts_and_too_deep_nesting_are_cut():
    wide = parse(multipart(*["\nx"] * 500), max_parts=20)
    assert "too many parts" in wide.defects
    deep = b"\nend"
    for n in range(60):
        deep = f'Content-Type: multipart/mixed; boundary="d{n}"\n\n--d{n}\n'.encode() + deep + f"\n--d{n}--\n".encode()
    mail = parse(b"From: a@b.example\n" + deep)
    assert "nested too deep" in mail.defects


def test_flowed_text_is_put_together():
    mail = parse("From: a@b.example\nContent-Type: text/plain; format=flowed\n\nI was charged \ntwice.\n\nWhy?")
    assert mail.text == "I was charged twice.\n\nWhy?"


def test_the_raw_text_and_meta_are_kept():
    raw = letter("hello\n\n> quoted")
    message = mail_inbound.message_of(mime.parse(raw, RULES), raw, NOW, (USER,), SECRETS)
    assert message is not None
    assert "subject: My invoice" in message.raw
    assert "> quoted" in message.raw
    assert message.meta["message_id"] == "letter-1@brook.example"
    assert message.meta["sent_at"] == "2026-11-23T15:15:00+00:00"
    assert message.recipient == USER


# Tokens.


def test_a_reply_token_is_found_wherever_the_mail_was_sent():
    from inbox.channels import mail_token

    address = mail_token.reply_address(
        USER, "01JD8ZQ5V0000000000000000A", SECRETS[1:]
    )  # signed with the previous secret
    for field in ("To", "Cc", "Delivered-To", "X-Forwarded-To"):
        raw = f"{field}: Somebody <{address.upper()}>\n".encode() + letter()
        message = mail_inbound.message_of(mime.parse(raw, RULES), raw, NOW, (USER,), SECRETS)
        assert message.thread_keys[0] == "conversation:01JD8ZQ5V0000000000000000A"


def test_our_own_message_id_come_back_is_our_own():
    from inbox.channels import mail_token

    own = mail_token.message_id("out-1", USER, SECRETS)
    raw = letter(message_id=f"<{own}>")
    assert mail_inbound.message_of(mime.parse(raw, RULES), raw, NOW, (USER,), SECRETS).kind is MessageKind.OWN
    raw = letter(message_id=f"<{own.replace('out-1', 'out-2')}>")
    assert mail_inbound.message_of(mime.parse(raw, RULES), raw, NOW, (USER,), SECRETS).kind is MessageKind.TEXT
