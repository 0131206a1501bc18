"""The one-time code: made, checked, counted; and the level a message stands at (``inbox.disclosure.levels``).

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

from inbox import events, guessing
from inbox.accounts.base import Account, AccountRef
from inbox.clock import to_micros
from inbox.conversations import Conversation, address
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import codes
from inbox.disclosure import levels, networks
from inbox.disclosure.levels import Standing
from inbox.guessing import Asker
from inbox.house import House
from inbox.ids import new_id
from inbox.message import ContactPoint, SenderProof
from inbox.settings import Rules

#: Stands for the code in what is stored and rendered; ``delivery`` puts the digits in as the message leaves.
PLACEHOLDER = "\u2063code\u2063"

b = sa.bindparam
_ADD = insert(
    codes, "id", "conversation_id", "asked_from", "account_source", "account_id", "authority", "sent_to", "purpose",
    "created_at", "expires_at",
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


@dataclass(frozen=True, slots=True)
class Target:
    """Whose code it is and where it goes: an account's contact on file, or the address of an authorised person.

    ``asked`` is the address the sender named, if nothing on file fits it: nobody's code, which nobody may notice.
    """

    ref: AccountRef | None = None
    authority: str = ""  # "email:…"
    to: ContactPoint | None = None
    asked: str = ""

    @property
    def known(self) -> bool:
        return self.to is not None and (self.ref is not None or bool(self.authority))


@dataclass(frozen=True, slots=True)
class CodeSent:
    """A code is on its way to ``sent_to``; None if no contact on file fits or none may be sent, which nobody may notice."""

    id: str
    sent_to: ContactPoint | None


@dataclass(frozen=True, slots=True)
class CodeResult:
    outcome: Literal["right", "wrong", "expired", "locked", "none"]
    ref: AccountRef | None = None
    left: int = 0  # tries
    code_id: str = ""  # of a right one
    authority: str = ""  # the authorised person's address that was proven, instead of an account
    minutes: int = 0  # of a lock, until it ends


@dataclass(frozen=True, slots=True)
class Paused:
    """No code for so many minutes: this address or its network asked or failed too often."""

    minutes: int


def level_of(
    proof: SenderProof,
    point: ContactPoint,
    account: Account | None,
    conversation: Conversation,
    now: datetime,
    rules: Rules,
) -> int:
    """The level this message stands at. Pure. Of an address that two accounts share, ``account`` must be None."""
    if account is None:  # proven for nobody's account: a portal's author who is not on record, a revoked authorisation
        return 0
    return levels.of_message(
        proof, point, on_file=point in account.points(), standing=standing_of(conversation), now=now, idle=_idle(rules)
    )  # fmt: skip


def proven_here(conversation: Conversation, point: ContactPoint, now: datetime, rules: Rules) -> bool:
    """Did this address give a right code in this conversation, not idle for too long since?"""
    return not levels.dropped(standing_of(conversation), point, now, _idle(rules))


def standing_of(conversation: Conversation) -> Standing:
    return Standing(conversation.proof_level, conversation.proof_point, conversation.proof_at)


def _idle(rules: Rules) -> timedelta:
    return timedelta(minutes=rules.proof_idle_minutes)


@dataclass(frozen=True, slots=True)
class Request:
    """Who asks for a code, in which conversation, from which address and network, for what."""

    conversation: Conversation
    asked_from: ContactPoint
    vouched: bool = False  # the channel vouches for the address; a caller id or a forged mail spends a share of its own
    client: str = ""  # the network of a chat
    purpose: str = "read"

    def asker(self, account_id: str, authority: str, sent_to: str, asked: str) -> Asker:
        """Who is counted: the address, its network, and whose code it is.

        A sender that nobody vouches for may have invented the address, so they spend the shares of addresses and networks of
        their own; one who is vouched for and gets the code where they write from is counted for no network at all.
        """
        here = address(self.asked_from)
        whose = f"account:{account_id}" if account_id else f"authority:{authority}" if authority else ""
        own = bool(whose) and self.vouched and (sent_to == here or self.asked_from.kind == "chat")
        network = "" if own else networks.of_point(self.asked_from, self.client)
        if not self.vouched:
            here, network = f"{here}?", network and f"{network}?"
        if not whose:
            whose = f"target:{asked or address(self.asked_from)}"
        return Asker(here, network, f"{whose}:own" if own else whose)


def step_up(tx: Tx, house: House, request: Request, target: Target, now: datetime) -> CodeSent | Paused:
    """Make a code, or say for how long there is none (tell ``code_locked``).

    Without a known target, or with an account that is locked, everything looks the same and the same statements run, but
    nothing is sent and no code is right.
    """
    point = address(request.asked_from)
    to = address(target.to) if target.to else ""
    asker = request.asker(target.ref.id if target.ref else "", target.authority, to, target.asked)
    asked = guessing.may_ask(tx, asker, now, house.rules)
    if not asked.allowed:
        return Paused(asked.minutes)
    live = target if target.known and asked.account_open else Target()
    tx.run(_REPLACE, conversation=request.conversation.id)
    code = new_id()
    tx.run(
        _ADD, id=code, conversation_id=request.conversation.id, asked_from=point,
        account_source=live.ref.source if live.ref else "", account_id=live.ref.id if live.ref else "",
        authority=live.authority, sent_to=address(live.to) if live.to else "", purpose=request.purpose,
        created_at=to_micros(now), expires_at=to_micros(now + timedelta(minutes=house.rules.code_minutes)),
    )  # fmt: skip
    events.record(tx, request.conversation.id, "code.sent", now, "bot", purpose=request.purpose)
    return CodeSent(code, live.to)


def check(tx: Tx, house: House, request: Request, given: tuple[str, ...], now: datetime) -> CodeResult:
    """Compare the ``seal`` of what was given with the open code of this conversation; count, lock and record.

    Every group of digits is a try of its own. A code of a locked account is wrong, in the words of any wrong one.
    """
    row = tx.one(_OPEN, conversation=request.conversation.id)
    if row is None or row["asked_from"] != address(request.asked_from):
        return CodeResult("none")
    asker = request.asker(row["account_id"], row["authority"], row["sent_to"], "")
    may = guessing.may_guess(tx, asker, now)
    if not may.allowed:
        return CodeResult("locked", minutes=may.minutes)
    early = to_micros(now + levels.CLOCKS_DIFFER) < row["created_at"]  # the clock was turned back: its age is not known
    if early or to_micros(now) > row["expires_at"]:
        tx.run(_SETTLE, code=row["id"], to="expired", tried=row["tries"])
        return CodeResult("expired")
    guesses = tuple(dict.fromkeys(given))
    tries = row["tries"] + len(guesses)
    expected = [_seal(sealing, code_of(secret, row["id"])) for secret in house.secrets for sealing in house.secrets]
    matches = [hmac.compare_digest(one, sealed) for one in expected for sealed in guesses]
    named = bool(row["account_id"] or row["authority"])
    if any(matches) and named and may.account_open and tries <= house.rules.code_tries:
        return _right(tx, request.conversation, row, tries, now)
    return _wrong(tx, house, row, asker, tries, now)


def _right(tx: Tx, conversation: Conversation, row: sa.RowMapping, tries: int, now: datetime) -> CodeResult:
    tx.run(_SETTLE, code=row["id"], to="used", tried=tries)
    events.record(
        tx, conversation.id, "code.verified", now, "author", account=row["account_id"], authority=row["authority"]
    )  # fmt: skip
    ref = AccountRef(row["account_source"], row["account_id"]) if row["account_id"] else None
    return CodeResult("right", ref, code_id=row["id"], authority=row["authority"])


def code_of(secret: str, code_id: str) -> str:
    """The six digits of a code row."""
    digest = hmac.new(secret.encode(), f"code:{code_id}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"


def seal(house: House, digits: str) -> str:
    """What is stored of a code that somebody gave: it can be compared, and not be read without the house's secret."""
    return _seal(house.secrets[0], digits)


def _seal(secret: str, digits: str) -> str:
    return hmac.new(secret.encode(), f"given:{digits}".encode(), hashlib.sha256).hexdigest()


def _wrong(tx: Tx, house: House, row: sa.RowMapping, asker: Asker, tries: int, now: datetime) -> CodeResult:
    conversation = row["conversation_id"]
    events.record(tx, conversation, "code.rejected", now, "author", tries=tries)
    guessing.wrong(tx, asker, tries - row["tries"], now, house.rules)
    if tries < house.rules.code_tries:
        tx.run(_SETTLE, code=row["id"], to="open", tried=tries)
        return CodeResult("wrong", left=house.rules.code_tries - tries)
    tx.run(_SETTLE, code=row["id"], to="failed", tried=tries)
    guessing.lock(tx, asker, now, house.rules.code_lock_minutes)
    events.record(
        tx, "security", "security.code_locked", now, "bot", conversation=conversation, address=row["asked_from"],
        account=row["account_id"],
    )  # fmt: skip
    events.record(tx, conversation, "security.code_locked", now, "bot")
    return CodeResult("locked", minutes=guessing.may_guess(tx, asker, now).minutes)
