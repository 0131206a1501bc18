"""The whole pipeline with a Salesforce on a local port beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from inbox.clock import SetClock
from inbox.crm.filing import LANE
from inbox.crm.salesforce import SalesforceBook
from inbox.db.store import Store
from inbox.settings import Salesforce
from tests.emulators.salesforce import SalesforceStandIn
from tests.world import World, make_world


class Crm:
    """The pipeline and its CRM."""

    def __init__(self, world: World, stand_in: SalesforceStandIn) -> None:
        self.world, self.stand_in = world, stand_in

    async def files(self) -> int:
        """Let a moment pass and run what is due for the CRM; how many jobs ran."""
        self.world.clock.tick(2)
        ran = 0
        while await self.world.worker.run_lane_once(LANE):
            ran += 1
        return ran

    def cases(self) -> list[dict[str, Any]]:
        return self.stand_in.rows("Case")

    def tasks(self) -> list[dict[str, Any]]:
        return self.stand_in.rows("Task")

    def writings(self, kind: str = "") -> list[str]:
        return [c.path for c in self.stand_in.calls if c.method == "PATCH" and kind in c.path]


def settings(stand_in: SalesforceStandIn, **changes: Any) -> Salesforce:
    whole: dict[str, Any] = {
        "login_url": stand_in.url, "client_id": stand_in.client_id, "client_secrets": ("an-invented-secret",), "timeout_seconds": 2,
        "author_field": "Inbox_Author__c",
    }  # fmt: skip
    return Salesforce(**{**whole, **changes})


@asynccontextmanager
async def crm_world(store: Store, clock: SetClock) -> AsyncIterator[Crm]:
    stand_in = SalesforceStandIn()
    await stand_in.start()
    book = SalesforceBook(settings(stand_in), rest=0.0)
    try:
        yield Crm(await make_world(store, clock, crm=book), stand_in)
    finally:
        await book.close()
        await stand_in.stop()
