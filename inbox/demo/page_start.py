"""The first page: what this is, a tour, the doors, the authors, and who may log in."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from inbox.accounts.base import Account
from inbox.demo.cast import NUMBER, STAFF, STRANGER, SUPPORT, remarks, roles
from inbox.demo.view import page
from inbox.demo.world import Demo


def routes(demo: Demo) -> list[web.AbstractRouteDef]:
    async def start(request: web.Request) -> web.Response:
        _ = request
        authors = await demo.authors()
        return page("start.html", nav="start", **_values(demo, authors))

    async def version(request: web.Request) -> web.Response:
        _ = request
        return web.Response(text=demo.mark(), headers={"Cache-Control": "no-store"})

    return [web.get("/", start), web.get("/demo/version", version)]


def _values(demo: Demo, authors: list[Account]) -> dict[str, Any]:
    today = demo.now().date()
    return {
        "company": demo.app.settings.company,
        "roles": roles(authors),
        "authors": [(account, remarks(account, today)) for account in authors],
        "staff": [(member, demo.keys.passwords[member.email]) for member in STAFF],
        "support": SUPPORT,
        "number": NUMBER,
        "stranger": STRANGER,
        "smtp_port": demo.smtp_port,
    }
