"""What concerns security, for supervisors: every attempt to hear what is not one's own, and what staff did about access."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from inbox import events, jsontext, staffing
from inbox.clock import from_micros
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page
from inbox.db.store import Sql, Tx
from inbox.db.tables import events as record

_SHOWN = 200
_STREAMS = ("security", "staff")
#: What the lists are called, and the beginnings of the event types in each.
LISTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "": ("Everything", ("",)),
    "attempts": ("Attempts", ("security.", "login.")),
    "access": ("Authorised people", ("authorisation.",)),
    "contacts": ("Merged contacts", ("merge.", "contact.")),
    "staff": ("Staff", ("staff.", "job.", "quarantine.")),
}
#: An attempt in the words of people.
WORDS: Mapping[str, str] = {
    "security.third_party_disclosure_attempt": "Asked about another person's account",
    "security.code_request": "Asked to be told a one-time code",
    "security.prompt_injection": "Tried to give the system orders",
    "security.impersonation": "Claimed to be somebody, without proof",
    "security.authority_exceeded": "Asked beyond their authorisation",
    "security.code_locked": "Gave wrong codes until the lock",
    "security.code_guessing": "Codes of one account were guessed all day",
    "security.forged_token": "Showed a portal token that is not ours",
    "security.network_locked": "Wrong codes from one network",
    "login.failed": "Login failed",
    "login.locked": "Logins locked after wrong passwords",
    "authorisation.proposed": "Authorisation recorded",
    "authorisation.approved": "Authorisation approved",
    "authorisation.refused": "Authorisation refused",
    "authorisation.revoked": "Authorisation revoked",
}


@cache
def _latest(chosen: str) -> Sql:
    """The newest of one list in one stream: a flood of one kind hides no other kind's list."""
    wanted = [record.c.type.startswith(begin, autoescape=True) for begin in LISTS[chosen][1] if begin]
    found = sa.select(record).where(record.c.stream == sa.bindparam("of"))
    found = found.where(sa.or_(*wanted)) if wanted else found
    return Sql(found.order_by(record.c.seq.desc()).limit(_SHOWN))


class SecurityPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [door.get("/console/security", self.show, supervisor=True)]

    async def show(self, visit: Visit) -> web.StreamResponse:
        chosen = visit.query("list") if visit.query("list") in LISTS else ""
        lines, broken, names = await self._console.store.read(lambda tx: _gather(tx, chosen))
        return page(
            self._console, visit, "security.html", lines=lines, broken=broken, names=names, lists=LISTS, chosen=chosen
        )


def _gather(tx: Tx, chosen: str) -> tuple[list[dict[str, Any]], list[str], Mapping[str, str]]:
    """The latest entries of both streams, newest first, and what is wrong with their chains."""
    lines = [_line(row) for stream in _STREAMS for row in tx.all(_latest(chosen), of=stream)]
    broken = [problem for stream in _STREAMS if (problem := events.verify(tx, stream))]
    names = {person.id: person.name or person.email for person in staffing.every(tx)}
    return sorted(lines, key=_when, reverse=True)[:_SHOWN], broken, names


def _line(row: Any) -> dict[str, Any]:
    data = jsontext.loads(row["data"])
    kind, _, value = str(data.get("address", "")).partition(":")
    return {
        "at": from_micros(row["at"]), "type": row["type"], "actor": row["actor"], "words": WORDS.get(row["type"], ""),
        "sender": "chat" if kind == "chat" else value or kind, "conversation": str(data.get("conversation", "")),
        "data": {k: v for k, v in data.items() if k not in ("conversation", "message", "address")},
    }  # fmt: skip


def _when(line: Mapping[str, Any]) -> datetime:
    moment: datetime = line["at"]
    return moment
