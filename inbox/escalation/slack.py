"""The desk in Slack: one root message a case, edited in place; its thread; buttons and forms that come back as events.

Slack speaks to us by signed HTTP requests at ``/slack/events``, or through a WebSocket when ``slack.app_token`` is set.
https://docs.slack.dev/authentication/verifying-requests-from-slack, https://docs.slack.dev/apis/events-api
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from inbox.clock import Clock, SystemClock
from inbox.errors import Malformed, SettingsError, Unauthentic, Uncertain
from inbox.escalation import slack_web
from inbox.escalation.base import CaseRef, DeskEvents, HandoffCard, TranscriptEntry
from inbox.escalation.slack_blocks import Post, card_post, entry_post
from inbox.escalation.slack_input import bolt_app
from inbox.escalation.slack_memory import Edits, Threads
from inbox.escalation.slack_people import People, Team
from inbox.settings import Slack

PATH = "/slack/events"
CASE = "inbox_case"  # metadata types of our own messages
ENTRY = "inbox_entry"
PAGE = 100
#: How far back an interrupted post is looked for.
PAGES = 10


class SlackDesk:
    """``team`` gives the approved display name of a Slack user id, ``""`` for people who are not agents."""

    def __init__(self, settings: Slack, team: Team, *, clock: Clock | None = None, edit_seconds: float = 1.0) -> None:
        problems = []
        if not any(s.strip() for s in settings.signing_secrets):
            problems.append("slack.signing_secrets is missing; copy the Signing Secret of the app (Basic Information)")
        if not settings.bot_token:
            problems.append("slack.bot_token is missing; copy the Bot User OAuth Token (xoxb-…) of the app")
        if problems:
            raise SettingsError(problems)
        self._settings = settings
        self._clock = clock or SystemClock()
        self._web = slack_web.client(settings.bot_token[0], settings.api_base)
        self._people = People(self._web, team)
        self._verifiers = [SignatureVerifier(s, _Seconds(self._clock)) for s in settings.signing_secrets if s.strip()]
        self._edits = Edits(edit_seconds)
        self._threads = Threads()

    @property
    def name(self) -> str:
        return "slack"

    # In ------------------------------------------------------------------------------------------------------------

    def routes(self, events: DeskEvents) -> Iterable[web.AbstractRouteDef]:
        app = self._bolt(events)

        async def receive(request: web.Request) -> web.StreamResponse:
            raw = await request.read()
            self._verify(raw, request.headers)
            try:
                bolt_request = await to_bolt_request(request)
            except ValueError as error:
                raise Malformed(f"the request from Slack cannot be read: {error}") from error
            return await to_aiohttp_response(await app.async_dispatch(bolt_request))

        return [web.post(PATH, receive)]

    async def listen(self, events: DeskEvents) -> None:
        """Hold the WebSocket of Socket Mode until cancelled; without an app token return at once."""
        if not self._settings.app_token:
            return
        sockets = slack_web.client(self._settings.app_token[0], self._settings.api_base)
        handler = AsyncSocketModeHandler(self._bolt(events), self._settings.app_token[0], web_client=sockets)
        try:
            await handler.connect_async()  # type: ignore[no-untyped-call] # the SDK has no types here
            await asyncio.Event().wait()
        finally:
            await handler.close_async()  # type: ignore[no-untyped-call] # the same

    def _bolt(self, events: DeskEvents) -> AsyncApp:
        return bolt_app(self._web, self._people, self._settings.channel, events, self._clock)

    def _verify(self, raw: bytes, headers: Mapping[str, str]) -> None:
        """Any current secret may have signed the raw body, at most five minutes ago or ahead."""
        stamp, signature = headers.get("X-Slack-Request-Timestamp", ""), headers.get("X-Slack-Signature", "")
        if not stamp.isascii() or not stamp.isdigit() or len(stamp) > 12:
            raise Unauthentic("the request from Slack has no valid timestamp")
        try:
            good = signature.isascii() and any(v.is_valid(raw, stamp, signature) for v in self._verifiers)
        except UnicodeDecodeError:
            good = False
        if not good:
            raise Unauthentic("no current slack.signing_secrets made this signature, or it is older than five minutes")

    # Out -----------------------------------------------------------------------------------------------------------

    async def open(self, card: HandoffCard) -> CaseRef:
        body = self._message(card_post(card), CASE, {"case": card.number, "conversation": card.conversation_id})
        answer = await slack_web.post(self._web, "chat.postMessage", {**body, "channel": self._settings.channel})
        ref = CaseRef("slack", str(answer["channel"]), str(answer["ts"]))
        self._threads.saw(ref.ts, {}, self._clock.now())
        return ref

    async def find(self, card: HandoffCard) -> CaseRef | None:
        async for message in self._pages("conversations.history", {"channel": self._settings.channel}):
            if _payload(message, CASE).get("case") == card.number:
                return CaseRef("slack", self._settings.channel, str(message["ts"]))
        return None

    async def update(self, case: CaseRef, card: HandoffCard) -> None:
        """Edit the root message. Of changes that come together only the newest is sent, at most one a second."""

        async def send(newest: HandoffCard) -> None:
            payload = {"case": newest.number, "conversation": newest.conversation_id}
            body = self._message(card_post(newest), CASE, payload)
            await slack_web.call(self._web, "chat.update", {**body, "channel": case.channel, "ts": case.ts})

        await self._edits.send(case.ts, card, send)

    async def append(self, case: CaseRef, entry: TranscriptEntry) -> str:
        """Add one line; a line whose key is in the thread already is not posted again."""
        if not self._threads.is_fresh(case.ts, entry.at, self._clock.now()):
            self._threads.saw(case.ts, await self._replies(case), self._clock.now())
        if posted := self._threads.find(case.ts, entry.key):
            return posted
        body = self._message(entry_post(entry), ENTRY, {"key": entry.key})
        body |= {"channel": case.channel, "thread_ts": case.ts}
        try:
            answer = await slack_web.post(self._web, "chat.postMessage", body)
        except Uncertain:
            self._threads.doubt(case.ts)
            raise
        self._threads.saw(case.ts, {entry.key: str(answer["ts"])}, self._clock.now())
        return str(answer["ts"])

    async def check(self) -> str:
        me = await slack_web.read(self._web, "auth.test", {})
        query = {"channel": self._settings.channel}
        channel = (await slack_web.read(self._web, "conversations.info", query)).get("channel") or {}
        if channel.get("is_archived"):
            raise slack_web.permanent("conversations.info", "is_archived")
        if channel.get("is_member") is False:
            raise slack_web.permanent("conversations.info", "not_in_channel")
        way = "Socket Mode" if self._settings.app_token else f"HTTP at {PATH}"
        return f"{me.get('user')} in {me.get('team')}, cases go to #{channel.get('name')}, events by {way}"

    @staticmethod
    def _message(post: Post, event_type: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "text": post.text,
            "blocks": post.blocks,
            "metadata": {"event_type": event_type, "event_payload": dict(payload)},
            "parse": "none",
            "link_names": False,
            "unfurl_links": False,
            "unfurl_media": False,
        }

    async def _replies(self, case: CaseRef) -> dict[str, str]:
        """The keys of all lines of the thread, with their messages."""
        found: dict[str, str] = {}
        query = {"channel": case.channel, "ts": case.ts}
        async for message in self._pages("conversations.replies", query):
            if key := _payload(message, ENTRY).get("key"):
                found[str(key)] = str(message["ts"])
        return found

    async def _pages(self, method: str, query: Mapping[str, Any]) -> AsyncIterator[Mapping[str, Any]]:
        """Messages with their metadata, page after page."""
        cursor: Mapping[str, str] = {}
        for _ in range(PAGES):
            asked = {**query, "limit": PAGE, "include_all_metadata": "true", **cursor}
            page = await slack_web.read(self._web, method, asked)
            for message in page.get("messages", ()):
                yield message
            following = (page.get("response_metadata") or {}).get("next_cursor")
            if not following:
                return
            cursor = {"cursor": following}


class _Seconds(SlackClock):
    """Our clock as Slack's signature check wants it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now().timestamp()


def _payload(message: Mapping[str, Any], event_type: str) -> Mapping[str, Any]:
    """What we wrote into the metadata of one of our own messages."""
    metadata = message.get("metadata") or {}
    return metadata.get("event_payload") or {} if metadata.get("event_type") == event_type else {}
