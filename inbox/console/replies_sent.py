"""Which automated replies were sent, with what was asked, what was judged, and the counts over them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from inbox import events, jsontext
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import contacts, conversations, decisions, messages, reviews
from inbox.errors import Malformed, NotFound
from inbox.ids import new_id

PAGE = 30
_COUNTED = 5_000  # the newest replies that the numbers are made of

b, m = sa.bindparam, messages.c
_q = messages.alias("question")
_VERDICTS = {"right", "wrong"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """The filters; ``""`` is no filter. ``since`` and ``until`` are microseconds, 0 for none."""

    intent: str = ""
    channel: str = ""
    language: str = ""
    answer: str = ""
    verdict: str = ""  # unreviewed | right | wrong
    delivery: str = ""
    since: int = 0
    until: int = 0

    def binds(self) -> dict[str, Any]:
        found = {f.name: getattr(self, f.name) for f in fields(self)}
        if self.answer:  # as the parts hold it; underscores are wildcards of LIKE
            stored = jsontext.dumps({"answer": self.answer})[1:-1]
            escaped = stored.replace("/", "//").replace("_", "/_").replace("%", "/%")
            found["answer"] = f"%{escaped}%"
        if self.verdict == "unreviewed":
            found["verdict"] = ""
            return {k: v for k, v in found.items() if v} | {"unreviewed": True}
        return {k: v for k, v in found.items() if v}


@dataclass(frozen=True, slots=True)
class Numbers:
    sent: int
    reviewed: int
    wrong: int

    @property
    def reviewed_share(self) -> str:
        return f"{100 * self.reviewed / self.sent:.0f} %" if self.sent else "–"

    @property
    def wrong_share(self) -> str:
        """Of those reviewed."""
        return f"{100 * self.wrong / self.reviewed:.1f} %" if self.reviewed else "–"


def listed(tx: Tx, wanted: Wanted, page: int) -> list[Any]:
    """Up to ``PAGE`` rows and one more if there is a next page, newest first."""
    binds = wanted.binds()
    unreviewed = binds.pop("unreviewed", False)
    active = frozenset(binds) | ({"unreviewed"} if unreviewed else set())
    return tx.all(_list_statement(active), **binds, offset=page * PAGE)


def numbers(tx: Tx, wanted: Wanted) -> Numbers:
    """Over the same filters, whatever the verdict."""
    binds = wanted.binds()
    binds.pop("unreviewed", None)
    binds.pop("verdict", None)
    row = tx.one(_number_statement(frozenset(binds)), **binds)
    assert row is not None
    return Numbers(row["sent"], row["reviewed"] or 0, row["wrong"] or 0)


def judge(tx: Tx, key: str, verdict: str, reason: str, reviewer: str, now: datetime) -> None:
    """Mark one automated reply right or wrong. Raises ``Malformed`` or ``NotFound``."""
    if verdict not in _VERDICTS:
        raise Malformed("Say whether the reply was right or wrong.")
    if verdict == "wrong" and not reason.strip():
        raise Malformed("Say in a few words what was wrong with the reply.")
    row = tx.one(_REPLY, message=key)
    if row is None:
        raise NotFound("There is no such reply.")
    tx.run(
        _ADD, id=new_id(), message_id=key, verdict=verdict, reason=reason.strip(), reviewer=reviewer, created_at=to_micros(now)
    )  # fmt: skip
    events.record(
        tx, row["conversation_id"], "reply.reviewed", now, reviewer, message=key, verdict=verdict, reason=reason.strip()
    )
    tx.wake("queue")


_ADD = insert(reviews, "id", "message_id", "verdict", "reason", "reviewer", "created_at")
_REPLY = Sql(sa.select(m.conversation_id).where(m.id == b("message"), m.author == "bot", m.direction == "outbound"))
_latest = sa.select(sa.func.max(reviews.c.id)).where(reviews.c.message_id == m.id).correlate(messages).scalar_subquery()
_CONDITIONS: dict[str, sa.ColumnElement[bool]] = {
    "intent": decisions.c.intent == b("intent"),
    "channel": m.channel == b("channel"),
    "language": m.language == b("language"),
    "answer": m.parts.like(b("answer"), escape="/"),
    "verdict": reviews.c.verdict == b("verdict"),
    "unreviewed": reviews.c.id.is_(None),
    "delivery": m.status == b("delivery"),
    "since": m.created_at >= b("since"),
    "until": m.created_at < b("until"),
}


def _base(active: frozenset[str], *columns: Any) -> sa.Select[Any]:
    joined = (
        messages.join(decisions, decisions.c.message_id == m.reply_to, isouter=True)
        .join(_q, _q.c.id == m.reply_to, isouter=True)
        .join(reviews, reviews.c.id == _latest, isouter=True)
        .join(conversations, conversations.c.id == m.conversation_id)
        .join(contacts, contacts.c.id == conversations.c.contact_id)
    )
    found = sa.select(*columns).select_from(joined).where(m.author == "bot", m.direction == "outbound")
    for name in sorted(active):
        found = found.where(_CONDITIONS[name])
    return found.order_by(m.id.desc())


@lru_cache(maxsize=256)
def _list_statement(active: frozenset[str]) -> Sql:
    columns = (
        m.id, m.conversation_id, m.channel, m.language, m.text, m.status, m.created_at, m.parts, contacts.c.name,
        decisions.c.intent, decisions.c.record, _q.c.text.label("question"), reviews.c.verdict, reviews.c.reason,
    )  # fmt: skip
    return Sql(_base(active, *columns).limit(PAGE + 1).offset(b("offset")))


@lru_cache(maxsize=256)
def _number_statement(active: frozenset[str]) -> Sql:
    newest = _base(active, m.id, reviews.c.verdict).limit(_COUNTED).subquery()
    wrong = sa.func.sum(sa.case((newest.c.verdict == "wrong", 1), else_=0))
    return Sql(
        sa.select(
            sa.func.count().label("sent"), sa.func.count(newest.c.verdict).label("reviewed"), wrong.label("wrong")
        ).select_from(newest)
    )
