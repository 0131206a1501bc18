"""What is named in a message, in three languages; the day is Wednesday, 11 March 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest

from inbox.money import Money

DATES = [
    ("I'll pay on Friday", [date(2026, 3, 13)]),
    ("next Friday", [date(2026, 3, 20)]),
    ("el viernes 24", [date(2026, 4, 24)]),
    ("pago el viernes que viene", [date(2026, 3, 13)]),
    ("amanhã eu pago", [date(2026, 3, 12)]),
    ("le pago mañana por la mañana", [date(2026, 3, 12)]),
    ("esta mañana pagué", []),
    ("on the 15th please", [date(2026, 3, 15)]),
    ("by Thursday the 19th", [date(2026, 3, 19)]),
    ("May 2 or the 3rd of June", [date(2026, 5, 2), date(2026, 6, 3)]),
    ("el 5 de abril", [date(2026, 4, 5)]),
    ("dia 20 de março de 2026", [date(2026, 3, 20)]),
    ("na sexta-feira", [date(2026, 3, 13)]),
    ("2026-04-01", [date(2026, 4, 1)]),
    ("18/03/2026", [date(2026, 3, 18)]),
    ("in two weeks", [date(2026, 3, 25)]),
    ("the 10th of last month I paid $10", [date(2026, 4, 10)]),
    ("30 de febrero", []),
    ("may I pay?", []),
    ("12 payments of 8", []),
]


@pytest.mark.parametrize(("text", "dates"), DATES)
def test_days(read, text, dates):
    assert list(read(text).entities.dates) == dates


@pytest.mark.parametrize(
    ("text", "month"),
    [("the April instalment", 4), ("la cuota de mayo", 5), ("a parcela de junho", 6), ("in may", 5), ("may I", 0)],
)
def test_months(read, text, month):
    assert read(text).entities.month == month


@pytest.mark.parametrize(("text", "vague"), [("soon", "soon"), ("as soon as I can", "as soon as i can"), ("em breve", "em breve"), ("cuando pueda", "cuando pueda"), ("on Friday, soon", "")])  # fmt: skip
def test_vague_times(read, text, vague):
    assert read(f"I will pay {text}").entities.vague_date == vague


def test_days_are_those_of_the_authors_zone(read):
    late = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)  # still the 11th in Los Angeles
    assert read("tomorrow", now=late, timezone="America/Los_Angeles").entities.dates == (date(2026, 3, 12),)
    assert read("tomorrow", now=late, timezone="Nowhere/At-All").entities.dates == (date(2026, 3, 13),)


AMOUNTS = [
    ("you took $1,000.50 from me", "1000.50"),
    ("me cobraron 1.000,50 dólares", "1000.50"),
    ("cobraram US$ 45 na fatura", "45.00"),
    ("it was 84.65", "84.65"),
    ("I sent 25 bucks", "25.00"),
    ("la cuota es de $1.000 y la pagué", "1000.00"),
    ("me deben 75,20 por la portada", "75.20"),
]


@pytest.mark.parametrize(("text", "amount"), AMOUNTS)
def test_amounts(read, text, amount):
    assert read(text).entities.amounts == (Money.of(amount),)


@pytest.mark.parametrize(
    "text", ["version 1.2.3", "ISBN 978-3-16-148410-0", "at 10:30", "$1.000", "chapter 12", "12/04/2026"]
)
def test_no_amounts(read, text):
    assert read(text).entities.amounts == ()


def test_ids_with_slips_of_the_pen(read):
    found = read("inv 3O412, INV–30077, p-61010, RF_8820 and wd 5501 and in_1Nxyz9").entities
    assert found.invoice_ids == ("in_1Nxyz9", "INV-30412", "INV-30077")
    assert found.payment_ids == ("P-61010",)
    assert found.refund_ids == ("RF-8820",)
    assert found.withdrawal_ids == ("WD-5501",)


def test_codes_are_six_digits_that_stand_alone(read):
    assert read("oops it is 123 456").entities.codes == ("123456",)
    assert read("482913").entities.codes == ("482913",)
    for text in ("INV-482913", "$482913", "1234567", "482913.50", "12345"):
        assert read(text).entities.codes == ()


def test_addresses_and_card_endings(read):
    found = read("Reach me at Ana.B@pen.example or +1 555 010 0123, the card ending in 1117").entities
    assert found.emails == ("ana.b@pen.example",)
    assert found.phones == ("+15550100123",)
    assert found.last4 == ("1117",)


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("call me between 5 and 7 in the evening", (time(17), time(19))),
        ("llámenme entre las 5 y las 7 de la tarde", (time(17), time(19))),
        ("me liguem depois das 18h", (time(18),)),
        ("don't call before noon", (time(12),)),
        ("text me from 9am to 5:30pm", (time(9), time(17, 30))),
        ("two halves, 5 of 7", ()),
    ],
)
def test_clock_times(read, text, times):
    assert read(text).entities.times == times


YES = [
    "yes",
    "Correct, go ahead",
    "sí, adelante",
    "ok",
    "sim, pode ser",
    "isso mesmo",
    "yes please do it",
    "claro que sí",
    "dale",
]
NO = ["no", "no thanks", "não, obrigado", "nope", "no, gracias"]
NEITHER = [
    "yes but what is my balance and when is it due",
    "I know",
    "not sure",
    "when?",
    "no me llegó la factura de abril",
]


@pytest.mark.parametrize(
    ("text", "answer"), [*((t, "yes") for t in YES), *((t, "no") for t in NO), *((t, "") for t in NEITHER)]
)
def test_yes_and_no(read, text, answer):
    assert read(text).entities.answer == answer


@pytest.mark.parametrize(
    ("text", "number"),
    [("the second one", 2), ("la primera opción", 1), ("3", 3), ("o segundo", 2), ("second hand books", 0)],
)
def test_ordinals(read, text, number):
    assert read(text).entities.ordinal == number
