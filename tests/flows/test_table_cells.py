"""Every cell of the table that a sender can reach, through the whole pipeline: what was sent, stored and recorded."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from inbox.accounts.base import Account, AccountRef
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.db.tables import decisions, messages
from inbox.disclosure.table import Act, permitted
from inbox.message import ChannelName, ContactPoint, SenderProof
from tests.accounts.facts_cast import NOW as THEN
from tests.accounts.facts_cast import full
from tests.disclosure.cells import ASKED, taught
from tests.world import World, make_world

#: How a sender comes to stand at the level, by what each channel offers.
REACHABLE: tuple[tuple[ChannelName, int], ...] = (
    ("chat", 0), ("chat", 2), ("sms", 0), ("sms", 1), ("sms", 2), ("email", 0), ("email", 1), ("email", 2), ("voice", 0), ("voice", 2),
)  # fmt: skip
#: Figures that stand in no answer below level 2 of the account of ``full``.
SECRET = ("300.00", "500.00", "120.50", "10.00", "3.20", "75.00", "15.00", "9911", "4242")


def renamed(value: Any, n: int) -> Any:
    """The account with ids of its own: no two authors share a record."""
    text = {
        "INV-1": f"INV-{n}1",
        "PL-1": f"PL-{n}1",
        "P-2": f"P-{n}2",
        "P-3": f"P-{n}3",
        "RF-1": f"RF-{n}1",
        "WD-1": f"WD-{n}1",
    }
    if isinstance(value, tuple):
        return tuple(renamed(v, n) for v in value)
    if isinstance(value, str):
        return text.get(value, value)
    if hasattr(value, "__dataclass_fields__") and hasattr(value, "id"):
        return replace(value, **{name: renamed(getattr(value, name), n) for name in value.__dataclass_fields__})
    return value


def author(n: int) -> Account:
    whole = full(promises=())
    assert whole.royalties is not None
    return replace(
        whole, ref=AccountRef("ledger", f"A-{n}"), name=f"Wilhelmina Okonjo{n}", email=f"w{n}@okonjo.example",
        phone=f"+1212555{1000 + n}", invoices=renamed(whole.invoices, n), plans=renamed(whole.plans, n),
        payments=renamed(whole.payments, n), refunds=renamed(whole.refunds, n),
        royalties=replace(whole.royalties, withdrawals=renamed(whole.royalties.withdrawals, n)), as_of=THEN,
    )  # fmt: skip


class Cell:
    """One sender at one level on one channel, and what they ask."""

    def __init__(self, world: World, channel: ChannelName, level: int, n: int) -> None:
        self.world, self.channel, self.level, self.author = world, channel, level, author(n)
        self.n = n

    def _from(self) -> dict[str, Any]:
        kind: Any = {"chat": "chat", "sms": "phone", "voice": "phone", "email": "email"}[self.channel]
        stranger = {
            "chat": f"visitor-{self.n}",
            "phone": f"+1312555{1000 + self.n}",
            "email": f"s{self.n}@nowhere.example",
        }[kind]
        own = {"chat": stranger, "phone": self.author.phone, "email": self.author.email}[kind]
        if self.channel == "voice":
            return {"point": ContactPoint(kind, own), "proof": SenderProof.CALLER_ID}
        if self.level == 0:
            return {"point": ContactPoint(kind, stranger), "proof": SenderProof.NONE}
        proof = {"chat": SenderProof.NONE, "phone": SenderProof.CARRIER, "email": SenderProof.DMARC_PASS}[kind]
        return {"point": ContactPoint(kind, own), "proof": proof}

    async def says(self, text: str) -> str:
        accepted = await self.world.says(text, by=None, channel=self.channel, **self._from())
        return accepted.message_id

    async def prove(self) -> None:
        """Up to the level: a question, a contact where none is known, the code."""
        if self.level < 2:
            return
        await self.says(self.world.reader.teach("first of all: the balance", "account_balance"))
        if self.channel == "chat":
            await self.says(self.world.reader.teach(f"I am {self.author.email}", emails=(self.author.email,)))
        await self.says(self.world.code())

    async def asks(self, asked: str) -> str:
        lesson = taught(asked)
        ids = {k: renamed(v, self.n) for k, v in lesson["entities"].items()}
        text = self.world.reader.teach(
            f"please: {asked} {self.n}.",
            *lesson["intents"],
            route=lesson["route"],
            finding=lesson["finding"],
            wishes=lesson["wishes"],
            **ids,
        )
        return await self.says(text)


@pytest.mark.parametrize(("channel", "level"), REACHABLE)
async def test_every_cell(sqlite_store: Store, channel: ChannelName, level: int) -> None:
    cells = {asked: n for n, asked in enumerate(ASKED, 10)}
    world = await make_world(sqlite_store, SetClock(THEN), *(author(n) for n in cells.values()))
    for asked, n in cells.items():
        cell = Cell(world, channel, level, n)
        await cell.prove()
        mark = len(world.messages())
        message = await cell.asks(asked)
        replies = [m for m in world.messages()[mark:] if m.to == cell._from()["point"] and m.channel == channel]
        check(world, asked, permitted(asked, level, channel), message, [m.text for m in replies], level)


def check(world: World, asked: str, act: Act, message: str, said: list[str], level: int) -> None:
    [decision] = world.rows(decisions, message_id=message)
    record = json.loads(decision["record"])
    where = f"{asked} at L{level}: {record}"
    assert record["level"] == level, where
    parts = [p for row in world.rows(messages, reply_to=message) for p in json.loads(row["parts"])]
    sources = {s[0] for part in parts for s in part["sources"].values() if s[0].startswith("ledger:")}
    if act.tells:
        if asked == "royalty_withdrawal":
            assert record["code_for"] == "withdraw", where  # eligible: only a fresh code moves money
        else:
            assert sources, where
    else:
        assert not sources, where
        assert not record["code_for"] or act is Act.STEP_UP, where
    if act is not Act.FACTS:
        allowed = ("300.00",) if act is Act.LINK and level == 2 else ()
        assert not [s for s in SECRET if s in " ".join(said) and s not in allowed], (where, said)
    if act is Act.REFUSE:
        assert record["effects"][0][0] == "security_event", where
    if act is Act.CASE:
        assert record["case"], where
    if act is Act.STEP_UP:
        assert decision["reply_kind"] == "otp_prompt", where
    assert said, where
