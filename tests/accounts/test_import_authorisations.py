"""Authorisations in an import: two names open one, one name waits, staff have the last word."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inbox import authorisations
from inbox.accounts import importing, ledger
from inbox.accounts.base import AccountRef
from inbox.accounts.importing import Report
from inbox.db.store import Store
from inbox.disclosure.parties import Authority
from inbox.message import ContactPoint

AT = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
JO: dict[str, Any] = {
    "id": "AU-1", "person": "Jo Okafor", "relation": "agent", "contact": "Jo@Agency.example", "intents": ["account_balance", "amount_due"],
    "titles": ["Low Tide"], "money": True, "from": "2026-01-01", "until": "2026-12-31", "evidence": "contract of 2 January",
    "recorded_by": "Ada", "approved_by": "Ben",
}  # fmt: skip


def imported(store: Store, tmp_path: Path, *authorisations_: dict[str, Any], **author: Any) -> Report:
    path = tmp_path / "authors.json"
    whole = {
        "author_id": "A-1", "name": "Hedda Winterbourne", "email": "hedda@w.example", "phone": "+15035550110", "titles": ["Low Tide", "Ebb"],
        "timezone": "America/Los_Angeles", "authorisations": list(authorisations_), **author,
    }  # fmt: skip
    path.write_text(json.dumps(whole), encoding="utf-8")
    rows, problems = importing.read_files([path])
    return store.run_sync(lambda tx: importing.write(tx, rows, problems, skip_bad=False, at=AT))


def on_record(store: Store) -> list[Authority]:
    return store.run_sync(lambda tx: authorisations.of_account(tx, AccountRef("ledger", "A-1")))


def test_two_people_make_it_live(sqlite_store: Store, tmp_path: Path) -> None:
    report = imported(sqlite_store, tmp_path, JO)
    assert report.lines() == ["Imported 1 authors, 1 authorisations."]
    [found] = on_record(sqlite_store)
    assert (found.status, found.recorded_by, found.approved_by) == ("approved", "Ada", "Ben")
    assert found.point == ContactPoint("email", "jo@agency.example")
    assert found.scope.titles == ("Low Tide",)
    assert found.starts_at == datetime(2026, 1, 1, 8, tzinfo=UTC)  # that day begins where the author is
    assert found.ends_at == datetime(2027, 1, 1, 8, tzinfo=UTC)
    assert found.is_live(AT)


@pytest.mark.parametrize("approved_by", ["", "Ada"])
def test_one_person_is_not_enough(sqlite_store: Store, tmp_path: Path, approved_by: str) -> None:
    imported(sqlite_store, tmp_path, {**JO, "approved_by": approved_by})
    [found] = on_record(sqlite_store)
    assert (found.status, found.approved_by) == ("proposed", "")


def test_again_changes_nothing_and_never_reopens_what_staff_ended(sqlite_store: Store, tmp_path: Path) -> None:
    imported(sqlite_store, tmp_path, JO)
    [found] = on_record(sqlite_store)
    sqlite_store.run_sync(lambda tx: authorisations.revoke(tx, found.id, "sol", "the author asked", AT))
    imported(sqlite_store, tmp_path, JO)
    assert [a.status for a in on_record(sqlite_store)] == ["revoked"]


def test_the_other_system_can_end_it(sqlite_store: Store, tmp_path: Path) -> None:
    imported(sqlite_store, tmp_path, JO)
    for _ in range(2):
        imported(sqlite_store, tmp_path, {**JO, "status": "revoked"})
        assert [a.status for a in on_record(sqlite_store)] == ["revoked"]
    imported(sqlite_store, tmp_path, {**JO, "id": "AU-9", "status": "revoked"})
    assert len(on_record(sqlite_store)) == 1


def test_one_that_has_run_out_is_history(sqlite_store: Store, tmp_path: Path) -> None:
    assert imported(sqlite_store, tmp_path, {**JO, "until": "2026-02-01"}).ok
    assert not on_record(sqlite_store)


@pytest.mark.parametrize(("change", "words"), [
    ({"intents": ["royalty_withdrawal"]}, "cannot be opened to another person"),
    ({"intents": []}, "intents is missing"),
    ({"titles": ["Another Book"]}, "is no title of A-1"),
    ({"contact": "hedda@w.example"}, "author's own"),
    ({"contact": "not an address"}, "is not a number"),
    ({"contact": "jo@@x"}, "is not an email address"),
    ({"relation": "boss"}, "relation"),
    ({"money": False}, "cannot be told without amounts"),
    ({"from": "2026-05-01", "until": "2026-04-01"}, "must end after it begins"),
    ({"evidence": ""}, "evidence is missing"),
    ({"recorded_by": ""}, "recorded_by is missing"),
    ({"nonsense": 1}, "nonsense"),
])  # fmt: skip
def test_a_bad_one_is_named_and_nothing_is_written(
    sqlite_store: Store, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    report = imported(sqlite_store, tmp_path, {**JO, **change})
    assert any(words in str(p) and "authorisations[0]" in str(p) for p in report.problems), report.problems
    assert not report.written
    assert not on_record(sqlite_store)


def test_a_table_of_its_own_for_an_author_who_is_in_the_ledger(sqlite_store: Store, tmp_path: Path) -> None:
    imported(sqlite_store, tmp_path)
    path = tmp_path / "authorisations.csv"
    path.write_text(
        "author_id,id,person,contact,intents,evidence,recorded_by,approved_by,money\n"
        "A-1,AU-2,Kit Bello,+15035550177,payment_status,letter,Ada,Ben,no\n", encoding="utf-8",
    )  # fmt: skip
    rows, problems = importing.read_files([path])
    report = sqlite_store.run_sync(lambda tx: importing.write(tx, rows, problems, skip_bad=False, at=AT))
    assert report.ok, report.problems
    [found] = on_record(sqlite_store)
    assert (found.point, found.scope.money, found.status) == (ContactPoint("phone", "+15035550177"), False, "approved")


def test_what_the_same_file_says_after_them_is_known_at_once(sqlite_store: Store, tmp_path: Path) -> None:
    contested = {
        "id": "D-1",
        "amount": "30.00",
        "reason": "not_mine",
        "opened": "2026-03-09",
        "status": "needs_response",
    }
    promised = {"id": "P-1", "amount": "30.00", "date": "2026-03-20", "status": "open", "made": "2026-03-10"}
    owed = {"id": "INV-1", "total": "30.00", "balance": "30.00", "issued": "2026-02-01", "due": "2026-03-01"}
    report = imported(
        sqlite_store, tmp_path, JO, invoices=[owed], disputes=[{**contested, "invoice": "INV-1"}],
        promises=[{**promised, "invoice": "INV-1"}],
    )  # fmt: skip
    assert report.ok, report.lines()
    account = sqlite_store.read_now(lambda tx: ledger.load(tx, AccountRef("ledger", "A-1")))
    assert [d.id for d in account.disputes] == ["D-1"]
    assert [p.id for p in account.promises] == ["P-1"]
