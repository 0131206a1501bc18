"""Withdrawals over the whole pipeline, on both databases: told, confirmed once, moved on, told again."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta

import pytest

from inbox import contacts, events
from inbox.accounts import changes, records, tables
from inbox.accounts.base import Withdrawal
from inbox.db.tables import handoffs
from inbox.errors import Conflict
from inbox.message import ContactPoint, InboundMessage, SenderProof
from inbox.money import Money
from inbox.payouts import batches, telling, withdrawals
from inbox.payouts.files import Report
from inbox.payouts.royalties import CALLED_OFF
from inbox.payouts.withdrawals import Move, Wish
from tests.payouts.conftest import XIMENA
from tests.payouts.flow import claim, kinds, notices, reconcile, royalties, those, withdraw
from tests.world import MARA, World

TODAY = date(2026, 3, 11)


async def test_the_amounts_are_told_before_they_are_confirmed(world: World) -> None:
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    told = next(m.text for m in world.messages() if m.channel == "chat")
    assert "withdraw $80.00" in told
    assert "Available now: $120.00" in told
    assert "$3.00 kept for returns" in told
    assert "$40.00 then remains" in told
    assert "5093" in told
    assert royalties(world).available == Money.of("120.00")
    await world.says(world.code(), channel="chat")
    assert "withdrawal of $80.00" in world.last()
    assert "$40.00 stays available" in world.last()
    assert royalties(world).available == Money.of("40.00")
    (made,) = those(world)
    assert (made.amount, made.destination, made.status) == (Money.of("80.00"), "bank ••5093", "requested")
    assert made.confirmation


@pytest.mark.parametrize(("text", "words"), [
    ("withdraw 500 of it", "less than you asked for"),
    ("withdraw 10 of it", "Payouts start at $50.00"),
    ("withdraw -80", "at least $50.00"),
    ("withdraw 80 euros", "currency of your account"),
    ("withdraw 60, no, rather 70 of it", "which amount"),
])  # fmt: skip
async def test_what_cannot_be_paid_is_refused_kindly_and_nothing_moves(world: World, text: str, words: str) -> None:
    await world.says(world.reader.teach(text, "royalty_withdrawal"), channel="chat")
    assert words in world.last()
    assert len(world.heard()) == 1  # no code
    assert royalties(world).available == Money.of("120.00")


async def test_a_figure_alone_answers_how_much(world: World) -> None:
    await world.says(world.reader.teach("withdraw 500 of it", "royalty_withdrawal"), channel="chat")
    await world.says("75", channel="chat")
    assert "withdraw $75.00" in next(m.text for m in reversed(world.messages()) if m.channel == "chat")
    await world.says(world.code(), channel="chat")
    assert [w.amount for w in those(world)] == [Money.of("75.00")]


async def test_a_wrong_code_and_then_the_right_one_confirm_what_was_told(world: World) -> None:
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    right = world.code()
    await world.says("000000" if right != "000000" else "111111", channel="chat")
    assert those(world) == []
    await world.says(right, channel="chat")
    assert [w.amount for w in those(world)] == [Money.of("80.00")]


@pytest.mark.parametrize("words", ["{} wait, don't", "no! {}", "{} mejor cancelar", "não, {}"])
async def test_a_code_with_a_no_beside_it_pays_nothing(world: World, words: str) -> None:
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    await world.says(words.format(world.code()), channel="chat")
    assert "nothing was changed" in world.last()
    assert those(world) == []
    await withdraw(world, "withdraw 70 of it")


@pytest.mark.parametrize("words", ["{} please", "here it is: {}, thanks", "es el {}"])
async def test_friendly_words_beside_a_code_do_no_harm(world: World, words: str) -> None:
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    await world.says(words.format(world.code()), channel="chat")
    assert [w.amount for w in those(world)] == [Money.of("80.00")]


async def test_a_replayed_code_makes_nothing(world: World) -> None:
    await withdraw(world, "withdraw 60 of it")
    for _ in range(3):
        await world.says(world.code(), channel="chat")
    assert len(those(world)) == 1
    assert royalties(world).available == Money.of("60.00")


async def test_the_code_of_a_question_confirms_no_withdrawal(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    await world.says(world.code())
    await world.says(world.reader.teach("withdraw all", "royalty_withdrawal"))
    assert those(world) == []
    world.clock.tick(601)
    await world.says(world.code())
    assert those(world) == []


async def test_what_changed_after_the_code_was_sent_is_asked_again(world: World) -> None:
    """The destination is another one now: the code confirmed the old one, so it confirms nothing."""
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    code = world.code()
    at = world.clock.now()
    await world.store.run(lambda tx: changes.set_payout_method(tx, "A-100", "bank ••9999", hold_until=None, at=at))
    await world.says(code, channel="chat")
    assert those(world) == []
    assert "9999" in next(m.text for m in reversed(world.messages()) if m.channel == "chat")
    await world.says(world.code(), channel="chat")
    assert [w.destination for w in those(world)] == ["bank ••9999"]


async def test_a_hold_that_began_after_the_code_stops_it(world: World) -> None:
    await world.says(world.reader.teach("withdraw 80 of it", "royalty_withdrawal"), channel="chat")
    code, at = world.code(), world.clock.now()
    until = at + timedelta(hours=72)
    await world.store.run(lambda tx: changes.set_payout_method(tx, "A-100", "bank ••5093", hold_until=until, at=at))
    await world.says(code, channel="chat")
    assert those(world) == []
    assert "on hold until" in world.last()


async def test_the_form_is_a_rule_and_no_advice_and_in_the_authors_language(world: World) -> None:
    def no_form(tx):
        changes.set_tax_form(tx, "A-300", "W-8BEN", "missing", at=world.clock.now())

    await world.store.run(no_form)
    text = world.reader.teach("quiero retirar todo", "royalty_withdrawal", language="es")
    await world.says(text, by=XIMENA, channel="chat")
    assert "formulario fiscal W-8BEN válido" in world.last()
    assert "no envíe números fiscales" in world.last()
    await world.store.run(lambda tx: changes.set_tax_form(tx, "A-300", "W-8BEN", "approved", at=world.clock.now()))
    await world.says(text, by=XIMENA, channel="chat")
    await world.says(world.code(), by=XIMENA, channel="chat")
    assert "está solicitado" in world.last()
    await claim(world)
    assert "está en preparación" in notices(world)[0]["text"]


async def test_fraud_is_a_case_without_a_word_about_it(world: World) -> None:
    await world.store.run(lambda tx: changes.set_flag(tx, "A-100", "fraud", at=world.clock.now()))
    await world.says(world.reader.teach("withdraw all", "royalty_withdrawal"), channel="chat")
    assert [c["reason"] for c in world.rows(handoffs)] == ["security_hold"]
    assert "fraud" not in world.last().lower()


# -- at the same time


async def test_a_double_submit_makes_one_withdrawal(world: World) -> None:
    """The same code ten times at once, as separate messages."""
    await world.says(world.reader.teach("withdraw 60 of it", "royalty_withdrawal"), channel="chat")
    code = world.code()
    await asyncio.gather(*(world.intake.message(_line(world, code, f"twice-{n}")) for n in range(10)))
    await world.settle()
    assert [w.amount for w in those(world)] == [Money.of("60.00")]
    assert royalties(world).available == Money.of("60.00")


async def test_two_channels_at_once_cannot_take_more_than_there_is(world: World) -> None:
    """An unknown browser proves itself by a code while the author confirms in the portal: each wants everything."""
    everything = world.reader.teach("withdraw all", "royalty_withdrawal")
    await world.says(everything, channel="chat")
    portal = world.code()
    visitor = ContactPoint("chat", "visitor-77")
    more = {"by": None, "channel": "chat", "point": visitor}
    await world.says(everything, **more)
    await world.says(world.reader.teach("it is mara@lindqvist.example", emails=("mara@lindqvist.example",)), **more)
    await world.says(world.code(), **more)  # proven; now a code for the withdrawal itself
    second = world.code()
    assert second != portal
    stranger = InboundMessage(
        channel="chat",
        source_id="v-1",
        sender=visitor,
        text=second,
        received_at=world.clock.now(),
        proof=SenderProof.NONE,
    )
    await asyncio.gather(world.intake.message(_line(world, portal, "p-1")), world.intake.message(stranger))
    await world.settle()
    taken = sum(w.amount.minor for w in those(world))
    assert len(those(world)) <= 1
    assert royalties(world).available.minor == 12_000 - taken
    if not taken:  # the two talks met in one conversation, which then waits for one code only
        await withdraw(world, "withdraw all of that")
    assert [w.amount for w in those(world)] == [Money.of("120.00")]
    for code in (portal, second):
        await world.says(code, channel="chat")
    assert royalties(world).available == Money.of("0.00")


async def test_verbs_at_once_share_what_is_there(world: World) -> None:
    def one(n):
        wish = Wish(
            id=f"WD-{n}", amount=Money.of("50.00"), destination="bank ••5093", confirmation=f"code-{n}", conversation_id="",
            requested_on=TODAY,
        )  # fmt: skip
        return world.store.run(lambda tx: withdrawals.request(tx, "A-100", wish, world.clock.now()))

    results = await asyncio.gather(*(one(n) for n in range(8)), return_exceptions=True)
    assert sum(isinstance(r, Conflict) for r in results) == 6
    assert len(those(world)) == 2
    assert royalties(world).available == Money.of("20.00")


async def test_one_confirmation_is_one_withdrawal_whoever_asks_twice(world: World) -> None:
    def one(n):
        wish = Wish(
            id=f"WD-{n}", amount=Money.of("50.00"), destination="bank ••5093", confirmation="the-code", conversation_id="",
            requested_on=TODAY,
        )  # fmt: skip
        return world.store.run(lambda tx: withdrawals.request(tx, "A-100", wish, world.clock.now()))

    made = await asyncio.gather(*(one(n) for n in range(6)))
    assert len({w.id for w in made}) == 1
    assert royalties(world).available == Money.of("70.00")


def _line(world: World, text: str, source_id: str) -> InboundMessage:
    return InboundMessage(
        channel="chat", source_id=source_id, sender=ContactPoint("chat", "visitor-9"), text=text,
        received_at=world.clock.now(), proof=SenderProof.PORTAL, account_id="A-100",
    )  # fmt: skip


# -- the states, each told once


async def test_each_step_is_an_event_and_is_told_once(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    for status in ("sent", "paid"):
        for _ in range(2):
            await reconcile(world, Report(line=2, id=made.id, status=status, on=TODAY))
    steps = [k for k in kinds(world, made.conversation_id) if k.startswith("withdrawal.")]
    assert steps == ["withdrawal.requested", "withdrawal.in_review", "withdrawal.sent", "withdrawal.paid"]
    rows = notices(world)
    assert [r["channel"] for r in rows] == ["email"] * 3
    assert "being prepared" in rows[0]["text"]
    assert "was sent on Wednesday, March 11, 2026" in rows[1]["text"]
    assert "was paid on" in rows[2]["text"]
    assert all("60.00" not in r["text"] and "5093" not in r["text"] for r in rows)
    assert rows[0]["subject"] == f"Your withdrawal {made.id} at Larkmoor"
    assert world.store.read_now(lambda tx: events.verify(tx, made.conversation_id)) == ""


async def test_a_hold_and_a_release_are_told_each_time(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    for n in range(2):
        world.clock.tick(60)
        now = world.clock.now()
        await world.store.run(
            lambda tx, at=now: withdrawals.hold(
                tx, world.house, made.id, by="sanjay", reason="check 4111 1111 1111 1111", at=at
            )
        )
        assert (await claim(world)).batch is None
        world.clock.tick(60)
        now = world.clock.now()
        await world.store.run(
            lambda tx, at=now: withdrawals.release(tx, world.house, made.id, by="sanjay", reason="fine", at=at)
        )
        assert len(notices(world)) == 2 * (n + 1)
    assert "on hold for a check" in notices(world)[0]["text"]
    assert all("4111 1111" not in str(tuple(r)) for r in world.rows(tables.withdrawals))
    assert (await claim(world)).batch is not None


async def test_a_returned_payout_gives_the_money_back_and_stops_the_next_one(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await claim(world)
    await reconcile(world, Report(line=2, id=made.id, status="returned", reason="account closed"))
    assert royalties(world).available == Money.of("120.00")
    assert "came back from the bank" in notices(world)[-1]["text"]
    await reconcile(world, Report(line=2, id=made.id, status="returned", on=TODAY, reason="account closed"))
    assert royalties(world).available == Money.of("120.00")
    await world.says(world.reader.teach("withdraw all", "royalty_withdrawal"), channel="chat")
    assert [c["reason"] for c in world.rows(handoffs)] == ["payout_returned"]


async def test_a_called_off_one_is_available_again_and_stops_nothing(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    at = world.clock.now()
    with pytest.raises(Conflict, match="put it on hold first"):
        await world.store.run(lambda tx: withdrawals.call_off(tx, world.house, made.id, by="sanjay", at=at))
    await world.store.run(
        lambda tx: withdrawals.hold(tx, world.house, made.id, by="sanjay", reason="asked to stop", at=at)
    )
    await world.store.run(lambda tx: withdrawals.call_off(tx, world.house, made.id, by="sanjay", at=at))
    assert royalties(world).available == Money.of("120.00")
    assert "will not be paid out" in notices(world)[-1]["text"]
    await withdraw(world, "withdraw 70 of it")


async def test_no_reason_of_staff_reads_as_called_off(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    at = world.clock.now()
    for reason in ("called off", " Called Off"):
        with pytest.raises(Conflict, match="a step of its own"):
            await world.store.run(
                lambda tx, r=reason: withdrawals.hold(tx, world.house, made.id, by="sanjay", reason=r, at=at)
            )
    assert [w.status for w in those(world)] == ["requested"]
    await world.store.run(lambda tx: withdrawals.hold(tx, world.house, made.id, by="sanjay", reason="a check", at=at))
    with pytest.raises(Conflict, match="a step of its own"):
        await world.store.run(
            lambda tx: withdrawals.release(tx, world.house, made.id, by="sanjay", reason="called off", at=at)
        )
    assert [w.status for w in those(world, "held")] == ["held"]


async def test_what_is_on_hold_is_not_told_as_called_off_whatever_its_reason(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    step = Move(to="held", by="sanjay", at=world.clock.now(), reason=CALLED_OFF)
    await world.store.run(lambda tx: withdrawals.move(tx, world.house, made.id, step))
    text = notices(world)[-1]["text"]
    assert "will not be paid out" not in text
    assert "available to you again" not in text
    await world.says(world.reader.teach("where is it", "royalty_withdrawal_status"), channel="chat")
    assert "called off" not in world.messages()[-1].text


@pytest.mark.parametrize(
    ("to", "words"), [("sent", "cannot become sent"), ("paid", "cannot become paid"), ("gone", "is one of")]
)
async def test_no_step_is_left_out(world: World, to: str, words: str) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    step = Move(to=to, by="x", at=world.clock.now())
    with pytest.raises(Conflict, match=words):
        await world.store.run(lambda tx: withdrawals.move(tx, world.house, made.id, step))
    assert those(world) == [made]


# -- where it is told


async def test_without_mail_a_text_waits_for_the_morning(world: World) -> None:
    await world.store.run(lambda tx: changes.set_consent(tx, "A-100", "email", given=False, at=world.clock.now()))
    made = await withdraw(world, "withdraw 60 of it")
    world.clock.tick(12 * 3600)  # 23:00 in New York
    await claim(world)
    assert [r["channel"] for r in notices(world)] == ["sms"]
    assert not any("being prepared" in m.text for m in world.channels["sms"].sent)
    await world.says(world.reader.teach("thanks", "thanks"))  # a reply is not held up by what waits
    assert world.channels["sms"].sent
    world.clock.tick(10 * 3600)  # 09:00
    await world.settle()
    assert any("being prepared" in m.text for m in world.channels["sms"].sent)
    assert made.id in world.channels["sms"].sent[-1].text


async def test_what_may_not_be_told_is_kept_with_its_reason(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")

    def silence(tx):
        for point in MARA.points():
            contacts.suppress(tx, point, world.clock.now(), reason="invalid")

    await world.store.run(silence)
    await claim(world)
    assert notices(world) == []
    (told,) = world.store.read_now(lambda tx: telling.told(tx, made.id))
    assert told["message_id"] == ""
    assert "do not arrive" in told["why"]
    assert "notice.not_sent" in kinds(world, made.conversation_id)


@pytest.mark.parametrize(("hour", "expected"), [(3, 9), (8.999, 9), (9, None), (19.99, None), (20, 33), (23.5, 33)])
def test_the_morning_is_the_authors(world: World, hour: float, expected: int | None) -> None:
    midnight = world.clock.now().replace(hour=4, minute=0)  # 00:00 in New York
    found = telling.morning("America/New_York", world.house.rules, midnight + timedelta(hours=hour))
    assert found == (midnight + timedelta(hours=expected) if expected else None)


# -- what an import may not undo


async def test_an_import_leaves_our_withdrawals_and_a_running_hold_alone(world: World) -> None:
    made = await withdraw(world, "withdraw 60 of it")
    await world.store.run(lambda tx: records.account(tx, MARA, world.clock.now()))
    assert those(world) == [made]
    stored = replace(royalties(world).withdrawals[0], status="requested")
    await world.store.run(lambda tx: records.withdrawal(tx, "A-100", stored))
    assert those(world) == [made]


async def test_an_imported_withdrawal_is_never_paid_by_us(world: World) -> None:
    theirs = Withdrawal(id="WD-9", amount=Money.of("60.00"), requested_on=TODAY, status="requested")
    await world.store.run(lambda tx: records.withdrawal(tx, "A-100", theirs))
    assert await claim(world) == batches.Claimed(None, ())
