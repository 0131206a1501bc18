"""What the queue lists. Each tab is one bounded statement; filters become conditions only when they are set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import sqlalchemy as sa

from inbox.db.store import Sql, Tx
from inbox.db.tables import contacts, conversations, handoffs, messages

Tab = Literal["open", "mine", "bot", "snoozed", "resolved"]
TABS: dict[Tab, str] = {
    "open": "Needs a person", "mine": "Mine", "bot": "With the bot", "snoozed": "Snoozed", "resolved": "Resolved",
}  # fmt: skip
PAGE = 50
_RECENT = 2_000  # last messages that the tabs without an index of their own look through
_COUNTED = 1_000

b, c, h, m = sa.bindparam, conversations.c, handoffs.c, messages.c
_FILTERS = {
    "channel": c.channel == b("channel"),
    "language": c.language == b("language"),
    "reason": h.reason == b("reason"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    channel: str = ""
    language: str = ""
    reason: str = ""

    def binds(self) -> dict[str, str]:
        found = {"channel": self.channel, "language": self.language, "reason": self.reason}
        return {name: value for name, value in found.items() if value}


def listed(tx: Tx, tab: Tab, filters: Filters, staff_id: str, page: int) -> list[Any]:
    """Up to ``PAGE`` rows and one more if there is a next page; ``page`` counts from 0."""
    binds: dict[str, Any] = {**filters.binds(), "offset": page * PAGE}
    if tab == "mine":
        binds["me"] = staff_id
    return tx.all(_statement(tab, frozenset(filters.binds())), **binds)


def counts(tx: Tx, staff_id: str, now: int) -> dict[str, int]:
    """Per tab that can be counted cheaply, and ``overdue``; at most ``_COUNTED`` each."""
    row = tx.one(_COUNTS, me=staff_id, now=now)
    assert row is not None
    return {name: int(row[name] or 0) for name in ("open", "mine", "overdue", "snoozed", "bot")}


def reasons(tx: Tx) -> list[str]:
    """The reasons that open cases have now."""
    return [row["reason"] for row in tx.all(_REASONS)]


@lru_cache(maxsize=128)
def _statement(tab: Tab, active: frozenset[str]) -> Sql:
    base = _cases(tab) if tab in ("open", "mine") else _talks(tab)
    for name in sorted(active):
        base = base.where(_FILTERS[name])
    return Sql(base.limit(PAGE + 1).offset(b("offset")))


_LIVE = h.status.in_(["open", "claimed"])
_COLUMNS = (
    c.id, c.channel, c.language, c.subject, c.status, c.topic, c.opened_at, c.last_message_at, c.resolved_at, c.outcome,
    contacts.c.name, contacts.c.account_id, h.number, h.reason, h.severity, h.owner, h.owner_name, h.due_at,
    h.first_reply_at, h.opened_at.label("case_at"),
)  # fmt: skip


def _cases(tab: Tab) -> sa.Select[Any]:
    """By due time; those that heard from a person already come after those that still wait."""
    found = (
        sa.select(*_COLUMNS)
        .select_from(handoffs)
        .join(conversations, c.id == h.conversation_id)
        .join(contacts, contacts.c.id == c.contact_id)
        .where(_LIVE)
        .order_by(sa.case((h.first_reply_at > 0, 1), else_=0), h.due_at, h.number)
    )
    return found.where(h.owner == b("me")) if tab == "mine" else found


def _talks(tab: Tab) -> sa.Select[Any]:
    """Conversations without a live case, those with the latest message first."""
    status = {"bot": "pending", "snoozed": "snoozed", "resolved": "resolved"}[tab]
    latest = (
        sa.select(sa.func.max(handoffs.c.number))
        .where(h.conversation_id == c.id)
        .correlate(conversations)
        .scalar_subquery()
    )
    joined = conversations.join(contacts, contacts.c.id == c.contact_id).join(
        handoffs, sa.and_(h.conversation_id == c.id, h.number == latest), isouter=True
    )
    if tab == "snoozed":
        return sa.select(*_COLUMNS).select_from(joined).where(c.status == status).order_by(c.last_message_at.desc())
    recent = _recent()
    return (
        sa.select(*_COLUMNS)
        .select_from(joined.join(recent, recent.c.conversation_id == c.id))
        .where(c.status == status)
        .order_by(recent.c.latest.desc())
    )


def _recent() -> sa.Subquery:
    last = sa.select(m.conversation_id, m.id).order_by(m.id.desc()).limit(_RECENT).subquery()
    latest = sa.func.max(last.c.id).label("latest")
    return sa.select(last.c.conversation_id, latest).group_by(last.c.conversation_id).subquery()


def _count_of(*conditions: sa.ColumnElement[bool]) -> Any:
    found = sa.select(h.number).where(_LIVE, *conditions).limit(_COUNTED).subquery()
    return sa.select(sa.func.count()).select_from(found).scalar_subquery()


def _pending() -> Any:
    recent = _recent()
    joined = conversations.join(recent, recent.c.conversation_id == c.id)
    return sa.select(sa.func.count()).select_from(joined).where(c.status == "pending").scalar_subquery()


_SNOOZED = sa.select(sa.func.count()).select_from(conversations).where(c.status == "snoozed").scalar_subquery()
_COUNTS = Sql(
    sa.select(
        _count_of().label("open"), _count_of(h.owner == b("me")).label("mine"),
        _count_of(h.due_at < b("now"), h.first_reply_at == 0).label("overdue"),
        _SNOOZED.label("snoozed"), _pending().label("bot"),
    )
)  # fmt: skip
_REASONS = Sql(sa.select(h.reason).where(_LIVE).group_by(h.reason).order_by(h.reason))
