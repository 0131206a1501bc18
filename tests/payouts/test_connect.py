"""Payouts by Stripe Connect against a stand-in: paid once whatever breaks, and never what must not be paid."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest

from inbox.accounts import changes
from inbox.errors import Permanent, SettingsError, Transient
from inbox.money import Money
from inbox.payouts import sending, withdrawals
from inbox.payouts.base import Order
from inbox.payouts.connect import ConnectRail
from inbox.settings import load
from tests.payouts.fake_stripe import FakeStripe, running
from tests.payouts.flow import changed, claim, notices, those, withdraw
from tests.world import World

ORDER = Order(withdrawal_id="WD-7", author_id="A-1", amount=Money.of("60.00"), account="acct_mara", batch="PB-00001")


@pytest.fixture
async def stripe() -> AsyncIterator[FakeStripe]:
    async with running() as fake:
        yield fake


@pytest.fixture
async def rail(stripe: FakeStripe) -> AsyncIterator[ConnectRail]:
    made = ConnectRail("sk_test_1", stripe.url)
    yield made
    await made.close()


async def test_a_transfer_is_made_once_however_often_it_is_asked(stripe: FakeStripe, rail: ConnectRail) -> None:
    first = await rail.pay(ORDER)
    assert first == await rail.pay(ORDER)
    assert (len(stripe.transfers), stripe.posts) == (1, 1)
    assert stripe.transfers[0]["amount"] == 6000
    assert list(stripe.by_key) == ["WD-7"]
    assert first.reference == "tr_1"
    assert first.on == date(2026, 3, 11)


async def test_a_key_that_stripe_forgot_is_found_by_its_group(stripe: FakeStripe, rail: ConnectRail) -> None:
    await rail.pay(ORDER)
    stripe.by_key.clear()
    assert (await rail.pay(ORDER)).reference == "tr_1"
    assert len(stripe.transfers) == 1


async def test_an_answer_that_was_lost_does_not_pay_twice(stripe: FakeStripe, rail: ConnectRail) -> None:
    stripe.lose = True
    assert (await rail.pay(ORDER)).reference == "tr_1"
    assert len(stripe.transfers) == 1


@pytest.mark.parametrize(("status", "error"), [(500, Transient), (429, Transient), (409, Transient), (400, Permanent), (401, Permanent), (402, Permanent), (403, Permanent)])  # fmt: skip
async def test_troubles(stripe: FakeStripe, rail: ConnectRail, status: int, error: type[Exception]) -> None:
    stripe.troubles = [status] * 5
    with pytest.raises(error, match="WD-7: Stripe said"):
        await rail.pay(ORDER)
    assert stripe.transfers == []


async def test_stripe_that_cannot_be_reached_is_asked_again() -> None:
    rail = ConnectRail("sk_test_1", "http://127.0.0.1:9")
    with pytest.raises(Transient):
        await rail.pay(ORDER)
    await rail.close()


@pytest.mark.parametrize(
    "change", [{"amount": 5999}, {"destination": "acct_other"}, {"currency": "eur"}, {"reversed": True}]
)
async def test_another_transfer_of_that_group_is_never_passed_off(
    stripe: FakeStripe, rail: ConnectRail, change: dict
) -> None:
    await rail.pay(ORDER)
    stripe.transfers[0].update(change)
    with pytest.raises(Permanent):
        await rail.pay(ORDER)


async def test_no_account_number_goes_out_as_an_account(rail: ConnectRail, stripe: FakeStripe) -> None:
    with pytest.raises(Permanent, match="begins with acct_"):
        await rail.pay(Order(**{n: getattr(ORDER, n) for n in ORDER.__slots__} | {"account": "000123456789"}))
    assert stripe.posts == 0
    assert "sk_test" not in repr(rail)


# -- a whole batch


async def _batch(world: World) -> str:
    done = await changed(world, rail_account="acct_mara")
    assert done.hold_until is not None
    world.clock.move(done.hold_until)
    made = await withdraw(world, "withdraw 60 of it")
    assert (await claim(world)).batch is not None
    return made.id


async def _pay(world: World, rail: ConnectRail) -> sending.Paid:
    done = await sending.pay(world.store, world.house, world.clock, rail, 1)
    await world.settle()
    return done


async def test_a_batch_is_sent_and_told_and_may_be_run_again(
    world: World, rail: ConnectRail, stripe: FakeStripe
) -> None:
    key = await _batch(world)
    stripe.troubles = [500] * 3
    assert list((await _pay(world, rail)).again) == [key]
    assert [w.id for w in those(world, "in_review")] == [key]
    assert (await _pay(world, rail)).sent == [key]
    assert (await _pay(world, rail)).sent == []
    assert [w.sent_on for w in those(world, "sent")] == [date(2026, 3, 11)]
    assert len(stripe.transfers) == 1
    assert sum("was sent on" in r["text"] for r in notices(world)) == 1


@pytest.mark.parametrize("stop", ["fraud", "hold", "held"])
async def test_what_came_up_after_the_batch_is_not_sent(
    world: World, rail: ConnectRail, stripe: FakeStripe, stop: str
) -> None:
    key = await _batch(world)
    at = world.clock.now()
    if stop == "fraud":
        await world.store.run(lambda tx: changes.set_flag(tx, "A-100", "fraud", at=at))
    elif stop == "hold":
        await changed(world, kind="email", address="new@x.example")
    else:
        await world.store.run(lambda tx: withdrawals.hold(tx, world.house, key, by="s", reason="wait", at=at))
    assert list((await _pay(world, rail)).skipped) == [key]
    assert stripe.posts == 0


async def test_without_an_account_there_nothing_is_sent(world: World, rail: ConnectRail, stripe: FakeStripe) -> None:
    await withdraw(world, "withdraw 60 of it")
    await claim(world)
    assert "has no account at stripe" in next(iter((await _pay(world, rail)).skipped.values()))
    assert stripe.posts == 0


def test_the_rail_is_off_unless_the_settings_name_it() -> None:
    assert load(environ={}).payouts.rail == "file"
    for environ in (
        {"INBOX_PAYOUTS__RAIL": "stripe"},
        {"INBOX_PAYOUTS__RAIL": "pigeon"},
        {"INBOX_RULES__PAYOUT_HOLD_HOURS": "0"},
    ):
        with pytest.raises(SettingsError):
            load(environ=environ)
    on = load(environ={"INBOX_PAYOUTS__RAIL": "stripe", "INBOX_PAYOUTS__STRIPE_KEYS": "sk_test_1"})
    assert "sk_test_1" not in repr(on)
