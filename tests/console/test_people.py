"""Staff accounts: made with a password that is shown once, switched off, linked to Slack; one's own password."""

from __future__ import annotations

import re

import pytest

from inbox import events, staffing
from inbox.db.store import Sql
from inbox.db.tables import events as event_table
from tests.console.world import PASSWORD, World


async def test_a_new_agent_gets_a_password_that_is_shown_once(world: World):
    sol = await world.supervisor()
    html = await sol.post("/console/people", name="Nia Okafor", email="Nia@larkmoor.example", role="agent")
    password = re.search(r'<code class="once">([^<]+)</code>', html).group(1)
    assert len(password) >= staffing.SHORTEST_PASSWORD
    assert sol.headers["Cache-Control"] == "no-store"
    assert password not in await sol.get("/console/people")
    nia = await world.visitor()
    await nia.log_in("nia@larkmoor.example", password)
    assert nia.csrf
    record = await world.store.read(lambda tx: list(events.read(tx, "staff")))
    assert password not in str(record)


@pytest.mark.parametrize(("fields", "words"), [
    ({"name": "", "email": "x@larkmoor.example", "role": "agent"}, "please give one"),
    ({"name": "X", "email": "nonsense", "role": "agent"}, "is not an email address"),
    ({"name": "X", "email": "x@larkmoor.example", "role": "owner"}, "role must be one of"),
    ({"name": "X", "email": "ANA@larkmoor.example", "role": "agent"}, "already is an account"),
])  # fmt: skip
async def test_mistakes_are_named(world: World, fields, words):
    sol = await world.supervisor()
    assert words in await sol.post("/console/people", **fields)
    assert sol.status in (400, 409)
    assert len(await world.store.read(staffing.every)) == 2


async def test_switching_off_logs_out_everywhere_but_not_oneself(world: World):
    sol, ana = await world.supervisor(), await world.agent()
    html = await sol.post(f"/console/people/{world.people['ana'].id}/disable")
    assert "switched off and logged out" in html
    assert "Switched off" in html
    await ana.get("/console", follow=False)
    assert ana.status == 303
    await ana.log_in("ana@larkmoor.example")
    assert not ana.csrf
    assert "cannot switch off your own account" in await sol.post(f"/console/people/{world.people['sol'].id}/disable")
    await sol.post("/console/people/01NOSUCH/disable")
    assert sol.status == 404


async def test_switching_on_again_takes_a_new_password(world: World):
    sol, key = await world.supervisor(), world.people["ana"].id
    assert "is on already" in await sol.post(f"/console/people/{key}/enable")
    await sol.post(f"/console/people/{key}/disable")
    html = await sol.post(f"/console/people/{key}/enable")
    password = re.search(r'<code class="once">([^<]+)</code>', html).group(1)
    ana = await world.visitor()
    await ana.log_in("ana@larkmoor.example")
    assert not ana.csrf
    await ana.log_in("ana@larkmoor.example", password)
    assert ana.csrf
    record = await world.store.read(lambda tx: [e.type for e in events.read(tx, "staff")])
    assert "staff.enabled" in record


async def test_a_slack_user_belongs_to_one_person(world: World):
    sol = await world.supervisor()
    await sol.post(f"/console/people/{world.people['ana'].id}/slack", slack="U0123")
    assert (await world.store.read(lambda tx: staffing.by_desk_id(tx, "U0123"))).id == world.people["ana"].id
    assert "belongs to Ana Reyes already" in await sol.post(
        f"/console/people/{world.people['sol'].id}/slack", slack="U0123"
    )
    await sol.post(f"/console/people/{world.people['ana'].id}/slack", slack="")
    assert await world.store.read(lambda tx: staffing.by_desk_id(tx, "U0123")) is None


async def test_a_new_password_ends_the_old_sessions(world: World):
    sol, ana = await world.supervisor(), await world.agent()
    html = await sol.post(f"/console/people/{world.people['ana'].id}/password")
    password = re.search(r'<code class="once">([^<]+)</code>', html).group(1)
    await ana.get("/console", follow=False)
    assert ana.status == 303
    await ana.log_in("ana@larkmoor.example", password)
    assert ana.csrf


async def test_changing_one_s_own_password(world: World):
    ana = await world.agent()
    assert "The old password is not right." in await ana.post("/console/me/password", old="no", new="another-long-one")
    assert "at least 12 characters" in await ana.post("/console/me/password", old=PASSWORD, new="short")
    await ana.post("/console/me/password", follow=False, old=PASSWORD, new="another-long-one")
    assert ana.headers["Location"] == "/console/login"
    await ana.log_in("ana@larkmoor.example", "another-long-one")
    assert ana.csrf


async def test_the_security_record_is_listed_and_checked(both: World):
    sol = await both.supervisor()
    await (await both.visitor()).log_in("ana@larkmoor.example", "wrong-wrong-wrong")
    html = await sol.get("/console/security")
    assert "Login failed" in html
    assert "Staff: logged in" in html
    assert "The record is whole" in html
    import sqlalchemy as sa

    forge = Sql(sa.update(event_table).where(event_table.c.stream == "security").values(actor="nobody"))
    await both.store.run(lambda tx: tx.run(forge))
    assert "The record was changed: security: entry 1" in await sol.get("/console/security")
