"""``inbox import FILE…``: bring accounts into the embedded ledger from JSON or CSV (docs/importing.md).

Everything is read and checked first; then all of it is written in one transaction, or nothing. With ``skip_bad`` an author
with any bad row is left out whole, never half: half an account would give wrong figures.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from inbox.accounts import base, contacts_told, import_authorisations, import_checks, ledger, records
from inbox.accounts.assembly import SOURCE
from inbox.accounts.import_fields import TABLES, Problem, Row, read
from inbox.accounts.import_files import json_rows, rows_of
from inbox.db.store import Store, Tx
from inbox.money import Money


@dataclass(slots=True)
class Report:
    """What an import did. ``problems`` are in the order of the files."""

    problems: list[Problem] = field(default_factory=list)
    written: dict[str, int] = field(default_factory=dict)  # rows by table
    skipped: list[str] = field(default_factory=list)  # author ids left out
    stayed: list[str] = field(default_factory=list)  # author ids whose available royalties were left as they are

    @property
    def ok(self) -> bool:
        return not self.problems

    def lines(self) -> list[str]:
        """For people: the problems, then the sum."""
        found = [str(p) for p in self.problems]
        if self.written:
            found.append("Imported " + ", ".join(f"{n} {table}" for table, n in self.written.items()) + ".")
        else:
            found.append("Nothing was imported.")
        if self.stayed:
            found.append(
                f"Available royalties stay as they are for {', '.join(self.stayed)}: money was paid out or set off here."
                " Give royalties their as_of, the moment at which the sums were true."
            )
        if self.skipped:
            found.append(f"Left out because of bad rows: {', '.join(self.skipped)}.")
        elif self.problems and not self.written:
            found.append(f"Correct the {len(self.problems)} problems above and import again{self._way_out()}.")
        return found

    def _way_out(self) -> str:
        if all(p.author_id for p in self.problems):
            return ", or use --skip-bad to leave those authors out"
        return " (--skip-bad does not help where it is not known whose row is bad)"


def run(
    paths: Sequence[Path | str], store: Store, *, table: str = "", skip_bad: bool = False, at: datetime | None = None
) -> Report:
    """Import the files together in one transaction. Call it without a running event loop; else use ``read_files`` and
    ``write`` in a unit of work.
    """
    rows, problems = read_files(paths, table)
    moment = at or datetime.now(UTC)
    return store.run_sync(lambda tx: write(tx, rows, problems, skip_bad=skip_bad, at=moment))


def read_files(paths: Sequence[Path | str], table: str = "") -> tuple[list[Row], list[Problem]]:
    """All rows of the files, their cells read, and the problems so far."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for path in paths:
        found, wrong = rows_of(Path(path), table)
        rows += found
        problems += wrong
    return rows, problems


def load_accounts(text: str, name: str, tx: Tx, *, at: datetime) -> Report:
    """Import accounts given as JSON text, within a unit of work: samples and fixtures."""
    rows, problems = json_rows(name, text)
    return write(tx, rows, problems, skip_bad=False, at=at)


def write(tx: Tx, rows: Sequence[Row], found: Sequence[Problem], *, skip_bad: bool, at: datetime) -> Report:
    """Check the rows against each other and against the ledger; write them if that may be."""
    problems = list(found)
    good = []
    for row in rows:
        wrong = read(row)
        problems += wrong
        if not wrong:
            good.append(row)
    problems += import_checks.check(tx, good, at)
    bad = {p.author_id for p in problems}
    report = Report(problems=problems)
    if problems and (not skip_bad or "" in bad):
        return report
    report.skipped = sorted(bad)
    report.written = _write(tx, [r for r in good if r.author_id not in bad], at, report.stayed)
    return report


# --- writing ----------------------------------------------------------------------------------------------------------


def _write(tx: Tx, rows: Sequence[Row], at: datetime, stayed: list[str]) -> dict[str, int]:
    """How many rows of each table; ``stayed`` gets the authors whose available royalties are not overwritten."""
    by_table: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_table[row.table].append(row)
    currencies = import_checks.currencies(tx, rows)
    for row in by_table["authors"]:
        records.author(tx, _reached(tx, _author(row, at), at), at)
    for author_id in sorted({r.author_id for r in rows} - {r.author_id for r in by_table["authors"]}):
        records.touch(tx, author_id, at)
    parts: dict[str, list[Row]] = defaultdict(list)
    for row in by_table["instalments"]:
        parts[row.values["plan"]].append(row)
    left = {r.values["id"]: r.values["paid"] for r in by_table["invoices"]}
    for row in by_table["payments"]:
        row.values["applied"] = _applied(row, left)
    for table in TABLES:
        for row in by_table[table]:
            if table == "royalties":
                if not records.royalties(tx, row.author_id, _royalties(row, currencies[row.author_id])):
                    stayed.append(row.author_id)
            elif table != "authorisations":
                _write_row(tx, row, currencies[row.author_id], parts)
    # At last: they look at the author's account, which would be kept from then on without what is written later.
    for row in by_table["authorisations"]:
        import_authorisations.write(tx, row, at)
    return {table: len(by_table[table]) for table in TABLES if by_table[table]}


def _reached(tx: Tx, account: base.Account, at: datetime) -> base.Account:
    """A contact that two people checked here stays; another new one makes payouts rest."""
    ledger.lock(tx, account.ref)
    told = contacts_told.Contact(email=account.email.lower(), phone=account.phone, source="import")
    kept = contacts_told.kept(tx, account.ref.id, told, at, at + contacts_told.REST)
    return replace(account, email=kept.email, phone=kept.phone)


def _applied(row: Row, left: dict[str, Decimal]) -> Decimal:
    """What of a payment its invoice shows as paid: a second payment of the same money lowered nothing."""
    v = row.values
    if v["status"] != "succeeded":
        return Decimal(0)
    applied: Decimal = min(v["amount"], left.get(v["invoice"], v["amount"]))
    if v["invoice"] in left:
        left[v["invoice"]] -= applied
    return applied


def _author(row: Row, at: datetime) -> base.Account:
    v = row.values
    return base.Account(
        ref=base.AccountRef(SOURCE, v["author_id"]), as_of=at, name=v["name"], email=v["email"],
        phone=v["phone"], timezone=v["timezone"], language=v["language"], region=v["region"], currency=v["currency"],
        titles=v["titles"], flags=v["flags"], consents=v["consents"],
    )  # fmt: skip


def _write_row(tx: Tx, row: Row, currency: str, parts: Mapping[str, list[Row]]) -> None:
    def money(name: str) -> Money:
        return Money.of(row.values[name], currency)

    v, author_id = row.values, row.author_id
    match row.table:
        case "invoices":
            records.invoice(tx, author_id, import_checks.invoice(row, currency))
        case "plans":
            records.plan(tx, author_id, import_checks.plan(row, parts[v["id"]], currency))
        case "payments":
            records.payment(
                tx, author_id,
                base.Payment(id=v["id"], on=v["date"], amount=money("amount"), method=v["method"], status=v["status"],
                             invoice_id=v["invoice"], decline_code=v["decline_code"]),
                applied=money("applied").minor,
            )  # fmt: skip
        case "payment_methods":
            records.payment_method(
                tx, author_id,
                base.PaymentMethod(id=v["id"], type=v["type"], brand=v["brand"], last4=v["last4"], expires=v["exp"],
                                   default=v["default"], status=v["status"]),
            )  # fmt: skip
        case "withdrawals":
            records.withdrawal(
                tx, author_id,
                base.Withdrawal(id=v["id"], amount=money("amount"), requested_on=v["requested"], status=v["status"],
                                expected_on=v["eta"], paid_on=v["paid_on"], reason=v["reason"]),
            )  # fmt: skip
        case "contact_log":
            records.contact_attempt(
                tx, author_id, base.ContactAttempt(at=v["at"], channel=v["channel"], outcome=v["outcome"])
            )
        case _:
            _write_claim(tx, row, money("amount") if "amount" in v and v["amount"] is not None else Money(0, currency))


def _royalties(row: Row, currency: str) -> base.Royalties:
    v = row.values
    currency = v["currency"] or currency
    form, _, status = v["tax_form"].partition(":")
    return base.Royalties(
        available=Money.of(v["available"], currency), pending=Money.of(v["pending"], currency),
        returns_reserve=Money.of(v["returns_reserve"], currency), threshold=Money.of(v["withdrawal_threshold"], currency),
        next_run_on=v["next_payout_run"], tax_form=form, tax_form_status=status, payout_method=v["payout_method"],
        hold_until=v["payout_hold_until"], as_of=v["as_of"],
    )  # fmt: skip


def _write_claim(tx: Tx, row: Row, amount: Money) -> None:
    v, author_id = row.values, row.author_id
    match row.table:
        case "refunds":
            records.refund(
                tx, author_id,
                base.Refund(id=v["id"], invoice_id=v["invoice"], payment_id=v["payment"], amount=amount, status=v["status"],
                            approved_on=v["approved"], method=v["method"], expected=v["expected"]),
            )  # fmt: skip
        case "disputes":
            records.dispute(
                tx, author_id,
                base.Dispute(id=v["id"], invoice_id=v["invoice"], amount=amount, reason=v["reason"], opened_on=v["opened"],
                             status=v["status"], payment_id=v["payment"], network=v["network"],
                             respond_by=v["respond_by"]),
            )  # fmt: skip
        case "promises":
            records.promise(
                tx, author_id,
                base.Promise(id=v["id"], invoice_id=v["invoice"], amount=amount, on=v["date"], status=v["status"],
                             made_on=v["made"], words=v["words"], approved_by=v["approved_by"]),
            )  # fmt: skip
