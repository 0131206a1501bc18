"""What happens between an author's messages: money moves, people act, timers run. Each in the way the product does it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

from inbox import staffing
from inbox.accounts import booking, changes, ledger
from inbox.accounts.base import Dispute, Instalment, Payment, PaymentMethod, Plan, Promise, Refund
from inbox.db.store import Tx
from inbox.errors import Unsupported
from inbox.escalation.base import DeskEvent
from inbox.money import Money
from inbox.payouts import batches, destinations, files
from inbox.receivables import autopay, chargebacks, payments, promises, reminders
from inbox.receivables.reminders import Reminder
from inbox.simulate.stage import Stage, agent

Details = Mapping[str, Any]


async def happen(stage: Stage, event: str, details: Details) -> None:
    """Raises ``Unsupported`` for what this version of the product cannot do."""
    if event not in _EVENTS:
        raise Unsupported(f"{event} is not part of this version")
    await _EVENTS[event](stage, details)
    await stage.settle()


async def _payment_succeeded(stage: Stage, details: Details) -> None:
    p = details["payment"]
    payment = Payment(
        id=p["id"], on=stage.clock.now().date(), amount=Money.of(p["amount"]), method=p.get("via", ""), status="succeeded",
        invoice_id=p["invoice"],
    )  # fmt: skip

    await stage.store.run(lambda tx: payments.settled(tx, stage.house, stage.ref.id, payment, stage.clock.now()))


async def _payment_updated(stage: Stage, details: Details) -> None:
    p, now = details["payment"], stage.clock.now()
    await stage.store.run(lambda tx: payments.updated(tx, stage.house, stage.ref.id, p["id"], p["status"], now))


async def _payment_method_added(stage: Stage, details: Details) -> None:
    m, now = details["method"], stage.clock.now()
    method = PaymentMethod(
        id=m["id"], type=m["type"], brand=m["brand"], last4=m["last4"], expires=m["exp"], default=m["default"]
    )
    await stage.store.run(lambda tx: payments.method_added(tx, stage.house, stage.ref.id, method, now))


# -- timers


async def _autopay_due(stage: Stage, details: Details) -> None:
    _ = details
    await stage.store.run(lambda tx: autopay.run(tx, stage.house, stage.ref, stage.clock.now()))


async def _outbound_due(stage: Stage, details: Details) -> None:
    reminder = Reminder(
        kind=details["kind"], channel=details.get("channel", ""), invoice_id=details.get("invoice", "")
    )  # fmt: skip
    await stage.store.run(lambda tx: reminders.send(tx, stage.house, stage.ref, reminder, stage.clock.now()))


async def _promise_check(stage: Stage, details: Details) -> None:
    """The check of the last promise whose day has passed, open ones first."""
    _ = details
    now = stage.clock.now()

    def unit(tx: Tx) -> None:
        account = ledger.load(tx, stage.ref, now)
        passed = [p for p in account.promises if p.on < now.date() and p.status in ("open", "kept")]
        latest = max(passed, key=lambda p: (p.status == "open", p.on), default=None)
        if latest is None:
            raise Unsupported("there is no promise to check")
        promises.check(tx, stage.house, stage.ref, latest.id, now)

    await stage.store.run(unit)


async def _chargeback_opened(stage: Stage, details: Details) -> None:
    d = details["dispute"]
    dispute = Dispute(
        id=d["id"], invoice_id=d["invoice"], payment_id=d.get("payment", ""), amount=Money.of(d["amount"]),
        network=d["network"], reason=d["reason"], opened_on=date.fromisoformat(d["opened"]),
        respond_by=date.fromisoformat(d["respond_by"]), status=d["status"],
    )  # fmt: skip
    await stage.store.run(lambda tx: chargebacks.opened(tx, stage.house, stage.ref, dispute, stage.clock.now()))


async def _withdrawal_paid(stage: Stage, details: Details) -> None:
    """Finance gets a batch, pays it, and reports: the way of the product."""
    w, now, on = details["withdrawal"], stage.clock.now(), date.fromisoformat(details["withdrawal"]["paid_on"])
    report = files.Report(line=1, id=w["id"], status=w["status"], on=on, amount=Money.of(w["amount"]).decimal)

    def unit(tx: Tx) -> None:
        batches.claim(tx, stage.house, batches.pick(tx, now.date(), now), by="finance", at=now)
        batches.reconcile(tx, stage.house, [report], by="finance", at=now)

    await stage.store.run(unit)


async def _payout_hold_expired(stage: Stage, details: Details) -> None:
    """Only the clock moves: a hold ends by its own time."""


async def _tax_form_approved(stage: Stage, details: Details) -> None:
    await stage.store.run(
        lambda tx: changes.set_tax_form(tx, stage.ref.id, details["form"], "approved", at=stage.clock.now())
    )


# -- people


async def _agent_takes_over(stage: Stage, details: Details) -> None:
    await _act(stage, details["agent"], "claim")


async def _agent_resolves(stage: Stage, details: Details) -> None:
    await _act(stage, details["agent"], "claim")
    if details["action"] == "payout_method_changed":
        await agent(stage, details["second_approver"], "supervisor")
    await stage.store.run(lambda tx: _AGENT[details["action"]](tx, stage, details))
    outcome = {"refund": "refund", "credit": "credit", "hardship_plan": "plan_agreed"}.get(details["action"], "other")
    if "evidence" in details.get("note", ""):
        outcome = "evidence_submitted"
    await _act(
        stage, details["agent"], "return" if details["handback"] else "resolve", outcome, details.get("note", "")
    )


async def _act(stage: Stage, who: str, kind: Any, outcome: str = "", note: str = "") -> None:
    person = await agent(stage, who)
    live = [c for c in stage.cases() if c.status in ("open", "claimed")]
    if not live:
        raise Unsupported("there is no open case to act on")
    event = DeskEvent(
        source_id=f"{kind}-{stage.clock.now().timestamp()}-{live[-1].number}", kind=kind, case=live[-1].number, actor_id=who,
        actor_name=person.name, at=stage.clock.now(), outcome=outcome, text=note,
    )  # fmt: skip
    result = await stage.deskwork.apply(event)
    if not result.ok:
        raise Unsupported(f"{kind} refused: {result.text}")


def _refund(tx: Tx, stage: Stage, details: Details) -> None:
    r = details["refund"]
    live = [c for c in stage.cases() if c.status in ("open", "claimed")][-1]
    payments, invoices = live.facts.get("payment_ids", []), live.facts.get("invoice_ids", [])
    refund = Refund(
        id=r["id"], invoice_id=r.get("invoice", invoices[0] if invoices else ""),
        payment_id=r.get("payment", payments[-1] if payments else ""), amount=Money.of(r["amount"]), status=r["status"],
        approved_on=stage.clock.now().date(), method=r["method"], expected=r["expected"],
    )  # fmt: skip
    changes.save_refund(tx, stage.ref.id, refund, at=stage.clock.now())


def _credit(tx: Tx, stage: Stage, details: Details) -> None:
    c, now = details["credit"], stage.clock.now()
    booking.credit_invoice(
        tx, stage.ref.id, c["invoice"], Money.of(c["amount"]), credit_id=c["id"], given_by=details["agent"], at=now
    )  # fmt: skip


def _hardship_plan(tx: Tx, stage: Stage, details: Details) -> None:
    """The new schedule of the invoice that is open: equal parts, a month apart, in the name of who agreed to it."""
    p = details["plan"]
    account = ledger.load(tx, stage.ref, stage.clock.now())
    old = next(plan for plan in account.plans if plan.left)
    first = date.fromisoformat(p["first_due"])
    paid = tuple(i for i in old.instalments if i.status == "paid")
    parts = tuple(
        Instalment(
            number=len(paid) + n + 1, due_on=_months_after(first, n), amount=Money.of(p["amount"]), status="scheduled"
        )
        for n in range(p["installments"])
    )
    plan = Plan(id=f"{old.id}-H", invoice_id=old.invoice_id, instalments=(*paid, *parts), approved_by=details["agent"])
    booking.replace_plan(tx, stage.ref.id, plan, at=stage.clock.now())


def _months_after(first: date, months: int) -> date:
    year, month = divmod(first.month - 1 + months, 12)
    return first.replace(year=first.year + year, month=month + 1)


def _approve_promise(tx: Tx, stage: Stage, details: Details) -> None:
    p = details["promise"]
    promise = Promise(
        id=f"PR-{details['agent']}-{p['date']}", invoice_id=p["invoice"], amount=Money.of(p["amount"]),
        on=date.fromisoformat(p["date"]), status="open", made_on=stage.clock.now().date(), approved_by=details["agent"],
    )  # fmt: skip
    changes.save_promise(tx, stage.ref.id, promise, at=stage.clock.now())


def _payout_method_changed(tx: Tx, stage: Stage, details: Details) -> None:
    """Asked for by the agent who called the number on file, approved by the second person: as in the console."""
    house, now = stage.house, stage.clock.now()
    asks, approves = (staffing.by_desk_id(tx, details[name]) for name in ("agent", "second_approver"))
    assert asks is not None
    assert approves is not None
    live = [c for c in stage.cases() if c.status in ("open", "claimed")][-1]
    method, _, last4 = details["payout_method"].partition(" ••")
    wanted = destinations.Wanted(
        author_id=stage.ref.id,
        kind="payout",
        method=method,
        last4=last4,
        case=live.number,
        conversation_id=live.conversation_id,
    )
    change = destinations.request(tx, house, wanted, asks, now)
    destinations.confirm_call(tx, house, change.id, asks, now, note=details["verification"])
    destinations.approve(tx, house, change.id, approves, now)


def _nothing(tx: Tx, stage: Stage, details: Details) -> None:
    _ = tx, stage, details


_AGENT: Mapping[str, Callable[[Tx, Stage, Details], None]] = {
    "refund": _refund,
    "credit": _credit,
    "close": _nothing,
    "hardship_plan": _hardship_plan,
    "approve_promise": _approve_promise,
    "payout_method_changed": _payout_method_changed,
}
_EVENTS: Mapping[str, Callable[[Stage, Details], Awaitable[None]]] = {
    "payment_succeeded": _payment_succeeded,
    "payment_updated": _payment_updated,
    "payment_method_added": _payment_method_added,
    "autopay_due": _autopay_due,
    "outbound_due": _outbound_due,
    "promise_check": _promise_check,
    "chargeback_opened": _chargeback_opened,
    "withdrawal_paid": _withdrawal_paid,
    "payout_hold_expired": _payout_hold_expired,
    "tax_form_approved": _tax_form_approved,
    "agent_takes_over": _agent_takes_over,
    "agent_resolves": _agent_resolves,
}
