"""What must stand at the end of a dialogue: records, promise, opt-outs, case, proof level, collections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from inbox import staffing
from inbox.accounts import dues, ledger
from inbox.accounts.base import Account
from inbox.clock import zone
from inbox.escalation import posting
from inbox.receivables import holds
from inbox.simulate.checking import has
from inbox.simulate.stage import Stage

_STOPPED = ("attorney_represented", "bankruptcy", "deceased_reported", "self_harm_cue")
_Found = list[dict[str, Any]]


def check(stage: Stage, final: Mapping[str, Any], level: str, state: str) -> list[str]:
    """Every expectation that is not met, in words."""
    look = Look(stage)
    problems = [f"no record {json.dumps(r)}" for r in final["records"] if not _recorded(look, r)]
    if final["state"] != state:
        problems.append(f"final state is {state}, expected {final['state']}")
    if final["verification"] != level:
        problems.append(f"final level is {level}, expected {final['verification']}")
    problems += _promise(look, final["promise_to_pay"]) + _opt_outs(look, final["opt_outs"])
    problems += _escalation(stage, final["escalation"])
    dunning = dunning_state(look.account, look.holds, cleared=look.cleared)
    if final["dunning"] != dunning:
        problems.append(f"dunning is {dunning}, expected {final['dunning']}")
    return problems


class Look:
    """The records of a played dialogue, read once."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.events = [
            (row["type"], json.loads(row["data"]), row["actor"])
            for row in stage.events()
            if row["stream"] != "security"
        ]
        self.cases = stage.cases()
        self.account: Account = stage.store.read_now(lambda tx: ledger.load(tx, stage.ref, stage.clock.now()))
        self.holds = stage.store.read_now(lambda tx: holds.of(tx, stage.ref.id, stage.clock.now()))

    @property
    def cleared(self) -> bool:
        """Something was past due and is paid; nothing else is past due now."""
        today = self.stage.clock.now().astimezone(zone(self.account.timezone)).date()
        late = any(d.is_past_due(today) for d in dues.unpaid(self.account))
        return bool(self.of("dunning.cleared")) and not late

    def of(self, kind: str) -> _Found:
        return [data for name, data, _ in self.events if name == kind]


def _recorded(look: Look, wanted: Mapping[str, Any]) -> bool:
    fields = {k: v for k, v in wanted.items() if k not in ("type", "count")}
    found = [r for r in _RECORDS.get(wanted["type"], _none)(look) if all(_same(r.get(k), v) for k, v in fields.items())]
    return len(found) >= int(wanted.get("count", 1))


def _same(got: Any, want: Any) -> bool:
    if isinstance(want, list) and isinstance(got, (list, tuple)):
        return {json.dumps(w, sort_keys=True) for w in want} <= {json.dumps(g, sort_keys=True) for g in got}
    return bool(str(got) == str(want))


def _none(look: Look) -> _Found:
    _ = look
    return []


def _renamed(kind: str, **names: str) -> Callable[[Look], _Found]:
    """Events of a kind, with our field names under the names of the file."""
    return lambda look: [{**e, **{theirs: e.get(ours) for theirs, ours in names.items()}} for e in look.of(kind)]


def _masked(look: Look) -> _Found:
    found = []
    for e in look.of("message.received"):
        for masked in e.get("masked", ()):
            found += [{"kind": masked["kind"]}] * masked["count"]
    return found


def _security(look: Look) -> _Found:
    return [{"kind": name.partition(".")[2]} for name, _, _ in look.events if name.startswith("security.")]


def _cases(look: Look) -> _Found:
    return [
        {
            "reason": c.reason, "evidence": c.facts.get("payment_ids", []), "outcome": c.outcome,
            "taken_by": _agent_of(look, c.number, "handoff.claimed"),
            "closed_by": _agent_of(look, c.number, "handoff.returned") or _agent_of(look, c.number, "handoff.resolved"),
            "account": c.facts.get("account_id", ""), "merged_channels": _channels(look),
        }
        for c in look.cases
    ]  # fmt: skip


def _agent_of(look: Look, case: int, kind: str) -> str:
    names = [data.get("name", "") for name, data, _ in look.events if name == kind and data.get("case") == case]
    return f"U-{names[-1].upper()}" if names else ""


def _channels(look: Look) -> list[str]:
    return list(dict.fromkeys(e["channel"] for e in look.of("message.received")))


def _withdrawals(look: Look) -> _Found:
    return [{**e, "amount": e["amount"], "destination": e["destination"]} for e in look.of("withdrawal.requested")]


def _payments(look: Look) -> _Found:
    return [{"id": p.id} for p in look.account.payments if p.status == "succeeded"]


def _refunds(look: Look) -> _Found:
    agents = [_agent_of(look, c.number, "handoff.returned") for c in look.cases]
    return [{"id": r.id, "approved_by": agents[-1] if agents else ""} for r in look.account.refunds]


def _credits(look: Look) -> _Found:
    from sqlalchemy import select

    from inbox.accounts import tables
    from inbox.db.store import Sql

    rows = look.stage.store.read_now(lambda tx: tx.all(Sql(select(tables.credit_notes))))
    return [{"id": r["id"], "by": r["given_by"]} for r in rows]


def _plans(look: Look) -> _Found:
    return [
        {"approved_by": p.approved_by, "installments": len(p.left), "amount": str(p.left[0].amount)}
        for p in look.account.plans
        if p.left
    ]


def _payout_changes(look: Look) -> _Found:
    """By desk ids, as the file names people."""
    people = {p.id: p.slack_user_id for p in look.stage.store.read_now(staffing.every)}
    return [
        {"by": people.get(e["by"], ""), "approved_by": people.get(e["approved_by"], "")}
        for e in look.of("payout.changed")
    ]


def _switches(look: Look) -> _Found:
    return [{"from": e["before"], "to": e["after"], "same_author": True} for e in look.of("channel.switched")]


_RECORDS: Mapping[str, Callable[[Look], _Found]] = {
    "case": _cases,
    "channel_switch": _switches,
    "contact_preference": _renamed("preference.stored"),
    "conversation_log": lambda look: [{}] if look.of("message.received") else [],
    "credit": _credits,
    "dispute": lambda look: [{"id": d.id, "respond_by": d.respond_by} for d in look.account.disputes],
    "document_sent": _renamed("document.sent"),
    "due_date_change": _renamed("due_date.changed"),
    "dunning_scope": lambda look: [{"excluded": [e["invoice"]]} for e in look.of("collections.paused") if e["invoice"]],
    "flag": lambda look: [{"flag": f} for f in look.account.flags],
    "machine_message_ignored": _renamed("message.ignored"),
    "autopay": _renamed("autopay.suspended"),
    "opt_out": _renamed("opt_out.stored"),
    "otp_failed": _renamed("code.rejected"),
    "otp_verified": _renamed("code.verified"),
    "outbound_suppressed": _renamed("outbound.suppressed"),
    "payment_matched": _payments,
    "payment_method_changed": lambda look: [{"last4": m.last4} for m in look.account.payment_methods],
    "payment_plan": _plans,
    "payout_hold": _renamed("payout.held"),
    "payout_method_changed": _payout_changes,
    "promise": lambda look: [
        {"date": p.on, "amount": p.amount, "status": p.status, "approved_by": p.approved_by} for p in look.account.promises
    ],
    "recording_consent_announced": _renamed("call.announced"),
    "recording_paused": _renamed("recording.paused"),
    "redaction": _masked,
    "refund": _refunds,
    "retry_cancelled": _renamed("retry.cancelled"),
    "secure_link_sent": _renamed("link.made", invoice="invoice_id"),
    "security_event": _security,
    "split_plan": _renamed("plan.split"),
    "withdrawal": _withdrawals,
}  # fmt: skip


def _promise(look: Look, wanted: Mapping[str, Any] | None) -> list[str]:
    if wanted is None:
        return []
    fields = {
        "amount": wanted["amount"],
        "on": wanted["date"],
        "invoice_id": wanted["invoice"],
        "status": wanted.get("status", "open"),
    }
    found = any(all(str(getattr(p, k)) == str(v) for k, v in fields.items()) for p in look.account.promises)
    return [] if found else [f"no promise {json.dumps(dict(wanted))}"]


def _opt_outs(look: Look, wanted: Iterable[Mapping[str, Any]]) -> list[str]:
    stored = look.of("opt_out.stored")
    return [
        f"no opt-out {json.dumps(dict(w))}"
        for w in wanted
        if not any(
            e["channel"] == w["channel"] and e["address"].endswith(w["address"]) and e["scope"] == w["scope"]
            for e in stored
        )
    ]


def _escalation(stage: Stage, wanted: Mapping[str, Any] | None) -> list[str]:
    cases = stage.cases()
    if wanted is None:
        return [f"case {c.number} ({c.reason}) was opened although none was expected" for c in cases]
    if not cases:
        return ["no case was opened"]
    case = next((c for c in cases if c.reason == wanted["reason"]), cases[-1])
    now = stage.clock.now()
    card = stage.store.read_now(lambda tx: posting.card_of(tx, stage.house, case.number, now))
    summary = f"{card} {case.facts}"
    problems = [f"the case does not tell {x}" for x in wanted["summary_must_include"] if not has(summary, x)]
    if case.reason != wanted["reason"]:
        problems.append(f"case reason is {case.reason}, expected {wanted['reason']}")
    if case.severity != wanted["severity"]:
        problems.append(f"case severity is {case.severity}, expected {wanted['severity']}")
    return problems


def dunning_state(account: Account, holds: Iterable[Any], *, cleared: bool = False) -> str:
    """How collections stand for this author: active, none, paused, per_new_plan, agent_only or stopped."""
    if any(f in account.flags for f in _STOPPED):
        return "stopped"
    if sum(p.status == "broken" for p in account.promises) >= 2 and not any(
        p.status == "kept" for p in account.promises
    ):
        return "agent_only"
    if any(p.approved_by for p in account.plans if p.left):
        return "per_new_plan"
    if list(holds) or any(d.is_open for d in account.disputes) or any(p.status == "open" for p in account.promises):
        return "paused"
    if cleared or any(p.status == "kept" for p in account.promises):
        return "none"
    return "active"
