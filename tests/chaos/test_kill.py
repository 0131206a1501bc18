"""kill -9, two hundred times, during intake, decision and delivery: nothing acknowledged is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections import Counter
from typing import Any

import aiohttp
import pytest
import sqlalchemy as sa
from aiohttp import web

from inbox import events
from inbox.accounts import records
from inbox.db.store import Sql, Store, open_store
from inbox.db.tables import attempts, handoffs, jobs, messages
from inbox.templates import catalog, versions
from tests.conftest import NOW
from tests.world import MARA

KILLS = 200
BURST = 12  # messages in flight at each kill


class Provider:
    """Takes messages without looking for doubles; sometimes fails, sometimes takes one and hangs up."""

    def __init__(self, seed: int) -> None:
        self.taken: list[str] = []
        self.random = random.Random(seed)

    async def send(self, request: web.Request) -> web.Response:
        body = await request.json()
        dice = self.random.random()
        if dice < 0.08:
            return web.Response(status=500)
        self.taken.append(body["key"])
        if dice < 0.14 and request.transport:
            request.transport.close()
        return web.json_response({"ok": True})

    async def sent(self, request: web.Request) -> web.Response:
        return web.json_response({"found": request.match_info["key"] in self.taken})

    async def start(self) -> tuple[web.AppRunner, str]:
        app = web.Application()
        app.add_routes([web.post("/send", self.send), web.get("/sent/{key}", self.sent)])
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


class Sender:
    """A provider of inbound messages that comes again until it is acknowledged."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.made = 0
        self.open: dict[str, dict[str, str]] = {}
        self.acknowledged: list[str] = []

    def more(self, count: int) -> None:
        for _ in range(count):
            self.made += 1
            author = f"+1212555{self.random.randrange(40):04d}"
            self.open[f"m{self.made}"] = {"id": f"m{self.made}", "from": author, "text": f"message {self.made}"}

    async def send_all(self, port: int) -> None:
        async with aiohttp.ClientSession() as session:
            await asyncio.gather(*(self._send(session, port, m) for m in list(self.open.values())))

    async def _send(self, session: aiohttp.ClientSession, port: int, message: dict[str, str]) -> None:
        try:
            async with session.post(f"http://127.0.0.1:{port}/message", json=message) as answer:
                if answer.status == 200:
                    self.acknowledged.append(message["id"])
                    self.open.pop(message["id"], None)
        except (aiohttp.ClientError, OSError):
            pass  # killed: it comes again with the same id


@pytest.mark.slow
@pytest.mark.parametrize("inline", [True, False], ids=["decided at once", "decided by the queue"])
async def test_two_hundred_kills(sqlite_url: str, inline: bool) -> None:
    seed = 20260311 + inline
    dice, sender, provider = random.Random(seed), Sender(seed), Provider(seed)
    runner, address = await provider.start()
    await asyncio.to_thread(_fill, sqlite_url)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.chaos.node"])
    try:
        for _ in range(KILLS // 2):
            node, port = await _start(context, sqlite_url, address, inline)
            sender.more(BURST)
            load = asyncio.create_task(sender.send_all(port))
            await asyncio.sleep(dice.uniform(0.005, 0.15))
            node.kill()
            await asyncio.gather(load)
            await asyncio.to_thread(node.join)
        node, port = await _start(context, sqlite_url, address, inline)
        await sender.send_all(port)
        await _until_drained(sqlite_url)
        node.kill()
        await asyncio.to_thread(node.join)
    finally:
        await runner.cleanup()
    assert sender.open == {}
    await asyncio.to_thread(_verify, sqlite_url, sender, provider)


async def _start(context: Any, database: str, provider: str, inline: bool) -> tuple[Any, int]:
    from tests.chaos import node

    here, there = context.Pipe()
    process = context.Process(target=node.run, args=(database, provider, inline, there), daemon=True)
    process.start()
    there.close()
    port = await asyncio.to_thread(here.recv)
    here.close()
    return process, port


def _fill(url: str) -> None:
    store = open_store(url)
    store.run_sync(lambda tx: versions.sync(tx, catalog.load(), NOW, approve_as="supervisor"))
    store.run_sync(lambda tx: records.account(tx, MARA, NOW))
    store.close()


_TO_DO = Sql(sa.select(jobs).where(jobs.c.lane != sa.literal("schedule")))


async def _until_drained(url: str) -> None:
    store = open_store(url)
    try:
        async with asyncio.timeout(120):
            while store.read_now(lambda tx: tx.all(_TO_DO)):  # the calendar always has a next day
                await asyncio.sleep(0.2)
    finally:
        await asyncio.to_thread(store.close)


def _verify(url: str, sender: Sender, provider: Provider) -> None:
    store = open_store(url)
    rows = _rows(store, messages)
    inbound = [r for r in rows if r["direction"] == "inbound"]
    outbound = [r for r in rows if r["direction"] == "outbound"]
    # every acknowledged message is stored, once
    assert Counter(r["source_id"] for r in inbound) == Counter(set(sender.acknowledged))
    # every stored message was decided, and has one reply or a case
    assert {r["status"] for r in inbound} == {"decided"}
    replies = Counter(r["reply_to"] for r in outbound)
    assert not [key for key, count in replies.items() if count > 1]
    # every reply was taken by the provider exactly once
    sent = [r for r in outbound if r["status"] == "sent"]
    assert Counter(provider.taken) == Counter(r["id"] for r in sent)
    assert {r["status"] for r in outbound} == {"sent"}
    # nothing is left over, the record is whole, the file is sound
    assert not [a for a in _rows(store, attempts) if not a["ended_at"]]
    streams = {r["conversation_id"] for r in rows}
    assert [w for s in streams if (w := store.read_now(lambda tx, s=s: events.verify(tx, s)))] == []
    live = Counter(r["conversation_id"] for r in _rows(store, handoffs) if r["status"] == "open")
    assert all(count == 1 for count in live.values())
    assert store.read_now(lambda tx: tx._cursor.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
    store.close()


def _rows(store: Store, table: Any) -> list[Any]:
    return store.read_now(lambda tx: tx.all(Sql(sa.select(table))))
