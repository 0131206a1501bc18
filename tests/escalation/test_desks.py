"""The contract, for the desk in Slack over HTTP, over Socket Mode, and for the fake."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from inbox.demo.slack_stand_in import Failure
from inbox.errors import Permanent, Transient, Uncertain
from inbox.escalation.fake import FakeDesk, RecordingDeskEvents
from tests.escalation.contract import DeskContract
from tests.escalation.world import SlackWorld, slack_world

IDS = {"maren": "U0MAREN", "tobin": "U0TOBIN", "ilse": "U0ILSE"}
FORMS = {"reply": "case_reply", "resolve": "case_resolve", "return": "case_return", "reopen": "case_reopen"}


def words(blocks) -> str:
    """Every text in the blocks, in order."""
    if isinstance(blocks, dict):
        own = [blocks["text"]] if isinstance(blocks.get("text"), str) else []
        return " ".join(own + [words(v) for k, v in blocks.items() if isinstance(v, (dict, list))])
    return " ".join(words(b) for b in blocks)


@dataclass
class SlackFar:
    world: SlackWorld

    def __post_init__(self):
        self.desk, self.events, self.slack = self.world.desk, self.world.events, self.world.slack

    async def act(self, ref, kind, person, **more):
        who = IDS[person]
        if kind == "note":
            await self.slack.post(who, ref.ts, more["text"])
        elif kind in FORMS:
            if kind == "reply":  # the card must offer it
                await self.desk.update(ref, self.events.cards[1041])
            await self.slack.press(who, ref.ts, FORMS[kind])
            await self.fill(who, kind, more)
        else:
            await self.slack.press(who, ref.ts, f"case_{kind}")
        await asyncio.sleep(0.02)  # private words come after the answer

    async def fill(self, who, kind, more):
        if kind == "reply":
            assert (await self.slack.submit(who, more)).body["response_action"] == "push"
            assert (await self.slack.submit(who)).body["response_action"] == "clear"
        elif kind == "resolve":
            await self.slack.submit(who, {"outcome": more["outcome"], "note": more["text"]})
        else:
            await self.slack.submit(who, more)

    async def act_again(self, times):
        assert [a.status for a in await self.slack.repeat(times)] == [200] * times

    def root(self, ref):
        return words(self.slack.workspace.message(ref.channel, ref.ts)["blocks"])

    def roots(self):
        return len(self.slack.workspace.roots(self.slack.channel))

    def lines(self, ref):
        return [words(m["blocks"]).strip() for m in self.slack.workspace.thread(ref.channel, ref.ts)[1:]]

    def told(self, person):
        return [w["text"] for w in self.slack.workspace.whispers if w["user"] == IDS[person]]

    def fail(self, how):
        kind = {"busy": "429", "refused": "is_archived", "lost": "lost"}[how]
        self.slack.failures.append(Failure(kind, "chat.postMessage"))


class TestSlack(DeskContract):
    @pytest.fixture
    async def far(self):
        async with slack_world() as world:
            yield SlackFar(world)


class TestSlackSocketMode(DeskContract):
    """The same acts through the WebSocket; nothing goes over HTTP."""

    @pytest.fixture
    async def far(self):
        async with slack_world(app_token=("xapp-invented",)) as world:
            task = asyncio.create_task(world.desk.listen(world.events))
            while not world.slack.connected:
                await asyncio.sleep(0.01)
            far = SlackFar(world)
            far.act_again = self.again(world)
            yield far
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    @staticmethod
    def again(world):
        async def repeat(times):
            body = world.slack.last_body
            for _ in range(times):
                assert (await world.slack.send_interaction(body)).status == 200

        return repeat


@dataclass
class FakeFar:
    desk: FakeDesk
    events: RecordingDeskEvents

    async def act(self, ref, kind, person, **more):
        self.last = (ref, kind, person, more)
        await self.desk.act(ref, kind, person, source_id=f"act-{self.events.deliveries}", **more)

    async def act_again(self, times):
        ref, kind, person, more = self.last
        for _ in range(times):
            await self.desk.act(ref, kind, person, source_id="act-0", **more)

    def root(self, ref):
        return self.desk.roots[ref].headline

    def roots(self):
        return len(self.desk.roots)

    def lines(self, ref):
        return [line.text for line in self.desk.lines[ref]]

    def told(self, person):
        return [text for who, text in self.desk.told if who == person]

    def fail(self, how):
        self.desk.fail.append({"busy": Transient(), "refused": Permanent(), "lost": Uncertain()}[how])


class TestFake(DeskContract):
    @pytest.fixture
    async def far(self):
        desk, events = FakeDesk(), RecordingDeskEvents()
        desk.routes(events)
        return FakeFar(desk, events)
