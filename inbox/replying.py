"""Carry out a decision: effects, case, code, reply, and what the conversation remembers of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from inbox import code_targets, contacts, conversations, effects, events, jsontext, links, sender, verification
from inbox.accounts import freshness
from inbox.accounts.base import Account
from inbox.accounts.facts import Fact
from inbox.contact_policy import Purpose
from inbox.contacts import Contact
from inbox.conversations import Conversation, point_of
from inbox.crm import filing
from inbox.db.store import Tx
from inbox.decide import HOLD_OF, Decision, Person, Reply
from inbox.disclosure.parties import Authority
from inbox.escalation import handoffs
from inbox.escalation.handoffs import Case
from inbox.house import House
from inbox.intents.understanding import Understanding
from inbox.message import LANGUAGES, ChannelName, ContactPoint, Route, SenderProof
from inbox.replies import Said, Say, To, Unsaid, say

#: Which secure link an answer's ``link`` fact is.
LINK_OF: Mapping[str, str] = {
    "make_payment": "pay", "promise_stored": "pay", "payment_failed": "pay", "amount_due": "pay",
    "update_payment_method": "update_method", "card_masked": "update_method",
    "invoice_copy": "document", "document_sent": "document", "royalty_withdrawal": "tax_form",
}  # fmt: skip
_LINK_FACTS = ("amount", "invoice_id", "document_id", "kind", "tax_form")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One message with everything known about it."""

    row: Any  # the inbound message
    conversation: Conversation
    contact: Contact
    account: Account | None
    point: ContactPoint
    proof: SenderProof
    level: int
    read: Understanding
    decision: Decision
    case: Case | None  # live before this message
    given: tuple[str, ...] = ()  # addresses the sender named as on file
    asked: str = ""  # the message whose question is being answered: an earlier one after a code
    code_id: str = ""  # the right code that came with this message
    authority: Authority | None = None  # an authorised person writes; ``account`` is their view of it


@dataclass(slots=True)
class _Carry:
    tx: Tx
    house: House
    turn: Turn
    now: datetime
    case: Case | None
    context: dict[str, Any] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)  # made on the way: withdrawal id, reminder date
    outcome: dict[str, Any] = field(default_factory=dict)


def carry_out(tx: Tx, house: House, turn: Turn, now: datetime) -> dict[str, Any]:
    """Do what was decided; returns what the decision record adds: replies, templates, case, refusals."""
    language = _language(turn)
    conversation = replace(
        turn.conversation, language=language, channel=turn.row["channel"], last_message_at=now, context={},
        topic=_topic(turn), proof_at=_proof_at(turn, house, now),
    )  # fmt: skip
    conversation = _reopen(tx, conversation, turn, now)
    if turn.conversation.channel != turn.row["channel"]:
        events.record(
            tx, conversation.id, "channel.switched", now, "author", before=turn.conversation.channel,
            after=turn.row["channel"], message=turn.row["id"],
        )  # fmt: skip
    c = _Carry(tx, house, replace(turn, conversation=conversation), now, turn.case, _awaiting(turn))
    if jsontext.loads(turn.row["meta"]).get("announced") == "1":
        events.record(tx, conversation.id, "call.announced", now, "bot", message=turn.row["id"])
    for effect in turn.decision.effects:
        c.facts |= effects.apply(tx, house, c.turn, effect, now)
    _tell_desk(c)
    replies = list(turn.decision.replies)
    if turn.decision.code_for:
        replies = _send_code(c, replies)
    if replies:
        _say(c, replies)
    _finish(c)
    return c.outcome


def _awaiting(turn: Turn) -> dict[str, Any]:
    """What we ask for, and which question waits for it."""
    context = dict(turn.decision.awaiting)
    if context.get("awaiting") == "contact":
        context |= {"message": turn.asked or turn.row["id"], "intents": list(turn.decision.intents)}
    return context


def _language(turn: Turn) -> str:
    asked = turn.read.wants_language or turn.read.language
    return asked if asked in LANGUAGES else "en"


def _topic(turn: Turn) -> str:
    intents = [i for i in turn.decision.intents if i not in ("greeting", "thanks")]
    return intents[0] if intents else turn.conversation.topic


def _proof_at(turn: Turn, house: House, now: datetime) -> datetime | None:
    """A proof that is in use stays fresh."""
    c = turn.conversation
    return now if verification.proven_here(c, turn.point, now, house.rules) else c.proof_at


def _reopen(tx: Tx, conversation: Conversation, turn: Turn, now: datetime) -> Conversation:
    """A new question reopens a resolved conversation; thanks and machine mail do not."""
    quiet = turn.decision.route is Route.IGNORE or turn.decision.resolve
    if conversation.status != "resolved" or quiet:
        return conversation
    return conversations.set_status(tx, conversation, "pending", now) or conversation


def _tell_desk(c: _Carry) -> None:
    """Open a case, or show the message in the live one."""
    turn, person = c.turn, c.turn.decision.person
    if person is not None:
        ask = _ask(turn, person)
        c.case, opened = handoffs.open_case(c.tx, c.house, turn.conversation, ask, c.now)
        c.outcome["case"] = c.case.number
        if opened:
            c.turn = replace(turn, conversation=_reread(c.tx, turn.conversation))
            return
    if c.case is not None and turn.decision.route is not Route.IGNORE:
        handoffs.append(c.tx, c.house, c.case, turn.row["id"], c.now)


def _reread(tx: Tx, conversation: Conversation) -> Conversation:
    fresh = conversations.by_id(tx, conversation.id)
    assert fresh is not None
    return replace(conversation, status=fresh.status, owner=fresh.owner, version=fresh.version)


def _ask(turn: Turn, person: Person) -> handoffs.Ask:
    proof = f"L{turn.level}: {_PROOF_WORDS[turn.proof]}"
    if turn.level == 2 and turn.proof is not SenderProof.PORTAL:
        proof = f"L2: one-time code, {turn.row['channel']}"
    if turn.authority is not None:
        proof = f"{proof}; not the author but {turn.authority.words}"
    return handoffs.Ask(
        reason=person.reason, severity=person.severity, quote=_quote(turn.row),
        account_id=turn.account.ref.id if turn.account else "", invoice_ids=person.invoice_ids,
        payment_ids=person.payment_ids, amounts=person.amounts, proof=proof, did=(person.words,), withheld=person.withheld,
        hold=person.hold if turn.account else "", hold_invoices=_held(person), message_id=turn.row["id"],
    )  # fmt: skip


def _quote(row: Any) -> str:
    """The author's own words; a mail's subject is part of them."""
    return (f"{row['subject']}: {row['text']}" if row["subject"] else str(row["text"]))[:1000]


def _held(person: Person) -> tuple[str, ...]:
    """A dispute freezes its own invoice; hardship, law and harm freeze everything."""
    return person.invoice_ids if person.hold == HOLD_OF["double_charge"] else ()


_PROOF_WORDS = {
    SenderProof.PORTAL: "signed in at the portal",
    SenderProof.CARRIER: "text message from the number on file",
    SenderProof.CALLER_ID: "caller id only",
    SenderProof.DMARC_PASS: "mail from the address on file, DMARC passed",
    SenderProof.DMARC_FAIL: "mail that failed DMARC",
    SenderProof.NONE: "nothing proven",
}

# -- codes


def _send_code(c: _Carry, replies: list[Reply]) -> list[Reply]:
    """Send a code to a contact on file, and say so in words that never tell whether there is one.

    Where nobody is on file, the same work is done: the message is written, but it never leaves.
    """
    turn, purpose = c.turn, c.turn.decision.code_for
    target = code_targets.target(c.tx, c.house, turn, c.now)
    request = sender.request(turn.row, turn.conversation, turn.point, purpose)
    sent = verification.step_up(c.tx, c.house, request, target, c.now)
    if isinstance(sent, verification.Paused):
        return [Reply(answer="code_locked", facts={"minutes": Fact("minutes", sent.minutes, "verification", c.now)})]
    c.context = {
        **turn.decision.awaiting, "awaiting": "code", "purpose": purpose, "message": turn.asked or turn.row["id"], "intents": list(turn.decision.intents),
    }  # fmt: skip
    c.facts["minutes"] = c.house.rules.code_minutes
    if target.ref is not None:  # while the author looks for the code
        freshness.refresh(c.tx, c.house, target.ref.id, turn.conversation.id, c.now)
    same_place = sent.sent_to == turn.point and turn.row["channel"] != "voice"  # a caller does not see the text come
    point = sent.sent_to or target.to or (point_of(target.asked) if target.asked else None)
    if point is not None:
        channel: ChannelName = "email" if point.kind == "email" else "sms"
        facts = {"code": verification.PLACEHOLDER, "minutes": c.house.rules.code_minutes}
        to = To(channel=channel, point=point, reply_to=turn.row["id"], never_leaves=sent.sent_to is None)
        said = say(
            c.tx, c.house, turn.conversation, to, [Say(answer="code_message", facts=facts)], c.now, purpose="code",
            meta={"code_id": sent.id},
        )  # fmt: skip
        _note(c, ["code_message"], said)
    tells = same_place or any(r.answer == "royalty_withdrawal" for r in replies)  # these words ask for the code
    return replies if tells else [*replies, Reply(answer="code_sent")]


# -- the reply


def _say(c: _Carry, replies: list[Reply]) -> None:
    said = _attempt(c, replies)
    if isinstance(said, Said):
        return
    if said.reason in ("template_not_approved", "missing_fact", "template_broken", "wrong_author"):
        _to_person(c, replies, said)
    elif c.case is None and c.turn.decision.person is None:
        _to_person(c, [], said)


def _attempt(c: _Carry, replies: list[Reply]) -> Said | Unsaid:
    turn = c.turn
    purpose: Purpose = "confirmation" if turn.decision.confirmation else "reply"
    to = _target(c, purpose)
    says = [_by_mail(c, to, _with_facts(c, reply)) for reply in replies]
    meta = {"handoff": "voicemail"} if to.channel == "voice" and turn.decision.person is not None else {}
    said = say(c.tx, c.house, turn.conversation, to, says, c.now, purpose=purpose, meta=meta)
    _note(c, [r.answer for r in replies], said)
    if isinstance(said, Said):
        _written(c, to, says)
    return said


def _by_mail(c: _Carry, to: To, part: Say) -> Say:
    """A document is announced for the mailbox only if this is not that mail and one can be sent."""
    if "by_email" not in part.facts:
        return part
    promised = bool(part.facts["by_email"]) and to.channel != "email" and _mailbox(c) is not None
    return replace(part, facts={**part.facts, "by_email": promised})


def _written(c: _Carry, to: To, says: list[Say]) -> None:
    """Send what was promised in writing: the document by mail, the links of a phone call by text."""
    for part in says:
        if part.facts.get("by_email"):
            facts = {name: part.facts.get(name) for name in ("document_id", "kind", "link")}
            _copy(c, _mailbox(c), Say(answer="document_sent", facts=facts, sources=part.sources))
        elif to.channel == "voice" and part.facts.get("link"):
            _copy(c, _pocket(c), part)


def _copy(c: _Carry, point: ContactPoint | None, part: Say) -> None:
    if point is None:
        return
    channel: ChannelName = "email" if point.kind == "email" else "sms"
    name, zone = _called(c.turn), c.turn.account.timezone if c.turn.account else ""
    to = To(channel=channel, point=point, reply_to=c.turn.row["id"], name=name, timezone=zone, account=c.turn.account)
    said = say(c.tx, c.house, c.turn.conversation, to, [part], c.now)
    _note(c, [part.answer], said)
    if isinstance(said, Unsaid) and said.reason == "wrong_author":
        _to_person(c, [], said)


def _mailbox(c: _Carry) -> ContactPoint | None:
    points = c.turn.account.points() if c.turn.account else ()
    return next((p for p in points if p.kind == "email" and code_targets.usable(c.tx, c.house, p)), None)


def _pocket(c: _Carry) -> ContactPoint | None:
    """Where a caller reads a link: the phone on file, else the mailbox."""
    points = c.turn.account.points() if c.turn.account else ()
    return next((p for p in points if p.kind == "phone" and code_targets.usable(c.tx, c.house, p)), None) or _mailbox(c)


def _called(turn: Turn) -> str:
    return (turn.account.name.split() or [""])[0] if turn.account and turn.level > 0 else ""


def _to_person(c: _Carry, replies: list[Reply], said: Unsaid) -> None:
    """What the bot may not say, a person says; the author hears that, if those words are approved."""
    person = Person(
        reason="wrong_author" if said.reason == "wrong_author" else "answer_not_available",
        severity=c.turn.decision.severity, words=said.words,
        withheld=tuple(f"{r.answer}: {said.words}" for r in replies),
    )  # fmt: skip
    c.turn = replace(c.turn, decision=replace(c.turn.decision, person=person))
    _tell_desk(c)
    if replies and c.turn.decision.route is not Route.IGNORE:
        _attempt(c, [Reply(answer="handoff")])


def _target(c: _Carry, purpose: Purpose) -> To:
    """Back the way it came; after an opt-out of texts, to the mail address on file."""
    turn = c.turn
    channel, point = turn.row["channel"], turn.point
    name = _called(turn)
    zone = turn.account.timezone if turn.account and turn.level > 0 else c.house.company.timezone
    if (
        channel == "sms"
        and purpose == "reply"
        and contacts.suppression(c.tx, point)
        and turn.account
        and turn.level > 0
    ):
        mail = _mailbox(c)
        if mail is not None:
            channel, point = "email", mail
    return To(channel=channel, point=point, reply_to=turn.row["id"], name=name, timezone=zone, account=turn.account)


def _with_facts(c: _Carry, reply: Reply) -> Say:
    """Fill in what only the carrying out knows: case number, time, links, ids."""
    facts: dict[str, Any] = {name: fact.value for name, fact in reply.facts.items()}
    sources = {name: (fact.source, fact.as_of.isoformat()) for name, fact in reply.facts.items()}
    spec = c.house.answers.spec(reply.answer)
    made = _made(c, facts)
    facts |= {name: made[name]() for name in spec.facts if name not in facts and name in made}
    facts |= {name: value for name, value in c.facts.items() if name in spec.facts}
    if c.turn.account is not None and "link" in spec.facts and _wants_link(reply, facts):
        facts["link"] = _link(c, reply.answer, facts)
    facts = {k: v for k, v in facts.items() if k in spec.facts}
    return Say(answer=reply.answer, facts=facts, sources=sources)


def _made(c: _Carry, facts: Mapping[str, Any]) -> dict[str, Callable[[], Any]]:
    case, person = c.case, c.turn.decision.person
    found: dict[str, Callable[[], Any]] = {"minutes": lambda: c.house.rules.code_minutes}
    if case is not None:
        found |= {
            "case": lambda: case.number, "reply_by": lambda: case.due_at, "reason": lambda: case.reason,
            "paused": lambda: bool(person and person.hold and c.turn.account),
            "item": lambda: ", ".join(person.invoice_ids) if person and c.turn.level >= 1 else None,
        }  # fmt: skip
    _ = facts
    return {name: make for name, make in found.items() if name != "item" or (person and person.invoice_ids)}


def _wants_link(reply: Reply, facts: Mapping[str, Any]) -> bool:
    if reply.answer == "royalty_withdrawal":
        return facts.get("state") == "tax_form"
    return reply.answer in LINK_OF and not facts.get("nothing_due")


def _link(c: _Carry, answer: str, facts: Mapping[str, Any]) -> str:
    assert c.turn.account is not None
    data = {k: str(v) for k, v in facts.items() if k in _LINK_FACTS and v is not None}
    kind = LINK_OF[answer]
    c.outcome.setdefault("links", []).append(kind)
    if kind == "document":
        events.record(
            c.tx, c.turn.conversation.id, "document.sent", c.now, "bot", document=data.get("document_id", ""),
            to="address on file",
        )  # fmt: skip
    return links.create(c.tx, c.house, kind, c.turn.account.ref, c.turn.conversation.id, data, c.now)


def _note(c: _Carry, answers: list[str], said: Said | Unsaid) -> None:
    if isinstance(said, Said):
        c.outcome.setdefault("replies", []).append({"message": said.message_id, "answers": answers})
        if c.case is not None:
            handoffs.append(c.tx, c.house, c.case, said.message_id, c.now)
    else:
        c.outcome.setdefault("unsaid", []).append({"reason": said.reason, "words": said.words, "answers": answers})


def _finish(c: _Carry) -> None:
    decision = c.turn.decision
    conversation = replace(c.turn.conversation, context=c.context)
    if decision.route is Route.IGNORE or (decision.kind == "silent" and c.turn.conversation.context):
        conversation = replace(conversation, context=c.turn.conversation.context)
    conversations.touch(c.tx, conversation)
    if decision.resolve and c.case is None and conversation.status != "resolved":
        conversations.set_status(c.tx, conversation, "resolved", c.now, outcome="answered")
        filing.changed(c.tx, c.house, conversation.id, c.now)
