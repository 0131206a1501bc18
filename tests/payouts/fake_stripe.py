"""A small stand-in for Stripe's transfers: idempotency keys, groups, and troubles on demand."""

from __future__ import annotations

import warnings
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from aiohttp.test_utils import TestServer

KNOWN = {"amount", "currency", "destination", "transfer_group", "metadata[withdrawal]", "metadata[batch]"}


@dataclass
class FakeStripe:
    url: str = ""
    transfers: list[dict] = field(default_factory=list)
    by_key: dict[str, dict] = field(default_factory=dict)
    posts: int = 0
    troubles: list[int] = field(default_factory=list)  # statuses of the next posts
    lose: bool = False  # make the next transfer, but drop the connection before the answer

    async def create(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer sk_test_1"
        self.posts += 1
        if self.troubles:
            return error(self.troubles.pop(0))
        form, key = dict(await request.post()), request.headers["Idempotency-Key"]
        if set(form) - KNOWN:
            return error(400, "parameter_unknown")
        if key in self.by_key:
            return web.json_response(self.by_key[key])
        made = {
            "id": f"tr_{len(self.transfers) + 1}", "object": "transfer", "amount": int(form["amount"]), "created": 1773241200,
            "currency": form["currency"], "destination": form["destination"], "transfer_group": form["transfer_group"],
            "reversed": False,
        }  # fmt: skip
        self.transfers.append(made)
        self.by_key[key] = made
        if self.lose:
            self.lose = False
            request.transport.close()
        return web.json_response(made)

    async def listed(self, request: web.Request) -> web.Response:
        group = request.query["transfer_group"]
        data = [t for t in self.transfers if t["transfer_group"] == group]
        return web.json_response({"object": "list", "data": data, "has_more": False, "url": "/v1/transfers"})


def error(status: int, code: str = "") -> web.Response:
    kind = "invalid_request_error" if status < 500 else "api_error"
    return web.json_response({"error": {"type": kind, "code": code, "message": f"trouble {status}"}}, status=status)


@asynccontextmanager
async def running():
    fake = FakeStripe()
    app = web.Application()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        app.router.add_post("/v1/transfers", fake.create)
        app.router.add_get("/v1/transfers", fake.listed)
    server = TestServer(app)
    await server.start_server()
    fake.url = str(server.make_url("")).rstrip("/")
    try:
        yield fake
    finally:
        await server.close()
