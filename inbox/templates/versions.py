"""Which words may be sent: every (answer, language) has numbered versions, and a supervisor decides on each.

``draft`` waits for a decision, ``approved`` is what the bot sends (one at a time), ``suspended`` was taken back,
``retired`` was replaced. Nothing else is ever sent: without an approved version the case goes to a person.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from inbox import events
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import template_versions
from inbox.errors import Conflict, Forbidden, NotFound
from inbox.ids import new_id
from inbox.templates.catalog import LAYOUT, Answers, digest

SHIPPED_BY = "shipped"

v = template_versions
b = sa.bindparam
_APPROVED = Sql(
    sa.select(v.c.id, v.c.version, v.c.bundle).where(
        v.c.answer == b("answer"), v.c.language == b("language"), v.c.status == "approved"
    )
)
_ALL = Sql(sa.select(v).order_by(v.c.answer, v.c.language, v.c.version))
_ONE = Sql(sa.select(v).where(v.c.id == b("key")))
_ADD = insert(v, "id", "answer", "language", "version", "hash", "bundle", "status", "author", "created_at")
_DECIDE = Sql(
    sa.update(v)
    .where(v.c.id == b("key"), v.c.status == b("was"))
    .values(status=b("to"), decided_by=b("who"), reason=b("why"), decided_at=b("at"))
)


@dataclass(frozen=True, slots=True)
class Version:
    """Approved words: what the sender uses."""

    id: str
    answer: str
    language: str
    version: int
    bundle: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRecord:
    """One version with its history, for the people who decide."""

    id: str
    answer: str
    language: str
    version: int
    hash: str
    bundle: Mapping[str, str]
    status: str
    author: str
    decided_by: str
    reason: str
    created_at: datetime
    decided_at: datetime | None


def approved(tx: Tx, answer: str, language: str) -> Version | None:
    """The version that may be sent now, read in the transaction of the reply: a suspension works at once."""
    row = tx.one(_APPROVED, answer=answer, language=language)
    if row is None:
        return None
    return Version(row["id"], answer, language, row["version"], _bundle(row["bundle"]))


def every(tx: Tx) -> list[VersionRecord]:
    return [_record(row) for row in tx.all(_ALL)]


def get(tx: Tx, key: str) -> VersionRecord:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, key=key)
    if row is None:
        raise NotFound(f"there is no template version {key}")
    return _record(row)


def sync(tx: Tx, answers: Answers, now: datetime, *, approve_as: str = "") -> int:
    """Take shipped words that are not on record yet as new drafts; returns how many.

    ``approve_as`` approves them in that name at once: for the demo and for tests, never for production.
    """
    newest: dict[tuple[str, str], VersionRecord] = {}
    known: set[tuple[str, str, str]] = set()
    for record in every(tx):
        newest[record.answer, record.language] = record
        known.add((record.answer, record.language, record.hash))
    added = 0
    for answer, language in sorted(answers.bundles):
        bundle = answers.bundle(answer, language)
        fingerprint = digest(bundle)
        if (answer, language, fingerprint) in known:
            continue
        latest = newest.get((answer, language))
        key = draft(tx, answer, language, bundle, now, author=SHIPPED_BY, version=(latest.version if latest else 0) + 1)
        added += 1
        if approve_as:
            approve(tx, key, now, approve_as)
    return added


def draft(
    tx: Tx, answer: str, language: str, bundle: Mapping[str, str], now: datetime, *, author: str, version: int
) -> str:
    key = new_id()
    tx.run(
        _ADD, id=key, answer=answer, language=language, version=version, hash=digest(bundle),
        bundle=json.dumps(dict(bundle), ensure_ascii=False, sort_keys=True), status="draft", author=author,
        created_at=to_micros(now),
    )  # fmt: skip
    events.record(tx, "templates", "template.drafted", now, author, answer=answer, language=language, version=version)
    return key


def approve(tx: Tx, key: str, now: datetime, by: str) -> None:
    """Make this the version that is sent; the one before retires. Nobody approves their own words."""
    record = get(tx, key)
    if record.author == by:
        raise Forbidden("somebody else must approve what you wrote")
    if record.status == "approved":
        return
    for other in every(tx):
        if (other.answer, other.language, other.status) == (record.answer, record.language, "approved"):
            _decide(tx, other, "retired", now, by, "replaced")
    _decide(tx, record, "approved", now, by, "")


def suspend(tx: Tx, key: str, now: datetime, by: str, reason: str) -> None:
    """Stop sending these words at once, everywhere; until a version is approved, a person answers."""
    record = get(tx, key)
    if record.status != "approved":
        raise Conflict(f"version {record.version} of {record.answer} is {record.status}, it is not being sent")
    _decide(tx, record, "suspended", now, by, reason)


def _decide(tx: Tx, record: VersionRecord, status: str, now: datetime, by: str, reason: str) -> None:
    if not tx.run(_DECIDE, key=record.id, was=record.status, to=status, who=by, why=reason, at=to_micros(now)):
        raise Conflict("somebody else decided on this version first")
    events.record(
        tx, "templates", f"template.{status}", now, by, answer=record.answer, language=record.language,
        version=record.version, hash=record.hash, before=record.status, reason=reason,
    )  # fmt: skip
    tx.wake("templates")


@lru_cache(maxsize=512)
def _bundle(text: str) -> Mapping[str, str]:
    parsed: dict[str, str] = json.loads(text)
    return parsed


def _record(row: Any) -> VersionRecord:
    return VersionRecord(
        id=row["id"], answer=row["answer"], language=row["language"], version=row["version"], hash=row["hash"],
        bundle=_bundle(row["bundle"]), status=row["status"], author=row["author"], decided_by=row["decided_by"],
        reason=row["reason"], created_at=from_micros(row["created_at"]),
        decided_at=from_micros(row["decided_at"]) if row["decided_at"] else None,
    )  # fmt: skip


__all__ = [
    "LAYOUT", "SHIPPED_BY", "Version", "VersionRecord", "approve", "approved", "draft", "every", "get", "suspend", "sync",
]  # fmt: skip
