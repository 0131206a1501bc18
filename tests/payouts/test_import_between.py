"""An import between a withdrawal and its payout: what left here is not available twice, what people decided stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from inbox.accounts import importing, ledger, records
from inbox.accounts.base import Royalties, Withdrawal
from inbox.errors import Conflict
from inbox.money import Money
from inbox.payouts import setoff
from tests.payouts.flow import changed, claim, reconcile, royalties, those, withdraw
from tests.payouts.test_batches import TODAY, Report
from tests.payouts.test_setoff import apply, record, wish
from tests.world import MARA, World


async def told(world: World, *, available: str = "120.00", days: int | None = None, **more) -> bool:
    """The file of the royalty system again; ``days``: how old its sums are, None = it does not say."""
    assert MARA.royalties is not None
    at = world.clock.now()
    more = {"as_of": None if days is None else at - timedelta(days=days)} | more
    value = replace(MARA.royalties, available=Money.of(available), **more)

    def unit(tx) -> bool:
        records.touch(tx, "A-100", at)
        return records.royalties(tx, "A-100", value)

    return await world.store.run(unit)


def available(world: World) -> str:
    return str(royalties(world).available)


async def test_the_same_account_again_gives_nothing_back(world: World) -> None:
    await withdraw(world)
    assert available(world) == "0.00"
    await world.store.run(lambda tx: records.account(tx, MARA, world.clock.now()))
    assert available(world) == "0.00"
    claimed = await claim(world)
    assert claimed.batch is not None
    assert (claimed.batch.count, claimed.batch.total) == (1, "120.00 USD")


async def test_without_a_moment_nothing_is_available_again_even_when_it_is_paid(world: World) -> None:
    made = await withdraw(world)
    await claim(world)
    for status in ("sent", "paid"):
        await reconcile(world, Report(line=2, id=made.id, status=status, on=TODAY))
        assert await told(world) is False
        assert available(world) == "0.00"
    assert royalties(world).payout_method == "bank ••5093"


@pytest.mark.parametrize(("state", "days", "expected"), [
    ("requested", 0, "150.00"), ("in_review", 0, "150.00"), ("held", 0, "150.00"), ("requested", 90, "150.00"),
    ("sent", 0, "150.00"), ("sent", 1, "150.00"), ("sent", -1, "210.00"),
    ("paid", 1, "150.00"), ("paid", 0, "150.00"), ("paid", -1, "210.00"), ("returned", 0, "210.00"),
])  # fmt: skip
async def test_what_left_since_is_taken_off(world: World, state: str, days: int, expected: str) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    if state != "requested":
        await claim(world)
    if state not in ("requested", "in_review"):
        on = TODAY if state in ("sent", "paid") else None
        await reconcile(world, Report(line=2, id=made.id, status=state, on=on, reason="x"))
    assert await told(world, available="210.00", days=days) is True
    assert available(world) == expected


@pytest.mark.parametrize(("hour", "expected"), [(27, "150.00"), (35, "150.00"), (36, "210.00")])
async def test_the_evening_of_the_banks_day_is_the_next_day_in_utc(world: World, hour: int, expected: str) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    await reconcile(world, Report(line=2, id=made.id, status="sent", on=TODAY))
    as_of = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(hours=hour)
    assert await told(world, available="210.00", as_of=as_of) is True
    assert available(world) == expected


@pytest.mark.parametrize(("says", "expected"), [("0.00", "0.00"), ("20.00", "0.00"), ("-5.00", "-5.00")])
async def test_a_sum_that_is_lower_already_does_not_look_like_a_debt(world: World, says: str, expected: str) -> None:
    await withdraw(world)
    await told(world, available=says, days=0)
    assert available(world) == expected


async def test_royalties_that_were_set_off_are_gone_too(world: World) -> None:
    await apply(world, await record(world, await wish(world)))
    assert await told(world) is False
    assert available(world) == "40.00"
    await told(world, available="130.00", days=1)
    assert available(world) == "50.00"
    world.clock.tick(86_400)
    await told(world, available="50.00", days=0)
    assert available(world) == "50.00"


async def test_without_anything_paid_out_a_file_is_taken_as_it_is(world: World) -> None:
    assert await told(world, available="333.00") is True
    assert available(world) == "333.00"


async def test_what_left_elsewhere_and_what_was_not_done_is_not_taken_off(world: World) -> None:
    theirs = Withdrawal(id="WD-9", amount=Money.of("60.00"), requested_on=TODAY, status="requested")
    await world.store.run(lambda tx: records.withdrawal(tx, "A-100", theirs))
    known = await record(world, await wish(world))
    assert await told(world, available="333.00") is True
    await world.store.run(lambda tx: setoff.refuse(tx, known.id, world.agents["vera"], world.clock.now()))
    assert await told(world, available="334.00") is True
    assert available(world) == "334.00"


async def test_another_currency_is_refused_once_money_left_here(world: World) -> None:
    await withdraw(world, "withdraw 60 of it")
    euros = Royalties(
        available=Money.of("9.00", "EUR"), pending=Money(0, "EUR"), returns_reserve=Money(0, "EUR"),
        threshold=Money(0, "EUR"), next_run_on=None,
    )  # fmt: skip
    with pytest.raises(Conflict, match="are in USD"):
        await world.store.run(lambda tx: records.royalties(tx, "A-100", euros))


async def test_a_payout_method_that_people_checked_stays(world: World) -> None:
    await told(world, payout_method="paypal")
    assert royalties(world).payout_method == "paypal"
    await changed(world, kind="email", address="mara@new.example")  # another kind of change
    await told(world, payout_method="bank ••5093")
    assert royalties(world).payout_method == "bank ••5093"
    await changed(world)
    await told(world)
    assert royalties(world).payout_method == "bank ••4471"


async def test_a_file_does_not_move_a_withdrawal_that_was_confirmed_here(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    theirs = replace(royalties(world).withdrawals[0], status="paid", amount=Money.of("1.00"), reason="x")
    await world.store.run(lambda tx: records.withdrawal(tx, "A-100", theirs))
    assert those(world) == [made]
    assert those(world, "paid") == []


async def test_the_import_names_whose_sums_stay(world: World) -> None:
    await withdraw(world)
    text = '[{"author_id": "A-100", "name": "Mara Lindqvist", "royalties": {"available": "120.00"%s}}]'

    async def bring(more: str) -> importing.Report:
        at = world.clock.now()
        return await world.store.run(lambda tx: importing.load_accounts(text % more, "a.json", tx, at=at))

    assert any("stay as they are for A-100" in line and "as_of" in line for line in (await bring("")).lines())
    early = await bring(', "as_of": "2999-01-01T00:00:00Z"')
    assert early.problems[0].reason.endswith("has not come yet")
    done = await bring(f', "as_of": "{world.clock.now().isoformat()}"')
    assert done.ok
    assert done.stayed == []
    assert world.store.read_now(lambda tx: ledger.load(tx, MARA.ref)).royalties.available == Money.of("0.00")
