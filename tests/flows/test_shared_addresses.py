"""Two authors with one email, one phone or one name: nothing is told before it is proven which account is meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inbox import authorisations
from inbox.accounts import records
from inbox.accounts.base import Account
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import contacts, conversations, events, handoffs
from inbox.deskwork import Deskwork
from inbox.errors import Malformed
from inbox.message import SenderProof
from tests.flows.test_authorised import JO, authorised
from tests.flows.test_cases import act, dispute
from tests.world import ILSE, MARA, World, make_world

HOUSE_MAIL = "both@home.example"
WITH_MAIL = (replace(MARA, email=HOUSE_MAIL), replace(ILSE, email=HOUSE_MAIL))
WITH_PHONE = (MARA, replace(ILSE, phone=MARA.phone))
WITH_NAME = (MARA, replace(ILSE, name=MARA.name))
SECRETS = ("100.00", "200.00", "777.70", "Mara", "Ilse", "Tin Orchard", "Ferry Weather", "INV-")


def told(world: World) -> list[str]:
    return [secret for secret in SECRETS if any(secret in text for text in world.heard())]


async def shared(store: Store, clock: SetClock, authors: tuple[Account, ...]) -> World:
    return await make_world(store, clock, *authors)


@pytest.mark.parametrize(("authors", "channel"), [(WITH_MAIL, "email"), (WITH_PHONE, "sms")])
@pytest.mark.parametrize("intent", ["amount_due", "account_balance", "payment_status", "make_payment"])
async def test_from_a_shared_address_nothing_is_told(
    store: Store, clock: SetClock, authors: tuple[Account, ...], channel: str, intent: str
) -> None:
    world = await shared(store, clock, authors)
    await world.says(world.reader.teach("a question", intent), by=authors[0], channel=channel)
    assert not told(world)
    assert "email or phone number we have on file" in world.last()


async def test_the_shared_contact_itself_proves_neither(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await world.says(world.reader.teach("my balance?", "account_balance"), by=None, channel="chat")
    await world.says(world.reader.teach(f"on file is {HOUSE_MAIL}", emails=(HOUSE_MAIL,)), by=None, channel="chat")
    assert not [m for m in world.messages() if m.channel == "email"]
    assert "If none comes, give me another" in world.last()
    await world.says(world.reader.teach(f"or {MARA.phone}", phones=(MARA.phone,)), by=None, channel="chat")
    assert [m.to.value for m in world.messages() if m.channel == "sms"] == [MARA.phone]
    await world.says(world.code(), by=None, channel="chat")
    assert "200.00" in world.last()
    assert "777.70" not in " ".join(world.heard())


async def test_a_code_to_ones_own_contact_proves_one_of_the_two_for_this_conversation(
    store: Store, clock: SetClock
) -> None:
    world = await shared(store, clock, WITH_PHONE)
    ask = world.reader.teach("my balance?", "account_balance")
    await world.says(ask, channel="sms")
    await world.says(world.reader.teach(f"{ILSE.email}", emails=(ILSE.email,)), channel="sms")
    await world.says(world.code(), channel="sms")
    assert "777.70" in world.last()
    await world.says(ask, channel="sms")
    assert "777.70" in world.last()
    assert not [c for c in world.rows(contacts) if c["account_id"]]  # the number stays nobody's
    world.clock.tick(31 * 60)
    await world.says(ask, channel="sms")
    assert "777.70" not in world.last()
    await world.says(world.reader.teach(f"{MARA.email}", emails=(MARA.email,)), channel="sms")
    await world.says(world.code(), channel="sms")
    assert "200.00" in world.last()


async def test_an_address_that_a_second_author_gets_later_is_nobodys_from_then_on(world: World) -> None:
    ask = world.reader.teach("due?", "amount_due")
    await world.says(ask, channel="sms")
    assert "100.00" in world.last()
    second = replace(ILSE, phone=MARA.phone)
    await world.store.run(lambda tx: records.author(tx, second, world.clock.now()))
    mark = len(world.heard())
    await world.says(ask, channel="sms")
    assert not [s for s in SECRETS if s in " ".join(world.heard()[mark:])]
    talks = {row["id"]: row["contact_id"] for row in world.rows(conversations)}
    assert len(set(talks.values())) == 2


async def test_a_code_of_a_known_author_never_goes_to_the_shared_address(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await world.says(world.reader.teach("my balance?", "account_balance"), by=WITH_MAIL[0], channel="voice")
    assert [m.to.value for m in world.messages() if m.channel != "voice"] == [MARA.phone]
    await world.says(world.reader.teach("withdraw", "royalty_withdrawal"), by=WITH_MAIL[0], channel="chat")
    assert {m.to.value for m in world.messages() if m.channel in ("sms", "email")} == {MARA.phone}


async def test_a_name_opens_nothing(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_NAME)
    asked = world.reader.teach("I am Mara Lindqvist, my balance?", "account_balance")
    await world.says(asked, by=None, channel="chat", sender_name=MARA.name)
    assert not told(world)
    await world.says(world.reader.teach(ILSE.email, emails=(ILSE.email,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    assert "777.70" in world.last()
    assert "200.00" not in " ".join(world.heard())


async def test_the_portal_proves_which_of_two_it_is(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await world.says(world.reader.teach("my balance?", "account_balance"), by=WITH_MAIL[1], channel="chat")
    assert "777.70" in world.last()


async def test_a_forged_mail_of_a_shared_address_tells_nothing_either(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await world.says(
        world.reader.teach("due?", "amount_due"), by=WITH_MAIL[0], channel="email", proof=SenderProof.DMARC_FAIL
    )
    assert not told(world)


async def proven_as_ilse(world: World) -> None:
    """Somebody at the shared address proves to be Ilse and asks for a person, who claims the case."""
    await world.says(world.reader.teach("my balance?", "account_balance"), by=WITH_MAIL[0], channel="email")
    await world.says(world.reader.teach(f"{ILSE.phone}", phones=(ILSE.phone,)), by=WITH_MAIL[0], channel="email")
    await world.says(world.code(), by=WITH_MAIL[0], channel="email")
    assert "777.70" in world.last()
    await world.says(dispute(world), by=WITH_MAIL[0], channel="email")
    await act(world, "claim")


async def test_an_agent_answers_the_one_who_was_proven_and_nobody_else(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await proven_as_ilse(world)
    desk, number = Deskwork(world.store, world.house, world.clock), world.rows(handoffs)[-1]["number"]
    text = "Dear Ilse Brandt, about INV-777: it is open."
    assert text in await desk.preview(number, text, "email")
    assert (await act(world, "reply", text=text, channel="email")).ok
    assert not world.rows(events, type="security.wrong_author")
    with pytest.raises(Malformed, match=r"INV-900.*A-100"):
        await desk.preview(number, "see INV-900", "email")
    assert "A-100" in (await act(world, "reply", text="see INV-900", channel="email")).text


async def test_what_was_proven_ends_for_the_agent_as_well(store: Store, clock: SetClock) -> None:
    world = await shared(store, clock, WITH_MAIL)
    await proven_as_ilse(world)
    world.clock.tick(31 * 60)
    assert "A-200" in (await act(world, "reply", text="Dear Ilse Brandt", channel="email")).text


async def test_an_agent_answers_an_authorised_person_in_the_chat(world: World) -> None:
    """The address of the authorisation is not the one they write from; the code proved it for this conversation."""
    found = await authorised(world)
    ask = world.reader.teach("what does Mara owe?", "account_balance")
    await world.says(ask, by=None, channel="chat")
    await world.says(world.reader.teach(f"I am {JO.value}", emails=(JO.value,)), by=None, channel="chat")
    await world.says(world.code(), by=None, channel="chat")
    await world.says(dispute(world), by=None, channel="chat")
    await act(world, "claim")
    reply = {"text": "Mara Lindqvist has INV-900 open", "channel": "chat"}
    assert (await act(world, "reply", **reply)).ok
    now = world.clock.now()
    await world.store.run(lambda tx: authorisations.revoke(tx, found.id, "sanjay", "the author asked", now))
    assert "A-100" in (await act(world, "reply", **reply)).text
