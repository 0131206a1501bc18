"""Carry one outbound message to its provider, and record what became of it.

An attempt row is committed before the provider is called. A message found with an open attempt after a crash is never
sent again blindly: the provider is asked; where it cannot be asked, mail is repeated with the same Message-ID (readers
fold the copies) and everything else goes to a person.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events, jobs, jsontext, metrics, verification
from inbox.channels.base import Channel
from inbox.clock import Clock, from_micros, to_micros
from inbox.conversations import point_of
from inbox.db.store import Sql, Store, Tx, insert
from inbox.db.tables import attempts, messages
from inbox.errors import Permanent, Transient, Uncertain, Unsupported
from inbox.escalation import handoffs
from inbox.house import House
from inbox.jobs import Job
from inbox.message import STATUS_RANK, DeliveryStatus, DeliveryUpdate, OutboundMessage, Receipt

log = logging.getLogger(__name__)
LEASE = timedelta(seconds=90)

b = sa.bindparam
_MESSAGE = Sql(sa.select(messages).where(messages.c.id == b("message")))
_BY_PROVIDER = Sql(sa.select(messages).where(messages.c.provider_id == b("provider")))
_ATTEMPTS = Sql(sa.select(attempts).where(attempts.c.message_id == b("message")).order_by(attempts.c.n))
_START = insert(attempts, "message_id", "n", "started_at")
_SETTLE = Sql(
    sa.update(attempts)
    .where(attempts.c.message_id == b("message"), attempts.c.ended_at == 0)
    .values(ended_at=b("at"), outcome=b("result"), detail="")
)
_END = Sql(
    sa.update(attempts)
    .where(attempts.c.message_id == b("message"), attempts.c.n == b("attempt"))
    .values(ended_at=b("at"), outcome=b("result"), detail=b("why"))
)
_SET = Sql(
    sa.update(messages)
    .where(messages.c.id == b("message"))
    .values(status=b("to"), status_code=b("code"), status_detail=b("why"))
)
_SET_SENT = Sql(
    sa.update(messages)
    .where(messages.c.id == b("message"), messages.c.status.in_(["queued", "sending"]))
    .values(status="sent", status_code="", status_detail="", provider_id=b("provider"))
)
_SET_PROVIDER = Sql(sa.update(messages).where(messages.c.id == b("message")).values(provider_id=b("provider")))
#: Addresses that these codes report as dead or opted out (https://www.twilio.com/docs/api/errors).
_OPTED_OUT = frozenset({"21610"})
_DEAD = frozenset({"21211", "21614", "30003", "30005", "30006", "5.1.1", "5.1.10"})


@dataclass(frozen=True, slots=True)
class Ready:
    """A message whose attempt is on record; what is left is to call the provider."""

    job: Job
    message: OutboundMessage
    attempt: int
    interrupted: bool  # an earlier attempt has no known outcome


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The work of one channel's lane: ``begin`` in the commit that claims the job, ``run`` outside of any."""

    store: Store
    house: House
    channel: Channel
    clock: Clock

    def begin(self, tx: Tx, job: Job, now: datetime) -> Ready | None:
        """Record the attempt; None if the message was settled meanwhile, by a status callback or a person."""
        key = str(job.payload["message"])
        row = tx.one(_MESSAGE, message=key)
        if row is None or STATUS_RANK[row["status"]] >= STATUS_RANK["sent"] or row["status"] == "uncertain":
            jobs.finish(tx, job)
            return None
        before = tx.all(_ATTEMPTS, message=key) if job.attempts > 1 else []
        n = (before[-1]["n"] if before else 0) + 1
        tx.run(_START, message_id=key, n=n, started_at=to_micros(now))
        return Ready(job, outbound(row, self.house, n), n, any(not a["ended_at"] for a in before))

    async def run(self, ready: Ready) -> None:
        """Send, and record the outcome: sent, retried, failed or given to a person."""
        try:
            receipt = await _attempt(self.channel, ready)
        except (Uncertain, Transient, Permanent) as error:
            unsent = error  # the name of an except clause is gone when the unit runs
            metrics.DELIVERED.labels(self.channel.name, type(error).__name__.lower()).inc()
            await self.store.run(lambda tx: _unsent(tx, self.house, ready, unsent, self.clock.now()))
        else:
            metrics.DELIVERED.labels(self.channel.name, "sent").inc()
            await self.store.run(lambda tx: _sent(tx, ready, receipt, self.clock.now()))


class _CannotAsk(Uncertain):
    """An attempt was interrupted and the provider cannot be asked about it."""


async def _attempt(channel: Channel, ready: Ready) -> Receipt:
    if ready.interrupted:
        try:
            found = await channel.find_sent(ready.message)
        except Unsupported as cannot_ask:
            if channel.name != "email":
                raise _CannotAsk from cannot_ask
        else:
            if found is not None:
                return found
    return await channel.send(ready.message)


def outbound(row: Any, house: House, attempt: int = 1) -> OutboundMessage:
    """The message as it leaves; a one-time code is put in here, nowhere else."""
    thread, meta = jsontext.loads(row["thread"]), jsontext.loads(row["meta"])
    text, html = row["text"], row["html"]
    if "code_id" in meta:
        digits = verification.code_of(house.secrets[0], meta["code_id"])
        text, html = (t.replace(verification.PLACEHOLDER, digits) for t in (text, html))
    return OutboundMessage(
        id=row["id"], channel=row["channel"], conversation_id=row["conversation_id"], to=point_of(row["address"]),
        text=text, html=html, subject=row["subject"], language=row["language"], sender_name=row["author_name"],
        automatic=row["author"] == "bot", in_reply_to=thread.get("in_reply_to", ""),
        references=tuple(thread.get("references", ())), attempt=attempt, created_at=from_micros(row["created_at"]),
        meta={k: str(v) for k, v in meta.items()},
    )  # fmt: skip


def _sent(tx: Tx, ready: Ready, receipt: Receipt, now: datetime) -> None:
    jobs.finish(tx, ready.job)
    tx.run(_SETTLE, message=ready.message.id, at=to_micros(now), result="sent")
    if ready.job.lane == "deliver:email":
        conversations.remember_key(tx, ready.message.conversation_id, receipt.provider_id.strip("<>"))
    if receipt.status is DeliveryStatus.SENT and tx.run(
        _SET_SENT, message=ready.message.id, provider=receipt.provider_id
    ):
        events.record(
            tx, ready.message.conversation_id, "message.sent", now, "provider", message=ready.message.id, provider=receipt.provider_id
        )  # fmt: skip
        return
    tx.run(_SET_PROVIDER, message=ready.message.id, provider=receipt.provider_id)  # a status callback was faster
    row = tx.one(_MESSAGE, message=ready.message.id)
    if row is not None:
        _move(tx, row, receipt.status, "", "", now)


def _unsent(tx: Tx, house: House, ready: Ready, error: Exception, now: datetime) -> None:
    if isinstance(error, Transient):
        _again(tx, house, ready, error, now)
    elif isinstance(error, Permanent):
        _failed(tx, house, ready, error.code, str(error), now)
    else:
        _uncertain(tx, house, ready, error, now)


def _again(tx: Tx, house: House, ready: Ready, wait: Transient, now: datetime) -> None:
    tx.run(
        _END, message=ready.message.id, attempt=ready.attempt, at=to_micros(now), result="transient", why=str(wait)[:500]
    )  # fmt: skip
    if ready.job.attempts >= jobs.MAX_ATTEMPTS:
        _give_up(tx, house, ready, DeliveryStatus.FAILED, "gave_up", f"{ready.job.attempts} attempts: {wait}", now)
        return
    tx.run(_SET, message=ready.message.id, to="queued", code="", why=str(wait)[:500])
    jobs.retry(tx, ready.job, now, str(wait), wait=wait.retry_after)


def _uncertain(tx: Tx, house: House, ready: Ready, doubt: Exception, now: datetime) -> None:
    """The attempt stays open and the provider is asked a little later; where it cannot be asked, a person decides."""
    why = str(doubt)[:500]
    if isinstance(doubt, _CannotAsk) or ready.job.attempts >= jobs.MAX_ATTEMPTS:
        tx.run(_SETTLE, message=ready.message.id, at=to_micros(now), result="uncertain")
        _give_up(tx, house, ready, DeliveryStatus.UNCERTAIN, "uncertain", why, now)
        return
    jobs.retry(tx, ready.job, now, why, wait=5.0)


def _failed(tx: Tx, house: House, ready: Ready, code: str, why: str, now: datetime) -> None:
    tx.run(_END, message=ready.message.id, attempt=ready.attempt, at=to_micros(now), result="permanent", why=why[:500])
    if code in _OPTED_OUT:
        contacts.suppress(tx, ready.message.to, now, reason="opt_out", message_id=ready.message.id)
    elif code in _DEAD:
        contacts.suppress(tx, ready.message.to, now, reason="invalid", message_id=ready.message.id)
    _give_up(tx, house, ready, DeliveryStatus.FAILED, code, why, now)


def _give_up(tx: Tx, house: House, ready: Ready, status: DeliveryStatus, code: str, why: str, now: datetime) -> None:
    jobs.finish(tx, ready.job)
    row = tx.one(_MESSAGE, message=ready.message.id)
    if row is None:
        return
    if code in _OPTED_OUT and ready.message.meta.get("purpose") == "confirmation":
        _move(tx, row, DeliveryStatus.SUPPRESSED, code, why, now)  # the carrier confirmed the opt-out itself
    else:
        _move(tx, row, status, code, why, now)
        handoffs.undelivered(tx, house, row["conversation_id"], ready.message.id, status, why, now)


def record(tx: Tx, house: House, update: DeliveryUpdate, now: datetime) -> bool:
    """What a provider says became of a message; False if it is unknown or says nothing new."""
    row = None
    if update.message_id:
        row = tx.one(_MESSAGE, message=update.message_id)
    if row is None and update.provider_id:
        row = tx.one(_BY_PROVIDER, provider=update.provider_id)
    if row is None or row["direction"] != "outbound":
        return False
    if row["provider_id"] is None and update.provider_id:
        tx.run(_SET_PROVIDER, message=row["id"], provider=update.provider_id)
    if not _move(tx, row, update.status, update.code, update.detail, now):
        return False
    if update.status in (DeliveryStatus.UNDELIVERED, DeliveryStatus.FAILED):
        point = update.point or point_of(row["address"])
        if update.code in _OPTED_OUT:
            contacts.suppress(tx, point, now, reason="opt_out", message_id=row["id"])
        elif update.code in _DEAD or update.channel == "email":
            contacts.suppress(tx, point, now, reason="invalid", message_id=row["id"])
        handoffs.undelivered(tx, house, row["conversation_id"], row["id"], update.status, update.detail, now)
    return True


def _move(tx: Tx, row: Any, status: DeliveryStatus, code: str, why: str, now: datetime) -> bool:
    """Set a state of higher rank; a final one never moves back."""
    if STATUS_RANK[status] <= STATUS_RANK[row["status"]]:
        return False
    tx.run(_SET, message=row["id"], to=status.value, code=code, why=why[:500])
    if status not in (DeliveryStatus.DELIVERED, DeliveryStatus.READ) or row["channel"] != "chat":
        events.record(
            tx, row["conversation_id"], f"message.{status.value}", now, "provider", message=row["id"], code=code, why=why[:500]
        )  # fmt: skip
    tx.wake(f"chat:{row['address']}")
    return True
