"""Who may hear about whose account: recorded by one person, approved by a supervisor who is another, revoked by any."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web

from inbox import authorisations, jsontext, redaction, staffing
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.authorisations import Proposal
from inbox.clock import to_micros
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Tx
from inbox.disclosure.parties import INTENTS, RELATIONS, Scope
from inbox.errors import DataError, Malformed, NotFound
from inbox.message import ContactPoint

_SHOWN = 200
_LONGEST = 2_000


class AuthorisationPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/authorisations", self.show),
            door.post("/console/authorisations", self.add),
            door.post("/console/authorisations/{id}/approve", self.approve, supervisor=True),
            door.post("/console/authorisations/{id}/refuse", self.refuse, supervisor=True),
            door.post("/console/authorisations/{id}/revoke", self.revoke, supervisor=True),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        return await self._list(visit, done=_DONE.get(visit.query("done"), ""))

    async def add(self, visit: Visit) -> web.StreamResponse:
        """A mistake keeps what was typed."""
        now = self._console.clock.now()
        try:
            proposal = self._proposal(visit, now)
            await self._console.store.run(lambda tx: authorisations.propose(tx, proposal, visit.staff.id, now))
        except (DataError, NotFound, Malformed) as wrong:
            problems = wrong.problems if isinstance(wrong, DataError) else [str(wrong)]
            return await self._list(visit, problems=problems, status=422)
        return see_other("/console/authorisations?done=proposed")

    async def approve(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        await self._console.store.run(lambda tx: authorisations.approve(tx, key, visit.staff.id, now))
        return see_other("/console/authorisations?done=approved")

    async def refuse(self, visit: Visit) -> web.StreamResponse:
        key, now, why = visit.path("id"), self._console.clock.now(), visit.form.get("reason", "")[:500]
        await self._console.store.run(lambda tx: authorisations.refuse(tx, key, visit.staff.id, why, now))
        return see_other("/console/authorisations?done=refused")

    async def revoke(self, visit: Visit) -> web.StreamResponse:
        key, now, why = visit.path("id"), self._console.clock.now(), visit.form.get("reason", "")[:500]
        await self._console.store.run(lambda tx: authorisations.revoke(tx, key, visit.staff.id, why, now))
        return see_other("/console/authorisations?done=revoked")

    def _proposal(self, visit: Visit, now: datetime) -> Proposal:
        form, zone = visit.form, self._console.zone
        contact = form.get("contact", "").strip().lower()[:254]
        starts = _day(form.get("from", ""), zone, "first")
        ends = _day(form.get("until", ""), zone, "last")
        return Proposal(
            ref=AccountRef(SOURCE, form.get("account", "").strip()[:100]), person=form.get("person", "").strip()[:200],
            relation=form.get("relation", ""), point=ContactPoint("email" if "@" in contact else "phone", contact),
            scope=Scope(
                intents=tuple(i for i in INTENTS if form.get(f"intent_{i}") == "yes"),
                titles=tuple(t.strip() for t in form.get("titles", "").splitlines() if t.strip()), money=form.get("money") == "yes",
            ),
            evidence=redaction.mask(form.get("evidence", "")[:_LONGEST]).text,
            called_back=form.get("called_back", "").strip()[:40], starts_at=starts or now,
            ends_at=ends + timedelta(days=1) if ends else None,
        )  # fmt: skip

    async def _list(
        self, visit: Visit, done: str = "", problems: list[str] | None = None, status: int = 200
    ) -> web.StreamResponse:
        now = to_micros(self._console.clock.now())

        def gather(tx: Tx) -> tuple[list[dict[str, Any]], dict[str, str]]:
            names = {person.id: person.name or person.email for person in staffing.every(tx)}
            return [_shown(row, now) for row in authorisations.latest(tx, _SHOWN)], names

        rows, names = await self._console.store.read(gather)
        return page(
            self._console, visit, "authorisations.html", status, rows=rows, names=names, done=done, problems=problems or [],
            typed=visit.form, intents=INTENTS, relations=RELATIONS, account=visit.query("account"),
        )  # fmt: skip


def _shown(row: Any, now: int) -> dict[str, Any]:
    """A row as the page shows it; ``state`` tells one that has run out or has not begun apart from one in force."""
    state = row["status"]
    if state == "approved":
        state = (
            "run out"
            if row["ends_at"] and row["ends_at"] <= now
            else "not begun"
            if row["starts_at"] > now
            else "in force"
        )
    found = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a driver row is no mapping
    return {**found, "state": state, "intents": jsontext.loads(row["intents"]), "titles": jsontext.loads(row["titles"])}


def _day(text: str, zone: ZoneInfo, which: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d")  # noqa: DTZ007 - a day; its zone is put in below
    except ValueError as error:
        raise Malformed(f"The {which} day must be a date like 2026-03-11.") from error
    return datetime.combine(day.date(), time.min, zone)


_DONE = {
    "proposed": "Recorded. A supervisor who is somebody else must approve it before anything is open.",
    "approved": "Approved. The person can write from their address and prove it with a code.",
    "refused": "Refused.",
    "revoked": "Revoked. It takes effect with the next message of that person.",
}
