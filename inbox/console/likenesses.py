"""Contacts that may be one person: the evidence, and staff who accept, dismiss or take a merge back."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from inbox import contacts, jsontext, merging, staffing
from inbox.console.auth import Door
from inbox.console.view import Console, Visit, page, see_other
from inbox.db.store import Tx


class MergePages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/merges", self.show),
            door.post("/console/merges/suggestions/{id}/accept", self.accept),
            door.post("/console/merges/suggestions/{id}/dismiss", self.dismiss),
            door.post("/console/merges/{id}/undo", self.undo),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        suggestions, done, names = await self._console.store.read(_gather)
        return page(
            self._console, visit, "merges.html", suggestions=suggestions, merges=done, names=names,
            done=_DONE.get(visit.query("done"), ""),
        )  # fmt: skip

    async def accept(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        await self._console.store.run(lambda tx: merging.accept(tx, key, visit.staff.id, now))
        return see_other("/console/merges?done=merged")

    async def dismiss(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        await self._console.store.run(lambda tx: merging.dismiss(tx, key, visit.staff.id, now))
        return see_other("/console/merges?done=dismissed")

    async def undo(self, visit: Visit) -> web.StreamResponse:
        key, now = visit.path("id"), self._console.clock.now()
        await self._console.store.run(lambda tx: merging.undo(tx, key, visit.staff.id, now))
        return see_other("/console/merges?done=undone")


def _gather(tx: Tx) -> tuple[list[dict[str, Any]], list[dict[str, Any]], dict[str, str]]:
    names = {person.id: person.name or person.email for person in staffing.every(tx)}
    suggestions = [
        {
            "id": row["id"], "one": _contact(tx, row["contact_a"]), "other": _contact(tx, row["contact_b"]),
            "evidence": jsontext.loads(row["evidence"]), "created_at": row["created_at"],
        }
        for row in merging.open_suggestions(tx)
    ]  # fmt: skip
    done = [
        {
            "id": row["id"], "kept": _contact(tx, row["kept"]), "moved": jsontext.loads(row["moved"]), "why": row["why"],
            "by": row["merged_by"], "at": row["merged_at"], "undone_by": row["undone_by"], "undone_at": row["undone_at"],
        }
        for row in merging.latest(tx)
    ]  # fmt: skip
    return suggestions, done, names


def _contact(tx: Tx, key: str) -> dict[str, Any]:
    found = contacts.by_id(tx, key)
    points = [p.value if p.kind != "chat" else "chat" for p in contacts.points(tx, key)]
    name, account = (found.name, found.account_id) if found else ("", "")
    return {"name": name or "Somebody new", "account": account, "points": points}


_DONE = {
    "merged": "They are one contact now. The merge can be undone below.",
    "dismissed": "Dismissed. These two are not suggested again.",
    "undone": "Undone: addresses and conversations are back where they were.",
}
