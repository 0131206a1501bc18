"""Carry cases to the desk: post the card, edit it in place, add lines to its thread. Run by the worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from inbox import authorisations, contacts, conversations, jobs, jsontext, redaction, sender, verification
from inbox.accounts import known
from inbox.accounts.base import Account, AccountRef
from inbox.clock import Clock, from_micros
from inbox.contacts import Contact
from inbox.db.store import Sql, Store, Tx
from inbox.db.tables import decisions, messages, notes
from inbox.db.tables import handoffs as table
from inbox.disclosure import lookup, wrong_author
from inbox.errors import Malformed, NotFound, Uncertain
from inbox.escalation import acts, card, handoffs
from inbox.escalation.base import CaseRef, Desk, HandoffCard, TranscriptEntry
from inbox.escalation.handoffs import Case
from inbox.house import House
from inbox.intents.understanding import INTENTS
from inbox.jobs import Job
from inbox.message import ChannelName
from inbox.money import Money
from inbox.receivables import holds
from inbox.replies import language_of
from inbox.templates.render import letter

b = sa.bindparam
_MESSAGE = Sql(sa.select(messages).where(messages.c.id == b("message")))
_DECISIONS = Sql(
    sa.select(decisions)
    .where(decisions.c.conversation_id == b("conversation"))
    .order_by(decisions.c.message_id.desc())
    .limit(10)
)
_NOTES = Sql(sa.select(notes).where(notes.c.conversation_id == b("conversation")).order_by(notes.c.id))
_POSTED = Sql(
    sa.update(table)
    .where(table.c.number == b("case"))
    .values(desk_channel=b("where"), desk_ts=b("ts"), posted_version=b("seen"))
)
_SEEN = Sql(sa.update(table).where(table.c.number == b("case")).values(posted_version=b("seen")))


@dataclass(frozen=True, slots=True)
class Postings:
    """The work of the desk's lane."""

    store: Store
    house: House
    desk: Desk
    clock: Clock

    def begin(self, tx: Tx, job: Job, now: datetime) -> Job:
        _ = tx, now
        return job

    async def run(self, job: Job) -> None:
        """Do one desk job. Raises what the desk raised; the worker retries or parks."""
        store, number, now = self.store, int(job.payload["case"]), self.clock.now()
        shown, case = await store.read(
            lambda tx: (card_of(tx, self.house, number, now), handoffs.get_plain(tx, number))
        )
        ref = CaseRef(case.desk, case.desk_channel, case.desk_ts) if case.desk_ts else None
        if ref is None:
            ref = posted = await _open(self.desk, shown, job)
            await store.run(
                lambda tx: tx.run(_POSTED, case=number, where=posted.channel, ts=posted.ts, seen=shown.version)
            )
        if job.kind == "case.update":
            await self.desk.update(ref, shown)
            await store.run(lambda tx: tx.run(_SEEN, case=number, seen=shown.version))
        elif job.kind == "case.append":
            key = str(job.payload["message"])
            entry = await store.read(lambda tx: entry_of_message(tx, key))
            if entry is not None:
                await self.desk.append(ref, entry)
        await store.run(lambda tx: jobs.finish(tx, job))


async def _open(desk: Desk, the_card: HandoffCard, job: Job) -> CaseRef:
    """Post the root message; after an interrupted attempt look first whether it is there already."""
    if job.attempts > 1:
        found = await desk.find(the_card)
        if found is not None:
            return found
    try:
        return await desk.open(the_card)
    except Uncertain:
        found = await desk.find(the_card)
        if found is None:
            raise
        return found


def card_of(tx: Tx, house: House, number: int, now: datetime) -> HandoffCard:
    """The card as it is now. Raises ``NotFound``."""
    case = handoffs.get_plain(tx, number)
    conversation = conversations.by_id_plain(tx, case.conversation_id)
    assert conversation is not None
    contact = contacts.by_id(tx, conversation.contact_id)
    account = _account(tx, contact, now)
    facts = case.facts
    paused = holds.of(tx, account.ref.id, now) if account else []
    where = acts.reply_channels(tx, house, conversation, account.points() if account else ())
    withheld, did = _bot_record(tx, case)
    return card.build(
        card.CaseFacts(
            number=case.number, conversation_id=conversation.id, status=_status(case), reason=case.reason,
            severity=case.severity, owner=case.owner_name, due_at=case.due_at,
            author_name=account.name if account else (contact.name if contact else ""), quote=facts.get("quote", ""),
            language=conversation.language or "en", channel=conversation.channel,  # type: ignore[arg-type]  # stored by us
            reply_channels=tuple(where), proof=facts.get("proof", ""), invoice_ids=tuple(facts.get("invoice_ids", ())),
            payment_ids=tuple(facts.get("payment_ids", ())), amounts=tuple(_money(a) for a in facts.get("amounts", ())),
            transcript=tuple(transcript(tx, conversation.id, 10)), bot_did=did,
            bot_withheld=(*tuple(facts.get("withheld", ())), *withheld), outcome=case.outcome,
            url=f"{house.public_url}/console/conversations/{conversation.id}", version=case.version,
            holds=tuple(f"{h['invoice_id'] or 'everything'} ({h['reason'].replace('_', ' ')})" for h in paused),
            authorised=_authorised(tx, account, now) if account else (), earlier_cases=_earlier(tx, case), account_url=f"{house.public_url}/console/conversations/{conversation.id}",
        ),
        account,
        now,
    )  # fmt: skip


def _authorised(tx: Tx, account: Account, now: datetime) -> tuple[str, ...]:
    live = [a for a in authorisations.of_account(tx, account.ref) if a.is_live(now)]
    return tuple(f"{a.person} ({a.relation}): {a.scope.words}" for a in live)


def _account(tx: Tx, contact: Contact | None, now: datetime) -> Account | None:
    """As the biller has it: what this case contests is told by the case itself, not as an earlier dispute."""
    if contact is None or not contact.account_id:
        return None
    try:
        return known.load(tx, AccountRef(contact.account_source, contact.account_id), now)
    except NotFound:
        return None


def transcript(tx: Tx, conversation_id: str, limit: int) -> list[TranscriptEntry]:
    return [_entry(row) for row in conversations.last(tx, conversation_id, limit)]


def entry_of_message(tx: Tx, key: str) -> TranscriptEntry | None:
    row = tx.one(_MESSAGE, message=key)
    return _entry(row) if row else None


def preview(tx: Tx, house: House, number: int, text: str, channel: ChannelName, now: datetime) -> str:
    """What the author would get, in that channel. Raises ``Malformed`` if it holds something of another author."""
    case = handoffs.get_plain(tx, number)
    conversation = conversations.by_id_plain(tx, case.conversation_id)
    assert conversation is not None
    language = language_of(conversation.language)
    rendered = letter(text, channel, language, house.company, agent_name=case.owner_name)
    account = _account(tx, contacts.by_id(tx, conversation.contact_id), now)
    point = acts.reply_channels(tx, house, conversation, account.points() if account else ()).get(channel)
    going = lookup.Going(
        texts=(rendered.text, rendered.subject), contact_id=conversation.contact_id, at=now,
        own=sender.proven_account(tx, house, conversation, point, now) if point else None, agent=case.owner_name or "agent",
    )  # fmt: skip
    if found := lookup.culprits(tx, house, going):
        raise Malformed(f"Not sent: {wrong_author.words(found)}.")
    return rendered.text


def _entry(row: Any) -> TranscriptEntry:
    kind: Literal["author", "bot", "agent"] = "author" if row["direction"] == "inbound" else row["author"]
    who = {"author": row["author_name"] or "Author", "bot": "Bot", "agent": row["author_name"]}[kind]
    shown = redaction.mask_codes(row["text"]).replace(verification.PLACEHOLDER, "••••••")
    status = row["status"] if row["direction"] == "outbound" else ""
    if row["status_detail"] and status in ("failed", "undelivered", "uncertain", "suppressed"):
        shown = f"{shown}\n({status}: {row['status_detail']})"
    return TranscriptEntry(
        kind=kind, who=who, text=shown, at=from_micros(row["created_at"]), channel=row["channel"],
        key=f"{row['id']}:{status if status in ('failed', 'undelivered', 'uncertain') else ''}", status=status,
    )  # fmt: skip


def _bot_record(tx: Tx, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What the bot withheld and did in the last messages, from its own decisions."""
    withheld: list[str] = []
    did: list[str] = [_words(told) for told in case.facts.get("did", ())]
    for row in reversed(tx.all(_DECISIONS, conversation=case.conversation_id)):
        record = jsontext.loads(row["record"])
        did += [f"sent the words “{', '.join(r['answers'])}”".replace("_", " ") for r in record.get("replies", ())]
        withheld += [f"{', '.join(u['answers'])}: {u['words']}" for u in record.get("unsaid", ())]
    return tuple(dict.fromkeys(withheld))[-5:], tuple(dict.fromkeys(did))[-5:]


def _words(told: str) -> str:
    """Names of intents as people say them; ids stay as they are."""
    return " ".join(word.replace("_", " ") if word.strip("(),.:;") in INTENTS else word for word in told.split(" "))


def _earlier(tx: Tx, case: Case) -> tuple[str, ...]:
    return tuple(
        f"#{c.number} {c.reason.replace('_', ' ')}: {c.outcome or c.status}"
        for c in handoffs.of_contact(tx, case.contact_id, case.number)
    )


def _status(case: Case) -> Literal["open", "claimed", "returned", "resolved"]:
    return case.status  # type: ignore[return-value]  # the column holds only these


def _money(text: str) -> Money:
    amount, _, currency = text.partition(" ")
    return Money.of(amount, currency)


def notes_of(tx: Tx, conversation_id: str) -> list[Any]:
    return tx.all(_NOTES, conversation=conversation_id)
