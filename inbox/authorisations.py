"""Authorisations on record: who besides the author may hear about an account. Two people make one; either side may end it.

One person records it, with what they saw and the call back to the number on file; a supervisor who is somebody else approves
it (level 3 of the request, ``disclosure.levels.of_request``). The table refuses the same person twice, whoever writes to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import contacts, events, jsontext
from inbox.accounts import known
from inbox.accounts.base import Account, AccountRef
from inbox.clock import from_micros, to_micros
from inbox.db.identity import authorisations
from inbox.db.store import Sql, Tx, insert
from inbox.disclosure import levels
from inbox.disclosure.parties import RELATIONS, Authority, Scope
from inbox.errors import Conflict, DataError, NotFound
from inbox.ids import new_id
from inbox.message import ContactPoint

STREAM = "security"  # who may hear about whom concerns security
MOST_OF_ONE = 50  # authorisations that one address may hold: an agent of many authors

b, a = sa.bindparam, authorisations.c
_ADD = insert(
    authorisations, "id", "account_source", "account_id", "person", "relation", "point_kind", "point_value", "intents",
    "titles", "money", "starts_at", "ends_at", "status", "evidence", "called_back", "recorded_by", "recorded_at",
    "approved_by", "approved_at",
)  # fmt: skip
_BY_ID = Sql(sa.select(authorisations).where(a.id == b("key")).with_for_update())
_HELD = (a.point_kind == b("kind"), a.point_value == b("value"), a.status == "approved")
_NOT_OVER = sa.or_(a.ends_at == 0, a.ends_at > b("now"))
_OF_POINT = Sql(
    sa.select(authorisations).where(*_HELD, a.starts_at <= b("now"), _NOT_OVER).order_by(a.id.desc()).limit(MOST_OF_ONE)
)
_ANY_OF_POINT = Sql(sa.select(a.id).where(*_HELD).limit(1))
_COUNT_OF_POINT = Sql(sa.select(sa.func.count().label("held")).where(*_HELD, _NOT_OVER))
_OF_ACCOUNT = Sql(
    sa.select(authorisations).where(a.account_source == b("source"), a.account_id == b("account")).order_by(a.id.desc())
)
_LATEST = Sql(sa.select(authorisations).order_by(a.id.desc()).limit(b("limit")))
_APPROVE = Sql(
    sa.update(authorisations)
    .where(a.id == b("key"), a.status == "proposed")
    .values(status="approved", approved_by=b("by"), approved_at=b("at"))
)
_END = Sql(
    sa.update(authorisations)
    .where(a.id == b("key"), a.status == b("was"))
    .values(status=b("to"), ended_by=b("by"), ended_at=b("at"), reason=b("why"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """What is written down about one authorisation before anybody approves it."""

    ref: AccountRef
    person: str
    relation: str
    point: ContactPoint
    scope: Scope
    evidence: str  # what was seen: "signed letter of 3 March, read back by phone"
    called_back: str  # the number on file that was called, masked
    starts_at: datetime
    ends_at: datetime | None = None


def propose(tx: Tx, proposal: Proposal, by: str, now: datetime) -> Authority:
    """Record it; nothing is open yet. Raises ``DataError`` with every problem, ``NotFound`` without such an account."""
    account = known.load(tx, proposal.ref, now)
    if found := [*problems(proposal, account, now), *_taken(tx, _plain(proposal.point), now)]:
        raise DataError(found)
    key = _insert(tx, proposal, now, status="proposed", recorded_by=by)
    _record(tx, "authorisation.proposed", now, by, key, account=proposal.ref.id, person=proposal.person)
    return get(tx, key)


def record_imported(tx: Tx, key: str, proposal: Proposal, by: tuple[str, str], now: datetime) -> None:
    """As the company's own system has it; ``by`` is who recorded and who approved it there.

    Approved if those are two people and the address can hold it, else it waits for a supervisor here, who is told why. One
    that is on record under this key already stays as staff left it. Raises ``DataError``.
    """
    if tx.one(_BY_ID, key=key) is not None:
        return
    account = known.load(tx, proposal.ref, now)
    if found := problems(proposal, account, now, imported=True):
        raise DataError(found)
    recorded_by, approved_by = by[0] or "import", by[1] if by[1] != by[0] else ""
    if _taken(tx, _plain(proposal.point), now):
        approved_by = ""
    status = "approved" if approved_by else "proposed"
    _insert(tx, proposal, now, key=key, status=status, recorded_by=recorded_by, approved_by=approved_by)
    _record(
        tx, f"authorisation.{status}", now, "import", key, account=proposal.ref.id, person=proposal.person,
        recorded_by=recorded_by, approved_by=approved_by,
    )  # fmt: skip


def revoke_imported(tx: Tx, key: str, now: datetime) -> None:
    """The company's own system ended it; unknown or ended ones are left alone."""
    row = tx.one(_BY_ID, key=key)
    if row is not None and row["status"] in ("proposed", "approved"):
        _end(tx, key, row["status"], "revoked", "import", "ended in the imported record", now)


def approve(tx: Tx, key: str, by: str, now: datetime) -> Authority:
    """The second person opens it. Raises ``Conflict`` for the one who recorded it, if it is not waiting any more, or if
    the address is an author's by now or speaks for too many.
    """
    row = _row(tx, key)
    if row["status"] != "proposed":
        raise Conflict(f"This authorisation is {row['status']} already.")
    if levels.of_request(levels.CODE_LEVEL, row["recorded_by"], by) < levels.HIGHEST:
        raise Conflict("Whoever recorded an authorisation cannot approve it. Ask another supervisor.")
    if row["ends_at"] and row["ends_at"] <= to_micros(now):
        raise Conflict("This authorisation has run out. Record it again with a later end.")
    if found := _taken(tx, ContactPoint(row["point_kind"], row["point_value"]), now):
        raise Conflict(f"{found[0][0].upper()}{found[0][1:]}.")
    tx.run(_APPROVE, key=key, by=by, at=to_micros(now))
    _record(tx, "authorisation.approved", now, by, key, account=row["account_id"], person=row["person"])
    return get(tx, key)


def refuse(tx: Tx, key: str, by: str, reason: str, now: datetime) -> None:
    _end(tx, key, "proposed", "refused", by, reason, now)


def revoke(tx: Tx, key: str, by: str, reason: str, now: datetime) -> None:
    """Takes effect with the next message of that person, also in the middle of a conversation."""
    _end(tx, key, "approved", "revoked", by, reason, now)


def get(tx: Tx, key: str) -> Authority:
    """Raises ``NotFound``."""
    return _authority(_row(tx, key))


def of_point(tx: Tx, point: ContactPoint, now: datetime) -> list[Authority]:
    """Those that this address holds and that are in force now, the newest first."""
    if point.kind == "chat":
        return []
    rows = tx.all(_OF_POINT, kind=point.kind, value=_plain(point).value, now=to_micros(now))
    return [_authority(row) for row in rows]


def holds_any(tx: Tx, point: ContactPoint) -> bool:
    """Whether an approved authorisation names this address, also one that has not begun or has run out."""
    return tx.one(_ANY_OF_POINT, kind=point.kind, value=_plain(point).value) is not None


def of_account(tx: Tx, ref: AccountRef) -> list[Authority]:
    return [_authority(row) for row in tx.all(_OF_ACCOUNT, source=ref.source, account=ref.id)]


def latest(tx: Tx, limit: int) -> list[Any]:
    """Rows, newest first, for the console."""
    return tx.all(_LATEST, limit=limit)


def problems(proposal: Proposal, account: Account, now: datetime, *, imported: bool = False) -> list[str]:
    """What is wrong with it, in words for who wrote it down; an imported one was checked by phone elsewhere."""
    found = proposal.scope.problems(account)
    if not proposal.person.strip():
        found.append("the person's name is missing")
    if proposal.relation not in RELATIONS:
        found.append(f"the relation must be one of {', '.join(RELATIONS)}")
    if proposal.point.kind == "chat" or not proposal.point.value:
        found.append("the person needs an email address or a phone number to write from")
    if _plain(proposal.point) in account.points():
        found.append("that address is the author's own; the person needs one of their own")
    if not proposal.evidence.strip():
        found.append("say what you have seen: the letter, the power of attorney, the call")
    if not imported and not proposal.called_back.strip():
        found.append("call the author back on the number on file first, and say which number that was")
    if proposal.ends_at is not None and proposal.ends_at <= proposal.starts_at:
        found.append("it must end after it begins")
    elif proposal.ends_at is not None and proposal.ends_at <= now and not imported:
        found.append("it has run out already; give a later end")
    return found


def _taken(tx: Tx, point: ContactPoint, now: datetime) -> list[str]:
    """Why this address cannot hold one more: a merge made it an author's, or it speaks for too many already.

    An address that an author has on file is theirs for certain; the desk may write there about the other account, too.
    """
    contact = contacts.by_point(tx, point)
    if contact is not None and contact.account_id and all(r.id != contact.account_id for r in known.find(tx, point)):
        merged = f"{point.value} belongs to the author of account {contact.account_id} since the two were merged"
        return [f"{merged}. Undo that merge first, under Same person?, if they are two people"]
    held = tx.one(_COUNT_OF_POINT, kind=point.kind, value=point.value, now=to_micros(now))
    if held is not None and held["held"] >= MOST_OF_ONE:
        return [f"{point.value} holds {MOST_OF_ONE} authorisations already. Revoke those that are not needed any more"]
    return []


def _insert(
    tx: Tx, proposal: Proposal, now: datetime, *, status: str, recorded_by: str, approved_by: str = "", key: str = ""
) -> str:
    key, point = key or new_id(), _plain(proposal.point)
    tx.run(
        _ADD, id=key, account_source=proposal.ref.source, account_id=proposal.ref.id, person=proposal.person.strip()[:200],
        relation=proposal.relation, point_kind=point.kind, point_value=point.value,
        intents=jsontext.dumps(list(proposal.scope.intents)), titles=jsontext.dumps(list(proposal.scope.titles)),
        money=int(proposal.scope.money), starts_at=to_micros(proposal.starts_at),
        ends_at=to_micros(proposal.ends_at) if proposal.ends_at else 0, status=status, evidence=proposal.evidence.strip()[:2000],
        called_back=proposal.called_back.strip()[:40], recorded_by=recorded_by, recorded_at=to_micros(now),
        approved_by=approved_by, approved_at=to_micros(now) if approved_by else 0,
    )  # fmt: skip
    return key


def _end(tx: Tx, key: str, was: str, to: str, by: str, reason: str, now: datetime) -> None:
    row = _row(tx, key)
    if not reason.strip():
        raise Conflict("Say why: the author may ask later.")
    if not tx.run(_END, key=key, was=was, to=to, by=by, at=to_micros(now), why=reason.strip()[:500]):
        raise Conflict(f"This authorisation is {row['status']} already.")
    _record(
        tx,
        f"authorisation.{to}",
        now,
        by,
        key,
        account=row["account_id"],
        person=row["person"],
        reason=reason.strip()[:500],
    )


def _record(tx: Tx, kind: str, now: datetime, by: str, key: str, **data: str) -> None:
    events.record(tx, STREAM, kind, now, by, authorisation=key, **data)


def _row(tx: Tx, key: str) -> Any:
    row = tx.one(_BY_ID, key=key)
    if row is None:
        raise NotFound("There is no such authorisation.")
    return row


def _plain(point: ContactPoint) -> ContactPoint:
    return ContactPoint(point.kind, point.value.strip().lower())


def _authority(row: Any) -> Authority:
    return Authority(
        id=row["id"], ref=AccountRef(row["account_source"], row["account_id"]), person=row["person"], relation=row["relation"],
        point=ContactPoint(row["point_kind"], row["point_value"]),
        scope=Scope(
            intents=tuple(jsontext.loads(row["intents"])), titles=tuple(jsontext.loads(row["titles"])), money=bool(row["money"])
        ),
        starts_at=from_micros(row["starts_at"]), ends_at=from_micros(row["ends_at"]) if row["ends_at"] else None,
        status=row["status"], recorded_by=row["recorded_by"], approved_by=row["approved_by"], evidence=row["evidence"],
    )  # fmt: skip
