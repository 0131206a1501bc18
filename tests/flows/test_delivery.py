"""Nothing lost, nothing doubled: outbound messages under every kind of trouble."""

from __future__ import annotations

from typing import Any

import pytest

from inbox import jobs
from inbox.db.tables import attempts, handoffs, messages, parked_jobs, suppressions
from inbox.db.tables import jobs as jobs_table
from inbox.delivery import record
from inbox.errors import Permanent, Transient, Uncertain, Unsupported
from inbox.message import DeliveryStatus, DeliveryUpdate, Receipt
from tests.world import MARA, World


async def ask(world: World, channel: str = "sms") -> Any:
    await world.says(world.reader.teach("what is due?", "amount_due"), channel=channel)
    return world.rows(messages, direction="outbound")[-1]


async def test_a_reply_is_sent_once_and_keeps_its_receipt(world: World) -> None:
    row = await ask(world)
    assert len(world.channels["sms"].sent) == 1
    assert row["status"] == "sent"
    assert row["provider_id"] == f"fake-{row['id']}"
    assert world.rows(jobs_table) == []


async def test_a_provider_that_is_down_is_tried_again_later(world: World) -> None:
    world.channels["sms"].fail = [Transient("503"), Transient("429", retry_after=7)]
    row = await ask(world)
    assert row["status"] == "queued"
    for _ in range(3):
        world.clock.tick(10)
        await world.settle()
    assert len(world.channels["sms"].sent) == 1
    assert [a["outcome"] for a in world.rows(attempts)] == ["transient", "transient", "sent"]


async def test_order_in_a_conversation_survives_a_retry(world: World) -> None:
    world.channels["sms"].fail = [Transient("503")]
    await ask(world)
    await world.says(world.reader.teach("thanks a lot", "thanks"))
    assert world.channels["sms"].sent == []
    world.clock.tick(10)
    await world.settle()
    texts = [m.text for m in world.channels["sms"].sent]
    assert len(texts) == 2
    assert "100.00" in texts[0]


async def test_a_refusal_for_good_reaches_a_person(world: World) -> None:
    world.channels["sms"].fail = [Permanent("unreachable", code="30006")]
    row = await ask(world)
    assert row["status"] == "failed"
    assert world.rows(handoffs)[0]["reason"] == "undeliverable"
    assert world.rows(suppressions)[0]["reason"] == "invalid"


async def test_an_opt_out_that_only_the_carrier_knew_is_stored(world: World) -> None:
    world.channels["sms"].fail = [Permanent("opted out", code="21610")]
    await ask(world)
    assert world.rows(suppressions)[0]["reason"] == "opt_out"


async def test_an_uncertain_send_is_asked_about_and_not_repeated(world: World) -> None:
    channel = world.channels["sms"]
    original = channel.send

    async def accept_then_die(message: Any) -> Receipt:
        await original(message)
        raise Uncertain("the connection closed after the request")

    channel.send = accept_then_die  # type: ignore[method-assign]
    await ask(world)
    channel.send = original  # type: ignore[method-assign]
    world.clock.tick(10)
    await world.settle()
    row = world.rows(messages, direction="outbound")[-1]
    assert (len(channel.sent), row["status"]) == (1, "sent")


async def test_where_nobody_can_be_asked_a_person_decides(world: World) -> None:
    channel = world.channels["sms"]

    async def cannot_tell(_: Any) -> Receipt | None:
        raise Unsupported("this provider cannot be asked")

    channel.find_sent = cannot_tell  # type: ignore[method-assign]
    channel.fail = [Uncertain("no answer")]
    await ask(world)
    world.clock.tick(10)
    await world.settle()
    row = world.rows(messages, direction="outbound")[-1]
    assert (len(channel.sent), row["status"]) == (0, "uncertain")
    assert world.rows(handoffs)[0]["reason"] == "undeliverable"


async def test_a_worker_that_died_while_sending_leaves_a_question_not_a_second_message(world: World) -> None:
    """The lease runs out; the next worker sees an attempt without outcome and asks the provider."""
    channel = world.channels["sms"]
    original, died = channel.send, []

    async def die(message: Any) -> Receipt:
        await original(message)
        died.append(message.id)
        raise KeyboardInterrupt

    channel.send = die  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await ask(world)
    channel.send = original  # type: ignore[method-assign]
    world.clock.tick(120)
    await world.settle()
    assert channel.asked == died
    assert len(channel.sent) == 1
    assert world.rows(messages, direction="outbound")[-1]["status"] == "sent"


@pytest.mark.parametrize("late", ["queued", "sent", "delivered"])
async def test_a_final_state_never_moves_back(world: World, late: str) -> None:
    row = await ask(world)
    now = world.clock.now()
    for status in (DeliveryStatus.UNDELIVERED, DeliveryStatus(late)):
        update = DeliveryUpdate(channel="sms", provider_id=row["provider_id"], status=status, code="30008")
        await world.store.run(lambda tx, u=update: record(tx, world.house, u, now))
    assert world.rows(messages, id=row["id"])[0]["status"] == "undelivered"


async def test_an_update_for_a_message_we_do_not_know_changes_nothing(world: World) -> None:
    update = DeliveryUpdate(channel="sms", provider_id="SM-unknown", status=DeliveryStatus.DELIVERED)
    assert await world.store.run(lambda tx: record(tx, world.house, update, world.clock.now())) is False


async def test_after_many_attempts_it_is_given_to_a_person(world: World) -> None:
    world.channels["sms"].fail = [Transient("down")] * 20
    await ask(world)
    for _ in range(jobs.MAX_ATTEMPTS + 2):
        world.clock.tick(2000)
        await world.settle()
    assert world.rows(messages, direction="outbound")[-1]["status"] == "failed"
    assert world.rows(handoffs)[0]["reason"] == "undeliverable"


async def test_a_bug_in_a_channel_parks_the_job_and_a_person_can_retry_it(world: World) -> None:
    world.channels["sms"].fail = [ValueError("bug")] * 3
    await ask(world)
    for _ in range(4):
        world.clock.tick(1000)
        await world.settle()
    parked = world.rows(parked_jobs)
    assert "ValueError: bug" in parked[0]["error"]
    await world.store.run(lambda tx: jobs.unpark(tx, parked[0]["id"], world.clock.now()))
    await world.settle()
    assert len(world.channels["sms"].sent) == 1


async def test_after_stop_an_answer_goes_by_mail(world: World) -> None:
    await world.says("STOP")
    assert "no more" in world.last()
    row = await ask(world)
    assert (row["channel"], row["address"]) == ("email", f"email:{MARA.email}")
    await world.says("START")
    assert (await ask(world))["channel"] == "sms"
