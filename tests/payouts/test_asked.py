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


@pytest.mark.parametrize(("text", "language"), [
    ("withdraw all but $50", "en"), ("withdraw all but fifty", "en"), ("leave $50.00 in and pay out the rest", "en"),
    ("everything except 50", "en"), ("all of it minus 50", "en"), ("keep $50 in and send the rest", "en"),
    ("retira todo menos 50", "es"), ("todo excepto 50,00", "es"), ("quiero dejar 50 y retirar lo demás", "es"),
    ("sacar tudo menos 50", "pt"), ("tudo exceto 50", "pt"), ("quero deixar 50 e sacar o resto", "pt"),
    ("withdraw one hundred dollars", "en"), ("Withdraw Twenty-Five please", "en"), ("five dollars of it", "en"),
    ("retirar cien dólares", "es"), ("retirar doscientos", "es"), ("ciento veinte dólares", "es"),
    ("sacar cem dólares", "pt"), ("sacar duzentos", "pt"), ("quero cinquenta", "pt"),
    ("a quarter of my royalties", "en"), ("pay me a third", "en"), ("two thirds of it", "en"), ("3/4 of it", "en"),
    ("½ of it", "en"), ("un tercio de mis regalías", "es"), ("la cuarta parte", "es"), ("um terço", "pt"),
    ("withdraw $1.5k", "en"), ("withdraw 2k", "en"), ("retirar 2 mil", "es"), ("sacar 1 mil", "pt"),
    ("between 100 and 200", "en"), ("withdraw 150 or 200", "en"), ("withdraw $100 to $200", "en"), ("withdraw 100-200", "en"),
    ("150 or so", "en"), ("entre 100 y 200", "es"), ("retirar 150 o 200", "es"), ("sacar 150 ou 200", "pt"),
    ("withdraw some of it", "en"), ("withdraw 50 cents", "en"),
    ("saca 50 centavos de mis regalías", "es"), ("please pay out part of my royalties", "en"), ("withdraw only a part", "en"),
    ("withdraw a portion of the money", "en"), ("retirar una parte", "es"), ("retirar parte de mis regalías", "es"),
    ("sacar uma parte", "pt"), ("sacar parte dos meus royalties", "pt"), ("withdraw everything above 100", "en"),
    ("withdraw 1 500", "en"), ("retirar 1 200,50", "es"),
    ("withdraw up to $200", "en"), ("withdraw at least 100", "en"), ("half of $100.00", "en"),
])  # fmt: skip
def test_what_no_single_figure_says_is_asked_back(text, language):
    assert read(text, language) == "which_amount"


@pytest.mark.parametrize(("text", "language", "expected"), [
    ("send me 2 statements and withdraw my royalties", "en", "233.75"),
    ("send me 3 of my books and withdraw 80 of it", "en", "80.00"),
    ("envíenme 2 extractos y retiren mis regalías", "es", "233.75"),
    ("mande 2 extratos e faça o saque", "pt", "233.75"),
    ("this is the third time I ask, a third message: withdraw 150 of it", "en", "150.00"),
    ("I asked twenty days ago, withdraw my royalties", "en", "233.75"),
    ("I asked twenty five days ago, withdraw my royalties", "en", "233.75"),
    ("I waited half a year, withdraw my royalties", "en", "233.75"),
    ("I asked before but nobody answered, withdraw my royalties", "en", "233.75"),
    ("no me dejan retirar mis regalías", "es", "233.75"), ("não me deixa sacar meus royalties", "pt", "233.75"),
    ("mil gracias, retiren 80 de eso", "es", "80.00"), ("retirar 150 o antes possível", "pt", "150.00"),
    ("on 2026-03-20 I asked, withdraw 80.50 of it", "en", "80.50"),
    ("half of my $233.75", "en", "116.87"), ("withdraw 150 from my royalties", "en", "150.00"),
    ("call me at 555 123 4567, withdraw 80 of it", "en", "80.00"),
    ("I am on leave, withdraw 80 please", "en", "80.00"), ("withdraw 150 to my bank account", "en", "150.00"),
])  # fmt: skip
def test_what_only_looks_like_a_figure_or_an_exception(text, language, expected):
    assert read(text, language) == Money.of(expected)


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
    for part in ("1 of it ", "twenty ", "1-", "but a ", "twenty-", "1 to "):
        read("withdraw " + part * 50_000)
