"""The cast with a Stripe behind it: the pipeline, the local Stripe, and our own door for its webhooks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from inbox import web as edge
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.rereading import Notices
from inbox.accounts.stripe import StripeSource
from inbox.clock import SetClock
from inbox.db.store import Store
from inbox.intake import Reception
from inbox.linkpages import link_routes
from inbox.settings import Company, Stripe, Web
from inbox.worker import Worker
from tests.emulators import stripe_objects as objects
from tests.emulators.stripe import StripeEmulator
from tests.emulators.stripe_seed import seed
from tests.world import ILSE, MARA, World, make_world

SECRETS = ("whsec_new", "whsec_old")
#: Known to Stripe alone.
NADIA = replace(
    MARA, ref=AccountRef("stripe", "cus_nadia"), name="Nadia Okafor", email="nadia@okafor.example", phone="+12125550303",
    titles=(), royalties=None, refunds=(), plans=(), consents={},
    invoices=(replace(MARA.invoices[0], id="INV-300"), replace(MARA.invoices[1], id="INV-301")),
    payments=tuple(replace(p, id=f"ch_{p.id}", invoice_id=p.invoice_id.replace("INV-90", "INV-30")) for p in MARA.payments),
)  # fmt: skip


@dataclass
class StripeWorld:
    world: World
    stripe: StripeEmulator
    source: StripeSource
    door: str  # address of our webhook

    @property
    def clock(self) -> SetClock:
        return self.world.clock

    def later(self, minutes: float) -> None:
        self.clock.tick(minutes * 60)
        self.stripe.now += int(minutes * 60)

    async def hears(self, type_: str, thing: objects.Object, id_: str = "evt_1", *, secret: str = SECRETS[0]) -> int:
        """Stripe sends an event; afterwards everything that can be done is done."""
        event = objects.event(id_, type_, self.stripe.now, thing)
        status = await self.stripe.deliver(self.door, event, secret)
        await self.world.settle()
        return status

    async def asks(self, text: str, *intents: str, by: Account | None = NADIA, **more: Any) -> str:
        """The author writes; the last thing that was sent, "" if nothing was."""
        before = len(self.world.heard())
        await self.world.says(self.world.reader.teach(text, *intents), by=by, **more)
        return "\n".join(self.world.heard()[before:])

    def cases(self) -> list[Any]:
        from inbox.db.tables import handoffs

        return self.world.rows(handoffs)

    async def opens(self, path: str, **form: str) -> tuple[int, str, str]:
        """Status, address it leads to, text; with a form it is posted."""
        base = self.door.rpartition("/stripe")[0]
        async with ClientSession() as session:
            answer = await session.request(
                "POST" if form else "GET", base + path, data=form or None, allow_redirects=False
            )
            return answer.status, answer.headers.get("Location", ""), await answer.text(errors="replace")


@asynccontextmanager
async def stripe_world(
    store: Store, clock: SetClock, *ledger_authors: Account, **settings: Any
) -> AsyncIterator[StripeWorld]:
    emulator = StripeEmulator()
    seed(emulator, NADIA)
    url = await emulator.start()
    told = {
        "api_keys": ("sk_test_emulator",), "webhook_secrets": SECRETS, "api_base": url, "timeout_seconds": 2,
        "deadline_seconds": 3, "max_retries": 0,
    }  # fmt: skip
    source = StripeSource(Stripe(**(told | settings)), Company(), "https://inbox.example/paid", clock=clock)
    world = await make_world(store, clock, *(ledger_authors or (ILSE,)))
    world.house = replace(world.house, billing="stripe", max_age_minutes=15)
    world.intake = Reception(store, world.house, clock)
    world.worker = Worker(
        store=store,
        house=world.house,
        clock=clock,
        channels=world.channels,
        intake=world.intake,
        source=source,  # type: ignore[arg-type]
    )
    routes = [*source.routes(Notices(store, clock)), *link_routes(store, world.house, clock, source)]
    app = edge.application(store, clock, routes, edge.Readiness(), Web(secrets=("x" * 32,)))
    server = TestServer(app, host="127.0.0.1")
    await server.start_server()
    try:
        yield StripeWorld(world, emulator, source, str(server.make_url("/stripe/webhook")))
    finally:
        await server.close()
        await source.close()
        await emulator.stop()
