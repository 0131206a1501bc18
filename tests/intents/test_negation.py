"""The same words denied, settled, told of somebody else or asked in general are no dispute; the threat is."""

from __future__ import annotations

import pytest

from inbox.message import Route

DISPUTES = [
    ("I want a refund for the ads", "refund_request"),
    ("quiero que me devuelvan el dinero del anuncio", "refund_request"),
    ("quero o estorno do valor que paguei", "refund_request"),
    ("you charged me twice in April", "double_charge"),
    ("I am disputing this charge with my bank", "chargeback"),
    ("if you do not refund me I will dispute it with my bank", "chargeback"),
    ("the amount on my invoice is wrong", "wrong_amount"),
    ("please cancel my hosting plan", "cancel_service"),
    ("your service is terrible", "complaint"),
]
CALM = [
    "I am not asking for a refund, when is my next payment due?",
    "No complaint from me, what do I still owe?",
    "I don't want to cancel anything, how much is my next installment?",
    "no quiero un reembolso, solo quiero saber cuánto debo",
    "não quero reembolso, só quero saber quanto devo",
    "Another publisher charged me twice. When is my payment to you due?",
    "The duplicate charge was resolved last month, thanks. What is my balance now?",
    "What is your refund policy?",
    "There is nothing wrong with the bill. When is it due?",
    "I'm not disputing the fee, how do I pay it?",
]


@pytest.mark.parametrize(("text", "intent"), DISPUTES)
def test_said_plainly_it_reaches_a_person(read, text, intent):
    found = read(text)
    assert found.route is Route.ESCALATE
    assert intent in found.intents


@pytest.mark.parametrize("text", CALM)
def test_denied_or_settled_it_does_not(read, text):
    found = read(text)
    assert found.route is Route.ANSWER, (found.reason, found.findings)


@pytest.mark.parametrize(
    ("text", "channel", "route"),
    [
        ("cancel", "chat", Route.CLARIFY),
        ("cancel", "sms", Route.ANSWER),
        ("stop the charge on my card, I never ordered this", "sms", Route.ESCALATE),
        ("STOP", "sms", Route.ANSWER),
    ],
)
def test_keyword_traps(read, text, channel, route):
    found = read(text, channel)
    assert found.route is route
    assert ("opt_out" in found.intents) == (channel == "sms" and route is Route.ANSWER)


def test_quoted_history_carries_nothing(read):
    mail = "Subject: Re: your case\n\nWhen is my next payment due?\n\nOn Monday Larkmoor wrote:\n> I want a refund\n> chargeback"
    found = read(mail, "email")
    assert found.route is Route.ANSWER
    assert found.intents == ("amount_due",)
    assert read("Subject: x\n\n> I want a refund\nI want a refund", "email").route is Route.ESCALATE


def test_signature_and_disclaimer_carry_nothing(read):
    mail = "Subject: date\n\nWhen is my next payment due?\n\nKind regards,\nAnn\nRefund Department Ltd"
    assert read(mail, "email").route is Route.ANSWER
