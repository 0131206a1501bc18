"""Amounts: whole minor units and a currency, never a float."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

# ISO 4217 currencies whose minor unit is not a hundredth (https://www.six-group.com, list one).
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0
    ),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}  # fmt: skip


def exponent(currency: str) -> int:
    """Decimal places of the currency."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=False)
class Money:
    minor: int
    currency: str = "USD"

    @classmethod
    def of(cls, text: str | int | Decimal, currency: str = "USD") -> Money:
        """From a decimal text such as ``"84.65"``. Raises ValueError if it is no amount or has too many places."""
        try:
            amount = Decimal(text).scaleb(exponent(currency))
        except InvalidOperation as error:
            raise ValueError(f"{text!r} is not an amount; write it like 84.65") from error
        if not amount.is_finite() or amount != amount.to_integral_value():
            raise ValueError(f"{text!r} is not a whole number of the smallest unit of {currency}")
        return cls(int(amount), currency)

    @classmethod
    def zero(cls, currency: str = "USD") -> Money:
        return cls(0, currency)

    @classmethod
    def total(cls, amounts: Iterable[Money], currency: str = "USD") -> Money:
        total = 0
        for amount in amounts:
            if amount.currency != currency:
                raise ValueError(f"cannot add {amount.currency} to {currency}")
            total += amount.minor
        return cls(total, currency)

    @property
    def decimal(self) -> Decimal:
        return Decimal(self.minor).scaleb(-exponent(self.currency))

    def __str__(self) -> str:
        return f"{self.decimal:.{exponent(self.currency)}f}"

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._same(other), self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._same(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._same(other)

    def __bool__(self) -> bool:
        return self.minor != 0

    def split(self, parts: int) -> tuple[Money, ...]:
        """Equal parts that add up exactly; the first ones take the odd cents."""
        if parts < 1:
            raise ValueError("an amount is split into at least one part")
        base, odd = divmod(self.minor, parts)
        return tuple(Money(base + (1 if n < odd else 0), self.currency) for n in range(parts))

    def _same(self, other: Money) -> int:
        if other.currency != self.currency:
            raise ValueError(f"cannot mix {self.currency} and {other.currency}")
        return other.minor
