"""The values of ``accounts.facts``: a fact with its proof, what was asked, and the two ways of not answering. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from inbox.accounts.base import Account, Invoice
from inbox.clock import zone
from inbox.errors import MissingFact
from inbox.intents.understanding import Entities
from inbox.money import Money
from inbox.settings import Rules

#: Money | date | datetime | str | int | bool | tuple of mappings of the same; None is an optional fact that is absent.
Value = Any
_LONG_WORD = re.compile(r"[^\W_]{4,}")
LIST_SHOWN = 12
BUSINESS_DAYS_TO_POST = 5  # a bank transfer or cheque, until it is on record


@dataclass(frozen=True, slots=True)
class Fact:
    """``source`` names the record, ``ledger:A-71104/INV-70112``; ``as_of`` is when it was read."""

    name: str
    value: Value
    source: str
    as_of: datetime


FactSheet = Mapping[str, Fact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What was asked, by whom (``level`` 0 to 3) and when. ``today`` is the author's calendar day."""

    entities: Entities = field(default_factory=Entities)
    today: date
    now: datetime
    level: int
    rules: Rules = field(default_factory=Rules)
    text: str = ""  # as read; finds an invoice by the words of its description


@dataclass(frozen=True, slots=True)
class Held:
    """A person must act. ``reason`` is a handoff reason code, ``text`` one plain line for the desk."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class StepUp:
    """The answer needs more proof of who is asking; nothing may be said before."""

    level: int = 2


Outcome = FactSheet | Held | StepUp


def sheet(account: Account, record_id: str = "", /, **values: Value) -> dict[str, Fact]:
    """Facts that stand in one record of the account."""
    source = account.source_of(record_id)
    return {name: Fact(name, value, source, account.as_of) for name, value in values.items()}


def rows(mappings: Iterable[Mapping[str, Value]]) -> tuple[Mapping[str, Value], ...]:
    return tuple(MappingProxyType(dict(m)) for m in mappings)


def plain(facts: FactSheet) -> dict[str, Value]:
    """What a template sees: names and values."""
    return {name: fact.value for name, fact in facts.items()}


def required(value: Value, name: str) -> Value:
    """The value, or ``MissingFact`` naming it."""
    if value is None or value == "":
        raise MissingFact(fact=name)
    return value


def local(account: Account, at: datetime) -> datetime:
    return at.astimezone(zone(account.timezone))


def as_of_on(account: Account) -> date:
    return local(account, account.as_of).date()


def is_stale(account: Account, ask: Ask) -> bool:
    return ask.now - account.as_of > timedelta(minutes=ask.rules.figures_max_age_minutes)


def business_days_after(day: date, count: int) -> date:
    """The ``count``-th weekday after ``day``; public holidays are not known here."""
    while count > 0:
        day += timedelta(days=1)
        count -= day.weekday() < 5
    return day


def named_invoice(account: Account, ask: Ask) -> Invoice | None:
    """The one invoice the author means, by its id or else by a word that only its description has."""
    for invoice_id in ask.entities.invoice_ids:
        if invoice := account.invoice(invoice_id):
            return invoice
    said = _words(ask.text)
    scores = [(len(said & _described(i.description)), i) for i in account.invoices]
    best = max((score for score, _ in scores), default=0)
    found = [i for score, i in scores if score == best]
    return found[0] if best and len(found) == 1 else None


def _words(text: str) -> frozenset[str]:
    return frozenset(w for w in _LONG_WORD.findall(text.casefold()) if not w.isdigit())


#: Descriptions are few, and compared with every question.
_described = lru_cache(maxsize=4096)(_words)


def contradiction(account: Account, invoice_ids: Iterable[str] | None = None) -> Held | None:
    """Figures of the record that do not agree to the cent; ``invoice_ids`` limits the look at schedules."""
    live = [i for i in account.invoices if i.status != "void"]
    currencies = {m.currency for i in live for m in (i.total, i.paid, i.balance)} | {account.outstanding.currency}
    if len(currencies) > 1:
        return Held("figures_contradict", f"the record mixes currencies: {', '.join(sorted(currencies))}")
    for invoice in live:
        if invoice.total - invoice.paid != invoice.balance:
            return Held("figures_contradict", f"{invoice.id}: total less paid is not the balance")
    currency = account.outstanding.currency
    summed = Money.total((i.balance for i in live), currency)
    if summed != account.outstanding:
        return Held("figures_contradict", f"open invoices add up to {summed}, outstanding says {account.outstanding}")
    wanted = {i.id for i in live} if invoice_ids is None else set(invoice_ids)
    return next((held for i in live if i.id in wanted if (held := _schedule_contradiction(account, i))), None)


def _schedule_contradiction(account: Account, invoice: Invoice) -> Held | None:
    plans = [p for p in account.plans if p.invoice_id == invoice.id]
    if not plans:
        return None
    amounts = [i.amount for p in plans for i in p.left]
    if any(a.currency != invoice.balance.currency for a in amounts):
        return Held("figures_contradict", f"{invoice.id}: its schedule is in another currency")
    left = Money.total(amounts, invoice.balance.currency)
    if left != invoice.balance:
        return Held("figures_contradict", f"{invoice.id}: the schedule has {left} left, the invoice {invoice.balance}")
    return None
