"""Secure links: the paper behind them, and what everybody else sees."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa
from aiohttp.test_utils import TestClient, TestServer

from inbox import contacts, conversations, links, web
from inbox.accounts import booking, records, tables
from inbox.accounts.base import AccountRef, Payment
from inbox.db.store import Sql
from inbox.db.tables import handoffs
from inbox.linkpages import link_routes
from inbox.settings import Web
from tests.world import MARA, World, money


@pytest.fixture
async def client(world: World) -> AsyncIterator[TestClient]:
    app = web.application(
        world.store,
        world.clock,
        link_routes(world.store, world.house, world.clock),
        web.Readiness(),
        Web(secrets=("s",)),
    )
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def link(world: World, of: str = "document", ref: AccountRef = MARA.ref, **data: Any) -> str:
    def unit(tx: Any) -> str:
        now = world.clock.now()
        author = contacts.by_account(tx, "ledger", "A-100") or contacts.add(
            tx, now, source="ledger", account_id="A-100"
        )
        talk = conversations.find_or_open(
            tx, author.id, now, channel="email", subject="x", language="en", reopen=timedelta(days=7)
        )
        return links.create(tx, world.house, of, ref, talk.id, data, now)

    address = await world.store.run(unit)
    return "/l/" + address.rpartition("/")[2]


async def test_the_link_opens_the_paper(world: World, client: TestClient) -> None:
    path = await link(world, document_id="INV-900", kind="invoice")
    answer = await client.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/pdf"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Content-Disposition"] == 'inline; filename="invoice-INV-900.pdf"'
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    found = pypdf.PdfReader(io.BytesIO(await answer.read()))
    assert "INV-900" in found.pages[0].extract_text()


async def test_opening_it_changes_nothing_so_it_opens_again(world: World, client: TestClient) -> None:
    """A mail scanner opens it before the author does."""
    path = await link(world, document_id="P-501", kind="receipt")
    first = await (await client.get(path)).read()
    assert await (await client.get(path)).read() == first


async def test_the_paper_speaks_the_language_of_the_message(world: World, client: TestClient) -> None:
    path = await link(world, document_id="P-501", kind="receipt", language="pt")
    text = pypdf.PdfReader(io.BytesIO(await (await client.get(path)).read())).pages[0].extract_text()
    assert "Recibo" in text


async def test_an_ended_link_a_used_one_and_one_that_never_was_look_the_same(world: World, client: TestClient) -> None:
    ended, used = await link(world, document_id="INV-900"), await link(world, document_id="INV-900")
    gone = await link(world, ref=AccountRef("ledger", "A-404"), document_id="INV-900")
    foreign = await link(world, document_id="INV-777", kind="invoice")  # another author's invoice
    before = world.clock.now() - links.AFTER_USE
    await world.store.run(lambda tx: links.use(tx, used.rpartition("/")[2], before))
    pages = [await client.get(path) for path in (used, gone, foreign, "/l/never-was")]
    world.clock.tick(timedelta(days=3).total_seconds())
    pages.append(await client.get(ended))
    assert {page.status for page in pages} == {404}
    assert len({await page.text() for page in pages}) == 1
    assert "new one" in await pages[0].text()
    assert len({tuple(sorted(k for k in page.headers if k != "Date")) for page in pages}) == 1


async def spoil(world: World) -> None:
    """The plan's parts do not add up to the invoice any more."""

    def unit(tx: Any) -> None:
        tx.run(Sql(sa.update(tables.instalments).values(amount=9_999).where(tables.instalments.c.number == 3)))
        records.touch(tx, "A-100", world.clock.now())

    await world.store.run(unit)


async def test_contradicting_figures_go_to_a_person_once_and_are_not_shown(world: World, client: TestClient) -> None:
    path = await link(world, document_id="INV-900", kind="invoice")
    await spoil(world)
    for _ in range(2):
        page = await client.get(path)
        assert page.headers["Content-Type"].startswith("text/html")
        words = await page.text()
        assert "A person checks this first" in words
        assert "200.00" not in words
    assert [h["reason"] for h in world.rows(handoffs)] == ["stale_figures"]


async def test_a_link_of_an_ended_conversation_tells_a_person_in_the_live_one(world: World, client: TestClient) -> None:
    path = await link(world, document_id="INV-900", kind="invoice")
    await spoil(world)

    def begin_again(tx: Any) -> str:
        now = world.clock.now()
        author = contacts.by_account(tx, "ledger", "A-100")
        old = conversations.live(tx, author.id) if author else None
        assert author is not None
        assert old is not None
        conversations.set_status(tx, old, "resolved", now, outcome="answered")
        return conversations.find_or_open(
            tx, author.id, now, channel="email", subject="x", language="en", reopen=timedelta(0)
        ).id

    newer = await world.store.run(begin_again)
    for _ in range(2):
        assert "A person checks this first" in await (await client.get(path)).text()
    assert [(h["reason"], h["conversation_id"]) for h in world.rows(handoffs)] == [("stale_figures", newer)]


async def test_a_pay_link_never_asks_for_more_than_is_left(world: World, client: TestClient) -> None:
    path = await link(world, of="pay", amount="200.00", invoice_id="INV-900")
    assert "$200.00" in await (await client.get(path)).text()

    async def paid(amount: str, key: str) -> None:
        payment = Payment(
            id=key,
            on=world.clock.now().date(),
            amount=money(amount),
            method="",
            status="succeeded",
            invoice_id="INV-900",
        )
        await world.store.run(lambda tx: booking.record_payment(tx, "A-100", payment, at=world.clock.now()))

    await paid("150.00", "P-1")
    assert "$50.00" in await (await client.get(path)).text()
    await paid("50.00", "P-2")
    words = await (await client.get(path)).text()
    assert "Nothing is left to pay" in words
    assert "$" not in words
