"""The way from a question to a figure of Stripe's and back from Stripe's word, played against the local Stripe of the
tests; everything that Stripe says, and everything we ask it, is held against the schema of its API.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
#: Schema of each object that has one; pages and sessions have none.
RESOURCES = {
    "customer": "Customer", "invoice": "Invoice", "charge": "Charge", "payment_intent": "PaymentIntent", "refund": "Refund",
    "dispute": "Dispute", "payment_method": "PaymentMethod", "event": "Event",
}  # fmt: skip
PARAMS = {
    "GET /v1/customers": "CustomerListParams", "GET /v1/customers/search": "CustomerSearchParams",
    "GET /v1/invoices": "InvoiceListParams", "GET /v1/charges": "ChargeListParams", "GET /v1/refunds": "RefundListParams",
    "GET /v1/disputes": "DisputeListParams", "GET /v1/payment_intents/ID": "PaymentIntentRetrieveParams",
}  # fmt: skip


async def check(schema: dict[str, Any]) -> list[str]:
    """What went wrong, [] if nothing did; ``schema`` as in stripe.schema.json."""
    sys.path.insert(0, str(ROOT))
    from inbox.clock import SetClock
    from inbox.db import migrate
    from inbox.db.store import open_store
    from tests.flows.stripe_world import stripe_world
    from tests.world import NOW

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/inbox.db"
        migrate.upgrade(url)
        store = open_store(url)
        try:
            async with stripe_world(store, SetClock(NOW)) as s:
                found = [problem async for problem in _played(s)]
                found += _answers(schema, s.stripe.answers) + _questions(schema, s.stripe.calls)
        finally:
            store.close()
    print(f"Stripe flow: {len(s.stripe.answers)} answers and {len(s.stripe.calls)} questions held against the schema")
    return found


async def _played(s: Any) -> Any:
    from tests.emulators import stripe_objects as objects

    if "200.00" not in await s.asks("how much?", "amount_due"):
        yield "a text is not answered with Stripe's figure"
    said = await s.asks("I want to pay", "make_payment")
    path = "/l/" + said.split("/l/")[1].split()[0].rstrip(".")
    if (await s.opens(f"{path}/go", amount="80.00"))[0] != 303:
        yield "the link does not lead to Stripe's page"
    s.later(5)
    s.stripe.pay("cs_test_1", "ch_80")
    await s.hears("payment_intent.succeeded", s.stripe.get("payment_intents", "pi_ch_80"), "evt_1")
    if "80.00" not in s.world.last():
        yield "the payment is not confirmed"
    s.later(5)
    s.stripe.put("disputes", objects.dispute("dp_1", "ch_P-502", s.stripe.now, 10_000))
    s.stripe.get("charges", "ch_P-502")["disputed"] = True
    s.stripe.put("refunds", objects.refund("re_1", "ch_P-501", s.stripe.now, 1_200))
    thing = s.stripe.get("disputes", "dp_1")
    await s.hears("charge.dispute.created", thing, "evt_2")
    if [c["reason"] for c in s.cases()] != ["chargeback"]:
        yield "the chargeback makes no case"
    s.stripe.answers.append(objects.event("evt_2", "charge.dispute.created", s.stripe.now, thing))
    s.stripe.answers.append(s.stripe.get("payment_intents", "pi_ch_80"))


def _answers(schema: dict[str, Any], answers: list[dict[str, Any]]) -> list[str]:
    from jsonschema import Draft202012Validator

    made = {
        name: Draft202012Validator({"$ref": f"#/$defs/{resource}", "$defs": schema["$defs"]})
        for name, resource in RESOURCES.items()
    }
    found, seen = [], set()
    for record in (r for answer in answers for r in _records(answer)):
        kind = str(record.get("object"))
        if kind in made and not record.get("deleted"):
            seen.add(kind)
            found += [
                f"{kind} {record.get('id')}: {e.json_path} {e.message[:120]}" for e in made[kind].iter_errors(record)
            ]
    return sorted(set(found)) + [f"no {kind} was seen" for kind in sorted(RESOURCES.keys() - seen)]


def _records(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The objects of an answer, with those that were expanded within."""
    for record in answer["data"] if answer.get("object") in ("list", "search_result") else [answer]:
        yield record
        yield from (record.get("refunds") or {}).get("data", ())


def _questions(schema: dict[str, Any], calls: list[tuple[str, dict[str, str]]]) -> list[str]:
    found = set()
    for what, asked in calls:
        if what in PARAMS:
            known = schema["$defs"][PARAMS[what]]["properties"]
            found |= {f"{what}: {name} is no parameter" for name in asked if name.partition("[")[0] not in known}
    return sorted(found)
