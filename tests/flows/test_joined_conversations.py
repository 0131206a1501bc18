"""What comes late for a conversation that ended in another one meanwhile goes on there: messages, failures, bounces."""

from __future__ import annotations

from typing import Any

import pytest

from inbox import conversations, merging
from inbox.db.identity import merges
from inbox.db.tables import conversations as talk_table
from inbox.db.tables import decisions, handoffs, messages, parked_jobs
from inbox.delivery import record
from inbox.intake import Reception
from inbox.message import ContactPoint, DeliveryStatus, DeliveryUpdate, InboundMessage, MessageKind, SenderProof
from tests.flows.test_merging import HELLO, PRIVATE, author, stranger, suggested, writes
from tests.world import MARA, World


async def waits(world: World, text: str, point: ContactPoint = PRIVATE, channel: Any = "email") -> str:
    """A message that is stored and waits for its decision; returns its id."""
    queued = Reception(world.store, world.house, world.clock, local_accounts=False)
    world.sent += 1
    accepted = await queued.message(
        InboundMessage(
            channel=channel, source_id=f"late-{world.sent}", sender=point, text=text, received_at=world.clock.now(),
            proof=SenderProof.DMARC_PASS if channel == "email" else SenderProof.NONE, kind=MessageKind.TEXT,
        )
    )  # fmt: skip
    assert not accepted.decided
    return accepted.message_id


async def merged_while_waiting(world: World, text: str) -> tuple[str, str, str]:
    """A stranger's message waits while their contact is merged into the author's.

    Returns its id, the id of the author's conversation, and that of the merge.
    """
    mara = await author(world)
    await writes(world, raw=f"{HELLO}\n\n--\n{MARA.email}")
    message, now = await waits(world, text), world.clock.now()
    key = await world.store.run(lambda tx: merging.accept(tx, suggested(world)[0]["id"], "noor", now))
    live = await world.store.run(lambda tx: conversations.live(tx, mara.id))
    assert live is not None
    [row] = world.rows(messages, id=message)
    assert (row["status"], row["conversation_id"] != live.id) == ("received", True)
    return message, live.id, key


def decided_in(world: World, message: str) -> str:
    [row] = world.rows(messages, id=message)
    assert row["status"] == "decided"
    return str(row["conversation_id"])


def statuses(world: World) -> list[str]:
    return sorted(row["status"] for row in world.rows(talk_table))


async def test_a_message_that_waited_through_a_merge_is_answered_in_the_live_conversation(world: World) -> None:
    message, live, _ = await merged_while_waiting(
        world, world.reader.teach("how do I pay?", "payment_methods_accepted")
    )
    await world.settle()
    assert decided_in(world, message) == live
    assert [d["conversation_id"] for d in world.rows(decisions, message_id=message)] == [live]
    assert world.messages()[-1].conversation_id == live
    assert not world.rows(parked_jobs)
    assert statuses(world) == ["pending", "resolved"]


async def test_a_merge_that_was_undone_meanwhile_leaves_the_message_where_it_came(world: World) -> None:
    message, live, key = await merged_while_waiting(
        world, world.reader.teach("how do I pay?", "payment_methods_accepted")
    )
    now = world.clock.now()
    await world.store.run(lambda tx: merging.undo(tx, key, "petra", now))
    await world.settle()
    assert decided_in(world, message) != live
    assert statuses(world) == ["pending", "pending"]


async def test_a_decision_that_breaks_reaches_a_person_in_the_live_conversation(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    message, live, _ = await merged_while_waiting(world, "this one breaks the reader")
    read = world.reader.read

    def breaks(text: str, context: Any) -> Any:
        if "breaks the reader" in text:
            raise RuntimeError("a bug")
        return read(text, context)

    monkeypatch.setattr(world.reader, "read", breaks)
    for _ in range(4):
        await world.settle()
        world.clock.tick(3_600)
    assert decided_in(world, message) == live
    assert [(h["reason"], h["conversation_id"]) for h in world.rows(handoffs)] == [("bot_failed", live)]
    assert len(world.rows(parked_jobs)) == 1


async def test_what_was_written_behind_a_right_code_is_answered_to_the_author(world: World) -> None:
    """Code and next question come at once: the code joins the author's live conversation, the question goes on there."""
    mara, visitor = await author(world), ContactPoint("chat", "visitor-1")
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    await waits(world, world.code(), visitor, "chat")
    message = await waits(world, world.reader.teach("and my royalties?", "royalty_balance"), visitor, "chat")
    await world.settle()
    live = await world.store.run(lambda tx: conversations.live(tx, mara.id))
    assert decided_in(world, message) == (live and live.id)
    assert "120.00" in world.last()
    assert len(world.rows(merges)) == 1
    assert statuses(world) == ["pending", "resolved"]


async def test_joins_are_followed_from_one_to_the_next(world: World) -> None:
    """A guest was merged into a guest, who was merged into the author, before the message was decided."""
    last = await author(world)
    others = [ContactPoint("email", f"{name}@mail.example") for name in ("one", "two")]
    for point in others:
        await writes(world, point=point)
    message = await waits(world, world.reader.teach("how do I pay?", "payment_methods_accepted"), others[1])
    older, newer, now = await stranger(world, others[0]), await stranger(world, others[1]), world.clock.now()
    await world.store.run(lambda tx: merging.merge(tx, older, newer, "noor", "by phone", now))
    await world.store.run(lambda tx: merging.merge(tx, last, older, "noor", "by phone", now))
    await world.settle()
    live = await world.store.run(lambda tx: conversations.live(tx, last.id))
    assert decided_in(world, message) == (live and live.id)
    assert statuses(world) == ["pending", "resolved", "resolved"]


async def test_a_late_bounce_of_a_conversation_that_ended_reaches_a_person_in_the_live_one(world: World) -> None:
    await world.says(world.reader.teach("what is due?", "amount_due"), channel="sms")
    [old] = world.rows(messages, direction="outbound")
    now = world.clock.now()

    def end(tx: Any) -> None:
        found = conversations.by_id(tx, old["conversation_id"])
        assert found is not None
        conversations.set_status(tx, found, "resolved", now, outcome="answered")

    await world.store.run(end)
    world.clock.tick(60 * 86_400)
    await world.says(world.reader.teach("hello again", "greeting"), channel="email")
    newer = world.messages()[-1].conversation_id
    assert newer != old["conversation_id"]
    bounce = DeliveryUpdate(
        channel="sms", status=DeliveryStatus.UNDELIVERED, message_id=old["id"], code="30003", detail="switched off"
    )
    assert await world.store.run(lambda tx: record(tx, world.house, bounce, world.clock.now()))
    assert [(h["reason"], h["conversation_id"]) for h in world.rows(handoffs)] == [("undeliverable", newer)]
