"""Slack on loopback, for the demo and for tests: its Web API, its Socket Mode, and the people who press its buttons.

Everything a person does reaches the inbox the way Slack sends it: signed, in Slack's own shapes, with its retries.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web
from slack_sdk.signature import SignatureVerifier

from inbox.demo import slack_acts, slack_api, slack_payloads
from inbox.demo.slack_workspace import CASES, Answer, Json, Person, Refused, Workspace

PATH = "/slack/events"
ANSWER_SECONDS = 3.0


@dataclass(slots=True)
class Failure:
    """The next call of ``method`` (``""``: of any) goes wrong.

    ``kind``: an error code such as ``invalid_auth``, a status such as ``429`` or ``503``, ``lost`` (done, but the
    connection breaks before the answer) or ``reset`` (the connection breaks before anything is done).
    """

    kind: str
    method: str = ""
    times: int = 1


class SlackStandIn:
    def __init__(
        self, signing_secret: str, bot_token: str, inbox_base_url: str, *, people: tuple[Person, ...] | None = None
    ) -> None:
        self.workspace = Workspace(people) if people else Workspace()
        self.channel = CASES
        self.inbox_base_url = inbox_base_url.rstrip("/")
        self.calls: list[tuple[str, Json]] = []  # of the Web API, as they came
        self.failures: list[Failure] = []
        self.retry_after = (0.0, 60.0, 300.0)  # seconds before Slack's three retries of an event
        self.sent: list[tuple[str, str, Json]] = []  # to the inbox over HTTP: content type, body, extra headers
        self.last_body: Json = {}  # of the last event or interaction, either way
        self._signing_secret = signing_secret
        self._bot_token = bot_token
        self._sockets: list[web.WebSocketResponse] = []
        self._tickets: set[str] = set()
        self._acks: dict[str, asyncio.Future[Json]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def app(self) -> web.Application:
        """The sub-application; ``slack.api_base`` is its address plus ``api/``."""
        from inbox.demo.slack_page import add_pages

        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/link", self._link)
        add_pages(app, self)
        app.on_shutdown.append(self._close)
        return app

    # What people do ------------------------------------------------------------------------------------------------

    async def press(self, person: str, message_ts: str, action_id: str) -> Answer:
        """A button of a message. Raises ``Refused`` if the message has no such button now."""
        return await slack_acts.press(self, person, message_ts, action_id)

    async def choose(self, person: str, block_id: str, values: Mapping[str, str]) -> Answer:
        """A choice in the open form that the app hears of at once."""
        return await slack_acts.choose(self, person, block_id, values)

    async def submit(self, person: str, values: Mapping[str, str] | None = None) -> Answer:
        """Send the open form, by block id; what the inbox answers happens to it."""
        return await slack_acts.submit(self, person, values)

    async def post(self, person: str, thread_ts: str, text: str, **more: Any) -> Answer:
        return await slack_acts.post(self, person, thread_ts, text, **more)

    async def edit(self, message_ts: str, text: str) -> Answer:
        return await slack_acts.edit(self, message_ts, text)

    async def delete(self, message_ts: str) -> Answer:
        return await slack_acts.delete(self, message_ts)

    async def shortcut(self, person: str, message_ts: str) -> Answer:
        """The entry "Send to author" in the menu of a message."""
        return await slack_acts.shortcut(self, person, message_ts)

    # The Web API ---------------------------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method, arguments = request.match_info["method"], await _arguments(request)
        self.calls.append((method, arguments))
        kind = self._failure(method)
        if kind == "reset":
            return _broken(request)
        if kind.isdigit():
            return (
                web.json_response({"ok": False, "error": "ratelimited"}, status=429, headers={"Retry-After": "7"})
                if (kind == "429")
                else web.Response(status=int(kind), text="upstream failure", content_type="text/html")
            )
        try:
            if kind and kind != "lost":
                raise Refused(kind)
            body = self._answer(request, method, arguments)
        except Refused as refusal:
            details = {"response_metadata": {"messages": refusal.details}} if refusal.details else {}
            return web.json_response({"ok": False, "error": refusal.code, **details})
        return _broken(request) if kind == "lost" else web.json_response(body)

    def _answer(self, request: web.Request, method: str, arguments: Mapping[str, Any]) -> Json:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ") or str(arguments.get("token") or "")
        if not token:
            raise Refused("not_authed")
        if method == "apps.connections.open":
            return self._connection(request, token)
        if token != self._bot_token:
            raise Refused("invalid_auth")
        return slack_api.answer(self.workspace, method, arguments)

    def _failure(self, method: str) -> str:
        for failure in self.failures:
            if failure.method in ("", method):
                failure.times -= 1
                if failure.times <= 0:
                    self.failures.remove(failure)
                return failure.kind
        return ""

    # Socket Mode ---------------------------------------------------------------------------------------------------

    def _connection(self, request: web.Request, token: str) -> Json:
        if not token.startswith("xapp-"):
            raise Refused("not_allowed_token_type")
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        prefix = request.path.removesuffix("/api/apps.connections.open")
        return {"ok": True, "url": f"ws://{request.host}{prefix}/link?ticket={ticket}&app_id={slack_payloads.APP}"}

    async def _link(self, request: web.Request) -> web.StreamResponse:
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=401)
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._sockets.append(socket)
        await socket.send_json(
            {
                "type": "hello",
                "num_connections": len(self._sockets),
                "debug_info": {"host": "applink-1", "approximate_connection_time": 18060},
                "connection_info": {"app_id": slack_payloads.APP},
            }
        )
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT and message.data.startswith("{"):
                    self._acknowledged(json.loads(message.data))
        finally:
            self._sockets.remove(socket)
        return socket

    def _acknowledged(self, frame: Json) -> None:
        waiting = self._acks.get(str(frame.get("envelope_id")))
        if waiting and not waiting.done():
            waiting.set_result(frame.get("payload") or {})

    async def disconnect(self, reason: str = "refresh_requested") -> None:
        """Slack asks the app to connect anew, as it does every few hours."""
        for socket in list(self._sockets):
            await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-1"}})

    @property
    def connected(self) -> int:
        return len(self._sockets)

    # To the inbox --------------------------------------------------------------------------------------------------

    async def send_event(self, event: Json) -> Answer:
        """An event, with up to three retries when the inbox does not say yes within three seconds."""
        body = slack_payloads.event_body(self.workspace.new_id("Ev"), event, int(time.time()))
        answer = await self._send("events_api", body)
        return await self._retry(body, answer, 0)

    async def _retry(self, body: Json, answer: Answer, tried: int) -> Answer:
        for n, delay in enumerate(self.retry_after[tried:], start=tried + 1):
            if answer.status == 200:
                break
            if delay > 1:
                self._keep(asyncio.create_task(self._retry_later(body, answer, n - 1, delay)))
                break
            reason = "http_error" if answer.status else "http_timeout"
            answer = await self._send("events_api", body, {"X-Slack-Retry-Num": str(n), "X-Slack-Retry-Reason": reason})
        return answer

    async def _retry_later(self, body: Json, answer: Answer, tried: int, delay: float) -> None:
        await asyncio.sleep(delay)
        reason = "http_error" if answer.status else "http_timeout"
        headers = {"X-Slack-Retry-Num": str(tried + 1), "X-Slack-Retry-Reason": reason}
        await self._retry(body, await self._send("events_api", body, headers), tried + 1)

    async def send_interaction(self, body: Json) -> Answer:
        """Buttons and forms are sent once; the person presses again."""
        return await self._send("interactive", body)

    async def _send(self, kind: str, body: Json, extra: Mapping[str, str] | None = None) -> Answer:
        self.last_body = body
        if self._sockets:
            return await self._send_by_socket(kind, body, extra or {})
        raw = json.dumps(body) if kind == "events_api" else slack_payloads.form(json.dumps(body))
        content = "application/json" if kind == "events_api" else "application/x-www-form-urlencoded"
        self.sent.append((content, raw, dict(extra or {})))
        return await self.send_raw(raw, content, dict(extra or {}))

    async def send_raw(
        self, raw: str, content_type: str, headers: Mapping[str, str] | None = None, *, secret: str = "", skew: int = 0
    ) -> Answer:
        """One signed request; ``secret`` and ``skew`` (seconds) make one that Slack would not send."""
        stamp = str(int(time.time()) + skew)
        signature = SignatureVerifier(secret or self._signing_secret).generate_signature(timestamp=stamp, body=raw)
        signed = {
            "Content-Type": content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature or "",
            **(headers or {}),
        }
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=ANSWER_SECONDS)) as session,
                session.post(self.inbox_base_url + PATH, data=raw.encode(), headers=signed) as response,
            ):
                text = await response.text()
                return Answer(response.status, json.loads(text) if text.startswith("{") else {})
        except (ClientError, TimeoutError):
            return Answer(0, {})

    async def _send_by_socket(self, kind: str, body: Json, extra: Mapping[str, str]) -> Answer:
        envelope: Json = {
            "envelope_id": str(uuid.uuid4()),
            "payload": body,
            "type": kind,
            "accepts_response_payload": kind != "events_api",
        }
        if kind == "events_api":
            envelope |= {"retry_attempt": int(extra.get("X-Slack-Retry-Num", 0)), "retry_reason": ""}
        waiting = self._acks[envelope["envelope_id"]] = asyncio.get_running_loop().create_future()
        await self._sockets[-1].send_json(envelope)
        try:
            return Answer(200, await asyncio.wait_for(waiting, ANSWER_SECONDS))
        except TimeoutError:
            return Answer(0, {})
        finally:
            del self._acks[envelope["envelope_id"]]

    async def repeat(self, times: int = 1) -> list[Answer]:
        """The last request again, as Slack repeats what it believes was lost."""
        content, raw, _ = self.sent[-1]
        headers = {"X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
        return [await self.send_raw(raw, content, headers) for _ in range(times)]

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _close(self, app: web.Application) -> None:
        _ = app
        for task in list(self._tasks):
            task.cancel()
        for socket in list(self._sockets):
            await socket.close()


async def _arguments(request: web.Request) -> Json:
    """From the query, a form or JSON, as Slack takes them."""
    found: Json = dict(request.query)
    if request.content_type == "application/json":
        found |= json.loads(await request.text() or "{}")
    elif request.can_read_body:
        found |= {key: str(value) for key, value in (await request.post()).items()}
    return found


def _broken(request: web.Request) -> web.Response:
    if request.transport:
        request.transport.abort()
    return web.Response()
