"""The web chat: who may open a socket, how long it lives, and the widget's files. docs/chat.md describes the frames."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web as http

from inbox.channels import chat_frames as frames
from inbox.channels import chat_socket
from inbox.channels import chat_tokens as tokens
from inbox.channels.base import ChatStore
from inbox.channels.chat_socket import House, Socket
from inbox.clock import Clock, SystemClock, monotonic
from inbox.disclosure import networks
from inbox.errors import NotFound, Overloaded, SettingsError, Unauthentic, Unsupported
from inbox.message import ChannelName, ContactPoint, OutboundMessage, Receipt
from inbox.settings import Chat, Web

BUFFER = 16_384  # bytes written to a stalled socket before its tasks wait
BEAT = 25.0  # seconds between pings; a socket that is silent for two beats is dropped
SLICE = 100  # sockets pinged in one go, so that a sweep holds nobody up
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


class ChatChannel:
    """The chat channel. ``clock`` and ``heartbeat`` (seconds between pings) are for tests.

    Raises ``SettingsError`` without the secrets that make visitors and authors recognisable.
    """

    name: ChannelName = "chat"

    def __init__(self, settings: Chat, web: Web, *, clock: Clock | None = None, heartbeat: float = BEAT) -> None:
        _check_secrets(settings, web)
        self._settings = settings
        self._web = web
        self._clock = clock or SystemClock()
        self._heartbeat = heartbeat
        self._sockets: set[Socket] = set()
        self._views: dict[ContactPoint, set[Socket]] = {}
        self._sweep: asyncio.Task[None] | None = None
        self._files = _widget_files()

    def routes(self, intake: ChatStore) -> Iterable[http.AbstractRouteDef]:
        house = House(
            intake=intake,
            clock=self._clock,
            web_secrets=self._web.secrets,
            token_secrets=self._settings.token_secrets,
            views=self._views,
        )

        async def open_socket(request: http.Request) -> http.StreamResponse:
            return await self._open(request, house)

        return (
            http.get("/chat/socket", open_socket),
            http.get("/{file:widget\\.js}", self._static),
            http.get("/widget/{file}", self._static),
        )

    async def listen(self, intake: ChatStore) -> None:
        """Wait until cancelled, then say goodbye to every socket."""
        _ = intake
        try:
            await asyncio.Event().wait()
        finally:
            await self.close()

    async def close(self) -> None:
        """Close every socket with 1001; the widgets come back on their own, spread over a few seconds."""
        closing = [socket.ws.close(code=1001, message=b"restarting") for socket in self._sockets]
        await asyncio.gather(*closing, return_exceptions=True)

    async def send(self, message: OutboundMessage) -> Receipt:
        """Nothing leaves here: the line is in the history, from where every socket of the visitor takes it."""
        if not message.text.strip():
            raise Unsupported("a chat message needs a text")
        return Receipt(provider_id=f"chat-{message.id}")

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        return await self.send(message)

    async def check(self) -> str:
        signing_in = "authors sign in by token" if self._settings.token_secrets else "no author tokens, anonymous only"
        return f"{len(self._sockets)} of {self._settings.max_sockets} sockets open; {signing_in}"

    def presence(self, point: ContactPoint) -> str:
        """What a desk may show of the visitor: ``away``, ``here`` or ``typing``."""
        sockets = self._views.get(point, set())
        if any(socket.typing for socket in sockets):
            return "typing"
        return "here" if sockets else "away"

    async def show_typing(self, point: ContactPoint, who: str) -> None:
        """Tell the visitor that somebody writes; ``who`` is an agent's display name, or ``""`` for the bot."""
        await chat_socket.tell(self._views.get(point, set()), "typing", who=who)

    async def _open(self, request: http.Request, house: House) -> http.StreamResponse:
        self._admit(request)
        ws = http.WebSocketResponse(
            autoping=False, compress=False, max_msg_size=frames.MAX_FRAME, timeout=2.0, writer_limit=BUFFER
        )
        await ws.prepare(request)
        if request.transport is None:
            return ws
        now = monotonic()
        network = networks.of_client(request.remote or "")
        socket = Socket(ws, request.transport, house, allowed_at=now, opened_at=now, network=network)
        self._sockets.add(socket)
        if self._sweep is None or self._sweep.done():
            self._sweep = asyncio.create_task(self._beat(), name="chat heartbeat")
        try:
            await chat_socket.converse(socket)
        finally:
            self._forget(socket)
        return ws

    def _admit(self, request: http.Request) -> None:
        origin = request.headers.get("Origin", "")
        if origin and not self._welcomes(origin, request.host):
            raise Unauthentic(f"this site may not embed the chat; add it to chat.origins: {origin[:200]!r}")
        if len(self._sockets) >= self._settings.max_sockets:
            raise Overloaded("too many chats are open; raise chat.max_sockets or add a node")

    def _welcomes(self, origin: str, host: str) -> bool:
        """Only browsers send an Origin. Identity never rests on cookies, so other programs may leave it out."""
        try:
            if urlsplit(origin).netloc == host:
                return True
            public = urlsplit(self._web.public_url)
        except ValueError:
            return False
        return origin in self._settings.origins or bool(
            public.netloc and origin == f"{public.scheme}://{public.netloc}"
        )

    def _forget(self, socket: Socket) -> None:
        self._sockets.discard(socket)
        if not self._sockets and self._sweep:
            self._sweep.cancel()
            self._sweep = None

    async def _beat(self) -> None:
        """Ping every socket once a beat, a few at a time."""
        while sockets := list(self._sockets):
            slices = [sockets[n : n + SLICE] for n in range(0, len(sockets), SLICE)]
            for part in slices:
                await asyncio.sleep(self._heartbeat / len(slices))
                for socket in part:
                    await self._ping(socket)

    async def _ping(self, socket: Socket) -> None:
        mute = socket.point is None and monotonic() - socket.opened_at > self._heartbeat
        if not socket.heard or mute:
            socket.transport.abort()  # gone, not reading, or never said hello; what it missed is in the history
        elif socket.expired:
            await socket.ws.close(code=chat_socket.TOKEN_EXPIRED, message=b"token expired")
        else:
            socket.heard = False
            if socket.backlog() == 0:
                with contextlib.suppress(ConnectionError):
                    await socket.ws.ping()

    async def _static(self, request: http.Request) -> http.Response:
        try:
            body, kind, tag = self._files[request.match_info["file"]]
        except KeyError:
            raise NotFound from None
        headers = {
            "Cache-Control": "public, max-age=300",
            "ETag": tag,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
            "Access-Control-Allow-Origin": "*",
        }
        if tag in request.headers.get("If-None-Match", ""):
            return http.Response(status=304, headers=headers)
        return http.Response(body=body, headers=headers, content_type=kind, charset="utf-8")


def _check_secrets(settings: Chat, web: Web) -> None:
    problems = []
    if not web.secrets:
        problems.append("web.secrets is missing; it signs visitor ids (any 32 random characters)")
    if any(len(secret) < tokens.SECRET_LENGTH for secret in settings.token_secrets):
        problems.append(f"chat.token_secrets: each needs at least {tokens.SECRET_LENGTH} characters")
    if problems:
        raise SettingsError(problems)


def _widget_files() -> Mapping[str, tuple[bytes, str, str]]:
    """The static files: content, content type, ETag."""
    found = {}
    for path in sorted((Path(__file__).parent / "widget").iterdir()):
        if path.suffix in KINDS:
            body = path.read_bytes()
            found[path.name] = (body, KINDS[path.suffix], f'"{hashlib.sha256(body).hexdigest()[:20]}"')
    return found
