"""Codes cannot be guessed, whoever tries from wherever, and nobody can lock the author out of their own number."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox import guessing, verification
from inbox.db.sql import Tx
from inbox.db.tables import code_locks, codes, events
from inbox.disclosure import networks
from inbox.guessing import Asker
from inbox.intake import Reception
from inbox.message import ContactPoint, SenderProof
from inbox.settings import Rules
from tests.conftest import NOW
from tests.world import ILSE, MARA, World

RULES = Rules()


def wrong_for(world: World) -> str:
    right = world.code()
    return f"{(int(right) + 1) % 1_000_000:06d}"


async def chat_says(world: World, n: int, text: str, network: str = "", **lesson: object) -> None:
    if lesson:
        world.reader.teach(text, **lesson)  # type: ignore[arg-type]  # entities
    meta = {"network": network} if network else {}
    await world.says(text, by=None, channel="chat", point=ContactPoint("chat", f"v-{n}"), meta=meta)


async def guess(world: World, n: int, network: str = "") -> None:
    """One stranger asks for Mara's code and guesses twice, one short of the lock of the code."""
    await chat_says(world, n, world.reader.teach("what do I owe?", "account_balance"), network)
    await chat_says(world, n, f"on file is {MARA.email}", network, emails=(MARA.email,))
    for digits in ("000001", "000002"):
        await chat_says(world, n, digits, network)


async def test_guesses_from_many_addresses_are_counted_for_the_account_and_end(world: World) -> None:
    """However many strangers: after ten wrong codes no code of that account is right for a day."""
    for n in range(12):
        await guess(world, n, network=f"10.{n}.0.0/24")
        world.clock.tick(3_700)  # every hour a new share of codes
    failures = [row for row in world.rows(code_locks) if row["subject"] == "guesses:account:A-100"]
    assert failures[0]["failures"] >= RULES.wrong_codes_per_day
    alarms = world.rows(events, stream="security", type="security.code_guessing")
    assert len(alarms) == 1
    await chat_says(world, 99, world.reader.teach("what do I owe?", "account_balance"))
    await chat_says(world, 99, f"on file is {MARA.email}", emails=(MARA.email,))
    [row] = [r for r in world.rows(codes) if r["asked_from"] == "chat:v-99" and r["status"] == "open"]
    await chat_says(world, 99, verification.code_of(world.house.secrets[0], row["id"]))
    assert "200.00" not in " ".join(world.heard())


async def test_the_author_is_served_as_ever_from_the_number_on_file(world: World) -> None:
    for n in range(12):
        await guess(world, n, network=f"10.{n}.0.0/24")
    await world.says(world.reader.teach("my balance?", "account_balance"), channel="sms")
    await world.says(world.code(), channel="sms")
    assert "200.00" in world.last()


async def test_a_forged_caller_id_or_mail_spends_nothing_of_the_author(world: World) -> None:
    ask = world.reader.teach("my balance?", "account_balance")
    for _ in range(7):
        await world.says(ask, channel="voice")
        await world.says(ask, channel="email", proof=SenderProof.DMARC_FAIL)
    for _ in range(4):
        await world.says("000000", channel="voice")
    await world.says(ask, channel="sms")
    await world.says(world.code(), channel="sms")
    assert "200.00" in [m.text for m in world.messages() if m.channel == "sms"][-1]


async def test_every_group_of_digits_is_a_try(world: World) -> None:
    await world.says(world.reader.teach("my balance?", "account_balance"))
    right = world.code()
    others = [f"{(int(right) + n) % 1_000_000:06d}" for n in (1, 2, 3)]
    await world.says(f"{others[0]} {others[1]}")
    await world.says(f"{others[2]} or {right}")
    assert "200.00" not in " ".join(world.heard())
    assert [e["type"] for e in world.rows(events, stream="security")] == ["security.code_locked"]


async def test_a_used_code_is_worth_nothing_again(world: World) -> None:
    ask = world.reader.teach("my balance?", "account_balance")
    await world.says(ask)
    used = world.code()
    await world.says(used)
    assert "200.00" in world.last()
    world.clock.tick(31 * 60)
    await world.says(ask)
    mark = len(world.heard())
    await world.says(used)
    assert "200.00" not in " ".join(world.heard()[mark:])


async def test_an_older_code_is_replaced_by_the_newer(world: World) -> None:
    ask = world.reader.teach("my balance?", "account_balance")
    await world.says(ask)
    first = world.code()
    await world.says(ask)
    assert world.code() != first
    await world.says(first)
    assert "200.00" not in " ".join(world.heard())


async def test_a_code_of_another_conversation_is_wrong_here(world: World) -> None:
    await world.says(world.reader.teach("my balance?", "account_balance"))
    theirs = world.code()
    await chat_says(world, 1, world.reader.teach("what do I owe?", "account_balance"))
    await chat_says(world, 1, f"on file is {MARA.email}", emails=(MARA.email,))
    await chat_says(world, 1, theirs)
    assert "200.00" not in " ".join(world.heard())


async def test_a_code_never_goes_to_a_contact_named_as_new(world: World) -> None:
    await world.says(world.reader.teach("my balance?", "account_balance"))
    await world.says(
        world.reader.teach(
            "send it to me@new.example, that is my new one", "account_balance", emails=("me@new.example",)
        )
    )
    assert {m.to.value for m in world.messages()} == {MARA.phone}


async def test_a_clock_that_was_turned_back_ends_a_proof_and_a_code(world: World) -> None:
    ask = world.reader.teach("my balance?", "account_balance")
    await world.says(ask)
    await world.says(world.code())
    world.clock.tick(-3_600)
    await world.says(ask)
    assert "200.00" not in world.last()
    digits = world.code()
    world.clock.tick(-3_600)
    await world.says(digits)
    assert "200.00" not in world.last()


async def test_a_network_that_guesses_is_locked_and_listed(world: World) -> None:
    for n in range(15):
        await guess(world, n, network="10.9.9.0/24")
    [alarm] = world.rows(events, stream="security", type="security.network_locked")
    assert "10.9.9.0/24" in alarm["data"]
    await chat_says(world, 50, world.reader.teach("what do I owe?", "account_balance"), "10.9.9.0/24")
    await chat_says(world, 50, f"on file is {MARA.email}", "10.9.9.0/24", emails=(MARA.email,))
    assert "pause here for 60 minutes" in world.last()
    await chat_says(world, 51, world.reader.teach("what do I owe?", "account_balance"), "10.8.8.0/24")
    await chat_says(world, 51, f"on file is {MARA.email}", "10.8.8.0/24", emails=(MARA.email,))
    assert "pause here" not in world.last()


# -- nobody is locked out through a network they share


def neighbours(point: ContactPoint, count: int) -> list[ContactPoint]:
    """Other addresses of the same network: the same domain, or the same block of numbers."""
    if point.kind == "phone":
        return [ContactPoint("phone", f"{point.value[:-4]}{7000 + n}") for n in range(count)]
    domain = point.value.partition("@")[2]
    return [ContactPoint("email", f"x{n}@{domain}") for n in range(count)]


@pytest.mark.parametrize(("forged", "channel"), [("email", "email"), ("voice", "sms")])
async def test_forged_senders_of_a_network_lock_nobody_out(world: World, forged: str, channel: str) -> None:
    """More mails that fail DMARC than the domain's share, more invented caller ids than the block's."""
    ask = world.reader.teach("my balance?", "account_balance")
    point = ContactPoint("email", MARA.email) if forged == "email" else ContactPoint("phone", MARA.phone)
    proof = SenderProof.DMARC_FAIL if forged == "email" else SenderProof.CALLER_ID
    named = world.reader.teach(f"on file is {ILSE.email}", emails=(ILSE.email,))
    world.house = replace(world.house, rules=replace(RULES, codes_per_hour_network=6, wrong_codes_per_hour_network=6))
    rehouse(world)
    for other in neighbours(point, 8):
        for text in (ask, named, "000001"):
            await world.says(text, by=None, channel=forged, point=other, proof=proof)
    assert "pause here" in " ".join(world.heard())  # they are stopped themselves
    await world.says(ask, channel=channel)
    await world.says(world.code(), channel=channel)
    assert "200.00" in world.last()


async def test_real_senders_of_a_network_do_not_lock_out_who_gets_the_code_where_they_write_from(world: World) -> None:
    """Colleagues whose mail passes DMARC spend the domain's share; the author's own request is not counted for it."""
    world.house = replace(world.house, rules=replace(RULES, codes_per_hour_network=4, wrong_codes_per_hour_network=4))
    rehouse(world)
    ask = world.reader.teach("my balance?", "account_balance")
    named = world.reader.teach(f"on file is {ILSE.email}", emails=(ILSE.email,))
    for other in neighbours(ContactPoint("email", MARA.email), 6):
        for text in (ask, named, "000001"):
            await world.says(text, by=None, channel="email", point=other, proof=SenderProof.DMARC_PASS)
    assert "pause here" in " ".join(world.heard())
    await world.says(ask, channel="email")
    await world.says(world.code(), channel="email")
    assert "200.00" in world.last()


def rehouse(world: World) -> None:
    """The same world with the rules of ``world.house``."""
    world.intake = Reception(world.store, world.house, world.clock)
    world.worker.house = world.house


@given(hours=st.lists(st.floats(0, 1.5), min_size=30, max_size=60))
def test_no_pattern_of_times_gives_more_guesses_than_the_day_allows(hours: list[float]) -> None:
    """Straight at the counters, on a store in memory: any spacing of strangers' tries."""
    with memory() as tx:
        now, good = NOW, []
        for n, wait in enumerate(hours):
            now += timedelta(hours=wait)
            asker = Asker(f"chat:v-{n}", "", "account:A-1")
            if guessing.may_guess(tx, asker, now).account_open:
                good.append(now)
                guessing.wrong(tx, asker, 1, now, RULES)
        for start in good:
            assert sum(start <= at < start + timedelta(days=1) for at in good) <= 2 * RULES.wrong_codes_per_day


def memory():  # type: ignore[no-untyped-def]  # a context of a Tx
    import sqlite3
    from contextlib import contextmanager

    from sqlalchemy.dialects import sqlite
    from sqlalchemy.schema import CreateTable

    from inbox.db.tables import events as record

    @contextmanager
    def opened():  # type: ignore[no-untyped-def]
        connection = sqlite3.connect(":memory:")
        connection.row_factory = sqlite3.Row
        for table in (code_locks, record):
            connection.execute(str(CreateTable(table).compile(dialect=sqlite.dialect())))
        yield Tx("sqlite", connection.cursor())
        connection.close()

    return opened()


@pytest.mark.parametrize(("address", "network"), [
    ("203.0.113.77", "203.0.113.0/24"), ("2001:db8:1:2::9", "2001:db8:1::/48"), ("::ffff:203.0.113.77", "203.0.113.0/24"),
    ("fe80::1%eth0", "fe80::/48"), ("", ""), ("unix:", ""), ("999.1.1.1", ""),
])  # fmt: skip
def test_the_network_of_a_client(address: str, network: str) -> None:
    assert networks.of_client(address) == network


@pytest.mark.parametrize(("point", "client", "network"), [
    (ContactPoint("phone", "+12125550101"), "", "phone:+1212555"), (ContactPoint("phone", "+123"), "", ""),
    (ContactPoint("email", "a@books.example"), "", "mail:books.example"), (ContactPoint("email", "a@gmail.com"), "", ""),
    (ContactPoint("chat", "v"), "203.0.113.0/24", "ip:203.0.113.0/24"), (ContactPoint("chat", "v"), "", ""),
])  # fmt: skip
def test_the_network_of_an_address(point: ContactPoint, client: str, network: str) -> None:
    assert networks.of_point(point, client) == network


@pytest.mark.parametrize("domain", [
    "yahoo.com", "yahoo.de", "yahoo.co.uk", "yahoo.com.ar", "hotmail.fr", "hotmail.com.br", "outlook.es", "live.com.mx", "live.nl",
    "gmx.de", "gmx.net", "web.de", "uol.com.br", "bol.com.br", "terra.com.br", "icloud.com",
])  # fmt: skip
def test_the_public_mail_houses_are_no_network(domain: str) -> None:
    assert networks.of_point(ContactPoint("email", f"mara@{domain.upper()}")) == ""


@pytest.mark.parametrize(
    "domain", ["live.books.example", "yahoo.example", "outlook.agency", "notyahoo.com", "mail.yahoo-books.com"]
)
def test_a_name_like_a_mail_house_is_a_network(domain: str) -> None:
    assert networks.of_point(ContactPoint("email", f"mara@{domain}")) == f"mail:{domain}"
