"""The load: a small HTTP client that is faster than any of the servers, and paced WebSocket visitors."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import aiohttp


@dataclass(slots=True)
class Rate:
    """``count`` requests answered in ``seconds``."""

    count: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.count / self.seconds


class _Connection(asyncio.Protocol):
    """Sends one prepared request after another over one connection and counts the answers."""

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None], refused: list[int]) -> None:
        self._requests = requests
        self._done = done
        self._refused = refused
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark:
            return
        at = head.lower().index(b"content-length:") + 15
        length = int(head[at : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else None])
        if len(body) < length:
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self._refused.append(int(head[9:12]))
        self._buffer = body[length:]
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        assert self._transport is not None
        if request is None:
            self._transport.close()
            if not self._done.done():
                self._done.set_result(None)
        else:
            self._transport.write(request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("the server closed the connection"))


async def post_all(port: int, path: str, bodies: list[bytes], connections: int = 32) -> Rate:
    """POST every body, ``connections`` at a time. Raises if any answer is not 200."""
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ".encode()
    requests = iter([head + str(len(b)).encode() + b"\r\n\r\n" + b for b in bodies])
    loop, refused = asyncio.get_running_loop(), list[int]()
    started = time.perf_counter()
    waiting = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        await loop.create_connection(lambda done=done: _Connection(requests, done, refused), "127.0.0.1", port)  # type: ignore[misc]  # bound now on purpose
        waiting.append(done)
    await asyncio.gather(*waiting)
    if refused:
        raise RuntimeError(f"{len(refused)} of {len(bodies)} requests were refused, first with {refused[0]}")
    return Rate(len(bodies), time.perf_counter() - started)


async def get_json(port: int, path: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        found: dict[str, Any] = await answer.json()
        return found


@dataclass(slots=True)
class Latency:
    """Milliseconds."""

    p50: float
    p99: float
    count: int

    @classmethod
    def of(cls, seconds: list[float]) -> Latency:
        ordered = sorted(seconds)
        return cls(_at(ordered, 0.5), _at(ordered, 0.99), len(ordered))


def _at(ordered: list[float], share: float) -> float:
    return round(ordered[min(int(len(ordered) * share), len(ordered) - 1)] * 1000, 3)


async def echo_latency(port: int, rate: float, count: int) -> Latency:
    """Paced round trips over one bare WebSocket."""
    found: list[float] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}/chat/socket") as ws:
        for _ in range(count):
            started = time.perf_counter()
            await ws.send_str('{"type":"say","text":"hello"}')
            await ws.receive()
            found.append(time.perf_counter() - started)
            await asyncio.sleep(max(0.0, 1 / rate - found[-1]))
    return Latency.of(found)


async def chat_latency(port: int, token: Any, rate: float, count: int, visitors: int, text: str) -> Latency:
    """Paced chat messages of several signed-in authors: from sending to the bot's reply on the same socket."""
    found: list[float] = []
    async with aiohttp.ClientSession() as session:
        talkers = [await Talker.open(session, port, token(n)) for n in range(visitors)]
        started = time.perf_counter()
        tasks = []
        for n in range(count):
            await asyncio.sleep(max(0.0, started + n / rate - time.perf_counter()))
            tasks.append(asyncio.create_task(talkers[n % visitors].ask(text, found)))
        await asyncio.gather(*tasks)
        for talker in talkers:
            await talker.close()
    return Latency.of(found)


class Talker:
    """One signed-in visitor on a WebSocket."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, session: aiohttp.ClientSession, port: int, token: str) -> Talker:
        ws = await session.ws_connect(f"http://127.0.0.1:{port}/chat/socket", origin=f"http://127.0.0.1:{port}")
        await ws.send_json({"type": "hello", "token": token})
        while json.loads((await ws.receive(10)).data)["type"] != "ready":
            pass
        return cls(ws)

    async def ask(self, text: str, found: list[float]) -> None:
        async with self._turn:
            started = time.perf_counter()
            await self._ws.send_json({"type": "say", "id": str(uuid.uuid4()), "text": text})
            while True:
                frame = json.loads((await self._ws.receive(20)).data)
                if frame["type"] == "error":
                    raise RuntimeError(f"the chat refused: {frame}")
                if frame["type"] == "line" and frame["author"] == "bot":
                    break
            found.append(time.perf_counter() - started)

    async def close(self) -> None:
        await self._ws.close()


def resident_kb(pid: int) -> int:
    """Memory that a process holds now (Linux)."""
    fields = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
