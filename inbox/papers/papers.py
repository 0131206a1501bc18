"""The papers an author may have: invoice, receipt, account statement, royalty statement, payment schedule. Pure: an
account, the company, the language and a moment in, bytes out. Every figure stands on the record; none is worked out
here but sums of figures that stand beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from inbox.accounts.base import Account, Invoice, Payment
from inbox.accounts.factsheet import as_of_on, contradiction
from inbox.clock import zone
from inbox.errors import DataError, NotFound
from inbox.message import Language
from inbox.money import Money
from inbox.papers.layout import Column, Listing, Page, draw
from inbox.papers.letters import UNPRINTABLE, printable
from inbox.papers.words import WORDS, state_words
from inbox.settings import Company
from inbox.templates.filters import amount_text, day_text, method_text, moment_text

KINDS = ("invoice", "receipt", "statement", "royalty_statement", "plan")
LOCALES: Mapping[str, str] = {"en": "en-US", "es": "es", "pt": "pt-BR"}
YEAR = timedelta(days=365)
#: Countries whose printers take US letter.
_LETTER = ("US", "CA", "MX")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which paper. ``record_id`` names the invoice, payment or plan; ``since`` and ``until`` bound a statement, both
    days included (default: the year up to the account's as-of day).
    """

    kind: str
    record_id: str = ""
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Paper:
    """``name`` is a safe file name; ``content`` a PDF."""

    name: str
    title: str
    content: bytes = field(repr=False)


def make(wanted: Wanted, account: Account, company: Company, language: Language) -> Paper:
    """Raises ``NotFound`` if the record is not on this account or has no such paper (a declined payment has no receipt),
    ``DataError`` if the account's figures contradict each other: then no paper is made.
    """
    if wanted.kind not in _MAKERS:
        raise NotFound(f"there is no paper of the kind {wanted.kind!r}; there are {', '.join(KINDS)}")
    if (wanted.kind in ("invoice", "statement", "plan")) and (held := contradiction(account)):
        raise DataError([held.text])
    pen = _Pen(account, company, language)
    page = _MAKERS[wanted.kind](pen, wanted)
    name = "-".join(x for x in (wanted.kind.replace("_", "-"), _safe(wanted.record_id or account.ref.id)) if x)
    return Paper(f"{name}.pdf", page.title, draw(page))


def _safe(text: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "-" for c in text)[:60].strip("-")


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes values the way the reader is used to."""

    account: Account
    company: Company
    language: Language

    def word(self, name: str) -> str:
        return WORDS[self.language][name]

    def state(self, state: str) -> str:
        return state_words(state, self.language)

    def money(self, amount: Money) -> str:
        """With the currency's code where the font lacks its sign."""
        text = amount_text(amount, self.language)
        if UNPRINTABLE not in printable(text):
            return text
        sign = "".join(c for c in text if not (c.isascii() and (c.isdigit() or c in ".,-")))
        return text.replace(sign.strip(), f"{amount.currency} ")

    def day(self, day: date) -> str:
        return day_text(day, self.language, "plain")

    def method(self, masked: str) -> str:
        return method_text(masked, self.language) if masked else ""

    def page(
        self, title: str, values: Sequence[tuple[str, str]], *listings: Listing, remarks: Sequence[str] = ()
    ) -> Page:
        account, company = self.account, self.company
        head = [(self.word("for"), account.name), (self.word("account"), account.ref.id)]
        as_of = moment_text(account.as_of, self.language, "plain", account.timezone or company.timezone)
        return Page(
            title=title, language=LOCALES[self.language],
            issuer=(company.legal_name or company.name, *(x for x in (company.support_email, company.support_phone) if x)),
            values=tuple((name, value) for name, value in (*head, *values) if value), listings=tuple(listings),
            remarks=tuple(remarks), foot=f"{self.word('as_of')} {as_of}", page_words=self.word("page"),
            unprintable_words=self.word("unprintable"), letter_size=account.region.partition("-")[0] in _LETTER,
        )  # fmt: skip

    @property
    def today(self) -> date:
        return as_of_on(self.account)


# -- one record


def _invoice(pen: _Pen, wanted: Wanted) -> Page:
    invoice = _invoice_of(pen.account, wanted.record_id)
    values = [
        (pen.word("what"), invoice.description), (pen.word("issued"), pen.day(invoice.issued_on)),
        (pen.word("due"), pen.day(invoice.due_on)), (pen.word("status"), pen.state(invoice.status)),
        (pen.word("total"), pen.money(invoice.total)), (pen.word("paid"), pen.money(invoice.paid)),
        (pen.word("left"), pen.money(invoice.balance)),
    ]  # fmt: skip
    mine = [p for p in pen.account.payments if p.invoice_id == invoice.id and p.status in ("succeeded", "refunded")]
    plans = [_schedule(pen, p.id) for p in pen.account.plans if p.invoice_id == invoice.id]
    payments = [_payments(pen, mine)] if mine else []
    disputed = invoice.id in pen.account.disputed_invoice_ids
    return pen.page(
        f"{pen.word('invoice')} {invoice.id}", values, *payments, *plans,
        remarks=(pen.word("in_review"),) if disputed else (),
    )  # fmt: skip


def _invoice_of(account: Account, invoice_id: str) -> Invoice:
    invoice = account.invoice(invoice_id)
    if invoice is None:
        raise NotFound(f"there is no invoice {invoice_id!r} on this account")
    return invoice


def _receipt(pen: _Pen, wanted: Wanted) -> Page:
    payment = next((p for p in pen.account.payments if p.id == wanted.record_id), None)
    if payment is None or payment.status not in ("succeeded", "refunded"):
        raise NotFound(f"there is no receipt for {wanted.record_id!r}: no such payment was received on this account")
    invoice = pen.account.invoice(payment.invoice_id)
    values = [
        (pen.word("paid_on"), pen.day(payment.on)), (pen.word("amount"), pen.money(payment.amount)),
        (pen.word("method"), pen.method(payment.method)), (pen.word("invoice"), payment.invoice_id),
        (pen.word("what"), invoice.description if invoice else ""), (pen.word("status"), pen.state(payment.status)),
    ]  # fmt: skip
    back = [r for r in pen.account.refunds if r.payment_id == payment.id]
    rows = tuple((r.id, pen.state(r.status), pen.money(r.amount)) for r in back)
    columns = (
        Column(pen.word("number"), 0.4),
        Column(pen.word("status"), 0.3),
        Column(pen.word("amount"), 0.3, right=True),
    )
    return pen.page(
        f"{pen.word('receipt')} {payment.id}", values, *([Listing(pen.word("refunds"), columns, rows)] if rows else []),
    )  # fmt: skip


def _plan(pen: _Pen, wanted: Wanted) -> Page:
    plan = next((p for p in pen.account.plans if wanted.record_id in (p.id, p.invoice_id)), None)
    if plan is None:
        raise NotFound(f"there is no payment plan {wanted.record_id!r} on this account")
    invoice = _invoice_of(pen.account, plan.invoice_id)
    left = sorted(plan.left, key=lambda i: i.due_on)
    values = [
        (pen.word("invoice"), invoice.id), (pen.word("what"), invoice.description),
        (pen.word("total"), pen.money(invoice.total)), (pen.word("left"), pen.money(invoice.balance)),
        (pen.word("due"), pen.day(left[-1].due_on) if left else ""),
    ]  # fmt: skip
    disputed = invoice.id in pen.account.disputed_invoice_ids
    return pen.page(
        f"{pen.word('plan')} {plan.id}", values, _schedule(pen, plan.id),
        remarks=(pen.word("in_review"),) if disputed else (),
    )  # fmt: skip


def _schedule(pen: _Pen, plan_id: str) -> Listing:
    plan = next(p for p in pen.account.plans if p.id == plan_id)
    count = len(plan.instalments)
    late = [i.number for i in plan.left if i.status == "failed" or i.due_on < pen.today]
    rows = tuple(
        (
            f"{i.number} {pen.word('of')} {count}",
            pen.day(i.due_on),
            pen.state("failed" if i.number in late else i.status),
            pen.money(i.amount),
        )
        for i in sorted(plan.instalments, key=lambda i: (i.due_on, i.number))
    )
    columns = (
        Column(pen.word("part"), 0.2), Column(pen.word("due"), 0.3), Column(pen.word("status"), 0.2),
        Column(pen.word("amount"), 0.3, right=True),
    )  # fmt: skip
    total = Money.total((i.amount for i in plan.left), pen.account.currency)
    return Listing(pen.word("schedule"), columns, rows, total=(pen.word("left"), pen.money(total)))


# -- a period


def _period(pen: _Pen, wanted: Wanted) -> tuple[date, date, str]:
    until = wanted.until or pen.today
    since = wanted.since or until - YEAR
    if since > until:
        raise NotFound(f"a period from {since} to {until} has no days")
    return since, until, f"{pen.day(since)} {pen.word('to')} {pen.day(until)}"


def _statement(pen: _Pen, wanted: Wanted) -> Page:
    since, until, period = _period(pen, wanted)
    account = pen.account
    invoices = sorted((i for i in account.invoices if i.issued_on <= until), key=lambda i: (i.issued_on, i.id))
    shown = [i for i in invoices if i.balance or i.issued_on >= since]
    rows = tuple(
        (
            f"{i.id}: {i.description}" if i.description else i.id,
            pen.day(i.issued_on),
            pen.state(i.status),
            pen.money(i.total),
            pen.money(i.balance),
        )
        for i in shown
    )
    columns = (
        Column(pen.word("invoice"), 0.32), Column(pen.word("issued"), 0.2), Column(pen.word("status"), 0.14),
        Column(pen.word("total"), 0.17, right=True), Column(pen.word("left"), 0.17, right=True),
    )  # fmt: skip
    listed = Listing(
        pen.word("invoices"), columns, rows, pen.word("none"), (pen.word("outstanding"), pen.money(account.outstanding))
    )
    paid = [p for p in account.payments if since <= p.on <= until and p.status != "failed"]
    refunds = [r for r in account.refunds if r.approved_on and since <= r.approved_on <= until]
    back = tuple(
        (r.id, pen.day(r.approved_on), pen.state(r.status), pen.money(r.amount)) for r in refunds if r.approved_on
    )
    disputed = [i.id for i in shown if i.id in account.disputed_invoice_ids]
    return pen.page(
        f"{pen.word('statement')} {account.ref.id}", [(pen.word("period"), period)], listed,
        _payments(pen, paid), Listing(pen.word("refunds"), _four(pen), back, pen.word("none")),
        remarks=[f"{i}: {pen.word('in_review')}" for i in disputed],
    )  # fmt: skip


def _payments(pen: _Pen, payments: Sequence[Payment]) -> Listing:
    rows = tuple(
        (p.id, pen.day(p.on), _with(pen.state(p.status), pen.method(p.method)), pen.money(p.amount))
        for p in sorted(payments, key=lambda p: (p.on, p.id))
    )
    return Listing(pen.word("payments"), _four(pen), rows, pen.word("none"))


def _with(state: str, method: str) -> str:
    return f"{state}, {method}" if method else state


def _four(pen: _Pen) -> tuple[Column, ...]:
    return (
        Column(pen.word("number"), 0.24), Column(pen.word("on"), 0.22), Column(pen.word("status"), 0.32),
        Column(pen.word("amount"), 0.22, right=True),
    )  # fmt: skip


def _royalties(pen: _Pen, wanted: Wanted) -> Page:
    since, until, period = _period(pen, wanted)
    r = pen.account.royalties
    if r is None:
        raise NotFound("this account has no royalties")
    held = r.hold_until if r.hold_until and r.hold_until > pen.account.as_of else None
    form = _with(r.tax_form, pen.state(r.tax_form_status)) if r.tax_form else pen.state(r.tax_form_status or "missing")
    values = [
        (pen.word("titles"), "; ".join(pen.account.titles)), (pen.word("period"), period),
        (pen.word("available"), pen.money(r.available)), (pen.word("pending"), pen.money(r.pending)),
        (pen.word("reserve"), pen.money(r.returns_reserve)), (pen.word("threshold"), pen.money(r.threshold)),
        (pen.word("next_run"), pen.day(r.next_run_on) if r.next_run_on else ""), (pen.word("tax_form"), form),
        (pen.word("destination"), pen.method(r.payout_method)),
        (pen.word("hold"), pen.day(held.astimezone(zone(pen.account.timezone)).date()) if held else ""),
    ]  # fmt: skip
    sent = [w for w in r.withdrawals if since <= w.requested_on <= until]
    rows = tuple((w.id, pen.day(w.requested_on), pen.state(w.status), pen.money(w.amount)) for w in sent)
    return pen.page(
        f"{pen.word('royalty_statement')} {pen.account.ref.id}", values,
        Listing(pen.word("withdrawals"), _four(pen), rows, pen.word("none")), remarks=(pen.word("earned_note"),),
    )  # fmt: skip


_MAKERS: Mapping[str, Callable[[_Pen, Wanted], Page]] = {
    "invoice": _invoice, "receipt": _receipt, "statement": _statement, "royalty_statement": _royalties, "plan": _plan,
}  # fmt: skip
