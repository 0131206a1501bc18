"""Whether an account exists shows in no word, no status and no statement that a stranger sets off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inbox import authorisations
from inbox.db.sql import Sql, Tx
from inbox.db.store import Store
from inbox.message import ContactPoint
from tests.conftest import NOW, SetClock
from tests.flows.test_authorised import proposal
from tests.world import ILSE, MARA, World, make_world

UNKNOWN = ("nobody@elsewhere.example", "+13125550199")
TELEPHONE, MAIL, CHAT = (
    ContactPoint("phone", "+13125550111"),
    ContactPoint("email", "new@strange.example"),
    ContactPoint("chat", "v-1"),
)
FROM: dict[str, ContactPoint] = {"sms": TELEPHONE, "email": MAIL, "chat": CHAT}


@contextmanager
def statements(into: list[str]) -> Iterator[None]:
    """Every statement that units run meanwhile, as its text."""
    kept = {name: getattr(Tx, name) for name in ("all", "one", "run")}

    def listening(name: str) -> Any:
        def call(self: Tx, sql: Sql, /, **binds: Any) -> Any:
            into.append(sql.on(self.engine, binds)[0])
            return kept[name](self, sql, **binds)

        return call

    for name in kept:
        setattr(Tx, name, listening(name))
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(Tx, name, method)


async def conversation(world: World, channel: str, contact: str, digits: str) -> tuple[list[str], list[str]]:
    """A stranger asks, names a contact, and guesses until the lock; what they heard and what the store did in their turns."""
    where: dict[str, Any] = {"by": None, "channel": channel, "point": FROM[channel]}
    did: list[str] = []
    kind = {"emails": (contact,)} if "@" in contact else {"phones": (contact,)}
    turns = [
        world.reader.teach("what do I owe?", "account_balance"), world.reader.teach(f"on file is {contact}", **kind),
        digits, digits, digits, digits,
    ]  # fmt: skip
    for text in turns:
        with statements(did):
            # Without the worker: what leaves later, leaves unseen by whoever waits for this answer.
            await world.intake.message(_message(world, text, where))
        await world.settle()
    said = [m.text for m in world.messages() if m.to == FROM[channel]]
    return said, did


def _message(world: World, text: str, where: dict[str, Any]) -> Any:
    from inbox.message import InboundMessage, SenderProof

    world.sent += 1
    return InboundMessage(
        channel=where["channel"], source_id=f"w-{world.sent}", sender=where["point"], text=text, received_at=world.clock.now(),
        proof=SenderProof.CARRIER if where["channel"] == "sms" else SenderProof.NONE,
    )  # fmt: skip


async def fresh(store: Store) -> World:
    world = await make_world(store, SetClock(NOW), MARA, ILSE)
    now = world.clock.now()

    def agent(tx: Tx) -> None:
        found = authorisations.propose(tx, proposal(now, point=ContactPoint("email", "jo@agency.example")), "noor", now)
        authorisations.approve(tx, found.id, "sanjay", now)

    await world.store.run(agent)
    return world


@pytest.fixture
def stores(sqlite_template: Any, tmp_path: Any) -> Iterator[Any]:
    """As many empty stores as a test asks for."""
    import shutil

    from inbox.db.store import open_store

    opened: list[Store] = []

    def make() -> Store:
        path = tmp_path / f"{len(opened)}.db"
        shutil.copyfile(sqlite_template, path)
        opened.append(open_store(f"sqlite:///{path}"))
        return opened[-1]

    yield make
    for store in opened:
        store.close()


@pytest.mark.parametrize("channel", ["chat", "sms", "email"])
@pytest.mark.parametrize(
    ("known", "unknown"), [(MARA.email, UNKNOWN[0]), (MARA.phone, UNKNOWN[1]), ("jo@agency.example", UNKNOWN[0])]
)
async def test_known_and_unknown_are_alike_to_the_byte_and_to_the_statement(
    stores: Any, channel: str, known: str, unknown: str
) -> None:
    world = await fresh(stores())
    said, did = await conversation(world, channel, known, "000000")
    other = await fresh(stores())
    said_other, did_other = await conversation(other, channel, unknown, "000000")
    assert said == said_other
    assert len(said) == 6
    assert did == did_other
    sent = {m.to.value for m in world.messages() if m.to != FROM[channel]}
    assert sent == {known}  # and yet the code of the known one left, and only that
    assert not [m for m in other.messages() if m.to != FROM[channel]]


@pytest.mark.parametrize(
    "text", ["what do I owe?", "when does my plan end?", "where is my refund?", "withdraw my royalties"]
)
async def test_a_caller_hears_the_same_from_a_known_number_and_an_unknown_one(stores: Any, text: str) -> None:
    intents = {
        "what": "account_balance",
        "when": "payment_plan",
        "where": "refund_status",
        "withdraw": "royalty_withdrawal",
    }
    heard = []
    for number in (MARA.phone, "+13125550111"):
        world = await fresh(stores())
        point = ContactPoint("phone", number)
        await world.says(world.reader.teach(text, intents[text.split()[0]]), by=None, channel="voice", point=point)
        await world.says("000000", by=None, channel="voice", point=point)
        heard.append([m.text for m in world.messages() if m.channel == "voice"])
    assert heard[0] == heard[1]
    assert len(heard[0]) == 2


async def test_a_locked_account_looks_like_an_unknown_one(stores: Any) -> None:
    """Strangers used up what may be sent for an account; the next stranger cannot tell."""
    said = []
    for contact in (MARA.email, UNKNOWN[0]):
        world = await fresh(stores())
        world.reader.teach("what do I owe?", "account_balance")
        for n in range(7):
            who = {"by": None, "channel": "chat", "point": ContactPoint("chat", f"v-{n}")}
            await world.says("what do I owe?", **who)
            await world.says(world.reader.teach(f"on file is {contact}", emails=(contact,)), **who)
        said.append([m.text for m in world.messages() if m.channel == "chat" and m.to.value == "v-6"])
        codes = [m for m in world.messages() if m.channel == "email"]
        assert len(codes) == (5 if contact == MARA.email else 0)
    assert said[0] == said[1]
