"""Arrangements that the author agreed to: a past-due amount in parts, a due day moved. What may be agreed is decided
before (``inbox.deciding.plans``); here it is booked, recorded, and reminders about it rest until the first agreed day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from inbox import events
from inbox.accounts import booking, dues
from inbox.accounts.base import Account, Instalment, Plan
from inbox.db.store import Tx
from inbox.errors import Conflict
from inbox.money import Money
from inbox.receivables import charges, holds, promises
from inbox.receivables.autopay import ARRANGED_BY as BY


def split(tx: Tx, account: Account, agreed: Mapping[str, Any], conversation_id: str, now: datetime) -> None:
    """Book ``{"invoice", "parts": [{"due", "amount"}], "total"}`` in place of what is past due on that invoice. The plan
    keeps its id and its other instalments; an invoice without a plan gets one. Raises ``Conflict`` if the past-due amount
    is not ``total`` any more.
    """
    parts = [(date.fromisoformat(p["due"]), Money.of(p["amount"], account.currency)) for p in agreed["parts"]]
    today = now.astimezone(ZoneInfo(account.timezone or "UTC")).date()
    late = [d for d in dues.unpaid(account) if d.invoice.id == agreed["invoice"] and d.is_past_due(today)]
    owed = Money.total((d.amount for d in late), account.currency)
    if not late or str(owed) != agreed["total"]:
        raise Conflict(f"{owed} is past due on {agreed['invoice']}, not {agreed['total']}; propose the parts anew")
    numbers = {d.number for d in late}
    old = late[0].plan or Plan(id=f"PL-{agreed['invoice']}", invoice_id=agreed["invoice"], instalments=())
    kept = [i for i in old.instalments if i.status == "paid" or i.number not in numbers]
    new = [Instalment(number=0, due_on=on, amount=amount, status="scheduled") for on, amount in parts]
    order = sorted([*kept, *new], key=lambda i: (i.status != "paid", i.due_on))
    plan = replace(
        old, instalments=tuple(replace(i, number=n) for n, i in enumerate(order, 1)), approved_by=BY, next_retry_on=None
    )
    promises.replace_open(tx, account, agreed["invoice"], conversation_id, now, by=plan.id)
    charges.cancel(tx, account, agreed["invoice"], "smaller parts were agreed", now)
    booking.replace_plan(tx, account.ref.id, plan, at=now)
    events.record(
        tx, conversation_id, "plan.split", now, "author", plan=plan.id, invoice=agreed["invoice"],
        parts=list(agreed["parts"]), total=agreed["total"],
    )  # fmt: skip
    rest_until = datetime.combine(parts[0][0], time.min, ZoneInfo(account.timezone or "UTC"))
    holds.pause(
        tx, account.ref.id, "promise_running", conversation_id, now, invoices=(agreed["invoice"],), until=rest_until
    )


def move(tx: Tx, account: Account, agreed: Mapping[str, Any], conversation_id: str, now: datetime) -> None:
    """Book ``{"plan", "from", "to", "days"}``: that instalment and the later ones of the same day of the month."""
    since = date.fromisoformat(agreed["from"])
    before, after = booking.move_due_date(tx, account.ref.id, agreed["plan"], agreed["days"], at=now, since=since)
    events.record(
        tx, conversation_id, "due_date.changed", now, "author", plan=agreed["plan"], before=before.day, after=after.day,
        by=BY, days=agreed["days"],
    )  # fmt: skip
