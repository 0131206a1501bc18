"""How an authorisation comes to be and ends: two people, a reason, and every mistake named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from inbox import authorisations, events
from inbox.accounts.base import AccountRef
from inbox.db.identity import authorisations as table
from inbox.db.store import Sql
from inbox.disclosure.parties import Scope
from inbox.errors import Conflict, DataError, NotFound
from inbox.message import ContactPoint
from tests.flows.test_authorised import authorised, proposal
from tests.world import MARA, World


async def test_the_one_who_recorded_it_cannot_approve_it_not_even_past_the_code(world: World) -> None:
    now = world.clock.now()
    found = await world.store.run(lambda tx: authorisations.propose(tx, proposal(now), "noor", now))
    with pytest.raises(Conflict, match="cannot approve"):
        await world.store.run(lambda tx: authorisations.approve(tx, found.id, "noor", now))
    force = Sql(sa.update(table).values(status="approved", approved_by="noor"))
    with pytest.raises(Exception, match="four_eyes"):
        await world.store.run(lambda tx: tx.run(force))
    await world.store.run(lambda tx: authorisations.approve(tx, found.id, "sanjay", now))
    with pytest.raises(Conflict, match="approved already"):
        await world.store.run(lambda tx: authorisations.approve(tx, found.id, "petra", now))


async def test_what_ended_stays_ended_and_needs_a_reason(world: World) -> None:
    found, now = await authorised(world), world.clock.now()
    with pytest.raises(Conflict, match="Say why"):
        await world.store.run(lambda tx: authorisations.revoke(tx, found.id, "sanjay", " ", now))
    await world.store.run(lambda tx: authorisations.revoke(tx, found.id, "sanjay", "asked", now))
    for verb in (authorisations.revoke, authorisations.refuse):
        with pytest.raises(Conflict, match="revoked already"):
            await world.store.run(lambda tx, verb=verb: verb(tx, found.id, "sanjay", "again", now))
    with pytest.raises(Conflict, match="revoked already"):
        await world.store.run(lambda tx: authorisations.approve(tx, found.id, "petra", now))
    kinds = [e.type for e in await world.store.read(lambda tx: list(events.read(tx, "security")))]
    assert kinds == ["authorisation.proposed", "authorisation.approved", "authorisation.revoked"]


@pytest.mark.parametrize(("change", "words"), [
    ({"person": " "}, "name is missing"),
    ({"relation": "boss"}, "relation must be one of"),
    ({"point": ContactPoint("email", MARA.email.upper())}, "author's own"),
    ({"point": ContactPoint("chat", "v")}, "needs an email address"),
    ({"evidence": ""}, "say what you have seen"),
    ({"called_back": ""}, "call the author back"),
    ({"scope": Scope(intents=())}, "at least one thing"),
    ({"scope": Scope(intents=("royalty_withdrawal",))}, "cannot be opened"),
    ({"scope": Scope(intents=("amount_due",), titles=("Nothing",))}, "no title of A-100"),
    ({"scope": Scope(intents=("amount_due",), money=False)}, "without amounts"),
    ({"scope": Scope(intents=("royalty_balance",), titles=("The Tin Orchard",))}, "all titles together"),
])  # fmt: skip
async def test_mistakes_of_a_proposal_are_named(world: World, change: dict[str, Any], words: str) -> None:
    now = world.clock.now()
    with pytest.raises(DataError, match=words):
        await world.store.run(lambda tx: authorisations.propose(tx, proposal(now, **change), "noor", now))


async def test_dates_and_accounts_are_checked(world: World) -> None:
    now = world.clock.now()
    with pytest.raises(DataError, match="must end after it begins"):
        await world.store.run(lambda tx: authorisations.propose(tx, proposal(now, ends_at=now), "noor", now))
    with pytest.raises(NotFound):
        await world.store.run(
            lambda tx: authorisations.propose(tx, proposal(now, AccountRef("ledger", "A-0")), "noor", now)
        )
    short = await world.store.run(
        lambda tx: authorisations.propose(tx, proposal(now, ends_at=now + timedelta(hours=1)), "noor", now)
    )
    later = now + timedelta(hours=2)
    with pytest.raises(Conflict, match="run out"):
        await world.store.run(lambda tx: authorisations.approve(tx, short.id, "sanjay", later))
