"""Changes of payout method and contact: a call, two people, both contacts told, and payouts at rest to the second."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest

from inbox import events, staffing
from inbox.accounts import ledger, records
from inbox.db.store import Sql, insert
from inbox.db.tables import handoffs, messages
from inbox.errors import Conflict, Forbidden, Malformed, NotFound
from inbox.intents.understanding import Finding
from inbox.message import Route, Severity
from inbox.payouts import destinations
from inbox.payouts.destinations import Wanted
from inbox.payouts.tables import changes
from tests.payouts.flow import (
    after_hold,
    approved,
    called,
    change_asked,
    changed,
    claim,
    notices,
    royalties,
    those,
    withdraw,
)
from tests.world import MARA, World


async def test_the_whole_way(world: World) -> None:
    change = await change_asked(world)
    assert (change.status, change.before, change.after) == ("asked", "bank ••5093", "bank ••4471")
    assert royalties(world).payout_method == "bank ••5093"
    assert {r["channel"] for r in notices(world, "payout_change_asked")} == {"email", "sms"}
    change = await called(world, change)
    assert (change.status, change.called_to) == ("called", "••••0101")
    done = await approved(world, change)
    assert done.hold_until == world.clock.now() + after_hold(world)
    after = royalties(world)
    assert (after.payout_method, after.hold_until) == ("bank ••4471", done.hold_until)
    told = notices(world, "payout_changed_notice")
    assert {r["address"] for r in told} == {"email:mara@lindqvist.example", "phone:+12125550101"}
    assert all("4471" not in r["text"] and "5093" not in r["text"] for r in told)
    kinds = world.store.read_now(lambda tx: [e.type for e in events.read(tx, "security")])
    assert kinds == ["payout.change_asked", "payout.call_confirmed", "payout.changed", "payout.held"]
    assert world.store.read_now(lambda tx: events.verify(tx, "security")) == ""


@pytest.mark.parametrize(("asks", "calls", "approves"), [
    ("noor", "noor", "noor"), ("noor", "noor", "petra"), ("sanjay", "noor", "sanjay"), ("noor", "sanjay", "sanjay"),
    ("sanjay", "sanjay", "sanjay"),
])  # fmt: skip
async def test_nobody_approves_alone(world: World, asks: str, calls: str, approves: str) -> None:
    change = await called(world, await change_asked(world, asks), calls)
    with pytest.raises(Forbidden):
        await approved(world, change, approves)
    assert royalties(world).payout_method == "bank ••5093"


async def test_another_supervisor_may_approve_what_a_supervisor_asked(world: World) -> None:
    await approved(world, await called(world, await change_asked(world, "sanjay"), "sanjay"), "vera")
    assert royalties(world).payout_method == "bank ••4471"


async def test_a_switched_off_account_does_nothing(world: World) -> None:
    change = await called(world, await change_asked(world))
    world.agents["sanjay"] = replace(world.agents["sanjay"], disabled=True)
    with pytest.raises(Forbidden):
        await approved(world, change)


@pytest.mark.parametrize("wrong", [
    {"decided_by": "s", "asked_by": "a", "called_by": ""}, {"decided_by": "a", "asked_by": "a", "called_by": "b"},
    {"decided_by": "b", "asked_by": "a", "called_by": "b"}, {"decided_by": "", "asked_by": "a", "called_by": "b"},
    {"decided_by": "s", "asked_by": "a", "called_by": "b", "hold_until": 5},
    {"decided_by": "s", "asked_by": "a", "called_by": "b", "status": "done"},
])  # fmt: skip
async def test_the_database_itself_wants_four_eyes_and_a_hold(world: World, wrong: dict) -> None:
    columns = ("id", "author_id", "kind", "status", "asked_by", "called_by", "decided_by", "decided_at", "hold_until")
    row = {"id": "c", "author_id": "A-100", "kind": "payout", "status": "approved", "decided_at": 5, "hold_until": 6}
    add = insert(changes, *columns)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.IntegrityError)):
        await world.store.run(lambda tx: tx.run(add, **{**row, **wrong}))
    right = {"asked_by": "a", "called_by": "b", "decided_by": "s"}
    await world.store.run(lambda tx: tx.run(add, **{**row, **right}))
    undo = Sql(changes.update().values(decided_by="a"))
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.IntegrityError)):
        await world.store.run(lambda tx: tx.run(undo))


async def test_without_a_call_nothing_is_approved(world: World) -> None:
    change = await change_asked(world)
    with pytest.raises(Conflict, match="Nobody has called"):
        await approved(world, change)


async def test_the_hold_keeps_everybody_out_until_its_second(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    done = await changed(world)
    assert done.hold_until is not None
    assert those(world)[0].destination == "bank ••4471"
    world.clock.move(done.hold_until - timedelta(seconds=1))
    assert (await claim(world)).waiting[0][0] == made.id
    await world.says(world.reader.teach("withdraw 60 of it", "royalty_withdrawal"), channel="chat")
    assert "on hold until" in next(m.text for m in reversed(world.messages()) if m.channel == "chat")
    world.clock.move(done.hold_until)
    claimed = await claim(world)
    assert claimed.batch is not None
    assert claimed.batch.count == 1


async def test_a_file_cannot_shorten_the_hold(world: World) -> None:
    done = await changed(world)
    await world.store.run(lambda tx: records.account(tx, MARA, world.clock.now()))  # knows of no hold
    assert royalties(world).hold_until == done.hold_until


async def test_a_second_change_lengthens_the_hold_and_never_shortens_it(world: World) -> None:
    first = await changed(world)
    world.clock.tick(3600)
    second = await changed(world, last4="8888")
    assert royalties(world).hold_until == second.hold_until
    assert first.hold_until < second.hold_until


@pytest.mark.parametrize("wanted", [{}, {"kind": "email", "address": "mara@new.example"}])
async def test_a_longer_hold_that_runs_already_is_not_shortened(world: World, wanted: dict) -> None:
    assert MARA.royalties is not None
    until = world.clock.now() + timedelta(days=30)
    longer = replace(MARA.royalties, hold_until=until)
    await world.store.run(lambda tx: records.royalties(tx, "A-100", longer))
    done = await changed(world, **wanted)
    assert done.hold_until < until
    assert royalties(world).hold_until == until


@pytest.mark.parametrize("last4", ["000123456789", "ES9121000418450200051332", "44711", "447", "٤٤٧١", "44 71", ""])
async def test_bank_numbers_are_never_taken(world: World, last4: str) -> None:
    with pytest.raises(Malformed) as caught:
        await change_asked(world, last4=last4)
    assert not last4 or last4 not in str(caught.value)
    assert world.rows(changes) == []


async def test_a_bank_number_in_a_message_lands_nowhere_and_opens_a_case(world: World) -> None:
    finding = Finding(
        guard="identity.payout", route=Route.VERIFY_FIRST, reason="wants royalties sent elsewhere", severity=Severity.HIGH,
        case_reason="payout_destination_change", quote="new bank",
    )  # fmt: skip
    taught = world.reader.teach(
        "for my royalties from now on", "royalty_withdrawal", route=Route.VERIFY_FIRST, finding=finding
    )
    await world.says(f"use ES91 2100 0418 4502 0005 1332 {taught}", channel="chat")
    assert [c["reason"] for c in world.rows(handoffs)] == ["payout_destination_change"]
    stored = "".join(str(tuple(r)) if not isinstance(r, dict) else str(r) for r in world.rows(messages))
    assert "2100 0418" not in stored
    assert royalties(world).payout_method == "bank ••5093"
    assert world.rows(changes) == []


async def test_one_open_change_of_a_kind(world: World) -> None:
    await change_asked(world)
    with pytest.raises(Conflict, match="Finish that one first"):
        await change_asked(world, "petra", last4="1111")
    results = await asyncio.gather(
        *(change_asked(world, kind="email", address=f"m{n}@x.example") for n in range(4)), return_exceptions=True
    )
    assert sum(not isinstance(r, Exception) for r in results) == 1


async def test_a_refused_change_changes_nothing_and_is_told(world: World) -> None:
    change = await change_asked(world)
    with pytest.raises(Malformed):
        await _refuse(world, change, "  ")
    done = await _refuse(world, change, "the author knew nothing of it")
    assert done.status == "refused"
    assert royalties(world).hold_until is None
    assert "was not made" in notices(world, "payout_change_refused")[0]["text"]
    for again in (called(world, change), approved(world, change), _refuse(world, change, "x")):
        with pytest.raises(Conflict, match="refused already"):
            await again


async def test_two_supervisors_at_once_make_one_change(world: World) -> None:
    change = await called(world, await change_asked(world))
    results = await asyncio.gather(approved(world, change), approved(world, change, "vera"), return_exceptions=True)
    assert sum(not isinstance(r, Exception) for r in results) == 1
    assert len(notices(world, "payout_changed_notice")) == 2


async def test_a_contact_change_tells_the_old_and_the_new_one_and_rests_payouts(world: World) -> None:
    done = await changed(world, kind="phone", address="+1 212 555 0177")
    account = world.store.read_now(lambda tx: ledger.load(tx, MARA.ref))
    assert account.phone == "+12125550177"
    told = {r["address"] for r in notices(world, "contact_changed_notice")}
    assert told == {"email:mara@lindqvist.example", "phone:+12125550101", "phone:+12125550177"}
    assert account.royalties is not None
    assert account.royalties.hold_until == done.hold_until
    assert account.royalties.payout_method == "bank ••5093"


async def test_a_new_number_is_not_called_about_the_next_change(world: World) -> None:
    """Take over the phone first, the payouts next: the call must not go to the new phone."""
    done = await changed(world, kind="phone", address="+12125550177")
    change = await change_asked(world)
    with pytest.raises(Conflict, match="new itself"):
        await called(world, change)
    assert done.hold_until is not None
    world.clock.move(done.hold_until)
    assert (await called(world, change)).called_to == "••••0177"


async def test_what_changed_meanwhile_is_not_approved(world: World) -> None:
    change = await called(world, await change_asked(world, kind="email", address="new@x.example"))
    from inbox.accounts import changes as ledger_changes

    await world.store.run(
        lambda tx: ledger_changes.set_contact(tx, "A-100", email="other@x.example", at=world.clock.now())
    )
    with pytest.raises(Conflict, match="start again"):
        await approved(world, change)


@pytest.mark.parametrize(("wanted", "error"), [
    ({"method": "cash"}, Malformed), ({"kind": "email", "address": "nonsense"}, Malformed),
    ({"kind": "email", "address": "mara@lindqvist.example"}, Conflict), ({"kind": "phone", "address": "12"}, Malformed),
    ({"kind": "phone", "address": "0177 123"}, Malformed), ({"rail_account": "sk_live_x"}, Malformed),
    ({"author_id": "A-404"}, NotFound), ({"author_id": "A-200"}, Conflict),
])  # fmt: skip
async def test_mistakes_are_named(world: World, wanted: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        await change_asked(world, **wanted)


async def test_without_a_phone_on_file_nothing_is_confirmed(world: World) -> None:
    change = await change_asked(world)
    silent = replace(MARA, phone="")
    await world.store.run(lambda tx: records.account(tx, silent, world.clock.now()))
    with pytest.raises(Conflict, match="no phone number on file"):
        await called(world, change)


async def test_checking_the_method_with_the_author_lifts_a_returned_payout(world: World) -> None:
    from inbox.payouts.files import Report
    from tests.payouts.flow import reconcile

    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    await reconcile(world, Report(line=2, id=made.id, status="returned", reason="account closed"))
    await world.says(world.reader.teach("withdraw 70 of it", "royalty_withdrawal"), channel="chat")
    assert world.rows(handoffs)
    done = await changed(world, last4="5093")
    assert done.hold_until is not None
    world.clock.move(done.hold_until)
    from inbox.payouts.royalties import bar

    account = world.store.read_now(lambda tx: ledger.load(tx, MARA.ref))
    assert bar(account, world.clock.now()) == ""


async def _refuse(world: World, change: destinations.Change, reason: str) -> destinations.Change:
    done = await world.store.run(
        lambda tx: destinations.refuse(
            tx, world.house, change.id, world.agents["petra"], world.clock.now(), reason=reason
        )
    )
    await world.settle()
    return done


def test_the_cast_is_as_the_tests_think(world: World) -> None:
    assert [world.agents[n].role for n in ("noor", "petra", "sanjay", "vera")] == [
        "agent",
        "agent",
        "supervisor",
        "supervisor",
    ]
    assert isinstance(world.agents["noor"], staffing.Staff)
    assert Wanted(author_id="A", kind="payout").case == 0
