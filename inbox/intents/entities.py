"""Everything named in a message, as values: amounts, days, ids, codes, and whether it says yes or no. Pure."""

from __future__ import annotations

import re
from typing import Literal

from inbox.clock import zone
from inbox.intents import dates, figures, lexicon
from inbox.intents.normalize import Text
from inbox.intents.understanding import Context, Entities
from inbox.message import Language

_LONGEST = 8000  # characters looked at
_YES = lexicon.words().classes["yes"]
_YES_MORE = lexicon.words().classes["yes_more"]
_NO = lexicon.words().classes["no"]
_NO_MORE = lexicon.words().classes["no_more"]
_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "first 1st primero primera primer primeiro primeira 1", "second 2nd segundo segunda 2",
            "third 3rd tercero tercera tercer terceiro terceira 3", "fourth 4th cuarto cuarta quarto quarta 4",
            "fifth 5th quinto quinta 5", "sixth 6th sexto sexta 6",
        ),
        1,
    )
    for word in words.split()
}  # fmt: skip
_DIGIT = re.compile(r"\d")
_ONE = lexicon.words().classes["one_of_some"]


def read(text: Text, context: Context, language: Language) -> Entities:
    """Entities of the author's own words; days are those of the author's zone."""
    body = text.body[:_LONGEST]
    today = context.now.astimezone(zone(context.timezone)).date()
    when = dates.find(body, today)
    ids = figures.ids(body)
    digits = _DIGIT.search(body) is not None
    return Entities(
        amounts=figures.amounts(body, language) if digits else (),
        dates=when.dates,
        bare_days=when.bare,
        vague_date=when.vague,
        times=dates.times(body),
        invoice_ids=ids.get("invoice", ()),
        payment_ids=ids.get("payment", ()),
        refund_ids=ids.get("refund", ()),
        withdrawal_ids=ids.get("withdrawal", ()),
        last4=figures.last4(body) if digits else (),
        codes=figures.codes(body) if digits else (),
        emails=figures.emails(body) if "@" in body else (),
        phones=figures.phones(body) if digits else (),
        month=when.month,
        ordinal=ordinal(text),
        answer=yes_or_no(text),
    )


def yes_or_no(text: Text) -> Literal["", "yes", "no"]:
    """What the message says as a whole: "correct, go ahead", "sí, adelante", "não, obrigado". Longer talk says neither."""
    words = [t for t in text.tokens if t not in (".", "<<", ">>")]
    if not words or len(words) > 9:
        return ""
    said = set(words)
    if said & _YES and said <= _YES | _YES_MORE and not said & _NO:
        return "yes"
    if said & _NO and said <= _NO | _NO_MORE and words[0] in _NO:
        return "no"
    return "yes" if words[:2] == ["go", "ahead"] or words in (["adelante"], ["do", "it"]) else ""


def ordinal(text: Text) -> int:
    """``the second one`` is 2, alone ``2`` too; 0 if none is named."""
    words = [
        t for t in text.tokens if t not in (".", "<<", ">>", "the", "el", "la", "o", "a", "option", "opcion", "opcao")
    ]
    for at, word in enumerate(words[:60]):
        number = _ORDINALS.get(word, 0)
        if number and not word.isdigit() and (len(words) <= 2 or (at + 1 < len(words) and words[at + 1] in _ONE)):
            return number
    body = text.body.strip(" .)#")
    return int(body) if body in ("1", "2", "3", "4", "5", "6") else 0
