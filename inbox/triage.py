"""Carry one message from "stored" to "decided": gather the situation, ask ``decide``, write what follows.

All of it is one unit of work: the decision, its record, its reply, its case and its events commit together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import contacts, conversations, events, jsontext, likeness, merging, sender, verification
from inbox.accounts import ledger
from inbox.accounts.base import Account, AccountRef
from inbox.clock import to_micros
from inbox.contacts import Contact
from inbox.conversations import Conversation, address, point_of
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import decisions, messages
from inbox.decide import CaseView, Decision, Keyword, Situation, decide
from inbox.disclosure.levels import CODE_LEVEL
from inbox.escalation import handoffs
from inbox.house import House
from inbox.intents import keywords
from inbox.intents.understanding import Context, Understanding
from inbox.message import ContactPoint, MessageKind, Route, SenderProof, jsonable
from inbox.redaction import codes_in
from inbox.replying import Turn, carry_out
from inbox.sender import account_of
from inbox.verification import CodeResult

b = sa.bindparam
_MESSAGE = Sql(sa.select(messages).where(messages.c.id == b("message")))
_DECIDED = Sql(
    sa.update(messages).where(messages.c.id == b("message")).values(status="decided", conversation_id=b("belongs"))
)
_ADD = insert(
    decisions, "message_id", "conversation_id", "route", "intent", "reply_kind", "severity", "record", "created_at"
)


_ANY_CODE = "000000"
_JOINS = 10  # one after the other that are followed


@dataclass(frozen=True, slots=True)
class _Gathered:
    row: Any
    conversation: Conversation
    contact: Contact
    account: Account | None
    point: ContactPoint
    code: CodeResult | None


def run(tx: Tx, house: House, message_id: str, now: datetime) -> None:
    """Decide one stored message; a message that was decided already is left alone."""
    row = tx.one(_MESSAGE, message=message_id)
    if row is None or row["status"] != "received":
        return
    conversation = _belongs(tx, row)
    assert conversation is not None
    contact = contacts.by_id(tx, conversation.contact_id)  # it may have become somebody's since the message came
    assert contact is not None
    belongs = decide_row(tx, house, row, conversation, contact, now)
    tx.run(_DECIDED, message=message_id, belongs=belongs)


def _belongs(tx: Tx, row: Any) -> Conversation | None:
    """The message's conversation; where that was joined to another one while the message waited, the other one."""
    found = conversations.by_id(tx, row["conversation_id"])
    writer = contacts.by_point(tx, point_of(row["address"]))
    for _ in range(_JOINS):
        if found is None or found.status != "resolved" or not found.outcome.startswith(conversations.JOINED):
            break
        other = conversations.by_id(tx, found.outcome.removeprefix(conversations.JOINED))
        if other is None or writer is None or other.contact_id != writer.id:  # the merge was undone since
            break
        found = other
    return conversations.goes_on(tx, found) if found is not None else None


def decide_row(tx: Tx, house: House, row: Any, conversation: Conversation, contact: Contact, now: datetime) -> str:
    """Decide a message and carry it out; returns the conversation it belongs to then. The caller marks it decided."""
    if row["kind"] != MessageKind.TEXT.value:
        _ignore(tx, row, conversation, now)
        return conversation.id
    point = point_of(row["address"])
    gathered = _Gathered(
        row, conversation, contact, sender.account(tx, house, conversation, contact, point, now), point, None
    )
    gathered = _check_code(tx, house, gathered, now)
    turn = _judge(tx, house, gathered, now)
    outcome = carry_out(tx, house, turn, now)
    _record(tx, turn, outcome, now)
    if not gathered.conversation.awaiting and turn.authority is None and not _is_in_doubt(turn):
        likeness.notice(tx, row, turn.contact, now)
    return turn.conversation.id


def _is_in_doubt(turn: Turn) -> bool:
    """A message that speaks for somebody else, or tries to be them, is no evidence of who its sender is."""
    return any(f.route is Route.VERIFY_FIRST for f in turn.read.findings)


def give_to_person(tx: Tx, house: House, message_id: str, now: datetime, why: str) -> None:
    """The decision itself failed: the message goes to a person, with what is known."""
    row = tx.one(_MESSAGE, message=message_id)
    conversation = _belongs(tx, row) if row else None
    if row is None or conversation is None:
        return
    ask = handoffs.Ask(
        reason="bot_failed",
        quote=row["text"][:1000],
        did=(f"The bot could not decide: {why}"[:300],),
        message_id=message_id,
    )
    case, opened = handoffs.open_case(tx, house, conversation, ask, now)
    if not opened:
        handoffs.append(tx, house, case, message_id, now)
    tx.run(_DECIDED, message=message_id, belongs=conversation.id)
    tx.wake(f"decided:{message_id}")


def _check_code(tx: Tx, house: House, g: _Gathered, now: datetime) -> _Gathered:
    """If we wait for a code and the message has one, settle it; a right one proves the sender and joins the author."""
    if g.conversation.awaiting != "code":
        return g
    sealed = jsontext.loads(g.row["meta"]).get("given", "").split()
    given = (*sealed, *(verification.seal(house, code) for code in codes_in(g.row["text"])))
    if not given:
        return g
    result = verification.check(tx, house, sender.request(g.row, g.conversation, g.point), given, now)
    if result.outcome != "right":
        return replace_gathered(g, code=result)
    if g.conversation.context.get("purpose") == "withdraw" and result.ref is not None:
        ledger.lock(tx, result.ref)  # two confirmations of one author, on any two channels, come one after the other
    proven = replace(
        g.conversation, proof_level=CODE_LEVEL, proof_point=address(g.point), proof_at=now, proof_account="",
        proof_authority=result.authority,
    )  # fmt: skip
    if result.ref is None:
        return _Gathered(g.row, proven, g.contact, None, g.point, result)
    account = account_of(tx, result.ref, now)
    assert account is not None
    if not sender.may_join(tx, g.contact, g.point, result.ref):
        proven = replace(proven, proof_account=f"{result.ref.source}:{result.ref.id}")
        return _Gathered(g.row, proven, g.contact, account, g.point, result)
    contact, conversation = _join_author(tx, replace_conversation(g, proven), result.ref, account, now)
    return _Gathered(g.row, conversation, contact, account, g.point, result)


def replace_gathered(g: _Gathered, *, code: CodeResult) -> _Gathered:
    return _Gathered(g.row, g.conversation, g.contact, g.account, g.point, code)


def replace_conversation(g: _Gathered, conversation: Conversation) -> _Gathered:
    return _Gathered(g.row, conversation, g.contact, g.account, g.point, g.code)


def _join_author(
    tx: Tx, g: _Gathered, ref: AccountRef, account: Account, now: datetime
) -> tuple[Contact, Conversation]:
    """The proven sender is the author: this conversation becomes theirs, or goes on in the one they already have."""
    if g.contact.account_id == ref.id:
        return g.contact, g.conversation
    author = contacts.by_account(tx, ref.source, ref.id)
    if author is None:
        author = contacts.add(
            tx, now, source=ref.source, account_id=ref.id, name=account.name, language=account.language, timezone=account.timezone
        )  # fmt: skip
    contacts.add_point(tx, author.id, g.point, now)
    other = conversations.live(tx, author.id)
    moved = {
        "points": [address(g.point)],
        "conversations": [] if other else [g.conversation.id],
        "closed": g.conversation.id if other else "",
    }
    merging.note(tx, author.id, g.contact.id, moved, merging.BY_CODE, "proven by a one-time code", now)
    if other is None:
        return author, conversations.move_to_contact(tx, g.conversation, author.id, now)
    events.record(tx, other.id, "conversation.joined", now, "bot", joined=g.conversation.id, address=address(g.point))
    conversations.set_status(tx, g.conversation, "resolved", now, outcome=f"{conversations.JOINED}{other.id}")
    c = g.conversation
    return author, replace(
        other, language=c.language, channel=c.channel, context=c.context, proof_level=c.proof_level, proof_point=c.proof_point,
        proof_at=c.proof_at, proof_account="", proof_authority="",
    )  # fmt: skip


def _judge(tx: Tx, house: House, g: _Gathered, now: datetime) -> Turn:
    proof = SenderProof(g.row["proof"])
    resumed = g.code is not None and g.code.outcome == "right"
    read, asked = _read(tx, house, g, now, resumed=resumed)
    given = _named(g, read)
    if given:
        read, asked = _read(tx, house, g, now, resumed=True)
    who = sender.speaks_for(tx, house, g.conversation, g.contact, g.account, sender.Spoken(g.row, g.point, read), now)
    g = _Gathered(g.row, who.conversation, g.contact, who.account, g.point, g.code)
    level = verification.level_of(proof, g.point, g.account, g.conversation, now, house.rules)
    if who.recorded and not given:
        given = (g.point.value,)
    meta = jsontext.loads(g.row["meta"])
    if meta.get("only_history") == "yes" and read.route is Route.ANSWER:
        # Nothing but a forwarded or quoted mail: those are not the author's own words.
        read = replace(read, route=Route.CLARIFY, intents=(), candidates=(), reason="only a forwarded or quoted mail")
    case = handoffs.live(tx, g.conversation.id) if g.conversation.status != "pending" else None
    situation = Situation(
        read=read, channel=g.row["channel"], level=level, now=now, account=g.account, rules=house.rules,
        case=CaseView(number=case.number, claimed=case.status == "claimed", reason=case.reason) if case else None,
        context=g.conversation.context, topic=g.conversation.topic, code=g.code.outcome if g.code else "",
        code_left=g.code.left if g.code else 0, code_minutes=g.code.minutes if g.code else 0,
        fresh_code=resumed, beside_code=g.row["text"][:300] if resumed else "", purpose=str(g.conversation.context.get("purpose", "read")), keyword=_keyword(g.row, meta),
        contact_given=bool(given), masked=frozenset(m["kind"] for m in jsontext.loads(g.row["masked"])),
        wants_person=meta.get("wants_human") == "1", authority=who.authority, recorded=who.recorded,
        which_account=who.which,
    )  # fmt: skip
    decision = decide(situation)
    return Turn(
        row=g.row, conversation=g.conversation, contact=g.contact, account=g.account, point=g.point, proof=proof, level=level,
        read=read, decision=decision, case=case, given=given, asked=asked, code_id=g.code.code_id if g.code else "",
        authority=who.authority,
    )  # fmt: skip


def _named(g: _Gathered, read: Understanding) -> tuple[str, ...]:
    """The contacts that a sender without an account names as on file: when asked for, or instead of a code that came to none."""
    waits = g.conversation.awaiting == "contact" or (
        g.conversation.awaiting == "code" and g.account is None and g.code is None
    )
    return read.entities.emails + read.entities.phones if waits else ()


def _read(tx: Tx, house: House, g: _Gathered, now: datetime, *, resumed: bool) -> tuple[Understanding, str]:
    """Understand the message; with ``resumed`` the earlier one whose answer waited for the proof."""
    row, context = g.row, g.conversation.context
    if resumed and context.get("message"):
        row = tx.one(_MESSAGE, message=context["message"]) or g.row
    text = f"Subject: {row['subject']}\n\n{row['text']}" if row["subject"] else row["text"]
    if g.conversation.awaiting == "code":
        text = text.replace("[code]", _ANY_CODE)  # the reader only needs to see that one was given
    account = g.account
    read = house.reader.read(
        text,
        Context(
            now=now,
            timezone=(account.timezone if account else "") or house.company.timezone,
            channel=row["channel"],
            language_hint=row["language"] or g.conversation.language or (account.language if account else ""),
            awaiting="" if resumed else g.conversation.awaiting,
            options=tuple(context.get("options", ())),
            topic=g.conversation.topic,
            promise_days=house.rules.promise_days,
            names=(account.name, *account.titles) if account else (),
        ),
    )
    return read, row["id"]


def _keyword(row: Any, meta: dict[str, str]) -> Keyword:
    if row["channel"] != "sms":
        return ""
    kind = meta.get("opt_out_type", "").lower()
    if kind in ("stop", "start", "help"):
        return kind  # type: ignore[return-value]  # just compared
    return keywords.of(row["text"])


def _ignore(tx: Tx, row: Any, conversation: Conversation, now: datetime) -> None:
    """Machine mail is kept and shown, never answered, and reopens nothing."""
    tx.run(
        _ADD, message_id=row["id"], conversation_id=conversation.id, route=Route.IGNORE.value, intent="", reply_kind="silent",
        severity="low", record=jsontext.dumps({"reason": f"{row['kind']}: never answered"}), created_at=to_micros(now),
    )  # fmt: skip
    events.record(tx, conversation.id, "message.ignored", now, "bot", message=row["id"], why=row["kind"])
    tx.wake(f"decided:{row['id']}")


def _record(tx: Tx, turn: Turn, outcome: dict[str, Any], now: datetime) -> None:
    d, read = turn.decision, turn.read
    record = {
        "reason": d.reason, "level": turn.level, "proof": turn.proof.value, "language": read.language,
        "candidates": [[c.intent, round(c.score, 3), c.phrase] for c in read.candidates[:5]],
        "findings": [[f.guard, f.route.value, f.reason, f.quote] for f in read.findings],
        "entities": {k: jsonable(v) for k, v in _entities(read).items() if v},
        "intents": list(d.intents), "effects": [[e.kind, jsonable(e.data)] for e in d.effects],
        "person": d.person.reason if d.person else "", "code_for": d.code_for,
        "asked": turn.asked if turn.asked != turn.row["id"] else "",
        "authority": turn.authority.words if turn.authority else "", **outcome,
    }  # fmt: skip
    tx.run(
        _ADD, message_id=turn.row["id"], conversation_id=turn.conversation.id, route=d.route.value,
        intent=d.intents[0] if d.intents else "", reply_kind=d.kind, severity=d.severity.value,
        record=jsontext.dumps(record), created_at=to_micros(now),
    )  # fmt: skip
    events.record(
        tx, turn.conversation.id, "message.ignored" if d.route is Route.IGNORE else "message.decided", now, "bot",
        message=turn.row["id"], route=d.route.value, intents=list(d.intents), reply=d.kind, level=turn.level, why=d.reason,
        **({"authority": turn.authority.id, "account": turn.authority.ref.id} if turn.authority else {}),
    )  # fmt: skip
    tx.wake(f"decided:{turn.row['id']}")


def _entities(read: Understanding) -> dict[str, Any]:
    e = read.entities
    return {
        "amounts": [str(a) for a in e.amounts], "dates": [d.isoformat() for d in e.dates], "invoices": e.invoice_ids,
        "payments": e.payment_ids, "refunds": e.refund_ids, "withdrawals": e.withdrawal_ids, "month": e.month,
        "ordinal": e.ordinal, "times": [t.isoformat() for t in e.times],
    }  # fmt: skip


__all__ = ["Decision", "account_of", "codes_in", "run"]
