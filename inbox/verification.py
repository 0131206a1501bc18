"""How a sender is proven: levels L0 to L2 and the one-time code (playbook section 2).

A code is never stored: it is derived from the key of its row and the house's secret, so neither the database nor the
outgoing message on record holds it. A code binds the proof to one conversation and the address that asked.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from inbox import events
from inbox.accounts.base import Account, AccountRef
from inbox.clock import to_micros
from inbox.conversations import Conversation, address
from inbox.db.store import Sql, Tx, insert, upsert
from inbox.db.tables import code_locks, codes
from inbox.house import House
from inbox.ids import new_id
from inbox.message import ContactPoint, SenderProof
from inbox.settings import Rules

#: Stands for the code in what is stored and rendered; ``delivery`` puts the digits in as the message leaves.
PLACEHOLDER = "\u2063code\u2063"
CODES_PER_HOUR = 5

b = sa.bindparam
_ADD = insert(
    codes, "id", "conversation_id", "asked_from", "account_source", "account_id", "sent_to", "purpose", "created_at",
    "expires_at",
)  # fmt: skip
_REPLACE = Sql(
    sa.update(codes)
    .where(codes.c.conversation_id == b("conversation"), codes.c.status == "open")
    .values(status="replaced")
)
_OPEN = Sql(
    sa.select(codes)
    .where(codes.c.conversation_id == b("conversation"), codes.c.status == "open")
    .order_by(codes.c.id.desc())
    .limit(1)
)
_SETTLE = Sql(sa.update(codes).where(codes.c.id == b("code")).values(status=b("to"), tries=b("tried")))
_LOCK = Sql(sa.select(code_locks).where(code_locks.c.subject == b("of")))
_SET_LOCK = upsert(code_locks, ("subject",), "until", "failures", "sent", "since")


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way to ``sent_to``; None if no contact on file fits, which nobody may notice."""

    id: str
    sent_to: ContactPoint | None


@dataclass(frozen=True, slots=True)
class CodeResult:
    outcome: Literal["right", "wrong", "expired", "locked", "none"]
    ref: AccountRef | None = None
    left: int = 0  # tries
    code_id: str = ""  # of a right one


def level_of(
    proof: SenderProof,
    point: ContactPoint,
    account: Account | None,
    conversation: Conversation,
    now: datetime,
    rules: Rules,
) -> int:
    """The level this message stands at. Pure."""
    if proof is SenderProof.PORTAL and account is not None:
        return 2
    if proven_here(conversation, point, now, rules):
        return conversation.proof_level
    on_file = account is not None and point in account.points()
    if on_file and proof in (SenderProof.CARRIER, SenderProof.DMARC_PASS):
        return 1
    return 0


def proven_here(conversation: Conversation, point: ContactPoint, now: datetime, rules: Rules) -> bool:
    """Did this address give a right code in this conversation, not idle for too long since?"""
    return (
        conversation.proof_level > 0
        and conversation.proof_point == address(point)
        and conversation.proof_at is not None
        and now - conversation.proof_at <= timedelta(minutes=rules.proof_idle_minutes)
    )


def step_up(
    tx: Tx, house: House, conversation: Conversation, asked_from: ContactPoint, account: Account | None,
    sent_to: ContactPoint | None, now: datetime, purpose: str = "read",
) -> CodeSent | None:  # fmt: skip
    """Make a code; None if this address asked or failed too often (tell ``code_locked``).

    Without an account, or with one that is locked, everything looks the same, but nothing is sent and no code is right.
    """
    if not _may_send(tx, f"point:{address(asked_from)}", now):
        return None
    if account is not None and not _may_send(tx, f"account:{account.ref.id}", now):
        account = None
    tx.run(_REPLACE, conversation=conversation.id)
    code = new_id()
    tx.run(
        _ADD, id=code, conversation_id=conversation.id, asked_from=address(asked_from),
        account_source=account.ref.source if account and sent_to else "",
        account_id=account.ref.id if account and sent_to else "", sent_to=address(sent_to) if sent_to else "",
        purpose=purpose, created_at=to_micros(now), expires_at=to_micros(now + timedelta(minutes=house.rules.code_minutes)),
    )  # fmt: skip
    events.record(tx, conversation.id, "code.sent", now, "bot", purpose=purpose)
    return CodeSent(code, sent_to if account else None)


def check(
    tx: Tx, house: House, conversation: Conversation, asked_from: ContactPoint, given: tuple[str, ...], now: datetime
) -> CodeResult:
    """Compare the ``seal`` of what was given with the open code of this conversation; count, lock and record."""
    row = tx.one(_OPEN, conversation=conversation.id)
    if row is None or row["asked_from"] != address(asked_from):
        return CodeResult("none")
    subjects = [f"point:{row['asked_from']}"] + ([f"account:{row['account_id']}"] if row["account_id"] else [])
    if any(_is_locked(tx, s, now) for s in subjects):
        return CodeResult("locked")
    if to_micros(now) > row["expires_at"]:
        tx.run(_SETTLE, code=row["id"], to="expired", tried=row["tries"])
        return CodeResult("expired")
    expected = [_seal(sealing, code_of(secret, row["id"])) for secret in house.secrets for sealing in house.secrets]
    right = [hmac.compare_digest(one, sealed) for one in expected for sealed in given]
    if row["account_id"] and any(right):
        tx.run(_SETTLE, code=row["id"], to="used", tried=row["tries"] + 1)
        events.record(tx, conversation.id, "code.verified", now, "author", account=row["account_id"])
        return CodeResult("right", AccountRef(row["account_source"], row["account_id"]), code_id=row["id"])
    return _wrong(tx, house, conversation, row, subjects, now)


def code_of(secret: str, code_id: str) -> str:
    """The six digits of a code row."""
    digest = hmac.new(secret.encode(), f"code:{code_id}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def seal(house: House, digits: str) -> str:
    """What is stored of a code that somebody gave: it can be compared, and not be read without the house's secret."""
    return _seal(house.secrets[0], digits)


def _seal(secret: str, digits: str) -> str:
    return hmac.new(secret.encode(), f"given:{digits}".encode(), hashlib.sha256).hexdigest()


def _wrong(
    tx: Tx, house: House, conversation: Conversation, row: sa.RowMapping, subjects: list[str], now: datetime
) -> CodeResult:
    tries = row["tries"] + 1
    events.record(tx, conversation.id, "code.rejected", now, "author", tries=tries)
    if tries < house.rules.code_tries:
        tx.run(_SETTLE, code=row["id"], to="open", tried=tries)
        return CodeResult("wrong", left=house.rules.code_tries - tries)
    tx.run(_SETTLE, code=row["id"], to="failed", tried=tries)
    until = to_micros(now + timedelta(minutes=house.rules.code_lock_minutes))
    for subject in subjects:
        tx.run(_SET_LOCK, subject=subject, until=until, failures=tries, sent=0, since=to_micros(now))
    events.record(
        tx, "security", "security.code_locked", now, "bot", conversation=conversation.id, address=row["asked_from"],
        account=row["account_id"],
    )  # fmt: skip
    events.record(tx, conversation.id, "security.code_locked", now, "bot")
    return CodeResult("locked")


def _may_send(tx: Tx, subject: str, now: datetime) -> bool:
    return not _is_locked(tx, subject, now) and _count_sent(tx, subject, now)


def _is_locked(tx: Tx, subject: str, now: datetime) -> bool:
    row = tx.one(_LOCK, of=subject)
    return row is not None and row["until"] > to_micros(now)


def _count_sent(tx: Tx, subject: str, now: datetime) -> bool:
    """Count one more code for the subject; False if it had its share of this hour."""
    row = tx.one(_LOCK, of=subject)
    hour_ago = to_micros(now - timedelta(hours=1))
    if row is None or row["since"] < hour_ago:
        tx.run(_SET_LOCK, subject=subject, until=0, failures=0, sent=1, since=to_micros(now))
        return True
    if row["sent"] >= CODES_PER_HOUR:
        return False
    tx.run(
        _SET_LOCK, subject=subject, until=row["until"], failures=row["failures"], sent=row["sent"] + 1, since=row["since"]
    )  # fmt: skip
    return True
