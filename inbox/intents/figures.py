"""Amounts, ids, codes, card endings, addresses and phone numbers in a message. Pure, linear."""

from __future__ import annotations

import re
from collections.abc import Iterator

from inbox.message import Language
from inbox.money import Money

_SIGNED = re.compile(
    r"(?:us\$|usd ?\$?|r\$|[$€£]) ?(?P<a>\d[\d.,' ]{0,14}\d|\d)|(?<![\w.,/-])(?P<b>\d[\d.,]{0,14}\d|\d) ?"
    r"(?:usd|us dollars|dollars?|bucks|d[oó]lares|pesos|reais|euros?|[$€£])(?![a-z0-9])",
    re.IGNORECASE,
)
_BARE = re.compile(r"(?<![\w.,/:#-])(\d{1,3}(?:[.,]\d{3}){1,3}[.,]\d{2}|\d{1,7}[.,]\d{2})(?![\w/:-]|[.,]\d)")
_GROUPED = re.compile(r"\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*")
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?:[.,]\d{2})?")
_ID = re.compile(r"(?<![\w-])(inv|p|pl|rf|wd|in|pi|ch|re|po)[-_–#. ]{0,2}(\d{3,9}|[o0-9]{4,9})(?![\w])", re.IGNORECASE)
_STRIPE = re.compile(r"(?<!\w)(in|pi|ch|re|py|po|dp)_([A-Za-z0-9]{4,40})(?!\w)")
_CODE = re.compile(r"(?<![\w.,/:#$€£+-])(\d{6}|\d{3}[ -]\d{3})(?![\w/:-]|[.,]\d|[ -]\d)")
_LAST4 = re.compile(
    r"(?:ending(?: in| with)?|ends(?: in| with)?|last (?:four|4)(?: digits)?(?: are| is)?|terminad[ao] en|termina en|"
    r"final|terminad[ao] em|termina em|[•*x]{2,4}) ?[:#]? ?(\d{4})(?!\d)",
    re.IGNORECASE,
)
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9][\w.+-]{0,63}@[A-Za-z0-9][A-Za-z0-9-]{0,62}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_PHONE = re.compile(r"(?<![\w.,/#-])(\+?\d[\d ().-]{7,20}\d)(?!\w)")
_KIND_OF = {"inv": "invoice", "in": "invoice", "p": "payment", "pi": "payment", "py": "payment", "ch": "payment", "rf": "refund", "re": "refund", "wd": "withdrawal", "po": "withdrawal"}  # fmt: skip
_PREFIX = {"inv": "INV-", "p": "P-", "rf": "RF-", "wd": "WD-"}


def amounts(text: str, language: Language, currency: str = "USD") -> tuple[Money, ...]:
    """Amounts in the order of the text, each once: ``$1,000.50``, ``1.000,50 dólares``, ``84.65``."""
    spans = [(m.start(), m.end(), (m.group("a") or m.group("b")).strip(" '")) for m in _SIGNED.finditer(text)]
    taken = [(start, end) for start, end, _ in spans]
    spans += [
        (m.start(), m.end(), m.group(1))
        for m in _BARE.finditer(text)
        if not any(start < m.end() and m.start() < end for start, end in taken[:50])
    ]
    found = [_money(figure, language, currency) for _, _, figure in sorted(spans)[:20]]
    return tuple(dict.fromkeys(amount for amount in found if amount is not None))


def _money(figure: str, language: Language, currency: str) -> Money | None:
    plain = decimal_text(figure, language)
    try:
        return Money.of(plain, currency) if plain else None
    except ValueError:
        return None


def decimal_text(figure: str, language: Language) -> str:
    """``1.000,50`` and ``1,000.50`` as ``1000.50``; a lone ``1.000`` is a thousand but in English; "" if it is no figure."""
    figure = figure.rstrip(".,")
    if " " in figure:
        figure = figure.replace(" ", "") if _SPACED.fullmatch(figure) else figure.split(" ")[0].rstrip(".,")
    last = max(figure.rfind("."), figure.rfind(","))
    if last < 0:
        return figure
    whole, places = figure[:last], figure[last + 1 :]
    if len(places) == 3:
        grouping = figure[last] == "," or language != "en"
        return _digits(figure) if grouping and _GROUPED.fullmatch(figure) else ""
    return f"{_digits(whole) or '0'}.{places}" if len(places) <= 2 else ""


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdigit())


def ids(text: str) -> dict[str, tuple[str, ...]]:
    """Ids by kind (invoice, payment, refund, withdrawal): ``inv 30412``, ``INV–3O412`` and ``in_1Abc`` are understood."""
    found: dict[str, list[str]] = {}
    for kind, value in _ids(text):
        if value not in found.setdefault(kind, []) and len(found[kind]) < 10:
            found[kind].append(value)
    return {kind: tuple(values) for kind, values in found.items()}


def _ids(text: str) -> Iterator[tuple[str, str]]:
    for m in _STRIPE.finditer(text):
        if m.group(1) in _KIND_OF:
            yield _KIND_OF[m.group(1)], m.group(0)
    for m in _ID.finditer(text):
        prefix, digits = m.group(1).lower(), m.group(2).lower().replace("o", "0")
        separated = m.group(0)[len(prefix)] in "-_–#"
        if prefix in _PREFIX and (separated or prefix in ("inv", "rf", "wd")):
            yield _KIND_OF[prefix], _PREFIX[prefix] + digits


def codes(text: str) -> tuple[str, ...]:
    """Six digits that stand alone, also as ``123 456``."""
    return tuple(dict.fromkeys(_digits(m.group(1)) for m in _CODE.finditer(text)))[:3]


def last4(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_LAST4.findall(text)))[:5]


def emails(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(m.group().rstrip(".-").lower() for m in _EMAIL.finditer(text)))[:5]


def phones(text: str) -> tuple[str, ...]:
    """Ten to fifteen digits written as a phone number; as ``+15550100123`` if a country was given, else the digits."""
    found: list[str] = []
    for m in _PHONE.finditer(text):
        digits = _digits(m.group(1))
        international = m.group(1).startswith("+")
        if 10 <= len(digits) <= (15 if international else 11):
            found.append(f"+{digits}" if international else digits)
    return tuple(dict.fromkeys(found))[:5]
