"""The author of the facts tests and short ways to ask about her account."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from inbox.accounts.base import (
    Account,
    AccountRef,
    Dispute,
    Instalment,
    Invoice,
    Payment,
    PaymentMethod,
    Plan,
    Promise,
    Refund,
    Royalties,
    Withdrawal,
)
from inbox.accounts.facts import (
    FACTS,
    Ask,
    Held,
    plain,
)
from inbox.intents.understanding import Entities
from inbox.money import Money

NOW = datetime(2026, 4, 16, 15, 0, tzinfo=UTC)


TODAY = date(2026, 4, 16)


def usd(text: str) -> Money:
    return Money.of(text)


def invoice(number: int, total: str, paid: str = "0", due: date = date(2026, 7, 20), **more) -> Invoice:
    fields = {"description": f"Work number {number}", "issued_on": date(2026, 1, 5), "status": "open", **more}
    return Invoice(
        id=f"INV-{number}", due_on=due, total=usd(total), paid=usd(paid), balance=usd(total) - usd(paid), **fields
    )


def plan(number: int, *parts: tuple[str, str, str], retry: date | None = None) -> Plan:
    """Parts are (due day, amount, status)."""
    instalments = tuple(
        Instalment(number=n, due_on=date.fromisoformat(day), amount=usd(amount), status=status)
        for n, (day, amount, status) in enumerate(parts, 1)
    )
    return Plan(id=f"PL-{number}", invoice_id=f"INV-{number}", instalments=instalments, next_retry_on=retry)


def payment(
    id_: str, on: str, amount: str, status: str = "succeeded", invoice_id: str = "INV-1", code: str = ""
) -> Payment:
    return Payment(
        id=id_, on=date.fromisoformat(on), amount=usd(amount), method="visa ••4242", status=status, invoice_id=invoice_id,
        decline_code=code,
    )  # fmt: skip


def account(**more) -> Account:
    """Paid 200 of 500 in five parts of 100; the third is next."""
    fields = {
        "outstanding": usd("300.00"),
        "invoices": (invoice(1, "500.00", "200.00"),),
        "plans": (
            plan(
                1, ("2026-02-20", "100.00", "paid"), ("2026-03-20", "100.00", "paid"), ("2026-04-20", "100.00", "scheduled"),
                ("2026-05-20", "100.00", "scheduled"), ("2026-06-20", "100.00", "scheduled"),
            ),
        ),
        "payments": (payment("P-1", "2026-02-20", "100.00"), payment("P-2", "2026-03-20", "100.00")),
        "payment_methods": (
            PaymentMethod(id="pm_1", type="card", brand="visa", last4="4242", default=True),
            PaymentMethod(id="pm_0", type="card", brand="amex", last4="0005", status="expired"),
        ),
        **more,
    }  # fmt: skip
    return Account(
        ref=AccountRef("ledger", "A-1"), as_of=NOW - timedelta(minutes=1), name="Wilhelmina Okonjo", email="w@okonjo.example",
        phone="+15550100", timezone="America/Denver", language="en", region="US-CO", **fields,
    )  # fmt: skip


def past_due(**more) -> Account:
    """As ``account``, the third part failed and will be tried again."""
    failed = plan(
        1, ("2026-02-20", "100.00", "paid"), ("2026-03-20", "100.00", "paid"), ("2026-04-12", "100.00", "failed"),
        ("2026-05-20", "100.00", "scheduled"), ("2026-06-20", "100.00", "scheduled"), retry=date(2026, 4, 18),
    )  # fmt: skip
    payments = (
        payment("P-2", "2026-03-20", "100.00"),
        payment("P-3", "2026-04-12", "100.00", "failed", code="do_not_honor"),
    )
    return account(**{"plans": (failed,), "payments": payments, **more})


def dispute(invoice_id: str, status: str = "under_review") -> Dispute:
    return Dispute(
        id="dp_1", invoice_id=invoice_id, amount=usd("80.00"), reason="not as described", opened_on=TODAY, status=status
    )  # fmt: skip


def two_invoices(**more) -> Account:
    """The plan of ``account`` and a second invoice of 80."""
    fields = {"outstanding": usd("380.00"), "invoices": (invoice(1, "500.00", "200.00"), invoice(2, "80.00", due=date(2026, 5, 1), description="Audiobook trailer"))}  # fmt: skip
    return account(**{**fields, **more})


def ask(level: int = 2, text: str = "", today: date = TODAY, now: datetime = NOW, **entities) -> Ask:
    return Ask(entities=Entities(**entities), today=today, now=now, level=level, text=text)


def told(name: str, acct: Account, asked: Ask) -> dict:
    outcome = FACTS[name](acct, asked)
    assert isinstance(outcome, dict), outcome
    return plain(outcome)


def held(name: str, acct: Account, asked: Ask | None = None) -> str:
    outcome = FACTS[name](acct, asked or ask())
    assert isinstance(outcome, Held), outcome
    assert outcome.text
    return outcome.reason


def has_money(value) -> bool:
    if isinstance(value, Money):
        return True
    if isinstance(value, tuple):
        return any(has_money(v) for v in value)
    return hasattr(value, "values") and any(has_money(v) for v in value.values())


def full(**more) -> Account:
    """Something of everything."""
    royalties = Royalties(
        available=usd("120.50"), pending=usd("10.00"), returns_reserve=usd("3.20"), threshold=usd("50.00"),
        next_run_on=date(2026, 4, 20), tax_form="W-9", tax_form_status="approved", payout_method="bank ••9911",
        withdrawals=(Withdrawal(id="WD-1", amount=usd("75.00"), requested_on=date(2026, 4, 14), status="sent", expected_on=date(2026, 4, 21)),),
    )  # fmt: skip
    refunds = (
        Refund(
            id="RF-1", invoice_id="INV-1", payment_id="P-0", amount=usd("15.00"), status="approved",
            approved_on=date(2026, 4, 10), method="visa ••4242", expected="5-10 business days",
        ),
    )  # fmt: skip
    promises = (
        Promise(
            id="PR-1", invoice_id="INV-1", amount=usd("100.00"), on=date(2026, 4, 24), status="open", made_on=TODAY
        ),
    )
    return past_due(**{"royalties": royalties, "refunds": refunds, "promises": promises, **more})
