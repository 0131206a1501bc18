"""Short ways to a withdrawal and to what is on record, shared by the tests of payouts."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from inbox import events
from inbox.accounts import ledger
from inbox.accounts.base import Account, Royalties
from inbox.db.tables import messages
from inbox.payouts import batches, destinations, withdrawals
from inbox.payouts.destinations import Change, Wanted
from inbox.payouts.withdrawals import Withdrawal
from tests.world import MARA, World


def royalties(world: World, account: Account = MARA) -> Royalties:
    found = world.store.read_now(lambda tx: ledger.load(tx, account.ref)).royalties
    assert found is not None
    return found


def those(world: World, state: str = "requested") -> list[Withdrawal]:
    return world.store.read_now(lambda tx: withdrawals.in_state(tx, state))


async def withdraw(
    world: World, text: str = "withdraw all of it", *, by: Account = MARA, channel: str = "chat"
) -> Withdrawal:
    """Ask and confirm; returns the withdrawal."""
    before = {w.id for w in those(world)}
    await world.says(world.reader.teach(text, "royalty_withdrawal"), channel=channel, by=by)
    await world.says(world.code(), channel=channel, by=by)
    made = [w for w in those(world) if w.id not in before]
    assert len(made) == 1, world.heard()
    return made[0]


async def claim(world: World, until: date | None = None) -> batches.Claimed:
    now = world.clock.now()
    picked = await world.store.read(lambda tx: batches.pick(tx, until or now.date(), now))
    claimed = await world.store.run(lambda tx: batches.claim(tx, world.house, picked, by="finance", at=now))
    await world.settle()
    return claimed


async def reconcile(world: World, *reports: Any) -> batches.Reconciled:
    done = await world.store.run(
        lambda tx: batches.reconcile(tx, world.house, list(reports), by="finance", at=world.clock.now())
    )
    await world.settle()
    return done


async def change_asked(world: World, by: str = "noor", *, account: Account = MARA, **more: Any) -> Change:
    wanted = Wanted(**{"author_id": account.ref.id, "kind": "payout", "method": "bank", "last4": "4471", **more})
    change = await world.store.run(
        lambda tx: destinations.request(tx, world.house, wanted, world.agents[by], world.clock.now())
    )
    await world.settle()
    return change


async def called(world: World, change: Change, by: str = "noor") -> Change:
    return await world.store.run(
        lambda tx: destinations.confirm_call(
            tx, world.house, change.id, world.agents[by], world.clock.now(), note="she confirmed it on the phone"
        )
    )


async def approved(world: World, change: Change, by: str = "sanjay") -> Change:
    done = await world.store.run(
        lambda tx: destinations.approve(tx, world.house, change.id, world.agents[by], world.clock.now())
    )
    await world.settle()
    return done


async def changed(world: World, **more: Any) -> Change:
    """A change that went all the way."""
    return await approved(world, await called(world, await change_asked(world, **more)))


def after_hold(world: World) -> timedelta:
    return timedelta(hours=world.house.rules.payout_hold_hours)


def kinds(world: World, conversation_id: str) -> list[str]:
    return world.store.read_now(lambda tx: [e.type for e in events.read(tx, conversation_id)])


def notices(world: World, answer: str = "withdrawal_notice") -> list[Any]:
    """Message rows of that answer, oldest first."""
    return [r for r in world.rows(messages, direction="outbound") if f'"{answer}"' in r["parts"]]
