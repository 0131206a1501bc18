"""The composition root: settings in, a running application out. The only file that knows every adapter."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from inbox import staffing
from inbox import web as edge
from inbox.accounts.base import BillingSource, Collector
from inbox.accounts.charging import ChargeDoor
from inbox.accounts.rereading import Notices
from inbox.channels.base import Channel
from inbox.channels.chat import ChatChannel
from inbox.clock import Clock, SystemClock
from inbox.console import pages as console
from inbox.crm.base import CaseBook
from inbox.db import migrate
from inbox.db.store import Store, open_store
from inbox.deskwork import Deskwork
from inbox.escalation.base import Desk
from inbox.house import House
from inbox.intake import Reception
from inbox.intents import prepared
from inbox.linkpages import link_routes
from inbox.message import ChannelName
from inbox.paymentevents import event_routes
from inbox.settings import Settings
from inbox.spoken import phrases
from inbox.templates import catalog as answers
from inbox.templates import versions
from inbox.worker import Worker

log = logging.getLogger(__name__)
_WORKER: web.AppKey[asyncio.Task[None]] = web.AppKey("worker")


@dataclass
class App:
    """Everything wired, not yet running."""

    settings: Settings
    house: House
    store: Store
    clock: Clock
    channels: Mapping[ChannelName, Channel]
    desk: Desk | None
    source: BillingSource | None
    intake: Reception
    deskwork: Deskwork
    worker: Worker
    crm: CaseBook | None = None
    readiness: edge.Readiness = field(default_factory=edge.Readiness)

    def http(self, extra: Iterable[web.AbstractRouteDef] = ()) -> web.Application:
        """The HTTP application with the routes of all that is on."""
        routes = [r for channel in self.channels.values() for r in channel.routes(self.intake)]
        if self.desk is not None:
            routes += self.desk.routes(self.deskwork)
        if self.source is not None:
            routes += self.source.routes(Notices(self.store, self.clock))
        routes += link_routes(self.store, self.house, self.clock, self.source)
        routes += event_routes(self.store, self.house, self.clock, self.settings.ledger.event_secrets)
        routes += console.routes(self.store, self.house, self.clock, self.deskwork)
        app = edge.application(self.store, self.clock, [*routes, *extra], self.readiness, self.settings.web)
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._leaving)
        app.on_cleanup.append(self._stop)
        return app

    async def _start(self, app: web.Application) -> None:
        await self.store.run(lambda tx: versions.sync(tx, self.house.answers, self.clock.now()))
        app[_WORKER] = asyncio.create_task(self.worker.run(), name="worker")
        app[_WORKER].add_done_callback(_loudly)

    async def _leaving(self, app: web.Application) -> None:
        _ = app
        self.readiness.stopping = True
        chat = self.channels.get("chat")
        if isinstance(chat, ChatChannel):
            await chat.close()  # clients are told to come back, instead of being waited for
        self.store.release()

    async def _stop(self, app: web.Application) -> None:
        """Finish what is in flight, then close the store: what was accepted is on disk already."""
        app[_WORKER].cancel()
        await asyncio.gather(app[_WORKER], return_exceptions=True)
        if self.source is not None:
            await self.source.close()
        if self.crm is not None:
            await self.crm.close()
        await asyncio.to_thread(self.store.close)


def _loudly(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and task.exception() is not None:
        log.critical("the worker stopped", exc_info=task.exception())


def build(settings: Settings, *, clock: Clock | None = None, store: Store | None = None) -> App:
    """Wire the application. Migrates and opens the database unless a store is handed in."""
    clock = clock or SystemClock()
    if store is None:
        migrate.upgrade(settings.database.url)
        store = open_store(settings.database.url, settings.database.writers)
    house = make_house(settings)
    channels = _channels(settings, house, clock)
    desk = _desk(settings, store, clock)
    source = _source(settings, clock)
    intake = Reception(store, house, clock)
    deskwork = Deskwork(store, house, clock)
    crm = _crm(settings, clock)
    worker = Worker(
        store=store, house=house, clock=clock, channels=channels, intake=intake, desk=desk, desk_events=deskwork,
        source=source, collector=_collector(settings, clock), crm=crm,
    )  # fmt: skip
    return App(
        settings=settings, house=house, store=store, clock=clock, channels=channels, desk=desk, source=source,
        intake=intake, deskwork=deskwork, worker=worker, crm=crm,
    )  # fmt: skip


def _collector(settings: Settings, clock: Clock) -> Collector | None:
    if not settings.ledger.charge_url:
        return None
    return ChargeDoor(settings.ledger.charge_url, settings.ledger.charge_secrets, clock)


def make_house(settings: Settings) -> House:
    """The pure parts and the rules. Raises ``DataError`` if the catalogue or the answers have mistakes."""
    return House(
        company=settings.company, rules=settings.rules, answers=answers.load(), reader=prepared.reader(),
        secrets=settings.web.secrets, public_url=public_url(settings), payment_url=settings.ledger.payment_url,
        billing="stripe" if settings.stripe else "", max_age_minutes=settings.accounts.max_age_minutes,
        channels=frozenset(_switched_on(settings)), desk="slack" if settings.slack else "",
        can_charge=bool(settings.ledger.charge_url),
        crm="salesforce" if settings.salesforce else "",
        crm_talks=settings.salesforce is None or settings.salesforce.log_conversations,
    )  # fmt: skip


def _switched_on(settings: Settings) -> Iterable[ChannelName]:
    if settings.chat:
        yield "chat"
    if settings.email:
        yield "email"
    if settings.twilio and settings.twilio.sms:
        yield "sms"
    if settings.twilio and settings.twilio.voice:
        yield "voice"


def public_url(settings: Settings) -> str:
    return settings.web.public_url.rstrip("/") or f"http://{settings.web.host}:{settings.web.port}"


def _channels(settings: Settings, house: House, clock: Clock) -> dict[ChannelName, Channel]:
    """Adapters are loaded where they are on: their libraries take megabytes and tenths of a second."""
    found: dict[ChannelName, Channel] = {}
    if settings.chat:
        found["chat"] = ChatChannel(settings.chat, settings.web, clock=clock)
    if settings.email:
        from inbox.channels.email import EmailChannel

        found["email"] = EmailChannel(settings.email, settings.company, fallback_secrets=settings.web.secrets)
    if settings.twilio and settings.twilio.sms:
        from inbox.channels.sms import SmsChannel

        found["sms"] = SmsChannel(settings.twilio, settings.web, clock=clock)
    if settings.twilio and settings.twilio.voice:
        from inbox.channels.voice import VoiceChannel

        found["voice"] = VoiceChannel(settings.twilio, settings.web, settings.company, phrases(house), clock=clock)
    return found


def _crm(settings: Settings, clock: Clock) -> CaseBook | None:
    if not settings.salesforce:
        return None
    from inbox.crm.salesforce import SalesforceBook

    return SalesforceBook(settings.salesforce, clock=clock)


def _source(settings: Settings, clock: Clock) -> BillingSource | None:
    if settings.stripe is None:
        return None
    from inbox.accounts.stripe import StripeSource  # the SDK is large

    return StripeSource(settings.stripe, settings.company, f"{public_url(settings)}/paid", clock=clock)


def _desk(settings: Settings, store: Store, clock: Clock) -> Desk | None:
    if settings.slack is None:
        return None
    from inbox.escalation.slack import SlackDesk

    async def name_of(slack_user_id: str) -> str:
        person = await store.read(lambda tx: staffing.by_desk_id(tx, slack_user_id))
        return person.name if person else ""

    return SlackDesk(settings.slack, name_of, clock=clock)
