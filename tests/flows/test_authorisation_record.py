"""How an authorisation comes to be and ends: two people, a reason, and every mistake named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from inbox import authorisations, events, merging
from inbox.accounts.base import AccountRef
from inbox.db.identity import authorisations as table
from inbox.db.identity import merges
from inbox.db.store import Sql, Tx
from inbox.disclosure.parties import Scope
from inbox.errors import Conflict, DataError, NotFound
from inbox.ids import new_id
from inbox.message import ContactPoint, SenderProof
from tests.flows.test_authorised import JO, authorised, jo_says, proposal
from tests.world import ILSE, MARA, World


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


async def joined(world: World) -> None:
    """Jo's address became the author's by a code, before anybody wrote down that she is not the author."""
    await jo_says(world, world.reader.teach("what is the balance?", "account_balance"), proof=SenderProof.NONE)
    await jo_says(world, world.reader.teach(f"on file is {MARA.email}", emails=(MARA.email,)), proof=SenderProof.NONE)
    await jo_says(world, world.code(), proof=SenderProof.NONE)
    [merged] = world.rows(merges)
    assert merged["merged_by"] == merging.BY_CODE


async def test_an_address_that_was_merged_with_the_author_cannot_be_authorised(world: World) -> None:
    now = world.clock.now()
    early = await world.store.run(lambda tx: authorisations.propose(tx, proposal(now), "noor", now))
    await joined(world)
    with pytest.raises(DataError, match=r"account A-100 since the two were merged\. Undo that merge first"):
        await world.store.run(lambda tx: authorisations.propose(tx, proposal(now), "noor", now))
    with pytest.raises(Conflict, match="Undo that merge first"):
        await world.store.run(lambda tx: authorisations.approve(tx, early.id, "sanjay", now))
    [merged] = world.rows(merges)
    await world.store.run(lambda tx: merging.undo(tx, merged["id"], "sanjay", now))
    await world.store.run(lambda tx: authorisations.approve(tx, early.id, "sanjay", now))
    assert await world.store.read(lambda tx: authorisations.of_point(tx, JO, now))


async def test_an_imported_one_for_a_merged_address_waits_for_a_supervisor(world: World) -> None:
    await joined(world)
    now, by = world.clock.now(), ("ana", "sol")
    await world.store.run(lambda tx: authorisations.record_imported(tx, "k", proposal(now), by, now))
    assert [row["status"] for row in world.rows(table)] == ["proposed"]
    with pytest.raises(Conflict, match="Undo that merge first"):
        await world.store.run(lambda tx: authorisations.approve(tx, "k", "sanjay", now))


# -- an agent of many authors


async def many(world: World, count: int, **more: Any) -> None:
    now = world.clock.now()

    def write(tx: Tx) -> None:
        for n in range(count):
            authorisations.record_imported(tx, new_id(), proposal(now, **more), ("ana", f"sol-{n}"), now)

    await world.store.run(write)


async def test_those_that_ran_out_take_no_place(world: World) -> None:
    now = world.clock.now()
    await many(world, authorisations.MOST_OF_ONE, ends_at=now + timedelta(hours=1))
    world.clock.tick(7_200)
    found = await authorised(world, ILSE.ref)
    later = world.clock.now()
    assert [a.id for a in await world.store.read(lambda tx: authorisations.of_point(tx, JO, later))] == [found.id]
    assert await world.store.read(lambda tx: authorisations.holds_any(tx, JO))


async def test_one_too_many_is_refused_and_not_silently_worth_nothing(world: World) -> None:
    now = world.clock.now()
    await many(world, authorisations.MOST_OF_ONE - 1)
    last, over = [
        await world.store.run(lambda tx: authorisations.propose(tx, proposal(now, ILSE.ref), "noor", now)) for _ in "12"
    ]
    await world.store.run(lambda tx: authorisations.approve(tx, last.id, "sanjay", now))
    with pytest.raises(Conflict, match=r"holds 50 authorisations already\. Revoke those"):
        await world.store.run(lambda tx: authorisations.approve(tx, over.id, "sanjay", now))
    with pytest.raises(DataError, match="holds 50 authorisations already"):
        await world.store.run(lambda tx: authorisations.propose(tx, proposal(now), "noor", now))
    found = await world.store.read(lambda tx: authorisations.of_point(tx, JO, now))
    assert (len(found), found[0].id) == (authorisations.MOST_OF_ONE, last.id)
