"""Hand a conversation to people. One live case per conversation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import conversations, events, jobs, jsontext
from inbox.clock import from_micros, to_micros
from inbox.conversations import Conversation
from inbox.crm import filing
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import handoffs
from inbox.errors import NotFound
from inbox.escalation import routing
from inbox.house import House
from inbox.message import Severity
from inbox.money import Money
from inbox.receivables import holds

LANE = "desk"
_COALESCE = timedelta(seconds=1)  # changes within a second become one edit of the card

h = handoffs
b = sa.bindparam
_ADD = insert(
    h, "conversation_id", "contact_id", "reason", "severity", "status", "facts", "desk", "opened_at", "due_at"
)  # fmt: skip
_LIVE = Sql(sa.select(h).where(h.c.conversation_id == b("conversation"), h.c.status.in_(["open", "claimed"])))
_ONE = Sql(sa.select(h).where(h.c.number == b("case")).with_for_update())
_ONE_PLAIN = Sql(sa.select(h).where(h.c.number == b("case")))
_LATEST = Sql(sa.select(h).where(h.c.conversation_id == b("conversation")).order_by(h.c.number.desc()).limit(20))
_OF_CONTACT = Sql(
    sa.select(h).where(h.c.contact_id == b("contact"), h.c.number != b("not_this")).order_by(h.c.number).limit(20)
)
_CHANGED = Sql(
    sa.update(h)
    .where(h.c.number == b("case"))
    .values(version=h.c.version + 1, severity=b("how"), facts=b("known"), reason=b("why"), due_at=b("due"))
)
_BY_THREAD = Sql(
    sa.select(h.c.number).where(h.c.desk == b("on"), h.c.desk_channel == b("channel"), h.c.desk_ts == b("ts"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Why a person is needed, and what the case is about."""

    reason: str
    severity: Severity = Severity.NORMAL
    quote: str = ""  # the author's words, masked
    account_id: str = ""
    invoice_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    proof: str = ""
    did: tuple[str, ...] = ()
    withheld: tuple[str, ...] = ()
    hold: str = ""  # reason of a collections hold, "" = none
    hold_invoices: tuple[str, ...] = ()  # () = everything
    message_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    number: int
    conversation_id: str
    contact_id: str
    reason: str
    severity: Severity
    status: str
    owner: str
    owner_name: str
    outcome: str
    version: int
    opened_at: datetime
    due_at: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    desk: str = ""
    desk_channel: str = ""
    desk_ts: str = ""


# -- from the bot's side


def open_case(tx: Tx, house: House, conversation: Conversation, ask: Ask, now: datetime) -> tuple[Case, bool]:
    """Open a case, or add to the live one; returns it and whether it is new. Collections on the item pause at once."""
    found = live(tx, conversation.id)
    if found is not None:
        _widen(tx, house, found, ask, now)
        _pause(tx, conversation, found.number, ask, now)
        return replace(found, severity=max(found.severity, ask.severity, key=_RANK.__getitem__)), False
    severity = routing.severity_of(ask.reason, ask.severity)
    due = routing.due_at(now, severity, house.rules, house.company.timezone, ask.reason)
    tx.run(
        _ADD, conversation_id=conversation.id, contact_id=conversation.contact_id, reason=ask.reason, severity=severity.value,
        status="open", facts=jsontext.dumps(_facts(ask)), desk=house.desk, opened_at=to_micros(now),
        due_at=to_micros(due),
    )  # fmt: skip
    case = live(tx, conversation.id)
    assert case is not None
    conversations.set_status(tx, conversation, "open", now)
    events.record(
        tx, conversation.id, "handoff.opened", now, "bot", case=case.number, reason=ask.reason, severity=severity.value,
        due_at=due.isoformat(), message=ask.message_id,
    )  # fmt: skip
    _pause(tx, conversation, case.number, ask, now)
    tell(tx, house, case, "case.open", now)
    tx.wake("queue")
    return case, True


def append(tx: Tx, house: House, case: Case, message_id: str, now: datetime) -> None:
    """The author or the bot said something more: show it in the case's thread."""
    events.record(tx, case.conversation_id, "handoff.appended", now, "bot", case=case.number, message=message_id)
    tell(tx, house, case, "case.append", now, message=message_id)
    tx.wake("queue")


def undelivered(
    tx: Tx, house: House, conversation_id: str, message_id: str, status: str, why: str, now: datetime
) -> None:
    """A reply did not arrive: the desk hears of it, on the case or in a new one."""
    conversation = conversations.by_id(tx, conversation_id)
    if conversation is None:
        return
    conversation = conversations.goes_on(tx, conversation)
    case = live(tx, conversation.id)
    if case is None:
        open_case(
            tx,
            house,
            conversation,
            Ask(reason="undeliverable", quote=f"{status}: {why}"[:300], message_id=message_id),
            now,
        )
    else:
        tell(tx, house, case, "case.append", now, message=message_id)


def live(tx: Tx, conversation_id: str) -> Case | None:
    row = tx.one(_LIVE, conversation=conversation_id)
    return _case(row) if row else None


def get(tx: Tx, number: int) -> Case:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, case=number)
    if row is None:
        raise NotFound(f"there is no case {number}")
    return _case(row)


def get_plain(tx: Tx, number: int) -> Case:
    """The same without a lock, for readers."""
    row = tx.one(_ONE_PLAIN, case=number)
    if row is None:
        raise NotFound(f"there is no case {number}")
    return _case(row)


def of_conversation(tx: Tx, conversation_id: str) -> list[Case]:
    return [_case(row) for row in tx.all(_LATEST, conversation=conversation_id)]


def of_contact(tx: Tx, contact_id: str, not_this: int) -> list[Case]:
    return [_case(row) for row in tx.all(_OF_CONTACT, contact=contact_id, not_this=not_this)]


def by_thread(tx: Tx, desk: str, channel: str, ts: str) -> int | None:
    row = tx.one(_BY_THREAD, on=desk, channel=channel, ts=ts)
    return int(row["number"]) if row else None


# -- shared


_RANK = {Severity.LOW: 0, Severity.NORMAL: 1, Severity.HIGH: 2}


def _widen(tx: Tx, house: House, case: Case, ask: Ask, now: datetime) -> None:
    """More came up on a live case: keep the ids, and let a graver reason or severity take over."""
    facts = dict(case.facts)
    for name in ("invoice_ids", "payment_ids", "amounts"):
        facts[name] = list(dict.fromkeys([*facts.get(name, []), *_facts(ask)[name]]))
    urgency = routing.severity_of(ask.reason, ask.severity)
    graver = _RANK[urgency] > _RANK[case.severity] or case.reason == "undeliverable"
    reason, severity = (ask.reason, urgency) if graver else (case.reason, case.severity)
    due = min(case.due_at, routing.due_at(now, severity, house.rules, house.company.timezone, reason))
    if graver:
        facts["quote"] = ask.quote or facts.get("quote", "")
    tx.run(
        _CHANGED, case=case.number, how=severity.value, known=jsontext.dumps(facts), why=reason,
        due=to_micros(due),
    )  # fmt: skip
    events.record(
        tx, case.conversation_id, "handoff.widened", now, "bot", case=case.number, also=ask.reason, reason=reason,
        severity=severity.value,
    )  # fmt: skip
    tell(tx, house, case, "case.update", now)


def _pause(tx: Tx, conversation: Conversation, number: int, ask: Ask, now: datetime) -> None:
    if ask.hold and ask.account_id:
        holds.pause(tx, ask.account_id, ask.hold, conversation.id, now, invoices=ask.hold_invoices, case=number)


def tell(tx: Tx, house: House, case: Case, kind: str, now: datetime, **payload: Any) -> None:
    filing.changed(tx, house, case.conversation_id, now)
    if not house.desk:
        return
    number, lock = case.number, f"case:{case.number}"
    if kind == "case.update":
        if jobs.is_waiting(tx, LANE, kind, lock, now):
            return
        jobs.enqueue(tx, LANE, kind, lock, now, run_at=now + _COALESCE, case=number, **payload)
        return
    jobs.enqueue(tx, LANE, kind, lock, now, case=number, **payload)


def _facts(ask: Ask) -> dict[str, Any]:
    return {
        "quote": ask.quote, "account_id": ask.account_id, "invoice_ids": list(ask.invoice_ids),
        "payment_ids": list(ask.payment_ids), "amounts": [f"{a} {a.currency}" for a in ask.amounts], "proof": ask.proof,
        "did": list(ask.did), "withheld": list(ask.withheld),
    }  # fmt: skip


def _case(row: Any) -> Case:
    return Case(
        number=row["number"], conversation_id=row["conversation_id"], contact_id=row["contact_id"], reason=row["reason"],
        severity=Severity(row["severity"]), status=row["status"], owner=row["owner"], owner_name=row["owner_name"],
        outcome=row["outcome"], version=row["version"], opened_at=from_micros(row["opened_at"]),
        due_at=from_micros(row["due_at"]), facts=jsontext.loads(row["facts"]), desk=row["desk"],
        desk_channel=row["desk_channel"], desk_ts=row["desk_ts"],
    )  # fmt: skip
