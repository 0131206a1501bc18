"""What a decision does besides replying: opt-outs, preferences, promises, withdrawals, flags, security events."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from inbox import contacts, events
from inbox.accounts import changes
from inbox.accounts.base import Promise
from inbox.accounts.factsheet import business_days_after
from inbox.clock import to_micros
from inbox.conversations import address
from inbox.db.store import Tx, upsert
from inbox.db.tables import preferences
from inbox.decide import Effect
from inbox.house import House
from inbox.intents.normalize import fold
from inbox.message import ContactPoint
from inbox.payouts import withdrawals
from inbox.receivables import arrangements, promises, timers

if TYPE_CHECKING:
    from inbox.replying import Turn

#: Business days (playbook section 5): sent within two, at the bank within five more.
SENT_WITHIN, ARRIVES_WITHIN = 2, 5
_PREFER = upsert(preferences, ("contact_id",), "channel", "not_before", "not_after", "words", "created_at")


def apply(tx: Tx, house: House, turn: Turn, effect: Effect, now: datetime) -> dict[str, Any]:
    """Do it; returns facts that the reply may need."""
    if effect.kind in _OF_THE_HOUSE:
        return _OF_THE_HOUSE[effect.kind](tx, house, turn, effect.data, now)
    return _EFFECTS[effect.kind](tx, turn, effect.data, now)


def _opt_out(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The broad reading: a wish to stop texts stops all texts and automated calls to that number."""
    _ = data
    points = _points_to_stop(turn)
    for point in points:
        if contacts.suppress(tx, point, now, message_id=turn.row["id"]):
            events.record(
                tx, turn.conversation.id, "opt_out.stored", now, "author", channel=_CHANNEL[point.kind],
                address=address(point), scope="all_outbound", message=turn.row["id"],
            )  # fmt: skip
    kinds = {p.kind for p in points}
    scope = "all" if len(kinds) > 1 else "email" if "email" in kinds else "texts"
    return {"scope": scope}


_CHANNEL = {"phone": "sms", "email": "email", "chat": "chat"}


def _points_to_stop(turn: Turn) -> list[ContactPoint]:
    """The address that was used; from the chat, where nobody is written to, the addresses on file."""
    if turn.point.kind != "chat":
        return [turn.point]
    return list(turn.account.points()) if turn.account and turn.level >= 1 else []


def _opt_in(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    _ = data
    if contacts.lift_suppression(tx, turn.point, now):
        events.record(tx, turn.conversation.id, "opt_out.lifted", now, "author", address=address(turn.point))
    return {}


_NOT = r"\b(?:not|dont|don't|never|stop|no|nao|nunca|dejen|parem|pare|paren)\b[^,.;!?]*"
_NOT_AFTER = re.compile(_NOT + r"\b(?:after|past|despues|depois|apos)\b")
_BEFORE = re.compile(r"\b(?:before|until|till|antes|hasta|ate)\b")
_NOT_BEFORE = re.compile(_NOT + _BEFORE.pattern)


def _is_end(text: str) -> bool:
    """Is the one hour that is named the last rather than the first: "not after 8 pm", "call before noon"?"""
    said = fold(text.lower().replace("’", "'"))
    if _NOT_AFTER.search(said):
        return True
    return _BEFORE.search(said) is not None and _NOT_BEFORE.search(said) is None


def _preference(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    times = [t.strftime("%H:%M") for t in turn.read.entities.times]
    hours_from, hours_until = (*times[:2], "", "")[:2]
    if hours_from and not hours_until and _is_end(turn.read.text):
        hours_from, hours_until = "", hours_from
    tx.run(
        _PREFER, contact_id=turn.contact.id, channel=turn.row["channel"], not_before=hours_from, not_after=hours_until,
        words=str(data.get("words", ""))[:500], created_at=to_micros(now),
    )  # fmt: skip
    events.record(
        tx, turn.conversation.id, "preference.stored", now, "author", channel=turn.row["channel"], not_before=hours_from,
        not_after=hours_until, message=turn.row["id"], timezone=turn.account.timezone if turn.account else "",
    )  # fmt: skip
    return {"hours_from": hours_from or None, "hours_until": hours_until or None}


def _promise(tx: Tx, house: House, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Store the promise with the author's own words, in place of one that runs for the same invoice."""
    assert turn.account is not None
    key = f"PR-{_number()}"
    promise = Promise(
        id=key, invoice_id=data["invoice_id"], amount=data["amount"], on=data["on"], status="open",
        made_on=now.date(), words=str(data["words"])[:500],
    )  # fmt: skip
    promises.store(tx, house, turn.account, promise, turn.conversation.id, now)
    events.record(
        tx, turn.conversation.id, "promise.stored", now, "author", promise=key, amount=str(data["amount"]),
        on=data["on"].isoformat(), invoice=data["invoice_id"], message=turn.row["id"],
    )  # fmt: skip
    return {}


def _split_plan(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    assert turn.account is not None
    arrangements.split(tx, turn.account, data, turn.conversation.id, now)
    return {}


def _move_due(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    assert turn.account is not None
    arrangements.move(tx, turn.account, data, turn.conversation.id, now)
    return {}


def _promise_reminder(tx: Tx, house: House, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The author wants to be reminded of the promise that runs; ``invoice_id`` names it where there are several."""
    assert turn.account is not None
    wanted = data.get("invoice_id", "")
    running = [p for p in turn.account.promises if p.status == "open" and wanted in ("", p.invoice_id)]
    promise = min(running, key=lambda p: p.on, default=None)
    return {"on": timers.remind_of_promise(tx, house, turn.account, promise, now)} if promise else {}


def _withdrawal(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """One withdrawal for one confirmation: the code that confirmed it is used up in the same commit."""
    assert turn.account is not None
    key = f"WD-{_number()}"
    expected = business_days_after(now.date(), SENT_WITHIN + ARRIVES_WITHIN)
    wish = withdrawals.Wish(
        id=key, amount=data["amount"], destination=data["destination"], confirmation=turn.code_id,
        conversation_id=turn.conversation.id, requested_on=now.date(), expected_on=expected,
    )  # fmt: skip
    made = withdrawals.request(tx, turn.account.ref.id, wish, now)
    if made.id != key:  # the code had made one before
        return {"withdrawal_id": made.id, "expected_on": made.expected_on}
    events.record(
        tx, turn.conversation.id, "withdrawal.requested", now, "author", withdrawal=key, amount=str(data["amount"]),
        destination=data["destination"], authorised_by="otp", confirmation=turn.code_id, message=turn.row["id"],
    )  # fmt: skip
    return {"withdrawal_id": key, "expected_on": expected}


def _number() -> str:
    """Digits that people can read aloud; the table's key refuses the one in ten million that is taken."""
    return f"{secrets.randbelow(9_000_000) + 1_000_000}"


def _flag(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """Set on the author's account, so that every channel stops; an unproven sender cannot set more than a report."""
    if turn.account is not None:
        changes.set_flag(tx, turn.account.ref.id, data["flag"], at=now)
        events.record(tx, turn.conversation.id, "flag.set", now, "bot", flag=data["flag"], account=turn.account.ref.id)
    return {}


def _security(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    for stream in ("security", turn.conversation.id):
        events.record(
            tx, stream, f"security.{data['kind']}", now, "bot", conversation=turn.conversation.id, message=turn.row["id"],
            address=address(turn.point), why=data.get("why", ""),
        )  # fmt: skip
    return {}


def _hold_payout(tx: Tx, turn: Turn, data: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    _ = data
    events.record(tx, turn.conversation.id, "payout.held", now, "bot", message=turn.row["id"])
    return {}


_EFFECTS: Mapping[str, Callable[[Tx, Turn, Mapping[str, Any], datetime], dict[str, Any]]] = {
    "opt_out": _opt_out,
    "opt_in": _opt_in,
    "preference": _preference,
    "split_plan": _split_plan,
    "move_due": _move_due,
    "withdrawal": _withdrawal,
    "flag": _flag,
    "security_event": _security,
    "hold_payout": _hold_payout,
}
#: Those that need the house's rules or hours.
_OF_THE_HOUSE: Mapping[str, Callable[[Tx, House, Turn, Mapping[str, Any], datetime], dict[str, Any]]] = {
    "promise": _promise,
    "promise_reminder": _promise_reminder,
}
