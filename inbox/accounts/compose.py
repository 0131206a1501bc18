"""One account out of two systems, by who is the truth for what. Pure.

The billing system (Stripe): invoices it knows, their payments, refunds, chargebacks and instalments, and the methods to
pay with. The ledger: everything else, that is royalties, titles, promises, consents, flags, contacts, and invoices that
the billing system has never heard of. Where both have an invoice and differ by a cent, no figure is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Protocol, TypeVar

from inbox.accounts.base import Account, Doubt, Invoice
from inbox.money import Money


class _Recorded(Protocol):
    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=_Recorded)


def compose(local: Account, told: Account) -> Account:
    """``local`` from the ledger, ``told`` by the billing system. ``as_of`` is the billing system's: the older of the two."""
    theirs = {i.id for i in told.invoices}
    invoices = tuple(
        sorted((*told.invoices, *_others(local.invoices, told.invoices)), key=lambda i: (i.issued_on, i.id))
    )
    currency = told.currency if told.invoices else local.currency
    planned = {p.invoice_id for p in told.plans}
    payments = (*told.payments, *(p for p in _others(local.payments, told.payments) if p.invoice_id not in theirs))
    open_balances = [i.balance for i in invoices if i.status != "void"]
    return replace(
        local,
        as_of=told.as_of,
        currency=currency,
        invoices=invoices,
        outstanding=Money.total((m for m in open_balances if m.currency == currency), currency),
        plans=(*told.plans, *(p for p in local.plans if p.invoice_id not in planned)),
        payments=tuple(sorted(payments, key=lambda p: (p.on, p.id))),
        payment_methods=told.payment_methods or local.payment_methods,
        refunds=(*told.refunds, *_others(local.refunds, told.refunds)),
        disputes=(*told.disputes, *_others(local.disputes, told.disputes)),
        billing=told.ref,
        billed=frozenset(_ids(told)),
        doubt=told.doubt or local.doubt or next(_contradictions(local, told), None) or _mixed(open_balances),
    )


def _others(mine: Iterable[R], theirs: Iterable[R]) -> list[R]:
    """Records that the billing system does not have."""
    known = {r.id for r in theirs}
    return [r for r in mine if r.id not in known]


def _ids(told: Account) -> Iterator[str]:
    for records in (told.invoices, told.plans, told.payments, told.payment_methods, told.refunds, told.disputes):
        for record in records:
            yield record.id


def _contradictions(local: Account, told: Account) -> Iterator[Doubt]:
    for theirs in told.invoices:
        mine = local.invoice(theirs.id)
        if mine is None:
            continue
        for what, ours, other in (
            ("total", _shown(mine, mine.total), _shown(theirs, theirs.total)),
            ("left to pay", _shown(mine, mine.balance), _shown(theirs, theirs.balance)),
        ):
            if ours != other:
                text = f"{theirs.id}, {what}: {told.ref.source} says {other}, the ledger {ours}"
                yield Doubt("figures_contradict", text)


def _shown(invoice: Invoice, amount: Money) -> str:
    """A void invoice asks for nothing, whatever its total was."""
    return "void" if invoice.status == "void" else f"{amount} {amount.currency}"


def _mixed(balances: list[Money]) -> Doubt | None:
    currencies = sorted({m.currency for m in balances if m})
    if len(currencies) < 2:
        return None
    return Doubt("figures_contradict", f"invoices are open in several currencies: {', '.join(currencies)}")
