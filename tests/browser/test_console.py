"""The console in a real browser: a supervisor's day, live changes, phone width, keyboard, links from elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Page, expect

from inbox.clock import SetClock
from inbox.db.store import open_store
from inbox.message import ContactPoint
from tests.console.world import NOW, PASSWORD, PHONE, World, opened

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(loop_scope="session")
async def world(sqlite_url: str) -> AsyncIterator[World]:
    store = open_store(sqlite_url)
    async with opened(store, SetClock(NOW)) as made:
        yield made
    store.close()


@pytest.fixture
async def complaints(page: Page) -> list[str]:
    """What the browser has to say: violations of the content policy, missing files, script errors."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    return found


def address(world: World, path: str = "") -> str:
    return str(world.server.make_url("/console")) + path


async def log_in(page: Page, world: World, email: str = "sol@larkmoor.example") -> None:
    await page.goto(address(world))
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Log in").click()
    await expect(page.get_by_role("heading", name="Queue")).to_be_visible()


async def test_a_supervisor_s_day(world: World, page: Page, complaints: list[str]) -> None:
    await log_in(page, world)
    await expect(page.get_by_text("Nobody is waiting for a person")).to_be_visible()

    await world.hear("You took the $30 twice!", channel="sms", sender=PHONE)  # the open page hears of it
    row = page.get_by_role("link", name="Says the same thing was charged twice")
    await expect(row).to_be_visible()
    await expect(page).to_have_title("Queue · Larkmoor")

    await row.click()
    await expect(page.get_by_role("heading", name="Imelda Farrow")).to_be_visible()
    why = page.locator("details.why").first
    await why.locator("summary").click()
    await expect(why.get_by_text("double_charge.twice")).to_be_visible()
    await expect(why.get_by_role("table", name="What it could have meant")).to_be_visible()

    await world.hear("Are you there?", channel="sms", sender=PHONE)  # what was opened stays open
    await expect(page.get_by_text("Are you there?")).to_be_visible()
    await expect(why.get_by_text("double_charge.twice")).to_be_visible()

    await why.get_by_role("link", name="Mark this reply right or wrong").click()
    await page.get_by_label("What was wrong").fill("Names no amount.")
    await page.get_by_role("button", name="Wrong").click()
    await expect(page.get_by_text("Marked wrong", exact=True)).to_be_visible()

    await page.locator("details.why summary").first.click()
    await page.get_by_role("link", name="version 1, English").first.click()
    await page.get_by_label("Why stop sending these words").fill("Names no amount.")
    await page.get_by_role("button", name="Suspend").click()
    await expect(page.get_by_text("Until a version is approved, a person answers.")).to_be_visible()
    assert complaints == []


async def test_claim_and_reply_with_a_preview(world: World, page: Page, complaints: list[str]) -> None:
    talk, _ = await world.hear("You took the $30 twice!", subject="Charged twice")
    await log_in(page, world, "ana@larkmoor.example")
    await page.goto(address(world, f"/conversations/{talk}"))
    await page.get_by_role("button", name="Claim").click()
    await expect(page.get_by_role("status")).to_contain_text("Case 1 is yours.")
    await page.get_by_label("Reply").fill("I looked: one of them goes back <today>.")
    await page.get_by_label("Send by").select_option("email")
    await page.get_by_role("button", name="Preview").click()
    await expect(page.locator("pre.preview")).to_contain_text("one of them goes back <today>.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_contain_text("On its way by email.")
    await expect(page.locator("li.agent")).to_contain_text("one of them goes back <today>.")
    assert complaints == []


async def test_hostile_words_stay_words(world: World, page: Page, complaints: list[str]) -> None:
    text = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script> twice"
    talk, _ = await world.hear(text, sender_name=text, subject=text)
    await log_in(page, world)
    for path in (f"/conversations/{talk}", "/replies", ""):
        await page.goto(address(world, path))
        await expect(page.get_by_text("<img src=x").first).to_be_visible()
        assert "taken" not in (await page.title()).split(" · ")[-1]
    await world.hear(f"{text} again", sender_name=text)  # and when it comes in live
    await page.goto(address(world, f"/conversations/{talk}"))
    await expect(page.locator("li.author")).to_have_count(2)
    assert await page.locator("main img, main script").count() == 0
    assert complaints == []


async def test_a_link_from_another_site_opens_without_a_new_login(world: World, page: Page) -> None:
    talk, _ = await world.hear("You took the $30 twice!")
    await log_in(page, world)
    goal = address(world, f"/conversations/{talk}")

    async def elsewhere(request: web.Request) -> web.Response:
        return web.Response(text=f'<!doctype html><a href="{goal}">Open the case</a>', content_type="text/html")

    app = web.Application()
    app.router.add_get("/", elsewhere)
    async with TestServer(app) as other:
        await page.goto(f"http://localhost:{other.port}/")
        await page.get_by_role("link", name="Open the case").click()
        await expect(page.get_by_role("heading", name="Imelda Farrow")).to_be_visible()


WIDE = """[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth)
  .map(e => e.outerHTML.slice(0, 90))"""


async def test_nothing_is_wider_than_a_phone(world: World, page: Page) -> None:
    talk, _ = await world.hear("You took the $30 twice! " + "a" * 200, subject="b" * 150)
    await world.hear("what is this", channel="chat", sender=ContactPoint("chat", "v-1"), sender_name="c" * 80)
    await log_in(page, world)
    await page.set_viewport_size({"width": 360, "height": 740})
    for path in (
        "", "?tab=bot", f"/conversations/{talk}", "/replies", "/templates", "/templates/account_balance/en", "/failures",
        "/people", "/security", "/me",
    ):  # fmt: skip
        await page.goto(address(world, path))
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, (path, await page.evaluate(WIDE))


async def test_the_keyboard_is_enough(world: World, page: Page) -> None:
    talk, _ = await world.hear("You took the $30 twice!")
    await log_in(page, world)
    await page.goto(address(world, f"/conversations/{talk}"))
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "Skip to the content"
    await page.keyboard.press("Enter")
    summary = page.locator("details.why summary").first
    for _ in range(8):
        await page.keyboard.press("Tab")
        if await summary.evaluate("e => e === document.activeElement"):
            break
    assert await summary.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
    await page.keyboard.press("Enter")
    await expect(page.locator("details.why").first).to_have_attribute("open", "")


async def test_a_session_that_ended_goes_to_the_login(world: World, page: Page) -> None:
    await log_in(page, world)
    ended = await world.supervisor()
    await ended.post(f"/console/people/{world.people['ana'].id}/password")  # harmless: another account
    await expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    await ended.post("/console/me/password", old=PASSWORD, new="another-long-one")
    await world.hear("You took the $30 twice!")
    await expect(page.get_by_label("Password")).to_be_visible()
