"""Read one whole account in one statement, so that its parts agree, and build the frozen ``Account`` from it.

One statement because under PostgreSQL's READ COMMITTED several would each see another moment, and because one round trip
costs a tenth of fourteen.
"""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import sqlalchemy as sa

from inbox.accounts import base, tables
from inbox.clock import from_micros
from inbox.db.store import Sql
from inbox.money import Money

SOURCE = "ledger"
_PARTS: dict[str, tuple[sa.Table, tuple[str, ...]]] = {
    "titles": (tables.titles, ("position", "title")),
    "invoices": (tables.invoices, ("id", "description", "issued_on", "due_on", "total", "credited", "paid", "status")),
    "plans": (tables.plans, ("id", "invoice_id", "next_retry_on", "approved_by", "status", "moves")),
    "instalments": (tables.instalments, ("plan_id", "number", "due_on", "amount", "paid", "status")),
    "payments": (tables.payments, ("id", "on", "amount", "method", "status", "invoice_id", "decline_code")),
    "payment_methods": (tables.payment_methods, ("id", "type", "brand", "last4", "expires", "is_default", "status")),
    "royalties": (
        tables.royalties,
        ("currency", "available", "pending", "returns_reserve", "threshold", "next_run_on", "tax_form", "tax_form_status",
         "payout_method", "hold_until", "payout_checked_at"),
    ),
    "withdrawals": (
        tables.withdrawals,
        ("id", "amount", "requested_on", "status", "expected_on", "paid_on", "reason", "changed_at"),
    ),
    "refunds": (
        tables.refunds,
        ("id", "invoice_id", "payment_id", "amount", "status", "approved_on", "method", "expected"),
    ),
    "disputes": (
        tables.disputes,
        ("id", "invoice_id", "amount", "reason", "opened_on", "status", "payment_id", "network", "respond_by"),
    ),
    "promises": (
        tables.promises,
        ("id", "invoice_id", "amount", "on", "status", "made_on", "words", "approved_by"),
    ),
    "contact_log": (tables.contact_log, ("at", "channel", "outcome")),
}  # fmt: skip


def _statement(engine: str) -> sa.Executable:
    authors = tables.authors
    columns: list[Any] = list(authors.c)
    for name, (table, wanted) in _PARTS.items():
        cells = [table.c[c] for c in wanted]
        rows: Any
        if engine == "sqlite":
            rows = sa.func.json_group_array(sa.func.json_array(*cells))
        else:
            rows = sa.func.coalesce(sa.func.json_agg(sa.func.json_build_array(*cells)), sa.literal_column("'[]'::json"))
        columns.append(sa.select(rows).where(table.c.author_id == authors.c.id).scalar_subquery().label(f"{name}_rows"))
    return sa.select(*columns).where(authors.c.id == sa.bindparam("id"))


ACCOUNT = Sql(_statement)


def build(row: Any) -> base.Account:
    """The account from the row that ``ACCOUNT`` gives."""
    parts = {name: _rows(row[f"{name}_rows"]) for name in _PARTS}
    currency = row["currency"]
    biller, _, biller_id = row["billing"].partition(":")

    def money(minor: int) -> Money:
        return Money(minor, currency)

    invoices = tuple(_invoice(r, money) for r in sorted(parts["invoices"], key=lambda r: (r[2], r[0])))
    return base.Account(
        ref=base.AccountRef(SOURCE, row["id"]),
        as_of=from_micros(row["as_of"]),
        name=row["name"],
        email=row["email"],
        phone=row["phone"],
        timezone=row["timezone"],
        language=row["language"],
        region=row["region"],
        currency=currency,
        titles=tuple(r[1] for r in sorted(parts["titles"])),
        outstanding=Money.total((i.balance for i in invoices if i.status != "void"), currency),
        invoices=invoices,
        plans=_plans(parts["plans"], parts["instalments"], money),
        payments=tuple(_payment(r, money) for r in sorted(parts["payments"], key=lambda r: (r[1], r[0]))),
        payment_methods=tuple(
            base.PaymentMethod(id=i, type=t, brand=b, last4=n, expires=e, default=bool(d), status=s)
            for i, t, b, n, e, d, s in sorted(parts["payment_methods"])
        ),
        royalties=_royalties(parts["royalties"][0], parts["withdrawals"]) if parts["royalties"] else None,
        refunds=tuple(_refund(r, money) for r in sorted(parts["refunds"], key=lambda r: (r[5], r[0]))),
        disputes=tuple(_dispute(r, money) for r in sorted(parts["disputes"], key=lambda r: (r[4], r[0]))),
        promises=tuple(_promise(r, money) for r in sorted(parts["promises"], key=lambda r: (r[5], r[0]))),
        contact_log=tuple(
            base.ContactAttempt(at=from_micros(a), channel=c, outcome=o) for a, c, o in sorted(parts["contact_log"])
        ),
        consents=json.loads(row["consents"]),
        flags=tuple(json.loads(row["flags"])),
        billing=base.AccountRef(biller, biller_id) if biller else None,
    )


def _rows(value: Any) -> list[Any]:
    rows: list[Any] = json.loads(value) if isinstance(value, str) else value
    return rows


def _on(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _invoice(row: list[Any], money: Any) -> base.Invoice:
    id_, description, issued, due, total, credited, paid, status = row
    total -= credited  # what it comes to after its credit notes
    return base.Invoice(
        id=id_, description=description, issued_on=date.fromisoformat(issued), due_on=date.fromisoformat(due),
        total=money(total), paid=money(paid), balance=money(0 if status == "void" else total - paid), status=status,
    )  # fmt: skip


def _plans(plans: list[Any], instalments: list[Any], money: Any) -> tuple[base.Plan, ...]:
    parts: dict[str, list[base.Instalment]] = {}
    for plan_id, number, due, amount, paid, status in sorted(instalments):
        left = amount if status == "paid" else amount - paid  # of an instalment paid in part, what is left of it
        parts.setdefault(plan_id, []).append(
            base.Instalment(number=number, due_on=date.fromisoformat(due), amount=money(left), status=status)
        )
    return tuple(
        base.Plan(
            id=id_, invoice_id=invoice_id, instalments=tuple(parts.get(id_, ())), next_retry_on=_on(retry),
            approved_by=approved_by, moves=moves,
        )
        for id_, invoice_id, retry, approved_by, status, moves in sorted(plans)
        if status == "active"
    )  # fmt: skip


def _payment(row: list[Any], money: Any) -> base.Payment:
    id_, on, amount, method, status, invoice_id, decline = row
    return base.Payment(
        id=id_, on=date.fromisoformat(on), amount=money(amount), method=method, status=status, invoice_id=invoice_id,
        decline_code=decline,
    )  # fmt: skip


def _royalties(row: list[Any], withdrawals: list[Any]) -> base.Royalties:
    currency, available, pending, reserve, threshold, run, form, form_status, method, hold, checked = row
    return base.Royalties(
        available=Money(available, currency), pending=Money(pending, currency), returns_reserve=Money(reserve, currency),
        threshold=Money(threshold, currency), next_run_on=_on(run), tax_form=form, tax_form_status=form_status,
        payout_method=method, hold_until=from_micros(hold) if hold else None,
        payout_checked_at=from_micros(checked) if checked else None,
        withdrawals=tuple(
            base.Withdrawal(
                id=w[0], amount=Money(w[1], currency), requested_on=date.fromisoformat(w[2]), status=w[3],
                expected_on=_on(w[4]), paid_on=_on(w[5]), reason=w[6], changed_at=from_micros(w[7]) if w[7] else None,
            )
            for w in sorted(withdrawals, key=lambda w: (w[2], w[0]))
        ),
    )  # fmt: skip


def _refund(row: list[Any], money: Any) -> base.Refund:
    id_, invoice_id, payment_id, amount, status, approved, method, expected = row
    return base.Refund(
        id=id_, invoice_id=invoice_id, payment_id=payment_id, amount=money(amount), status=status,
        approved_on=_on(approved), method=method, expected=expected,
    )  # fmt: skip


def _dispute(row: list[Any], money: Any) -> base.Dispute:
    id_, invoice_id, amount, reason, opened, status, payment_id, network, respond_by = row
    return base.Dispute(
        id=id_, invoice_id=invoice_id, amount=money(amount), reason=reason, opened_on=date.fromisoformat(opened),
        status=status, payment_id=payment_id, network=network, respond_by=_on(respond_by),
    )  # fmt: skip


def _promise(row: list[Any], money: Any) -> base.Promise:
    id_, invoice_id, amount, on, status, made, words, approved_by = row
    return base.Promise(
        id=id_, invoice_id=invoice_id, amount=money(amount), on=date.fromisoformat(on), status=status,
        made_on=date.fromisoformat(made), words=words, approved_by=approved_by,
    )  # fmt: skip
