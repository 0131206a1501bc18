"""Hand a conversation to people, and carry out what they do with it. One live case per conversation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events, jobs, jsontext, redaction, sender, staffing
from inbox.clock import from_micros, to_micros
from inbox.conversations import BOT, Conversation, point_of
from inbox.crm import filing
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import desk_events, handoffs, messages
from inbox.errors import NotFound
from inbox.escalation import routing
from inbox.escalation.base import DeskEvent, DeskResult
from inbox.house import House
from inbox.message import ChannelName, ContactPoint, Severity
from inbox.money import Money
from inbox.receivables import holds
from inbox.replies import Said, To, say_as_agent
from inbox.staffing import Staff

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
_OWN = Sql(
    sa.update(h)
    .where(h.c.number == b("case"))
    .values(status=b("to"), owner=b("who"), owner_name=b("called"), claimed_at=b("at"), version=h.c.version + 1)
)
_CLOSE = Sql(
    sa.update(h)
    .where(h.c.number == b("case"))
    .values(status=b("to"), outcome=b("result"), closed_at=b("at"), version=h.c.version + 1)
)
_CHANGED = Sql(
    sa.update(h)
    .where(h.c.number == b("case"))
    .values(version=h.c.version + 1, severity=b("how"), facts=b("known"), reason=b("why"), due_at=b("due"))
)
_REPLIED = Sql(sa.update(h).where(h.c.number == b("case"), h.c.first_reply_at == 0).values(first_reply_at=b("at")))
_BY_THREAD = Sql(
    sa.select(h.c.number).where(h.c.desk == b("on"), h.c.desk_channel == b("channel"), h.c.desk_ts == b("ts"))
)
_SILENCE = Sql(
    sa.update(messages)
    .where(
        messages.c.conversation_id == b("conversation"), messages.c.author == "bot", messages.c.status == "queued",
        messages.c.channel.in_(["email", "sms"]),
    )
    .values(status="suppressed", status_code="claimed")
)  # fmt: skip
_KNOWN_EVENT = Sql(sa.select(desk_events.c.result).where(desk_events.c.source_id == b("source")))
_ADD_EVENT = insert(desk_events, "source_id", "kind", "case", "actor_id", "result", "created_at")
_LAST_ADDRESS = Sql(
    sa.select(messages.c.channel, messages.c.address, messages.c.id)
    .where(messages.c.conversation_id == b("conversation"), messages.c.direction == "inbound")
    .order_by(messages.c.id.desc())
    .limit(50)
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
    _tell(tx, house, case, "case.open", now)
    tx.wake("queue")
    return case, True


def append(tx: Tx, house: House, case: Case, message_id: str, now: datetime) -> None:
    """The author or the bot said something more: show it in the case's thread."""
    events.record(tx, case.conversation_id, "handoff.appended", now, "bot", case=case.number, message=message_id)
    _tell(tx, house, case, "case.append", now, message=message_id)
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
        _tell(tx, house, case, "case.append", now, message=message_id)


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


def reply_channels(
    tx: Tx, house: House, conversation: Conversation, on_file: tuple[ContactPoint, ...]
) -> dict[ChannelName, ContactPoint]:
    """Where an agent's reply may go, the author's last used channel first; opt-outs and dead addresses left out."""
    found: dict[ChannelName, ContactPoint] = {}
    for row in tx.all(_LAST_ADDRESS, conversation=conversation.id):
        if row["channel"] in ("chat", "email", "sms"):
            found.setdefault(row["channel"], point_of(row["address"]))
    for point in on_file:
        found.setdefault("email" if point.kind == "email" else "sms", point)
    return {
        channel: point
        for channel, point in found.items()
        if channel in house.channels and _allowed(contacts.suppression(tx, point), channel)
    }


def _allowed(suppression: str, channel: ChannelName) -> bool:
    return not suppression or (suppression == "opt_out" and channel == "email")


# -- from the desk's side


def apply(tx: Tx, house: House, event: DeskEvent, on_file: tuple[ContactPoint, ...]) -> DeskResult:
    """Carry out what a person did, once per ``source_id``. ``on_file`` are the author's addresses at the biller."""
    known = tx.one(_KNOWN_EVENT, source=event.source_id)
    if known is not None:
        return DeskResult(**jsontext.loads(known["result"]))
    event = replace(event, text=redaction.mask(event.text).text, reason=redaction.mask(event.reason).text)
    result = _apply(tx, house, event, on_file)
    tx.run(
        _ADD_EVENT, source_id=event.source_id, kind=event.kind, case=event.case, actor_id=event.actor_id,
        result=jsontext.dumps({"ok": result.ok, "text": result.text}), created_at=to_micros(event.at),
    )  # fmt: skip
    return result


def _apply(tx: Tx, house: House, event: DeskEvent, on_file: tuple[ContactPoint, ...]) -> DeskResult:
    case = get(tx, event.case)
    conversation = conversations.by_id(tx, case.conversation_id)
    assert conversation is not None
    if event.kind == "note":
        conversations.note(tx, conversation.id, case.number, event.actor_name, event.text, event.at)
        return DeskResult(ok=True)
    agent = staffing.by_desk_id(tx, event.actor_id)
    if agent is None:
        events.record(
            tx, conversation.id, "desk.refused", event.at, event.actor_id, what=event.kind, case=case.number, why="not_staff"
        )  # fmt: skip
        return DeskResult(ok=False, text="You are not set up as an agent in Inbox yet. Ask a supervisor to add you.")
    act = _Act(tx, house, case, conversation, agent, event, on_file)
    return _ACTIONS[event.kind](act)


@dataclass(frozen=True, slots=True)
class _Act:
    tx: Tx
    house: House
    case: Case
    conversation: Conversation
    agent: Staff
    event: DeskEvent
    on_file: tuple[ContactPoint, ...]

    def record(self, kind: str, **data: Any) -> None:
        events.record(
            self.tx, self.conversation.id, kind, self.event.at, self.agent.id, case=self.case.number, name=self.agent.name, **data
        )  # fmt: skip

    def changed(self) -> None:
        _tell(self.tx, self.house, self.case, "case.update", self.event.at)
        self.tx.wake("queue")


def _claim(act: _Act) -> DeskResult:
    if act.case.owner == act.agent.id:
        return DeskResult(ok=True, text="The case is already yours.")
    if act.case.status == "claimed":
        return DeskResult(ok=False, text=f"{act.case.owner_name} has this case.")
    if act.case.status != "open":
        return DeskResult(ok=False, text=f"Case {act.case.number} is {act.case.status}. Reopen it first.")
    _own(act, "claimed", act.agent.id, act.agent.name)
    silenced = act.tx.run(_SILENCE, conversation=act.conversation.id)
    act.record("handoff.claimed", bot_messages_stopped=silenced)
    conversations.set_status(act.tx, act.conversation, "open", act.event.at, owner=act.agent.id, actor=act.agent.id)
    act.changed()
    return DeskResult(ok=True, text=f"Case {act.case.number} is yours. The bot is silent until you hand it back.")


def _release(act: _Act) -> DeskResult:
    if act.case.owner != act.agent.id:
        return DeskResult(ok=False, text=_not_yours(act))
    _own(act, "open", "", "")
    act.record("handoff.released")
    conversations.set_status(act.tx, act.conversation, "open", act.event.at, owner=BOT, actor=act.agent.id)
    act.changed()
    return DeskResult(ok=True, text=f"Case {act.case.number} is free again.")


def _reply(act: _Act) -> DeskResult:
    if act.case.owner != act.agent.id:
        return DeskResult(ok=False, text=_not_yours(act))
    if not act.event.text.strip():
        return DeskResult(ok=False, text="There is nothing to send yet.")
    where = reply_channels(act.tx, act.house, act.conversation, act.on_file)
    channel = act.event.channel or next(iter(where), None)
    if channel is None or channel not in where:
        return DeskResult(ok=False, text="The author cannot be reached there. Choose another channel.")
    point = where[channel]
    to = To(
        channel=channel,
        point=point,
        account=sender.proven_account(act.tx, act.house, act.conversation, point, act.event.at),
    )
    said = say_as_agent(
        act.tx,
        act.house,
        act.conversation,
        to,
        act.event.text,
        act.event.at,
        agent=act.agent.id,
        display_name=act.agent.name,
    )
    if not isinstance(said, Said):
        return DeskResult(ok=False, text=f"Not sent: {said.words}.")
    act.tx.run(_REPLIED, case=act.case.number, at=to_micros(act.event.at))
    act.record("handoff.replied", message=said.message_id, channel=channel)
    _tell(act.tx, act.house, act.case, "case.append", act.event.at, message=said.message_id)
    return DeskResult(ok=True, text=f"On its way by {channel}.")


def _return(act: _Act) -> DeskResult:
    if act.case.status not in ("open", "claimed"):
        return DeskResult(ok=False, text=f"Case {act.case.number} is already {act.case.status}.")
    if act.case.status == "claimed" and act.case.owner != act.agent.id:
        return DeskResult(ok=False, text=_not_yours(act))
    _close(act, "returned", "pending", act.event.outcome or "returned")
    return DeskResult(ok=True, text="The bot has the conversation again.")


def _resolve(act: _Act) -> DeskResult:
    if act.case.status not in ("open", "claimed"):
        return DeskResult(ok=False, text=f"Case {act.case.number} is already {act.case.status}.")
    if act.case.status == "claimed" and act.case.owner != act.agent.id and act.agent.role != "supervisor":
        return DeskResult(ok=False, text=_not_yours(act))
    if not act.event.outcome:
        return DeskResult(ok=False, text="Choose an outcome first.")
    _close(act, "resolved", "resolved", act.event.outcome)
    return DeskResult(ok=True, text=f"Case {act.case.number} is resolved.")


def _reopen(act: _Act) -> DeskResult:
    if act.case.status in ("open", "claimed"):
        return DeskResult(ok=False, text=f"Case {act.case.number} is already open.")
    if live(act.tx, act.conversation.id) is not None:
        return DeskResult(ok=False, text="A newer case of this conversation is open.")
    other = conversations.live(act.tx, act.conversation.contact_id)
    if other is not None and other.id != act.conversation.id:
        return DeskResult(ok=False, text="The author has a newer conversation; open the case there.")
    _own(act, "open", "", "")
    act.record("handoff.reopened", reason=act.event.reason)
    conversations.set_status(act.tx, act.conversation, "open", act.event.at, actor=act.agent.id)
    act.changed()
    return DeskResult(ok=True, text=f"Case {act.case.number} is open again.")


_ACTIONS = {
    "claim": _claim, "release": _release, "reply": _reply, "return": _return, "resolve": _resolve, "reopen": _reopen,
}  # fmt: skip


def _own(act: _Act, status: str, owner: str, name: str) -> None:
    at = to_micros(act.event.at) if owner else 0
    act.tx.run(_OWN, case=act.case.number, to=status, who=owner, called=name, at=at)


def _close(act: _Act, status: str, conversation_status: str, outcome: str) -> None:
    act.tx.run(_CLOSE, case=act.case.number, to=status, result=outcome, at=to_micros(act.event.at))
    lifted = holds.lift_case(act.tx, act.case.number, act.event.at)
    act.record(f"handoff.{status}", outcome=outcome, reason=act.event.reason, note=act.event.text, holds_lifted=lifted)
    # What was said before a handback does not count as now: the bot starts with a clean slate.
    conversations.touch(act.tx, replace(act.conversation, context={}, topic=""))
    conversations.set_status(
        act.tx, act.conversation, conversation_status, act.event.at, actor=act.agent.id, outcome=outcome
    )  # fmt: skip
    act.changed()


def _not_yours(act: _Act) -> str:
    return f"{act.case.owner_name} has this case." if act.case.owner else "Claim the case first."


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
    _tell(tx, house, case, "case.update", now)


def _pause(tx: Tx, conversation: Conversation, number: int, ask: Ask, now: datetime) -> None:
    if ask.hold and ask.account_id:
        holds.pause(tx, ask.account_id, ask.hold, conversation.id, now, invoices=ask.hold_invoices, case=number)


def _tell(tx: Tx, house: House, case: Case, kind: str, now: datetime, **payload: Any) -> None:
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
