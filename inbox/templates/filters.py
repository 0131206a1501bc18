"""How values are written in an answer: amounts, dates and masked methods in the author's language, for eye or ear.

Templates only print. A filter reads ``language``, ``channel`` and ``timezone`` from the render context, so one text
serves several channels: a text message leaves the weekday out, the phone leaves the year out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Literal

from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.numbers import format_currency
from jinja2 import pass_context
from jinja2.runtime import Context

from inbox.clock import zone
from inbox.errors import MissingFact
from inbox.message import Language
from inbox.money import Money, exponent

LOCALES: Mapping[str, str] = {"en": "en_US", "es": "es", "pt": "pt_BR"}
#: Symbol first in every language: "US$ 84,65" reads the same in Madrid, Mexico and São Paulo.
_PATTERNS: Mapping[str, str] = {"en": "¤#,##0.00", "es": "¤ #,##0.00", "pt": "¤ #,##0.00"}
_DAY_WITH_WEEKDAY: Mapping[str, str] = {
    "en": "EEEE, MMMM d, y",
    "es": "EEEE d 'de' MMMM 'de' y",
    "pt": "d 'de' MMMM 'de' y (EEEE)",  # "em 22 de abril": a weekday in front would need "na"
}
_DAY: Mapping[str, str] = {"en": "MMMM d, y", "es": "d 'de' MMMM 'de' y", "pt": "d 'de' MMMM 'de' y"}
_DAY_SPOKEN: Mapping[str, str] = {"en": "EEEE, MMMM d", "es": "EEEE d 'de' MMMM", "pt": "d 'de' MMMM"}
_AT: Mapping[str, str] = {"en": "{day} at {time}", "es": "{day} a las {time}", "pt": "{day} às {time}"}
_CURRENCY_SPOKEN: Mapping[str, Mapping[str, str]] = {
    "es": {"USD": "dólares", "EUR": "euros", "MXN": "pesos", "GBP": "libras", "BRL": "reales"},
    "pt": {"USD": "dólares", "EUR": "euros", "MXN": "pesos", "GBP": "libras", "BRL": "reais"},
}
_ENDING: Mapping[str, str] = {
    "en": "{kind} ending in {digits}",
    "es": "{kind} terminada en {digits}",
    "pt": "{kind} com final {digits}",
}
_KINDS: Mapping[str, Mapping[str, str]] = {
    "en": {"bank": "bank account", "card": "card", "check": "check"},
    "es": {"bank": "cuenta bancaria", "card": "tarjeta", "check": "cheque"},
    "pt": {"bank": "conta bancária", "card": "cartão", "check": "cheque"},
}
_BRANDS: Mapping[str, str] = {
    "visa": "Visa", "mastercard": "Mastercard", "amex": "American Express", "discover": "Discover",
    "diners": "Diners Club", "jcb": "JCB", "unionpay": "UnionPay", "paypal": "PayPal", "elo": "Elo",
}  # fmt: skip


@lru_cache(maxsize=8192)
def amount_text(amount: Money, language: Language) -> str:
    """``$84.65``, ``US$ 84,65``; a negative one has a leading minus. Only plain spaces."""
    places = "0" * exponent(amount.currency)
    pattern = _PATTERNS[language].replace(".00", f".{places}" if places else "")
    text = format_currency(
        amount.decimal, amount.currency, format=f"{pattern};-{pattern}", locale=LOCALES[language], currency_digits=False
    )
    return text.replace("\u00a0", " ").replace("\u202f", " ")


@lru_cache(maxsize=4096)
def amount_spoken(amount: Money, language: Language) -> str:
    """For the telephone. Speech engines read ``$84.65`` aloud as dollars and cents; ``84,65 dólares`` likewise."""
    word = _CURRENCY_SPOKEN.get(language, {}).get(amount.currency)
    if word is None:
        return amount_text(amount, language)
    symbol_free = amount_text(amount, language).replace("US$ ", "")
    digits = "".join(c for c in symbol_free if c.isdigit() or c in ".,-").strip()
    return f"{digits} {word}"


@lru_cache(maxsize=4096)
def day_text(day: date, language: Language, style: str = "weekday") -> str:
    """``style`` is weekday (written), plain (text message) or spoken (telephone)."""
    patterns = {"weekday": _DAY_WITH_WEEKDAY, "plain": _DAY, "spoken": _DAY_SPOKEN}[style]
    return format_date(day, patterns[language], locale=LOCALES[language])


@lru_cache(maxsize=2048)
def clock_text(at: time, language: Language) -> str:
    """``5 PM``, ``5:30 PM``, ``17:00``."""
    if language != "en":
        return format_time(at, "HH:mm", locale=LOCALES[language])
    return format_time(at, "h a" if at.minute == 0 else "h:mm a", locale="en_US").replace("\u202f", " ")


def moment_text(at: datetime, language: Language, style: str = "weekday", timezone: str = "") -> str:
    """Day and clock time, in ``timezone`` where one is given, else as the value stands."""
    local = at.astimezone(zone(timezone)) if timezone and at.tzinfo else at
    day = day_text(local.date(), language, style)
    return _AT[language].format(day=day, time=clock_text(local.time().replace(second=0, microsecond=0), language))


def method_text(masked: str, language: Language) -> str:
    """``visa ••7318`` becomes ``Visa ending in 7318``; bullets are neither spoken nor in the SMS alphabet.

    Never more than four digits, whatever the record holds.
    """
    digits = "".join(c for c in masked if c.isascii() and c.isdigit())[-4:]
    name = " ".join("".join(c for c in masked if not c.isnumeric() and c not in "•*").split())
    key = name.lower()
    kind = _BRANDS.get(key) or _KINDS[language].get(key) or _BRANDS.get(key.partition(" ")[0]) or name
    return _ENDING[language].format(kind=kind, digits=digits) if kind and digits else kind


def listed_text(items: Sequence[str], language: Language, style: Literal["standard", "or"] = "standard") -> str:
    """``a, b, and c`` or, with style ``or``, ``a, b, or c``."""
    if not items:
        raise ValueError("an empty list cannot be written")
    return format_list([str(i) for i in items], style=style, locale=LOCALES[language])


def _present(value: Any) -> None:
    """Nothing is not today and not zero, which is what a formatting library makes of it."""
    if value is None:
        raise MissingFact(fact="a value that is None")


def _style(context: Context) -> str:
    return {"sms": "plain", "voice": "spoken"}.get(context["channel"], "weekday")


@pass_context
def money(context: Context, amount: Money) -> str:
    _present(amount)
    words = amount_spoken if context["channel"] == "voice" else amount_text
    return words(amount, context["language"])


@pass_context
def day(context: Context, value: date) -> str:
    _present(value)
    if isinstance(value, datetime):
        theirs = context["timezone"]
        value = (value.astimezone(zone(theirs)) if theirs and value.tzinfo else value).date()
    return day_text(value, context["language"], _style(context))


@pass_context
def moment(context: Context, value: datetime) -> str:
    _present(value)
    return moment_text(value, context["language"], _style(context), context["timezone"])


@pass_context
def clock(context: Context, value: str | time) -> str:
    _present(value)
    return clock_text(time.fromisoformat(value) if isinstance(value, str) else value, context["language"])


@pass_context
def method(context: Context, masked: str) -> str:
    _present(masked)
    return method_text(masked, context["language"])


@pass_context
def listed(context: Context, items: Sequence[str], style: Literal["standard", "or"] = "standard") -> str:
    return listed_text(items, context["language"], style)


@pass_context
def days(context: Context, span: tuple[int, int] | Iterable[int]) -> str:
    """A span of days: ``5-10`` for the eye, ``5 to 10`` for the ear."""
    first, last = span
    if context["channel"] != "voice":
        return f"{first}-{last}"
    return f"{first} {'to' if context['language'] == 'en' else 'a'} {last}"


def words(codes: Iterable[str], table: Mapping[str, str]) -> list[str]:
    """The words of a table for some codes; codes it does not know are left out."""
    return [table[code] for code in codes if code in table]


#: Everything a template may call. None of them computes a figure.
FILTERS: Mapping[str, Callable[..., Any]] = {
    "money": money, "day": day, "moment": moment, "clock": clock, "method": method, "listed": listed, "days": days,
    "words": words,
}  # fmt: skip
