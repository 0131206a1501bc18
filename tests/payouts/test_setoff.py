"""Royalties for an invoice: only with the author's own words, and a second person."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from inbox.accounts import changes, ledger, mirror
from inbox.accounts.base import Account, AccountRef, Dispute
from inbox.db.tables import messages
from inbox.errors import Conflict, Forbidden, Malformed
from inbox.money import Money
from inbox.payouts import setoff
from inbox.payouts.setoff import Consent
from tests.payouts.flow import notices, royalties
from tests.world import ILSE, MARA, World


async def wish(world: World, **more) -> Consent:
    """The author agrees in writing."""
    accepted = await world.says("yes, take 80 of my royalties for INV-900", channel="chat")
    return replace(
        Consent(author_id="A-100", invoice_id="INV-900", amount=Money.of("80.00"), message_id=accepted.message_id),
        **more,
    )


async def record(world: World, consent: Consent, by: str = "noor") -> setoff.Setoff:
    return await world.store.run(lambda tx: setoff.record_consent(tx, consent, world.agents[by], world.clock.now()))


async def apply(world: World, known: setoff.Setoff, by: str = "sanjay") -> setoff.Setoff:
    done = await world.store.run(
        lambda tx: setoff.apply(tx, world.house, known.id, world.agents[by], world.clock.now())
    )
    await world.settle()
    return done


async def test_with_consent_and_a_second_person_it_is_done_once(world: World) -> None:
    known = await record(world, await wish(world))
    assert "take 80 of my royalties" in known.words
    results = await asyncio.gather(apply(world, known), apply(world, known, "vera"), return_exceptions=True)
    assert sum(isinstance(r, Conflict) for r in results) == 1
    account = world.store.read_now(lambda tx: ledger.load(tx, MARA.ref))
    assert account.royalties is not None
    assert account.royalties.available == Money.of("40.00")
    assert account.outstanding == Money.of("120.00")
    (told,) = notices(world, "setoff_done")
    assert "$80.00 of your royalties was used for invoice INV-900" in told["text"]


async def test_without_the_authors_own_words_nothing_is_recorded(world: World) -> None:
    ours = await wish(world)
    await world.says("somebody else", by=ILSE, channel="sms")
    theirs = world.rows(messages, direction="inbound")[-1]["id"]
    sent = world.rows(messages, direction="outbound")[0]["id"]
    unproven = await world.says("take my royalties", by=MARA, channel="voice")
    for key in ("", "01NOSUCH", theirs, sent, unproven.message_id):
        with pytest.raises(Malformed):
            await record(world, replace(ours, message_id=key))


async def test_one_message_is_one_consent(world: World) -> None:
    consent = await wish(world)
    known = await record(world, consent)
    with pytest.raises(Conflict, match="used as consent"):
        await record(world, consent)
    await world.store.run(lambda tx: setoff.refuse(tx, known.id, world.agents["vera"], world.clock.now()))
    with pytest.raises(Conflict, match="refused already"):
        await apply(world, known)
    again = await record(world, replace(consent, amount=Money.of("70.00")))  # the first amount was a slip
    with pytest.raises(Conflict, match="used as consent"):
        await record(world, consent)
    await apply(world, again)
    assert royalties(world).available == Money.of("50.00")
    with pytest.raises(Conflict, match="used as consent"):
        await record(world, consent)


@pytest.mark.parametrize(("by", "approves"), [("noor", "noor"), ("noor", "petra"), ("sanjay", "sanjay")])
async def test_nobody_alone(world: World, by: str, approves: str) -> None:
    known = await record(world, await wish(world), by)
    with pytest.raises(Forbidden):
        await apply(world, known, approves)
    assert royalties(world).available == Money.of("120.00")


@pytest.mark.parametrize(("more", "words"), [
    ({"amount": Money.of("120.01")}, "Only 120.00 of royalties"), ({"amount": Money.of("0.00")}, "more than nothing"),
    ({"amount": Money(8000, "EUR")}, "must be in USD"), ({"invoice_id": "INV-777"}, "no invoice INV-777"),
    ({"invoice_id": "INV-901"}, "Only 0.00 of INV-901"),
])  # fmt: skip
async def test_amounts_that_do_not_fit(world: World, more: dict, words: str) -> None:
    with pytest.raises(Conflict, match=words):
        await record(world, await wish(world, **more))


async def test_what_came_up_before_the_approval_stops_it(world: World) -> None:
    known = await record(world, await wish(world))
    await world.store.run(lambda tx: changes.set_flag(tx, "A-100", "copies_disputed", at=world.clock.now()))
    with pytest.raises(Conflict, match="in dispute"):
        await apply(world, known)
    assert royalties(world).available == Money.of("120.00")


async def test_an_invoice_that_comes_into_dispute_is_not_collected(world: World) -> None:
    known = await record(world, await wish(world))
    objection = Dispute(
        id="D-1", invoice_id="INV-900", amount=Money.of("200.00"), reason="not_as_agreed", opened_on=date(2026, 3, 10),
        status="needs_response",
    )  # fmt: skip
    await world.store.run(lambda tx: changes.open_dispute(tx, "A-100", objection, at=world.clock.now()))
    with pytest.raises(Conflict, match="INV-900 is in dispute"):
        await apply(world, known)
    assert royalties(world).available == Money.of("120.00")


async def test_a_switched_off_supervisor_approves_nothing(world: World) -> None:
    known = await record(world, await wish(world))
    world.agents["sanjay"] = replace(world.agents["sanjay"], disabled=True)
    with pytest.raises(Forbidden, match="Only a supervisor"):
        await apply(world, known)
    world.agents["noor"] = replace(world.agents["noor"], disabled=True)
    with pytest.raises(Forbidden, match="switched off"):
        await record(world, await wish(world))
    assert royalties(world).available == Money.of("120.00")


THERE = AccountRef("stripe", "cus_mara")


async def billed(world: World, account: Account = MARA) -> None:
    """The invoices are kept at a billing system, which was read a moment ago."""
    copy = replace(account, ref=THERE, known_as="A-100", royalties=None, as_of=world.clock.now())
    await world.store.run(lambda tx: mirror.save(tx, copy, world.clock.now()))


async def test_an_invoice_that_is_kept_elsewhere_is_not_paid_here(world: World) -> None:
    known = await record(world, await wish(world))
    await billed(world)
    for attempt in (apply(world, known), record(world, await wish(world))):
        with pytest.raises(Conflict, match="INV-900 is kept at stripe"):
            await attempt
    account = world.store.read_now(lambda tx: ledger.load(tx, MARA.ref))
    assert (account.outstanding, account.royalties.available) == (Money.of("200.00"), Money.of("120.00"))


async def test_an_invoice_of_our_own_is_set_off_unless_the_figures_are_in_doubt(world: World) -> None:
    known = await record(world, await wish(world))
    await billed(world, replace(MARA, invoices=(), plans=(), payments=(), refunds=(), payment_methods=()))
    world.clock.tick(1)
    await world.store.run(lambda tx: mirror.changed(tx, THERE, world.clock.now()))
    with pytest.raises(Conflict, match="something changed at stripe"):
        await apply(world, known)
    world.clock.tick(1)
    await billed(world, replace(MARA, invoices=(), plans=(), payments=(), refunds=(), payment_methods=()))
    await apply(world, known)
    assert royalties(world).available == Money.of("40.00")
