"""Templates: which words the bot may send, and the supervisor's decision on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from inbox import events, staffing
from inbox.console import wording
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.console.wording import Preview, Try
from inbox.db.store import Tx
from inbox.errors import Malformed, NotFound
from inbox.events import Event
from inbox.templates import samples, versions
from inbox.templates.versions import VersionRecord

_HISTORY = 40


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One answer in one language, with all its versions, newest first."""

    record: VersionRecord  # the one that is looked at
    all: tuple[VersionRecord, ...]
    before: VersionRecord | None
    history: tuple[Event, ...]
    names: Mapping[str, str]


class AnswerPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/templates", self.show),
            door.get("/console/templates/approve-all", self.confirm, supervisor=True),
            door.post("/console/templates/approve-all", self.approve_all, supervisor=True),
            door.get("/console/templates/{answer}/{language}", self.one),
            door.post("/console/templates/{id}/approve", self.approve, supervisor=True),
            door.post("/console/templates/{id}/suspend", self.suspend, supervisor=True),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        records = await self._console.store.read(versions.every)
        table: dict[str, dict[str, tuple[VersionRecord, ...]]] = {}
        for record in records:
            cell = table.setdefault(record.answer, {})
            cell[record.language] = (record, *cell.get(record.language, ()))
        return page(
            self._console, visit, "templates.html", table=table, drafts=len(waiting(records)),
            specs=self._console.house.answers.specs, done=_DONE.get(visit.query("done"), ""),
        )  # fmt: skip

    async def one(self, visit: Visit) -> web.StreamResponse:
        sheet = await self._console.store.read(lambda tx: self._sheet(tx, visit))
        spec = self._console.house.answers.specs.get(sheet.record.answer)
        chosen = _try_of(visit, sheet.record)
        preview = await self._preview(sheet.record, chosen)
        return page(
            self._console, visit, "template.html", sheet=sheet, spec=spec, chosen=chosen, preview=preview,
            diff=wording.differences(sheet.before, sheet.record), done=_DONE.get(visit.query("done"), ""),
            samples=len(samples.samples(sheet.record.answer)),
        )  # fmt: skip

    def _sheet(self, tx: Tx, visit: Visit) -> _Sheet:
        answer, language, wanted = visit.path("answer"), visit.path("language"), visit.query("version")
        found = [r for r in reversed(versions.every(tx)) if (r.answer, r.language) == (answer, language)]
        if not found:
            raise NotFound("There is no such template.")
        record = next((r for r in found if r.id == wanted), found[0])
        before = next((r for r in found if r.version < record.version), None)
        told = [
            e
            for e in events.read(tx, "templates")
            if e.data.get("answer") == answer and e.data.get("language") == language
        ]
        names = {person.id: person.name or person.email for person in staffing.every(tx)}
        return _Sheet(record, tuple(found), before, tuple(reversed(told[-_HISTORY:])), names)

    async def _preview(self, record: VersionRecord, chosen: Try) -> Preview:
        now, house = self._console.clock.now(), self._console.house
        return await self._console.store.read(lambda tx: wording.preview(tx, house, record, chosen, now))

    async def approve(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        await self._console.store.run(lambda tx: versions.approve(tx, key, now, visit.staff.id))
        return await self._back(key, "approved")

    async def suspend(self, visit: Visit) -> web.StreamResponse:
        key, reason, now = visit.path("id"), visit.form.get("reason", "").strip()[:500], self._console.clock.now()
        if not reason:
            raise Malformed("Say in a few words why these words must not be sent any more.")
        await self._console.store.run(lambda tx: versions.suspend(tx, key, now, visit.staff.id, reason))
        return await self._back(key, "suspended")

    async def confirm(self, visit: Visit) -> web.StreamResponse:
        """Every draft with its words, to be read before all are approved."""
        records = waiting(await self._console.store.read(versions.every))
        return page(self._console, visit, "approve_all.html", records=records)

    async def approve_all(self, visit: Visit) -> web.StreamResponse:
        """Only those that stood on the page that was read."""
        if visit.form.get("read") != "yes":
            raise Malformed("Read the words first, then tick that you did.")
        listed = set(visit.form.get("ids", "").split())
        now, by = self._console.clock.now(), visit.staff.id
        for record in waiting(await self._console.store.read(versions.every)):
            if record.id in listed:
                await self._console.store.run(_approving(record.id, now, by))
        return see_other("/console/templates?done=all")

    async def _back(self, key: str, done: str) -> web.StreamResponse:
        record = await self._console.store.read(lambda tx: versions.get(tx, key))
        return see_other(f"/console/templates/{record.answer}/{record.language}?version={key}&done={done}")


def waiting(records: list[VersionRecord]) -> list[VersionRecord]:
    """Shipped drafts that are the newest version of their answer and language."""
    newest = {(r.answer, r.language): r for r in records}
    return [r for r in newest.values() if r.status == "draft" and r.author == versions.SHIPPED_BY]


def _approving(key: str, now: Any, by: str) -> Any:
    return lambda tx: versions.approve(tx, key, now, by)


def _try_of(visit: Visit, record: VersionRecord) -> Try:
    channel = visit.query("channel")
    known = [name for name in record.bundle if name != "subject"]
    sample = visit.query("sample")
    return Try(
        channel=channel if channel in known else next(iter(known), "email"), author=visit.query("author").strip(),
        sample=int(sample) if sample.isascii() and sample.isdigit() and len(sample) < 4 else 0,
    )  # fmt: skip


_DONE = {
    "approved": "Approved. The bot sends these words from now on.",
    "suspended": "Suspended. Until a version is approved, a person answers.",
    "all": "All the drafts you read are approved.",
}
