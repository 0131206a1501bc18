"""The demo put together: the real application, the stand-ins around it, and what their pages ask of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from aiohttp import web

from inbox import app as root
from inbox.accounts import ledger, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.db.store import Sql, Tx
from inbox.demo.keys import Keys
from inbox.demo.memory import Memory
from inbox.demo.post_office import PostOffice
from inbox.demo.slack_stand_in import SlackStandIn
from inbox.demo.twilio_stand_in import TwilioStandIn
from inbox.demo.view import mark
from inbox.errors import NotFound

_IDS = Sql(sa.select(tables.authors.c.id).order_by(tables.authors.c.id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """Everything that a page of the demo may show or do."""

    app: root.App
    keys: Keys
    twilio: TwilioStandIn
    slack: SlackStandIn
    office: PostOffice
    memory: Memory
    smtp_port: int

    @property
    def url(self) -> str:
        return self.app.settings.web.public_url

    def now(self) -> datetime:
        return self.app.clock.now()

    async def authors(self) -> list[Account]:
        """Every account of the ledger, by id."""
        return await self.app.store.read(_everyone)

    async def author(self, account_id: str) -> Account:
        """Raises a 404 that says so."""
        try:
            return await self.app.store.read(lambda tx: ledger.load(tx, AccountRef(SOURCE, account_id)))
        except NotFound as error:
            raise web.HTTPNotFound(text=f"There is no sample author {account_id!r}.") from error

    async def chosen(self, request: web.Request) -> Account | None:
        """The author that ``?author=`` names; None if it names none."""
        account_id = request.query.get("author", "")
        return await self.author(account_id) if account_id else None

    def mark(self) -> str:
        """Changes whenever a far end has something new to show."""
        texts = [(m.sid, m.status) for m in self.twilio.messages]
        calls = [(c.sid, c.state, len(c.heard)) for c in self.twilio.calls]
        return mark(texts, calls, self.twilio.phone.agent_picks_up, len(self.office.letters))


def _everyone(tx: Tx) -> list[Account]:
    return [ledger.load(tx, AccountRef(SOURCE, row["id"])) for row in tx.all(_IDS)]
