"""No figure without proof: the code, its limits, and what an unknown sender learns (nothing)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inbox.db.tables import codes, decisions, events, messages
from inbox.message import ContactPoint, SenderProof
from inbox.triage import codes_in
from tests.world import MARA, World


async def test_a_signed_in_author_hears_the_balance_at_once(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"), channel="chat")
    assert "200.00" in world.last()


async def test_a_text_from_the_number_on_file_needs_a_code_for_the_balance(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    assert "200.00" not in " ".join(world.heard())
    await world.says(world.code())
    assert "200.00" in world.last()


async def test_the_code_is_nowhere_in_the_database(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    digits = world.code()
    for table in (codes, messages, events, decisions):
        for row in world.rows(table):
            stored = {name: row[name] for name in row.keys() if name not in ("hash", "prev")}  # digests hold any digits  # noqa: SIM118
            assert digits not in str(stored)


async def test_a_wrong_code_discloses_nothing_and_three_lock(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    right = world.code()
    wrong = "000000" if right != "000000" else "111111"
    for _ in range(3):
        await world.says(wrong)
    assert [e["type"] for e in world.rows(events, stream="security")] == ["security.code_locked"]
    await world.says(right)
    assert "200.00" not in " ".join(world.heard())


async def test_a_lock_says_how_long_it_lasts(world: World) -> None:
    """Half an hour after three wrong codes; until the hour is over after five that were asked for."""
    ask = world.reader.teach("what do I owe?", "account_balance")
    await world.says(ask)
    wrong = "000000" if world.code() != "000000" else "111111"
    for _ in range(3):
        await world.says(wrong)
    assert "pause here for 30 minutes" in world.last()
    world.clock.tick(9 * 60 + 30)
    await world.says(ask)
    assert "Too many codes were asked for or did not match" in world.last()
    assert "pause here for 21 minutes" in world.last()
    world.clock.tick(20 * 60)
    await world.says(ask)
    assert "for 1 minute. After" in world.last()
    world.clock.tick(30)
    await world.says(ask)
    assert codes_in(world.last())


async def test_a_spent_share_says_when_there_are_codes_again(world: World) -> None:
    ask = world.reader.teach("what do I owe?", "account_balance")
    for _ in range(5):
        await world.says(ask)
    world.clock.tick(15 * 60)
    await world.says(ask)
    assert "pause here for 45 minutes" in world.last()
    world.clock.tick(45 * 60)
    await world.says(ask)
    assert codes_in(world.last())


async def test_a_code_ends_after_ten_minutes(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    world.clock.tick(601)
    await world.says(world.code())
    assert "200.00" not in " ".join(world.heard())


async def test_a_proof_ends_after_half_an_hour_of_silence(world: World) -> None:
    ask = world.reader.teach("what do I owe?", "account_balance")
    await world.says(ask)
    await world.says(world.code())
    world.clock.tick(29 * 60)
    await world.says(ask)
    assert "200.00" in world.last()
    world.clock.tick(31 * 60)
    await world.says(ask)
    assert "200.00" not in world.last()


async def test_a_proof_on_one_channel_is_none_on_another(world: World) -> None:
    ask = world.reader.teach("what do I owe?", "account_balance")
    await world.says(ask)
    await world.says(world.code())
    await world.says(ask, channel="email")
    assert "200.00" not in world.last()


async def test_a_code_given_from_another_address_is_worth_nothing(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"))
    await world.says(world.code(), channel="email")
    assert "200.00" not in " ".join(world.heard())


@pytest.mark.parametrize("address", [MARA.email, "nobody@elsewhere.example"])
async def test_an_anonymous_visitor_hears_the_same_words_whether_or_not_the_address_is_known(
    world: World, address: str
) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    given = world.reader.teach(f"it is {address}", emails=(address,))
    await world.says(given, by=None, channel="chat")
    said = [m.text for m in world.messages() if m.channel == "chat"]
    assert len(said) == 2
    assert "Mara" not in " ".join(said)
    assert len([m for m in world.messages() if m.channel == "email"]) == (1 if address == MARA.email else 0)
    world_words.setdefault("known" if address == MARA.email else "unknown", said)
    assert len(set(map(tuple, world_words.values()))) == 1


world_words: dict[str, list[str]] = {}


async def test_an_anonymous_visitor_proves_by_code_and_becomes_the_author(world: World) -> None:
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    assert "200.00" in world.last()
    assert [e["type"] for e in world.rows(events) if e["type"] in ("conversation.identified", "conversation.joined")]


async def test_an_anonymous_visitor_who_proves_joins_the_live_conversation(world: World) -> None:
    await world.says(world.reader.teach("hello", "greeting"), channel="email")
    await world.says(world.reader.teach("what do I owe?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(MARA.email, emails=(MARA.email,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    assert "200.00" in world.last()
    greeted, answered = world.messages()[0], world.messages()[-1]
    assert (greeted.channel, answered.channel) == ("email", "chat")
    assert greeted.conversation_id == answered.conversation_id


async def test_a_mail_that_fails_dmarc_is_a_stranger(world: World) -> None:
    ask = world.reader.teach("amount due?", "amount_due")
    await world.says(ask, channel="email", proof=SenderProof.DMARC_FAIL)
    assert "100.00" not in " ".join(world.heard())


async def test_caller_id_alone_proves_nothing(world: World) -> None:
    await world.says(world.reader.teach("amount due", "amount_due"), channel="voice")
    assert "100.00" not in " ".join(world.heard())
    sms = [m for m in world.messages() if m.channel == "sms"]
    assert [m.to for m in sms] == [ContactPoint("phone", MARA.phone)]


async def test_too_many_codes_are_not_sent(world: World) -> None:
    ask = world.reader.teach("what do I owe?", "account_balance")
    for _ in range(8):
        await world.says(ask)
    assert len([m for m in world.messages() if codes_in(m.text)]) == 5
    world.clock.tick(timedelta(hours=2).total_seconds())
    await world.says(ask)
    assert world.code()
