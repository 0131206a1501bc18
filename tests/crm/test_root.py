"""Switched on by its section: the application files by itself, and doctor says what is missing."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp.test_utils import TestServer

from inbox import app as root
from inbox import doctor
from inbox.clock import SystemClock
from inbox.crm import filing
from inbox.settings import Database, Settings, Web
from tests.crm.world import salesforce, settings


@pytest.fixture
async def far():
    async with salesforce() as far:
        yield far


def text_of(crm) -> str:
    return (
        f'[salesforce]\nlogin_url = "{crm.url}"\nclient_id = "{crm.client_id}"\nclient_secrets = ["an-invented-secret"]\n'
        '[web]\nsecrets = ["0123456789abcdef0123456789abcdef"]\n'
    )


async def examined(tmp_path, far, url) -> dict[str, tuple[str, str]]:
    path = tmp_path / "inbox.toml"
    path.write_text(text_of(far.stand_in) + f'[database]\nurl = "{url}"\n', encoding="utf-8")
    report = await doctor.examine(path)
    return {f.part: (f.state, f.words) for f in report.findings}


async def test_doctor_says_that_it_works_and_names_what_does_not(tmp_path, far, sqlite_url):
    state, words = (await examined(tmp_path, far, sqlite_url))["salesforce"]
    assert (state, "calls left today" in words) == ("ok", True)
    del far.stand_in.objects["Task"]["Inbox_Conversation__c"]
    state, words = (await examined(tmp_path, far, sqlite_url))["salesforce"]
    assert (state, "create it on Activity" in words) == ("broken", True)
    far.stand_in.secrets = {"another"}
    state, words = (await examined(tmp_path, far, sqlite_url))["salesforce"]
    assert (state, "salesforce.client_secrets is wrong" in words) == ("broken", True)


async def test_doctor_says_how_to_switch_it_on(tmp_path, sqlite_url):
    path = tmp_path / "inbox.toml"
    path.write_text(
        f'[web]\nsecrets = ["0123456789abcdef0123456789abcdef"]\n[database]\nurl = "{sqlite_url}"\n', encoding="utf-8"
    )
    [found] = [f for f in (await doctor.examine(path)).findings if f.part == "salesforce"]
    assert (found.state, "docs/crm.md" in found.words) == ("off", True)


async def test_the_running_application_files_and_lets_go_when_it_stops(far, sqlite_url):
    app = root.build(
        Settings(
            web=Web(secrets=("0123456789abcdef0123456789abcdef",)), database=Database(url=sqlite_url),
            salesforce=settings(far.stand_in),
        )
    )  # fmt: skip
    assert (app.house.crm, app.crm.name) == ("salesforce", "salesforce")
    server = TestServer(app.http())
    await server.start_server()
    try:
        await app.store.run(lambda tx: _case(tx, app.house))
        async with asyncio.timeout(20):
            while not far.cases():
                await asyncio.sleep(0.05)
    finally:
        await server.close()
    [case] = far.cases().values()
    assert case["person"] == far.otto.id


def _case(tx, house):
    from inbox import contacts, conversations
    from inbox.escalation import handoffs
    from inbox.message import ContactPoint

    now = SystemClock().now()
    contact = contacts.add(tx, now, name="Ottoline")
    contacts.add_point(tx, contact.id, ContactPoint("email", "ottoline@farrow.example"), now)
    talk = conversations.find_or_open(
        tx, contact.id, now, channel="email", subject="", language="en", reopen=filing._COALESCE
    )
    handoffs.open_case(tx, house, talk, handoffs.Ask(reason="complaint", quote="not good"), now)
