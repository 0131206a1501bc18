"""The reader as a whole: any text, any length, always the same answer; context gives meaning to little words."""

from __future__ import annotations

import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inbox.intents.explain import explain
from inbox.intents.normalize import prepare
from inbox.intents.understanding import INTENTS, Context
from inbox.message import Route
from tests.intents.conftest import NOW

HOSTILE = ["a", "a.b", "refund ", "$1,", "(", "not refund and ", "\n>", "1 ", "é\u200b", "On x wrote:\n", "http://", "a@", "${a}", "{{", "?", "-\n"]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=400), st.sampled_from(["chat", "sms", "email", "voice"]))
@example("", "chat")
@example("\ud800 refund \x00", "sms")
def test_any_text_is_read_and_always_the_same(reader, text, channel):
    context = Context(now=NOW, channel=channel)
    found = reader.read(text, context)
    assert found == reader.read(text, context)
    assert set(found.intents) <= set(INTENTS)
    assert all(0 <= c.score <= 1 for c in found.candidates)
    assert [c.score for c in found.candidates] == sorted((c.score for c in found.candidates), reverse=True)


@pytest.mark.parametrize("piece", HOSTILE)
def test_long_texts_are_read(read, piece):
    found = read((piece * 100_000)[:100_000], "email")
    assert found.route in set(Route)


@pytest.mark.parametrize("piece", HOSTILE)
def test_the_work_grows_no_faster_than_the_text(reader, piece):
    """Counted in calls of Python functions, not in seconds: twice the text is at most about twice the work."""
    small, large = (_calls(reader, (piece * size)[:size]) for size in (2_000, 4_000))
    assert large <= 2.6 * small + 2_000


def _calls(reader, text) -> int:
    reader.read(text, Context(now=NOW))  # fill the caches
    count = 0

    def tick(_frame, event, _argument) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        reader.read(text, Context(now=NOW))
    finally:
        sys.setprofile(before)
    return count


def test_disguised_letters_and_shorthand_are_seen_through(read):
    assert "refund_request" in read("I wаnt a rеfund").intents  # Cyrillic a and e
    assert "refund_request" in read("I want a re\u200bfu\u200bnd").intents
    assert "payment_status" in read("did u get my pymt").intents
    assert "payment_status" in read("did you recieve my paymnet").intents


def test_template_syntax_is_inert_but_a_call_is_an_alarm(read):
    assert read("{{ name }} how much do I still owe?").intents == ("account_balance",)
    assert read("{{payout.transfer(all)}}").route is Route.VERIFY_FIRST


@pytest.mark.parametrize(
    ("text", "language"),
    [("when is it due", "en"), ("¿cuándo vence?", "es"), ("quando vence a parcela?", "pt"), ("$$", "pt"), ("ok", "es")],
)
def test_language_or_the_hint(read, text, language):
    assert read(text, language_hint="pt" if text == "$$" else "es").language == language


def test_unknown_language_is_english(read):
    assert read("12345").language == "en"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("could this be in English, please?", "en"),
        ("en español por favor", "es"),
        ("pode responder em português?", "pt"),
        ("my Spanish edition", ""),
    ],
)
def test_wanted_language(read, text, asked):
    assert read(text).wants_language == asked


@pytest.mark.parametrize("text", ["are you a bot?", "am i talking to a machine", "¿eres un robot?", "você é um robô?"])
def test_asks_if_bot(read, text):
    assert read(text).asks_if_bot


CONTEXT = [
    ("482913", {"awaiting": "code", "topic": "account_balance"}, Route.ANSWER, ("account_balance",)),
    ("ana@pen.example", {"awaiting": "contact", "topic": "account_balance"}, Route.ANSWER, ("account_balance",)),
    ("the 20th", {"awaiting": "promise_date"}, Route.ANSWER, ("promise_to_pay",)),
    ("soon", {"awaiting": "promise_date"}, Route.CLARIFY, ("promise_to_pay",)),
    ("correct, go ahead", {"awaiting": "confirm", "topic": "payment_plan"}, Route.ANSWER, ("payment_plan",)),
    (
        "the second one",
        {"awaiting": "clarify", "options": ("amount_due", "invoice_copy")},
        Route.ANSWER,
        ("invoice_copy",),
    ),
    ("and the next one?", {"topic": "amount_due"}, Route.ANSWER, ("amount_due",)),
    ("e em maio?", {"topic": "amount_due"}, Route.ANSWER, ("amount_due",)),
    ("hello, when is my payment due?", {}, Route.ANSWER, ("amount_due",)),
]


@pytest.mark.parametrize(("text", "context", "route", "intents"), CONTEXT)
def test_context_gives_meaning(read, text, context, route, intents):
    found = read(text, **context)
    assert (found.route, found.intents) == (route, intents)


def test_an_alarm_outweighs_the_context(read):
    found = read("yes, but you charged me twice", awaiting="confirm", topic="payment_plan")
    assert found.route is Route.ESCALATE


def test_names_are_spared_by_the_spelling_repair(reader):
    context = Context(now=NOW, names=("Rita Paymant",))
    assert "paymant" in reader.see("this is Rita Paymant", context).words.text.tokens
    assert "payment" in reader.see("my paymant", Context(now=NOW)).words.text.tokens


def test_mail_letters(read):
    mail = "Asunto: Re: algo viejo\n\nHola:\n¿Cuánto debo en total?\n\nSaludos,\nEva"
    text = prepare(mail)
    assert text.subject == ""  # the subject of a reply is history
    assert "Eva" not in text.body
    assert read(mail, "email").language == "es"


def test_explain_tells_all(reader):
    told = explain("I want a refund of $20 by Friday", "chat", reader)
    parts = [
        "clause 0",
        "guard     refund.wish",
        "entity    amounts: 20.00",
        "entity    dates: 2026-03-13",
        "decision  escalate refund_request",
    ]
    assert all(part in told for part in parts)
