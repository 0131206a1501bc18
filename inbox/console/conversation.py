"""One conversation: what was said on every channel and why, who the author is, and what an agent can do now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from aiohttp import web

from inbox import authorisations, contacts, conversations, jsontext, merging
from inbox.accounts.base import Account, AccountRef
from inbox.console import timeline
from inbox.console.auth import Door
from inbox.console.destinations import REASONS
from inbox.console.timeline import Timeline
from inbox.console.view import Console, Visit, page
from inbox.contacts import Contact
from inbox.conversations import Conversation
from inbox.db.store import Sql, Tx
from inbox.db.tables import conversations as talks
from inbox.db.tables import desk_events
from inbox.disclosure.parties import Authority, Hearer, party_map
from inbox.errors import NotFound
from inbox.escalation import acts, card, handoffs, posting
from inbox.escalation.base import OUTCOMES, DeskResult, HandoffCard
from inbox.escalation.handoffs import Case
from inbox.house import House
from inbox.message import ChannelName, ContactPoint
from inbox.triage import account_of

_DONE = Sql(sa.select(desk_events.c.result).where(desk_events.c.source_id == sa.bindparam("source")))
_OTHERS = Sql(
    sa.select(talks.c.id, talks.c.status, talks.c.channel, talks.c.topic, talks.c.opened_at)
    .where(talks.c.contact_id == sa.bindparam("contact"), talks.c.id != sa.bindparam("this"))
    .order_by(talks.c.opened_at.desc())
    .limit(10)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """All that the page shows, read at once."""

    conversation: Conversation
    contact: Contact
    points: tuple[ContactPoint, ...]
    account: Account | None
    case: Case | None  # live, else the last one
    card: HandoffCard  # of the case, or of the account alone
    reply_to: dict[ChannelName, ContactPoint]
    line: Timeline
    others: tuple[Any, ...]
    result: DeskResult | None  # what the visitor just did
    hearers: Mapping[str, tuple[Hearer, ...]]  # the party map: by title, who besides the author may hear about it
    speaks_for: tuple[Authority, ...]  # the sender is no author but authorised for these accounts
    alike: bool  # staff have yet to say whether this contact is somebody we know


class ConversationPages:
    def __init__(self, console: Console) -> None:
        self._console = console

    def routes(self, door: Door) -> list[web.AbstractRouteDef]:
        return [
            door.get("/console/conversations/{id}", self.show),
            door.get("/console/conversations/{id}/timeline", self.fragment),
        ]

    async def show(self, visit: Visit) -> web.StreamResponse:
        done = source_of(visit, visit.query("done"))
        return await written(self._console, visit, "conversation.html", done=done)

    async def fragment(self, visit: Visit) -> web.StreamResponse:
        return await written(self._console, visit, "timeline.html")


async def written(
    console: Console, visit: Visit, name: str, *, done: str = "", problem: str = "", **values: Any
) -> web.StreamResponse:
    """The page as it is now; ``done`` is the source id of what was just done, ``problem`` says why something was not."""
    key, now = visit.path("id"), console.clock.now()
    whole = await console.store.read(lambda tx: gather(tx, console.house, key, now, done))
    if problem:
        whole = replace(whole, result=DeskResult(ok=False, text=problem))
    shared = {
        "whole": whole,
        "outcomes": OUTCOMES,
        "draft": "",
        "chosen": "",
        "preview": None,
        "change_reasons": REASONS,
    }
    return page(console, visit, name, 422 if problem else 200, **{**shared, **values})


def gather(tx: Tx, house: House, key: str, now: datetime, done: str = "") -> Whole:
    """Raises ``NotFound``."""
    conversation = conversations.by_id_plain(tx, key)
    contact = contacts.by_id(tx, conversation.contact_id) if conversation else None
    if conversation is None or contact is None:
        raise NotFound("There is no such conversation.")
    account = account_of(tx, AccountRef(contact.account_source, contact.account_id), now)
    points = tuple(contacts.points(tx, contact.id))
    cases = handoffs.of_conversation(tx, key)
    case = handoffs.live(tx, key) or (cases[0] if cases else None)
    recorded = authorisations.of_account(tx, account.ref) if account else []
    return Whole(
        hearers=party_map(account, recorded, now) if account else {},
        speaks_for=tuple(a for p in points if not account for a in authorisations.of_point(tx, p, now)),
        alike=merging.is_suggested(tx, contact.id),
        conversation=conversation, contact=contact, points=points, account=account,
        case=case, card=_card(tx, house, conversation, contact, account, case, now),
        reply_to=acts.reply_channels(tx, house, conversation, account.points() if account else ()),
        line=timeline.gather(tx, key, account.name if account else contact.name), others=tuple(tx.all(_OTHERS, contact=contact.id, this=key)),
        result=_result(tx, done),
    )  # fmt: skip


def _card(
    tx: Tx, house: House, conversation: Conversation, contact: Contact, account: Account | None, case: Case | None,
    now: datetime,
) -> HandoffCard:  # fmt: skip
    if case is not None:
        return posting.card_of(tx, house, case.number, now)
    facts = card.CaseFacts(
        number=0, conversation_id=conversation.id, reason="", author_name=contact.name,
        language=conversation.language or "en", channel=conversation.channel,  # type: ignore[arg-type]  # stored by us
        proof=f"L{conversation.proof_level}",
    )  # fmt: skip
    return card.build(facts, account, now)


def source_of(visit: Visit, nonce: str) -> str:
    """The id of one thing done by this person with one form: sent twice, it has one effect."""
    return f"console:{visit.staff.id}:{nonce[:64]}" if nonce else ""


def _result(tx: Tx, done: str) -> DeskResult | None:
    row = tx.one(_DONE, source=done) if done else None
    if row is None:
        return None
    result = DeskResult(**jsontext.loads(row["result"]))
    return result if result.text else replace(result, text="Done.")
