"""``inbox import``: good files come in whole, bad ones not at all, and each complaint says where and why."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from inbox.accounts import importing, ledger
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.import_fields import TABLES
from inbox.accounts.importing import Report
from inbox.db.store import Store
from inbox.errors import NotFound
from tests.accounts.contract import usd

GOOD: dict[str, Any] = {
    "author_id": "A-1", "name": "Hedda Winterbourne", "email": "Hedda@Winterbourne.example", "phone": "+15035550110",
    "timezone": "America/Los_Angeles", "language": "en", "region": "US-OR", "titles": ["Low Tide"],
    "balance": {"currency": "USD", "total_outstanding": "100.00"},
    "invoices": [{"id": "INV-1", "description": "Layout", "issued": "2026-01-02", "due": "2026-04-02", "total": "150.01",
                  "paid": "50.01", "balance": "100.00", "status": "open"}],
    "plans": [{"id": "PL-1", "invoice": "INV-1", "installments": 3, "amount": "50.00", "next_retry": "2026-03-14",
               "schedule": [{"n": 1, "due": "2026-02-02", "amount": "50.01", "status": "paid"},
                            {"n": 2, "due": "2026-03-02", "amount": "50.00", "status": "failed"},
                            {"n": 3, "due": "2026-04-02", "amount": "50.00", "status": "scheduled"}]}],
    "payments": [{"id": "P-1", "date": "2026-02-02", "amount": "50.01", "method": "visa ••1212", "status": "succeeded",
                  "invoice": "INV-1"}],
    "payment_methods": [{"id": "pm_1", "type": "card", "brand": "visa", "last4": "1212", "exp": "01/28", "default": True}],
    "royalties": {"available": "12.00", "pending": "1.50", "returns_reserve": "0.25", "currency": "USD",
                  "withdrawal_threshold": "50.00", "next_payout_run": "2026-03-20", "tax_form": "W-9:approved",
                  "payout_method": "bank ••8800", "payout_hold_until": "2026-03-12T09:00:00-08:00",
                  "withdrawals": [{"id": "WD-1", "amount": "60.00", "requested": "2026-01-05", "status": "paid",
                                   "eta": "2026-01-09"}]},
    "refunds": [{"id": "RF-1", "invoice": "INV-1", "payment": "P-0", "amount": "5.00", "status": "approved",
                 "approved": "2026-03-01", "method": "visa ••1212", "expected": "5-10 business days"}],
    "disputes": [{"id": "dp_1", "payment": "P-1", "invoice": "INV-1", "amount": "50.01", "network": "visa",
                  "reason": "13.1", "opened": "2026-03-02", "respond_by": "2026-03-16", "status": "needs_response"}],
    "promises": [{"id": "PR-1", "invoice": "INV-1", "amount": "50.00", "date": "2026-03-20", "status": "open",
                  "made": "2026-03-10"}],
    "contact_log": [{"at": "2026-03-03T10:00:00-08:00", "channel": "call", "outcome": "no_answer"}],
    "consents": {"sms": True, "email": True, "call": False}, "flags": ["vip"],
}  # fmt: skip


def good(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(GOOD), **changes}


def small(author_id: str, **more: Any) -> dict[str, Any]:
    return {"author_id": author_id, "name": f"Author {author_id}", **more}


@pytest.fixture
def bring(sqlite_store: Store, tmp_path: Path):
    """Write files and import them; values that are no text are written as JSON."""

    async def bring(files: dict[str, Any], **options: Any) -> Report:
        paths = []
        for name, content in files.items():
            path = tmp_path / name
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                path.write_text(text, encoding="utf-8")
            paths.append(path)
        return await asyncio.to_thread(importing.run, paths, sqlite_store, **options)

    return bring


def stored(store: Store, author_id: str = "A-1") -> Account:
    return store.read_now(lambda tx: ledger.load(tx, AccountRef("ledger", author_id)))


def is_empty(store: Store) -> bool:
    try:
        stored(store)
    except NotFound:
        return True
    return False


# --- what comes in ----------------------------------------------------------------------------------------------------


async def test_an_account_comes_in_whole(bring, sqlite_store: Store) -> None:
    report = await bring({"authors.json": [GOOD]})
    assert report.lines() == [
        (
            "Imported 1 authors, 1 invoices, 1 plans, 3 instalments, 1 payments, 1 payment_methods, 1 royalties,"
            " 1 withdrawals, 1 refunds, 1 disputes, 1 promises, 1 contact_log."
        )
    ]
    account = stored(sqlite_store)
    assert (account.name, account.email, account.titles) == (
        "Hedda Winterbourne",
        "hedda@winterbourne.example",
        ("Low Tide",),
    )
    assert account.outstanding == usd("100.00")
    assert [(str(i.amount), i.status) for i in account.plans[0].instalments] == [
        ("50.01", "paid"), ("50.00", "failed"), ("50.00", "scheduled"),
    ]  # fmt: skip
    assert account.plans[0].next_retry_on == date(2026, 3, 14)
    assert account.royalties and account.royalties.tax_form_status == "approved"
    assert account.royalties.hold_until and account.royalties.hold_until.isoformat() == "2026-03-12T17:00:00+00:00"
    assert account.disputes[0].respond_by == date(2026, 3, 16)
    assert account.consents == {"sms": True, "email": True, "call": False}


async def test_the_same_on_both_engines(store: Store) -> None:
    text = json.dumps(GOOD)
    for _ in range(2):  # the second time overwrites
        report = await store.run(
            lambda tx: importing.load_accounts(text, "x", tx, at=importing.datetime.now(importing.UTC))
        )
        assert report.ok
    assert stored(store).outstanding == usd("100.00")
    assert len(stored(store).plans[0].instalments) == 3


@pytest.mark.parametrize(
    "content",
    [
        small("A-1"),
        [small("A-1")],
        {"accounts": [small("A-1")]},
        {"account": small("A-1"), "other_accounts": [small("A-2")], "turns": []},
        json.dumps(small("A-1")) + "\n" + json.dumps(small("A-2")) + "\n",
        "[\n" + json.dumps(small("A-1")) + "\n,\n" + json.dumps(small("A-2")) + "]\n",
        b"\xef\xbb\xbf" + json.dumps(small("A-1")).encode(),
    ],
    ids=["one", "list", "accounts", "cast", "lines", "list over lines", "byte order mark"],
)
async def test_json_in_any_of_its_forms(bring, sqlite_store: Store, content: Any) -> None:
    assert (await bring({"authors.json": content})).ok
    assert stored(sqlite_store).name == "Author A-1"


async def test_csv_tables_come_in_together(bring, sqlite_store: Store) -> None:
    report = await bring({
        "authors.csv": 'author_id,name,titles,consents,timezone\nA-1,"Winterbourne, Hedda",Low Tide;High Tide,sms;email,UTC\n',
        "2026-invoices.csv": "id;author_id;issued;due;total;paid\r\nINV-1;A-1;2026-01-02;2026-04-02;150.01;50.01\r\n",
        "plans.csv": "author_id,id,invoice\nA-1,PL-1,INV-1\n",
        "instalments.csv": "author_id,plan,n,due,amount,status\nA-1,PL-1,1,2026-02-02,50.01,paid\n"
        "A-1,PL-1,2,2026-03-02,50.00,failed\nA-1,PL-1,3,2026-04-02,50.00,scheduled\n",
    })  # fmt: skip
    assert report.lines() == ["Imported 1 authors, 1 invoices, 1 plans, 3 instalments."]
    account = stored(sqlite_store)
    assert (account.name, account.titles) == ("Winterbourne, Hedda", ("Low Tide", "High Tide"))
    assert account.consents == {"call": False, "email": True, "sms": True}
    assert (account.outstanding, account.invoices[0].status) == (usd("100.00"), "open")


async def test_later_files_may_lean_on_the_ledger(bring, sqlite_store: Store) -> None:
    await bring({"authors.json": [GOOD]})
    before = stored(sqlite_store)
    report = await bring(
        {"new.csv": "author_id,id,date,amount,status,invoice\nA-1,P-2,2026-03-05,50.00,pending,INV-1\n"},
        table="payments",
    )
    assert report.ok
    assert [p.id for p in stored(sqlite_store).payments] == ["P-1", "P-2"]
    assert stored(sqlite_store).outstanding == before.outstanding


async def test_amounts_follow_the_currency(bring, sqlite_store: Store) -> None:
    invoice = {"id": "INV-1", "issued": "2026-01-02", "due": "2026-04-02", "total": "9000"}
    assert (await bring({"a.json": small("A-1", balance={"currency": "JPY"}, invoices=[invoice])})).ok
    assert (stored(sqlite_store).outstanding.minor, stored(sqlite_store).currency) == (9000, "JPY")
    report = await bring(
        {"b.json": small("A-2", balance={"currency": "JPY"}, invoices=[{**invoice, "id": "I", "total": "90.5"}])}
    )
    assert "smallest unit of JPY" in report.lines()[0]


# --- what does not ----------------------------------------------------------------------------------------------------


def changed(path: str, value: Any) -> dict[str, Any]:
    account = good()
    at: Any = account
    *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
    for step in steps:
        at = at[step]
    at[last] = value
    return account


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("author_id", "", "author_id is missing"),
        ("author_id", "A 1", "is not an id"),
        ("name", None, "name is missing"),
        ("name", {"first": "H"}, "name must be a text"),
        ("name", "x" * 3000, "longer than 2000"),
        ("email", "nobody", "'nobody' is not an email address"),
        ("phone", "503-555-0110", "is not a number like +15055550161"),
        ("timezone", "Oregon", "'Oregon' is not a time zone"),
        ("language", "de", "'de' is none of en, es, pt"),
        ("balance.currency", "DOLLAR", "'DOLLAR' is not a currency"),
        ("titles", 7, "titles must be a list"),
        ("consents", {"fax": True}, "consents may name sms, email and call"),
        ("shoe_size", 42, "unknown field 'shoe_size'"),
        ("invoices", {"id": "INV-1"}, "invoices: must be a list of objects"),
        ("invoices.0.colour", "red", "invoices[0]: 'colour' is not a column of invoices"),
        ("invoices.0.total", "lots", "invoices[0]: total 'lots' is not an amount"),
        ("invoices.0.total", "1e3", "total '1e3' is not an amount"),
        ("invoices.0.total", "150.005", "not a whole number of the smallest unit of USD"),
        ("invoices.0.total", "-1.00", "total must not be negative"),
        ("invoices.0.due", "02.04.2026", "due '02.04.2026' is not a date"),
        ("invoices.0.due", "2026-02-30", "due '2026-02-30' is not a date"),
        ("invoices.0.due", "2025-02-01", "due is before issued"),
        ("invoices.0.balance", "99.00", "total 150.01 less paid 50.01 is 100.00, but balance says 99.00"),
        ("invoices.0.status", "paid", "status is paid, but 100.00 is left"),
        ("balance.total_outstanding", "101.00", "come to 100.00, but total_outstanding says 101.00"),
        ("plans.0.schedule.2.amount", "60.00", "the instalments come to 160.01, the invoice to 150.01"),
        ("plans.0.installments", 4, "installments says 4, but there are 3"),
        ("plans.0.schedule", [], "the plan has no instalments"),
        ("plans.0.schedule.1.n", 1, "PL-1 1 is there twice"),
        ("plans.0.schedule.1.status", "late", "schedule[1]: status 'late' is none of paid, scheduled, failed"),
        ("plans.0.invoice", "INV-9", "invoice INV-9 of author A-1 is neither in this import nor in the ledger"),
        ("payments.0.invoice", "INV-9", "payments[0]: invoice INV-9"),
        ("payments.0.method", "4539578763621486", "method holds a full card, bank or tax number"),
        ("payment_methods.0.last4", "41212", "last4 must be the last four digits"),
        ("payment_methods.0.default", "maybe", "default 'maybe' is neither true nor false"),
        ("royalties.payout_hold_until", "2026-03-12T09:00:00", "is not a time with its zone"),
        ("royalties.payout_method", "DE89370400440532013000", "payout_method holds a full"),
        ("royalties", "none", "royalties: must be an object"),
        ("contact_log.0.channel", "pigeon", "channel 'pigeon' is none of"),
    ],
)  # fmt: skip
async def test_a_bad_cell_is_named_and_nothing_is_written(
    bring, sqlite_store: Store, path: str, value: Any, complaint: str
) -> None:
    report = await bring({"authors.json": [changed(path, value)]})
    assert any(complaint in line for line in report.lines()), report.lines()
    assert all(p.where.startswith("authors.json:1") for p in report.problems)
    assert "Nothing was imported." in report.lines()
    assert is_empty(sqlite_store)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.json": ""}, "a.json: is empty"),
        ({"a.json": " \n"}, "a.json: is empty"),
        ({"a.json": '[{"author_id": "A-1",\n "name" "x"}]'}, "line 2, column 9: not valid JSON"),
        ({"a.json": '[{"author_id": "A-1", "name": "x"}'}, "does not end with the file's last ]"),
        ({"a.json": '[{"author_id": "A-1", "name": "x"} {"author_id": "A-2"}]'}, "a comma is missing"),
        ({"a.json": "[" * 100_000}, "nested too deeply"),
        ({"a.json": "[1]"}, "a.json:1: is not an account"),
        ({"a.json": "José".encode("latin-1")}, "is not UTF-8 (line 1, byte 0xe9); save it as UTF-8"),
        ({"authors.csv": "author_id,name\nA-1,José\n".encode("latin-1")}, "is not UTF-8 (line 2, byte 0xe9)"),
        ({"authors.csv": "author_id,name\nA-1,x\0y\n"}, "holds NUL characters (line 2)"),
        ({"people.csv": "author_id,name\nA-1,x\n"}, "its name says no table"),
        ({"authors.csv": "author_id,name,iban\nA-1,x,y\n"}, "'iban' is not a column of authors; known are author_id"),
        ({"authors.csv": "author_id,email\nA-1,x@y.example\n"}, "the column 'name' is missing"),
        ({"authors.csv": "author_id,name,name\nA-1,x,y\n"}, "the column 'name' stands there twice"),
        ({"authors.csv": "author_id,name\nA-1,x\nA-2,y,z\n"}, "authors.csv:3: has 3 cells, the header has 2"),
        ({"authors.csv": 'author_id,name\nA-1,"x\n'}, "authors.csv:2: cannot be read as CSV"),
        ({"authors.csv": f"author_id,name\nA-1,{'x' * 1_000_001}\n"}, "line 2 is longer than 1000000 characters"),
        ({"authors.csv": "author_id,name\nA-1,x\n\nA-1,y\n"}, "authors.csv:4: A-1 is there twice, first at authors.csv:2"),
        ({"royalties.csv": "author_id,available\nA-7,1.00\n"}, "royalties.csv:2: author A-7 is neither in this import"),
        ({"authors.csv": "author_id,name\nA-1,x\n", "withdrawals.csv": "author_id,id,amount,requested,status\n"
          "A-1,WD-1,1.00,2026-01-01,paid\n"}, "withdrawals.csv:2: author A-1 has no royalties"),
        ({"authors.csv": "author_id,name\nA-1,x\n", "instalments.csv": "author_id,plan,n,due,amount,status\n"
          "A-1,PL-1,1,2026-01-01,5.00,paid\n"}, "import plans and instalments together"),
    ],
    ids=range(21),
)  # fmt: skip
async def test_a_bad_file_is_named_and_nothing_is_written(
    bring, sqlite_store: Store, files: dict[str, Any], complaint: str
) -> None:
    report = await bring(files)
    assert any(complaint in line for line in report.lines()), report.lines()
    assert is_empty(sqlite_store)


async def test_a_missing_file_is_named(sqlite_store: Store, tmp_path: Path) -> None:
    report = await asyncio.to_thread(importing.run, [tmp_path / "gone.json"], sqlite_store)
    assert report.lines()[0] == "gone.json: cannot be read: No such file or directory"


async def test_every_bad_row_is_told_with_its_line(bring) -> None:
    report = await bring({"authors.csv": "author_id,name,email\nA-1,x,\n,y,\nA-3,,z\nA-4,w,w@w.example\n"})
    assert [str(p) for p in report.problems] == [
        "authors.csv:3: author_id is missing",
        "authors.csv:4: name is missing",
        "authors.csv:4: email 'z' is not an email address",
    ]


async def test_an_id_of_another_author_is_refused(bring, sqlite_store: Store) -> None:
    await bring({"a.json": GOOD})
    invoice = {"id": "INV-1", "issued": "2026-01-02", "due": "2026-04-02", "total": "1.00"}
    report = await bring({"b.json": small("A-2", invoices=[invoice])})
    assert str(report.problems[0]) == "b.json:1 invoices[0]: INV-1 is a record of another author in the ledger"
    assert stored(sqlite_store).outstanding == usd("100.00")


# --- leaving out what is bad ------------------------------------------------------------------------------------------


async def test_skip_bad_leaves_an_author_out_whole(bring, sqlite_store: Store) -> None:
    bad = changed("payments.0.amount", "much")
    report = await bring({"a.json": [bad, small("A-2")]}, skip_bad=True)
    assert report.written == {"authors": 1}
    assert report.skipped == ["A-1"]
    assert report.lines()[-1] == "Left out because of bad rows: A-1."
    assert is_empty(sqlite_store)
    assert stored(sqlite_store, "A-2").name == "Author A-2"


async def test_skip_bad_does_not_guess_whose_row_is_bad(bring, sqlite_store: Store) -> None:
    report = await bring({"authors.csv": "author_id,name\nA-1,x\nA-2,y,z\n"}, skip_bad=True)
    assert report.written == {}
    assert "--skip-bad does not help" in report.lines()[-1]
    assert is_empty(sqlite_store)


# --- the page ---------------------------------------------------------------------------------------------------------


def test_the_documentation_names_every_column() -> None:
    page = (Path(__file__).parents[2] / "docs" / "importing.md").read_text(encoding="utf-8")
    for name, table in TABLES.items():
        line = next(line for line in page.splitlines() if line.startswith(f"| {name} |"))
        words = set(re.findall(r"[a-z_0-9]+", line))
        assert set(table.columns) <= words, name
        required = set(re.findall(r"\*\*(\w+)\*\*", line))
        assert required == {c for c, column in table.columns.items() if column.required}, name
