"""Suggestions to merge contacts, with their evidence; accepted, dismissed, taken back."""

from __future__ import annotations

from inbox.db.identity import merge_suggestions, merges
from inbox.db.store import Sql
from inbox.message import ContactPoint
from tests.console.world import MAIL, World

OTHER = ContactPoint("email", "imelda.private@mail.example")
HERE = "/console/merges"


async def suggested(world: World) -> tuple[str, str]:
    """A mail of an unknown address that signs with the author's; returns conversation and suggestion."""
    await world.hear("thank you", channel="email")
    conversation, _ = await world.hear(
        "thanks", sender=OTHER, raw=f"From: x\n\nthanks\n\n--\n<i>Imelda</i>\n{MAIL.value}"
    )
    return conversation, (await rows(world, merge_suggestions))[0]["id"]


async def rows(world: World, table):
    import sqlalchemy as sa

    return await world.store.read(lambda tx: tx.all(Sql(sa.select(table).order_by(table.c.id))))


async def test_evidence_is_shown_and_accepting_merges(both: World):
    conversation, key = await suggested(both)
    ana = await both.agent()
    assert "This may be somebody we know" in await ana.get(f"/console/conversations/{conversation}")
    html = await ana.get(HERE)
    assert f"signs with the address {MAIL.value}" in html
    assert "Account A-3307" in html
    html = await ana.post(f"{HERE}/suggestions/{key}/accept")
    assert "They are one contact now" in html
    assert "No suggestions" in html
    [merge] = await rows(both, merges)
    assert merge["merged_by"] == both.people["ana"].id
    html = await ana.post(f"{HERE}/{merge['id']}/undo")
    assert "back where they were" in html
    assert "Undone by Ana Reyes" in html
    assert "undone already" in await ana.post(f"{HERE}/{merge['id']}/undo")
    assert ana.status == 409


async def test_dismissing_is_for_good(world: World):
    _, key = await suggested(world)
    ana = await world.agent()
    assert "Dismissed" in await ana.post(f"{HERE}/suggestions/{key}/dismiss")
    assert "decided already" in await ana.post(f"{HERE}/suggestions/{key}/accept")
    assert not await rows(world, merges)


async def test_two_verified_accounts_cannot_be_accepted(world: World):
    from dataclasses import replace

    from inbox.accounts import records
    from inbox.accounts.base import AccountRef
    from tests.console.world import NOW, author_account

    _, key = await suggested(world)
    other = replace(
        author_account(), ref=AccountRef("ledger", "A-9"), email=OTHER.value, phone="", invoices=(), payments=(), promises=()
    )  # fmt: skip
    await world.store.run(lambda tx: records.author(tx, other, NOW))
    ana = await world.agent()
    assert "on file for another account" in await ana.post(f"{HERE}/suggestions/{key}/accept")
    assert ana.status == 409
    assert not await rows(world, merges)


async def test_only_staff_and_only_with_the_form(world: World):
    _, key = await suggested(world)
    nobody = await world.visitor()
    await nobody.get(HERE, follow=False)
    assert nobody.status == 303
    ana = await world.agent()
    await ana.post(f"{HERE}/suggestions/{key}/accept", csrf="forged")
    assert ana.status == 403
    assert not await rows(world, merges)
