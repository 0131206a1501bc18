"""A small Stripe on a local port: what the API reference says of the calls we make, and its ways of failing.

Unknown parameters are refused as Stripe does; a repeated idempotency key gives the first answer again, and an error if
its parameters differ; lists come in pages, newest first; ``faults`` are served instead of the next answers.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import aiohttp
import stripe
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.emulators import stripe_objects as objects
from tests.emulators.stripe_objects import Object, listed

_LIST = {"limit", "starting_after", "ending_before", "expand[]"}
#: What each call may be given: names as they travel, [] for any number.
PARAMETERS: Mapping[str, set[str]] = {
    "GET /v1/customers": {"email", "created", *_LIST},
    "GET /v1/customers/search": {"query", "limit", "page", "expand[]"},
    "GET /v1/customers/ID": {"expand[]"},
    "GET /v1/customers/ID/payment_methods": {"type", "allow_redisplay", *_LIST},
    "GET /v1/invoices": {"customer", "status", "collection_method", "subscription", *_LIST},
    "GET /v1/invoice_payments": {"invoice", "status", *_LIST},
    "POST /v1/invoices/ID/attach_payment": {"payment_intent", "payment_record", "expand[]"},
    "GET /v1/charges": {"customer", "payment_intent", "transfer_group", *_LIST},
    "GET /v1/charges/ID": {"expand[]"},
    "GET /v1/payment_intents/ID": {"client_secret", "expand[]"},
    "GET /v1/refunds": {"charge", "payment_intent", *_LIST},
    "GET /v1/disputes": {"charge", "payment_intent", *_LIST},
    "POST /v1/checkout/sessions": {
        "mode", "customer", "client_reference_id", "success_url", "cancel_url", "metadata[]", "line_items[][quantity]",
        "line_items[][price_data][currency]", "line_items[][price_data][unit_amount]",
        "line_items[][price_data][product_data][name]", "payment_intent_data[metadata][]",
        "payment_intent_data[description]",
    },
    "POST /v1/billing_portal/sessions": {
        "customer", "return_url", "configuration", "flow_data[type]", "flow_data[after_completion][type]",
        "flow_data[after_completion][redirect][return_url]",
    },
}  # fmt: skip
_KINDS = ("customers", "invoices", "charges", "payment_intents", "refunds", "disputes", "payment_methods")


@dataclass
class Fault:
    """``status`` 0 = close the connection; ``wait`` seconds before anything."""

    status: int = 0
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    wait: float = 0
    after: bool = False  # do what was asked, then fail: the answer is lost on the way
    body: str = ""


@dataclass
class StripeEmulator:
    keys: tuple[str, ...] = ("sk_test_emulator",)
    now: int = 1_773_241_200  # 2026-03-11 15:00 UTC
    portal: bool = True
    held: dict[str, list[Object]] = field(default_factory=lambda: {k: [] for k in _KINDS})
    invoice_payments: list[Object] = field(default_factory=list)
    sessions: dict[str, Object] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    always: Fault | None = None
    slow: dict[str, float] = field(default_factory=dict)  # seconds for whatever names this customer
    calls: list[tuple[str, dict[str, str]]] = field(default_factory=list)  # ("GET /v1/customers", parameters)
    answers: list[Object] = field(default_factory=list)
    _done: dict[str, tuple[dict[str, str], int, str]] = field(default_factory=dict)
    _server: TestServer | None = None

    async def start(self) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server()
        return str(self._server.make_url("/")).rstrip("/")

    async def stop(self) -> None:
        if self._server is not None:
            await self._server.close()

    # -- state

    def put(self, kind: str, record: Object) -> Object:
        self.held[kind] = [r for r in self.held[kind] if r["id"] != record["id"]] + [record]
        return record

    def get(self, kind: str, id_: str) -> Object | None:
        return next((r for r in self.held[kind] if r["id"] == id_), None)

    def pay(self, session_id: str, charge_id: str) -> Object:
        """The author fills in the page: a payment that carries the page's metadata, not yet on any invoice."""
        page = self.sessions[session_id]
        told = page["asked"]
        amount = int(told["line_items[0][price_data][unit_amount]"])
        named = {"inbox_invoice": told["payment_intent_data[metadata][inbox_invoice]"]}
        return self.paid(charge_id, told["customer"], amount, metadata=named)

    def paid(self, charge_id: str, customer: str, amount: int, invoice: str = "", **fields: Any) -> Object:
        """A captured payment; with ``invoice`` it is booked there at once."""
        intent = f"pi_{charge_id}"
        self.put("payment_intents", objects.payment_intent(intent, customer, self.now, amount, **fields))
        made = self.put(
            "charges", objects.charge(charge_id, customer, self.now, amount, payment_intent=intent, **fields)
        )
        if invoice:
            self._credit(invoice, intent)
        return made

    def _credit(self, invoice_id: str, intent: str) -> None:
        invoice, payment = self.get("invoices", invoice_id), self.get("payment_intents", intent)
        assert invoice is not None
        assert payment is not None
        amount = min(payment["amount_received"], invoice["amount_remaining"])
        self.invoice_payments.append(objects.invoice_payment(invoice_id, intent, self.now, amount, invoice["currency"]))
        invoice["amount_paid"] += amount
        invoice["amount_remaining"] -= amount
        if not invoice["amount_remaining"]:
            invoice["status"] = "paid"

    async def deliver(self, url: str, event: Object, secret: str, *, at: int = 0, body: bytes = b"") -> int:
        """Post a signed event; the status of the answer."""
        text = body.decode("utf-8", "surrogateescape") if body else json.dumps(event)
        header = stripe.WebhookSignature.generate_signature_header(text, secret, timestamp=at or self.now)
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                url, data=text.encode("utf-8", "surrogateescape"), headers={"Stripe-Signature": header}
            ) as answer,
        ):
            return answer.status

    # -- the wire

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        pairs = parse_qsl(
            request.query_string if request.method == "GET" else await request.text(), keep_blank_values=True
        )
        asked = dict(pairs)
        what, id_ = _route(request.method, request.path)
        self.calls.append((what, asked))
        await asyncio.sleep(self.slow.get(id_, 0) or self.slow.get(asked.get("customer", ""), 0))
        fault = self.faults.pop(0) if self.faults else self.always
        if fault is not None:
            await asyncio.sleep(fault.wait)
            if fault.after:
                self._answer(request, what, id_, asked)
            if not fault.status:
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            error = {"error": {"type": "api_error", "code": fault.code or None, "message": "as the test wished"}}
            text = fault.body or json.dumps(error)
            return web.Response(status=fault.status, text=text, headers=fault.headers, content_type="application/json")
        status, body = self._answer(request, what, id_, asked)
        self.answers.append(body)
        return web.json_response(body, status=status)

    def _answer(self, request: web.Request, what: str, id_: str, asked: dict[str, str]) -> tuple[int, Object]:
        if request.headers.get("Authorization", "").removeprefix("Bearer ") not in self.keys:
            return 401, _error("invalid_request_error", "", "Invalid API Key provided: sk_test_***")
        if request.headers.get("Stripe-Version") != objects.VERSION:
            return 400, _error("invalid_request_error", "", "unexpected API version")
        unknown = [name for name in asked if _plain(name) not in PARAMETERS.get(what, set())]
        if what not in PARAMETERS:
            return 404, _error("invalid_request_error", "", f"Unrecognized request URL ({what})")
        if unknown:
            return 400, _error(
                "invalid_request_error", "parameter_unknown", f"Received unknown parameter: {unknown[0]}"
            )
        if request.method == "GET":
            return self._read(what, id_, asked)
        key = request.headers.get("Idempotency-Key", "")
        if key in self._done:
            before, status, body = self._done[key]
            if before != asked:
                return 400, _error(
                    "idempotency_error", "", "Keys for idempotent requests can only be used with the same parameters"
                )
            return status, json.loads(body)
        status, made = self._write(what, id_, asked)
        if key:
            self._done[key] = (asked, status, json.dumps(made))
        return status, made

    def _read(self, what: str, id_: str, asked: dict[str, str]) -> tuple[int, Object]:
        kind = what.split("/")[2]
        if what == "GET /v1/customers/search":
            found = re.fullmatch(r"(email|phone):'((?:[^'\\]|\\.)*)'", asked["query"])
            if found is None:
                return 400, _error("invalid_request_error", "", "We were unable to parse your search query.")
            value = re.sub(r"\\(.)", r"\1", found[2]).lower()
            same = [c for c in self.held["customers"] if str(c[found[1]] or "").lower() == value]
            return 200, {"object": "search_result", "data": same, "has_more": False, "url": "/v1/customers/search"}
        if what == "GET /v1/customers/ID/payment_methods":
            return self._page([m for m in self.held["payment_methods"] if m["customer"] == id_], asked)
        if what == "GET /v1/invoice_payments":
            return self._page([p for p in self.invoice_payments if p["invoice"] == asked["invoice"]], asked)
        if what.endswith("/ID"):
            record = self.get(kind, id_)
            if record is None:
                return 404, _error("invalid_request_error", "resource_missing", f"No such {kind[:-1]}: '{id_}'")
            return 200, deepcopy(record)
        filters = {k: v for k, v in asked.items() if k not in ("limit", "starting_after", "expand[]", "expand[0]")}
        wanted = [r for r in self.held[kind] if all(str(r.get(k)) == v for k, v in filters.items())]
        status, page = self._page(wanted, asked)
        for record in page.get("data", ()):
            self._expand(record, asked.get("expand[0]", ""))
        return status, page

    def _expand(self, record: Object, wanted: str) -> None:
        if record["object"] == "invoice" and wanted == "data.payments":
            own = [p for p in self.invoice_payments if p["invoice"] == record["id"]]
            record["payments"] = listed(own[:10], has_more=len(own) > 10)
        if record["object"] == "charge" and wanted == "data.refunds":
            own = [r for r in self.held["refunds"] if r["charge"] == record["id"]]
            record["refunds"] = listed(own[:10], has_more=len(own) > 10)

    def _page(self, records: list[Object], asked: dict[str, str]) -> tuple[int, Object]:
        ordered = sorted(records, key=lambda r: (-r["created"], r["id"]))
        if after := asked.get("starting_after"):
            places = [n for n, r in enumerate(ordered) if r["id"] == after]
            if not places:
                return 400, _error("invalid_request_error", "resource_missing", f"No such record: '{after}'")
            ordered = ordered[places[0] + 1 :]
        limit = int(asked.get("limit", "10"))
        if not 1 <= limit <= 100:
            return 400, _error("invalid_request_error", "parameter_invalid_integer", "limit must be 1 to 100")
        return 200, listed(deepcopy(ordered[:limit]), has_more=len(ordered) > limit)

    def _write(self, what: str, id_: str, asked: dict[str, str]) -> tuple[int, Object]:
        if what == "POST /v1/invoices/ID/attach_payment":
            invoice = self.get("invoices", id_)
            if invoice is None or self.get("payment_intents", asked["payment_intent"]) is None:
                return 404, _error("invalid_request_error", "resource_missing", "No such invoice or payment")
            if invoice["status"] != "open":
                return 400, _error("invalid_request_error", "invoice_not_open", "The invoice is not open.")
            self._credit(id_, asked["payment_intent"])
            return 200, deepcopy(invoice)
        if self.get("customers", asked.get("customer", "")) is None:
            return 404, _error("invalid_request_error", "resource_missing", "No such customer")
        if what == "POST /v1/checkout/sessions":
            if int(asked["line_items[0][price_data][unit_amount]"]) < 50:
                return 400, _error("invalid_request_error", "amount_too_small", "The amount must be at least 50 cents")
            session = {
                "id": f"cs_test_{len(self.sessions) + 1}", "object": "checkout.session", "expires_at": self.now + 86_400,
                "url": f"https://checkout.stripe.com/c/pay/cs_test_{len(self.sessions) + 1}", "livemode": False,
            }  # fmt: skip
            self.sessions[session["id"]] = {**session, "asked": asked}
            return 200, session
        if not self.portal:
            return 400, _error(
                "invalid_request_error",
                "",
                "No configuration provided and your test mode default configuration has not been created.",
            )
        return 200, {
            "id": "bps_1",
            "object": "billing_portal.session",
            "url": "https://billing.stripe.com/p/session/test_1",
        }


def _route(method: str, path: str) -> tuple[str, str]:
    """The call's name with ID for a record's id, and that id."""
    parts = path.strip("/").split("/")
    if len(parts) > 2 and parts[2] not in ("search", "sessions"):
        return f"{method} /{'/'.join([*parts[:2], 'ID', *parts[3:]])}", parts[2]
    return f"{method} /{'/'.join(parts)}", ""


def _plain(name: str) -> str:
    """``line_items[0][quantity]`` as ``line_items[][quantity]``; any name of metadata as ``metadata[]``."""
    return re.sub(r"metadata(\]?)\[[^\]]*\]", r"metadata\1[]", re.sub(r"\[\d+\]", "[]", name))


def _error(kind: str, code: str, message: str) -> Object:
    return {"error": {"type": kind, "code": code or None, "message": message}}
