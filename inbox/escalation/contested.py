"""What the case is about, found in the account: the invoice, its payments, and the evidence for or against. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from inbox.accounts.base import Account, Dispute, Invoice, Payment
from inbox.escalation.base import Line
from inbox.escalation.words import amount, day, items
from inbox.money import Money

#: Two payments of one amount this close together are looked at as a pair; instalments lie further apart.
PAIR_DAYS = 10
#: A pending authorisation is released by then (house rule H15).
RELEASE_DAYS = 7
#: Invoices shown in full.
SHOWN = 3
_MOVED = ("succeeded", "pending")


@dataclass(frozen=True, slots=True)
class Contested:
    invoices: tuple[Invoice, ...] = ()
    pair: tuple[Payment, ...] = ()  # the payments that look like one thing charged twice
    guessed: bool = False  # found by amount or pattern; the author did not name it


def find(
    reason: str,
    invoice_ids: Sequence[str],
    payment_ids: Sequence[str],
    amounts: Sequence[Money],
    account: Account | None,
) -> Contested:
    """Named ids first, then what the reason points at, then the amounts."""
    if account is None:
        return Contested()
    named = _named(invoice_ids, payment_ids, account)
    pair = _pair(account.payments, named, payment_ids, amounts) if reason == "double_charge" else ()
    if named:
        return Contested(named[:SHOWN], pair)
    if pair:
        return Contested(_invoices(account, (p.invoice_id for p in pair)), pair, guessed=True)
    if reason.startswith("chargeback"):
        charged_back = [d.invoice_id for d in account.disputes if d.network and d.is_open]
        if charged_back:
            return Contested(_invoices(account, charged_back)[:SHOWN])
    by_amount = _invoices(account, _with_amount(account, amounts))
    return Contested(by_amount[:SHOWN], guessed=bool(by_amount))


def disputed(found: Contested) -> list[str]:
    """The part of the money this case is about, as far as it can be told."""
    if found.pair:
        second = found.pair[-1]
        return [f"{amount(second.amount)} ({second.invoice_id}, payment {second.id})"]
    return [f"{amount(i.balance)} left of {i.id}" for i in found.invoices]


def lines(reason: str, found: Contested, account: Account, today: date, account_url: str) -> Iterable[Line]:
    """The contested item in full. Empty when the case is about nothing that can be found."""
    if found.pair or reason == "double_charge":
        yield _verdict(found, today)
    for invoice in found.invoices:
        url = record_url(account_url, invoice.id)
        label = f"Invoice {invoice.id}" + (" (our guess)" if found.guessed else "")
        yield Line(label=label, value=_invoice(invoice), url=url)
        yield from _charged(invoice, account)
        yield from _given_back(invoice, account)
        yield from (_dispute(d, today) for d in account.disputes if d.invoice_id == invoice.id)


def steps(reason: str, found: Contested, account: Account | None, today: date) -> tuple[str, ...]:
    """What the evidence asks for, before the general steps of the reason."""
    if account is None:
        return ("Find the account first: ask for the name and the email address on file.",)
    urgent = [d for d in account.disputes if d.network and d.is_open and d.respond_by]
    told = [
        f"Answer chargeback {d.id} by {day(d.respond_by)}{_left(d.respond_by, today)}." for d in urgent if d.respond_by
    ]
    if reason != "double_charge":
        return tuple(told)
    returned = [r for r in account.refunds if r.payment_id in {p.id for p in found.pair} and r.status != "failed"]
    if returned:
        told.append(
            f"{returned[-1].id} already gives {amount(returned[-1].amount)} back: tell the author, do not refund again."
        )
    elif _is_captured_twice(found.pair):
        told.append(f"Both payments are captured: check {found.pair[-1].id} for a refund.")
    elif not found.pair:
        told.append("The ledger has one payment only: ask for date, amount and last 4 of both bank lines.")
    return tuple(told)


def record_url(account_url: str, record_id: str) -> str:
    """Where the record is shown: a place on the account's page, or the page itself if its address names a place."""
    return f"{account_url}#{record_id}" if account_url and "#" not in account_url else account_url


def _named(invoice_ids: Sequence[str], payment_ids: Sequence[str], account: Account) -> tuple[Invoice, ...]:
    by_payment = [p.invoice_id for p in account.payments if p.id in payment_ids]
    by_dispute = [d.invoice_id for d in account.disputes if d.payment_id and d.payment_id in payment_ids]
    return _invoices(account, [*invoice_ids, *by_payment, *by_dispute])


def _invoices(account: Account, ids: Iterable[str]) -> tuple[Invoice, ...]:
    found = (account.invoice(invoice_id) for invoice_id in dict.fromkeys(ids))
    return tuple(invoice for invoice in found if invoice)


def _with_amount(account: Account, amounts: Sequence[Money]) -> Iterable[str]:
    """Invoices that were, or will be, charged one of these amounts; newest first."""
    wanted = set(amounts)
    for payment in sorted(account.payments, key=lambda p: (p.on, p.id), reverse=True):
        if payment.amount in wanted:
            yield payment.invoice_id
    for plan in account.plans:
        if any(i.amount in wanted for i in plan.instalments):
            yield plan.invoice_id
    for invoice in sorted(account.invoices, key=lambda i: i.issued_on, reverse=True):
        if invoice.total in wanted or invoice.balance in wanted:
            yield invoice.id


def _pair(
    payments: Sequence[Payment], named: Sequence[Invoice], payment_ids: Sequence[str], amounts: Sequence[Money]
) -> tuple[Payment, ...]:
    """The latest two or more payments of one amount close together; of one invoice if there are such."""
    moved = sorted((p for p in payments if p.status in _MOVED), key=lambda p: (p.on, p.id))
    ids = {i.id for i in named}
    groups = [g for n, first in enumerate(moved) if len(g := _like(first, moved[n:])) > 1]
    if ids:
        groups = [g for g in groups if any(p.invoice_id in ids for p in g)]
    if not groups:
        return ()

    def rank(group: tuple[Payment, ...]) -> tuple[bool, bool, bool, int, date]:
        return (
            any(p.id in payment_ids for p in group),
            group[0].amount in amounts,
            len({p.invoice_id for p in group}) == 1,
            len(group),
            group[0].on,
        )

    return max(groups, key=rank)


def _like(first: Payment, later: Sequence[Payment]) -> tuple[Payment, ...]:
    """The payments of the same amount within the window, the same invoice preferred over another one."""
    window = first.on + timedelta(days=PAIR_DAYS)
    close = [p for p in later if p.amount == first.amount and p.on <= window]
    same = [p for p in close if p.invoice_id == first.invoice_id]
    return tuple(same if len(same) > 1 else close)


def _is_captured_twice(pair: Sequence[Payment]) -> bool:
    return sum(p.status == "succeeded" for p in pair) > 1


def _verdict(found: Contested, today: date) -> Line:
    if not found.pair:
        return Line(label="Charged twice?", value="no second payment on record")
    ids = items(f"{p.id} {p.status} {day(p.on)}" for p in found.pair)
    count, what = len(found.pair), amount(found.pair[0].amount)
    invoices = dict.fromkeys(p.invoice_id for p in found.pair)
    of = f"one invoice ({items(invoices)})" if len(invoices) == 1 else f"different invoices ({items(invoices)})"
    if _is_captured_twice(found.pair):
        captured = sum(p.status == "succeeded" for p in found.pair)
        return Line(
            label="Charged twice?",
            value=f"yes on record: {captured} captured of {count} payments of {what} for {of}: {ids}",
            warn=True,
        )
    oldest = min(p.on for p in found.pair if p.status == "pending")
    age = (today - oldest).days
    return Line(
        label="Charged twice?",
        value=f"not captured twice: {count} payments of {what} for {of}, pending for {age} days: {ids}",
        warn=age > RELEASE_DAYS,
    )


def _invoice(invoice: Invoice) -> str:
    return (
        f"{invoice.description}, total {amount(invoice.total)}, paid {amount(invoice.paid)}, "
        f"left {amount(invoice.balance)}, {invoice.status}, issued {day(invoice.issued_on)}, due {day(invoice.due_on)}"
    )


def _charged(invoice: Invoice, account: Account) -> Iterable[Line]:
    own = [p for p in account.payments if p.invoice_id == invoice.id]
    for label, status in (("Captured", "succeeded"), ("Pending, not captured", "pending")):
        payments = sorted((p for p in own if p.status == status), key=lambda p: (p.on, p.id), reverse=True)
        if payments:
            listed = items(f"{p.id} {amount(p.amount)} {day(p.on)} {p.method}" for p in payments[:6])
            more = f", and {len(payments) - 6} earlier" if len(payments) > 6 else ""
            yield Line(label=label, value=listed + more)
    if not own:
        yield Line(label="Captured", value="no payment on record")


def _given_back(invoice: Invoice, account: Account) -> Iterable[Line]:
    refunds = [r for r in account.refunds if r.invoice_id == invoice.id]
    told = [
        f"{r.id} {amount(r.amount)} {r.status}" + (f", approved {day(r.approved_on)}" if r.approved_on else "")
        for r in refunds
    ]
    yield Line(label="Refunds and credits", value=items(told) or "none", warn=bool(told))


def _dispute(dispute: Dispute, today: date) -> Line:
    """A chargeback with its clock, or an objection to us."""
    value = (
        f"{dispute.id}, {amount(dispute.amount)}, {dispute.reason}, {dispute.status}, opened {day(dispute.opened_on)}"
    )
    if dispute.payment_id:
        value += f", payment {dispute.payment_id}"
    if dispute.respond_by:
        value += f", respond by {day(dispute.respond_by)}"
        if dispute.is_open:
            value += _left(dispute.respond_by, today)
    label = f"Chargeback ({dispute.network})" if dispute.network else "Earlier objection"
    return Line(label=label, value=value, warn=dispute.is_open)


def _left(respond_by: date, today: date) -> str:
    days = (respond_by - today).days
    if days < 0:
        return f", {-days} days overdue"
    return ", today" if days == 0 else f", {days} days left"
