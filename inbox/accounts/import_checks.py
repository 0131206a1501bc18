"""Do the rows of an import agree with each other and with the ledger? Read-only: duplicates, references, sums."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

import sqlalchemy as sa

from inbox.accounts import base, import_authorisations, records, tables
from inbox.accounts.import_fields import Problem, Row
from inbox.db.store import Sql, Tx
from inbox.money import Money

_CURRENCY = Sql(sa.select(tables.authors.c.currency).where(tables.authors.c.id == sa.bindparam("id")))
_INVOICE = Sql(sa.select(tables.invoices).where(tables.invoices.c.id == sa.bindparam("id")))
_HAS_ROYALTIES = Sql(sa.select(tables.royalties.c.author_id).where(tables.royalties.c.author_id == sa.bindparam("id")))


def check(tx: Tx, rows: Sequence[Row], at: datetime) -> list[Problem]:
    """Every disagreement; ``rows`` are read already and each good by itself."""
    known = currencies(tx, rows)
    problems = [*_duplicates(rows), *_strangers(rows, known), *_foreign_ids(tx, rows)]
    wrong_authors = {p.author_id for p in problems}
    sound = [r for r in rows if r.author_id not in wrong_authors]
    amounts = list(_amounts(sound, known))
    problems += amounts
    if amounts:  # sums of unreadable amounts say nothing
        return problems
    problems += _references(tx, sound)
    problems += _times(sound, at)
    problems += import_authorisations.problems(tx, sound, at)
    problems += _invoice_sums(sound)
    problems += _author_sums(sound)
    problems += _plan_sums(tx, sound, known)
    return problems


def currencies(tx: Tx, rows: Iterable[Row]) -> dict[str, str]:
    """The currency of each author in the rows: from the import, else from the ledger; unknown authors are missing."""
    rows = list(rows)
    found = {r.author_id: r.values["currency"] for r in rows if r.table == "authors"}
    for author_id in sorted({r.author_id for r in rows} - set(found)):
        row = tx.one(_CURRENCY, id=author_id)
        if row is not None:
            found[author_id] = row["currency"]
    return found


def invoice(row: Row, currency: str) -> base.Invoice:
    v = row.values
    balance = v["total"] - v["paid"]
    status = v["status"] or ("open" if balance > 0 else "paid")
    return base.Invoice(
        id=v["id"], description=v["description"], issued_on=v["issued"], due_on=v["due"],
        total=Money.of(v["total"], currency), paid=Money.of(v["paid"], currency), balance=Money.of(balance, currency),
        status=status,
    )  # fmt: skip


def plan(row: Row, parts: Sequence[Row], currency: str) -> base.Plan:
    return base.Plan(
        id=row.values["id"],
        invoice_id=row.values["invoice"],
        next_retry_on=row.values["next_retry"],
        approved_by=row.values["approved_by"],
        instalments=tuple(
            base.Instalment(
                number=p.values["n"], due_on=p.values["due"], amount=Money.of(p.values["amount"], currency),
                status=p.values["status"],
            )
            for p in sorted(parts, key=lambda p: int(p.values["n"]))
        ),
    )  # fmt: skip


def _duplicates(rows: Sequence[Row]) -> Iterator[Problem]:
    seen: dict[tuple[str, ...], str] = {}
    for row in rows:
        first = seen.setdefault(row.key, row.where)
        if first != row.where:
            yield row.problem(f"{' '.join(row.key[1:])} is there twice, first at {first}")


def _strangers(rows: Sequence[Row], known: dict[str, str]) -> Iterator[Problem]:
    for row in rows:
        if row.author_id not in known:
            yield row.problem(f"author {row.author_id} is neither in this import nor in the ledger")


def _foreign_ids(tx: Tx, rows: Sequence[Row]) -> Iterator[Problem]:
    for row in rows:
        owner = records.owner(tx, row.table, str(row.values["id"])) if "id" in row.values else ""
        if owner and owner != row.author_id:
            yield row.problem(f"{row.values['id']} is a record of another author in the ledger")


def _amounts(rows: Sequence[Row], known: dict[str, str]) -> Iterator[Problem]:
    """Amounts with more places than their currency has, and negative ones."""
    for row in rows:
        currency = row.values.get("currency") or known[row.author_id]
        for name, value in row.values.items():
            if not isinstance(value, Decimal):
                continue
            try:
                Money.of(value, currency)
            except ValueError as error:
                yield row.problem(f"{name} {error}")
            else:
                if value < 0 and name not in ("balance", "total_outstanding", "available"):
                    yield row.problem(f"{name} must not be negative")


def _times(rows: Sequence[Row], at: datetime) -> Iterator[Problem]:
    """A sum of a moment to come would hide what is paid out until then."""
    for row in rows:
        if row.table == "royalties" and row.values["as_of"] is not None and row.values["as_of"] > at:
            yield row.problem(f"as_of {row.values['as_of'].isoformat()} has not come yet")


def _references(tx: Tx, rows: Sequence[Row]) -> Iterator[Problem]:
    owners = {r.values["id"]: r.author_id for r in rows if r.table == "invoices"}
    plans = {r.values["id"]: r.author_id for r in rows if r.table == "plans"}
    royal = {r.author_id for r in rows if r.table == "royalties"}
    for row in rows:
        invoice_id = row.values.get("invoice")
        if invoice_id and (owners.get(invoice_id) or records.owner(tx, "invoices", invoice_id)) != row.author_id:
            yield row.problem(
                f"invoice {invoice_id} of author {row.author_id} is neither in this import nor in the ledger"
            )
        if row.table == "instalments" and plans.get(row.values["plan"]) != row.author_id:
            yield row.problem(f"plan {row.values['plan']} is not in this import; import plans and instalments together")
        if row.table == "withdrawals" and row.author_id not in royal and not tx.one(_HAS_ROYALTIES, id=row.author_id):
            yield row.problem(f"author {row.author_id} has no royalties to withdraw from")


def _invoice_sums(rows: Sequence[Row]) -> Iterator[Problem]:
    for row in (r for r in rows if r.table == "invoices"):
        total, paid, balance, status = (row.values[k] for k in ("total", "paid", "balance", "status"))
        left = Decimal(0) if status == "void" else total - paid
        if balance is not None and balance != left:
            yield row.problem(f"total {total} less paid {paid} is {left}, but balance says {balance}")
        elif status == "paid" and left > 0:
            yield row.problem(f"status is paid, but {left} is left")
        elif status == "open" and left <= 0:
            yield row.problem("status is open, but nothing is left to pay")
        if row.values["due"] < row.values["issued"]:
            yield row.problem("due is before issued")


def _author_sums(rows: Sequence[Row]) -> Iterator[Problem]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        if row.table == "invoices" and row.values["status"] != "void":
            sums[row.author_id] += row.values["total"] - row.values["paid"]
    for row in rows:
        told = row.values.get("total_outstanding") if row.table == "authors" else None
        if told is not None and told != sums[row.author_id]:
            yield row.problem(
                f"the balances of the invoices come to {sums[row.author_id]}, but total_outstanding says {told}"
            )


def _plan_sums(tx: Tx, rows: Sequence[Row], known: dict[str, str]) -> Iterator[Problem]:
    """The parts come to the invoice's total, or the open ones to its balance, give or take a cent for each part."""
    invoices = {r.values["id"]: invoice(r, known[r.author_id]) for r in rows if r.table == "invoices"}
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.table == "instalments":
            parts[row.values["plan"]].append(row)
    for row in (r for r in rows if r.table == "plans"):
        currency = known[row.author_id]
        whole = plan(row, parts[row.values["id"]], currency)
        if not whole.instalments:
            yield row.problem("the plan has no instalments")
            continue
        count = row.values["installments"]
        if count is not None and count != len(whole.instalments):
            yield row.problem(f"installments says {count}, but there are {len(whole.instalments)}")
        of = invoices.get(whole.invoice_id) or _stored(tx, whole.invoice_id, currency)
        if of is None:
            continue  # told already
        all_parts = sum(i.amount.minor for i in whole.instalments)
        open_parts = sum(i.amount.minor for i in whole.left)
        cents = len(whole.instalments)
        if abs(all_parts - of.total.minor) > cents and abs(open_parts - of.balance.minor) > cents:
            yield row.problem(f"the instalments come to {Money(all_parts, currency)}, the invoice to {of.total}")


def _stored(tx: Tx, invoice_id: str, currency: str) -> base.Invoice | None:
    row = tx.one(_INVOICE, id=invoice_id)
    if row is None:
        return None
    total, paid = row["total"] - row["credited"], row["paid"]
    return base.Invoice(
        id=invoice_id, description="", issued_on=date.min, due_on=date.min, total=Money(total, currency),
        paid=Money(paid, currency), balance=Money(total - paid, currency), status=row["status"],
    )  # fmt: skip
