"""An author whom only the billing system knows: what two people changed here stays, a new address keeps payouts back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from inbox import events
from inbox.accounts import contacts_told, importing, ledger, mirror, records
from inbox.accounts.base import Account, AccountRef
from inbox.errors import Conflict
from tests.payouts.flow import after_hold, called, change_asked, changed, royalties
from tests.world import MARA, World

THERE = replace(
    MARA, ref=AccountRef("stripe", "cus_9"), name="Nadia Okafor", email="nadia@okafor.example", phone="+12125550909",
    royalties=None, titles=(), invoices=(), plans=(), payments=(), refunds=(), payment_methods=(),
)  # fmt: skip
NADIA = replace(THERE, ref=AccountRef("ledger", "cus_9"))


@pytest.fixture
async def nadia(world: World) -> World:
    """She has royalties, which the ledger keeps."""
    await reads(world)
    assert MARA.royalties is not None
    of_mara = MARA.royalties
    await world.store.run(lambda tx: records.royalties(tx, "cus_9", of_mara))
    return world


async def reads(world: World, **told: Any) -> Account:
    """The billing system is read again; how she is reached now."""
    world.clock.tick(60)
    now = world.clock.now()
    rest = timedelta(hours=world.house.rules.payout_hold_hours)
    copy = replace(THERE, as_of=now, **told)
    await world.store.run(lambda tx: mirror.save(tx, copy, now, rest=rest))
    return world.store.read_now(lambda tx: ledger.load(tx, NADIA.ref))


def security(world: World) -> list[Any]:
    return world.store.read_now(lambda tx: [e for e in events.read(tx, "security") if e.type == "payout.held"])


async def test_the_same_again_rests_nothing(nadia: World) -> None:
    await reads(nadia)
    assert royalties(nadia, NADIA).hold_until is None
    change = await change_asked(nadia, account=NADIA)
    assert (await called(nadia, change)).called_to == "••••0909"


@pytest.mark.parametrize("told", [{"email": "new@okafor.example"}, {"phone": "+12125550666"}])
async def test_a_new_address_rests_payouts(nadia: World, told: dict[str, str]) -> None:
    account = await reads(nadia, **told)
    assert told.items() <= {"email": account.email, "phone": account.phone}.items()
    until = nadia.clock.now() + after_hold(nadia)
    assert royalties(nadia, NADIA).hold_until == until
    (event,) = security(nadia)
    assert (event.actor, event.data["account"], event.data["what"]) == ("stripe", "cus_9", next(iter(told)))
    await reads(nadia, **told)
    assert royalties(nadia, NADIA).hold_until == until


async def test_a_number_that_is_new_there_is_not_called(nadia: World) -> None:
    await reads(nadia, phone="+12125550666")
    until = nadia.clock.now() + after_hold(nadia)
    change = await change_asked(nadia, account=NADIA)
    await nadia.store.run(lambda tx: records.author(tx, replace(NADIA, phone="+12125550666"), nadia.clock.now()))
    nadia.clock.move(until - timedelta(seconds=1))
    with pytest.raises(Conflict, match="new itself"):
        await called(nadia, change)
    nadia.clock.move(until)
    assert (await called(nadia, change)).called_to == "••••0666"


async def test_a_new_mail_address_leaves_the_number_to_be_called(nadia: World) -> None:
    await reads(nadia, email="new@okafor.example")
    assert (await called(nadia, await change_asked(nadia, account=NADIA))).called_to == "••••0909"


@pytest.mark.parametrize(("kind", "address"), [("email", "checked@okafor.example"), ("phone", "+12125550777")])
async def test_what_two_people_changed_stays(nadia: World, kind: str, address: str) -> None:
    done = await changed(nadia, account=NADIA, kind=kind, address=address)
    account = await reads(nadia)
    assert getattr(account, kind) == address
    assert royalties(nadia, NADIA).hold_until == done.hold_until
    other = {"email": ("phone", "+12125550666"), "phone": ("email", "new@okafor.example")}[kind]
    account = await reads(nadia, **dict([other]))
    assert (getattr(account, kind), getattr(account, other[0])) == (address, other[1])


async def imports(world: World, **told: str) -> Account:
    """The file of the CRM again; how Mara is reached now."""
    row = {
        "author_id": "A-100", "name": MARA.name, "email": MARA.email, "phone": MARA.phone, "timezone": MARA.timezone,
        "language": MARA.language, "region": MARA.region, "currency": MARA.currency, "titles": list(MARA.titles),
    } | told  # fmt: skip
    world.clock.tick(60)
    text = json.dumps([row])
    report = await world.store.run(lambda tx: importing.load_accounts(text, "crm", tx, at=world.clock.now()))
    assert report.ok, report.lines()
    return world.store.read_now(lambda tx: ledger.load(tx, MARA.ref))


async def test_a_new_address_in_a_file_rests_payouts_and_is_not_called(world: World) -> None:
    await imports(world)
    assert security(world) == []
    account = await imports(world, phone="+12125550666")
    assert account.phone == "+12125550666"
    assert royalties(world).hold_until == world.clock.now() + contacts_told.REST
    assert [e.data["what"] for e in security(world)] == ["phone"]
    change = await change_asked(world)
    with pytest.raises(Conflict):
        await called(world, change)


@pytest.mark.parametrize("told", [{"email": "mara@new.example"}, {"phone": "+12125550666"}])
async def test_the_rest_after_a_new_address_outlasts_the_next_royalties(world: World, told: dict[str, str]) -> None:
    await imports(world, **told)
    until = royalties(world).hold_until
    assert until == world.clock.now() + contacts_told.REST
    world.clock.tick(60)
    assert MARA.royalties is not None
    again, at = replace(MARA.royalties, hold_until=None), world.clock.now()
    await world.store.run(lambda tx: (records.touch(tx, "A-100", at), records.royalties(tx, "A-100", again)))
    assert royalties(world).hold_until == until


async def test_a_file_does_not_undo_a_contact_that_two_people_changed(world: World) -> None:
    await changed(world, kind="phone", address="+12125550777")
    assert (await imports(world)).phone == "+12125550777"
    assert (await imports(world, email="mara@new.example")).email == "mara@new.example"


async def test_a_file_that_leaves_an_address_out_rests_nothing(world: World) -> None:
    await imports(world, phone="")
    assert royalties(world).hold_until is None
    assert security(world) == []
