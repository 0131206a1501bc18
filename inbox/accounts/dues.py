"""What an author has to pay and when: open invoices and instalments as one list, and the answers about it. Pure."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from inbox.accounts.base import Account, Invoice, PaymentMethod, Plan, Promise
from inbox.accounts.factsheet import (
    LIST_SHOWN,
    Ask,
    Fact,
    Held,
    Outcome,
    StepUp,
    as_of_on,
    contradiction,
    named_invoice,
    rows,
    sheet,
)
from inbox.money import Money


@dataclass(frozen=True, slots=True)
class Due:
    """One thing to pay: an instalment, or a whole invoice without a plan."""

    invoice: Invoice
    amount: Money
    due_on: date
    status: str  # paid | scheduled | failed, of an invoice open | paid
    number: int = 0
    count: int = 0
    plan: Plan | None = None

    @property
    def is_paid(self) -> bool:
        return self.status == "paid"

    def is_past_due(self, today: date) -> bool:
        return not self.is_paid and (self.status == "failed" or self.due_on < today)


def account_balance(account: Account, ask: Ask) -> Outcome:
    """Level 2: what is left overall, per invoice, the part past due; what is in dispute stands apart."""
    if held := contradiction(account):
        return held
    disputed = account.disputed_invoice_ids
    live = [i for i in account.invoices if i.status != "void" and i.balance]
    shown = sorted((i for i in live if i.id not in disputed), key=lambda i: (i.due_on, i.id))
    owed = Money.total((i.balance for i in shown), account.outstanding.currency)
    zero = Money.zero(owed.currency)
    past_due = Money.total((d.amount for d in unpaid(account) if d.is_past_due(ask.today)), owed.currency)
    return {
        **sheet(
            account,
            outstanding=max(owed, zero),
            credit=zero - owed if owed < zero else None,
            past_due=past_due or None,
            as_of_on=as_of_on(account),
            more=max(0, len(shown) - LIST_SHOWN) or None,
        ),
        **_invoice_rows(account, shown[:LIST_SHOWN], "invoices"),
        **_invoice_rows(account, [i for i in account.invoices if i.id in disputed], "on_hold"),
    }


def _invoice_rows(account: Account, invoices: Sequence[Invoice], name: str) -> dict[str, Fact]:
    listed = rows(
        {"id": i.id, "description": i.description, "balance": i.balance, "due_on": i.due_on} for i in invoices
    )
    return sheet(account, ",".join(i.id for i in invoices), **{name: listed})


def amount_due(account: Account, ask: Ask) -> Outcome:
    """What is to be paid now or next, and when. Level 1 knows the current instalment only."""
    if held := contradiction(account):
        return held
    open_dues = unpaid(account)
    current = current_due(open_dues, ask.today)
    named = _asked_for(account, ask)
    chosen = named[0] if named else current
    if ask.level < 2 and chosen != current:
        return StepUp(2)
    facts = {**sheet(account, nothing_due=chosen is None, as_of_on=as_of_on(account)), **on_hold(account, ask)}
    if chosen is None:
        return facts
    facts |= due_facts(account, chosen, ask)
    if ask.level >= 2:
        facts |= _listed(account, named[1:] if len(named) > 1 else _others(open_dues, chosen, ask.today))
    return facts


def due_facts(account: Account, due: Due, ask: Ask) -> dict[str, Fact]:
    """One due with its promise, its next try and, at level 2, its place in the plan and the method on file."""
    record = due.plan.id if due.plan else due.invoice.id
    retry = due.plan.next_retry_on if due.plan and due.status == "failed" else None
    whole = ask.level >= 2 and due.number > 0
    facts = sheet(
        account,
        record,
        amount=due.amount,
        due_on=due.due_on,
        past_due=due.is_past_due(ask.today),
        paid=due.is_paid,
        invoice_id=due.invoice.id,
        number=due.number if whole else None,
        count=due.count if whole else None,
        next_retry_on=retry if retry and retry >= ask.today else None,
    )
    if promise := open_promise(account, due.invoice.id):
        facts |= sheet(account, promise.id, promised_amount=promise.amount, promised_on=promise.on)
    if ask.level >= 2 and not due.is_paid and (method := default_method(account)):
        facts |= sheet(account, method.id, method=masked(method))
    return facts


def on_hold(account: Account, ask: Ask) -> dict[str, Fact]:
    """Disputed invoices: that they are paused, never a figure; which ones only at level 2."""
    ids = account.disputed_invoice_ids
    named = [i for i in account.invoices if i.id in ids] if ask.level >= 2 else []
    listed = rows({"id": i.id, "description": i.description} for i in named)
    return sheet(account, ",".join(sorted(ids)), on_hold=listed, some_on_hold=bool(ids))


def _others(open_dues: Sequence[Due], chosen: Due, today: date) -> list[Due]:
    """The first due of every other invoice, and what else is past due on the same one."""
    first: dict[tuple[str, bool], Due] = {}
    for due in open_dues:
        if due != chosen:
            first.setdefault((due.invoice.id, due.is_past_due(today)), due)
    return [d for d in first.values() if d.invoice.id != chosen.invoice.id or d.is_past_due(today)]


def _listed(account: Account, found: Sequence[Due]) -> dict[str, Fact]:
    shown = found[:LIST_SHOWN]
    listed = rows({"amount": d.amount, "due_on": d.due_on, "invoice_id": d.invoice.id} for d in shown)
    return sheet(account, ",".join(d.invoice.id for d in shown), others=listed)


def _asked_for(account: Account, ask: Ask) -> list[Due]:
    """The dues the author names by invoice, month, date or "the second one", the likeliest first; often none."""
    everything = dues(account)
    invoice = named_invoice(account, ask)
    if invoice is not None and invoice.id in account.disputed_invoice_ids:
        invoice = None  # it is on hold; what is asked for is the rest
    if invoice is not None:
        everything = [d for d in everything if d.invoice.id == invoice.id]
    e = ask.entities
    if found := [d for d in everything if d.due_on in e.dates]:
        return found
    if found := [d for d in everything if d.due_on.month == e.month]:
        nearest = sorted(found, key=lambda d: (abs((d.due_on - ask.today).days), d.is_paid))
        return [d for d in nearest if d.due_on.year == nearest[0].due_on.year]
    if e.ordinal and (found := [d for d in everything if d.number == e.ordinal]):
        return sorted(found, key=lambda d: (d.is_paid, d.due_on))[:1]
    current = current_due([d for d in everything if not d.is_paid], ask.today) if invoice is not None else None
    return [current] if current is not None else []


def make_payment(account: Account, ask: Ask) -> Outcome:
    """What a payment link is filled in with. An amount the author names is taken if it is not more than is owed."""
    if held := contradiction(account):
        return held
    open_dues = unpaid(account)
    current = current_due(open_dues, ask.today)
    chosen = next((d for d in _asked_for(account, ask) if not d.is_paid), current)
    facts = {**sheet(account, nothing_due=chosen is None), **on_hold(account, ask)}
    if chosen is None:
        return facts
    if ask.level < 2 and chosen != current:
        return StepUp(2)
    limit = chosen.invoice.balance if ask.level >= 2 else chosen.amount
    amount = next((a for a in ask.entities.amounts if _payable(a, limit)), chosen.amount)
    record = chosen.plan.id if chosen.plan else chosen.invoice.id
    return facts | sheet(
        account,
        record,
        amount=amount,
        invoice_id=chosen.invoice.id,
        due_on=chosen.due_on,
        past_due=chosen.is_past_due(ask.today),
        partial=amount < chosen.amount,
    )


def _payable(amount: Money, limit: Money) -> bool:
    return amount.currency == limit.currency and 0 < amount.minor <= limit.minor


def update_payment_method(account: Account, ask: Ask) -> Outcome:
    """Level 1: a safe place to change it. Level 2 besides: the method on file and the next charge."""
    if ask.level < 2:
        return sheet(account, method=None)
    method = default_method(account)
    facts = sheet(account, method.id if method else "", method=masked(method) if method else None)
    if contradiction(account):
        return facts
    current = current_due(unpaid(account), ask.today)
    if current is not None:
        record = current.plan.id if current.plan else current.invoice.id
        facts |= sheet(account, record, next_amount=current.amount, next_on=current.due_on)
    return facts


def payment_plan(account: Account, ask: Ask) -> Outcome:
    """Level 2: each schedule that still runs, how many are left and when it ends; a disputed one is only on hold."""
    if held := contradiction(account):
        return held
    invoice = named_invoice(account, ask)
    disputed = account.disputed_invoice_ids
    running = [p for p in account.plans if p.left and p.invoice_id not in disputed]
    wanted = [p for p in running if invoice is None or p.invoice_id == invoice.id] or running
    facts = sheet(
        account, ",".join(p.id for p in wanted), plans=rows(_plan_row(p, ask.today) for p in wanted[:LIST_SHOWN])
    )
    return {**facts, **on_hold(account, ask), **sheet(account, as_of_on=as_of_on(account))}


def _plan_row(plan: Plan, today: date) -> dict[str, object]:
    left = sorted(plan.left, key=lambda i: i.due_on)
    total = Money.total((i.amount for i in left), left[0].amount.currency)
    same = len({i.amount for i in left}) == 1
    return {
        "id": plan.id,
        "invoice_id": plan.invoice_id,
        "count": len(plan.instalments),
        "left": len(left),
        "total_left": total,
        "each": left[0].amount if same else None,
        "first_on": left[0].due_on,
        "ends_on": left[-1].due_on,
        "schedule": rows(
            {
                "number": i.number,
                "due_on": i.due_on,
                "amount": i.amount,
                "past_due": i.status == "failed" or i.due_on < today,
            }
            for i in left[:60]
        ),
    }


def promise_status(account: Account, ask: Ask) -> Outcome:
    """Level 1: the promise that runs, read back; the caller asks for another answer if there is none."""
    invoice = named_invoice(account, ask)
    running = [p for p in account.promises if p.status == "open"]
    chosen = next((p for p in running if invoice is not None and p.invoice_id == invoice.id), None)
    promise = chosen or (running[0] if running else None)
    if promise is None:
        return Held("promise_not_found", "asks about a promise, none is open on record")
    return sheet(account, promise.id, amount=promise.amount, on=promise.on, invoice_id=promise.invoice_id)


def dues(account: Account) -> list[Due]:
    """Everything ever due on invoices that are not void and not in dispute, earliest first."""
    disputed = account.disputed_invoice_ids
    found: list[Due] = []
    for invoice in account.invoices:
        if invoice.status != "void" and invoice.id not in disputed:
            found += _of_invoice(invoice, [p for p in account.plans if p.invoice_id == invoice.id])
    return sorted(found, key=lambda d: (d.due_on, d.invoice.id, d.number))


def _of_invoice(invoice: Invoice, plans: Sequence[Plan]) -> Iterable[Due]:
    if not plans:
        paid = not invoice.balance
        return [Due(invoice, invoice.total if paid else invoice.balance, invoice.due_on, "paid" if paid else "open")]
    return [
        Due(invoice, i.amount, i.due_on, i.status, i.number, len(plan.instalments), plan)
        for plan in plans
        for i in plan.instalments
    ]


def unpaid(account: Account) -> list[Due]:
    return [d for d in dues(account) if not d.is_paid and d.amount.minor > 0]


def falls_on(due_on: date, since: date) -> bool:
    """On that day of a month, then or later; the last day of a month that has no such day."""
    return due_on >= since and due_on.day == min(since.day, monthrange(due_on.year, due_on.month)[1])


def current_due(open_dues: Sequence[Due], today: date) -> Due | None:
    """The oldest that is past due, else the next one."""
    return next((d for d in open_dues if d.is_past_due(today)), open_dues[0] if open_dues else None)


def open_promise(account: Account, invoice_id: str) -> Promise | None:
    return next((p for p in account.promises if p.status == "open" and p.invoice_id == invoice_id), None)


def default_method(account: Account) -> PaymentMethod | None:
    active = [m for m in account.payment_methods if m.status == "active"]
    return next((m for m in active if m.default), active[0] if len(active) == 1 else None)


def masked(method: PaymentMethod) -> str:
    """``visa ••7318``: the brand (or kind) and the last four, nothing else."""
    name = method.brand or method.type
    return f"{name} ••{method.last4}" if method.last4 else name
