"""A real browser for the tests that need one.

A module of such tests starts with ``pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]``:
the browser lives in the loop of the whole session, and what it talks to has to live there too. ``browser`` is started
once, ``context`` (a fresh profile) and ``page`` are new for each test. Uncaught errors of a page fail its test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from tests.tools import require_chromium

ARGUMENTS = [
    "--no-sandbox",
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    chromium = require_chromium()
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    errors: list[str] = []
    options: dict[str, Any] = {"locale": "en-US", "timezone_id": "America/New_York", "reduced_motion": "reduce"}
    opened = await browser.new_context(**options)
    opened.set_default_timeout(10_000)
    opened.on("weberror", lambda error: errors.append(str(error.error)))
    yield opened
    await opened.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> Page:
    return await context.new_page()
