"""Before a message is decided: is what we would tell fresh? If not, the reading comes first, as a job ahead in the same lock.

A fresh copy costs no call. A stranger's address, an address they name, and an author who was never looked for at the
billing system are looked for the same way, so that nobody's request waits for somebody else's server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from inbox import jobs
from inbox.accounts import ledger, mirror
from inbox.accounts.base import AccountRef
from inbox.clock import to_micros
from inbox.contacts import Contact
from inbox.conversations import Conversation, address
from inbox.db.store import Tx
from inbox.errors import NotFound
from inbox.house import House
from inbox.intents import figures, keywords
from inbox.message import ContactPoint

LANE = "accounts"
_DAY = timedelta(hours=20)
_APART = timedelta(seconds=3)  # the night is long, and a source counts its calls
_NAMED = 4  # addresses looked for of one message


@dataclass(frozen=True, slots=True)
class Asked:
    """A message that waits for its decision."""

    conversation: Conversation
    contact: Contact
    point: ContactPoint
    text: str


def before_deciding(tx: Tx, house: House, asked: Asked, now: datetime) -> bool:
    """Queue what must be read first; True if there is something. The decision must then be queued behind it."""
    if not house.billing or (asked.point.kind == "phone" and keywords.of(asked.text)):
        return False  # STOP is not kept waiting
    if asked.contact.account_id:
        return refresh(tx, house, asked.contact.account_id, asked.conversation.id, now)
    points = [asked.point] if asked.point.kind != "chat" else []
    if asked.conversation.awaiting == "contact":
        points += _named(asked.text)
    unknown = [p for p in points if not ledger.find(tx, p)]
    known = [ref.id for p in points if p not in unknown for ref in ledger.find(tx, p)]
    waits = [refresh(tx, house, author, asked.conversation.id, now) for author in known]
    return _look_up(tx, house, unknown, asked.conversation.id, now) or any(waits)


def refresh(tx: Tx, house: House, author_id: str, lock: str, now: datetime) -> bool:
    """Queue a reading of this author's account if its copy is outdated, or a look whether there is one."""
    if not house.billing:
        return False
    ref = mirror.outdated(tx, house.billing, author_id, now, house.max_age_minutes)
    if ref is not None:
        return _read(tx, ref.id, lock, now)
    if mirror.is_linked(tx, house.billing, author_id):
        return False
    try:
        account = ledger.load(tx, AccountRef("ledger", author_id))
    except NotFound:  # the portal vouches for somebody who is known at the billing system alone
        vouched = mirror.may_look_up(tx, f"account:{author_id}", now, house.max_age_minutes)
        return vouched and _read(tx, author_id, lock, now)
    again = account.billing is not None  # the last look failed
    return _look_up(tx, house, list(account.points()), lock, now, author_id, again=again)


def read_again(tx: Tx, house: House, after: str, limit: int, now: datetime) -> str:
    """Queue a reading of every copy that is a day old, a few seconds apart; where to go on, "" = those were all."""
    found = mirror.unread_since(tx, house.billing, after, limit, now - _DAY) if house.billing else []
    for n, account_id in enumerate(found):
        lock = f"account:{house.billing}:{account_id}"
        if not jobs.is_waiting(tx, LANE, "again", lock, now):
            jobs.enqueue(tx, LANE, "again", lock, now, run_at=now + n * _APART, account=account_id)
    return found[-1] if len(found) == limit else ""


def _read(tx: Tx, account_id: str, lock: str, now: datetime) -> bool:
    """One reading is enough for all messages that wait for it."""
    if not jobs.is_waiting(tx, LANE, "refresh", lock, now):
        jobs.enqueue(tx, LANE, "refresh", lock, now, account=account_id, asked_at=to_micros(now))
    return True


def _look_up(
    tx: Tx, house: House, points: list[ContactPoint], lock: str, now: datetime, author: str = "", *, again: bool = False
) -> bool:  # fmt: skip
    wanted = [address(p) for p in points]
    wanted = [p for p in dict.fromkeys(wanted) if mirror.may_look_up(tx, p, now, house.max_age_minutes) or again]
    if wanted:
        jobs.enqueue(tx, LANE, "lookup", lock, now, points=wanted, author=author)
    return bool(wanted)


def _named(text: str) -> list[ContactPoint]:
    body = text[:2000].lower()
    emails = [ContactPoint("email", e.lower()) for e in (figures.emails(body) if "@" in body else ())]
    phones = [ContactPoint("phone", p) for p in (figures.phones(body) if any(c.isdigit() for c in body) else ())]
    return [*emails, *phones][:_NAMED]
