"""What went wrong and waits for somebody: parked work, messages nobody could read, replies that did not arrive."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from inbox import contacts, events, jobs
from inbox.clock import to_micros
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.contact_policy import may_write
from inbox.conversations import point_of
from inbox.db.store import Sql, Tx
from inbox.db.tables import attempts, conversations, messages, quarantine
from inbox.db.tables import contacts as people
from inbox.db.tables import jobs as queued
from inbox.errors import Conflict, NotFound
from inbox.house import House

_SHOWN = 200
b, m = sa.bindparam, messages.c
#: Written out, not bound: only so the partial index of these rows is used.
_STUCK = sa.and_(
    m.direction == sa.literal_column("'outbound'"),
    m.status.in_([sa.literal_column(f"'{s}'") for s in ("failed", "undelivered", "uncertain")]),
)
_UNDELIVERED = Sql(
    sa.select(
        m.id, m.conversation_id, m.channel, m.author, m.address, m.text, m.status, m.status_code, m.status_detail,
        m.created_at, people.c.name,
    )
    .join(conversations, conversations.c.id == m.conversation_id)
    .join(people, people.c.id == conversations.c.contact_id)
    .where(_STUCK)
    .order_by(m.id.desc())
    .limit(_SHOWN)
)  # fmt: skip
_QUARANTINED = Sql(
    sa.select(quarantine).where(quarantine.c.settled_at == 0).order_by(quarantine.c.id.desc()).limit(_SHOWN)
)
_SETTLE = Sql(
    sa.update(quarantine).where(quarantine.c.id == b("key"), quarantine.c.settled_at == 0).values(settled_at=b("when"))
)
_MESSAGE = Sql(sa.select(messages).where(m.id == b("message")))
_QUEUE_AGAIN = Sql(
    sa.update(messages)
    .where(m.id == b("message"), m.status == b("was"))
    .values(status="queued", status_code="", status_detail="")
)
#: A delivery that was tried before must look at its earlier attempts; a first try does not.
_TRIED = Sql(sa.update(queued).where(queued.c.id == b("job"), queued.c.kind == "deliver").values(attempts=1))
_CLOSE_ATTEMPTS = Sql(
    sa.update(attempts)
    .where(attempts.c.message_id == b("message"), attempts.c.ended_at == 0)
    .values(ended_at=b("when"), outcome="uncertain", detail="a person decided to send it again")
)


class FailurePages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/failures", self.show),
            door.post("/console/failures/jobs/{id}/retry", self.retry_job),
            door.post("/console/failures/quarantine/{id}/settle", self.settle),
            door.post("/console/failures/messages/{id}/retry", self.retry_message),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        def gather(tx: Tx) -> tuple[list[Any], list[Any], list[Any], list[Any]]:
            return jobs.parked(tx, _SHOWN), tx.all(_QUARANTINED), tx.all(_UNDELIVERED), jobs.late(tx)

        parked, quarantined, undelivered, late = await self._console.store.read(gather)
        return page(
            self._console, visit, "failures.html", parked=parked, quarantined=quarantined, undelivered=undelivered, late=late,
            done=_DONE.get(visit.query("done"), ""),
        )  # fmt: skip

    async def retry_job(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()

        def unit(tx: Tx) -> None:
            jobs.unpark(tx, key, now)
            tx.run(_TRIED, job=key)
            events.record(tx, "staff", "job.retried", now, visit.staff.id, job=key)

        await self._console.store.run(unit)
        return see_other("/console/failures?done=job")

    async def settle(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()

        def unit(tx: Tx) -> None:
            if not tx.run(_SETTLE, key=key, when=to_micros(now)):
                raise NotFound("That message was dealt with already.")
            events.record(tx, "staff", "quarantine.settled", now, visit.staff.id, quarantine=key)

        await self._console.store.run(unit)
        return see_other("/console/failures?done=settled")

    async def retry_message(self, visit: Visit) -> web.StreamResponse:
        """One that may have arrived is sent again only after a second look."""
        key, now, house = visit.path("id"), self._console.clock.now(), self._console.house
        row = await self._console.store.read(lambda tx: tx.one(_MESSAGE, message=key))
        if row is None:
            raise NotFound("There is no such message.")
        if row["status"] == "uncertain" and visit.form.get("sure") != "yes":
            return page(self._console, visit, "send_again.html", row=row)
        await self._console.store.run(lambda tx: send_again(tx, house, key, visit.staff.id, now))
        return see_other("/console/failures?done=message")


def send_again(tx: Tx, house: House, key: str, by: str, now: datetime) -> None:
    """Queue a message that did not arrive once more. Raises ``Conflict`` with the reason if it may not be."""
    row = tx.one(_MESSAGE, message=key)
    if row is None or row["status"] not in ("failed", "undelivered", "uncertain"):
        raise Conflict("This message is on its way or arrived already.")
    if row["channel"] not in ("email", "sms"):
        raise Conflict("A reply in the chat or on the phone cannot be sent again. Write to the author instead.")
    point = point_of(row["address"])
    denied = may_write(
        "agent_reply", row["channel"], contacts.suppression(tx, point), switched_on=row["channel"] in house.channels
    )
    if denied is not None:
        raise Conflict(f"Not sent again: {denied.words}.")
    if not tx.run(_QUEUE_AGAIN, message=key, was=row["status"]):
        raise Conflict("Somebody else did something with this message first.")
    tx.run(_CLOSE_ATTEMPTS, message=key, when=to_micros(now))
    events.record(
        tx,
        row["conversation_id"],
        "message.retried",
        now,
        by,
        message=key,
        why=row["status"],
        detail=row["status_detail"],
    )
    job = jobs.enqueue(tx, f"deliver:{row['channel']}", "deliver", f"{row['conversation_id']}:out", now, message=key)
    tx.run(_TRIED, job=job)


_DONE = {
    "job": "The work is queued again.",
    "settled": "Marked as dealt with.",
    "message": "The message is on its way again.",
}
