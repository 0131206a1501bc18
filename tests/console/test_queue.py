"""The queue: who is listed where, in which order, and that the page hears of changes."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from inbox import contacts, conversations, staffing
from inbox.console import queries, queue
from inbox.console.queries import PAGE, Filters
from inbox.message import ContactPoint
from tests.console.world import NOW, PHONE, World


def chat(n: int) -> ContactPoint:
    return ContactPoint("chat", f"visitor-{n}")


async def test_open_cases_come_by_due_time_with_all_that_matters(both: World):
    await both.hear("You took the $30 twice!", sender_name="Imelda Farrow")
    both.clock.tick(60)
    grave, _ = await both.hear("I have a gun", channel="chat", sender=chat(1), sender_name="Rosa Lindqvist")
    ana = await both.agent()
    html = await ana.get("/console")
    assert html.index("May be in danger") < html.index("Says the same thing was charged twice")  # due in 30 minutes
    assert f"/console/conversations/{grave}" in html
    for shown in ("Imelda Farrow", "A-3307", "Rosa Lindqvist", "Chat", "Email", "English", "nobody yet", "High"):
        assert shown in html
    both.clock.tick(40 * 60)
    html = await ana.get("/console")
    assert "1 overdue" in html
    assert ">Overdue<" in html


async def test_what_the_bot_has_is_in_a_tab_of_its_own(both: World):
    talk, _ = await both.hear("what is this", channel="chat", sender=chat(1), sender_name="Tomás Ibarra")
    done, _ = await both.hear("thank you", channel="chat", sender=chat(2), sender_name="Bea Thornquist")
    ana = await both.agent()
    assert "Nobody is waiting for a person" in await ana.get("/console")
    html = await ana.get("/console?tab=bot")
    assert f"/console/conversations/{talk}" in html
    assert f"/console/conversations/{done}" not in html
    html = await ana.get("/console?tab=resolved")
    assert f"/console/conversations/{done}" in html
    assert "Nothing is snoozed." in await ana.get("/console?tab=snoozed")


async def test_mine_are_those_i_claimed(both: World):
    talk, _ = await both.hear("You took the $30 twice!")
    ana, sol = await both.agent(), await both.supervisor()
    assert "You have no case" in await ana.get("/console?tab=mine")
    page = f"/console/conversations/{talk}"
    await ana.get(page)
    await ana.post(f"{page}/claim", nonce=ana.form(f"{page}/claim")["nonce"])
    assert f"/console/conversations/{talk}" in await ana.get("/console?tab=mine")
    assert f"/console/conversations/{talk}" not in await sol.get("/console?tab=mine")
    assert "Ana Reyes" in await sol.get("/console")


@pytest.mark.parametrize(
    ("query", "found"),
    [("channel=sms", True), ("channel=chat", False), ("reason=double_charge", True), ("reason=hardship", False),
     ("language=en&channel=sms", True), ("language=es", False)],
)  # fmt: skip
async def test_filters(world: World, query, found):
    talk, _ = await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    ana = await world.agent()
    html = await ana.get(f"/console?{query}")
    assert (f"/console/conversations/{talk}" in html) == found
    if not found:
        assert "Nothing fits these filters" in html


async def test_odd_queries_are_harmless(both: World):
    ana = await both.agent()
    for query in ("tab=zzz", "page=-1", "page=99999999999999", "page=١", "page=5", "channel=%00", "tab=%FF"):
        await ana.get(f"/console?{query}")
        assert ana.status in (200, 400), query
    await ana.get("/console/conversations/%00%ED%A0%80")
    assert ana.status in (400, 404)


async def test_pages(world: World):
    def unit(tx):
        for n in range(PAGE + 3):
            who = contacts.add(tx, NOW, name=f"Author {n:03d}")
            talk = conversations.find_or_open(
                tx, who.id, NOW, channel="chat", subject="", language="en", reopen=NOW - NOW
            )  # fmt: skip
            conversations.set_status(tx, talk, "snoozed", NOW)

    await world.store.run(unit)
    ana = await world.agent()
    html = await ana.get("/console?tab=snoozed")
    assert html.count('<th scope="row">') == PAGE
    assert "page=1" in html
    assert (await ana.get("/console?tab=snoozed&page=1")).count('<th scope="row">') == 3


async def test_every_tab_and_filter_is_a_statement_both_engines_take(both: World):
    for tab in queries.TABS:
        for filters in (Filters(), Filters("sms", "en", "double_charge"), Filters(language="es")):
            assert await both.store.read(lambda tx, t=tab, f=filters: queries.listed(tx, t, f, "me", 0)) == []


async def test_the_fragment_is_the_part_that_changes(world: World):
    await world.hear("You took the $30 twice!")
    ana = await world.agent()
    whole, part = await ana.get("/console"), await ana.get("/console/queue")
    assert "<html" not in part
    assert part.strip() in whole


async def test_a_change_is_told_at_once(both: World):
    ana = await both.agent()
    async with ana.client.get("/console/live") as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert await response.content.readline() == b"retry: 2000\n"
        await response.content.readline()
        await both.hear("You took the $30 twice!")
        assert await asyncio.wait_for(response.content.readline(), 5) == b"data: changed\n"


async def test_a_leaving_server_ends_the_line(world: World):
    ana = await world.agent()
    async with ana.client.get("/console/live") as response:
        await response.content.readuntil(b"\n\n")
        world.store.release()
        with contextlib.suppress(asyncio.IncompleteReadError):
            assert await asyncio.wait_for(response.content.read(), 5) == b""


async def test_a_revoked_session_hears_nothing_more(world: World, monkeypatch):
    monkeypatch.setattr(queue, "_TICK", 0.05)
    ana = await world.agent()
    async with ana.client.get("/console/live") as response:
        await response.content.readuntil(b"data: tick\n\n")
        await world.store.run(lambda tx: staffing.disable(tx, world.people["ana"].id, world.clock.now(), "test"))
        await world.hear("You took the $30 twice!")
        with contextlib.suppress(asyncio.IncompleteReadError):
            rest = await asyncio.wait_for(response.content.read(), 5)  # the line ends by itself
            assert b"changed" not in rest
