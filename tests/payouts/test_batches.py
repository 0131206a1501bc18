"""Batches: each withdrawal once, the same bytes for ever, nothing inside a hold; reports applied whole or not at all."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import sqlite3
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import psycopg
import pytest

from inbox.accounts import changes, tables
from inbox.db.store import Sql, insert
from inbox.errors import DataError, NotFound
from inbox.money import Money
from inbox.payouts import batches, withdrawals
from inbox.payouts.files import Report, read
from inbox.payouts.tables import batches as batch_table
from inbox.payouts.tables import items
from tests.payouts.conftest import XIMENA
from tests.payouts.flow import claim, notices, reconcile, royalties, those, withdraw
from tests.world import World

TODAY = date(2026, 3, 11)


async def test_a_batch_takes_what_may_be_paid_and_says_what_waits(world: World) -> None:
    first = await withdraw(world, "withdraw 60 of it")
    second = await withdraw(world, "retirar todo", by=XIMENA)
    await world.store.run(lambda tx: changes.set_flag(tx, "A-300", "fraud", at=world.clock.now()))
    claimed = await claim(world)
    assert claimed.batch is not None
    assert (claimed.batch.id, claimed.batch.count, claimed.batch.total) == ("PB-00001", 1, "60.00 USD")
    assert claimed.waiting == ((second.id, "the account has a fraud flag"),)
    assert [w.id for w in those(world, "in_review")] == [first.id]
    assert [b.id for b in world.store.read_now(batches.every)] == ["PB-00001"]


@pytest.mark.parametrize(("late", "taken"), [(-1, 0), (0, 1), (1, 1)])
async def test_the_hold_ends_at_its_second(world: World, late: int, taken: int) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    until = world.clock.now() + timedelta(hours=72)
    at = world.clock.now()
    await world.store.run(lambda tx: changes.set_payout_method(tx, "A-100", made.destination, hold_until=until, at=at))
    world.clock.move(until + timedelta(seconds=late))
    claimed = await claim(world)
    assert (claimed.batch.count if claimed.batch else 0) == taken
    assert len(claimed.waiting) == 1 - taken


async def test_a_clock_that_jumps_back_does_not_open_a_hold(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    at = world.clock.now()
    until = at + timedelta(hours=72)
    await world.store.run(lambda tx: changes.set_payout_method(tx, "A-100", made.destination, hold_until=until, at=at))
    for jump in (-3600, -86400 * 400, 86400):
        world.clock.move(at + timedelta(seconds=jump))
        assert (await claim(world, until=TODAY)).batch is None
    world.clock.move(until)
    assert (await claim(world)).batch is not None


@pytest.mark.parametrize("change", [
    lambda tx, at: changes.set_tax_form(tx, "A-100", "W-9", "expired", at=at),
    lambda tx, at: changes.set_flag(tx, "A-100", "copies_disputed", at=at),
    lambda tx, at: changes.set_payout_method(tx, "A-100", "", hold_until=None, at=at),
    lambda tx, at: changes.set_payout_method(tx, "A-100", "bank ••6666", hold_until=None, at=at),
])  # fmt: skip
async def test_what_came_up_since_the_request_keeps_it_out(world: World, change) -> None:
    await withdraw(world, "withdraw 60 of it")
    await world.store.run(lambda tx: change(tx, world.clock.now()))
    claimed = await claim(world)
    assert claimed.batch is None
    assert len(claimed.waiting) == 1


async def test_two_exports_at_once_never_share_a_withdrawal(world: World) -> None:
    for n in range(2):
        await withdraw(world, f"withdraw {50 + n} of it")
        await withdraw(world, f"retirar {50 + n} de eso", by=XIMENA)
    now = world.clock.now()
    picked = world.store.read_now(lambda tx: batches.pick(tx, TODAY, now))
    found = await asyncio.gather(
        *(world.store.run(lambda tx: batches.claim(tx, world.house, picked, by="x", at=now)) for _ in range(4))
    )
    rows = world.rows(items)
    assert len(rows) == len({r["withdrawal_id"] for r in rows}) == 4
    assert sum(c.batch.count for c in found if c.batch) == 4
    assert len(notices(world)) == 4


async def test_what_came_up_since_it_was_picked_keeps_it_out(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    now = world.clock.now()
    picked = world.store.read_now(lambda tx: batches.pick(tx, TODAY, now))
    assert picked.ids == (made.id,)
    await world.store.run(lambda tx: changes.set_flag(tx, "A-100", "fraud", at=now))
    claimed = await world.store.run(lambda tx: batches.claim(tx, world.house, picked, by="x", at=now))
    assert claimed == batches.Claimed(None, ((made.id, "the account has a fraud flag"),))


async def test_a_full_batch_leaves_the_rest_and_those_that_wait_starve_nobody(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST", 1)
    waits = [(await withdraw(world, f"withdraw {50 + n} of it")).id for n in range(2)]
    behind = [(await withdraw(world, f"retirar {50 + n} de eso", by=XIMENA)).id for n in range(2)]
    await world.store.run(lambda tx: changes.set_flag(tx, "A-100", "fraud", at=world.clock.now()))
    taken = []
    for left in (1, 0):
        claimed = await claim(world)
        assert claimed.batch is not None
        assert claimed.batch.count == 1
        assert sorted(key for key, _ in claimed.waiting) == sorted(waits)
        taken += [r["withdrawal_id"] for r in world.rows(items, batch=claimed.batch.number)]
        assert len(those(world)) == len(waits) + left
    assert sorted(taken) == sorted(behind)
    assert (await claim(world)).batch is None


async def test_until_leaves_later_requests_for_the_next_batch(world: World) -> None:
    await withdraw(world, "withdraw 60 of it")
    assert (await claim(world, until=TODAY - timedelta(days=1))).batch is None
    assert (await claim(world, until=TODAY)).batch is not None
    assert (await claim(world)) == batches.Claimed(None, ())


async def test_the_database_itself_refuses_a_second_batch_and_a_payout_inside_a_hold(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    add_batch = insert(batch_table, "number")
    add = insert(items, "batch", "position", "withdrawal_id", "amount", "held_until", "claimed_at")
    await world.store.run(lambda tx: tx.run(add_batch, number=9))
    row = {"batch": 9, "position": 1, "withdrawal_id": made.id, "amount": 1, "held_until": 0, "claimed_at": 1}
    for wrong in ({}, {"withdrawal_id": "WD-X", "held_until": 2}, {"withdrawal_id": "WD-X", "amount": 0}):
        with pytest.raises((sqlite3.IntegrityError, psycopg.errors.IntegrityError)):
            await world.store.run(lambda tx, w=wrong: tx.run(add, **{**row, **w}))
    await world.store.run(lambda tx: tx.run(add, **{**row, "withdrawal_id": "WD-X", "held_until": 1}))


async def test_a_batch_is_written_the_same_way_whatever_happens_later(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    before = {f: world.store.read_now(lambda tx, f=f: batches.content(tx, 1, f)) for f in ("csv", "json")}
    assert json.loads(before["json"]) == [{
        "batch": "PB-00001", "id": made.id, "author_id": "A-100", "name": "Mara Lindqvist", "amount": "60.00",
        "currency": "USD", "destination": "bank ••5093", "requested_on": "2026-03-11",
    }]  # fmt: skip
    await reconcile(world, Report(line=2, id=made.id, status="paid", on=TODAY))
    rename = Sql(tables.authors.update().values(name="Somebody Else"))
    await world.store.run(lambda tx: tx.run(rename))
    await world.store.run(
        lambda tx: changes.set_payout_method(tx, "A-100", "paypal", hold_until=None, at=world.clock.now())
    )
    assert {f: world.store.read_now(lambda tx, f=f: batches.content(tx, 1, f)) for f in ("csv", "json")} == before
    with pytest.raises(NotFound):
        world.store.read_now(lambda tx: batches.content(tx, 2, "csv"))


# -- what finance reports


async def test_a_report_is_applied_once(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    raw = f"id,status,paid_on,reason,amount\n{made.id},paid,2026-03-11,,60.00\n".encode()
    assert (await reconcile(world, *read(raw, "csv"))).moved == [made.id]
    seen = (those(world, "paid"), royalties(world), len(notices(world)))
    assert (await reconcile(world, *read(raw, "csv"))).unchanged == [made.id]
    assert (those(world, "paid"), royalties(world), len(notices(world))) == seen


async def test_every_bad_row_is_named_and_nothing_is_applied(world: World) -> None:
    good = await withdraw(world, "withdraw 50 of it")
    never = await withdraw(world, "retirar 60 de eso", by=XIMENA)
    await world.store.run(lambda tx: changes.set_flag(tx, "A-300", "fraud", at=world.clock.now()))
    await claim(world)
    reports = [
        Report(line=2, id=good.id, status="paid", on=TODAY),
        Report(line=3, id="WD-404", status="paid", on=TODAY),
        Report(line=4, id=never.id, status="paid", on=TODAY),
        Report(line=5, id=good.id, status="paid", on=TODAY, amount=Decimal("50.01")),
        Report(line=6, id=good.id, status="paid", on=TODAY, currency="EUR"),
        Report(line=7, id=good.id, status="paid", on=TODAY + timedelta(days=2)),
        Report(line=8, id=good.id, status="paid", on=TODAY - timedelta(days=2)),
        Report(line=9, id=good.id, status="returned", reason="Called off"),
    ]
    with pytest.raises(DataError) as caught:
        await reconcile(world, *reports)
    text = "\n".join(caught.value.problems)
    assert [p.split(":")[0] for p in caught.value.problems] == [f"line {n}" for n in range(3, 10)]
    for words in (
        "WD-404 is not known", "was never in a batch", "is 50.00 USD, the file says 50.01", "is in USD, not in EUR",
        "has not come yet", "before it was given to finance", "say what the bank said",
    ):  # fmt: skip
        assert words in text
    assert [w.id for w in those(world, "in_review")] == [good.id]
    assert len(notices(world)) == 1


@pytest.mark.parametrize(("first", "then", "words"), [
    ("paid", "sent", "cannot go back to sent"), ("returned", "paid", "cannot go back to paid"), ("held", "paid", "is on hold"),
])  # fmt: skip
async def test_a_state_that_would_move_backwards_is_refused(world: World, first: str, then: str, words: str) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    await reconcile(world, Report(line=2, id=made.id, status=first, on=TODAY, reason="a reason"))
    before = royalties(world)
    with pytest.raises(DataError, match=words):
        await reconcile(world, Report(line=2, id=made.id, status=then, on=TODAY, reason="x"))
    assert royalties(world) == before


async def test_another_day_for_a_known_state_is_named(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    await reconcile(world, Report(line=2, id=made.id, status="paid", on=TODAY))
    with pytest.raises(DataError, match="paid on 2026-03-11 already, the file says 2026-03-12"):
        await reconcile(world, Report(line=2, id=made.id, status="paid", on=TODAY + timedelta(days=1)))


async def test_two_reports_at_once_end_in_one_state(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    report = Report(line=2, id=made.id, status="returned", reason="closed")
    results = await asyncio.gather(*(reconcile(world, report) for _ in range(4)), return_exceptions=True)
    assert not [r for r in results if isinstance(r, Exception)]
    assert royalties(world).available == Money.of("120.00")
    assert sum(made.id in r.moved for r in results) == 1


async def test_a_name_that_is_a_formula_stays_text(world: World) -> None:
    rename = Sql(tables.authors.update().values(name='=HYPERLINK("http://x","y")'))
    await world.store.run(lambda tx: tx.run(rename))
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    raw = world.store.read_now(lambda tx: batches.content(tx, 1, "csv"))
    (row,) = csv.DictReader(io.StringIO(raw.decode()))
    assert row["name"] == '\'=HYPERLINK("http://x","y")'
    assert row["id"] == made.id


def test_ids_of_batches():
    assert [batches.number_of(t) for t in ("PB-00012", "pb-12", " 12 ")] == [12, 12, 12]
    for wrong in ("", "PB-", "PB-x", "PB-٣", "1" * 12):
        with pytest.raises(NotFound):
            batches.number_of(wrong)


async def test_a_release_inside_a_payout_hold_pays_nothing(world: World) -> None:
    """Even a supervisor who puts it on hold and releases it cannot get it out early."""
    made = await withdraw(world, "withdraw 60 of it")
    at = world.clock.now()
    until = at + timedelta(hours=72)
    await world.store.run(lambda tx: changes.set_payout_method(tx, "A-100", made.destination, hold_until=until, at=at))
    await world.store.run(lambda tx: withdrawals.hold(tx, world.house, made.id, by="s", reason="r", at=at))
    await world.store.run(lambda tx: withdrawals.release(tx, world.house, made.id, by="s", reason="r", at=at))
    assert (await claim(world)).batch is None
    with pytest.raises(DataError, match="never in a batch"):
        await reconcile(world, Report(line=2, id=made.id, status="sent", on=TODAY))
    assert replace(those(world)[0], changed_at=None, reason="") == replace(made, changed_at=None)
