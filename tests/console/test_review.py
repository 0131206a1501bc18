"""The automated replies: listed with what was asked and why, judged by supervisors, counted."""

from __future__ import annotations

import pytest

from inbox import events
from inbox.console import replies_sent
from inbox.console.replies_sent import Numbers, Wanted
from inbox.console.view import storable
from inbox.message import ContactPoint
from tests.console.world import PHONE, World

CHAT = ContactPoint("chat", "v-1")


async def reply_of(world: World, message: str) -> str:
    rows = await world.store.read(lambda tx: replies_sent.listed(tx, Wanted(), 0))
    return next(row["id"] for row in rows if row["question"] is not None and _asked(world, row) == message)


def _asked(world, row):
    return row["question"]


async def test_each_reply_stands_with_its_question_and_its_reason(world: World):
    await world.hear("what is this?", channel="chat", sender=CHAT, sender_name="Tomás Ibarra")
    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    html = await (await world.agent()).get("/console/replies")
    for shown in ("what is this?", "What would you like to know", "You took the $30 twice!", "Double charge: Handoff"):
        assert shown in html
    assert "Mark right" not in html  # an agent reads only


async def test_a_supervisor_marks_right_or_wrong_and_the_numbers_follow(both: World):
    talk, _ = await both.hear("what is this?", channel="chat", sender=CHAT)
    await both.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    sol = await both.supervisor()
    first, second = await reply_of(both, "what is this?"), await reply_of(both, "You took the $30 twice!")
    html = await sol.post(
        f"/console/replies/{first}/verdict", verdict="wrong", reason="  Too vague. ", back="/console/replies"
    )
    assert sol.status == 200
    assert "Marked wrong" in html
    assert "Too vague." in html
    await sol.post(f"/console/replies/{second}/verdict", verdict="right")
    numbers = await both.store.read(lambda tx: replies_sent.numbers(tx, Wanted()))
    assert numbers == Numbers(2, 2, 1)
    assert (numbers.reviewed_share, numbers.wrong_share) == ("100 %", "50.0 %")
    found = await both.store.read(lambda tx: [e for e in events.read(tx, talk) if e.type == "reply.reviewed"])
    assert found[0].data == {"message": first, "verdict": "wrong", "reason": "Too vague."}
    assert found[0].actor == both.people["sol"].id
    assert "Marked wrong" in await sol.get(f"/console/conversations/{talk}")


async def test_the_last_verdict_counts(world: World):
    await world.hear("what is this?", channel="chat", sender=CHAT)
    key, sol = await reply_of(world, "what is this?"), await world.supervisor()
    await sol.post(f"/console/replies/{key}/verdict", verdict="wrong", reason="hm")
    await sol.post(f"/console/replies/{key}/verdict", verdict="right")
    assert await world.store.read(lambda tx: replies_sent.numbers(tx, Wanted())) == Numbers(1, 1, 0)
    assert len(await world.store.read(lambda tx: replies_sent.listed(tx, Wanted(), 0))) == 1


@pytest.mark.parametrize(("verdict", "reason", "words"), [
    ("wrong", "  ", "Say in a few words what was wrong"), ("maybe", "x", "right or wrong"), ("", "", "right or wrong"),
])  # fmt: skip
async def test_a_verdict_needs_to_be_one_and_wrong_needs_a_reason(world: World, verdict, reason, words):
    await world.hear("what is this?", channel="chat", sender=CHAT)
    key, sol = await reply_of(world, "what is this?"), await world.supervisor()
    assert words in await sol.post(f"/console/replies/{key}/verdict", verdict=verdict, reason=reason)
    assert sol.status == 400
    assert await world.store.read(lambda tx: replies_sent.numbers(tx, Wanted())) == Numbers(1, 0, 0)


async def test_only_automated_replies_can_be_judged(world: World):
    _, inbound = await world.hear("what is this?", channel="chat", sender=CHAT)
    sol = await world.supervisor()
    for key in (inbound, "01NOSUCH"):
        await sol.post(f"/console/replies/{key}/verdict", verdict="right")
        assert sol.status == 404
        await sol.get(f"/console/replies/{key}")
        assert sol.status == 404


async def test_filters_on_both_engines(both: World):
    await both.hear("what is this?", channel="chat", sender=CHAT)
    both.clock.tick(60)
    await both.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    now = both.clock.now()
    micros = int(now.timestamp() * 1_000_000)
    cases = [
        (Wanted(), 2), (Wanted(intent="double_charge"), 1), (Wanted(channel="chat"), 1), (Wanted(language="en"), 2),
        (Wanted(language="es"), 0), (Wanted(answer="handoff"), 1), (Wanted(answer="hand_ff"), 0), (Wanted(answer="%"), 0),
        (Wanted(verdict="unreviewed"), 2), (Wanted(verdict="wrong"), 0), (Wanted(delivery="queued"), 2),
        (Wanted(since=micros), 1), (Wanted(until=micros), 1), (Wanted("double_charge", "sms", "en", "handoff", "unreviewed"), 1),
    ]  # fmt: skip
    for wanted, count in cases:
        rows = await both.store.read(lambda tx, w=wanted: replies_sent.listed(tx, w, 0))
        assert len(rows) == count, wanted


@pytest.mark.parametrize("query", [
    "from=2026-03-11&to=2026-03-11", "from=2026-03-01", "from=&to=", "from=zzz", "from=0001-01-01&to=9999-12-31", "verdict=zzz",
])  # fmt: skip
async def test_dates_and_odd_values(world: World, query):
    await world.hear("what is this?", channel="chat", sender=CHAT)
    ana = await world.agent()
    html = await ana.get(f"/console/replies?{query}")
    assert ana.status == 200
    assert ("what is this?" in html) == (query != "verdict=zzz")


async def test_one_reply_looked_at_closely(world: World):
    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    key = await reply_of(world, "You took the $30 twice!")
    html = await (await world.agent()).get(f"/console/replies/{key}?back=//elsewhere.example")
    assert "double_charge.twice" in html
    assert "elsewhere" not in html
    assert "What was wrong" not in html
    assert "What was wrong" in await (await world.supervisor()).get(f"/console/replies/{key}")


def test_what_both_databases_take():
    assert storable("a\0b\r\nc\ud800d") == "ab\ncd"
