from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.message import LANGUAGES
from inbox.money import Money
from inbox.templates.filters import (
    amount_spoken,
    amount_text,
    clock_text,
    day_text,
    listed_text,
    method_text,
    moment_text,
    words,
)

amounts = st.integers(-(10**11), 10**11)
languages = st.sampled_from(LANGUAGES)


def read_back(text: str, language: str) -> Decimal:
    digits = "".join(c for c in text if c.isdigit() or c in ".,-")
    point, group = (".", ",") if language == "en" else (",", ".")
    return Decimal(digits.replace(group, "").replace(point, "."))


class TestAmounts:
    @pytest.mark.parametrize(
        ("minor", "currency", "en", "es", "pt"),
        [
            (8465, "USD", "$84.65", "US$ 84,65", "US$ 84,65"),
            (0, "USD", "$0.00", "US$ 0,00", "US$ 0,00"),
            (134600, "USD", "$1,346.00", "US$ 1.346,00", "US$ 1.346,00"),
            (-500, "USD", "-$5.00", "-US$ 5,00", "-US$ 5,00"),
            (1500, "JPY", "¥1,500", "JPY 1.500", "JP¥ 1.500"),
            (1234, "KWD", "KWD1.234", "KWD 1,234", "KWD 1,234"),
        ],
    )
    def test_written(self, minor, currency, en, es, pt):
        amount = Money(minor, currency)
        assert [amount_text(amount, language) for language in LANGUAGES] == [en, es, pt]

    def test_spoken_without_symbols_that_a_voice_stumbles_over(self):
        assert amount_spoken(Money(9245), "en") == "$92.45"
        assert amount_spoken(Money(9245), "es") == "92,45 dólares"
        assert amount_spoken(Money(9245, "EUR"), "pt") == "92,45 euros"
        assert amount_spoken(Money(-9245), "es") == "-92,45 dólares"

    @given(amounts, languages)
    def test_what_is_written_is_the_amount_to_the_cent(self, minor, language):
        assert read_back(amount_text(Money(minor), language), language) == Money(minor).decimal

    @given(amounts, languages)
    def test_what_is_spoken_is_the_amount_to_the_cent(self, minor, language):
        assert read_back(amount_spoken(Money(minor), language), language) == Money(minor).decimal

    @given(amounts, languages)
    def test_only_plain_spaces(self, minor, language):
        assert not {"\u00a0", "\u202f"} & set(amount_text(Money(minor), language))


class TestDays:
    def test_by_style_and_language(self):
        day = date(2026, 4, 22)
        assert day_text(day, "en") == "Wednesday, April 22, 2026"
        assert day_text(day, "es") == "miércoles 22 de abril de 2026"
        assert day_text(day, "pt") == "22 de abril de 2026 (quarta-feira)"
        assert day_text(day, "en", "plain") == "April 22, 2026"
        assert day_text(day, "es", "plain") == "22 de abril de 2026"
        assert day_text(day, "en", "spoken") == "Wednesday, April 22"
        assert day_text(day, "pt", "spoken") == "22 de abril"

    @given(st.dates(date(2000, 1, 1), date(2099, 12, 31)), languages)
    def test_no_day_is_written_as_another(self, day, language):
        text = day_text(day, language)
        assert str(day.day) in text.replace(",", " ").split()
        assert str(day.year) in text

    @given(st.dates(date(2000, 1, 1), date(2099, 12, 30)), languages)
    def test_two_days_never_read_the_same(self, day, language):
        following = date.fromordinal(day.toordinal() + 1)
        assert day_text(day, language, "plain") != day_text(following, language, "plain")

    def test_clock(self):
        assert clock_text(time(17, 0), "en") == "5 PM"
        assert clock_text(time(17, 30), "en") == "5:30 PM"
        assert clock_text(time(0, 0), "en") == "12 AM"
        assert clock_text(time(17, 0), "es") == "17:00"

    def test_a_moment_is_shown_in_the_zone_that_is_asked_for(self):
        at = datetime(2026, 5, 15, 23, 30, tzinfo=UTC)
        assert moment_text(at, "en", timezone="Asia/Tokyo") == "Saturday, May 16, 2026 at 8:30 AM"
        assert moment_text(at, "es") == "viernes 15 de mayo de 2026 a las 23:30"
        assert moment_text(at, "pt", "plain") == "15 de maio de 2026 às 23:30"


class TestMethods:
    @pytest.mark.parametrize(
        ("masked", "language", "text"),
        [
            ("visa ••7318", "en", "Visa ending in 7318"),
            ("bank ••5093", "en", "bank account ending in 5093"),
            ("bank ••5093", "es", "cuenta bancaria terminada en 5093"),
            ("mastercard ••3358", "pt", "Mastercard com final 3358"),
            ("paypal", "en", "PayPal"),
            ("american express ••0005", "en", "american express ending in 0005"),
            ("", "en", ""),
        ],
    )
    def test_names(self, masked, language, text):
        assert method_text(masked, language) == text

    @given(st.text(max_size=60), languages)
    def test_at_most_the_last_four_digits_of_the_number_are_ever_named(self, tail, language):
        text = method_text(f"visa 4111{tail.replace(' ', '')}9", language)
        shown = "".join(c for c in text if c.isascii() and c.isdigit())
        assert len(shown) <= 4


class TestLists:
    def test_and_or(self):
        assert listed_text(["a", "b", "c"], "en") == "a, b, and c"
        assert listed_text(["a", "b"], "en", "or") == "a or b"
        assert listed_text(["a", "b"], "es", "or") == "a o b"
        assert listed_text(["a"], "pt") == "a"

    def test_nothing_cannot_be_listed(self):
        with pytest.raises(ValueError, match="empty"):
            listed_text([], "en")

    def test_words_leave_unknown_codes_out(self):
        assert words(["x", "y"], {"y": "why"}) == ["why"]
