"""The edge: errors become statuses, nothing of the inside shows, headers are strict."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from inbox import web as edge
from inbox.clock import SetClock
from inbox.db.store import Store, StoreError
from inbox.errors import Conflict, Forbidden, Malformed, NotFound, Overloaded, Transient, Unauthentic
from inbox.settings import Web

ERRORS = [
    (Unauthentic, 403), (Forbidden, 403), (Malformed, 400), (NotFound, 404), (Conflict, 409), (Overloaded, 503), (Transient, 503),
    (StoreError, 503), (ValueError, 500), (KeyError, 500),
]  # fmt: skip


def app(
    store: Store, clock: SetClock, error: type[Exception] | None = None, *, trust_proxy: bool = False
) -> web.Application:
    async def page(_: web.Request) -> web.Response:
        if error:
            raise error("the inside of things")
        return web.Response(text="hello")

    async def body(request: web.Request) -> web.Response:
        return web.Response(text=await request.text())

    async def who(request: web.Request) -> web.Response:
        return web.Response(text=request.remote or "")

    routes = [web.get("/page", page), web.post("/body", body), web.get("/who", who)]
    door = Web(max_body_bytes=1000, metrics_tokens=("old", "scraper"), trust_proxy=trust_proxy)
    return edge.application(store, clock, routes, edge.Readiness(), door)


@pytest.mark.parametrize(("error", "status"), ERRORS)
async def test_errors_become_statuses(
    aiohttp_client: Any, sqlite_store: Store, clock: SetClock, error: type[Exception], status: int
) -> None:
    client = await aiohttp_client(app(sqlite_store, clock, error))
    answer = await client.get("/page")
    assert answer.status == status
    text = await answer.text()
    assert "Traceback" not in text
    if status == 500:
        assert "inside" not in text
    if status == 503:
        assert answer.headers["Retry-After"]


async def test_headers_are_strict_everywhere(aiohttp_client: Any, sqlite_store: Store, clock: SetClock) -> None:
    client = await aiohttp_client(app(sqlite_store, clock))
    for path in ("/page", "/healthz", "/nowhere"):
        answer = await client.get(path)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_body_that_is_too_large_or_not_text_is_refused(
    aiohttp_client: Any, sqlite_store: Store, clock: SetClock
) -> None:
    client = await aiohttp_client(app(sqlite_store, clock))
    assert (await client.post("/body", data=b"x" * 2000)).status == 413
    assert (
        await client.post("/body", data=b"\xff\xfe\xff", headers={"Content-Type": "text/plain; charset=utf-8"})
    ).status == 400


async def test_ready_says_what_is_wrong(aiohttp_client: Any, sqlite_store: Store, clock: SetClock) -> None:
    client = await aiohttp_client(app(sqlite_store, clock))
    assert (await (await client.get("/readyz")).json())["ready"] is True
    sqlite_store.close()
    assert (await client.get("/readyz")).status == 503


@pytest.mark.parametrize(
    ("given", "status"),
    [("Bearer scraper", 200), ("Bearer old", 200), ("Bearer", 404), ("", 404), ("Bearer scrape", 404)],
)
async def test_metrics_need_a_token(
    aiohttp_client: Any, sqlite_store: Store, clock: SetClock, given: str, status: int
) -> None:
    client = await aiohttp_client(app(sqlite_store, clock))
    answer = await client.get("/metrics", headers={"Authorization": given} if given else {})
    assert answer.status == status
    assert ("inbox_store_commits" in await answer.text()) is (status == 200)


@pytest.mark.parametrize(
    ("trusted", "header", "seen"),
    [
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "10.1.1.1, 203.0.113.9", "203.0.113.9"),  # the client wrote the first one itself
        (True, "", "127.0.0.1"),
        (False, "203.0.113.9", "127.0.0.1"),
    ],
)
async def test_the_address_is_the_proxys_word_only_where_there_is_one(
    aiohttp_client: Any, sqlite_store: Store, clock: SetClock, trusted: bool, header: str, seen: str
) -> None:
    client = await aiohttp_client(app(sqlite_store, clock, trust_proxy=trusted))
    answer = await client.get("/who", headers={"X-Forwarded-For": header} if header else {})
    assert await answer.text() == seen
