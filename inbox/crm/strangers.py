"""Whose address is it that only the CRM knows? Asked in the background; the answer says who wrote, and proves nothing.

The CRM is the truth for who somebody is, the biller for what they owe and for the addresses that count as proof: an author
found this way stands at level 0 until a code to an address on the biller's file is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox import contacts, conversations, events, jobs
from inbox.accounts import ledger
from inbox.accounts.base import AccountRef
from inbox.clock import from_micros, to_micros
from inbox.contacts import Contact
from inbox.conversations import address, point_of
from inbox.db.store import Sql, Tx, upsert
from inbox.db.tables import crm_records
from inbox.errors import NotFound
from inbox.house import House
from inbox.message import InboundMessage, MessageKind, SenderProof

LANE = "crm"
KIND = "crm.ask_who"
_AGAIN = timedelta(hours=24)  # before an address is asked for once more
_PROVEN = (SenderProof.CARRIER, SenderProof.DMARC_PASS)

b = sa.bindparam
_ASKED = Sql(sa.select(crm_records.c.filed_at).where(crm_records.c.subject == b("of"), crm_records.c.book == b("by")))
_ASK = upsert(crm_records, ("book", "subject"), "filed_at")


def ask(tx: Tx, house: House, message: InboundMessage, contact: Contact, conversation_id: str, now: datetime) -> None:
    """Have a stranger's address looked for in the CRM, once a day; nothing where there is none."""
    if not house.crm or contact.account_id or message.kind is not MessageKind.TEXT or message.proof not in _PROVEN:
        return
    point = address(message.sender)
    asked = tx.one(_ASKED, of=f"who:{point}", by=house.crm)
    if asked is not None and now - from_micros(asked["filed_at"]) < _AGAIN:
        return
    tx.run(_ASK, book=house.crm, subject=f"who:{point}", filed_at=to_micros(now))
    jobs.enqueue(tx, LANE, KIND, f"crm:{conversation_id}", now, conversation=conversation_id, point=point)


def identify(tx: Tx, book: str, conversation_id: str, point: str, refs: Sequence[AccountRef], now: datetime) -> bool:
    """The conversation is that of the one author with this address, if the ledger has them; whether anything changed."""
    if len(refs) != 1 or refs[0].source != "ledger":
        return False
    try:
        account = ledger.load(tx, refs[0])
    except NotFound:
        return False
    conversation = conversations.by_id(tx, conversation_id)
    contact = contacts.by_id(tx, conversation.contact_id) if conversation else None
    if conversation is None or contact is None or contact.account_id:
        return False
    if contacts.points(tx, contact.id) != [point_of(point)]:  # somebody known by more than this address
        return False
    author = contacts.by_account(tx, account.ref.source, account.ref.id)
    if author is None:
        contacts.give_account(tx, contact.id, account.ref.source, account.ref.id)
    elif conversations.live(tx, author.id) is None:
        contacts.add_point(tx, author.id, point_of(point), now)
        conversations.move_to_contact(tx, conversation, author.id, now)
    else:
        return False  # two live conversations become one only after a proof
    events.record(tx, conversation.id, "contact.recognised", now, book, account=account.ref.id, point=point)
    return True
