"""Pay a batch by a rail, where one is set up. Interrupted at any point, it may be run again: the rail pays each order once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

import sqlalchemy as sa

from inbox import events
from inbox.accounts import ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.clock import Clock
from inbox.db.store import Sql, Store, Tx
from inbox.errors import Permanent, Transient, Uncertain
from inbox.house import House
from inbox.payouts import batches, withdrawals
from inbox.payouts.base import Order, PayoutRail, Sent
from inbox.payouts.royalties import BAR_WORDS
from inbox.payouts.tables import rail_accounts
from inbox.payouts.withdrawals import Move, stream_of

log = logging.getLogger(__name__)
_ACCOUNT = Sql(sa.select(rail_accounts.c.account).where(rail_accounts.c.author_id == sa.bindparam("author")))


@dataclass(slots=True)
class Paid:
    """Ids that were sent now, and for the others why they were not: skipped here, refused there, or to be tried again."""

    sent: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return not (self.skipped or self.refused or self.again)

    def lines(self) -> list[str]:
        named = [("skipped", self.skipped), ("refused", self.refused), ("try again", self.again)]
        return [f"{len(self.sent)} sent", *(f"{word}: {i}: {why}" for word, ids in named for i, why in ids.items())]


async def pay(store: Store, house: House, clock: Clock, rail: PayoutRail, number: int) -> Paid:
    """Send what of the batch is still here. What stops payouts is asked again for each, at the last moment."""
    done = Paid()
    for line in await store.read(lambda tx: batches.lines(tx, number)):
        prepared = await store.run(lambda tx, key=line.id: _prepare(tx, clock, rail, key))  # type: ignore[misc]
        if prepared is None:
            continue
        if isinstance(prepared, str):
            done.skipped[line.id] = prepared
            continue
        try:
            sent = await rail.pay(prepared)
        except (Transient, Uncertain) as wait:
            done.again[line.id] = str(wait)
        except Permanent as refusal:
            done.refused[line.id] = str(refusal)
        else:
            await store.run(lambda tx, order=prepared, s=sent: _settle(tx, house, clock, rail, order, s))  # type: ignore[misc]
            done.sent.append(line.id)
    log.info("batch paid", extra={"batch": number, "sent": len(done.sent), "complete": done.complete})
    return done


def _prepare(tx: Tx, clock: Clock, rail: PayoutRail, withdrawal_id: str) -> Order | str | None:
    """The order, or why it may not be paid now; None if it left already."""
    now = clock.now()
    known = withdrawals.get(tx, withdrawal_id)
    ref = AccountRef(SOURCE, known.author_id)
    ledger.lock(tx, ref)
    known = withdrawals.get(tx, withdrawal_id)
    if known.status in ("sent", "paid", "returned"):
        return None
    if known.status != "in_review":
        return f"is {known.status}: {known.reason}"
    why = batches.obstacle(ledger.load(tx, ref, now), known, now)
    if why:
        return BAR_WORDS[why]
    row = tx.one(_ACCOUNT, author=known.author_id)
    if row is None or not row["account"]:
        return f"the author has no account at {rail.name}; set it with a checked change of the payout method"
    batch = batches.batch_of(tx, withdrawal_id)
    events.record(
        tx, stream_of(tx, known.author_id, known.conversation_id), "payout.attempted", now, rail.name, withdrawal=withdrawal_id,
        batch=batch,
    )  # fmt: skip
    return Order(
        withdrawal_id=withdrawal_id, author_id=known.author_id, amount=known.amount, account=row["account"], batch=batch
    )


def _settle(tx: Tx, house: House, clock: Clock, rail: PayoutRail, order: Order, sent: Sent) -> None:
    now = clock.now()
    known = withdrawals.get(tx, order.withdrawal_id)
    events.record(
        tx, stream_of(tx, order.author_id, known.conversation_id), "payout.sent", now, rail.name,
        withdrawal=order.withdrawal_id, reference=sent.reference,
    )  # fmt: skip
    if known.status == "held":  # stopped while the call was out: the money has left, and that is the truth
        withdrawals.release(
            tx, house, known.id, by=rail.name, reason="the rail had paid it already", at=now
        )  # fmt: skip
    withdrawals.move(tx, house, order.withdrawal_id, Move(to="sent", by=rail.name, at=now, on=sent.on))
