"""One person over many addresses: a thread that goes on, suggestions with evidence, merges and their undoing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inbox import contacts, conversations, events, likeness, merging
from inbox.contacts import Contact
from inbox.db.identity import merge_suggestions, merges
from inbox.db.sql import Tx
from inbox.db.tables import contact_points, messages
from inbox.db.tables import contacts as contact_table
from inbox.db.tables import conversations as talk_table
from inbox.errors import Conflict, NotFound
from inbox.intents.understanding import Finding
from inbox.message import ContactPoint, Route, SenderProof
from tests.world import ILSE, MARA, World

PRIVATE = ContactPoint("email", "m.private@mail.example")
HELLO = "hello there, about my book"


async def writes(world: World, text: str = HELLO, *, raw: str = "", **more: Any) -> None:
    """Somebody writes from an address that is on nobody's file."""
    whole: dict[str, Any] = {"by": None, "channel": "email", "point": PRIVATE, "proof": SenderProof.DMARC_PASS, **more}
    text = text if text in world.reader.lessons else world.reader.teach(text, "greeting")
    await world.says(text, raw=f"From: x\n\n{raw or text}", **whole)


async def author(world: World) -> Contact:
    await world.says(world.reader.teach("hi from mara", "greeting"), channel="sms")
    found = await world.store.read(lambda tx: contacts.by_account(tx, "ledger", "A-100"))
    assert found is not None
    return found


async def stranger(world: World, point: ContactPoint = PRIVATE) -> Contact:
    found = await world.store.read(lambda tx: contacts.by_point(tx, point))
    assert found is not None
    return found


def suggested(world: World) -> list[Any]:
    return world.rows(merge_suggestions)


# -- the thread goes on


async def test_a_balance_over_three_channels_is_one_contact_one_timeline_and_one_figure(world: World) -> None:
    ask = world.reader.teach("what do I owe in all?", "account_balance")
    await world.says(ask, channel="chat")
    answers = [world.last()]
    for channel in ("sms", "email"):
        mark = len(world.heard())
        await world.says(ask, channel=channel)
        assert "200.00" not in " ".join(world.heard()[mark:])
        assert "100.00" not in " ".join(world.heard()[mark:])
        await world.says(world.code(), channel=channel)
        answers.append(world.last())
    assert all("200.00" in a and "INV-900" in a and "11" in a for a in answers)
    assert [c["account_id"] for c in world.rows(contact_table)] == ["A-100"]
    assert len(world.rows(talk_table)) == 1
    assert {m["channel"] for m in world.rows(messages, direction="inbound")} == {"chat", "sms", "email"}
    rows = sorted(world.rows(_events(), type="channel.switched"), key=lambda e: e["seq"])
    switched = [json.loads(e["data"]) for e in rows]
    assert [(e["before"], e["after"]) for e in switched] == [("chat", "sms"), ("sms", "email")]


def _events() -> Any:
    from inbox.db.tables import events as table

    return table


async def test_a_stranger_in_the_chat_who_proves_keeps_the_thread_by_text_and_mail(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    for channel in ("sms", "email"):
        await world.says(world.reader.teach("thank you so much", "greeting"), channel=channel)
    assert len({m["conversation_id"] for m in world.rows(messages)}) == 1


# -- suggestions


async def test_the_address_of_a_known_author_in_a_signature_is_evidence(world: World) -> None:
    mara = await author(world)
    await writes(world, raw=f"{HELLO}\n\nBest,\nM. L.\n{MARA.email}\n\n> On Monday you wrote:\n> other@quoted.example")
    [row] = suggested(world)
    assert {row["contact_a"], row["contact_b"]} == {mara.id, (await stranger(world)).id}
    [evidence] = json.loads(row["evidence"])
    assert evidence["kind"] == "signature_email"
    assert evidence["words"] == f"signs with the address {MARA.email}"
    assert evidence["message"]


async def test_an_author_who_never_wrote_is_found_by_the_record(world: World) -> None:
    await writes(world, raw=f"{HELLO}\n\n--\n{ILSE.email}")
    [row] = suggested(world)
    both = {c["id"]: c["account_id"] for c in world.rows(contact_table)}
    assert sorted(both[key] for key in (row["contact_a"], row["contact_b"])) == ["", "A-200"]


async def test_the_same_name_and_the_number_on_file_are_evidence_the_number_alone_is_not(world: World) -> None:
    await writes(world, f"call me on {MARA.phone}", sender_name="Somebody Else")
    assert not suggested(world)
    await writes(
        world,
        f"please call me on {MARA.phone}",
        sender_name="mara  LINDQVIST",
        point=ContactPoint("email", "x@y.example"),
    )
    [row] = suggested(world)
    assert json.loads(row["evidence"])[0]["kind"] == "name_and_phone"


async def test_a_forwarded_mail_of_the_author_is_evidence(world: World) -> None:
    await author(world)
    await writes(
        world, raw=f"{HELLO}\n\n---------- Forwarded message ---------\nFrom: Mara <{MARA.email}>\nSubject: x\n\nhi"
    )
    assert [json.loads(r["evidence"])[0]["kind"] for r in suggested(world)] == ["forwarded_address"]


async def test_an_address_in_the_quoted_history_is_none(world: World) -> None:
    await author(world)
    await writes(world, raw=f"{HELLO}\n\nOn Monday somebody wrote:\n> hi\n> {MARA.email}")
    assert not suggested(world)


async def test_somebody_who_speaks_for_another_or_is_proving_is_not_suggested(world: World) -> None:
    await author(world)
    finding = Finding(
        guard="third_party.relation", route=Route.VERIFY_FIRST, reason="another's", case_reason="third_party"
    )
    text = world.reader.teach(f"I am the assistant of {MARA.email}", route=Route.VERIFY_FIRST, finding=finding)
    await writes(world, text)
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    assert not suggested(world)


async def test_two_authors_are_never_suggested(world: World) -> None:
    await world.says(world.reader.teach("hi", "greeting"), by=ILSE, channel="sms")
    await world.says(
        world.reader.teach(f"me again, {ILSE.email}", "greeting"), channel="email", raw=f"h\n\nx\n--\n{ILSE.email}"
    )
    assert not suggested(world)


async def test_no_contact_is_made_for_an_author_who_is_only_mentioned(world: World) -> None:
    """Neither by another author, who is never them, nor with a number under another name."""
    await author(world)
    await world.says(world.reader.teach(f"my colleague is {ILSE.email}", "greeting"), channel="email")
    await writes(world, f"her number is {ILSE.phone}", sender_name="Somebody Else")
    assert not suggested(world)
    assert not [c for c in world.rows(contact_table) if c["account_id"] == "A-200"]


async def test_an_author_who_signs_with_the_address_of_a_guest_is_suggested(world: World) -> None:
    await writes(world)
    await author(world)
    await world.says(world.reader.teach(f"I also write as {PRIVATE.value}", "greeting"), channel="sms")
    assert len(suggested(world)) == 1


async def test_a_shared_address_is_no_evidence(world: World) -> None:
    from dataclasses import replace

    from inbox.accounts import records

    twin = replace(ILSE, email=MARA.email)
    await world.store.run(lambda tx: records.author(tx, twin, world.clock.now()))
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    assert not suggested(world)


async def test_what_was_dismissed_is_not_suggested_again(world: World) -> None:
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    [row] = suggested(world)
    now = world.clock.now()
    await world.store.run(lambda tx: merging.dismiss(tx, row["id"], "noor", now))
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    assert [r["status"] for r in suggested(world)] == ["dismissed"]
    with pytest.raises(Conflict, match="decided already"):
        await world.store.run(lambda tx: merging.accept(tx, row["id"], "noor", now))
    with pytest.raises(NotFound):
        await world.store.run(lambda tx: merging.dismiss(tx, "no-such", "noor", now))


async def test_more_evidence_is_added_once(world: World) -> None:
    for _ in range(3):
        await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    await writes(world, f"call {MARA.phone}", sender_name=MARA.name)
    assert [e["kind"] for e in json.loads(suggested(world)[0]["evidence"])] == ["signature_email", "name_and_phone"]


async def test_a_suggestion_opens_nothing(world: World) -> None:
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    await writes(world, world.reader.teach("what is due?", "amount_due"))
    assert "100.00" not in " ".join(world.heard())


# -- merging


async def accepted(world: World) -> str:
    mara = await author(world)
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    now = world.clock.now()
    row = suggested(world)[0]
    _ = mara
    return await world.store.run(lambda tx: merging.accept(tx, row["id"], "noor", now))


def picture(world: World) -> dict[str, Any]:
    """Who has which address and which conversation, and how those stand."""
    return {
        "points": sorted((r["kind"], r["value"], r["contact_id"]) for r in world.rows(contact_points)),
        "talks": sorted((r["id"], r["contact_id"], r["status"]) for r in world.rows(talk_table)),
    }  # fmt: skip


async def test_a_merge_moves_everything_to_the_author_and_still_proves_nothing(world: World) -> None:
    await accepted(world)
    mara = await world.store.read(lambda tx: contacts.by_account(tx, "ledger", "A-100"))
    assert mara is not None
    assert {r["contact_id"] for r in world.rows(contact_points)} == {mara.id}
    assert {r["contact_id"] for r in world.rows(talk_table)} == {mara.id}
    assert [r["status"] for r in suggested(world)] == ["accepted"]
    mark = len(world.heard())
    await writes(world, world.reader.teach("what is due?", "amount_due"))
    assert "100.00" not in " ".join(world.heard()[mark:])
    assert PRIVATE.value not in {m.to.value for m in world.messages()[mark:] if "your code is" in m.text}


async def test_undoing_restores_what_was(world: World) -> None:
    mara = await author(world)
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    before, now = picture(world), world.clock.now()
    row = suggested(world)[0]
    key = await world.store.run(lambda tx: merging.accept(tx, row["id"], "noor", now))
    assert picture(world) != before
    await world.store.run(lambda tx: merging.undo(tx, key, "petra", now))
    assert picture(world) == before
    [kept] = world.rows(merges)
    assert (kept["merged_by"], kept["undone_by"], kept["kept"]) == ("noor", "petra", mara.id)
    with pytest.raises(Conflict, match="undone already"):
        await world.store.run(lambda tx: merging.undo(tx, key, "petra", now))
    kinds = [e.type for e in await world.store.read(lambda tx: list(events.read(tx, "staff")))]
    assert kinds[-3:] == ["merge.suggested", "contact.merged", "contact.merge_undone"]


async def test_a_join_by_code_can_be_undone_as_well(world: World) -> None:
    await author(world)
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    guest = await stranger(world, ContactPoint("chat", "visitor-1"))
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    [row] = world.rows(merges)
    assert (row["merged_by"], row["gone"]) == (merging.BY_CODE, guest.id)
    now = world.clock.now()
    await world.store.run(lambda tx: merging.undo(tx, row["id"], "petra", now))
    assert (await stranger(world, ContactPoint("chat", "visitor-1"))).id == guest.id
    mark = len(world.heard())
    await world.says(world.reader.teach("and now?", "account_balance"), by=None, channel="chat")
    assert "200.00" not in " ".join(world.heard()[mark:])


async def test_what_came_after_the_merge_stays_where_it_came(world: World) -> None:
    key = await accepted(world)
    later = ContactPoint("email", "later@mail.example")
    mara = await world.store.read(lambda tx: contacts.by_account(tx, "ledger", "A-100"))
    assert mara is not None
    now = world.clock.now()
    await world.store.run(lambda tx: contacts.add_point(tx, mara.id, later, now))
    await world.store.run(lambda tx: merging.undo(tx, key, "petra", now))
    assert (await stranger(world, later)).id == mara.id


async def merged_by_hand(world: World, one: Contact, other: Contact) -> str:
    now = world.clock.now()
    return await world.store.run(lambda tx: merging.merge(tx, one, other, "noor", "asked by phone", now))


async def test_two_verified_accounts_are_never_joined(world: World) -> None:
    mara = await author(world)
    await world.says(world.reader.teach("hi", "greeting"), by=ILSE, channel="sms")
    ilse = await stranger(world, ContactPoint("phone", ILSE.phone))
    before = picture(world)
    with pytest.raises(Conflict, match="Two accounts are never joined"):
        await merged_by_hand(world, mara, ilse)
    with pytest.raises(Conflict, match="one contact already"):
        await merged_by_hand(world, mara, mara)
    assert picture(world) == before


async def test_an_address_on_another_authors_file_is_not_taken(world: World) -> None:
    mara = await author(world)
    guest = await world.store.run(lambda tx: _guest_with(tx, ContactPoint("email", ILSE.email), world))
    with pytest.raises(Conflict, match="on file for another account"):
        await merged_by_hand(world, mara, guest)


def _guest_with(tx: Tx, point: ContactPoint, world: World) -> Contact:
    found = contacts.add(tx, world.clock.now())
    contacts.add_point(tx, found.id, point, world.clock.now())
    return found


async def test_an_authorised_person_is_not_the_author(world: World) -> None:
    from tests.flows.test_authorised import JO, authorised

    await authorised(world)
    mara = await author(world)
    guest = await world.store.run(lambda tx: _guest_with(tx, JO, world))
    with pytest.raises(Conflict, match="authorised person"):
        await merged_by_hand(world, mara, guest)


async def test_two_live_cases_are_not_folded_into_one(world: World) -> None:
    mara = await author(world)
    for by in ("sms", "email"):
        text = world.reader.teach(f"a person please {by}", "speak_to_human", route=Route.ESCALATE)
        await (world.says(text) if by == "sms" else writes(world, text))
    with pytest.raises(Conflict, match="Close one of the cases"):
        await merged_by_hand(world, mara, await stranger(world))


async def test_the_conversation_with_a_person_stays_live(world: World) -> None:
    mara = await author(world)
    text = world.reader.teach("a person please", "speak_to_human", route=Route.ESCALATE)
    await writes(world, text)
    guest = await stranger(world)
    key = await merged_by_hand(world, mara, guest)
    live = await world.store.run(lambda tx: conversations.live(tx, mara.id))
    assert live is not None
    assert live.status == "open"
    now = world.clock.now()
    await world.store.run(lambda tx: merging.undo(tx, key, "petra", now))
    mine = await world.store.run(lambda tx: conversations.live(tx, mara.id))
    theirs = await world.store.run(lambda tx: conversations.live(tx, guest.id))
    assert (mine and mine.status, theirs and theirs.status) == ("pending", "open")


async def test_merges_are_undone_from_the_last_to_the_first(world: World) -> None:
    first = await world.store.run(lambda tx: _guest_with(tx, ContactPoint("email", "one@x.example"), world))
    second = await world.store.run(lambda tx: _guest_with(tx, ContactPoint("email", "two@x.example"), world))
    third = await author(world)
    inner = await merged_by_hand(world, first, second)
    outer = await merged_by_hand(world, third, first)
    now = world.clock.now()
    with pytest.raises(Conflict, match="Undo that merge first"):
        await world.store.run(lambda tx: merging.undo(tx, inner, "petra", now))
    for key in (outer, inner):
        await world.store.run(lambda tx, key=key: merging.undo(tx, key, "petra", now))
    assert (await stranger(world, ContactPoint("email", "two@x.example"))).id == second.id


async def test_most_messages_cost_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = {
        "channel": "sms",
        "text": "no address here",
        "raw": "",
        "meta": "{}",
        "author_name": "",
        "recipient": "",
        "address": "phone:+1",
        "id": "m",
    }
    asked: list[str] = []
    monkeypatch.setattr(Tx, "all", lambda *_: asked.append("x"))
    monkeypatch.setattr(Tx, "one", lambda *_: asked.append("x"))
    assert likeness.notice(Tx("sqlite", None), row, Contact("c", "", "", "", "", ""), world.clock.now()) == 0
    assert not asked
