"""The sample authors can be imported on any day, and show what they are there to show."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime

import pytest

from inbox.accounts import importing, ledger, samples
from inbox.accounts.base import Account, AccountRef
from inbox.db.store import Store
from inbox.message import ContactPoint

TODAY = date(2027, 8, 3)


@pytest.fixture
async def accounts(sqlite_store: Store) -> dict[str, Account]:
    told = samples.load(TODAY)
    at = datetime(2027, 8, 3, 12, 0, tzinfo=UTC)
    report = await sqlite_store.run(lambda tx: importing.load_accounts(json.dumps(told), "samples", tx, at=at))
    assert report.lines()[0].startswith("Imported 30 authors")
    return {
        a["author_id"]: sqlite_store.read_now(lambda tx, a=a: ledger.load(tx, AccountRef("ledger", a["author_id"])))
        for a in told
    }


async def test_all_thirty_are_imported_without_a_complaint(accounts: dict[str, Account]) -> None:
    assert len(accounts) == 30
    assert {a.language for a in accounts.values()} == {"en", "es", "pt"}
    assert len({a.timezone for a in accounts.values()}) >= 15


async def test_the_cast_has_every_situation(accounts: dict[str, Account]) -> None:
    everyone = list(accounts.values())
    withdrawals = {w.status for a in everyone if a.royalties for w in a.royalties.withdrawals}
    assert withdrawals == {"requested", "in_review", "held", "sent", "paid", "returned"}
    assert {r.status for a in everyone for r in a.refunds} >= {"approved", "pending", "paid"}
    assert {p.status for a in everyone for p in a.payments} == {"succeeded", "pending", "failed", "refunded"}
    assert {f for a in everyone for f in a.flags} >= {"vip", "hardship"}
    assert {d.network != "" for a in everyone for d in a.disputes if d.is_open} == {True, False}
    assert {p.status for a in everyone for p in a.promises} >= {"open", "broken"}
    assert {a.royalties.tax_form_status for a in everyone if a.royalties} >= {"approved", "missing", "expired"}
    assert any(a.outstanding.minor < 0 for a in everyone)
    assert any(len(a.titles) > 1 for a in everyone)
    assert any(a.royalties and a.royalties.hold_until for a in everyone)


async def test_two_authors_share_name_and_phone(accounts: dict[str, Account], sqlite_store: Store) -> None:
    shared = next(a for a in accounts.values() if a.name == "Clement Abernathy")
    found = await sqlite_store.read(lambda tx: ledger.find(tx, ContactPoint("phone", shared.phone)))
    assert {accounts[r.id].name for r in found} == {"Clement Abernathy", "Clementine Abernathy"}


async def test_dates_move_with_the_calendar(accounts: dict[str, Account]) -> None:
    plans = [p for a in accounts.values() for p in a.plans]
    assert all(i.due_on > TODAY for p in plans for i in p.instalments if i.status == "scheduled")
    assert all(i.due_on <= TODAY for p in plans for i in p.instalments if i.status != "scheduled")
    assert all(p.on > TODAY for a in accounts.values() for p in a.promises if p.status == "open")


def test_a_day_later_everything_is_a_day_later() -> None:
    first, second = samples.load(date(2026, 2, 28)), samples.load(date(2026, 3, 1))
    issued = [[date.fromisoformat(i["issued"]) for a in told for i in a["invoices"]] for told in (first, second)]
    assert {(b - a).days for a, b in zip(*issued, strict=True)} == {1}
