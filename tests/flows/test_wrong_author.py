"""Nothing of another author leaves, whoever wrote it; what is held back is kept, explained and on the security record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inbox import authorisations, contacts, replying
from inbox.accounts import mirror, records
from inbox.accounts.base import AccountRef
from inbox.accounts.tables import mirrored_records
from inbox.db.store import Sql, Store
from inbox.db.tables import events, handoffs
from inbox.deskwork import Deskwork
from inbox.disclosure import lookup
from inbox.disclosure.lookup import Going
from inbox.disclosure.parties import Scope
from inbox.errors import Malformed
from inbox.message import ContactPoint
from inbox.replies import Say
from tests.flows.test_cases import act, card, dispute
from tests.world import ILSE, MARA, World


def security(world: World) -> list[Any]:
    return [r for r in world.rows(events, stream="security") if r["type"] == "security.wrong_author"]


async def test_a_template_filled_with_anothers_record_goes_to_a_person(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = replying._with_facts

    def mixed_up(c: Any, reply: Any) -> Say:
        said = honest(c, reply)
        facts = {k: "INV-777" if k == "invoice_id" else v for k, v in said.facts.items()}
        return replace(said, facts=facts)

    monkeypatch.setattr(replying, "_with_facts", mixed_up)
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="chat")
    assert "INV-777" not in " ".join(world.heard())
    assert world.rows(handoffs)[-1]["reason"] == "wrong_author"
    assert "A-200" in str(card(world).bot_withheld)
    assert len(security(world)) == 1
    assert "INV-777" in security(world)[0]["data"]


async def claimed(world: World, channel: str = "email") -> None:
    await world.says(dispute(world), channel=channel)
    await act(world, "claim")


@pytest.mark.parametrize(
    ("text", "culprit"),
    [
        ("Your invoice INV-777 over 777.70 is open.", "INV-777"),
        ("Your invoice inv 777 is open.", "inv 777"),
        ("INV\u200b-\u2060777 is open", "INV-777"),
        ("ІNV–777 is open", "INV-777"),
        ("Ilse Brandt paid last week", "Ilse Brandt"),
        ("ilse brandt paid last week", "ilse brandt"),
        ("Іlsе Вrаndt paid last week", "Ilse Brandt"),
        ("write to ilse@brandt.example", "ilse@brandt.example"),
        ("call +1 212 555 0202", "+1 212 555 0202"),
        ("account A-200 is fine", "A-200"),
    ],
)
async def test_an_agent_cannot_send_what_is_anothers(world: World, text: str, culprit: str) -> None:
    await claimed(world)
    before = len(world.heard())
    result = await act(world, "reply", text=text, channel="email")
    assert not result.ok
    assert culprit in result.text
    assert "A-200" in result.text
    assert len(world.heard()) == before
    assert [r["actor"] for r in security(world)] == [world.agents["noor"].id]


async def test_the_sum_of_the_other_record_is_named_too(world: World) -> None:
    await claimed(world)
    assert "with 777.70" in (await act(world, "reply", text="INV-777 over $777.70", channel="email")).text


@pytest.mark.parametrize(
    "text",
    [
        "Dear Mara Lindqvist, INV-900 over 200.00 and INV-901 are yours, P-501 too.",
        "Ilse says hello.",  # a first name alone is anybody's
        "The Tin Orchard is in print. Kind regards, Noor",
        "Sanjay will call you on +1 212 555 0101.",
        "You owe 777.70",  # a sum alone is nobody's
        "INV-12345 is not in our books.",
    ],
)
async def test_an_honest_reply_is_sent(world: World, text: str) -> None:
    await claimed(world)
    assert (await act(world, "reply", text=text, channel="email")).ok
    assert not security(world)


async def test_the_preview_says_so_before_anything_is_sent(world: World) -> None:
    await claimed(world)
    desk = Deskwork(world.store, world.house, world.clock)
    number = world.rows(handoffs)[-1]["number"]
    with pytest.raises(Malformed, match=r"INV-777.*A-200"):
        await desk.preview(number, "see INV-777", "email")
    assert "see INV-900" in await desk.preview(number, "see INV-900", "email")


async def test_an_account_the_author_is_authorised_for_is_fine_once_it_is_approved(world: World) -> None:
    await claimed(world)
    now, mail = world.clock.now(), ContactPoint("email", MARA.email)
    proposal = authorisations.Proposal(
        ref=ILSE.ref, person="Mara Lindqvist", relation="agent", point=mail, scope=Scope(intents=("account_balance",)), evidence="signed letter", called_back="••0202", starts_at=now
    )  # fmt: skip
    found = await world.store.run(lambda tx: authorisations.propose(tx, proposal, "noor", now))
    assert not (await act(world, "reply", text="INV-777 of Ilse Brandt is open", channel="email")).ok
    await world.store.run(lambda tx: authorisations.approve(tx, found.id, "sanjay", now))
    assert (await act(world, "reply", text="INV-777 of Ilse Brandt is open", channel="email")).ok


async def test_an_account_whose_address_was_joined_is_the_authors_too(world: World) -> None:
    await claimed(world)

    def join(tx: Any) -> None:
        author = contacts.by_account(tx, "ledger", MARA.ref.id)
        assert author is not None
        contacts.add_point(tx, author.id, ContactPoint("email", ILSE.email), world.clock.now())

    await world.store.run(join)
    assert (await act(world, "reply", text="INV-777 is open", channel="email")).ok


async def test_two_authors_of_one_name_are_no_alarm(world: World) -> None:
    twin = replace(
        ILSE, ref=AccountRef("ledger", "A-300"), name="Mara Lindqvist", email="m@other.example", phone="", invoices=()
    )
    await world.store.run(lambda tx: records.account(tx, twin, world.clock.now()))
    await claimed(world)
    assert (await act(world, "reply", text="Dear Mara Lindqvist, all is well.", channel="email")).ok


async def test_a_record_that_only_the_billing_system_keeps_is_known_too(world: World) -> None:
    now = world.clock.now()
    there = replace(
        ILSE, ref=AccountRef("stripe", "cus_7"), as_of=now, royalties=None, plans=(), promises=(), known_as="A-200",
        invoices=(replace(ILSE.invoices[0], id="7F3B21C0-0042"),), payments=(replace(MARA.payments[0], id="ch_3Nx42"),),
    )  # fmt: skip
    for _ in range(2):  # read twice, kept once
        await world.store.run(lambda tx: mirror.save(tx, there, now))
    assert {(r["id"], r["author_id"]) for r in world.rows(mirrored_records)} == {
        ("7F3B21C0-0042", "A-200"), ("ch_3Nx42", "A-200"),
    }  # fmt: skip
    await claimed(world)
    for text in ("Invoice 7F3B21C0-0042 is open.", "We saw ch_3Nx42 arrive."):
        result = await act(world, "reply", text=text, channel="email")
        assert not result.ok
        assert "A-200" in result.text


async def test_a_subject_that_names_another_author_is_not_repeated(world: World) -> None:
    await world.says(dispute(world), channel="email", subject="INV-777 of Ilse Brandt")
    await act(world, "claim")
    assert (await act(world, "reply", text="I am looking into it.", channel="email")).ok
    assert all("INV-777" not in m.subject for m in world.channels["email"].sent)


async def test_the_look_up_reads_indexes_only(sqlite_store: Store) -> None:
    """However many authors there are: no part of the query walks through a table."""
    text, binds = lookup._OWNERS.on("sqlite", dict.fromkeys(("ids", "emails", "phones", "names"), '["x"]'))

    def plan(tx: Any) -> list[str]:
        tx._cursor.execute(f"EXPLAIN QUERY PLAN {text}", binds)
        return [row["detail"] for row in tx._cursor.fetchall()]

    steps = sqlite_store.read_now(plan)
    assert sum("SEARCH ledger_" in step for step in steps) == len(lookup._RECORDS) + 5
    assert any("SEARCH mirrored_records" in step for step in steps)
    assert not [step for step in steps if "SCAN ledger_" in step or "SCAN mirrored" in step]


async def test_a_reply_of_ones_own_asks_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Sql] = []
    monkeypatch.setattr(lookup, "_rows", lambda tx, found: asked.append(found) or [])
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="sms")
    assert "100.00" in world.last()
    assert not asked
    assert not world.store.read_now(
        lambda tx: lookup.culprits(
            tx, world.house, Going(texts=("INV-900",), contact_id="", at=world.clock.now(), own=MARA)
        )
    )
