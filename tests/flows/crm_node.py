"""A node that files one job in the CRM at the address it is given: ``python -m tests.flows.crm_node DATABASE CRM NOW``."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime

from inbox.clock import SetClock
from inbox.crm.filing import LANE
from inbox.crm.salesforce import SalesforceBook
from inbox.db.store import open_store
from inbox.house import House
from inbox.intake import Reception
from inbox.settings import Company, Rules, Salesforce
from inbox.templates import catalog
from inbox.worker import Worker
from tests.world import ScriptedReader


async def main(database: str, crm: str, now: str) -> None:
    clock, store = SetClock(datetime.fromisoformat(now)), open_store(database)
    settings = Salesforce(login_url=crm, client_id="3MVG9-invented", client_secrets=("an-invented-secret",))
    book = SalesforceBook(settings, clock=clock)
    house = House(
        company=Company(), rules=Rules(), answers=catalog.load(), reader=ScriptedReader(), secrets=("s",), crm=book.name
    )
    intake = Reception(store, house, clock)
    await Worker(store=store, house=house, clock=clock, channels={}, intake=intake, crm=book).run_lane_once(LANE)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
