"""Staff accounts, and one's own sessions and password."""

from __future__ import annotations

import asyncio
import secrets

import sqlalchemy as sa
from aiohttp import web

from inbox import events, staffing
from inbox.clock import to_micros
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Sql, Tx
from inbox.db.tables import sessions
from inbox.errors import Conflict, Malformed, NotFound
from inbox.staffing import Staff

b = sa.bindparam
_SESSIONS = Sql(
    sa.select(sessions)
    .where(sessions.c.staff_id == b("key"), sessions.c.revoked_at == 0, sessions.c.expires_at > b("now"))
    .order_by(sessions.c.created_at.desc())
)
_REVOKE = Sql(
    sa.update(sessions)
    .where(sessions.c.hash == b("session"), sessions.c.staff_id == b("key"), sessions.c.revoked_at == 0)
    .values(revoked_at=b("when"))
)


class PeoplePages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/people", self.show, supervisor=True),
            door.post("/console/people", self.add, supervisor=True),
            door.post("/console/people/{id}/disable", self.disable, supervisor=True),
            door.post("/console/people/{id}/enable", self.enable, supervisor=True),
            door.post("/console/people/{id}/password", self.new_password, supervisor=True),
            door.post("/console/people/{id}/slack", self.link, supervisor=True),
            door.get("/console/me", self.me),
            door.post("/console/me/sessions/{hash}/revoke", self.revoke),
            door.post("/console/me/password", self.change_password),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        return await self._list(visit, done=_DONE.get(visit.query("done"), ""))

    async def add(self, visit: Visit) -> web.StreamResponse:
        """The password is made here and shown once; only its hash is kept."""
        form, now, password = visit.form, self._console.clock.now(), secrets.token_urlsafe(15)
        email, name = form.get("email", "").strip()[:254], form.get("name", "").strip()[:100]
        if not name:
            raise Malformed("Authors see the name in replies: please give one.")
        added = await self._console.store.run(
            lambda tx: staffing.add(
                tx, now, email=email, name=name, role=form.get("role", ""), password=password,
                slack_user_id=form.get("slack", "").strip()[:40], by=visit.staff.id,
            )
        )  # fmt: skip
        return await self._list(visit, shown_once=(added.email, password))

    async def disable(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        if key == visit.staff.id:
            raise Conflict("You cannot switch off your own account. Ask another supervisor.")

        def unit(tx: Tx) -> None:
            staffing.disable(tx, _known(tx, key).id, now, visit.staff.id)

        await self._console.store.run(unit)
        return see_other("/console/people?done=disabled")

    async def enable(self, visit: Visit) -> web.StreamResponse:
        key, now, password = visit.path("id"), self._console.clock.now(), secrets.token_urlsafe(15)

        def unit(tx: Tx) -> str:
            person = _known(tx, key)
            if not person.disabled:
                raise Conflict(f"The account of {person.name or person.email} is on already.")
            staffing.enable(tx, key, password, now, visit.staff.id)
            return person.email

        email = await self._console.store.run(unit)
        return await self._list(visit, shown_once=(email, password))

    async def new_password(self, visit: Visit) -> web.StreamResponse:
        key, now, password = visit.path("id"), self._console.clock.now(), secrets.token_urlsafe(15)

        def unit(tx: Tx) -> str:
            person = _known(tx, key)
            staffing.set_password(tx, person.email, password, now, visit.staff.id)
            return person.email

        email = await self._console.store.run(unit)
        return await self._list(visit, shown_once=(email, password))

    async def link(self, visit: Visit) -> web.StreamResponse:
        key, slack, now = visit.path("id"), visit.form.get("slack", "").strip()[:40], self._console.clock.now()

        def unit(tx: Tx) -> None:
            person = _known(tx, key)
            other = staffing.by_desk_id(tx, slack)
            if other is not None and other.id != person.id:
                raise Conflict(f"That Slack user belongs to {other.name or other.email} already.")
            staffing.link_slack(tx, person.id, slack, now, visit.staff.id)

        await self._console.store.run(unit)
        return see_other("/console/people?done=linked")

    async def _list(
        self, visit: Visit, done: str = "", shown_once: tuple[str, str] | None = None
    ) -> web.StreamResponse:
        people = await self._console.store.read(staffing.every)
        return page(
            self._console, visit, "people.html", people=people, roles=staffing.ROLES, done=done, shown_once=shown_once
        )

    # -- one's own account

    async def me(self, visit: Visit) -> web.StreamResponse:
        return await self._me(visit, _DONE.get(visit.query("done"), ""))

    async def _me(self, visit: Visit, done: str = "", problem: str = "") -> web.StreamResponse:
        now, key = to_micros(self._console.clock.now()), visit.staff.id
        rows = await self._console.store.read(lambda tx: tx.all(_SESSIONS, key=key, now=now))
        status = 422 if problem else 200
        return page(
            self._console, visit, "me.html", status, rows=rows, done=done, problem=problem, shortest=staffing.SHORTEST_PASSWORD,
            this=visit.session,
        )  # fmt: skip

    async def revoke(self, visit: Visit) -> web.StreamResponse:
        """Only one's own: another person's session is as unknown as a wrong one."""
        key, now = visit.path("hash"), self._console.clock.now()

        def unit(tx: Tx) -> None:
            if not tx.run(_REVOKE, session=key, key=visit.staff.id, when=to_micros(now)):
                raise NotFound("That session ended already.")
            events.record(tx, "staff", "staff.session_revoked", now, visit.staff.id)

        await self._console.store.run(unit)
        return see_other("/console/me?done=revoked")

    async def change_password(self, visit: Visit) -> web.StreamResponse:
        """Ends every session of the account, this one too."""
        old, new = visit.form.get("old", "")[:1000], visit.form.get("new", "")[:1000]
        now, email = self._console.clock.now(), visit.staff.email
        _, stored = await self._console.store.read(lambda tx: staffing.stored_hash(tx, email))
        if not await asyncio.to_thread(staffing.matches, old, stored):
            return await self._me(visit, problem="The old password is not right.")
        if len(new) < staffing.SHORTEST_PASSWORD:
            return await self._me(visit, problem=f"The new one needs at least {staffing.SHORTEST_PASSWORD} characters.")
        await self._console.store.run(lambda tx: staffing.set_password(tx, email, new, now, visit.staff.id))
        return see_other("/console/login")


def _known(tx: Tx, key: str) -> Staff:
    person = staffing.by_id(tx, key)
    if person is None:
        raise NotFound("There is no such account.")
    return person


_DONE = {
    "disabled": "The account is switched off and logged out everywhere.",
    "linked": "The Slack user is linked.",
    "revoked": "That session has ended.",
}
