"""Whom a notice reaches: what concerns the safety of payouts goes everywhere, and who was missed is kept with the reason."""

from __future__ import annotations

import sqlalchemy as sa

from inbox import contacts
from inbox.accounts import changes
from inbox.db.store import Sql
from inbox.db.tables import messages
from inbox.message import ContactPoint
from inbox.payouts import telling
from tests.payouts.flow import change_asked, changed, claim, kinds, notices, withdraw
from tests.world import MARA, World

PHONE = ContactPoint("phone", MARA.phone)


def untold(world: World, subject: str) -> list[tuple[str, str]]:
    return world.store.read_now(lambda tx: [(u.step, u.why) for u in telling.untold(tx, subject)])


async def suppress(world: World, point: ContactPoint, reason: str) -> None:
    await world.store.run(lambda tx: contacts.suppress(tx, point, world.clock.now(), reason=reason))


async def test_a_wish_for_no_reminders_by_mail_stops_no_word_about_ones_own_payouts(world: World) -> None:
    await world.store.run(lambda tx: changes.set_consent(tx, "A-100", "email", given=False, at=world.clock.now()))
    await world.store.run(lambda tx: changes.set_consent(tx, "A-100", "sms", given=False, at=world.clock.now()))
    change = await changed(world)
    for answer in ("payout_change_asked", "payout_changed_notice"):
        assert [r["channel"] for r in notices(world, answer)] == ["email"]
    assert untold(world, change.id) == [
        (step, f"{MARA.phone}: the author does not want sms") for step in ("approved", "asked")
    ]


async def test_each_address_that_was_missed_is_kept_though_another_one_was_told(world: World) -> None:
    await suppress(world, PHONE, "opt_out")
    change = await change_asked(world)
    assert [r["channel"] for r in notices(world, "payout_change_asked")] == ["email"]
    ((step, why),) = untold(world, change.id)
    assert (step, why) == ("asked", f"{MARA.phone}: the author opted out of texts")
    conversation = notices(world, "payout_change_asked")[0]["conversation_id"]
    assert "notice.not_sent" in kinds(world, conversation)


async def test_nobody_at_all_names_everybody(world: World) -> None:
    for point in MARA.points():
        await suppress(world, point, "invalid")
    ((_, why),) = untold(world, (await change_asked(world)).id)
    assert [part.partition(":")[0] for part in why.split("; ")] == [p.value for p in MARA.points()]


async def test_one_address_is_enough_for_the_course_of_a_withdrawal(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await suppress(world, ContactPoint("email", MARA.email), "invalid")
    await claim(world)
    assert [r["channel"] for r in notices(world)] == ["sms"]
    assert untold(world, made.id) == []


async def test_what_came_back_undelivered_was_not_told(world: World) -> None:
    change = await change_asked(world)
    assert untold(world, change.id) == []
    lost = notices(world, "payout_change_asked")[0]
    fail = Sql(
        sa.update(messages)
        .where(messages.c.id == sa.bindparam("key"))
        .values(status="undelivered", status_detail="full")
    )
    await world.store.run(lambda tx: tx.run(fail, key=lost["id"]))
    assert untold(world, change.id) == [("asked", f"{lost['address'].partition(':')[2]}: full")]
