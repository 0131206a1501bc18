"""The demo in a real browser: the start page, a chat, texts that appear by themselves, a call, a mail, on a phone too."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from inbox.demo.cast import STRANGER, roles
from tests.demo.conftest import Visitor, opened

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visitor]:
    async with opened(tmp_path_factory.mktemp("demo") / "data") as someone:
        yield someone


@pytest.fixture
async def complaints(page: Page) -> list[str]:
    """What the browser did not like: refused scripts and styles, missing files."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type in ("error", "warning") else None)
    return found


async def test_the_start_page_leads_into_a_chat_that_answers(page: Page, visitor: Visitor, complaints: list[str]):
    found = roles(await visitor.demo.authors())
    assert found is not None
    author = found.balance
    await page.goto(visitor.demo.url)
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await page.get_by_role("link", name=f"Chat as {author.name}").click()
    await page.get_by_label("Write a message").fill("What do I still owe?")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"${author.outstanding}").first).to_be_visible()
    assert complaints == []


async def test_another_author_in_the_same_browser_sees_nothing_of_it(page: Page, visitor: Visitor):
    first, second = (await visitor.demo.authors())[1:3]
    await page.goto(f"{visitor.demo.url}/demo/chat?author={first.ref.id}")
    await page.get_by_label("Write a message").fill("just between us")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("just between us")).to_be_visible()
    await page.get_by_label("You are").select_option(label=second.name)
    await expect(page.get_by_role("heading", name=second.name)).to_be_visible()
    await expect(page.get_by_role("log")).to_be_visible()
    await expect(page.get_by_text("just between us")).to_have_count(0)


async def test_answers_to_texts_appear_by_themselves(page: Page, visitor: Visitor, complaints: list[str]):
    await page.goto(f"{visitor.demo.url}/demo/phone?number={STRANGER.replace('+', '%2B')}")
    await page.get_by_label("Text message").fill("Which payment methods do you take?")
    await page.keyboard.press("Enter")
    await expect(page.locator("#bubbles").get_by_text("Visa")).to_be_visible()
    await expect(page.locator("#bubbles .delivered").first).to_be_visible()
    assert complaints == []


async def test_a_call_with_the_keypad(page: Page, visitor: Visitor, complaints: list[str]):
    await page.goto(f"{visitor.demo.url}/demo/phone")
    await page.get_by_role("button", name="Dial").click()
    await expect(page.locator("#heard").get_by_text("automated")).to_be_visible()
    await page.get_by_role("button", name="2", exact=True).click()
    await page.get_by_role("button", name="Press").click()
    await expect(page.locator("#heard").get_by_text("asistente automático")).to_be_visible()
    await page.get_by_role("button", name="Hang up").click()
    await expect(page.locator("#heard").get_by_text("The call has ended.")).to_be_visible()
    assert complaints == []


async def test_a_mail_and_its_answer(page: Page, visitor: Visitor, complaints: list[str]):
    author = (await visitor.demo.authors())[1]
    await page.goto(f"{visitor.demo.url}/demo/mail?author={author.ref.id}")
    await page.get_by_label("Subject").fill("Paying")
    await page.get_by_label("Text", exact=True).fill("Which payment methods do you take?")
    await page.get_by_role("button", name="Send").click()
    await page.locator("#list").get_by_role("link", name="Re: Paying").click()
    shown = page.frame_locator("iframe")
    await expect(shown.get_by_text("Visa")).to_be_visible()
    await page.get_by_text("Headers", exact=True).click()
    await expect(page.get_by_text("In-Reply-To:")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("path", ["/", "/demo/chat", "/demo/phone", "/demo/mail", "/demo/portal"])
async def test_nothing_is_wider_than_a_telephone(page: Page, visitor: Visitor, path: str):
    await page.set_viewport_size({"width": 360, "height": 740})
    author = (await visitor.demo.authors())[7]
    await page.goto(f"{visitor.demo.url}{path}{'?author=' + author.ref.id if path != '/' else ''}")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
