"""The automatic charges of a day for one author: instalments that fall due and retries that are planned, held back while
anything on the stop list applies (playbook section 8.2). A part whose tries have ended is left to the author; the later
ones are still charged, once each on their days.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from inbox import events, jobs
from inbox.accounts import dues, ledger, records
from inbox.accounts.base import Account, AccountRef
from inbox.accounts.dues import Due
from inbox.clock import zone
from inbox.contact_policy import Denied, Pause, stop_of
from inbox.db.store import Tx
from inbox.house import House
from inbox.receivables import charges, reaching
from inbox.receivables.charges import Charge

LANE = "charges"
#: Who approved the plans that the bot agreed to by itself.
ARRANGED_BY = "bot"


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A charge that is not made, and why; ``invoice_id`` "" = every one of this author."""

    invoice_id: str
    denied: Denied


def run(tx: Tx, house: House, ref: AccountRef, now: datetime) -> list[Charge | HeldBack]:
    """Begin what is to be charged today and hold back what must not be. Run twice, nothing is charged twice.

    Where the biller charges by itself (``house.can_charge`` is False) only the holding back happens here.
    Raises ``NotFound`` for an unknown author.
    """
    records.lock(tx, ref.id)
    account = ledger.load(tx, ref, now)
    pauses = of_charges(account, reaching.pauses(tx, account, now))
    today = now.astimezone(zone(account.timezone or house.company.timezone)).date()
    everything = stop_of(account, pauses, "", today, house.rules)
    if everything is not None:
        return [_hold_back(tx, account, HeldBack("", everything), now)]
    done: list[Charge | HeldBack] = []
    for invoice_id, parts in _due(account, today).items():
        stop = stop_of(account, pauses, invoice_id, today, house.rules) or _undecided(account, invoice_id)
        if stop is not None:
            done.append(_hold_back(tx, account, HeldBack(invoice_id, stop), now))
        elif house.can_charge and (begun := _begin(tx, account, parts, today, now)):
            done.append(begun)
    return done


def of_charges(account: Account, pauses: Iterable[Pause]) -> list[Pause]:
    """Without the rest from reminders that the bot's own arrangement brings: its parts are charged on their days."""
    arranged = {p.invoice_id for p in account.plans if p.approved_by == ARRANGED_BY}
    return [p for p in pauses if p.of_case or p.reason != "promise_running" or p.invoice_id not in arranged]


def _undecided(account: Account, invoice_id: str) -> Denied | None:
    """Of money on its way, however little, nobody knows yet what it leaves to be charged: the charge waits for the answer."""
    if any(p.status == "pending" and p.invoice_id == invoice_id for p in account.payments):
        return Denied("payment_pending", "a payment of this invoice is on its way")
    return None


def _due(account: Account, today: date) -> dict[str, list[Due]]:
    """The parts of each invoice that are due by today; what is in dispute too, to be held back by that name."""
    found: dict[str, list[Due]] = {}
    for due in dues.unpaid(replace(account, disputes=())):
        if due.due_on <= today or due.status == "failed":
            found.setdefault(due.invoice.id, []).append(due)
    return found


def _begin(tx: Tx, account: Account, parts: Sequence[Due], today: date, now: datetime) -> Charge | None:
    method = dues.default_method(account)
    live = charges.freed(tx, account, parts[0].invoice.id, now)
    if live is not None:
        if live.state != "scheduled" or live.run_on is None or live.run_on > today:
            return None
        charges.begin(tx, account, live, now)
        charge = replace(live, state="running", amount=parts[0].amount)  # what is open now, not what was open then
    elif method is not None and (due := _planned(tx, account, parts, today)) is not None:
        charge = charges.begin_autopay(tx, account, due, method.id, now)
    else:
        return None
    ask(tx, account, charge, now)
    return charge


def _planned(tx: Tx, account: Account, parts: Sequence[Due], today: date) -> Due | None:
    """An instalment that was not charged since its day came, or a try that was planned before we did the charging."""
    for due in parts:
        retry = due.plan.next_retry_on if due.plan else None
        if due.status == "failed" and retry is not None:
            return due if retry <= today else None
        if due.status == "scheduled" and not charges.was_made(tx, account, due):
            return due
    return None


def ask(tx: Tx, account: Account, charge: Charge, now: datetime) -> None:
    """Queue the request to the provider; its id makes repeating it harmless."""
    jobs.enqueue(
        tx, LANE, "charge", f"charge:{account.ref.id}", now, charge=charge.id, account=account.ref.id,
        invoice=charge.invoice_id, amount=str(charge.amount), currency=charge.amount.currency, method=charge.method_id,
    )  # fmt: skip


def _hold_back(tx: Tx, account: Account, held: HeldBack, now: datetime) -> HeldBack:
    stream, why = reaching.stream_of(tx, account), held.denied
    events.record(
        tx, stream, "charge.suppressed", now, "bot", account=account.ref.id, invoice=held.invoice_id, reason=why.reason,
        words=why.words,
    )  # fmt: skip
    if why.reason == "payment_pending":
        return held  # what comes of it decides about the tries
    events.record(
        tx, stream, "autopay.suspended", now, "bot", account=account.ref.id, invoice=held.invoice_id, status="suspended",
        reason=why.reason,
    )  # fmt: skip
    invoices = [held.invoice_id] if held.invoice_id else [p.invoice_id for p in account.plans]
    for invoice_id in invoices:
        charges.cancel(tx, account, invoice_id, why.reason, now)
    return held
