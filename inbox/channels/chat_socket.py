"""One open chat: what the visitor's frames do, and how news reach the visitor.

Nothing is pushed out of a buffer of ours: a socket that is told of news reads the history after its own place. So a
slow or lost reader costs no memory and misses nothing, and two tabs show the same. An idle socket holds two sleeping
tasks, its reader and its watcher, and no timer.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import logging
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from inbox.channels import chat_frames as frames
from inbox.channels import chat_tokens as tokens
from inbox.channels.base import ChatStore, HistoryEntry
from inbox.channels.chat_frames import Refused
from inbox.clock import Clock, monotonic
from inbox.errors import Overloaded, Unauthentic
from inbox.message import ContactPoint, DeliveryStatus, DeliveryUpdate, InboundMessage, SenderProof

log = logging.getLogger(__name__)

PAGE = 50  # lines of one frame
OVERLAP = 8  # lines read again for each news: with several writers an earlier line may be committed later
WALK = 200  # lines read at once on the way to the newest page
RATE, BURST = 5.0, 30.0  # frames a second, and at once
FLOOD = -100.0  # allowance at which the line is cut
BAD_FRAMES = 3
FORGED_AGAIN = 600.0  # seconds
UNREAD = 200  # lines of ours whose marks are awaited
TABS = 16  # sockets of one visitor
TYPING_SECONDS = 6.0
LONG_AGO = -1e9

#: Close codes of our own; the rest are those of RFC 6455.
TOKEN_EXPIRED = 4401
TOO_MANY_TABS = 4429


@dataclass(slots=True, eq=False)
class Socket:
    """One open line. Small on purpose: there are thousands."""

    ws: web.WebSocketResponse
    transport: asyncio.Transport
    house: House
    allowed_at: float
    opened_at: float
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  # one at a time moves its place in the history
    allowance: float = BURST
    bad: int = 0
    heard: bool = True
    point: ContactPoint | None = None
    visitor: str = ""
    network: str = ""  # the neighbourhood of the client's address: guesses of codes are counted for it
    author: tokens.Author | None = None
    language: str = ""
    floor: str = ""  # every line up to this cursor has been sent
    passed: list[str] = field(default_factory=list)  # cursors after the floor that have been sent, in order
    unread: list[tuple[str, str]] = field(default_factory=list)  # cursor and id of our lines not yet read
    delivered: int = 0  # how many of them are marked as delivered
    typed_at: float = LONG_AGO
    watcher: asyncio.Task[None] | None = None

    @property
    def account_id(self) -> str:
        return self.author.account_id if self.author else ""

    @property
    def typing(self) -> bool:
        return monotonic() - self.typed_at < TYPING_SECONDS

    @property
    def expired(self) -> bool:
        """Whether the author's token has run out: nothing more is shown or taken before a fresh one."""
        return self.author is not None and self.author.expires_at <= self.house.clock.now()

    async def send(self, kind: str, /, **values: Any) -> None:
        await self.ws.send_str(frames.dumps({"type": kind, **values}))

    def backlog(self) -> int:
        """Bytes that the other side has not taken yet."""
        return self.transport.get_write_buffer_size()

    async def history(self, after: str, limit: int) -> Sequence[HistoryEntry]:
        assert self.point is not None
        return await self.house.intake.history(self.point, self.account_id, after, limit)


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What all sockets share."""

    intake: ChatStore
    clock: Clock
    web_secrets: tuple[str, ...] = field(repr=False)
    token_secrets: tuple[str, ...] = field(repr=False)
    views: dict[ContactPoint, set[Socket]]
    forged: dict[str, float] = field(default_factory=dict)  # when a network last showed a forged token


async def converse(socket: Socket) -> None:
    """Read frames until the line ends."""
    try:
        with contextlib.suppress(ConnectionError):  # the other side is gone: its next hello resumes
            while await _take(socket, await socket.ws.receive()):
                pass
    finally:
        _part(socket)


async def tell(sockets: Iterable[Socket], kind: str, /, **values: Any) -> None:
    """Something passing: whoever does not keep up goes without."""
    for socket in [s for s in sockets if s.backlog() == 0 and not s.expired]:
        with contextlib.suppress(ConnectionError):
            await socket.send(kind, **values)


async def _take(socket: Socket, message: Any) -> bool:
    """One WebSocket message; False when the line is at its end."""
    socket.heard = True
    if message.type is WSMsgType.TEXT:
        return await _take_text(socket, message.data)
    if message.type is WSMsgType.PING:
        await socket.ws.pong(message.data)
        return True
    if message.type is WSMsgType.BINARY:
        await socket.ws.close(code=1003, message=b"text frames only")
    return message.type is WSMsgType.PONG


async def _take_text(socket: Socket, raw: str) -> bool:
    if not _within_rate(socket, monotonic()):
        if socket.allowance < FLOOD:
            await socket.ws.close(code=1008, message=b"too many frames")
        else:
            await socket.send("error", code="slow_down", text="too many frames at once", retry_after=2)
        return not socket.ws.closed
    try:
        await _obey(socket, frames.read(raw))
    except Refused as refusal:
        await _refuse(socket, refusal)
    return not socket.ws.closed


def _within_rate(socket: Socket, now: float) -> bool:
    """Take one from the socket's allowance, which fills up with time."""
    refilled = socket.allowance + (now - socket.allowed_at) * RATE
    socket.allowance, socket.allowed_at = min(BURST, refilled) - 1, now
    return socket.allowance >= 0


async def _refuse(socket: Socket, refusal: Refused) -> None:
    about = {"id": refusal.id} if refusal.id else {}
    await socket.send("error", code=refusal.code, text=str(refusal), **about)
    socket.bad += refusal.code == "bad_frame"
    if socket.bad >= BAD_FRAMES:
        await socket.ws.close(code=1008, message=b"bad frames")


async def _obey(socket: Socket, frame: frames.Frame) -> None:
    if isinstance(frame, frames.Hello):
        await _greet(socket, frame)
    elif socket.point is None:
        raise Refused("bad_frame", "say hello first")
    elif socket.expired:
        await socket.ws.close(code=TOKEN_EXPIRED, message=b"token expired")
    elif isinstance(frame, frames.Say):
        await _store(socket, socket.point, frame)
    elif isinstance(frame, frames.Seen):
        await _mark(socket, socket.point, frame)
    elif isinstance(frame, frames.More):
        lines, more = await _newest(socket, before=frame.before)
        await socket.send("older", history=[frames.line(entry) for entry in lines], more=more)
    else:
        socket.typed_at = monotonic()


# Hello.


async def _greet(socket: Socket, hello: frames.Hello) -> None:
    house = socket.house
    socket.author = author = await _author_of(socket, hello.token)
    socket.visitor = tokens.read_visitor(hello.visitor, house.web_secrets) or f"v-{secrets.token_hex(16)}"
    socket.language = hello.language or (author.language if author else "")
    point = tokens.point_of(socket.visitor, author)
    view = tokens.view_of(point)
    if not await _enter(socket, point):
        return
    async with socket.lock:
        resumed = bool(hello.cursor) and hello.view == view
        lines, more = (await socket.history(hello.cursor, PAGE), False) if resumed else await _newest(socket)
        socket.floor = hello.cursor if resumed else ""
        await socket.send(
            "ready",
            visitor=tokens.credential_of(socket.visitor, house.web_secrets),
            view=view,
            signed_in=author is not None,
            name=author.name if author else "",
            expires_at=author.expires_at.isoformat() if author else None,
            max_text=frames.MAX_TEXT,
            resumed=resumed,
            history=[_pass(socket, entry) for entry in lines],
            more=more,
        )
        if resumed and len(lines) == PAGE:
            await _bring_news(socket)


async def _author_of(socket: Socket, token: str) -> tokens.Author | None:
    """The author of the token; without a good one the chat goes on anonymously, after a notice."""
    if not token:
        return None
    try:
        return tokens.read_author(token, socket.house.token_secrets, socket.house.clock.now())
    except tokens.ExpiredToken as error:
        await socket.send("error", code="auth_expired", text=str(error))
    except Unauthentic as error:
        await socket.send("error", code="auth_invalid", text=str(error))
        await _report(socket, str(error))
    return None


async def _report(socket: Socket, why: str) -> None:
    """A forged token is on record once in ten minutes a network: a flood of them must not fill the book."""
    house, now = socket.house, monotonic()
    if not house.token_secrets or now - house.forged.get(socket.network, -FORGED_AGAIN) < FORGED_AGAIN:
        return
    for network in [network for network, at in house.forged.items() if now - at >= FORGED_AGAIN]:
        del house.forged[network]
    house.forged[socket.network] = now
    with contextlib.suppress(Overloaded):
        await house.intake.forged(socket.network, why)


async def _enter(socket: Socket, point: ContactPoint) -> bool:
    """Make the socket one of this history's; False if there are too many already."""
    _part(socket)
    tabs = socket.house.views.setdefault(point, set())
    if len(tabs) >= TABS:
        await socket.ws.close(code=TOO_MANY_TABS, message=b"too many tabs")
        return False
    tabs.add(socket)
    socket.point, socket.floor, socket.passed, socket.unread, socket.delivered = point, "", [], [], 0
    socket.watcher = asyncio.create_task(_follow(socket, point))
    await asyncio.sleep(0)  # the watcher waits before the history is read: no news falls between
    return True


def _part(socket: Socket) -> None:
    if socket.watcher:
        socket.watcher.cancel()
        socket.watcher = None
    if socket.point and (tabs := socket.house.views.get(socket.point)):
        tabs.discard(socket)
        if not tabs:
            del socket.house.views[socket.point]
    socket.point = None


# News.


async def _follow(socket: Socket, point: ContactPoint) -> None:
    try:
        async for _ in socket.house.intake.watch(point, socket.account_id):
            async with socket.lock:
                await _bring_news(socket)
    except ConnectionError:
        pass  # the reader notices and leaves
    except Exception:  # the store failed: without news the line is of no use, and the client comes back
        log.exception("a chat socket lost its news and is closed")
        socket.transport.abort()


async def _bring_news(socket: Socket) -> None:
    """Every line not sent yet. Waits while the other side does not read; the heartbeat ends that."""
    while not socket.expired:
        lines = await socket.history(socket.floor, PAGE + OVERLAP)
        for entry in lines:
            if entry.cursor not in socket.passed:
                await socket.send("line", **_pass(socket, entry))
        if len(lines) < PAGE + OVERLAP:
            return


async def _newest(socket: Socket, before: str = "") -> tuple[Sequence[HistoryEntry], bool]:
    """The last page of the history, or the page before a line, and whether there is more before it.

    The store reads forward only, so this walks: a history is a few hundred lines.
    """
    kept: list[HistoryEntry] = []
    cursor = ""
    while True:
        lines = await socket.history(cursor, WALK)
        end = next((n for n, entry in enumerate(lines) if before and entry.cursor == before), len(lines))
        kept = [*kept, *lines[:end]][-PAGE - 1 :]
        if end < len(lines) or len(lines) < WALK:
            return kept[-PAGE:], len(kept) > PAGE
        cursor = lines[-1].cursor
        await asyncio.sleep(0)  # a long history holds nobody up


def _pass(socket: Socket, entry: HistoryEntry) -> dict[str, Any]:
    """Move the socket past a line, and give it as the client gets it."""
    bisect.insort(socket.passed, entry.cursor)
    if len(socket.passed) > OVERLAP:
        socket.floor = socket.passed.pop(0)
    if entry.direction == "outbound" and entry.status != "read":
        socket.unread.append((entry.cursor, entry.message_id))
        if len(socket.unread) > UNREAD:
            del socket.unread[0]
            socket.delivered = max(0, socket.delivered - 1)
    return frames.line(entry)


# What the visitor does.


async def _store(socket: Socket, point: ContactPoint, say: frames.Say) -> None:
    author = socket.author
    message = InboundMessage(
        channel="chat",
        source_id=frames.source_id(point.value, say),
        sender=point,
        text=say.text,
        received_at=socket.house.clock.now(),
        proof=SenderProof.PORTAL if author else SenderProof.NONE,
        account_id=socket.account_id,
        sender_name=author.name if author else "",
        language=socket.language,
        # The visitor, so that what was written before signing in can be found.
        meta={"visitor": socket.visitor} | ({"network": socket.network} if socket.network else {}),
    )
    try:
        accepted = await socket.house.intake.message(message)
    except Overloaded as error:
        await socket.send("error", code="try_again", text=str(error), id=say.id, retry_after=2)
        return
    socket.typed_at = LONG_AGO
    await socket.send("ack", id=say.id, message_id=accepted.message_id, duplicate=accepted.duplicate)


async def _mark(socket: Socket, point: ContactPoint, seen: frames.Seen) -> None:
    """Delivery marks for our lines up to the one named; only lines that this socket was sent count."""
    upto = next((n for n, (cursor, _) in enumerate(socket.unread, 1) if cursor == seen.cursor), 0)
    due = socket.unread[0 if seen.read else socket.delivered : upto]
    status = DeliveryStatus.READ if seen.read else DeliveryStatus.DELIVERED
    if not due or not await _recorded(socket.house.intake, [message_id for _, message_id in due], status):
        return
    if not seen.read:
        socket.delivered = upto
        return
    del socket.unread[:upto]
    socket.delivered = max(0, socket.delivered - upto)
    others = socket.house.views.get(point, set()) - {socket}
    await tell(others, "status", message_id=due[-1][1], cursor=seen.cursor, status=status.value)


async def _recorded(intake: ChatStore, message_ids: Iterable[str], status: DeliveryStatus) -> bool:
    """Record the marks in one go; False if the store is too busy, then the next mark includes these."""
    marks = [DeliveryUpdate(channel="chat", status=status, message_id=message_id) for message_id in message_ids]
    try:
        await asyncio.gather(*map(intake.update, marks))
    except Overloaded:
        return False
    return True
