"""One node of the product that can be killed: a webhook in, the real pipeline, a provider on loopback out."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import aiohttp
from aiohttp import web

from inbox import delivery
from inbox.clock import SystemClock
from inbox.db.store import open_store
from inbox.errors import Transient, Uncertain
from inbox.fakes import FakeChannel
from inbox.house import House
from inbox.intake import Reception
from inbox.intents.understanding import Context, Entities, Finding, Understanding
from inbox.message import ContactPoint, InboundMessage, OutboundMessage, Receipt, Route, SenderProof
from inbox.settings import Company, Rules
from inbox.templates import catalog
from inbox.worker import Worker

ANSWERS = catalog.load()  # loaded once, before the fork


class PlainReader:
    """Every third message is a dispute, the others ask what is due: both roads are travelled."""

    def read(self, text: str, context: Context) -> Understanding:
        _ = context
        if text.endswith("0"):
            finding = Finding(
                guard="x",
                route=Route.ESCALATE,
                reason="says twice",
                intent="double_charge",
                case_reason="double_charge",
            )
            return Understanding(
                text=text, language="en", intents=("double_charge",), findings=(finding,), route=Route.ESCALATE
            )
        return Understanding(text=text, language="en", intents=("amount_due",), route=Route.ANSWER, entities=Entities())


class ProviderChannel(FakeChannel):
    """An SMS-like provider that has no keys but can be asked."""

    def __init__(self, address: str) -> None:
        super().__init__("sms")
        self._address = address
        self._session: aiohttp.ClientSession | None = None

    async def send(self, message: OutboundMessage) -> Receipt:
        try:
            answer = await self._call("POST", "/send", {"key": message.id, "to": message.to.value})
        except aiohttp.ClientConnectorError as error:
            raise Transient(str(error)) from error
        except aiohttp.ClientError as error:
            raise Uncertain(str(error)) from error
        if answer is None:
            raise Transient("the provider said 500")
        return Receipt(provider_id=f"p-{message.id}")

    async def find_sent(self, message: OutboundMessage) -> Receipt | None:
        try:
            answer = await self._call("GET", f"/sent/{message.id}", None)
        except aiohttp.ClientError as error:
            raise Transient(str(error)) from error
        return Receipt(provider_id=f"p-{message.id}") if answer and answer["found"] else None

    async def _call(self, method: str, path: str, body: Any) -> dict[str, Any] | None:
        self._session = self._session or aiohttp.ClientSession()
        async with self._session.request(method, self._address + path, json=body) as answer:
            return await answer.json() if answer.status == 200 else None


def run(database: str, provider: str, inline: bool, ready: Connection) -> None:
    """Serve until killed; sends the port through ``ready``."""
    delivery.LEASE = timedelta(seconds=1)  # a killed node's work is taken up soon
    asyncio.run(_run(database, provider, inline, ready))


async def _run(database: str, provider: str, inline: bool, ready: Connection) -> None:
    store, clock = open_store(database), SystemClock()
    house = House(
        company=Company(),
        rules=Rules(),
        answers=ANSWERS,
        reader=PlainReader(),
        secrets=("chaos",),
        channels=frozenset({"sms"}),
    )
    intake = Reception(store, house, clock, local_accounts=inline)
    worker = Worker(store=store, house=house, clock=clock, channels={"sms": ProviderChannel(provider)}, intake=intake)

    async def door(request: web.Request) -> web.Response:
        raw = json.loads(await request.read())
        await intake.message(
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

    app = web.Application()
    app.router.add_post("/message", door)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    ready.send(runner.addresses[0][1])
    await worker.run()
