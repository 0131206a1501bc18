"""Changes of where royalties go and how authors are reached: asked for, called back, approved by a second person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from inbox import staffing
from inbox.accounts import ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Sql, Tx
from inbox.db.tables import handoffs
from inbox.errors import Malformed, NotFound
from inbox.escalation.handoffs import get_plain
from inbox.house import House
from inbox.money import Money
from inbox.payouts import destinations, setoff, telling
from inbox.payouts.destinations import KINDS, METHODS, Wanted

_LONGEST = 500
#: Of cases that end on this page.
REASONS = ("payout_destination_change", "contact_change", "payout_returned", "royalty_offset_request")
_CASES = Sql(
    sa.select(handoffs)
    .where(
        handoffs.c.status.in_(["open", "claimed"]),
        handoffs.c.reason.in_(REASONS),
    )
    .order_by(handoffs.c.due_at)
    .limit(100)
)  # fmt: skip
_Verb = Callable[[Tx, House, datetime], destinations.Change | setoff.Setoff]


class DestinationPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        one = "/console/changes/{id}"
        return [
            door.get("/console/changes", self.show),
            door.post("/console/changes", self.ask),
            door.post(f"{one}/called", self.called),
            door.post(f"{one}/approve", self.approve, supervisor=True),
            door.post(f"{one}/refuse", self.refuse),
            door.post("/console/setoffs", self.consent),
            door.post("/console/setoffs/{id}/apply", self.apply, supervisor=True),
            door.post("/console/setoffs/{id}/refuse", self.refuse_setoff, supervisor=True),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        now = self._console.clock.now()

        def gather(tx: Tx) -> dict[str, Any]:
            return {
                "waiting": [_line(tx, c, now) for c in destinations.open_ones(tx)],
                "decided": [_line(tx, c, now) for c in destinations.decided(tx)],
                "cases": tx.all(_CASES),
                "setoffs": setoff.open_ones(tx),
                "names": {p.id: p.name or p.email for p in staffing.every(tx)},
            }

        found = await self._console.store.read(gather)
        return page(
            self._console, visit, "changes.html", kinds=KINDS, methods=METHODS, done=_done(visit),
            case=visit.query("case")[:9], author=visit.query("author")[:64], message=visit.query("message")[:64], hours=self._console.house.rules.payout_hold_hours,
            **found,
        )  # fmt: skip

    async def ask(self, visit: Visit) -> web.StreamResponse:
        form = visit.form
        number = _case(form.get("case", ""))
        kind = next((k for k in KINDS if k == form.get("kind")), None)
        if kind is None:
            raise Malformed("Choose what shall change.")

        def unit(tx: Tx, house: House, now: datetime) -> destinations.Change:
            conversation = get_plain(tx, number).conversation_id if number else ""
            wanted = Wanted(
                author_id=form.get("author", "").strip()[:64], kind=kind, method=form.get("method", ""),
                last4=form.get("last4", ""), address=form.get("address", ""), rail_account=form.get("rail_account", ""),
                case=number, conversation_id=conversation,
            )  # fmt: skip
            return destinations.request(tx, house, wanted, visit.staff, now)

        return await self._do(unit, "asked")

    async def called(self, visit: Visit) -> web.StreamResponse:
        key, note = visit.path("id"), visit.form.get("note", "")[:_LONGEST]
        if visit.form.get("on_file") != "yes":
            raise Malformed("Confirm that you called the number on file, never one from the message.")
        return await self._do(
            lambda tx, house, now: destinations.confirm_call(tx, house, key, visit.staff, now, note=note), "called"
        )

    async def approve(self, visit: Visit) -> web.StreamResponse:
        key = visit.path("id")
        return await self._do(lambda tx, house, now: destinations.approve(tx, house, key, visit.staff, now), "approved")

    async def refuse(self, visit: Visit) -> web.StreamResponse:
        key, reason = visit.path("id"), visit.form.get("reason", "")[:_LONGEST]
        return await self._do(
            lambda tx, house, now: destinations.refuse(tx, house, key, visit.staff, now, reason=reason), "refused"
        )

    # -- set-off

    async def consent(self, visit: Visit) -> web.StreamResponse:
        form = visit.form

        def unit(tx: Tx, house: House, now: datetime) -> setoff.Setoff:
            _ = house
            author = form.get("author", "").strip()[:64]
            currency = ledger.load(tx, AccountRef(SOURCE, author)).currency
            wanted = setoff.Consent(
                author_id=author, invoice_id=form.get("invoice", "").strip()[:64],
                amount=_amount(form.get("amount", ""), currency), message_id=form.get("message", "")[:64],
            )  # fmt: skip
            return setoff.record_consent(tx, wanted, visit.staff, now)

        return await self._do(unit, "consented")

    async def apply(self, visit: Visit) -> web.StreamResponse:
        key = visit.path("id")
        return await self._do(lambda tx, house, now: setoff.apply(tx, house, key, visit.staff, now), "applied")

    async def refuse_setoff(self, visit: Visit) -> web.StreamResponse:
        key = visit.path("id")
        return await self._do(lambda tx, _, now: setoff.refuse(tx, key, visit.staff, now), "setoff_refused")

    async def _do(self, verb: _Verb, done: str) -> web.StreamResponse:
        house, now = self._console.house, self._console.clock.now()

        def unit(tx: Tx) -> bool:
            return bool(telling.untold(tx, verb(tx, house, now).id))

        missed = await self._console.store.run(unit)
        return see_other(f"/console/changes?done={done}{'&missed=1' if missed else ''}")


def _line(tx: Tx, change: destinations.Change, now: datetime) -> dict[str, Any]:
    try:
        account = ledger.load(tx, AccountRef(SOURCE, change.author_id), now)
    except NotFound:
        return {"c": change, "name": change.author_id, "phone": "", "untold": telling.untold(tx, change.id)}
    return {"c": change, "name": account.name, "phone": account.phone, "untold": telling.untold(tx, change.id)}


def _case(text: str) -> int:
    if not text.strip():
        return 0
    if not (text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= 9):
        raise Malformed("The case is a number, or empty.")
    return int(text)


def _amount(text: str, currency: str) -> Money:
    try:
        if not text.isascii() or len(text) > 20:
            raise ValueError(text)
        return Money.of(text.strip(), currency)
    except ValueError as error:
        raise Malformed("Give the amount like 84.65.") from error


def _done(visit: Visit) -> str:
    """What was done, and whether somebody who should hear of it could not be told."""
    done = visit.query("done")
    return " ".join((_DONE[done], _MISSED if visit.query("missed") else _TOLD.get(done, ""))) if done in _DONE else ""


_MISSED = "Not every contact could be told; who, and why, stands with the change and in the author's conversation."
_TOLD = {
    "asked": "The contacts on file are written to.",
    "approved": "The old and the new contact are written to.",
    "refused": "The contacts on file are written to.",
    "applied": "The author is written to.",
}
_DONE = {
    "asked": "Written down. Now call the number on file.",
    "called": "The call is on record. Another person, a supervisor, must approve the change.",
    "approved": "The change is made, and payouts rest.",
    "refused": "The change is refused. Everything stays as it was.",
    "consented": "The consent is on record. Another person, a supervisor, must approve the set-off.",
    "applied": "The royalties were used for the invoice.",
    "setoff_refused": "The set-off is refused; nothing was moved.",
}
