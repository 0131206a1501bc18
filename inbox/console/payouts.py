"""Withdrawals by state, holds and releases with a reason, batches with their files: for supervisors."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

from aiohttp import web

from inbox import staffing
from inbox.accounts import ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Tx
from inbox.errors import Malformed, NotFound
from inbox.payouts import batches, files, telling, withdrawals
from inbox.payouts.royalties import BAR_WORDS
from inbox.payouts.states import STATES, STILL_HERE

_LONGEST_REASON = 200
_TYPES = {"csv": "text/csv", "json": "application/json"}


class PayoutPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        one = "/console/payouts/withdrawals/{id}"
        return [
            door.get("/console/payouts", self.show, supervisor=True),
            door.post(f"{one}/hold", self.hold, supervisor=True),
            door.post(f"{one}/release", self.release, supervisor=True),
            door.post(f"{one}/call-off", self.call_off, supervisor=True),
            door.post("/console/payouts/batches", self.make_batch, supervisor=True),
            door.get("/console/payouts/batches/{id}/{form}", self.download, supervisor=True),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        state = visit.query("state", "requested")
        state = state if state in STATES else "requested"
        now = self._console.clock.now()

        def gather(tx: Tx) -> dict[str, Any]:
            return {
                "counts": withdrawals.counts(tx),
                "lines": [_line(tx, w, now) for w in withdrawals.in_state(tx, state)],
                "batches": batches.every(tx, 50),
                "names": {p.id: p.name or p.email for p in staffing.every(tx)},
            }

        found = await self._console.store.read(gather)
        return page(
            self._console, visit, "payouts.html", state=state, shown=withdrawals.SHOWN, here_still=STILL_HERE,
            today=now.astimezone(self._console.zone).date(), done=_done(visit), **found,
        )  # fmt: skip

    async def hold(self, visit: Visit) -> web.StreamResponse:
        key, reason, now, house = visit.path("id"), _reason(visit), self._console.clock.now(), self._console.house
        await self._console.store.run(
            lambda tx: withdrawals.hold(tx, house, key, by=visit.staff.id, reason=reason, at=now)
        )  # fmt: skip
        return see_other("/console/payouts?state=held&done=held")

    async def release(self, visit: Visit) -> web.StreamResponse:
        key, reason, now, house = visit.path("id"), _reason(visit), self._console.clock.now(), self._console.house
        after = await self._console.store.run(
            lambda tx: withdrawals.release(tx, house, key, by=visit.staff.id, reason=reason, at=now)
        )
        return see_other(f"/console/payouts?state={after.status}&done=released")

    async def call_off(self, visit: Visit) -> web.StreamResponse:
        key, now, house = visit.path("id"), self._console.clock.now(), self._console.house
        await self._console.store.run(lambda tx: withdrawals.call_off(tx, house, key, by=visit.staff.id, at=now))
        return see_other("/console/payouts?state=returned&done=called_off")

    async def make_batch(self, visit: Visit) -> web.StreamResponse:
        now, house = self._console.clock.now(), self._console.house
        today = now.astimezone(self._console.zone).date()
        until = _day(visit.form.get("until", ""), today)
        picked = await self._console.store.read(lambda tx: batches.pick(tx, until, now))
        claimed = await self._console.store.run(
            lambda tx: batches.claim(tx, house, picked, by=visit.staff.id, at=now)
        )  # fmt: skip
        if claimed.batch is None:
            return see_other("/console/payouts?done=nothing")
        return see_other("/console/payouts?state=in_review&done=batch")

    async def download(self, visit: Visit) -> web.StreamResponse:
        """The file of a batch: the same bytes every time."""
        form = next((f for f in files.FORMATS.values() if f == visit.path("form")), None)
        if form is None:
            raise NotFound("A batch comes as csv or json.")
        number = batches.number_of(visit.path("id"))
        raw = await self._console.store.read(lambda tx: batches.content(tx, number, form))
        name = f"{batches.batch_id(number)}.{form}"
        return web.Response(
            body=raw, content_type=_TYPES[form], charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
        )  # fmt: skip


def _line(tx: Tx, w: withdrawals.Withdrawal, now: datetime) -> dict[str, Any]:
    """A withdrawal, why it may not be paid now, and what of it could not be told."""
    try:
        account = ledger.load(tx, AccountRef(SOURCE, w.author_id), now)
    except NotFound:
        return {
            "w": w,
            "name": w.author_id,
            "waits": BAR_WORDS["no_account"],
            "batch": "",
            "untold": telling.untold(tx, w.id),
        }
    why = batches.obstacle(account, w, now) if w.status in STILL_HERE else ""
    return {
        "w": w, "name": account.name, "waits": BAR_WORDS[why] if why else "", "batch": batches.batch_of(tx, w.id),
        "untold": telling.untold(tx, w.id),
    }  # fmt: skip


def _reason(visit: Visit) -> str:
    reason = visit.form.get("reason", "").strip()[:_LONGEST_REASON]
    if not reason:
        raise Malformed("Write down why. The author does not see it; the record keeps it.")
    return reason


def _day(text: str, today: date) -> date:
    try:
        found = date.fromisoformat(text) if text else today
    except ValueError as error:
        raise Malformed("Give the day like 2026-03-20.") from error
    return min(found, today + timedelta(days=1))


def _done(visit: Visit) -> str:
    return _DONE.get(visit.query("done"), "")


_DONE = {
    "held": "The withdrawal is on hold. If the author could not be told that it is being checked, that stands below.",
    "released": "The withdrawal goes on. A payout hold that still runs keeps it out of every batch.",
    "called_off": "The withdrawal is called off; the amount is available to the author again.",
    "batch": "The batch is made. Download its file below and give it to finance.",
    "nothing": "Nothing may be paid now; no batch was made.",
}
