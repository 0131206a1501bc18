"""What people do with a case at their desk: claim, reply, hand back, resolve; each once, each on record."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events, jsontext, redaction, sender, staffing
from inbox.clock import to_micros
from inbox.conversations import BOT, Conversation, point_of
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import desk_events, messages
from inbox.db.tables import handoffs as table
from inbox.escalation import handoffs
from inbox.escalation.base import DeskEvent, DeskResult
from inbox.escalation.handoffs import Case
from inbox.house import House
from inbox.message import ChannelName, ContactPoint
from inbox.receivables import holds
from inbox.replies import Said, To, say_as_agent
from inbox.staffing import Staff

b = sa.bindparam
_OWN = Sql(
    sa.update(table)
    .where(table.c.number == b("case"))
    .values(status=b("to"), owner=b("who"), owner_name=b("called"), claimed_at=b("at"), version=table.c.version + 1)
)
_CLOSE = Sql(
    sa.update(table)
    .where(table.c.number == b("case"))
    .values(status=b("to"), outcome=b("result"), closed_at=b("at"), version=table.c.version + 1)
)
_REPLIED = Sql(
    sa.update(table).where(table.c.number == b("case"), table.c.first_reply_at == 0).values(first_reply_at=b("at"))
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
    case = handoffs.get(tx, event.case)
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
        handoffs.tell(self.tx, self.house, self.case, "case.update", self.event.at)
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
    handoffs.tell(act.tx, act.house, act.case, "case.append", act.event.at, message=said.message_id)
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
    if handoffs.live(act.tx, act.conversation.id) is not None:
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
