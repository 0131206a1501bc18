"""How much an author asks to be paid out: "all", "half of it", "150 of it", or a figure nobody can pay. Pure, linear.

The reading of messages finds amounts that have a sign or cents; a request for one's own money may do without both.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from inbox.intents import figures
from inbox.message import Language
from inbox.money import Money
from inbox.payouts.vague import counts_things, is_vague

_LONGEST = 2_000  # characters looked at
_FIGURE = r"(?P<{}>\d{{1,7}}(?:[.,]\d{{1,3}}){{0,3}})(?![\w%/:-]|[.,]\d)"
_VERB = (
    r"(?:withdraw|pay(?: me)?(?: out)?|cash out|take(?: out)?|send(?: me)?|transfer|"
    r"retir\w{1,5}|saqu\w{1,3}|sac\w{1,4}|pag\w{1,5}|env\w{1,5}|mand\w{1,5}|transf\w{2,6})"
)
_SMALL = r"(?: (?:me|just|only|about|please|solo|sólo|só|apenas|unos|uns|por favor|de|por)){0,3}"
_AFTER_VERB = re.compile(rf"(?<!\w){_VERB}{_SMALL} " + _FIGURE.format("n"), re.IGNORECASE)
_OF_IT = re.compile(
    r"(?<![\w.,/:#$€£-])" + _FIGURE.format("n") + r" (?:of (?:it|that|them|the|my|this)|from (?:it|my|the)|"
    r"de (?:eso|ello|ellos|mis|los|las|esas)|disso|dos|das|deles)(?!\w)",
    re.IGNORECASE,
)  # fmt: skip
_ONLY = re.compile(r"(?:(?:just|only|solo|sólo|só|apenas) )?" + _FIGURE.format("n") + r"(?: (?:please|por favor))?[.!]?", re.IGNORECASE)  # fmt: skip
_NEGATIVE = re.compile(r"(?<![\w.,/-])[-−–] ?(?:us\$|[$€£])? ?\d|(?:us\$|[$€£]) ?[-−–] ?\d", re.IGNORECASE)
_HALF = re.compile(
    r"(?<!\w)(?:half(?! an? )|(?:la|una) mitad|(?:a )?metade)(?!\w)(?! (?:de|del|do) (?:a[nñ]o|mes|mês)(?!\w))", re.IGNORECASE
)  # fmt: skip
_SHARE = re.compile(r"\d ?%|(?<!\w)(?:percent|por ?ciento|por cento)(?!\w)", re.IGNORECASE)
#: Signs and words of money, by the currency they name.
_FOREIGN = {
    "EUR": re.compile(r"€|(?<!\w)(?:eur|euros?)(?!\w)", re.IGNORECASE),
    "GBP": re.compile(r"£|(?<!\w)(?:gbp|pounds?|libras?|quid)(?!\w)", re.IGNORECASE),
    "BRL": re.compile(r"r\$|(?<!\w)(?:brl|reais)(?!\w)", re.IGNORECASE),
    "MXN": re.compile(r"(?<!\w)(?:mxn|pesos)(?!\w)", re.IGNORECASE),
    "USD": re.compile(r"(?:us\$)|(?<!\w)(?:usd|us dollars|d[oó]lares)(?!\w)", re.IGNORECASE),
}

Trouble = Literal["foreign_currency", "not_an_amount", "which_amount"]


def asked(text: str, named: Sequence[Money], available: Money, language: Language) -> Money | Trouble:
    """The amount that is meant, or why it cannot be told. Nothing named means all that is available.

    ``named`` are the amounts that the reading found. Raises nothing.
    """
    text = " ".join(text[:_LONGEST].split())
    if any(
        pattern.search(text) and any(c.isdigit() for c in text)
        for currency, pattern in _FOREIGN.items()
        if currency != available.currency
    ):
        return "foreign_currency"
    if _NEGATIVE.search(text):
        return "not_an_amount"
    if _SHARE.search(text) or is_vague(text):
        return "which_amount"
    found = list(dict.fromkeys([*_plain(text, available.currency, language), *named]))
    half = _HALF.search(text) is not None
    if len(found) > 1 or half:  # "150 of my 233.75", "half of 233.75": the whole only says what it is a part of
        found = [a for a in found if a != available]
    if len(found) > 1 or (found and half):
        return "which_amount"
    if found:
        return found[0] if found[0].currency == available.currency and found[0].minor > 0 else "not_an_amount"
    return Money(available.minor // 2, available.currency) if half else available


def names_amount(text: str, named: Sequence[Money]) -> bool:
    """Does a short answer name an amount? "150", "just 80 please"."""
    return bool(named) or _ONLY.fullmatch(" ".join(text[:200].split())) is not None


def _plain(text: str, currency: str, language: Language) -> list[Money]:
    found = []
    spans = [m for pattern in (_AFTER_VERB, _OF_IT) for m in pattern.finditer(text)]
    whole = _ONLY.fullmatch(text)
    for match in [*spans, *([whole] if whole else [])][:20]:
        if counts_things(text, match.end("n")):
            continue
        plain = figures.decimal_text(match.group("n"), language)
        try:
            found.append(Money.of(plain, currency))
        except ValueError:
            continue
    return found
