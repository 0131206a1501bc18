"""The live queue: who waits for a person, in order of when they must hear from one."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from inbox.clock import to_micros
from inbox.console import queries
from inbox.console.auth import COOKIE, Door
from inbox.console.queries import PAGE, TABS, Filters, Tab
from inbox.console.view import Console, Visit, page
from inbox.db.store import Tx
from inbox.staffing import session

_TICK = 20.0  # seconds between refreshes when nothing happens: ages grow, and proxies keep the line open
_SETTLE = 0.3  # seconds: a burst of changes becomes one refresh
_LONGEST = 600.0  # seconds: then the browser connects again, so that a restart waits for nobody


class QueuePages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console", self.show),
            door.get("/console/queue", self.fragment),
            door.get("/console/live", self.live),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        return await self._page(visit, "queue.html")

    async def fragment(self, visit: Visit) -> web.StreamResponse:
        """The part that changes, for the script that swaps it."""
        return await self._page(visit, "queue_rows.html")

    async def _page(self, visit: Visit, name: str) -> web.StreamResponse:
        tab = _tab(visit.query("tab"))
        filters = Filters(visit.query("channel"), visit.query("language"), visit.query("reason"))
        number = whole_number(visit.query("page"))
        now = to_micros(self._console.clock.now())

        def gather(tx: Tx) -> tuple[list[Any], dict[str, int], list[str]]:
            rows = queries.listed(tx, tab, filters, visit.staff.id, number)
            return rows, queries.counts(tx, visit.staff.id, now), queries.reasons(tx)

        rows, counts, reasons = await self._console.store.read(gather)
        query = {"tab": tab, **filters.binds()}
        return page(
            self._console, visit, name, tab=tab, tabs=TABS, filters=filters, rows=rows[:PAGE], counts=counts,
            reasons=reasons, number=number, more=len(rows) > PAGE, query=urlencode({**query, "page": number}),
            turn=urlencode(query), now_micros=now,
        )  # fmt: skip

    async def live(self, visit: Visit) -> web.StreamResponse:
        """Server-sent events: one line whenever the queue changed, and now and then when it did not."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(visit.request)
        await response.write(b"retry: 2000\n\n")
        ends = asyncio.get_running_loop().time() + _LONGEST
        with self._console.store.watching("queue", "templates") as changed:
            while asyncio.get_running_loop().time() < ends:
                what = await _next(changed)
                if self._console.store.released or not await self._still_here(visit):
                    break
                try:
                    await response.write(f"data: {what}\n\n".encode())
                except ConnectionResetError:
                    break
        return response

    async def _still_here(self, visit: Visit) -> bool:
        """A revoked session hears nothing more."""
        token, now = visit.request.cookies[COOKIE], self._console.clock.now()
        return await self._console.store.read(lambda tx: session(tx, token, now)) is not None


async def _next(changed: asyncio.Event) -> str:
    try:
        await asyncio.wait_for(changed.wait(), _TICK)
    except TimeoutError:
        return "tick"
    await asyncio.sleep(_SETTLE)
    changed.clear()
    return "changed"


def _tab(text: str) -> Tab:
    return next((tab for tab in TABS if tab == text), "open")


def whole_number(text: str) -> int:
    """A page number from 0; anything else is the first page."""
    return min(int(text), 10_000) if text.isascii() and text.isdigit() and len(text) < 6 else 0
