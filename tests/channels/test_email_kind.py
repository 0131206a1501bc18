"""What sort of mail it is, what a bounce says, and when DMARC counts."""

from __future__ import annotations

import pytest

from inbox.channels import mail_inbound, mime
from inbox.channels.mime import ParseSettings
from inbox.message import DeliveryStatus, MessageKind, SenderProof
from tests.channels.mailservers import USER, letter

RULES = ParseSettings(own_addresses=(USER,))


def kind(**headers):
    return mime.parse(letter(**headers), RULES).kind


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, "text"),
        ({"auto_submitted": "no"}, "text"),
        ({"auto_submitted": "auto-replied; owner=x"}, "auto_reply"),
        ({"auto_submitted": "Auto-Generated"}, "auto_reply"),
        ({"x_autoreply": "yes"}, "auto_reply"),
        ({"x_autorespond": "away"}, "auto_reply"),
        ({"precedence": "auto_reply"}, "auto_reply"),
        ({"return_path": "<>"}, "auto_reply"),
        ({"return_path": "<nadia@brook.example>"}, "text"),
        ({"subject": "Automatic reply: your invoice"}, "auto_reply"),
        ({"subject": "Out of Office"}, "auto_reply"),
        ({"subject": "Respuesta automática: su factura"}, "auto_reply"),
        ({"subject": "Fuera de la oficina"}, "auto_reply"),
        ({"subject": "Resposta automática"}, "auto_reply"),
        ({"subject": "Ausência temporária"}, "auto_reply"),
        ({"subject": "Réponse automatique : facture"}, "auto_reply"),
        ({"subject": "Abwesenheitsnotiz: Rechnung"}, "auto_reply"),
        ({"subject": "自动回复: 发票"}, "auto_reply"),
        ({"subject": "Re: Automatic reply: your invoice"}, "text"),
        ({"subject": "I was out of office when you wrote"}, "text"),
        ({"precedence": "bulk"}, "machine"),
        ({"list_id": "<x.example>"}, "machine"),
        ({"list_unsubscribe": "<https://x.example>"}, "machine"),
        ({"from": "no-reply@shop.example"}, "machine"),
        ({"from": "Noreply <noreply+1@shop.example>"}, "machine"),
        ({"x_auto_response_suppress": "DR, OOF, AutoReply"}, "machine"),
        ({"x_auto_response_suppress": "None"}, "text"),
        ({"from": USER}, "machine"),
        ({"x_loop": USER}, "own"),
        ({"x_loop": "somebody@else.example"}, "text"),
        ({"x_failed_recipients": "gone@brook.example"}, "bounce"),
        ({"from": "MAILER-DAEMON", "return_path": "<>"}, "bounce"),
        ({"from": "postmaster@brook.example", "subject": "Undeliverable: hello"}, "bounce"),
        ({"from": "postmaster@brook.example", "subject": "About my invoice"}, "text"),
        ({"subject": "Your payment could not be delivered"}, "text"),
        ({"content_type": "multipart/report; report-type=delivery-status; boundary=b"}, "bounce"),
        ({"content_type": "multipart/report; report-type=disposition-notification; boundary=b"}, "auto_reply"),
        ({"content_type": "multipart/report; report-type=feedback-report; boundary=b"}, "machine"),
    ],
)  # fmt: skip
def test_the_kind(headers, expected):
    assert kind(**headers) is MessageKind(expected)


def report(action="failed", more="", body="", embedded="Message-ID: <out-1.abc@larkmoor.example>\n"):
    raw = (
        "From: MAILER-DAEMON@mx.example\nReturn-Path: <>\nSubject: report\nMessage-ID: <r1@mx.example>\n"
        "Content-Type: multipart/report; report-type=delivery-status; boundary=r\n\n"
        f"--r\n\n{body}\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\n{more}"
        f"Final-Recipient: rfc822; gone@brook.example\nAction: {action}\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 full\n"
        f"\n--r\nContent-Type: message/rfc822\n\n{embedded}Subject: x\n\ntext\n--r--\n"
    )
    return mime.parse(raw.encode(), RULES)


def test_a_failed_delivery():
    update = mail_inbound.update_of(report(), "r1@mx.example")
    assert update is not None
    assert (update.status, update.message_id, update.code) == (
        DeliveryStatus.UNDELIVERED,
        "out-1.abc@larkmoor.example",
        "5.2.2",
    )
    assert (str(update.point), update.detail, update.source_id) == (
        "email:gone@brook.example",
        "smtp; 552 full",
        "r1@mx.example",
    )


@pytest.mark.parametrize("action", ["delayed", "relayed", "expanded"])
def test_what_is_not_final_is_no_update(action):
    mail = report(action)
    assert mail.kind is MessageKind.BOUNCE
    assert mail_inbound.update_of(mail, "r1") is None


def test_a_delivery_that_went_well():
    update = mail_inbound.update_of(report("delivered"), "r1")
    assert update is not None
    assert update.status is DeliveryStatus.DELIVERED


def test_the_recipient_that_failed_is_named_before_one_that_did_not():
    mail = report(more="Final-Recipient: rfc822; fine@brook.example\nAction: delivered\nStatus: 2.0.0\n\n")
    assert mail.report is not None
    assert (mail.report.action, mail.report.recipient) == ("failed", "gone@brook.example")


def test_a_bounce_in_words_only():
    raw = (
        "From: Mail Delivery Subsystem <mailer-daemon@old.example>\nSubject: failure notice\n\n"
        "Hi. I could not deliver this:\n\n<gone@brook.example>:\nNo such user (#5.1.1)\n\n"
        "--- Below is a copy.\n\nReturn-Path: <help@larkmoor.example>\nMessage-ID: <out-2.abc@larkmoor.example>\n"
    )
    update = mail_inbound.update_of(mime.parse(raw.encode(), RULES), "x")
    assert update is not None
    assert (str(update.point), update.message_id, update.code) == (
        "email:gone@brook.example",
        "out-2.abc@larkmoor.example",
        "5.1.1",
    )


def test_a_bounce_that_names_nothing_is_no_update():
    raw = b"From: MAILER-DAEMON\nReturn-Path: <>\n\nSomething went wrong."
    assert mail_inbound.update_of(mime.parse(raw, RULES), "x") is None


# DMARC.

MX = "Received: from a (a [192.0.2.1]) by {} with ESMTP; Mon, 23 Nov 2026 10:00:00 -0500\n"
PASS = "Authentication-Results: {}; spf=pass; dmarc=pass (p=REJECT) header.from=brook.example\n"


def proof(head, *ids, sender="nadia@brook.example"):
    rules = ParseSettings(authserv_ids=ids or ("mx.larkmoor.example",))
    return mime.parse(f"{head}From: Nadia <{sender}>\nSubject: x\n\nhello".encode(), rules).proof


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (PASS.format("mx.larkmoor.example"), "dmarc_pass"),
        (PASS.format('"MX.larkmoor.example"'), "dmarc_pass"),
        (PASS.format("mx.larkmoor.example 1"), "dmarc_pass"),
        (PASS.format("mx.larkmoor.example").replace("pass (p=", "fail (p="), "dmarc_fail"),
        (PASS.format("mx.larkmoor.example").replace("dmarc=pass", "dmarc=bestguesspass"), "none"),
        (PASS.format("mx.larkmoor.example").replace("brook.example", "other.example"), "none"),
        (PASS.format("mx.larkmoor.example").replace(" header.from=brook.example", ""), "none"),
        (PASS.format("mx.larkmoor.example.evil.example"), "none"),
        (PASS.format("evil.example"), "none"),
        ("Authentication-Results: mx.larkmoor.example (x; dmarc=pass header.from=brook.example); dmarc=fail header.from=brook.example\n", "dmarc_fail"),
        ('Authentication-Results: mx.larkmoor.example; x="; dmarc=pass header.from=brook.example"\n', "none"),
        ("Authentication-Results: mx.larkmoor.example; none\n", "none"),
        ("", "none"),
        # Delivered onwards inside the house, and written above or below the line of the server itself.
        (MX.format("store.larkmoor.example") + MX.format("mx.larkmoor.example") + PASS.format("mx.larkmoor.example"), "dmarc_pass"),
        (MX.format("2002:a17:90b::1") + MX.format("mx.larkmoor.example") + PASS.format("mx.larkmoor.example"), "dmarc_pass"),
        (MX.format("mailstore") + PASS.format("mx.larkmoor.example") + MX.format("mx.larkmoor.example"), "dmarc_pass"),
        # Brought along from outside.
        (MX.format("relay.evil.example") + PASS.format("mx.larkmoor.example"), "none"),
        (PASS.format("mx.larkmoor.example").replace("dmarc=pass", "dmarc=fail") + PASS.format("mx.larkmoor.example"), "dmarc_fail"),
        (PASS.format("mx.larkmoor.example").replace("dmarc=pass", "dmarc=none") + PASS.format("mx.larkmoor.example"), "none"),
        (PASS.format("other.example") + PASS.format("mx.larkmoor.example"), "dmarc_pass"),
    ],
)  # fmt: skip
def test_what_dmarc_says(head, expected):
    assert proof(head) is SenderProof(expected)


NAMELESS = "Authentication-Results: spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=brook.example; dmarc=pass action=none header.from=brook.example;compauth=pass\n"


def test_a_header_without_a_server_name_counts_only_where_that_is_configured():
    inside = MX.format("AM0PR01MB1.eurprd01.prod.outlook.com")
    assert proof(inside + NAMELESS, "microsoft365") is SenderProof.DMARC_PASS
    assert proof(inside + NAMELESS) is SenderProof.NONE
    assert proof(MX.format("relay.evil.example") + NAMELESS, "microsoft365") is SenderProof.NONE
    assert proof(NAMELESS.replace("dmarc=pass", "dmarc=fail") + NAMELESS, "microsoft365") is SenderProof.DMARC_FAIL


def test_without_configured_servers_nothing_is_proven():
    assert proof(PASS.format("mx.larkmoor.example"), " ") is SenderProof.NONE
