"""Templates: shown with their words, previewed with samples and real figures, decided on by supervisors."""

from __future__ import annotations

import pytest

from inbox.accounts import records
from inbox.console import wording
from inbox.console.wording import Try
from inbox.message import ContactPoint
from inbox.templates import samples, versions
from tests.console.world import World, author_account


async def version_of(world: World, answer: str, language: str = "en", number: int = 1) -> versions.VersionRecord:
    found = await world.store.read(versions.every)
    return next(r for r in found if (r.answer, r.language, r.version) == (answer, language, number))


async def draft(world: World, answer: str = "account_balance", **changes) -> versions.VersionRecord:
    before = await version_of(world, answer)
    author = changes.pop("author", "shipped")
    await world.store.run(
        lambda tx: versions.draft(
            tx, answer, "en", {**before.bundle, **changes}, world.clock.now(), author=author, version=before.version + 1
        )
    )  # fmt: skip
    return await version_of(world, answer, number=before.version + 1)


async def test_every_answer_stands_in_every_language(world: World):
    html = await (await world.agent()).get("/console/templates")
    for answer in world.house.answers.names:
        assert f"/console/templates/{answer}/pt" in html
    assert "Read them and approve all" not in html


async def test_suspending_stops_the_bot_at_once_and_approving_starts_it_again(world: World):
    sol = await world.supervisor()
    record = await version_of(world, "clarify_open")
    page = "/console/templates/clarify_open/en"
    assert "Say in a few words why" in await sol.post(f"/console/templates/{record.id}/suspend", reason=" ")
    html = await sol.post(f"/console/templates/{record.id}/suspend", reason="Sounds cold")
    assert "Until a version is approved, a person answers." in html
    assert "Suspended: Sounds cold" in html
    talk, _ = await world.hear("hm?", channel="chat", sender=ContactPoint("chat", "v-1"))
    assert "Case #1" in await sol.get(f"/console/conversations/{talk}")
    html = await sol.post(f"/console/templates/{record.id}/approve")
    assert "The bot sends these words from now on." in html
    assert "v1 approved by Sol Reyes" in await sol.get(page)
    other, _ = await world.hear("hm?", channel="chat", sender=ContactPoint("chat", "v-2"))
    assert "With the bot" in await sol.get(f"/console/conversations/{other}")


async def test_nobody_approves_their_own_words(world: World):
    record = await draft(world, chat="Hello.", author=world.people["sol"].id)
    sol = await world.supervisor()
    assert "You wrote these words" in await sol.get("/console/templates/account_balance/en")
    assert "somebody else must approve" in await sol.post(f"/console/templates/{record.id}/approve")
    assert sol.status == 403
    assert (await version_of(world, "account_balance", number=2)).status == "draft"


async def test_a_new_version_shows_what_changed(world: World):
    before = await version_of(world, "account_balance")
    await draft(world, chat=before.bundle["chat"] + "\nThank you <for> asking.")
    html = await (await world.agent()).get("/console/templates/account_balance/en")
    assert "Changed since version 1" in html
    assert '<span class="added">+ Thank you &lt;for&gt; asking.</span>' in html
    assert "v1 approved" in html


async def test_all_shipped_drafts_are_approved_after_reading(both: World):
    record = await draft(both, chat="Your balance: {{ outstanding | money }}.")
    sol = await both.supervisor()
    html = await sol.get("/console/templates/approve-all")
    assert "Your balance: {{ outstanding | money }}." in html
    ids = sol.form("/console/templates/approve-all")["ids"]
    assert ids.split() == [record.id]
    assert "Read the words first" in await sol.post("/console/templates/approve-all", ids=ids)
    later = await draft(both, answer="thanks", chat="Bye.")  # came after the page was read
    html = await sol.post("/console/templates/approve-all", ids=ids, read="yes")
    assert "All the drafts you read are approved." in html
    assert (await version_of(both, "account_balance", number=2)).status == "approved"
    assert (await version_of(both, "account_balance")).status == "retired"
    assert (await version_of(both, "thanks", number=later.version)).status == "draft"


@pytest.mark.parametrize("language", ["en", "es", "pt"])
async def test_every_answer_previews_with_every_sample_on_every_channel(world: World, language):
    found = [r for r in await world.store.read(versions.every) if r.language == language]
    problems = []
    for record in found:
        for channel in (name for name in record.bundle if name != "subject"):
            for n in range(len(samples.samples(record.answer))):
                seen = await _preview(world, record, Try(channel, sample=n))
                if seen.problem or not seen.text:
                    problems.append((record.answer, channel, n, seen.problem))
    assert problems == []


async def _preview(world: World, record, chosen):
    return world.store.read_now(lambda tx: wording.preview(tx, world.house, record, chosen, world.clock.now()))


async def test_preview_with_a_real_author_s_figures(world: World):
    ana = await world.agent()
    html = await ana.get("/console/templates/account_balance/en?author=A-3307&channel=chat")
    assert "$120.00" in html
    html = await ana.get("/console/templates/account_balance/en?author=A-NONE&channel=sms")
    assert "There is no account A-NONE in the ledger." in html
    html = await ana.get("/console/templates/greeting/en?author=A-3307")
    assert "look at it with a sample" in html
    await world.store.run(
        lambda tx: records.account(tx, author_account(flags=("bankruptcy",)), world.clock.now())
    )  # fmt: skip
    html = await ana.get("/console/templates/account_balance/en?author=A-3307")
    assert "A person would answer" in html


async def test_a_broken_draft_says_so_instead_of_breaking(world: World):
    for words in ("{{ nothing_like_it }}", "{{ outstanding.__class__ }}", "{% for %}"):
        world.clock.tick(1)
        record = await draft_at(world, words)
        seen = await _preview(world, record, Try("chat"))
        assert seen.problem, words
        html = await (await world.agent()).get(
            f"/console/templates/account_balance/en?version={record.id}&channel=chat"
        )
        assert 'class="notice warn"' in html


async def draft_at(world: World, words: str):
    everything = [
        r for r in await world.store.read(versions.every) if (r.answer, r.language) == ("account_balance", "en")
    ]
    newest = everything[-1]
    key = await world.store.run(
        lambda tx: versions.draft(
            tx, "account_balance", "en", {**newest.bundle, "chat": words}, world.clock.now(), author="shipped",
            version=newest.version + 1,
        )
    )  # fmt: skip
    return await world.store.read(lambda tx: versions.get(tx, key))


@pytest.mark.parametrize(
    "path", ["nothing/en", "account_balance/xx", "account_balance/en?version=01X&sample=999&channel=fax"]
)
async def test_what_is_not_there(world: World, path):
    ana = await world.agent()
    await ana.get(f"/console/templates/{path}")
    assert ana.status == (200 if "?" in path else 404)


async def test_deciding_on_what_was_decided_meanwhile(world: World):
    record, sol = await version_of(world, "thanks"), await world.supervisor()
    await sol.post(f"/console/templates/{record.id}/suspend", reason="once")
    assert "is suspended, it is not being sent" in await sol.post(
        f"/console/templates/{record.id}/suspend", reason="twice"
    )
    assert sol.status == 409
    await sol.post("/console/templates/01NOSUCH/approve")
    assert sol.status == 404
