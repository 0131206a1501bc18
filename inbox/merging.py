"""One person, many addresses: suggestions to merge two contacts, merging them, and taking that back.

A suggestion is only evidence for staff; nothing is joined before a person accepts it or a code proves it. Two verified
accounts are never joined, nor an address that is on file for another author, nor an authorised person with the author.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import authorisations, contacts, conversations, events, jsontext
from inbox.accounts import ledger
from inbox.clock import to_micros
from inbox.contacts import Contact
from inbox.conversations import Conversation, address, point_of
from inbox.db.identity import merge_suggestions, merges
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import contact_points
from inbox.db.tables import conversations as talks
from inbox.errors import Conflict, NotFound
from inbox.ids import new_id

BY_CODE = "author"  # who merged, where a one-time code proved it
MOST_EVIDENCE = 10
SHOWN = 200

b, s, g, c = sa.bindparam, merge_suggestions.c, merges.c, talks.c
_PAIR = Sql(sa.select(merge_suggestions).where(s.contact_a == b("first"), s.contact_b == b("second")).with_for_update())
_SUGGEST = insert(merge_suggestions, "id", "contact_a", "contact_b", "evidence", "created_at")
_EVIDENCE = Sql(sa.update(merge_suggestions).where(s.id == b("key")).values(evidence=b("found")))
_SUGGESTION = Sql(sa.select(merge_suggestions).where(s.id == b("key")).with_for_update())
_OPEN = Sql(sa.select(merge_suggestions).where(s.status == "open").order_by(s.id.desc()).limit(SHOWN))
_OF_CONTACT = Sql(
    sa.select(s.id).where(sa.or_(s.contact_a == b("contact"), s.contact_b == b("contact")), s.status == "open").limit(1)
)
_SETTLE = Sql(
    sa.update(merge_suggestions)
    .where(s.id == b("key"), s.status == "open")
    .values(status=b("to"), decided_by=b("by"), decided_at=b("at"))
)
_SETTLE_PAIR = Sql(
    sa.update(merge_suggestions)
    .where(s.contact_a == b("first"), s.contact_b == b("second"), s.status == "open")
    .values(status="accepted", decided_by=b("by"), decided_at=b("at"))
)
_ADD = insert(merges, "id", "kept", "gone", "moved", "why", "merged_by", "merged_at")
_MERGE = Sql(sa.select(merges).where(g.id == b("key")).with_for_update())
_LATEST = Sql(sa.select(merges).order_by(g.id.desc()).limit(SHOWN))
_LATER = Sql(
    sa.select(g.id).where(g.id > b("key"), g.undone_at == 0, g.gone == b("contact")).limit(1)
)  # fmt: skip
_UNDO = Sql(
    sa.update(merges).where(g.id == b("key"), g.undone_at == 0).values(undone_by=b("by"), undone_at=b("at"))
)  # fmt: skip
_TALKS = Sql(sa.select(c.id).where(c.contact_id == b("contact")).order_by(c.id))
#: What was proven was proven for another contact: it does not move with the conversation.
_MOVE_TALK = Sql(
    sa.update(talks)
    .where(c.id == b("conversation"), c.contact_id == b("was"))
    .values(contact_id=b("to"), proof_level=0, proof_point="", proof_at=0, proof_account="", proof_authority="")
)
_MOVE_POINT = Sql(
    sa.update(contact_points)
    .where(
        contact_points.c.kind == b("of_kind"),
        contact_points.c.value == b("of_value"),
        contact_points.c.contact_id == b("was"),
    )
    .values(contact_id=b("to"))
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why two contacts may be one person: ``kind`` signature_email, name_and_phone or forwarded_address."""

    kind: str
    words: str
    message: str  # id of the message that shows it


def suggest(tx: Tx, one: Contact, other: Contact, evidence: Evidence, now: datetime) -> bool:
    """Show staff that these may be one person; False if that cannot be, or was dismissed before."""
    if one.id == other.id or (one.account_id and other.account_id):
        return False
    first, second = sorted((one.id, other.id))
    row = tx.one(_PAIR, first=first, second=second)
    entry = {"kind": evidence.kind, "words": evidence.words[:300], "message": evidence.message, "at": now.isoformat()}
    if row is None:
        key = new_id()
        tx.run(
            _SUGGEST,
            id=key,
            contact_a=first,
            contact_b=second,
            evidence=jsontext.dumps([entry]),
            created_at=to_micros(now),
        )
        events.record(
            tx, "staff", "merge.suggested", now, "bot", suggestion=key, kind=evidence.kind, message=evidence.message
        )
        return True
    if row["status"] != "open":
        return False
    found = jsontext.loads(row["evidence"])
    if all((e["kind"], e["words"]) != (entry["kind"], entry["words"]) for e in found) and len(found) < MOST_EVIDENCE:
        tx.run(_EVIDENCE, key=row["id"], found=jsontext.dumps([*found, entry]))
    return True


def open_suggestions(tx: Tx) -> list[Any]:
    return tx.all(_OPEN)


def is_suggested(tx: Tx, contact_id: str) -> bool:
    """Whether a suggestion about this contact waits for staff."""
    return tx.one(_OF_CONTACT, contact=contact_id) is not None


def accept(tx: Tx, key: str, by: str, now: datetime) -> str:
    """Merge the two; returns the id of the merge. Raises ``Conflict`` with what stands in the way."""
    row = _suggestion(tx, key)
    one, other = contacts.by_id(tx, row["contact_a"]), contacts.by_id(tx, row["contact_b"])
    assert one is not None
    assert other is not None
    why = "; ".join(e["words"] for e in jsontext.loads(row["evidence"]))
    return merge(tx, one, other, by, why, now)


def dismiss(tx: Tx, key: str, by: str, now: datetime) -> None:
    """They are not one person; that pair is not suggested again."""
    _suggestion(tx, key)
    if not tx.run(_SETTLE, key=key, to="dismissed", by=by, at=to_micros(now)):
        raise Conflict("This suggestion was decided already.")
    events.record(tx, "staff", "merge.dismissed", now, by, suggestion=key)


def merge(tx: Tx, one: Contact, other: Contact, by: str, why: str, now: datetime) -> str:
    """Give everything of one contact to the other: the author if one of them is, else the older."""
    kept, gone = _order(one, other)
    _refuse(tx, kept, gone)
    closed = _close_one(tx, kept, gone, by, now)
    points = contacts.points(tx, gone.id)
    moved_talks = [row["id"] for row in tx.all(_TALKS, contact=gone.id)]
    for point in points:
        tx.run(_MOVE_POINT, of_kind=point.kind, of_value=point.value, was=gone.id, to=kept.id)
    for talk in moved_talks:
        tx.run(_MOVE_TALK, conversation=talk, was=gone.id, to=kept.id)
        events.record(tx, talk, "contact.merged", now, by, kept=kept.id, gone=gone.id)
    first, second = sorted((kept.id, gone.id))
    tx.run(_SETTLE_PAIR, first=first, second=second, by=by, at=to_micros(now))
    moved = {"points": [address(p) for p in points], "conversations": moved_talks, "closed": closed}
    return note(tx, kept.id, gone.id, moved, by, why, now)


def note(tx: Tx, kept: str, gone: str, moved: dict[str, Any], by: str, why: str, now: datetime) -> str:
    """Keep what a merge moved, so that it can be undone; returns its id."""
    key = new_id()
    tx.run(
        _ADD, id=key, kept=kept, gone=gone, moved=jsontext.dumps(moved), why=why[:1000], merged_by=by, merged_at=to_micros(now)
    )  # fmt: skip
    events.record(tx, "staff", "contact.merged", now, by, merge=key, kept=kept, gone=gone, why=why[:300], **moved)
    tx.wake("queue")
    return key


def undo(tx: Tx, key: str, by: str, now: datetime) -> None:
    """Give back what the merge moved and is still where it was put, and reopen what it closed.

    Messages that came in a conversation which went on meanwhile stay in it. Raises ``Conflict``.
    """
    row = tx.one(_MERGE, key=key)
    if row is None:
        raise NotFound("There is no such merge.")
    if tx.one(_LATER, key=key, contact=row["kept"]) is not None:
        raise Conflict("This contact was merged into another one later. Undo that merge first.")
    if not tx.run(_UNDO, key=key, by=by, at=to_micros(now)):
        raise Conflict("This merge was undone already.")
    moved = jsontext.loads(row["moved"])
    for text in moved["points"]:
        point = point_of(text)
        tx.run(_MOVE_POINT, of_kind=point.kind, of_value=point.value, was=row["kept"], to=row["gone"])
    live = conversations.live(tx, row["gone"])
    for talk in moved["conversations"]:
        found = conversations.by_id(tx, talk)
        if found is not None and (live is None or found.status == "resolved"):
            tx.run(_MOVE_TALK, conversation=talk, was=row["kept"], to=row["gone"])
            events.record(tx, talk, "contact.merge_undone", now, by, merge=key)
    reopened = _reopen(tx, moved.get("closed", ""), by, now)
    events.record(
        tx, "staff", "contact.merge_undone", now, by, merge=key, kept=row["kept"], gone=row["gone"], reopened=reopened
    )
    tx.wake("queue")


def latest(tx: Tx) -> list[Any]:
    """Rows of merges, newest first."""
    return tx.all(_LATEST)


def _order(one: Contact, other: Contact) -> tuple[Contact, Contact]:
    if bool(one.account_id) != bool(other.account_id):
        return (one, other) if one.account_id else (other, one)
    return (one, other) if one.id < other.id else (other, one)


def _refuse(tx: Tx, kept: Contact, gone: Contact) -> None:
    if kept.id == gone.id:
        raise Conflict("They are one contact already.")
    if gone.account_id:
        raise Conflict("Both are verified authors with accounts of their own. Two accounts are never joined.")
    for point in contacts.points(tx, gone.id):
        others = [ref.id for ref in ledger.find(tx, point) if ref.id != kept.account_id]
        if others:
            raise Conflict(f"{point.value} is on file for another account; it cannot become this contact's.")
        if kept.account_id and authorisations.holds_any(tx, point):
            raise Conflict(f"{point.value} belongs to an authorised person, who is not the author. Revoke that first.")


def _close_one(tx: Tx, kept: Contact, gone: Contact, by: str, now: datetime) -> str:
    """Only one conversation of a contact is live: the one that the bot has ends, and goes on in the other."""
    mine, theirs = conversations.live(tx, kept.id), conversations.live(tx, gone.id)
    if mine is None or theirs is None:
        return ""
    ends, stays = (theirs, mine) if theirs.status == "pending" else (mine, theirs)
    if ends.status != "pending":
        raise Conflict("A person has a conversation with each of the two. Close one of the cases first.")
    conversations.set_status(tx, ends, "resolved", now, actor=by, outcome=f"{conversations.JOINED}{stays.id}")
    return ends.id


def _reopen(tx: Tx, key: str, by: str, now: datetime) -> str:
    found: Conversation | None = conversations.by_id(tx, key) if key else None
    if (
        found is None
        or not found.outcome.startswith(conversations.JOINED)
        or conversations.live(tx, found.contact_id) is not None
    ):
        return ""
    conversations.set_status(tx, found, "pending", now, actor=by)
    return found.id


def _suggestion(tx: Tx, key: str) -> Any:
    row = tx.one(_SUGGESTION, key=key)
    if row is None:
        raise NotFound("There is no such suggestion.")
    if row["status"] != "open":
        raise Conflict("This suggestion was decided already.")
    return row
