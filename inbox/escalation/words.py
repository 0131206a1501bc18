"""How amounts, days and lists are written on a card. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from inbox.money import Money


def amount(money: Money) -> str:
    """``57.35 USD``: no thousands sign, so that it can be searched and copied."""
    return f"{money} {money.currency}"


def day(on: date) -> str:
    """``Fri 2026-04-17``: the weekday, and a date that reads the same in every country."""
    return f"{on:%a %Y-%m-%d}"


def items(parts: Iterable[str]) -> str:
    return ", ".join(parts)
