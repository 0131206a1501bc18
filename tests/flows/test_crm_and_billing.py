"""Two systems beside the inbox, each the truth for its own: Salesforce for who somebody is, Stripe for what they owe."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inbox.crm.salesforce import SalesforceBook
from inbox.db.tables import contacts
from inbox.intake import Reception
from inbox.message import ContactPoint, SenderProof
from tests.emulators.salesforce import SalesforceStandIn
from tests.flows.crm_world import Crm, settings
from tests.flows.stripe_world import NADIA, stripe_world

ELSEWHERE = ContactPoint("phone", "+12125550999")  # hers, and neither the ledger nor Stripe has it


@pytest.fixture
async def both(store, clock):
    stand_in = SalesforceStandIn()
    await stand_in.start()
    book = SalesforceBook(settings(stand_in), rest=0.0)
    try:
        async with stripe_world(store, clock) as s:
            world = s.world
            world.house = replace(world.house, crm=book.name)
            world.intake = Reception(store, world.house, clock)
            world.worker.house, world.worker.intake, world.worker.crm = world.house, world.intake, book
            yield s, Crm(world, stand_in)
    finally:
        await book.close()
        await stand_in.stop()


async def test_salesforce_says_who_wrote_and_stripe_what_they_owe_once_they_are_proven(both):
    s, crm = both
    await s.asks("hello", "greeting")
    await s.asks("thanks!", "thanks")
    [author] = [c["account_id"] for c in s.world.rows(contacts) if c["account_id"]]
    crm.stand_in.put("Contact", LastName="Okafor", MobilePhone="(212) 555-0999", Inbox_Author__c=author)

    stranger = {"by": None, "point": ELSEWHERE, "proof": SenderProof.CARRIER}
    said = await s.asks("what do I owe?", "account_balance", **stranger)
    assert "200.00" not in said
    await crm.files()
    said = await s.asks("so what do I owe?", "account_balance", **stranger)
    assert "200.00" not in said
    [code] = [m for m in s.world.messages() if m.text and s.world.code() in m.text]
    assert code.to.value in (NADIA.phone, NADIA.email)  # the biller's address, never the one that only Salesforce has
    assert "200.00" in await s.asks(s.world.code(), **stranger)


async def test_salesforce_alone_is_never_the_truth_for_money(both):
    s, crm = both
    crm.stand_in.put("Contact", LastName="Okafor", MobilePhone="(212) 555-0999")  # no id of ours
    for text in ("what do I owe?", "and now?"):
        said = await s.asks(text, "account_balance", by=None, point=ELSEWHERE, proof=SenderProof.CARRIER)
        await crm.files()
        assert "200.00" not in said
    assert [c["account_id"] for c in s.world.rows(contacts)] == [""]
