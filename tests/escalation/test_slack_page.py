"""The stand-in's page: a person without any tool but a browser can work a case; nothing an author wrote runs there."""

from __future__ import annotations

from html.parser import HTMLParser

import aiohttp
import pytest

from inbox.demo import slack_html
from inbox.demo.slack_rules import block_problems, message_problem, view_problem
from inbox.demo.slack_workspace import CASES
from inbox.escalation.slack_blocks import card_post
from tests.escalation.test_slack_blocks import HOSTILE, full_card
from tests.escalation.world import entry, slack_world

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>"


class Forms(HTMLParser):
    """The forms of a page with their fields, as a browser would send them."""

    def __init__(self):
        super().__init__()
        self.forms, self.tags, self.attributes = [], [], []

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag == "form":
            self.forms.append({"action": found["action"], "fields": {}})
        elif tag in ("input", "textarea", "select") and found.get("name") and self.forms:
            self.forms[-1]["fields"][found["name"]] = found.get("value", "")


def parsed(html: str) -> Forms:
    forms = Forms()
    forms.feed(html)
    return forms


class Browser:
    def __init__(self, world, session):
        self.world, self.session = world, session
        self.base = world.servers[0].make_url("/demo/slack/")

    async def get(self, path=""):
        async with self.session.get(f"{self.base}{path}") as response:
            assert response.status == 200
            self.headers = response.headers
            self.html = await response.text()
            return self.html

    async def send(self, act, which=0, **values):
        """Fill in the n-th form that posts to this act and send it; follows back to a page."""
        form = [f for f in parsed(self.html).forms if f["action"].endswith(f"/{act}")][which]
        url = self.base.origin().with_path(form["action"])
        async with self.session.post(url, data={**form["fields"], **values}) as response:
            assert response.status == 200
            self.url, self.html = response.url, await response.text()
            return self.html


@pytest.fixture
async def browser():
    jar = aiohttp.CookieJar(unsafe=True)
    async with slack_world() as world, aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Browser(world, session)


async def refresh(browser, ref):
    await browser.world.desk.update(ref, browser.world.events.cards[1041])
    return await browser.get()


async def test_a_case_from_claim_to_resolve_by_page_alone(browser):
    world = browser.world
    ref = await world.case()
    assert "Case 1041" in await browser.get()
    await browser.send("press")  # the first button is Claim
    assert [e.kind for e in world.events.applied] == ["claim"]
    assert "claimed by Maren V." in await refresh(browser, ref)
    html = await browser.send("press")  # now it is Reply
    assert 'role="dialog"' in html
    html = await browser.send("submit", text="We found both payments.", channel="email")
    assert "Send to author" in html
    assert "We found both payments." in html
    await browser.send("submit")
    reply = world.events.applied[-1]
    assert (reply.kind, reply.text, reply.channel) == ("reply", "We found both payments.", "email")
    await browser.send("press", 1)
    html = await browser.send("submit", note="")
    assert "Please complete this required field." in html
    await browser.send("submit", outcome="refund", note="done")
    assert world.events.applied[-1].outcome == "refund"
    assert "resolved by Maren V.: refund" in await refresh(browser, ref)


async def test_a_thread_takes_notes_and_private_words_are_private(browser):
    world = browser.world
    ref = await world.case()
    await world.desk.append(ref, entry(text="Any news?"))
    html = await browser.get(f"thread/{ref.ts}")
    assert "Any news?" in html
    await browser.send("post", text="I look into it.")
    assert browser.url.path.endswith(f"/thread/{ref.ts}")
    assert "I look into it." in browser.html
    await browser.send("delete")
    assert [e.text for e in world.events.applied] == ["I look into it.", "(deleted) I look into it."]
    await browser.send("person", person="U0TOBIN")
    await browser.get()
    await world.slack.press("U0MAREN", ref.ts, "case_claim")
    await browser.send("press")
    assert "has this case" in await browser.get()
    await browser.send("person", person="U0ILSE")
    assert "has this case" not in await browser.get()


async def test_cancel_closes_the_form_and_a_live_choice_stays_in_it(browser):
    world = browser.world
    ref = await world.case()
    await world.slack.press("U0MAREN", ref.ts, "case_claim")
    await refresh(browser, ref)
    await browser.send("press")
    await browser.send("submit", text="Half", channel="email", _choose="channel")
    html = await browser.get()
    assert "by email" in html
    assert "Half" in html
    assert 'role="dialog"' not in await browser.send("back")


async def test_the_page_runs_nothing_and_styles_nothing_inline(browser):
    world = browser.world
    ref = await world.case(quote=SCRIPT + HOSTILE, author_name=SCRIPT, headline=SCRIPT)
    await world.desk.append(ref, entry(text=SCRIPT, who=SCRIPT))
    await world.slack.post("U0MAREN", ref.ts, SCRIPT)
    await world.slack.press("U0MAREN", ref.ts, "case_claim")
    await world.slack.press("U0MAREN", ref.ts, "case_resolve")
    for path in ("", f"thread/{ref.ts}"):
        found = parsed(await browser.get(path))
        assert found.tags.count("script") == 1  # the page's own
        assert "img" not in found.tags
        assert "style" not in found.tags + found.attributes
        assert not [a for a in found.attributes if a.startswith("on")]
    policy = browser.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy


async def test_static_files_version_and_foreign_forms(browser):
    world = browser.world
    before = await browser.get("version")
    ref = await world.case()
    assert int(await browser.get("version")) > int(before)
    assert "fetch(" in await browser.get("static/slack.js")
    assert ".modal" in await browser.get("static/slack.css")
    for path, status in (("static/other", 404), ("thread/1.5", 404)):
        async with browser.session.get(f"{browser.base}{path}") as response:
            assert response.status == status
    headers = {"Sec-Fetch-Site": "cross-site"}
    data = {"message_ts": ref.ts, "action_id": "case_claim"}
    async with browser.session.post(f"{browser.base}press", data=data, headers=headers) as response:
        assert response.status == 403
    assert world.events.applied == []


async def test_a_stale_page_is_told_and_nothing_breaks(browser):
    ref = await browser.world.case()
    data = {"message_ts": ref.ts, "action_id": "case_reopen", "_where": "https://elsewhere.example/"}
    async with browser.session.post(f"{browser.base}press", data=data) as response:
        assert response.status == 200
        assert response.url.path == "/demo/slack/"


def test_every_block_of_a_full_card_is_drawn():
    html = slack_html.blocks(card_post(full_card()).blocks, "/press", {"message_ts": "1.0"}, {})
    for text in (
        "Case 1041",
        "Outstanding",
        "250.50 USD",
        "dp-41",
        "You took the $64 twice.",
        "Returns reserve",
        "Claim",
    ):
        assert text in html
    assert "(a block of type" not in html


def test_a_mention_that_got_through_is_seen():
    assert '<span class="mention">@channel</span>' in slack_html.mrkdwn("<!channel>")
    assert '<span class="mention">@U1</span>' in slack_html.mrkdwn("<@U1>")
    assert slack_html.mrkdwn("&lt;!channel&gt;") == "&lt;!channel&gt;"
    assert "<a" not in slack_html.mrkdwn("<javascript:alert(1)|x>")


# The stand-in refuses what Slack refuses.


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "blocks": [{"type": "divider"}] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "y" * 3_001}}]},
            "invalid_blocks",
        ),
        ({"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "hologram"}]}, "invalid_blocks"),
        (
            {"text": "x", "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "y" * 2_900}}] * 5},
            "msg_blocks_too_long",
        ),
        ({"text": "x", "metadata": {"event_type": "t"}}, "invalid_metadata_format"),
        ({"text": "x", "blocks": [{"type": "divider", "block_id": "a"}] * 2}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "divider"}]}, ""),
    ],
)
def test_messages_that_slack_refuses(body, code):
    assert message_problem(body)[0] == code


def test_forms_that_slack_refuses():
    title = {"type": "plain_text", "text": "T"}
    good = {"type": "modal", "title": title, "blocks": [{"type": "divider"}]}
    assert view_problem(good) == ("", [])
    for change in (
        {"title": {"type": "plain_text", "text": "T" * 25}},
        {"blocks": []},
        {"private_metadata": "x" * 3_001},
        {"type": "home"},
        {
            "blocks": [
                {
                    "type": "input",
                    "block_id": "a",
                    "label": title,
                    "element": {"type": "plain_text_input", "action_id": "a"},
                }
            ]
        },
    ):
        assert view_problem({**good, **change})[0] == "invalid_arguments"
    assert block_problems([{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}])


async def test_metadata_is_given_only_to_who_asks(browser):
    world = browser.world
    ref = await world.case()
    url = f"{world.settings.api_base}conversations.replies"
    headers = {"Authorization": f"Bearer {world.settings.bot_token[0]}"}
    for ask, has in (({}, False), ({"include_all_metadata": "true"}, True)):
        query = {"channel": CASES, "ts": ref.ts, **ask}
        async with browser.session.get(url, params=query, headers=headers) as response:
            assert ("metadata" in (await response.json())["messages"][0]) is has
