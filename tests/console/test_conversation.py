"""The conversation page: the whole line of time, why the bot said what it said, and what an agent may do."""

from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from inbox import conversations, delivery, events, jobs
from inbox.accounts import records
from inbox.accounts.base import AccountRef
from inbox.console.timeline import gather
from inbox.db.store import Sql
from inbox.db.tables import events as event_table
from inbox.db.tables import messages
from inbox.errors import Permanent
from inbox.escalation import handoffs
from inbox.message import ContactPoint, SenderProof
from tests.console.world import MAIL, NOW, PHONE, World, author_account, forms_of


async def act(visitor, talk: str, name: str, **fields) -> str:
    """Send one of the page's forms as it stands there."""
    await visitor.get(f"/console/conversations/{talk}")
    form = visitor.form(f"/console/conversations/{talk}/{name}")
    return await visitor.post(f"/console/conversations/{talk}/{name}", nonce=form["nonce"], **fields)


async def outbound(world: World, talk: str) -> list:
    rows = await world.store.read(lambda tx: conversations.read(tx, talk))
    return [row for row in rows if row["direction"] == "outbound"]


class Unreachable:
    name = "sms"

    async def send(self, message):
        raise Permanent("the handset is unreachable", code="30003")


async def test_one_line_of_time_over_all_channels(both: World):
    talk, _ = await both.hear("Hello, what is this?", sender_name="Imelda Farrow")
    both.clock.tick(60)
    same, _ = await both.hear("You took the $30 twice!", channel="sms", sender=PHONE)
    assert same == talk
    ana = await both.agent()
    await act(ana, talk, "note", text="Looks like a real double charge.")
    html = await ana.get(f"/console/conversations/{talk}")
    order = [
        "Conversation opened", "Hello, what is this?", "What would you like to know", "You took the $30 twice!", "Case #1 opened",
        "A person looks at it", "Looks like a real double charge.",
    ]  # fmt: skip
    places = [html.index(words, html.index('class="timeline"')) for words in order]
    assert places == sorted(places), list(zip(order, places, strict=True))
    for shown in ("Email from imelda@farrow.example", "Text message from +15555550142", "Note, not sent"):
        assert shown in html


async def test_why_shows_the_guards_the_candidates_and_the_proof(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    for shown in (
        "double_charge.twice", "says the same payment was taken twice", "<q>twice</q>", "0.87", "what do i &lt;owe&gt; you",
        "L1: mail that passed DMARC", "Given to a person", "Reminders paused for INV-801",
    ):  # fmt: skip
        assert shown in html, shown


async def test_why_shows_each_fact_with_its_record_and_time(world: World):
    talk, message = await world.hear(
        "What do I owe?",
        channel="chat",
        sender=ContactPoint("chat", "v-1"),
        proof=SenderProof.PORTAL,
        account_id="A-3307",
    )
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    assert "Account balance" in html
    assert "L2: signed in at the portal" in html
    assert "120.00" in html
    assert "ledger:A-3307" in html
    assert "2026-03-11 15:00" in html  # as of
    assert "/console/templates/account_balance/en?version=" in html
    assert message


async def test_masked_words_are_named_and_not_shown(world: World):
    talk, _ = await world.hear("My card is 4242 4242 4242 4242, what do I owe?")
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    assert "Masked before it was stored: card number" in html
    assert "4242 4242 4242" not in html
    assert "••••••" in html  # the code that was sent, by its placeholder


async def test_what_was_withheld_is_said(world: World):
    def unit(tx):
        from inbox.templates import versions

        for record in versions.every(tx):
            if (record.answer, record.language) == ("clarify_open", "en"):
                versions.suspend(tx, record.id, world.clock.now(), "a chief", "sounds cold")

    await world.store.run(unit)
    talk, _ = await world.hear("hm?", channel="chat", sender=ContactPoint("chat", "v-3"))
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    assert "no approved version of clarify_open in en" in html


async def test_the_account_stands_beside_with_or_without_a_case(world: World):
    talk, _ = await world.hear("What do I owe?")
    ana = await world.agent()
    html = await ana.get(f"/console/conversations/{talk}")
    for shown in ("A-3307", "Salt and Lamplight", "120.00 USD", 'id="INV-801"', "America/Chicago"):
        assert shown in html, shown
    stranger, _ = await world.hear("hello?", channel="chat", sender=ContactPoint("chat", "v-9"))
    html = await ana.get(f"/console/conversations/{stranger}")
    assert "No account is known for this sender" in html
    assert "INV-801" not in html


async def test_delivery_is_shown_with_its_attempts(world: World):
    talk, _ = await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)

    def attempt(tx):
        return work.begin(tx, jobs.claim(tx, "deliver:sms", world.clock.now())[0], world.clock.now())

    work = delivery.Deliveries(world.store, world.house, Unreachable(), world.clock)
    await work.run(await world.store.run(attempt))
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    assert "the handset is unreachable" in html
    assert ">Failed<" in html
    assert "Attempts" in html
    assert "Permanent" in html


async def test_a_changed_record_is_noticed(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana = await world.agent()
    assert "record of this conversation was changed" not in await ana.get(f"/console/conversations/{talk}")
    forge = Sql(
        sa.update(event_table)
        .where(event_table.c.stream == sa.bindparam("of"), event_table.c.seq == 2)
        .values(actor="x")
    )
    await world.store.run(lambda tx: tx.run(forge, of=talk))
    assert "record of this conversation was changed" in await ana.get(f"/console/conversations/{talk}")


async def test_a_long_conversation_shows_its_latest_messages(world: World, monkeypatch):
    monkeypatch.setattr("inbox.console.timeline.MESSAGES", 4)
    for n in range(5):
        world.clock.tick(60)
        talk, _ = await world.hear(f"question {n}", channel="chat", sender=ContactPoint("chat", "v-1"))
    line = await world.store.read(lambda tx: gather(tx, talk))
    assert line.earlier
    assert [e.text for e in line.entries if e.kind == "author"] == ["question 3", "question 4"]


# -- what an agent does


async def test_claim_reply_note_and_resolve(world: World):
    talk, _ = await world.hear("You took the $30 twice!", sender_name="Imelda Farrow", subject="Charged twice")
    ana = await world.agent()
    assert "Case 1 is yours" in await act(ana, talk, "claim")
    page = f"/console/conversations/{talk}"
    html = await ana.post(f"{page}/preview", text="One of them goes back.\nSorry!", channel="email")
    assert "The author will get this by email" in html
    assert "One of them goes back." in html
    assert len(await outbound(world, talk)) == 1  # only the bot's own, silenced
    html = await ana.post(f"{page}/reply", **_fields(html, f"{page}/reply"))
    assert "On its way by email." in html
    sent = (await outbound(world, talk))[-1]
    assert (sent["author"], sent["author_name"], sent["channel"], sent["address"]) == (
        "agent", "Ana Reyes", "email", f"email:{MAIL.value}",
    )  # fmt: skip
    assert "One of them goes back.\nSorry!" in sent["text"]
    html = await act(ana, talk, "resolve", outcome="refund", text="done today")
    assert "Case 1 is resolved." in html
    assert "Case #1 resolved: refund done today" in html
    assert (await world.store.read(lambda tx: conversations.by_id_plain(tx, talk))).status == "resolved"
    assert await world.store.read(lambda tx: events.verify(tx, talk)) == ""


def _fields(html, action):
    return {k: v for k, v in forms_of(html)[action].items() if k not in ("csrf", "change")}


async def test_a_form_sent_twice_has_one_effect(both: World):
    talk, _ = await both.hear("You took the $30 twice!")
    ana = await both.agent()
    await act(ana, talk, "claim")
    page = f"/console/conversations/{talk}"
    fields = _fields(await ana.post(f"{page}/preview", text="Once only.", channel="email"), f"{page}/reply")
    for _ in range(3):
        assert "On its way by email." in await ana.post(f"{page}/reply", **fields)
    assert [row["text"].count("Once only.") for row in await outbound(both, talk)] == [0, 1]


async def test_changing_the_reply_keeps_the_words(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana = await world.agent()
    await act(ana, talk, "claim")
    page = f"/console/conversations/{talk}"
    fields = _fields(await ana.post(f"{page}/preview", text="Not so fast.", channel="email"), f"{page}/reply")
    html = await ana.post(f"{page}/reply", change="1", **fields)
    assert ">Not so fast.</textarea>" in html
    assert len(await outbound(world, talk)) == 1


async def test_a_card_number_typed_by_an_agent_is_masked_too(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana = await world.agent()
    html = await act(ana, talk, "note", text="reads 4242 4242 4242 4242 to me")
    assert "[Visa card •••• 4242]" in html
    await act(ana, talk, "claim")
    html = await ana.post(f"/console/conversations/{talk}/preview", text="your card 4242424242424242", channel="email")
    assert "4242424242424242" not in html


async def test_what_is_another_authors_is_not_previewed_nor_sent(world: World):
    other = replace(
        author_account(), ref=AccountRef("ledger", "A-9001"), name="Odile Marchetti", email="o@m.example", phone="", payments=(),
        promises=(), invoices=(replace(author_account().invoices[0], id="INV-909"),),
    )  # fmt: skip
    await world.store.run(lambda tx: records.account(tx, other, NOW))
    talk, _ = await world.hear("You took the $30 twice!")
    ana = await world.agent()
    await act(ana, talk, "claim")
    page = f"/console/conversations/{talk}"
    html = await ana.post(f"{page}/preview", text="INV-909 is open", channel="email")
    assert "belongs to account A-9001" in html
    assert ">INV-909 is open</textarea>" in html
    html = await ana.post(f"{page}/reply", nonce="w1", text="as odile marchetti said", channel="email")
    assert ana.status == 422
    assert "belongs to account A-9001" in html
    assert ">as odile marchetti said</textarea>" in html
    assert len(await outbound(world, talk)) == 1


async def test_refusals_are_in_plain_words_and_change_nothing(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana, sol = await world.agent(), await world.supervisor()
    page = f"/console/conversations/{talk}"
    html = await sol.post(f"{page}/reply", nonce="n1", text="Hello", channel="email")
    assert sol.status == 422
    assert "Claim the case first." in html
    await act(ana, talk, "claim")
    assert "Ana Reyes has this case." in await sol.post(f"{page}/claim", nonce="n2")
    assert "Ana Reyes has this case." in await sol.post(f"{page}/return", nonce="n3")
    assert "Choose an outcome first." in await ana.post(f"{page}/resolve", nonce="n4", outcome="whatever")
    assert "There is nothing to send yet." in await ana.post(f"{page}/preview", text=" ", channel="email")
    assert "Choose where the reply should go." in await ana.post(f"{page}/preview", text="x", channel="pigeon")
    assert "cannot be reached there" in await ana.post(f"{page}/reply", nonce="n5", text="x", channel="voice")
    assert "Write the note first." in await ana.post(f"{page}/note", nonce="n6", text="")
    assert "incomplete" in await ana.post(f"{page}/release")
    case = await world.store.read(lambda tx: handoffs.live(tx, talk))
    assert case.owner_name == "Ana Reyes"


async def test_back_to_the_bot_release_and_reopen(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana = await world.agent()
    await act(ana, talk, "claim")
    assert "Case 1 is free again." in await act(ana, talk, "release")
    assert "The bot has the conversation again." in await act(ana, talk, "return")
    html = await act(ana, talk, "reopen")
    assert "Case 1 is open again." in html


async def test_taking_over_from_the_bot(both: World):
    talk, _ = await both.hear(
        "what is this?", channel="chat", sender=ContactPoint("chat", "v-1"), sender_name="Tomás Ibarra"
    )
    ana = await both.agent()
    html = await act(ana, talk, "take-over")
    assert "Case 1 is yours." in html
    assert "Took the conversation over from the bot" in html
    case = await both.store.read(lambda tx: handoffs.live(tx, talk))
    assert (case.reason, case.owner) == ("speak_to_human", both.people["ana"].id)
    await both.hear("are you there?", channel="chat", sender=ContactPoint("chat", "v-1"))
    assert len(await outbound(both, talk)) == 1  # the bot stays silent
    await ana.post(f"/console/conversations/{talk}/take-over", nonce="again")
    sol = await both.supervisor()
    assert "Ana Reyes has this case." in await sol.post(f"/console/conversations/{talk}/take-over", nonce="n")


async def test_a_resolved_conversation_is_not_taken_over_beside_a_newer_one(world: World):
    old, _ = await world.hear("thank you", channel="chat", sender=ContactPoint("chat", "v-1"))
    world.clock.tick(20 * 24 * 3600)
    new, _ = await world.hear("what is this?", channel="chat", sender=ContactPoint("chat", "v-1"))
    assert new != old
    ana = await world.agent()
    html = await ana.post(f"/console/conversations/{old}/take-over", nonce="n")
    assert "newer conversation" in html
    assert f"/console/conversations/{new}" in await ana.get(f"/console/conversations/{old}")


async def test_the_result_of_somebody_else_s_form_is_not_shown(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    ana, sol = await world.agent(), await world.supervisor()
    await ana.get(f"/console/conversations/{talk}")
    nonce = ana.form(f"/console/conversations/{talk}/claim")["nonce"]
    await ana.post(f"/console/conversations/{talk}/claim", nonce=nonce)
    assert "Case 1 is yours" in ana.last
    assert "Case 1 is yours" not in await sol.get(f"/console/conversations/{talk}?done={nonce}")


async def test_every_event_has_a_line_or_is_shown_in_another_way(world: World):
    """A line made of an event that lacks a field must not fail."""
    from inbox.console.timeline import _LINES, line_of
    from inbox.events import Event

    for kind in _LINES:
        assert isinstance(line_of(Event("s", 1, world.clock.now(), kind, "bot", {})), str)
        assert isinstance(line_of(Event("s", 1, world.clock.now(), kind, "bot", {"words": "{0} {x}", "case": 3})), str)


async def test_old_messages_without_parts_are_shown(world: World):
    talk, _ = await world.hear("You took the $30 twice!")
    blank = Sql(sa.update(messages).where(messages.c.direction == "outbound").values(parts="[]", reply_to=""))
    await world.store.run(lambda tx: tx.run(blank))
    html = await (await world.agent()).get(f"/console/conversations/{talk}")
    assert "the message was sent on its own" in html
