"""Authorised people in the console: recorded, approved by another, refused, revoked, shown with the account."""

from __future__ import annotations

import pytest

from inbox import authorisations
from inbox.accounts.base import AccountRef
from tests.console.world import World, add_staff

GOOD = {
    "account": "A-3307", "person": "Jo <b>Okafor</b>", "relation": "assistant", "contact": "Jo@Agency.example", "money": "yes",
    "intent_account_balance": "yes", "intent_amount_due": "yes", "titles": "", "called_back": "••0142", "evidence": "signed letter",
    "from": "2026-03-01", "until": "2026-12-31",
}  # fmt: skip
HERE = "/console/authorisations"


async def recorded(world: World, visitor, **changes) -> str:
    html = await visitor.post(HERE, **{**GOOD, **changes})
    assert "must approve it" in html, html
    return (await on_record(world))[0].id


async def on_record(world: World):
    return await world.store.read(lambda tx: authorisations.of_account(tx, AccountRef("ledger", "A-3307")))


async def test_one_records_and_a_supervisor_approves(both: World):
    ana, sol = await both.agent(), await both.supervisor()
    key = await recorded(both, ana)
    assert "Approve</button>" not in await ana.get(HERE)
    await ana.post(f"{HERE}/{key}/approve")
    assert ana.status == 403
    html = await sol.get(HERE)
    assert "Jo &lt;b&gt;Okafor&lt;/b&gt;" in html
    assert "jo@agency.example" in html
    assert "In force" in await sol.post(f"{HERE}/{key}/approve")
    [found] = await on_record(both)
    assert (found.status, found.recorded_by, found.approved_by) == (
        "approved",
        both.people["ana"].id,
        both.people["sol"].id,
    )
    assert "Authorisation approved" in await sol.get("/console/security?list=access")


async def test_a_supervisor_does_not_approve_their_own(world: World):
    sol = await world.supervisor()
    key = await recorded(world, sol)
    assert "Another supervisor approves" in await sol.get(HERE)
    assert "cannot approve it" in await sol.post(f"{HERE}/{key}/approve")
    assert sol.status == 409
    await add_staff(world.store, "Tom", "supervisor")
    tom = await world.visitor("tom@larkmoor.example")
    await tom.post(f"{HERE}/{key}/approve")
    assert [a.status for a in await on_record(world)] == ["approved"]


async def test_refusing_and_revoking_need_a_reason(world: World):
    ana, sol = await world.agent(), await world.supervisor()
    key = await recorded(world, ana)
    assert "Say why" in await sol.post(f"{HERE}/{key}/refuse", reason=" ")
    assert "not enough seen" in await sol.post(f"{HERE}/{key}/refuse", reason="not enough seen")
    other = await recorded(world, ana)
    await sol.post(f"{HERE}/{other}/approve")
    await sol.post(f"{HERE}/{other}/revoke", reason="the author asked")
    assert [a.status for a in await on_record(world)] == ["revoked", "refused"]
    assert "revoked already" in await sol.post(f"{HERE}/{other}/revoke", reason="again")
    await sol.post(f"{HERE}/no-such/approve")
    assert sol.status == 404


@pytest.mark.parametrize(("changes", "words"), [
    ({"account": "A-0"}, "there is no account"),
    ({"contact": "imelda@farrow.example"}, "author&#39;s own"),
    ({"called_back": ""}, "call the author back"),
    ({"intent_account_balance": "", "intent_amount_due": ""}, "at least one thing"),
    ({"titles": "Nothing Here"}, "no title of A-3307"),
    ({"until": "soon"}, "must be a date"),
    ({"until": "2026-02-01"}, "must end after it begins"),
])  # fmt: skip
async def test_mistakes_are_named_and_what_was_typed_is_kept(world: World, changes, words):
    ana = await world.agent()
    html = await ana.post(HERE, **{**GOOD, **changes})
    assert words in html
    assert ana.status == 422
    assert 'value="Jo &lt;b&gt;Okafor&lt;/b&gt;"' in html
    assert not await on_record(world)


async def test_a_bank_number_in_the_evidence_is_masked(world: World):
    ana = await world.agent()
    await recorded(world, ana, evidence="letter says card 4242 4242 4242 4242")
    [found] = await on_record(world)
    assert "4242 4242 4242" not in found.evidence


async def test_without_a_form_token_nothing_happens(world: World):
    ana = await world.agent()
    await ana.post(HERE, csrf="forged", **GOOD)
    assert ana.status == 403
    assert not await on_record(world)


async def test_the_account_shows_who_else_may_hear_about_which_title(world: World):
    ana, sol = await world.agent(), await world.supervisor()
    key = await recorded(world, ana)
    conversation, _ = await world.hear("what do I owe?")
    assert "Who else may hear" not in await ana.get(f"/console/conversations/{conversation}")
    await sol.post(f"{HERE}/{key}/approve")
    html = await ana.get(f"/console/conversations/{conversation}")
    assert "Who else may hear about it" in html
    assert "Salt and Lamplight" in html
    assert "jo@agency.example" in html


async def test_the_conversation_of_an_authorised_person_says_so(world: World):
    from inbox.message import ContactPoint

    ana, sol = await world.agent(), await world.supervisor()
    key = await recorded(world, ana)
    await sol.post(f"{HERE}/{key}/approve")
    conversation, _ = await world.hear("what is owed?", sender=ContactPoint("email", "jo@agency.example"))
    html = await ana.get(f"/console/conversations/{conversation}")
    assert "Not the author, but authorised" in html
    assert "for A-3307" in html
    assert "120.00" not in html
