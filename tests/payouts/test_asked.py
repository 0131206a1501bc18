"""How much is asked for: with and without signs, parts, everything, and what nobody can pay."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.intents.figures import amounts
from inbox.money import Money
from inbox.payouts.asked import asked, names_amount

AVAILABLE = Money.of("233.75")


def read(text: str, language="en", available: Money = AVAILABLE):
    return asked(text, amounts(text, language), available, language)


@pytest.mark.parametrize(("text", "expected"), [
    ("withdraw 150 of it", "150.00"),
    ("withdraw $150 of my $233.75", "150.00"),
    ("of the 233.75 please withdraw 150", "150.00"),
    ("I have 233.75 there, send me 80.50 of it", "80.50"),
    ("please pay out 1,000", "1000.00"),
    ("cash out 99.99", "99.99"),
    ("just 80 please", "80.00"),
    ("150", "150.00"),
    ("withdraw all", "233.75"),
    ("pay out everything", "233.75"),
    ("withdraw all $233.75", "233.75"),
    ("I'd like my earnings sent out", "233.75"),
    ("half of it please", "116.87"),
    ("my books are doing well in 2026, please withdraw my royalties", "233.75"),
    ("withdraw it for WD-1234567", "233.75"),
])  # fmt: skip
def test_english(text, expected):
    assert read(text) == Money.of(expected)


@pytest.mark.parametrize(("text", "language", "expected"), [
    ("retirar 150 de eso", "es", "150.00"),
    ("quiero retirar solo 80,50 por favor", "es", "80.50"),
    ("retiren todo lo disponible hoy mismo", "es", "233.75"),
    ("la mitad", "es", "116.87"),
    ("quero sacar 150 disso", "pt", "150.00"),
    ("sacar tudo", "pt", "233.75"),
    ("saque de 99,90", "pt", "99.90"),
    ("metade, por favor", "pt", "116.87"),
])  # fmt: skip
def test_other_languages(text, language, expected):
    assert read(text, language) == Money.of(expected)


@pytest.mark.parametrize(("text", "trouble"), [
    ("withdraw 100 euros", "foreign_currency"),
    ("withdraw €100", "foreign_currency"),
    ("send me 50 pounds", "foreign_currency"),
    ("retirar 2000 pesos", "foreign_currency"),
    ("sacar R$ 300", "foreign_currency"),
    ("withdraw -50", "not_an_amount"),
    ("withdraw $-50.00", "not_an_amount"),
    ("withdraw 0.00", "not_an_amount"),
    ("withdraw 50%", "which_amount"),
    ("withdraw 100, no, 120.00", "which_amount"),
])  # fmt: skip
def test_what_nobody_can_pay(text, trouble):
    assert read(text) == trouble


def test_dollars_are_foreign_to_an_account_in_euros():
    assert read("withdraw 100 USD", available=Money(10_000, "EUR")) == "foreign_currency"


@pytest.mark.parametrize(("text", "named"), [("150", True), ("only 80.", True), ("150 books", False), ("yes", False)])
def test_a_bare_figure(text, named):
    assert names_amount(text, ()) is named


@settings(max_examples=300, deadline=None, database=None)
@given(st.integers(1, 99_999_99), st.sampled_from(["withdraw {}", "pay out {} of it", "{} of it", "please send me {}"]))
def test_every_figure_is_read_to_the_cent(minor, words):
    amount = Money(minor)
    assert read(words.format(amount), available=Money(minor + 1)) == amount


@settings(max_examples=300, deadline=None, database=None)
@given(st.text(max_size=300))
def test_any_text_gives_an_amount_or_a_reason(text):
    found = read(text)
    assert found in ("foreign_currency", "not_an_amount", "which_amount") or (
        isinstance(found, Money) and found.minor > 0
    )


def test_a_long_text_is_read_in_time():
    read("withdraw " + "1 of it " * 50_000)
