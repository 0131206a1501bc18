"""Where royalties go, and how we reach an author: never changed by a message, always by two people and a call.

``request`` writes down what was asked (and tells the contacts on file), ``confirm_call`` that somebody called the number on
file, ``approve`` is another person's, a supervisor's; then the change is made, the old and the new contact are told, and
payouts rest for ``rules.payout_hold_hours``. Bank numbers are never taken: of a bank account only the last four digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import phonenumbers
import sqlalchemy as sa

from inbox import events, redaction
from inbox.accounts import changes as ledger_changes
from inbox.accounts import contacts_told, ledger, records, tables
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import Account, AccountRef
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert, upsert
from inbox.errors import Conflict, Forbidden, Malformed, NotFound
from inbox.house import House
from inbox.ids import new_id
from inbox.message import ContactPoint
from inbox.payouts import telling, withdrawals
from inbox.payouts.tables import changes, rail_accounts
from inbox.staffing import Staff

Kind = Literal["payout", "email", "phone"]
KINDS: tuple[Kind, ...] = ("payout", "email", "phone")
METHODS = ("bank", "paypal", "check", "wise")
SHOWN = 200

c, b = changes.c, sa.bindparam
_ADD = insert(
    changes,
    "id",
    "author_id",
    "kind",
    "before",
    "after",
    "rail_account",
    "case",
    "conversation_id",
    "asked_by",
    "asked_at",
)
_ONE = Sql(sa.select(changes).where(c.id == b("change")).with_for_update())
_OPEN = Sql(sa.select(changes).where(c.status.in_(["asked", "called"])).order_by(c.asked_at).limit(b("limit")))
_DECIDED = Sql(
    sa.select(changes).where(c.status.in_(["approved", "refused"])).order_by(c.decided_at.desc()).limit(b("limit"))
)
_OPEN_OF = Sql(
    sa.select(changes).where(c.author_id == b("author"), c.kind == b("of_kind"), c.status.in_(["asked", "called"]))
)
_LAST_PHONE = Sql(
    sa.select(sa.func.max(c.hold_until).label("until")).where(
        c.author_id == b("author"), c.kind == "phone", c.status == "approved"
    )
)
_CALLED = Sql(
    sa.update(changes)
    .where(c.id == b("change"), c.status.in_(["asked", "called"]))
    .values(status="called", called_by=b("who"), called_at=b("at"), called_to=b("number"), call_note=b("note"))
)
_DECIDE = Sql(
    sa.update(changes)
    .where(c.id == b("change"), c.status.in_(["asked", "called"]))
    .values(status=b("now_status"), decided_by=b("who"), decided_at=b("at"), reason=b("why"), hold_until=b("until"))
)
_SET_HOLD = Sql(
    sa.update(tables.royalties)
    .where(tables.royalties.c.author_id == b("author"), tables.royalties.c.hold_until < b("until"))
    .values(hold_until=b("until"))
)
_SET_RAIL = upsert(rail_accounts, ("author_id",), "account", "change_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for. ``method`` and ``last4`` for a payout, ``address`` for a contact; ``rail_account`` is "acct_…"."""

    author_id: str
    kind: Kind
    method: str = ""
    last4: str = ""
    address: str = ""
    rail_account: str = ""
    case: int = 0
    conversation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    id: str
    author_id: str
    kind: str
    before: str
    after: str
    rail_account: str
    status: str
    case: int
    conversation_id: str
    asked_by: str
    asked_at: datetime
    called_by: str
    called_at: datetime | None
    called_to: str
    call_note: str
    decided_by: str
    decided_at: datetime | None
    reason: str
    hold_until: datetime | None


def request(tx: Tx, house: House, wanted: Wanted, by: Staff, at: datetime) -> Change:
    """Write down what was asked; nothing changes yet. The contacts on file hear of it at once.

    Raises ``Malformed`` for a bank number or a wrong address, ``Conflict`` if such a change is open, ``NotFound``.
    """
    _is_active(by)
    after = _after(wanted)
    records.touch(tx, wanted.author_id, at)
    account = _account(tx, wanted.author_id, at)
    if tx.one(_OPEN_OF, author=wanted.author_id, of_kind=wanted.kind) is not None:
        raise Conflict("A change of the same kind is open for this author. Finish that one first.")
    if wanted.kind == "payout" and account.royalties is None:
        raise Conflict("This author has no royalty account.")
    before = _before(account, wanted.kind)
    if wanted.kind != "payout" and before == after:
        raise Conflict("That is the address on file already.")
    key = new_id()
    tx.run(
        _ADD, id=key, author_id=wanted.author_id, kind=wanted.kind, before=before, after=after,
        rail_account=_rail_account(wanted.rail_account), case=wanted.case, conversation_id=wanted.conversation_id,
        asked_by=by.id, asked_at=to_micros(at),
    )  # fmt: skip
    change = get(tx, key)
    _record(tx, change, "payout.change_asked", at, by, case=wanted.case)
    facts: dict[str, Any] = {"what": wanted.kind, "case": wanted.case or None}
    _tell(tx, house, account, change, "asked", "payout_change_asked", facts, at)
    return change


def confirm_call(tx: Tx, house: House, change_id: str, by: Staff, at: datetime, *, note: str) -> Change:
    """Somebody called the number on file and the author confirmed. Raises ``Conflict`` if no number can be trusted."""
    _ = house
    _is_active(by)
    if not note.strip():
        raise Malformed("Write down what the author said on the call.")
    change = _open(tx, change_id)
    account = _account(tx, change.author_id, at)
    if not account.phone:
        raise Conflict("There is no phone number on file to call. Pass this to the supervisor; it cannot be confirmed.")
    made = tx.one(_LAST_PHONE, author=change.author_id)
    if max((made["until"] if made else 0) or 0, contacts_told.phone_new_until(tx, change.author_id)) > to_micros(at):
        raise Conflict("The number on file is new itself. Wait until its hold has ended before you call it for this.")
    tx.run(
        _CALLED, change=change_id, who=by.id, at=to_micros(at), number=masked_phone(account.phone),
        note=redaction.mask(note.strip()).text[:500],
    )  # fmt: skip
    called = get(tx, change_id)
    _record(tx, called, "payout.call_confirmed", at, by, number=called.called_to)
    return called


def approve(tx: Tx, house: House, change_id: str, by: Staff, at: datetime) -> Change:
    """The second person's yes: the change is made, payouts rest, the old and the new contact are told.

    Raises ``Forbidden`` unless ``by`` is a supervisor who neither asked nor called, ``Conflict`` without a call on record.
    """
    _is_active(by)
    change = _open(tx, change_id)
    if not by.is_supervisor:
        raise Forbidden("Only a supervisor may approve this.")
    if by.id in (change.asked_by, change.called_by):
        raise Forbidden("You asked for this change or made the call. Another supervisor must approve it.")
    if change.status != "called":
        raise Conflict("Nobody has called the number on file yet. Call first, then ask for approval.")
    records.touch(tx, change.author_id, at)
    old = _account(tx, change.author_id, at)
    if _before(old, change.kind) != change.before:
        raise Conflict("What is on file changed since this was asked. Refuse it and start again.")
    hours = house.rules.payout_hold_hours
    until = at + timedelta(hours=hours)
    tx.run(
        _DECIDE, change=change_id, now_status="approved", who=by.id, at=to_micros(at), why="", until=to_micros(until)
    )  # fmt: skip
    _make(tx, change, until, at)
    done = get(tx, change_id)
    _record(tx, done, "payout.changed", at, by, by=done.asked_by, called_by=done.called_by, approved_by=by.id)
    _record(tx, done, "payout.held", at, by, hours=hours, until=until.isoformat())
    answer = "payout_changed_notice" if change.kind == "payout" else "contact_changed_notice"
    facts = {"hold_until": until, "what": change.kind} if change.kind != "payout" else {"hold_until": until}
    _tell(tx, house, old, done, "approved", answer, facts, at)
    return done


def refuse(tx: Tx, house: House, change_id: str, by: Staff, at: datetime, *, reason: str) -> Change:
    """Nothing changes; the contacts on file are told so. Anybody of the staff may refuse, with a reason."""
    _is_active(by)
    if not reason.strip():
        raise Malformed("Say why the change is refused.")
    change = _open(tx, change_id)
    tx.run(
        _DECIDE, change=change_id, now_status="refused", who=by.id, at=to_micros(at),
        why=redaction.mask(reason.strip()).text[:500], until=0,
    )  # fmt: skip
    done = get(tx, change_id)
    _record(tx, done, "payout.change_refused", at, by, reason=done.reason)
    account = _account(tx, change.author_id, at)
    _tell(tx, house, account, done, "refused", "payout_change_refused", {"what": change.kind}, at)
    return done


# -- reading


def get(tx: Tx, change_id: str) -> Change:
    """Raises ``NotFound``."""
    row = tx.one(_ONE, change=change_id)
    if row is None:
        raise NotFound("There is no such change.")
    return _change(row)


def open_ones(tx: Tx) -> list[Change]:
    """Those that wait for a call or an approval, the oldest first."""
    return [_change(row) for row in tx.all(_OPEN, limit=SHOWN)]


def decided(tx: Tx, limit: int = 50) -> list[Change]:
    return [_change(row) for row in tx.all(_DECIDED, limit=limit)]


def masked_phone(number: str) -> str:
    """``+1 ••••0142``: enough to see which number was called."""
    return f"••••{number[-4:]}"


# -- what is asked


def _after(wanted: Wanted) -> str:
    if wanted.kind == "payout":
        return masked(wanted.method, wanted.last4)
    if wanted.kind == "email":
        return _email(wanted.address)
    if wanted.kind == "phone":
        return _phone(wanted.address)
    raise Malformed(f"A change is one of {', '.join(KINDS)}.")


def masked(method: str, last4: str) -> str:
    """``bank ••5093``. Raises ``Malformed`` for anything longer than the last four digits, without repeating it."""
    if method not in METHODS:
        raise Malformed(f"The payout method is one of {', '.join(METHODS)}.")
    digits = last4.strip()
    if not digits and method != "bank":
        return method
    if not (digits.isascii() and digits.isdigit() and len(digits) == 4):
        raise Malformed("Give the last four digits only. Full account numbers are never typed here.")
    return f"{method} ••{digits}"


def _email(text: str) -> str:
    address = text.strip().lower()
    local, at, domain = address.partition("@")
    plain = address.isascii() and address.isprintable() and " " not in address and len(address) <= 254
    if not (plain and local and at and "." in domain and "@" not in domain):
        raise Malformed("That is not an email address.")
    return address


def _phone(text: str) -> str:
    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException as error:
        raise Malformed("Give the phone number with its country code, like +1 555 010 0100.") from error
    if not phonenumbers.is_possible_number(number):
        raise Malformed("That is not a phone number.")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _rail_account(text: str) -> str:
    account = text.strip()
    if account and not (
        account.startswith("acct_") and account[5:].isalnum() and account.isascii() and len(account) < 64
    ):
        raise Malformed("The account at the payment provider begins with acct_; leave it empty if there is none.")
    return account


def _before(account: Account, kind: str) -> str:
    if kind == "payout":
        return account.royalties.payout_method if account.royalties else ""
    return account.email if kind == "email" else account.phone


def _is_active(by: Staff) -> None:
    if by.disabled:
        raise Forbidden("This account is switched off.")


# -- what is done


def _make(tx: Tx, change: Change, until: datetime, at: datetime) -> None:
    """Write the change into the ledger. A hold that runs longer stays."""
    if change.kind == "payout":
        known = _account(tx, change.author_id, at).royalties
        later = max(until, known.hold_until) if known and known.hold_until else until
        ledger_changes.set_payout_method(tx, change.author_id, change.after, hold_until=later, at=at)
        withdrawals.redirect(tx, change.author_id, change.after)
        tx.run(_SET_RAIL, author_id=change.author_id, account=change.rail_account, change_id=change.id)
        return
    fields = {"email": change.after} if change.kind == "email" else {"phone": change.after}
    ledger_changes.set_contact(tx, change.author_id, at=at, **fields)
    # A new way to reach the author is a way to take over the payouts: they rest as well.
    tx.run(_SET_HOLD, author=change.author_id, until=to_micros(until))


def _tell(
    tx: Tx, house: House, account: Account, change: Change, step: str, answer: str, facts: dict[str, Any], at: datetime
) -> None:
    """Every contact on file before the change and, once it is made, the new one too."""
    points = list(account.points())
    if step == "approved" and change.kind in ("email", "phone"):
        points.append(ContactPoint("email" if change.kind == "email" else "phone", change.after))
    notice = telling.Notice(
        subject=change.id, step=step, answer=answer, facts=facts,
        sources={name: (f"payout_change:{change.id}", at.isoformat()) for name, v in facts.items() if v is not None},
        everywhere=True,
    )  # fmt: skip
    telling.tell(
        tx, house, account, notice, at, conversation_id=change.conversation_id, to=tuple(dict.fromkeys(points))
    )


def _record(tx: Tx, change: Change, kind: str, at: datetime, actor: Staff, **data: Any) -> None:
    """In the author's own record and among what concerns security; ``before`` and ``after`` are masked already."""
    for stream in (withdrawals.stream_of(tx, change.author_id, change.conversation_id), "security"):
        events.record(
            tx, stream, kind, at, actor.id, change=change.id, account=change.author_id, what=change.kind,
            before=change.before, after=change.after, name=actor.name, **data,
        )  # fmt: skip


def _account(tx: Tx, author_id: str, at: datetime) -> Account:
    return ledger.load(tx, AccountRef(SOURCE, author_id), at)


def _open(tx: Tx, change_id: str) -> Change:
    change = get(tx, change_id)
    if change.status not in ("asked", "called"):
        raise Conflict(f"This change is {change.status} already.")
    return change


def _change(row: Any) -> Change:
    return Change(
        id=row["id"], author_id=row["author_id"], kind=row["kind"], before=row["before"], after=row["after"],
        rail_account=row["rail_account"], status=row["status"], case=row["case"], conversation_id=row["conversation_id"],
        asked_by=row["asked_by"], asked_at=from_micros(row["asked_at"]), called_by=row["called_by"],
        called_at=_at(row["called_at"]), called_to=row["called_to"], call_note=row["call_note"],
        decided_by=row["decided_by"], decided_at=_at(row["decided_at"]), reason=row["reason"],
        hold_until=_at(row["hold_until"]),
    )  # fmt: skip


def _at(micros: int) -> datetime | None:
    return from_micros(micros) if micros else None
