"""What people do in Slack, turned into desk events.

Slack is answered only after the event is on disk (``DeskEvents.apply`` returns after the commit), and within three
seconds; when the store is slower than that, it is told to come again, which has one effect because the source id is the
same. https://docs.slack.dev/interactivity/handling-user-interaction
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from inbox.clock import Clock
from inbox.errors import InboxError, NotFound, Overloaded
from inbox.escalation import slack_modals, slack_web
from inbox.escalation.base import CaseRef, DeskEvent, DeskEvents, DeskResult, HandoffCard
from inbox.escalation.slack_modals import Draft
from inbox.escalation.slack_people import People
from inbox.escalation.slack_text import Block, mentioned, readable
from inbox.redaction import mask

#: Slack waits three seconds; the rest is for the way.
ANSWER_SECONDS = 2.5
NOTE_CHARACTERS = 10_000
_SPOKEN = frozenset({None, "", "file_share", "thread_broadcast", "me_message", "bot_message"})
_FORMS: Mapping[str, Callable[[HandoffCard], Block]] = {
    "case_resolve": slack_modals.resolve_view,
    "case_return": slack_modals.return_view,
    "case_reopen": slack_modals.reopen_view,
}
log = logging.getLogger(__name__)
Body = Mapping[str, Any]


def bolt_app(web: AsyncWebClient, people: People, channel: str, events: DeskEvents, clock: Clock) -> AsyncApp:
    """Requests are verified before they come here; Bolt only sorts them."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token=web.token)

    app = AsyncApp(
        client=AsyncWebClient(base_url=web.base_url, retry_handlers=[]),
        authorize=authorize,
        signing_secret="verified before",  # noqa: S106 - no secret: Bolt's own check is off
        request_verification_enabled=False,
        ignoring_self_events_enabled=False,  # needs a call to Slack for each request; ``People.is_me`` needs one in all
        process_before_response=True,  # the answer waits for the commit
    )
    desk = _Input(web, people, channel, events, clock)
    anything = re.compile(r"[\s\S]*")
    app.event("message")(desk.message)
    for action in ("case_claim", "case_release"):
        app.action(action)(desk.press)
    app.action("case_reply")(desk.start_reply)
    for action in _FORMS:
        app.action(action)(desk.start_form)
    app.action("channel")(desk.change_channel)
    app.shortcut({"callback_id": "send_to_author", "type": "message_action"})(desk.start_reply_from_message)
    app.view("case_reply")(desk.preview)
    app.view("case_send")(desk.send)
    for callback in ("case_resolved", "case_returned", "case_reopened"):
        app.view(callback)(desk.submit)
    app.event(anything)(_ignore)
    app.action(anything)(_ignore)
    app.view(anything)(_ignore)
    app.shortcut(anything)(_ignore)
    return app


async def _ignore(ack: AsyncAck) -> None:
    """Known to Slack, of no meaning to us: a plain yes keeps Slack from sending it again."""
    await ack()


class _Input:
    def __init__(self, web: AsyncWebClient, people: People, channel: str, events: DeskEvents, clock: Clock) -> None:
        self._web = web
        self._people = people
        self._channel = channel
        self._events = events
        self._clock = clock
        self._tasks: set[asyncio.Task[Any]] = set()

    # Messages ------------------------------------------------------------------------------------------------------

    async def message(self, body: dict[str, Any], event: dict[str, Any]) -> None:
        """A line in a case's thread is a note for colleagues; it is never sent to the author."""
        if event.get("channel") != self._channel:
            return
        found = _line(event)
        if found is None:
            return
        line, mark = found
        root = line.get("thread_ts")
        if not root or root == line.get("ts") or await self._people.is_me(line):
            return
        case = await self._events.case_of(CaseRef("slack", self._channel, str(root)))
        if case is None:
            return
        user = str(line.get("user") or line.get("bot_id") or "")
        await self._apply(
            DeskEvent(
                source_id=f"slack:event:{body['event_id']}",
                kind="note",
                case=case,
                actor_id=user,
                actor_name=str(line.get("username") or "") or await self._people.name(user),
                at=self._at(event.get("event_ts") or event.get("ts")),
                text=f"{mark}{await self._readable(line)}"[:NOTE_CHARACTERS],
                meta={"ts": str(line.get("ts") or "")},
            )
        )

    async def _readable(self, line: Body) -> str:
        text = str(line.get("text") or "")
        names = await self._people.names(mentioned(text))
        files = [f"[file: {f.get('name') or 'without a name'}]" for f in line.get("files") or ()]
        whole = "\n".join(part for part in (readable(text, lambda u: names.get(u, "")), *files) if part)
        return mask(whole).text  # colleagues paste card numbers too

    # Buttons -------------------------------------------------------------------------------------------------------

    async def press(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Claim and release: one event, a private word if it was refused."""
        action = body["actions"][0]
        kind: Any = action["action_id"].removeprefix("case_")
        user = body["user"]["id"]
        result = await self._apply(
            DeskEvent(
                source_id=f"slack:action:{action['action_ts']}:{user}:{action['action_id']}",
                kind=kind,
                case=int(action["value"]),
                actor_id=user,
                actor_name=await self._people.name(user),
                at=self._at(action["action_ts"]),
            )
        )
        await ack()
        if result.text:  # a refusal with its reason, or what the act means; the card itself follows in a moment
            self._later(self._whisper(body, result.text))

    async def start_reply(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        await self._start_reply(ack, body, int(body["actions"][0]["value"]), "")

    async def start_reply_from_message(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """The message shortcut "Send to author": a note becomes the draft of a reply."""
        line = body.get("message") or {}
        root = str(line.get("thread_ts") or line.get("ts") or "")
        case = await self._events.case_of(CaseRef("slack", str(body["channel"]["id"]), root))
        if case is None:
            await ack()
            self._later(self._whisper(body, "This message is not in the thread of a case."))
            return
        await self._start_reply(ack, body, case, await self._readable(line))

    async def _start_reply(self, ack: AsyncAck, body: Body, case: int, text: str) -> None:
        try:
            card = await self._events.card(case)
            refusal = _reply_refusal(card)
        except NotFound as error:
            refusal = str(error)
        if refusal:
            await ack()
            self._later(self._whisper(body, refusal))
            return
        await self._open_view(ack, body, slack_modals.reply_view(card, card.channel, text))

    async def start_form(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        action = body["actions"][0]
        try:
            card = await self._events.card(int(action["value"]))
        except NotFound as error:
            await ack()
            self._later(self._whisper(body, str(error)))
            return
        await self._open_view(ack, body, _FORMS[action["action_id"]](card))

    async def change_channel(self, ack: AsyncAck, body: dict[str, Any]) -> None:
        """Another channel was chosen in the reply form: its hint changes with it."""
        view = body.get("view") or {}
        await ack()
        if view.get("callback_id") != "case_reply":
            return
        draft = Draft.unpack(view.get("private_metadata") or "")
        filled = slack_modals.values(view)
        card = await self._events.card(draft.case)
        fresh = slack_modals.reply_view(card, filled.get("channel", ""), filled.get("text", ""))
        update = {"view_id": view["id"], "hash": view.get("hash"), "view": fresh}
        self._later(slack_web.call(self._web, "views.update", update))

    async def _open_view(self, ack: AsyncAck, body: Body, view: Block) -> None:
        """The trigger lives three seconds, so the form is opened before the answer."""
        try:
            await slack_web.call(self._web, "views.open", {"trigger_id": body["trigger_id"], "view": view})
        except InboxError as error:
            self._later(self._whisper(body, f"The form could not be opened: {error}"))
        await ack()

    # Forms ---------------------------------------------------------------------------------------------------------

    async def preview(self, ack: AsyncAck, view: dict[str, Any]) -> None:
        draft, filled = Draft.unpack(view["private_metadata"]), slack_modals.values(view)
        text = filled.get("text", "").strip()
        channel = slack_modals.channel_of(filled.get("channel", ""))
        card = await self._events.card(draft.case)
        if channel is None or channel not in card.reply_channels:
            await ack(response_action="errors", errors={"channel": "The author may not be written to there."})
            return
        if not text:
            await ack(response_action="errors", errors={"text": "There is nothing to send yet."})
            return
        names = await self._people.names(mentioned(text))
        text = mask(readable(text, lambda u: names.get(u, ""), unescape=False)).text
        try:
            shown = await self._events.preview(draft.case, text, channel)
            pushed = slack_modals.preview_view(card, channel, text, shown)
        except (InboxError, ValueError) as error:
            await ack(response_action="errors", errors={"text": str(error)[:2_000]})
            return
        await ack(response_action="push", view=pushed)

    async def send(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        draft = Draft.unpack(view["private_metadata"])
        event = await self._form_event(body, view, draft, "reply", draft.text, "")
        result = await self._apply(event)
        if result.ok:
            await ack(response_action="clear")
            return
        try:
            card = await self._events.card(draft.case)
            refusal = _reply_refusal(card)
        except NotFound as error:
            refusal = str(error)
        if refusal:
            await self._close(ack, view, result)
        else:  # the words stay where they can be changed
            fresh = slack_modals.reply_view(card, draft.channel, draft.text, problem=result.text)
            await ack(response_action="update", view=fresh)

    async def submit(self, ack: AsyncAck, body: dict[str, Any], view: dict[str, Any]) -> None:
        """Resolve, back to bot, reopen."""
        draft, filled = Draft.unpack(view["private_metadata"]), slack_modals.values(view)
        kind = {"case_resolved": "resolve", "case_returned": "return", "case_reopened": "reopen"}[view["callback_id"]]
        event = await self._form_event(
            body, view, draft, kind, filled.get("note", "") or filled.get("reason", ""), filled.get("outcome", "")
        )
        await self._close(ack, view, await self._apply(event))

    async def _form_event(self, body: Body, view: Body, draft: Draft, kind: Any, text: str, outcome: str) -> DeskEvent:
        user = body["user"]["id"]
        return DeskEvent(
            source_id=f"slack:view:{view['id']}:{view.get('hash', '')}",
            kind=kind,
            case=draft.case,
            actor_id=user,
            actor_name=await self._people.name(user),
            at=self._clock.now(),
            text=mask(text).text,
            channel=slack_modals.channel_of(draft.channel),
            outcome=outcome,
            reason=mask(text).text if kind in ("return", "reopen") else "",
        )

    async def _close(self, ack: AsyncAck, view: Body, result: DeskResult) -> None:
        if result.ok:
            await ack(response_action="clear")
            return
        title = str((view.get("title") or {}).get("text") or "Not done")
        await ack(response_action="update", view=slack_modals.notice_view(title, result.text or "That was refused."))

    # Common --------------------------------------------------------------------------------------------------------

    async def _apply(self, event: DeskEvent) -> DeskResult:
        """Durable when it returns. Too slow: the work goes on, Slack comes again and finds it done."""
        task = asyncio.create_task(self._applied(event))
        self._keep(task)
        try:
            return await asyncio.wait_for(asyncio.shield(task), ANSWER_SECONDS)
        except TimeoutError as error:
            raise Overloaded("the store takes longer than Slack waits; Slack will come again") from error

    async def _applied(self, event: DeskEvent) -> DeskResult:
        try:
            return await self._events.apply(event)
        except NotFound as error:  # asking again would not help: tell the person
            return DeskResult(ok=False, text=str(error))

    async def _whisper(self, body: Body, text: str) -> None:
        """Only the person who acted sees it."""
        container = body.get("container") or {}
        channel = (body.get("channel") or {}).get("id") or container.get("channel_id") or self._channel
        message = {"channel": channel, "user": body["user"]["id"], "text": text or "That was refused."}
        thread = container.get("thread_ts") or (body.get("message") or {}).get("thread_ts")
        await slack_web.call(self._web, "chat.postEphemeral", message | ({"thread_ts": thread} if thread else {}))

    def _later(self, work: Coroutine[Any, Any, Any]) -> None:
        """After the answer; a failure here is logged, the state is right already."""
        self._keep(asyncio.create_task(_logged(work)))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        """The event loop holds tasks only weakly."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _at(self, ts: Any) -> datetime:
        try:
            return datetime.fromtimestamp(float(ts), UTC)
        except (TypeError, ValueError, OverflowError, OSError):
            return self._clock.now()


async def _logged(work: Awaitable[Any]) -> None:
    try:
        await work
    except InboxError as error:
        log.warning("after an answer to Slack: %s", error)


def _line(event: dict[str, Any]) -> tuple[dict[str, Any], str] | None:
    """The message an event is about, and the mark of what happened to it; None if it means nothing."""
    subtype = event.get("subtype")
    if subtype == "message_deleted":
        return event.get("previous_message") or {}, "(deleted) "
    if subtype == "message_changed":
        now, before = event.get("message") or {}, event.get("previous_message") or {}
        # Slack also sends this when it adds a link preview; then the words are the same.
        return (now, "(edited) ") if now.get("text") != before.get("text") else None
    return (event, "") if subtype in _SPOKEN else None


def _reply_refusal(card: HandoffCard) -> str:
    if card.status != "claimed":
        return "Claim the case before you reply, so that the author hears one voice."
    if not card.reply_channels:
        return "There is no channel on which this author may be written to."
    return ""
