"""What comes in: once, masked, and never lost, whatever it is."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import psycopg
import pytest

from inbox import contacts
from inbox.db.store import Tx
from inbox.db.tables import events, messages, parked_jobs, quarantine
from inbox.errors import Overloaded
from inbox.intents.understanding import Understanding
from inbox.message import ContactPoint, InboundMessage, MessageKind, SenderProof
from tests.flows.conftest import world as world
from tests.world import World

HOSTILE = [
    "", " ", "\x00\x00", "\ud800 lone", "😀" * 500, "a" * 100_000, "{{ 7*7 }} {% for a in b %} ${x}", "<script>alert(1)</script>",
    "\u202eevil\u2066", "'; DROP TABLE messages; --", "ﷺ" * 300, "\r\nBcc: x@y.example", "NULL", "𝓬𝓱𝓪𝓻𝓰𝓮",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_any_text_is_stored_and_answered_or_handed_on(world: World, text: str) -> None:
    await world.says(text, channel="chat")
    [row] = world.rows(messages, direction="inbound")
    assert row["status"] == "decided"
    assert world.rows(parked_jobs) == []


async def test_the_same_delivery_many_times_at_once_is_one_message_and_one_reply(world: World) -> None:
    text = world.reader.teach("what is due?", "amount_due")
    await asyncio.gather(*(world.says(text, source_id="same") for _ in range(10)))
    assert len(world.rows(messages, direction="inbound")) == 1
    assert len(world.channels["sms"].sent) == 1


async def test_first_messages_that_meet_make_one_person_and_one_conversation(world: World) -> None:
    await asyncio.gather(*(world.says(f"hello {n}", by=None, source_id=f"m{n}") for n in range(8)))
    assert len({r["conversation_id"] for r in world.rows(messages, direction="inbound")}) == 1
    assert len(world.rows(messages, direction="inbound")) == 8


async def test_an_address_that_somebody_got_meanwhile_stays_theirs(world: World) -> None:
    point = ContactPoint("phone", "+15550107777")

    def newcomer(tx: Tx) -> str:
        contact = contacts.add(tx, world.clock.now())
        contacts.add_first_point(tx, contact.id, point, world.clock.now())
        return contact.id

    first = await world.store.run(newcomer)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.UniqueViolation)):
        await world.store.run(newcomer)
    found = world.store.read_now(lambda tx: contacts.by_point(tx, point))
    assert found is not None
    assert found.id == first


async def test_card_numbers_never_reach_the_database(world: World) -> None:
    text = "use 4111 1111 1111 1111 cvv 123 exp 04/29, my ssn is 123-45-6789, invoice INV-900"
    await world.says(text, channel="chat", subject="card 5500 0000 0000 0004", raw=text, meta={"note": text})
    for table in (messages, events):
        stored = " ".join(str(tuple(r.values()) if isinstance(r, dict) else tuple(r)) for r in world.rows(table))
        for secret in ("4111 1111 1111 1111", "4111111111111111", "123-45-6789", "5500 0000 0000 0004"):
            assert secret not in stored
    [row] = world.rows(messages, direction="inbound")
    assert "INV-900" in row["text"]
    assert "1111" in row["text"]


@pytest.mark.parametrize("kind", [k for k in MessageKind if k is not MessageKind.TEXT])
async def test_machine_mail_is_kept_and_never_answered(world: World, kind: MessageKind) -> None:
    await world.says(world.reader.teach("what is due?", "amount_due"), channel="email", kind=kind)
    assert world.heard() == []
    assert len(world.rows(messages, direction="inbound")) == 1


async def test_a_full_queue_tells_the_provider_to_come_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inbox.intake.QUEUE_LIMIT", -1)
    with pytest.raises(Overloaded):
        await world.says("hello")
    assert world.rows(messages) == []


async def test_a_reader_that_breaks_loses_nothing_and_brings_a_person(world: World) -> None:
    def broken(text: str, context: Any) -> Understanding:
        raise RuntimeError("a bug in the reader")

    world.reader.read = broken  # type: ignore[method-assign]
    await world.says("hello")
    for _ in range(4):
        world.clock.tick(1000)
        await world.settle()
    [parked] = world.rows(parked_jobs)
    assert "a bug in the reader" in parked["error"]
    from inbox.db.tables import handoffs

    assert [h["reason"] for h in world.rows(handoffs)] == ["bot_failed"]


async def test_what_cannot_be_read_is_kept_once_and_masked(world: World) -> None:
    for _ in range(2):
        await world.intake.quarantine("email", "uid-7", b"\xff\x00 4111111111111111", "no sender")
    [row] = world.rows(quarantine)
    assert row["reason"] == "no sender"
    assert "4111111111111111" not in row["raw"]


async def test_a_reply_by_thread_key_only_joins_the_senders_own_conversation(world: World) -> None:
    first = await world.says("hello", channel="email", meta={"message_id": "m1@lindqvist.example"})
    stranger = InboundMessage(
        channel="email", source_id="x", sender=ContactPoint("email", "thief@elsewhere.example"), text="hello",
        received_at=world.clock.now(), proof=SenderProof.DMARC_PASS, thread_keys=("m1@lindqvist.example", f"conversation:{first.conversation_id}"),
    )  # fmt: skip
    second = await world.intake.message(stranger)
    assert second.conversation_id != first.conversation_id
