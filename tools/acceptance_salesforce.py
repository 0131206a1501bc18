"""A dispute's way into the CRM and back out of it, played against the local Salesforce of the tests; every field that is
asked for or written, and every field that the local Salesforce has, is held against the published list of standard fields.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: Type in the list -> types of ours that say the same.
TYPES = {"string": ("string", "picklist", "id"), "boolean": ("boolean",), "DateString": ("DateString",)}
Fields = Mapping[str, Mapping[str, str]]


async def check(published: Fields) -> list[str]:
    """What went wrong, [] if nothing did; ``published`` as in standard_objects.fields.json: object -> field -> type."""
    sys.path.insert(0, str(ROOT))
    from inbox.clock import SetClock
    from inbox.db import migrate
    from inbox.db.store import open_store
    from tests.emulators.salesforce_fields import OBJECTS
    from tests.flows.crm_world import crm_world
    from tests.world import NOW

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/inbox.db"
        await asyncio.to_thread(migrate.upgrade, url)
        store = open_store(url)
        try:
            async with crm_world(store, SetClock(NOW)) as crm:
                found = [problem async for problem in _played(crm)]
                used = list(_used(crm.stand_in.calls))
        finally:
            await asyncio.to_thread(store.close)
    found += _unknown(published, used)
    found += _different(published, OBJECTS)
    print(
        f"Salesforce flow: {len(used)} uses of fields and {sum(map(len, OBJECTS.values()))} fields held against the list"
    )
    return found


async def _played(crm: Any) -> AsyncIterator[str]:
    from tests.flows.test_cases import act, dispute
    from tests.world import MARA

    mara = crm.stand_in.put("Contact", LastName="Lindqvist", Email=MARA.email, Phone="(212) 555-0101")
    await crm.world.says(dispute(crm.world), channel="email")
    await crm.files()
    if [(c["ContactId"], c["Status"]) for c in crm.cases()] != [(mara, "New")]:
        yield "a dispute is not one new case of its author"
    await act(crm.world, "claim")
    await crm.files()
    if [c["Status"] for c in crm.cases()] != ["Working"]:
        yield "a claimed case does not show as such"
    await act(crm.world, "resolve", outcome="refund")
    await crm.files()
    if [(c["Status"], c["IsClosed"]) for c in crm.cases()] != [("Closed", True)]:
        yield "a resolved case is not closed"
    if [(t["WhoId"], t["WhatId"]) for t in crm.tasks()] != [(mara, c["Id"]) for c in crm.cases()]:
        yield "the resolved conversation is not logged with its author and case"
    await crm.world.says(dispute(crm.world), by=None, channel="sms")
    await crm.files()
    if [c["SuppliedPhone"] for c in crm.cases()] != [None, "+12125550999"]:
        yield "a stranger's case does not say how to reach them"


def _used(calls: Any) -> Iterator[tuple[str, str, Any]]:
    """Object, field, and the value where one was written."""
    from tests.emulators import soql

    for call in calls:
        if call.payload:
            kind = call.path.split("/")[5]
            yield from ((kind, name, value) for name, value in call.payload.items())
        elif call.query:
            query = soql.parse(call.query)
            yield from ((query.kind, name, "") for name in query.names())


def _unknown(published: Fields, used: list[tuple[str, str, Any]]) -> Iterator[str]:
    for kind, name, value in used:
        type_ = published.get(kind, {}).get(name)
        if type_ is None and not name.endswith("__c"):
            yield f"{kind}.{name} is used, and Salesforce has no such standard field"
        elif type_ is not None and value is None and "null" not in type_:
            yield f"{kind}.{name} is written as empty, and it must not be"
        elif type_ is not None and not isinstance(value, str):
            yield f"{kind}.{name} is written as {type(value).__name__}, and it is {type_}"


def _different(published: Fields, ours: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for kind, fields in ours.items():
        for name, field in fields.items():
            if field.custom:
                continue
            type_ = published.get(kind, {}).get(name, "")
            base = type_.partition(" | ")[0]
            if field.type not in TYPES.get(base, ()):
                yield f"the local Salesforce has {kind}.{name} as {field.type}, the list {type_ or 'nothing'}"
            elif field.empty != ("null" in type_):
                yield f"{kind}.{name}: the list says {type_}, the local Salesforce another thing about empty values"
