"""What an author has paid: did it arrive, did it fail, where is the receipt, where is the refund. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta

from inbox.accounts.base import Account, Payment, Refund
from inbox.accounts.declines import decline_of
from inbox.accounts.dues import Due, current_due, dues, unpaid
from inbox.accounts.factsheet import (
    BUSINESS_DAYS_TO_POST,
    Ask,
    Fact,
    Held,
    Outcome,
    StepUp,
    business_days_after,
    contradiction,
    named_invoice,
    sheet,
)
from inbox.intents.normalize import fold

REFUND_WINDOW = (5, 10)  # business days to a card, as banks usually take
FAILURES_FOR_A_PERSON = 3
#: Two captures of one invoice this close together are a double charge, farther apart two instalments.
SAME_CHARGE_DAYS = 3


def payment_status(account: Account, ask: Ask) -> Outcome:
    """Did it arrive? Level 1 knows the newest payment only, or the state (no amount) of one whose id is quoted."""
    newest = _newest(account.payments)
    chosen = _asked_for(account, ask)
    pair = _same_charge(account, ask)
    if pair and (chosen in pair or not _names_one(ask)):
        return _twice(account, ask, *pair)
    if chosen is None and (_names_one(ask) or newest is None):
        return _from_schedule(account, ask) or _not_found(account, ask, newest)
    payment = chosen or newest
    assert payment is not None
    quoted = payment.id in ask.entities.payment_ids
    if ask.level < 2 and payment != newest and not quoted:
        return StepUp(2)
    return _payment_facts(account, ask, payment, amount=ask.level >= 2 or payment == newest)


def _payment_facts(account: Account, ask: Ask, payment: Payment, *, amount: bool) -> dict[str, Fact]:
    state = {"succeeded": "received"}.get(payment.status, payment.status)
    pending = state == "pending"
    return sheet(
        account,
        payment.id,
        state=state,
        amount=payment.amount if amount else None,
        paid_on=payment.on,
        payment_id=payment.id if ask.level >= 2 or payment.id in ask.entities.payment_ids else None,
        invoice_id=payment.invoice_id if ask.level >= 2 else None,
        method=payment.method if ask.level >= 2 and payment.method else None,
        expected_by=business_days_after(payment.on, BUSINESS_DAYS_TO_POST) if pending else None,
    )


def _newest(payments: Sequence[Payment]) -> Payment | None:
    """By day; on one day what succeeded counts before what is pending or failed."""
    rank = {"succeeded": 2, "pending": 1}
    last = [(p.on, rank.get(p.status, 0), n) for n, p in enumerate(payments)]
    return payments[max(last)[2]] if last else None


def _names_one(ask: Ask) -> bool:
    e = ask.entities
    return bool(e.payment_ids or e.amounts or e.dates or e.month)


def _asked_for(account: Account, ask: Ask) -> Payment | None:
    """The payment the author names by id, invoice, amount, date or month; the newest of those that fit all of it."""
    e = ask.entities
    found = list(account.payments)
    if e.payment_ids:
        return _newest([p for p in found if p.id in e.payment_ids])
    if invoice := named_invoice(account, ask):
        found = [p for p in found if p.invoice_id == invoice.id]
        if not _names_one(ask):
            return _newest(found)
    if e.amounts:
        found = [p for p in found if p.amount in e.amounts]
    if e.dates:
        found = [p for p in found if any(abs((p.on - d).days) <= SAME_CHARGE_DAYS for d in e.dates)]
    if e.month:
        found = [p for p in found if p.on.month == e.month]
    return _newest(found) if _names_one(ask) else None


def _from_schedule(account: Account, ask: Ask) -> Outcome | None:
    """No payment record fits, but the schedule knows the instalment of that month or day, or the last one paid."""
    e = ask.entities
    fits = [d for d in dues(account) if d.due_on in e.dates or (e.month and d.due_on.month == e.month)]
    if not _names_one(ask) and not any(d.is_past_due(ask.today) for d in unpaid(account)):
        return _last_paid(account)
    if not fits:
        return None
    due = min(fits, key=lambda d: abs((d.due_on - ask.today).days))
    if ask.level < 2 and due != current_due(unpaid(account), ask.today):
        return StepUp(2)
    return _of_schedule(account, due)


def _last_paid(account: Account) -> dict[str, Fact] | None:
    paid = [d for d in dues(account) if d.is_paid and d.amount]
    return _of_schedule(account, max(paid, key=lambda d: (d.due_on, d.number))) if paid else None


def _of_schedule(account: Account, due: Due) -> dict[str, Fact]:
    state = "instalment_paid" if due.is_paid else "instalment_open"
    record = due.plan.id if due.plan else due.invoice.id
    return sheet(account, record, state=state, amount=due.amount, paid_on=due.due_on, invoice_id=due.invoice.id)


def _not_found(account: Account, ask: Ask, newest: Payment | None) -> Outcome:
    """Sent in the last days: it may still be on its way. Otherwise a person looks for it."""
    sent = [d for d in ask.entities.dates if d <= ask.today]
    fresh = sent and ask.today <= business_days_after(max(sent), BUSINESS_DAYS_TO_POST)
    if not fresh or ask.entities.payment_ids:
        return Held("payment_not_found", "says it was paid; no payment on record fits")
    expected = business_days_after(max(sent), BUSINESS_DAYS_TO_POST)
    facts = sheet(account, state="not_yet", paid_on=None, expected_by=expected)
    if newest is not None:
        facts |= sheet(account, newest.id, amount=newest.amount, paid_on=newest.on)
    return facts


def _same_charge(account: Account, ask: Ask) -> tuple[Payment, Payment] | None:
    """The newest two payments of one amount for one invoice within days, the first of them captured."""
    live = sorted((p for p in account.payments if p.status in ("succeeded", "pending")), key=lambda p: p.on)
    wanted = [p for p in live if not ask.entities.amounts or p.amount in ask.entities.amounts]
    for n in range(len(wanted) - 1, 0, -1):
        for other in wanted[:n]:
            first, second = sorted((other, wanted[n]), key=lambda p: p.status != "succeeded")
            close = abs((first.on - second.on).days) <= SAME_CHARGE_DAYS
            recent = (ask.today - second.on).days <= 60
            same = (first.invoice_id, first.amount) == (second.invoice_id, second.amount)
            if same and close and recent and first.status == "succeeded":
                return first, second
    return None


def _twice(account: Account, ask: Ask, first: Payment, second: Payment) -> Outcome:
    """One captured and one young pending authorisation may be explained; two captured are for a person."""
    window = timedelta(days=ask.rules.pending_authorisation_days)
    if any(r.payment_id in (first.id, second.id) for r in account.refunds):
        return _payment_facts(account, ask, first, amount=True)
    if second.status != "pending" or ask.today > second.on + window:
        return Held("double_charge", f"{first.id} and {second.id}: two payments of {first.amount} for one invoice")
    if ask.level < 2 and first != _newest(account.payments):
        return StepUp(2)
    facts = _payment_facts(account, ask, first, amount=True)
    return facts | sheet(account, second.id, duplicate_pending=True, drops_by=second.on + window)


def payment_failed(account: Account, ask: Ask) -> Outcome:
    """What was declined and what comes next. Level 1 leaves out why; a disputed invoice is not asked for."""
    if held := contradiction(account):
        return held
    current = current_due(unpaid(account), ask.today)
    overdue = current if current is not None and current.status == "failed" else None
    failed = _newest([p for p in account.payments if p.status == "failed" and _counts(account, p, overdue)])
    if failed is None and overdue is None:
        return sheet(account, failed=False)
    if failed is not None and overdue is None and (later := _paid_since(account, failed)):
        return sheet(
            account, later.id, failed=True, declined=True, amount=failed.amount, failed_on=failed.on, settled_on=later.on
        )  # fmt: skip
    count = _failures(account, failed)
    if count >= FAILURES_FOR_A_PERSON:
        return Held("payment_failed_repeatedly", f"{count} payments in a row failed for {_invoice_of(failed)}")
    return _failure(account, ask, failed, overdue)


def _counts(account: Account, payment: Payment, overdue: Due | None) -> bool:
    """Of the invoice that is past due if there is one; never of one in dispute."""
    if overdue is not None:
        return payment.invoice_id == overdue.invoice.id
    return payment.invoice_id not in account.disputed_invoice_ids


def _failure(account: Account, ask: Ask, failed: Payment | None, overdue: Due | None) -> dict[str, Fact]:
    plan = overdue.plan if overdue else None
    if plan is None and failed is not None:
        plan = next((p for p in account.plans if p.invoice_id == failed.invoice_id), None)
    decline = decline_of(failed.decline_code) if failed is not None else None
    hard = decline is not None and decline.kind == "hard"
    retry = plan.next_retry_on if plan and plan.next_retry_on and plan.next_retry_on >= ask.today else None
    facts = sheet(account, plan.id if plan else "", next_retry_on=None if hard else retry)
    if overdue is not None:
        record = overdue.plan.id if overdue.plan else overdue.invoice.id
        amount, on, invoice_id = overdue.amount, overdue.due_on, overdue.invoice.id
    else:
        assert failed is not None
        record, amount, on, invoice_id = failed.id, failed.amount, failed.on, failed.invoice_id
    facts |= sheet(
        account, record, failed=True, declined=failed is not None, amount=amount, failed_on=on, invoice_id=invoice_id
    )
    if ask.level >= 2 and failed is not None:
        low = failed.decline_code == "insufficient_funds"
        facts |= sheet(account, failed.id, needs_new_method=hard, low_funds=low, method=failed.method or None)
    return facts


def _paid_since(account: Account, failed: Payment) -> Payment | None:
    done = [p for p in account.payments if p.status == "succeeded" and p.invoice_id == failed.invoice_id]
    return _newest([p for p in done if p.on >= failed.on])


def _failures(account: Account, failed: Payment | None) -> int:
    """Failed payments for that invoice since the last one that succeeded."""
    if failed is None:
        return 0
    mine = [p for p in account.payments if p.invoice_id == failed.invoice_id]
    last_good = max((p.on for p in mine if p.status == "succeeded"), default=date.min)
    return sum(1 for p in mine if p.status == "failed" and p.on > last_good)


def _invoice_of(payment: Payment | None) -> str:
    return payment.invoice_id if payment else "an invoice"


def invoice_copy(account: Account, ask: Ask) -> Outcome:
    """Which document goes to the contact on file. Level 1: the receipt of a payment whose id is quoted."""
    e = ask.entities
    if e.payment_ids:
        payment = next((p for p in account.payments if p.id in e.payment_ids and p.status != "failed"), None)
        if payment is None:
            return Held("document_not_found", "asks for a receipt; the quoted payment is not on this account")
        return _document(account, payment.id, "receipt")
    if ask.level < 2:
        return StepUp(2)
    if not e.invoice_ids and (paper := _paper_named(account, ask)):
        return paper
    month = [p for p in account.payments if e.month and p.on.month == e.month and p.status == "succeeded"]
    if month and not e.invoice_ids:
        return _document(account, max(month, key=lambda p: p.on).id, "receipt")
    if e.invoice_ids and not any(account.invoice(i) for i in e.invoice_ids):
        return Held("document_not_found", "asks for an invoice whose number is not on this account")
    live = [i for i in account.invoices if i.status != "void"]
    invoice = named_invoice(account, ask) or max(live, key=lambda i: (i.issued_on, i.id), default=None)
    if invoice is None:
        return Held("document_not_found", "asks for a billing document; there is none on this account")
    return _document(account, invoice.id, "invoice")


def _paper_named(account: Account, ask: Ask) -> Outcome | None:
    """A statement, a royalty statement, the schedule; a tax paper, which finance sends. None: none of these is named."""
    words = set(_WORD.findall(fold(ask.text)))
    if words & _TAX_PAPERS:
        return Held("document_not_found", "asks for a tax paper; finance sends it")
    if words & _STATEMENTS:
        royal = bool(words & _ROYALTIES) and account.royalties is not None
        return _document(account, account.ref.id, "royalty_statement" if royal else "statement")
    running = [p for p in account.plans if p.left]
    if words & _SCHEDULES and len(running) == 1:
        return _document(account, running[0].id, "plan")
    return None


_WORD = re.compile(r"[a-z0-9]+")
_TAX_PAPERS = frozenset({"1099", "1042", "w2", "dirf"})
_STATEMENTS = frozenset(
    {"statement", "statements", "extracto", "extractos", "estado", "extrato", "extratos", "demonstrativo"}
)
_ROYALTIES = frozenset({"royalty", "royalties", "regalia", "regalias", "earnings", "sales", "ventas", "vendas"})
_SCHEDULES = frozenset({"schedule", "calendario", "cronograma"})


def _document(account: Account, record_id: str, kind: str) -> dict[str, Fact]:
    if not account.email:
        return sheet(account, record_id, document_id=record_id, kind=kind, by_email=False)
    return sheet(account, record_id, document_id=record_id, kind=kind, by_email=True)


def refund_status(account: Account, ask: Ask) -> Outcome:
    """Where an approved refund is. Level 1: state and window of one whose id is quoted, no amount."""
    quoted = next((r for r in account.refunds if r.id in ask.entities.refund_ids), None)
    if ask.level < 2 and quoted is None:
        # The same for "not mine" and "none at all": below level 2 nobody learns which refunds there are.
        return StepUp(2)
    refund = quoted or (None if ask.entities.refund_ids else _refund_meant(account, ask))
    if refund is None:
        return Held("no_refund_on_record", "asks about a refund; none that fits is approved on record")
    if refund.status == "failed":
        return Held("refund_failed", f"{refund.id} did not go through")
    window = _window(refund.expected)
    if (
        refund.approved_on
        and ask.today > business_days_after(refund.approved_on, window[1])
        and refund.status != "paid"
    ):
        return Held("refund_overdue", f"{refund.id} was approved on {refund.approved_on} and is not marked as paid")
    facts = sheet(
        account, refund.id, refund_id=refund.id, state=refund.status, approved_on=refund.approved_on, window=window
    )
    if ask.level >= 2:
        facts |= sheet(account, refund.id, amount=refund.amount, method=refund.method or None)
    return facts


def _refund_meant(account: Account, ask: Ask) -> Refund | None:
    e = ask.entities
    named = [r for r in account.refunds if r.invoice_id in e.invoice_ids or r.payment_id in e.payment_ids]
    if e.invoice_ids or e.payment_ids:
        return named[0] if named else None
    return max(account.refunds, key=lambda r: (r.status != "paid", r.approved_on or date.min, r.id), default=None)


def _window(expected: str) -> tuple[int, int]:
    """``"5-10 business days"`` as numbers; what banks usually take where the record says nothing readable."""
    cut = "".join(c if c.isascii() and c.isdigit() else " " for c in expected).split()
    numbers = [int(n) for n in cut if len(n) <= 2]
    if len(numbers) >= 2 and numbers[0] <= numbers[1]:
        return numbers[0], numbers[1]
    return REFUND_WINDOW
