"""Take the pictures of the README from a running demo: ``python tools/screenshots.py http://127.0.0.1:8080 var/demo docs/pictures``."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def main(base: str, data: Path, out: Path) -> None:
    async with async_playwright() as p:
        browser = await p.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        context = await browser.new_context(viewport={"width": 1180, "height": 780})
        page = await context.new_page()
        await chat(page, base, out)
        await slack(page, base, out)
        await console(page, base, data, out)
        await browser.close()


async def chat(page: Page, base: str, out: Path) -> None:
    await page.goto(f"{base}/demo/chat?author=A-20119")
    await page.wait_for_timeout(1500)
    box = page.locator("inbox-chat").locator("textarea")
    for text in (
        "Hi! What do I still owe?",
        "When is the next payment due?",
        "You charged me twice for the same invoice!",
    ):
        await box.fill(text)
        await box.press("Enter")
        await page.wait_for_timeout(1500)
    await page.screenshot(path=out / "chat.png")


async def slack(page: Page, base: str, out: Path) -> None:
    await page.goto(f"{base}/demo/slack/")
    await page.wait_for_timeout(2500)
    await page.screenshot(path=out / "slack.png")


async def console(page: Page, base: str, data: Path, out: Path) -> None:
    await page.goto(f"{base}/console")
    email, password = supervisor(json.loads((data / "keys.json").read_text(encoding="utf-8")))
    await page.fill("input[name=email]", email)
    await page.fill("input[name=password]", password)
    await page.press("input[name=password]", "Enter")
    await page.wait_for_timeout(1500)
    await page.goto(f"{base}/console")
    await page.wait_for_timeout(800)
    await page.screenshot(path=out / "queue.png")
    await page.locator("main a[href*='/console/conversations/']").first.click()
    await page.wait_for_timeout(1000)
    await page.locator("details summary").first.click()
    await page.wait_for_timeout(300)
    await page.screenshot(path=out / "conversation.png")
    await page.goto(f"{base}/console/replies")
    await page.wait_for_timeout(800)
    await page.screenshot(path=out / "replies.png")


def supervisor(keys: dict[str, Any]) -> tuple[str, str]:
    """The demo's supervisor, from its key file."""
    from inbox.demo import cast

    person = next(p for p in cast.STAFF if p.role == "supervisor")
    return person.email, keys["passwords"][person.email]


if __name__ == "__main__":
    Path(sys.argv[3]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
