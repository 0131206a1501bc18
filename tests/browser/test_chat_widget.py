"""The chat widget in a real browser: writing, coming back, losing the network, tabs, keyboard, hostile text."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Page, expect

from inbox.channels.chat import ChatChannel
from inbox.channels.chat_tokens import sign_author
from inbox.message import ContactPoint, DeliveryStatus
from inbox.settings import Chat, Web
from tests.channels.chat_store import MemoryChat

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

SECRET = "author-secret-" + "t" * 24
# As strict as a host site can be: no inline script, no style element, nothing from elsewhere.
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Portal</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><h1>Portal</h1><button>Something else</button>
{chat}</html>"""


class Site:
    """A host site with the chat on it, that can go down and come back on the same port."""

    def __init__(self) -> None:
        self.store = MemoryChat()
        self.port = 0
        self.chat = '<script src="/widget.js" data-company="Fern &amp; Fold" async></script>'
        self.violations: list[str] = []

    async def start(self) -> None:
        settings = Chat(token_secrets=(SECRET,))
        self.channel = ChatChannel(settings, Web(secrets=("visitor-secret-" + "w" * 24,)))
        app = web.Application()
        app.add_routes(self.channel.routes(self.store))
        app.router.add_get("/", self._page)
        self.runner = web.AppRunner(app, shutdown_timeout=1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self.runner.addresses[0][1]

    async def stop(self) -> None:
        await self.channel.close()
        await self.runner.cleanup()

    async def _page(self, request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY}
        return web.Response(text=PAGE.format(chat=self.chat), content_type="text/html", headers=headers)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def point(self) -> ContactPoint:
        return self.store.messages[-1].sender


@pytest_asyncio.fixture(loop_scope="session")
async def site():
    made = Site()
    await made.start()
    yield made
    await made.stop()


async def open_chat(page: Page, site: Site):
    await page.goto(site.url)
    await page.get_by_role("button", name="Open chat").click()
    return page.get_by_role("textbox", name="Write a message")


async def say(page: Page, text: str) -> None:
    box = page.get_by_role("textbox", name="Write a message")
    await box.fill(text)
    await box.press("Enter")


async def shown(page: Page, *texts: str) -> None:
    """Exactly these bubbles, in this order."""
    await expect(page.locator(".text")).to_have_text(list(texts))


async def until(condition) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.02)


async def test_open_write_answer_reload(page, site):
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await open_chat(page, site)
    await say(page, "What do I owe?")
    await shown(page, "What do I owe?", "You said: What do I owe?")
    await expect(page.locator(".mine .sr", has_text="Received")).to_have_count(1)
    await page.reload()
    await shown(page, "What do I owe?", "You said: What do I owe?")
    assert [m.text for m in site.store.messages] == ["What do I owe?"]
    assert [text for text in said if "Content Security Policy" in text or "TrustedHTML" in text] == []


async def test_no_socket_is_opened_before_the_chat_is_wanted(page, site):
    await page.goto(site.url)
    await expect(page.get_by_role("button", name="Open chat")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    assert len(site.channel._sockets) == 0


async def test_names_and_roles_for_assistive_technology(page, site):
    await page.goto(site.url)
    launcher = page.get_by_role("button", name="Open chat")
    await expect(launcher).to_have_attribute("aria-expanded", "false")
    await launcher.click()
    dialog = page.get_by_role("dialog", name="Fern & Fold")
    await expect(dialog).to_be_visible()
    await expect(dialog.get_by_role("heading", name="Fern & Fold")).to_be_visible()
    await expect(dialog).to_contain_text("Automated assistant")
    await expect(dialog.get_by_role("log", name="Messages")).to_have_attribute("aria-live", "polite")
    await say(page, "hello")
    await shown(page, "hello", "You said: hello")
    log = await dialog.get_by_role("log").aria_snapshot()
    assert log.index("You") < log.index("hello") < log.index("Automated assistant") < log.index("You said: hello")
    unnamed = await page.evaluate(
        """() => [...document.querySelector('inbox-chat').shadowRoot.querySelectorAll('button,textarea,[role=log],[role=dialog]')]
        .filter((e) => !e.getAttribute('aria-label') && !e.textContent.trim()).length"""
    )
    assert unnamed == 0
    duplicate_ids = await page.evaluate(
        """() => { const ids = [...document.querySelector('inbox-chat').shadowRoot.querySelectorAll('[id]')].map((e) => e.id);
        return ids.length - new Set(ids).size; }"""
    )
    assert duplicate_ids == 0


CONTRAST = """() => {
  const light = (c) => { const v = c.match(/[\\d.]+/g).slice(0, 3).map((x) => { x /= 255;
    return x <= 0.03928 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; }); return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const back = (e) => { for (; e; e = e.parentElement) { const b = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(b)) return b; } return 'rgb(255,255,255)'; };
  return [...document.querySelector('inbox-chat').shadowRoot.querySelectorAll('h2,.kind,.intro,.who,.text,.meta,.day,textarea,.go')]
    .filter((e) => e.offsetParent).map((e) => { const a = light(getComputedStyle(e).color), b = light(back(e));
      return [e.className || e.tagName, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)]; }).filter(([, ratio]) => ratio < 4.5); }"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_text_stands_out_in_light_and_dark(page, site, scheme):
    await page.emulate_media(color_scheme=scheme)
    await open_chat(page, site)
    await say(page, "hello")
    await shown(page, "hello", "You said: hello")
    assert await page.evaluate(CONTRAST) == []


async def test_keyboard_alone(page, site):
    await page.goto(site.url)
    await page.get_by_role("button", name="Something else").focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    box = page.get_by_role("textbox", name="Write a message")
    await expect(box).to_be_focused()
    outline = await box.evaluate("(e) => getComputedStyle(e).outlineStyle")
    assert outline == "solid"
    await page.keyboard.type("first line")
    await page.keyboard.press("Shift+Enter")
    await page.keyboard.type("second line")
    await page.keyboard.press("Enter")
    await shown(page, "first line\nsecond line", "You said: first line\nsecond line")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("dialog")).to_be_hidden()
    await expect(page.get_by_role("button", name="Open chat")).to_be_focused()
    assert len(site.store.messages) == 1


async def test_on_a_phone_it_fills_the_screen_and_keeps_the_focus(browser, site):
    context = await browser.new_context(viewport={"width": 390, "height": 740}, has_touch=True)
    page = await context.new_page()
    await open_chat(page, site)
    assert await page.get_by_role("dialog").bounding_box() == {"x": 0, "y": 0, "width": 390, "height": 740}
    for _ in range(8):
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.localName") == "inbox-chat"
    await context.close()


async def test_the_box_grows_and_has_an_end(page, site):
    box = await open_chat(page, site)
    await expect(page.get_by_role("status").filter(has_text="No connection")).to_have_count(0)
    low = (await box.bounding_box())["height"]
    await box.fill("a\nb\nc\nd")
    assert (await box.bounding_box())["height"] > low + 30
    await box.fill("a\n" * 50)
    assert (await box.bounding_box())["height"] < 140
    await expect(box).to_have_attribute("maxlength", "4000")


async def test_hostile_text_is_shown_as_it_is(page, site):
    hostile = [
        "<img src=x onerror=\"document.title='broken'\">",
        "<script>document.title='broken'</script>{{7*7}}",
        "javascript:alert(1) https://user:pass@evil.example/ data:text/html,x",
        "\u202egnp.exe & </div></span>",
    ]
    site.store.answers = False
    await open_chat(page, site)
    for text in hostile:
        await say(page, text)
        await until(lambda text=text: site.store.messages and site.store.messages[-1].text == text)
        site.store.reply(site.point(), text)
    await shown(page, *[text for text in hostile for _ in range(2)])
    await page.reload()
    await shown(page, *[text for text in hostile for _ in range(2)])
    assert await page.title() == "Portal"
    await expect(page.locator(".text a, .text img, .text script")).to_have_count(0)


async def test_web_addresses_can_be_clicked(page, site):
    site.store.answers = False
    await open_chat(page, site)
    await say(page, "hi")
    await shown(page, "hi")
    site.store.reply(
        site.point(), "Pay at https://pay.example/i/7?a=1&b=2. Or (http://portal.example/x), not ftp://a.example"
    )
    links = page.locator(".text a")
    await expect(links).to_have_text(["https://pay.example/i/7?a=1&b=2", "http://portal.example/x"])
    for n in range(2):
        await expect(links.nth(n)).to_have_attribute("rel", re.compile("noopener"))
        await expect(links.nth(n)).to_have_attribute("target", "_blank")


async def test_without_a_network_messages_wait_and_go_once(page, context, site):
    await open_chat(page, site)
    await say(page, "before")
    await shown(page, "before", "You said: before")
    await context.set_offline(True)
    await expect(page.get_by_role("status").filter(has_text="No connection")).to_be_visible()
    await say(page, "during 1")
    await say(page, "during 2")
    await expect(page.locator(".mine .sr", has_text="Sending")).to_have_count(2)
    site.store.reply(site.point(), "missed")
    await context.set_offline(False)
    await shown(
        page, "before", "You said: before", "missed", "during 1", "You said: during 1", "during 2", "You said: during 2"
    )
    await expect(page.get_by_role("status").filter(has_text="No connection")).to_have_count(0)
    assert [m.text for m in site.store.messages] == ["before", "during 1", "during 2"]


async def test_a_restart_of_the_server_loses_and_repeats_nothing(page, site):
    await open_chat(page, site)
    await say(page, "one")
    await shown(page, "one", "You said: one")
    await site.stop()
    await say(page, "two")
    site.store.reply(site.point(), "written while it was down")
    await site.start()
    await shown(page, "one", "You said: one", "written while it was down", "two", "You said: two")
    assert [m.text for m in site.store.messages] == ["one", "two"]


async def test_a_lost_acknowledgement_repeats_nothing(page, site):
    """The message is stored, and the line breaks before the browser hears of it."""
    await open_chat(page, site)
    await say(page, "one")
    await shown(page, "one", "You said: one")
    store_message = site.store.message

    async def stored_then_cut(message):
        site.store.message = store_message
        accepted = await store_message(message)
        for socket in list(site.channel._sockets):
            socket.transport.abort()
        return accepted

    site.store.message = stored_then_cut
    await say(page, "two")
    await shown(page, "one", "You said: one", "two", "You said: two")
    assert [m.text for m in site.store.messages] == ["one", "two"]


async def test_unsent_messages_outlive_a_reload(page, site):
    await open_chat(page, site)
    await say(page, "one")
    await shown(page, "one", "You said: one")
    site.store.broken = True
    await say(page, "two")
    await until(lambda: site.store.attempts >= 2)
    await page.reload()
    await expect(page.locator(".text", has_text="two")).to_have_count(1)
    site.store.broken = False
    await shown(page, "one", "You said: one", "two", "You said: two")
    assert [m.text for m in site.store.messages] == ["one", "two"]


async def test_two_tabs_are_one_visitor(page, context, site):
    await open_chat(page, site)
    await say(page, "from the first")
    await shown(page, "from the first", "You said: from the first")
    other = await context.new_page()
    await open_chat(other, site)
    await shown(other, "from the first", "You said: from the first")
    await say(other, "from the second")
    for tab in (page, other):
        await shown(tab, "from the first", "You said: from the first", "from the second", "You said: from the second")
    assert len({m.sender for m in site.store.messages}) == 1


async def test_two_tabs_opened_at_once_become_one_visitor(page, context, site):
    other = await context.new_page()
    await page.goto(site.url)
    await other.goto(site.url)
    for tab in (page, other):
        await tab.evaluate("document.querySelector('inbox-chat').setAttribute('open', '')")
    await until(lambda: len(site.channel._sockets) == 2 and len(site.channel._views) == 1)
    await say(page, "which of us?")
    await shown(other, "which of us?", "You said: which of us?")


async def test_a_closed_chat_counts_what_is_new(page, site):
    await open_chat(page, site)
    await say(page, "hi")
    await shown(page, "hi", "You said: hi")
    await until(lambda: [u.status for u in site.store.updates] == [DeliveryStatus.READ])
    await page.keyboard.press("Escape")
    site.store.reply(site.point(), "news")
    await expect(page.get_by_role("button", name="Open chat, 1 new")).to_be_visible()
    await until(lambda: [u.status for u in site.store.updates][1:] == [DeliveryStatus.DELIVERED])
    await page.get_by_role("button", name="Open chat").click()
    await until(lambda: [u.status for u in site.store.updates][2:] == [DeliveryStatus.READ])
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Open chat", exact=True)).to_be_visible()


async def test_somebody_types(page, site):
    await open_chat(page, site)
    await say(page, "hi")
    await shown(page, "hi", "You said: hi")
    await site.channel.show_typing(site.point(), "Dana")
    await expect(page.get_by_role("status").filter(has_text="Dana is writing")).to_be_visible()
    site.store.reply(site.point(), "Here I am.", author="agent", name="Dana")
    await expect(page.locator(".who").last).to_have_text("Dana")
    await expect(page.get_by_text("Dana is writing")).to_be_hidden()


async def test_a_long_history_comes_in_pages(page, site):
    await open_chat(page, site)
    await say(page, "start")
    await shown(page, "start", "You said: start")
    for n in range(100):
        site.store.reply(site.point(), f"line {n}")
    await page.reload()
    await expect(page.locator(".text")).to_have_count(50)
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(page.locator(".text")).to_have_count(100)
    await page.get_by_role("button", name="Show earlier messages").click()
    await expect(page.locator(".text")).to_have_count(102)
    await expect(page.locator(".text").first).to_have_text("start")
    await expect(page.get_by_role("button", name="Show earlier messages")).to_be_hidden()


@pytest.mark.parametrize(
    ("attribute", "locale", "language", "launcher", "box", "notice"),
    [
        ("", "es-MX", "es", "Abrir el chat", "Escriba un mensaje", "Asistente automático"),
        ("", "pt-BR", "pt", "Abrir o chat", "Escreva uma mensagem", "Assistente automático"),
        ('data-lang="es"', "en-US", "es", "Abrir el chat", "Escriba un mensaje", "Asistente automático"),
        ("", "de-DE", "en", "Open chat", "Write a message", "Automated assistant"),
    ],
)
async def test_languages(browser, site, attribute, locale, language, launcher, box, notice):
    site.chat = f'<script src="/widget.js" {attribute}></script>'
    context = await browser.new_context(locale=locale)
    page = await context.new_page()
    await page.goto(site.url)
    await page.get_by_role("button", name=launcher).click()
    await expect(page.get_by_role("textbox", name=box)).to_be_focused()
    await expect(page.get_by_role("dialog")).to_contain_text(notice)
    await page.get_by_role("textbox").fill("x")
    await page.get_by_role("textbox").press("Enter")
    await until(lambda: site.store.messages)
    assert site.store.messages[0].language == language
    await context.close()


async def test_an_element_in_the_page_fills_its_place(page, site):
    site.chat = (
        '<script src="/widget.js"></script><div id="place"><inbox-chat inline company="Desk"></inbox-chat></div>'
    )
    await page.goto(site.url)
    await expect(page.locator("inbox-chat")).to_have_count(1)
    await expect(page.get_by_role("region", name="Desk")).to_be_visible()
    await expect(page.get_by_role("button", name="Close chat")).to_have_count(0)
    await say(page, "inside")
    await shown(page, "inside", "You said: inside")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("region", name="Desk")).to_be_visible()


def token(account_id: str, minutes: float = 0) -> str:
    return sign_author(account_id, SECRET, datetime.now(UTC) - timedelta(minutes=minutes))


SET_TOKEN = "(token) => document.querySelector('inbox-chat').setToken(token)"


async def test_another_author_in_the_same_browser_sees_nothing_of_the_former(page, site):
    await open_chat(page, site)
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await say(page, "A's question")
    await shown(page, "A's question", "You said: A's question")
    await page.evaluate(SET_TOKEN, token("AC-2"))
    await shown(page)
    await say(page, "B's question")
    await shown(page, "B's question", "You said: B's question")
    await page.evaluate(SET_TOKEN, "")
    await shown(page)
    await page.reload()
    await expect(page.get_by_role("textbox", name="Write a message")).to_be_visible()
    await shown(page)
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await shown(page, "A's question", "You said: A's question")
    assert [(m.account_id, m.text) for m in site.store.messages] == [("AC-1", "A's question"), ("AC-2", "B's question")]


async def test_what_one_author_could_not_send_is_never_sent_as_another(page, site):
    await open_chat(page, site)
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await say(page, "A asks")
    await shown(page, "A asks", "You said: A asks")
    site.store.broken = True
    await say(page, "A's secret")
    await until(lambda: site.store.attempts >= 2)
    await page.evaluate(SET_TOKEN, token("AC-2"))
    await shown(page)
    site.store.broken = False
    await say(page, "B asks")
    await shown(page, "B asks", "You said: B asks")
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await shown(page, "A asks", "You said: A asks", "A's secret", "You said: A's secret")
    assert [(m.account_id, m.text) for m in site.store.messages] == [
        ("AC-1", "A asks"), ("AC-2", "B asks"), ("AC-1", "A's secret")
    ]  # fmt: skip


async def test_an_expired_token_is_asked_for_anew(page, site):
    site.chat = f'<script src="/widget.js" data-token="{token("AC-1", minutes=20)}"></script>'
    await page.add_init_script(
        "window.asked = []; addEventListener('inbox-token-needed', (e) => window.asked.push(e.detail.reason))"
    )
    await open_chat(page, site)
    await expect(page.get_by_role("status").filter(has_text="sign-in has run out")).to_be_visible()
    assert await page.evaluate("window.asked") == ["expired"]
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await expect(page.get_by_role("status").filter(has_text="sign-in has run out")).to_have_count(0)
    await say(page, "signed in")
    await shown(page, "signed in", "You said: signed in")
    assert site.store.messages[0].account_id == "AC-1"


async def test_a_token_that_comes_while_hello_is_under_way_counts(page, site):
    read_history = site.store.history
    opened = asyncio.Event()

    async def slow(*arguments):
        await opened.wait()
        return await read_history(*arguments)

    site.store.history = slow
    await open_chat(page, site)
    await until(lambda: any(socket.point for socket in site.channel._sockets))
    await page.evaluate(SET_TOKEN, token("AC-1"))
    await say(page, "as A")
    opened.set()
    await shown(page, "as A", "You said: as A")
    assert [(m.account_id, m.text) for m in site.store.messages] == [("AC-1", "as A")]
