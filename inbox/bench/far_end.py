"""The server side of the measurements, each in a process of its own: a bare echo, or the product on one store.

Run as ``python -m inbox.bench.far_end KIND PORT DATABASE``; prints ``ready`` when it listens.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import aiohttp
from aiohttp import WSMsgType, web

from inbox.accounts import samples
from inbox.accounts.importing import load_accounts
from inbox.channels.base import ChatStore
from inbox.channels.chat import ChatChannel
from inbox.clock import SystemClock
from inbox.db import migrate
from inbox.db.store import Store, Tx, open_store
from inbox.fakes import FakeChannel
from inbox.house import House
from inbox.intake import Reception
from inbox.intents import prepared
from inbox.message import ContactPoint, InboundMessage, OutboundMessage, Receipt, SenderProof
from inbox.running import settle_memory
from inbox.settings import Chat, Company, Rules, Web
from inbox.templates import catalog as answers
from inbox.templates import versions
from inbox.worker import Worker

SECRET = "bench-secret-of-thirty-two-characters"  # noqa: S105 - only signs visitors of this measurement


class CountingChannel(FakeChannel):
    """Delivers in process; with ``provider`` it POSTs each reply to a server on loopback first."""

    in_flight = 64
    provider: str = ""
    session: aiohttp.ClientSession | None = None
    count = 0

    async def send(self, message: OutboundMessage) -> Receipt:
        if self.provider:
            self.session = self.session or aiohttp.ClientSession()
            async with self.session.post(self.provider, json={"id": message.id, "body": message.text}) as answer:
                await answer.read()
        CountingChannel.count += 1
        return Receipt(provider_id=f"bench-{message.id}")


class MessageDoor:
    """The simplest webhook there can be: JSON in, stored, acknowledged after the commit."""

    def __init__(self, intake: ChatStore) -> None:
        self._intake = intake

    async def __call__(self, request: web.Request) -> web.Response:
        raw = json.loads(await request.read())
        await self._intake.message(
            InboundMessage(
                channel="sms",
                source_id=raw["id"],
                sender=ContactPoint("phone", raw["from"]),
                text=raw["text"],
                received_at=datetime.now(UTC),
                proof=SenderProof.CARRIER,
            )
        )
        return web.json_response({"ok": True})


def make_house(channels: Iterable[Any] = ("chat", "sms", "email", "voice")) -> House:
    return House(
        company=Company(), rules=Rules(), answers=answers.load(), reader=prepared.reader(), secrets=(SECRET,),
        channels=frozenset(channels),
    )  # fmt: skip


def fill(tx: Tx, house: House) -> None:
    """Sample authors and approved answers, once."""
    now = SystemClock().now()
    if versions.sync(tx, house.answers, now, approve_as="bench"):
        load_accounts(json.dumps(samples.load(now.date())), "samples", tx, at=now)


@asynccontextmanager
async def product(database: str, provider: str = "") -> AsyncIterator[tuple[Store, House, Reception, Worker]]:
    migrate.upgrade(database)
    store, clock, house = open_store(database), SystemClock(), make_house()
    await store.run(lambda tx: fill(tx, house))
    intake = Reception(store, house, clock)
    channel = CountingChannel("sms")
    channel.provider = provider
    worker = Worker(store=store, house=house, clock=clock, channels={"sms": channel}, intake=intake)
    task = asyncio.create_task(worker.run())
    try:
        yield store, house, intake, worker
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(store.close)


async def echo(port: int) -> None:
    async def post(request: web.Request) -> web.Response:
        return web.json_response(json.loads(await request.read()))

    async def socket(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
        return ws

    await _serve([web.post("/message", post), web.get("/chat/socket", socket)], port)


async def pipeline(port: int, database: str, provider: str = "") -> None:
    async with product(database, provider) as (store, _, intake, _):

        async def delivered(_: web.Request) -> web.Response:
            return web.json_response(
                {"delivered": CountingChannel.count, "commits": store.commits, "units": store.units}
            )

        chat = ChatChannel(Chat(token_secrets=(SECRET,)), Web(secrets=(SECRET,)))
        routes = [web.post("/message", MessageDoor(intake)), web.get("/delivered", delivered), *chat.routes(intake)]
        await _serve(routes, port)


async def _serve(routes: Iterable[web.AbstractRouteDef], port: int) -> None:
    async def memory(_: web.Request) -> web.Response:
        return web.json_response(
            {"rss_kb": _resident_kb(), "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}
        )

    app = web.Application(client_max_size=1_000_000)
    app.router.add_routes([*routes, web.get("/memory", memory)])
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    settle_memory()
    print("ready", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def _resident_kb() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123 - Linux' own table
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def main() -> None:
    import uvloop

    kind, port = sys.argv[1], int(sys.argv[2])
    work = echo(port) if kind == "echo" else pipeline(port, *sys.argv[3:])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(work)


if __name__ == "__main__":
    main()
