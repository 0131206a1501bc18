"""A dispute reaches a person with everything they need; the bot is silent while they own it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import desk_events, handoffs, holds, messages, notes
from inbox.escalation import posting
from inbox.escalation.acts import apply
from inbox.escalation.base import DeskEvent, DeskResult, HandoffCard
from inbox.intents.understanding import Finding
from inbox.message import Route, Severity
from tests.world import MARA, World, make_world

TWICE = "you took 64 twice"


def dispute(world: World, text: str = TWICE) -> str:
    finding = Finding(
        guard="double_charge.twice", route=Route.ESCALATE, reason="says one payment was taken twice", intent="double_charge",
        case_reason="double_charge", quote="twice",
    )  # fmt: skip
    return world.reader.teach(text, "double_charge", route=Route.ESCALATE, finding=finding, severity=Severity.NORMAL)


async def act(world: World, kind: Any, who: str = "U-noor", *, source: str = "", **more: Any) -> DeskResult:
    number = world.rows(handoffs)[-1]["number"]
    event = DeskEvent(
        source_id=source or f"{kind}-{who}-{world.clock.now().timestamp()}-{len(world.rows(desk_events))}", kind=kind, case=number,
        actor_id=who, actor_name=who, at=world.clock.now(), **more,
    )  # fmt: skip
    result = await world.store.run(lambda tx: apply(tx, world.house, event, MARA.points()))
    await world.settle()
    return result


def card(world: World) -> HandoffCard:
    number = world.rows(handoffs)[-1]["number"]
    return world.store.read_now(lambda tx: posting.card_of(tx, world.house, number, world.clock.now()))


async def test_a_dispute_opens_one_case_with_the_account_and_pauses_its_invoice(world: World) -> None:
    await world.says(dispute(world), channel="chat")
    await world.says(dispute(world), channel="chat")
    assert len(world.rows(handoffs)) == 1
    shown = card(world)
    assert shown.reason == "double_charge"
    assert shown.quote == TWICE
    assert any("A-100" in line.value for line in shown.who)
    assert "chat" in shown.reply_channels
    assert f"case {shown.number}" in world.heard()[0]
    assert "will be refunded" not in world.heard()[0]


async def test_while_a_person_owns_it_the_bot_is_silent(world: World) -> None:
    await world.says(dispute(world), channel="chat")
    await act(world, "claim")
    before = len(world.heard())
    await world.says(world.reader.teach("what do I owe?", "account_balance"), channel="chat")
    assert len(world.heard()) == before
    assert card(world).owner == "Noor"


async def test_before_a_claim_a_routine_question_is_answered(world: World) -> None:
    await world.says(dispute(world), channel="chat")
    await world.says(world.reader.teach("when is my next payment?", "amount_due"), channel="chat")
    assert "100.00" in world.last()


async def test_only_one_agent_can_claim(world: World) -> None:
    await world.says(dispute(world), channel="chat")
    assert (await act(world, "claim", "U-noor")).ok
    refused = await act(world, "claim", "U-petra")
    assert not refused.ok
    assert "Noor" in refused.text


async def test_a_reply_needs_the_claim_and_goes_to_the_author_by_name(world: World) -> None:
    await world.says(dispute(world), channel="email")
    assert not (await act(world, "reply", text="Hello", channel="email")).ok
    await act(world, "claim")
    assert (await act(world, "reply", text="I am looking at both payments.", channel="email")).ok
    sent = world.channels["email"].sent[-1]
    assert "I am looking at both payments." in sent.text
    assert (sent.sender_name, sent.automatic) == ("Noor", False)
    assert sent.to.value == MARA.email


async def test_the_same_press_twice_sends_once(world: World) -> None:
    await world.says(dispute(world), channel="email")
    await act(world, "claim")
    for _ in range(3):
        await act(world, "reply", text="Once.", channel="email", source="press-1")
    assert [m.text for m in world.channels["email"].sent].count(world.channels["email"].sent[-1].text) == 1


async def test_a_note_never_reaches_the_author(world: World) -> None:
    await world.says(dispute(world), channel="email")
    before = len(world.heard())
    assert (await act(world, "note", who="U-stranger", text="smells like fraud")).ok
    assert len(world.heard()) == before
    assert world.rows(notes)[0]["text"] == "smells like fraud"


@pytest.mark.parametrize("kind", ["claim", "reply", "resolve", "return"])
async def test_somebody_who_is_not_staff_cannot_act(world: World, kind: str) -> None:
    await world.says(dispute(world), channel="chat")
    result = await act(world, kind, who="U-stranger", text="x", outcome="other")
    assert not result.ok
    assert card(world).status == "open"


async def test_resolving_needs_an_outcome_and_ends_the_pause(world: World) -> None:
    await world.says(dispute(world, f"{TWICE} for INV-901"), channel="chat")
    await act(world, "claim")
    assert not (await act(world, "resolve")).ok
    assert (await act(world, "resolve", outcome="refund")).ok
    assert card(world).status == "resolved"
    assert all(row["lifted_at"] for row in world.rows(holds))


async def test_after_the_handback_the_bot_answers_again(world: World) -> None:
    await world.says(dispute(world), channel="chat")
    await act(world, "claim")
    assert (await act(world, "return")).ok
    await world.says(world.reader.teach("what do I owe?", "account_balance"), channel="chat")
    assert "200.00" in world.last()


async def test_an_answer_in_flight_is_stopped_by_the_claim(world: World) -> None:
    await world.says(dispute(world), channel="email")
    accepted = await world.intake.message(_mail(world, world.reader.teach("amount due?", "amount_due")))
    await act(world, "claim")
    await world.settle()
    late = world.rows(messages, reply_to=accepted.message_id)
    assert {r["status"] for r in late} == {"suppressed"}


def _mail(world: World, text: str) -> Any:
    from inbox.message import ContactPoint, InboundMessage, SenderProof

    return InboundMessage(
        channel="email", source_id="late", sender=ContactPoint("email", MARA.email), text=text,
        received_at=world.clock.now(), proof=SenderProof.DMARC_PASS,
    )  # fmt: skip


async def test_self_harm_words_bring_a_person_the_crisis_line_and_not_one_word_about_money(world: World) -> None:
    finding = Finding(
        guard="harm.self", route=Route.ESCALATE, reason="may harm themselves", intent="hardship", severity=Severity.HIGH,
        case_reason="vulnerability_self_harm",
    )  # fmt: skip
    text = world.reader.teach(
        "I will not be here much longer",
        "hardship",
        "amount_due",
        route=Route.ESCALATE,
        finding=finding,
        severity=Severity.HIGH,
    )
    await world.says(text, channel="chat")
    said = " ".join(world.heard())
    assert "988" in said
    assert "100.00" not in said
    assert card(world).severity is Severity.HIGH
    assert {r["reason"] for r in world.rows(holds)} == {"self_harm_cue"}
    await world.says(world.reader.teach("amount due?", "amount_due"), channel="chat")
    assert "100.00" not in world.last()


async def test_an_unapproved_answer_goes_to_a_person(world: World) -> None:
    from inbox.templates import versions

    for record in world.store.read_now(versions.every):
        if record.answer == "account_balance" and record.status == "approved":
            await world.store.run(lambda tx, r=record: versions.suspend(tx, r.id, world.clock.now(), "sanjay", "typo"))
    await world.says(world.reader.teach("what do I owe?", "account_balance"), channel="chat")
    assert "200.00" not in " ".join(world.heard())
    assert card(world).reason == "answer_not_available"


async def test_a_document_asked_for_in_the_chat_is_really_mailed(world: World) -> None:
    await world.says(world.reader.teach("a copy of my invoice please", "invoice_copy"), channel="chat")
    [mail] = world.channels["email"].sent
    assert mail.to.value == MARA.email
    assert "/l/" in mail.text
    assert "email address on file" in next(m.text for m in world.messages() if m.channel == "chat")


async def test_a_link_asked_for_on_the_phone_comes_as_a_text(world: World) -> None:
    await world.says(world.reader.teach("what do I owe", "account_balance"), channel="voice")
    await world.says(world.code(), channel="voice")
    await world.says(world.reader.teach("i want to pay", "make_payment"), channel="voice")
    spoken = [m.text for m in world.messages() if m.channel == "voice"][-1]
    assert "/l/" not in spoken
    assert "/l/" in world.channels["sms"].sent[-1].text


async def test_a_question_about_royalties_pays_nothing_out(world: World) -> None:
    text = world.reader.teach("how much can I withdraw?", "royalty_withdrawal", "royalty_balance")
    await world.says(text, channel="chat")
    assert "120.00" in world.last()
    assert not [m for m in world.messages() if m.channel != "chat"]


PENDING = replace(MARA.payments[0], id="P-503", status="pending", on=MARA.as_of.date())
TAKEN = replace(MARA.payments[0], on=MARA.as_of.date())
HELD = replace(MARA, payments=(TAKEN, PENDING), refunds=())


async def test_who_asks_about_a_young_authorisation_gets_it_explained_once(store: Store, clock: SetClock) -> None:
    world = await make_world(store, clock, HELD)
    asks = world.reader.teach("two lines of 64, will one drop off?", "double_charge", route=Route.ESCALATE)
    await world.says(asks, channel="chat", by=HELD)
    assert "pending authorization" in world.last()
    assert not world.rows(handoffs)
    await world.says(asks, channel="chat", by=HELD)
    assert world.rows(handoffs)[0]["reason"] == "double_charge"


async def test_who_claims_a_double_charge_gets_a_person_though_one_is_pending(store: Store, clock: SetClock) -> None:
    world = await make_world(store, clock, HELD)
    await world.says(dispute(world), channel="chat", by=HELD)
    assert world.rows(handoffs)[0]["reason"] == "double_charge"


async def test_an_unproven_sender_hears_nothing_of_an_authorisation(store: Store, clock: SetClock) -> None:
    world = await make_world(store, clock, HELD)
    await world.says(
        world.reader.teach("will one drop off?", "double_charge", route=Route.ESCALATE), channel="sms", by=HELD
    )
    assert "pending" not in world.last()
    assert world.rows(handoffs)
