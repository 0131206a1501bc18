"""Amounts as Stripe writes them: whole numbers of the smallest unit, which is Stripe's own choice for some currencies.

https://docs.stripe.com/currencies#zero-decimal and #special-cases: ISK and UGX have no cents but are written as if they
had two places; amounts of the three-place currencies end in 0.
"""

from __future__ import annotations

from decimal import Decimal

from inbox.errors import Permanent
from inbox.money import Money

_NO_PLACES = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)  # fmt: skip
_THREE_PLACES = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
#: Beyond it Stripe takes no amount in any currency (12 digits, for IDR and the like).
MOST = 999_999_999_999


def _places(currency: str) -> int:
    return 0 if currency in _NO_PLACES else 3 if currency in _THREE_PLACES else 2


def money(value: object, currency: object, what: str) -> Money:
    """``what`` names the record and field in the error. Raises ``Permanent`` for anything that is not a sound amount."""
    if not isinstance(currency, str) or len(currency) != 3 or not currency.isascii() or not currency.isalpha():
        raise Permanent(f"{what}: {currency!r} is no currency", code="unreadable")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Permanent(f"{what} is not told as a whole number", code="unreadable")
    if not 0 <= value <= MOST:
        raise Permanent(f"{what} is {value}, which no such amount can be", code="unreadable")
    code = currency.upper()
    try:
        return Money.of(Decimal(value).scaleb(-_places(code)), code)
    except ValueError as error:
        raise Permanent(f"{what}: {error}", code="unreadable") from error


def written(amount: Money) -> int:
    """The number to send. Raises ``Permanent`` for an amount that cannot be charged."""
    value = amount.decimal.scaleb(_places(amount.currency))
    if value != value.to_integral_value() or not 0 < value <= MOST:
        raise Permanent(f"{amount} {amount.currency} cannot be charged", code="amount")
    return int(value)
