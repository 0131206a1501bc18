"""The automated replies that were sent, and a supervisor's verdict on each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from aiohttp import web

from inbox import jsontext, redaction
from inbox.clock import to_micros
from inbox.console import replies_sent, timeline
from inbox.console.auth import Door, local_path
from inbox.console.queue import whole_number
from inbox.console.replies_sent import PAGE, Numbers, Wanted
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Tx
from inbox.intents.understanding import INTENTS
from inbox.message import DeliveryStatus

_SHOWN_DAYS = 30  # without a date in the filter


@dataclass(frozen=True, slots=True)
class _Line:
    row: Any
    answers: tuple[str, ...]
    why: str


class ReviewPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/replies", self.show),
            door.get("/console/replies/{id}", self.one),
            door.post("/console/replies/{id}/verdict", self.judge, supervisor=True),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        now, zone = self._console.clock.now(), self._console.zone
        first, last = _day(visit.query("from")), _day(visit.query("to"))
        first = first or now.astimezone(zone).date() - timedelta(days=_SHOWN_DAYS)
        names = ("intent", "channel", "language", "answer", "verdict", "delivery")
        chosen = {name: visit.query(name) for name in names if visit.query(name)}
        wanted = Wanted(
            **chosen, since=_start(first, zone), until=_start(last + timedelta(days=1), zone) if last else 0
        )
        number = whole_number(visit.query("page"))

        def gather(tx: Tx) -> tuple[list[Any], Numbers]:
            return replies_sent.listed(tx, wanted, number), replies_sent.numbers(tx, wanted)

        rows, numbers = await self._console.store.read(gather)
        query = {**chosen, "from": first.isoformat(), **({"to": last.isoformat()} if last else {})}
        return page(
            self._console, visit, "replies.html", lines=[_line(row) for row in rows[:PAGE]], numbers=numbers, wanted=wanted,
            first=first, last=last, number=number, more=len(rows) > PAGE, turn=urlencode(query), intents=INTENTS,
            answers=self._console.house.answers.names, states=[s.value for s in DeliveryStatus],
            back=visit.request.path_qs,
        )  # fmt: skip

    async def one(self, visit: Visit) -> web.StreamResponse:
        entry, asked = await self._console.store.read(lambda tx: timeline.one(tx, visit.path("id")))
        return page(
            self._console, visit, "reply.html", e=entry, asked=asked, back=local_path(visit.query("back", "/console/replies"))
        )  # fmt: skip

    async def judge(self, visit: Visit) -> web.StreamResponse:
        key, verdict, now = visit.path("id"), visit.form.get("verdict", ""), self._console.clock.now()
        reason = redaction.mask(visit.form.get("reason", "")[:500]).text
        await self._console.store.run(
            lambda tx: replies_sent.judge(tx, key, verdict, reason, visit.staff.id, now)
        )  # fmt: skip
        return see_other(local_path(visit.form.get("back", "/console/replies")))


def _line(row: Any) -> _Line:
    answers = tuple(part["answer"] for part in jsontext.loads(row["parts"]) if part["answer"] != "_layout")
    record = jsontext.loads(row["record"]) if row["record"] else {}
    return _Line(row, answers, str(record.get("reason", "")))


def _day(text: str) -> date | None:
    """A day of the filter; one that nobody can mean is the nearest that fits."""
    try:
        found = date.fromisoformat(text) if text.isascii() else None
    except ValueError:
        return None
    return min(max(found, date(1971, 1, 1)), date(9000, 1, 1)) if found else None


def _start(on: date, zone: ZoneInfo) -> int:
    """Midnight of that day where the company is, in microseconds."""
    return to_micros(datetime.combine(on, time(), zone).astimezone(UTC))
