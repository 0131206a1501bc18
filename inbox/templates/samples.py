"""Made-up facts for every answer, with the edges that break templates: nothing, zero, credit, two plans, long names.

Used by ``check``, by the template pages' preview and by tests. The people and figures are invented.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from inbox.money import Money

Facts = Mapping[str, Any]

LINK = "https://pay.example/s/7Qm2"
AT = datetime(2026, 5, 15, 17, 0, tzinfo=UTC)
NAMES: Mapping[str, str] = {"en": "Ottilie Brandreth", "es": "María José Echeverría", "pt": "João Conceição"}
LONG = "Developmental edit, copyedit, cover, layout and printed proof of “A Very Long Title, with a Subtitle”"
#: An attempt to be evaluated; it must be printed as it stands.
HOSTILE = "{{ company.name }} ${7*7} {% if x %} <b>bold</b>"


def money(text: str) -> Money:
    return Money.of(text)


def _due(**values: Any) -> Facts:
    base = {
        "nothing_due": False, "amount": money("84.65"), "due_on": date(2026, 5, 5), "past_due": False, "paid": False,
        "invoice_id": "INV-5101", "on_hold": (), "some_on_hold": False, "as_of_on": date(2026, 4, 16),
    }  # fmt: skip
    return {**base, **values}


def _plan(number: int, amounts: Sequence[str]) -> Facts:
    sums = [money(a) for a in amounts]
    return {
        "id": f"PL-{number}", "invoice_id": f"INV-{number}", "count": 6, "left": len(sums),
        "total_left": Money.total(sums), "each": sums[0] if len(set(sums)) == 1 else None,
        "first_on": date(2026, 5, 5), "ends_on": date(2026, 4 + len(sums), 5),
        "schedule": tuple(
            {"number": n, "due_on": date(2026, 4 + n, 5), "amount": a, "past_due": n == 1}
            for n, a in enumerate(sums, 1)
        ),
    }  # fmt: skip


_BALANCE = {"outstanding": money("645.40"), "invoices": (), "on_hold": (), "as_of_on": date(2026, 4, 16)}
_INVOICE = {
    "id": "INV-5101", "description": "Cover design", "balance": money("645.40"), "due_on": date(2026, 7, 22),
}  # fmt: skip
_DISPUTED = {"id": "INV-5102", "description": "Line edit", "balance": money("12.00"), "due_on": date(2026, 5, 1)}
_ROYALTY = {
    "available": money("276.35"), "pending": money("31.90"), "reserve": money("0"), "threshold": money("50"),
    "below_threshold": False, "next_run_on": date(2026, 5, 20), "as_of_on": date(2026, 5, 12),
}  # fmt: skip
_PAYOUT = {"available": money("276.35"), "threshold": money("50.00"), "destination": "bank ••4471"}
_CASE = {"case": 1042, "reply_by": AT}
_PARTS = {
    "parts": (
        {"amount": money("65.63"), "due_on": date(2026, 7, 28)},
        {"amount": money("65.62"), "due_on": date(2026, 8, 28)},
    )
}
_LATER: Sequence[Facts] = (
    {},
    {"later": 1, "days": 6, "last_on": date(2026, 9, 18)},
    {"later": 3, "days": 1, "last_on": date(2026, 11, 18)},
)
_PROMISE = {"amount": money("84.65"), "on": date(2026, 4, 24)}
_REMINDER = {"amount": money("68.55"), "due_on": date(2026, 4, 1)}
_PAID = {"state": "received", "amount": money("84.65"), "paid_on": date(2026, 4, 24)}

#: The first of each is a plain case that must fit a text message; the others are edges.
SAMPLES: Mapping[str, Sequence[Facts]] = {
    "account_balance": (
        {**_BALANCE, "invoices": (_INVOICE,), "past_due": money("161.35")},
        {**_BALANCE, "outstanding": money("0")},
        {**_BALANCE, "outstanding": money("0"), "credit": money("5.00")},
        {**_BALANCE, "outstanding": money("0"), "on_hold": (_DISPUTED,)},
        {**_BALANCE, "invoices": (_INVOICE, {**_INVOICE, "description": LONG}), "on_hold": (_DISPUTED,), "more": 3},
        {**_BALANCE, "invoices": ({**_INVOICE, "description": HOSTILE},)},
    ),
    "amount_due": (
        _due(),
        _due(past_due=True, next_retry_on=date(2026, 5, 22), number=3, count=6, method="visa ••7318"),
        _due(paid=True),
        _due(promised_amount=money("84.65"), promised_on=date(2026, 4, 24), past_due=True),
        _due(
            on_hold=(_DISPUTED,),
            some_on_hold=True,
            others=({"amount": money("1346.00"), "due_on": date(2026, 6, 1), "invoice_id": "INV-5103"},),
        ),
        {"nothing_due": True, "on_hold": (), "some_on_hold": True, "as_of_on": date(2026, 4, 16)},
    ),
    "payment_status": (
        _PAID,
        {**_PAID, "payment_id": "P-900", "invoice_id": "INV-5101", "method": "visa ••7318"},
        {**_PAID, "duplicate_pending": True, "drops_by": date(2026, 4, 27)},
        *({**_PAID, "state": s, "expected_by": date(2026, 5, 1)} for s in ("pending", "failed", "refunded", "not_yet")),
        *({**_PAID, "state": s, "invoice_id": "INV-5101"} for s in ("instalment_paid", "instalment_open")),
        *(
            {"state": s, "paid_on": date(2026, 4, 24), "payment_id": "P-900", "expected_by": date(2026, 5, 1)}
            for s in ("received", "pending", "failed", "refunded")
        ),
        {"state": "not_yet", "expected_by": date(2026, 5, 1)},
    ),
    "payment_failed": (
        {"failed": True, "declined": True, "amount": money("92.45"), "failed_on": date(2026, 5, 17), "next_retry_on": date(2026, 5, 22),
         "link": LINK},
        {"failed": True, "declined": True, "amount": money("92.45"), "failed_on": date(2026, 5, 17), "needs_new_method": True,
         "low_funds": False, "link": LINK},
        {"failed": True, "declined": True, "amount": money("92.45"), "failed_on": date(2026, 5, 17), "low_funds": True, "link": LINK},
        {"failed": True, "declined": True, "amount": money("92.45"), "failed_on": date(2026, 5, 17), "settled_on": date(2026, 5, 19)},
        {"failed": True, "declined": False, "amount": money("92.45"), "failed_on": date(2026, 5, 17), "link": LINK},
        {"failed": False},
    ),
    "make_payment": (
        {"nothing_due": False, "amount": money("137.90"), "invoice_id": "INV-5101", "due_on": date(2026, 6, 18),
         "on_hold": (), "some_on_hold": False, "link": LINK},
        {"nothing_due": True, "on_hold": (), "some_on_hold": True},
    ),
    "update_payment_method": (
        {"link": LINK},
        {"link": LINK, "method": "visa ••4305", "next_amount": money("92.45"), "next_on": date(2026, 6, 17)},
        {"link": LINK, "method": "paypal"},
    ),
    "payment_plan": (
        {"plans": (_plan(5101, ["87.78"] * 5),), "on_hold": (), "some_on_hold": False, "as_of_on": date(2026, 5, 1)},
        {"plans": (_plan(5101, ["65.63", "65.62"]), _plan(5102, ["20.00"])), "on_hold": (_DISPUTED,),
         "some_on_hold": True, "as_of_on": date(2026, 5, 1)},
        {"plans": (), "on_hold": (), "some_on_hold": False, "as_of_on": date(2026, 5, 1)},
    ),
    "invoice_copy": (
        {"document_id": "P-900", "kind": "receipt", "by_email": True, "link": LINK},
        {"document_id": "INV-5101", "kind": "invoice", "by_email": True},
        {"document_id": "A-1000", "kind": "statement", "by_email": False, "link": LINK},
        {"document_id": "A-1000", "kind": "royalty_statement", "by_email": True},
        {"document_id": "PL-90", "kind": "plan", "by_email": True},
    ),
    "royalty_balance": (
        _ROYALTY,
        {**_ROYALTY, "available": money("0"), "pending": money("0"), "below_threshold": True, "next_run_on": None},
        {**_ROYALTY, "reserve": money("14.70"), "hold_until": AT},
    ),
    "royalty_withdrawal": (
        {**_PAYOUT, "state": "eligible", "amount": money("276.35"), "remaining": money("0")},
        {**_PAYOUT, "state": "hold", "hold_until": AT},
        {**_PAYOUT, "state": "eligible", "amount": money("150.00"), "remaining": money("126.35"), "reserve": money("3.00")},
        {**_PAYOUT, "state": "tax_form", "tax_form": "W-8BEN", "link": LINK},
        {**_PAYOUT, "state": "tax_form", "tax_form": "W-9", "tax_form_expired": True, "link": LINK},
        *(
            {**_PAYOUT, "state": s}
            for s in (
                "no_destination", "too_much", "below_minimum", "foreign_currency", "not_an_amount", "which_amount",
            )
        ),
    ),
    "royalty_withdrawal_done": (
        {"withdrawal_id": "WD-31", "amount": money("276.35"), "destination": "bank ••4471"},
        {"withdrawal_id": "WD-31", "amount": money("9418.75"), "destination": "paypal", "expected_on": date(2026, 5, 22),
         "remaining": money("0"), "reserve": money("3.00")},
    ),
    "royalty_withdrawal_status": (
        {"state": "paid", "withdrawal_id": "WD-31", "requested_on": date(2026, 7, 8), "paid_on": date(2026, 7, 13)},
        *(
            {"state": s, "withdrawal_id": "WD-31", "requested_on": date(2026, 7, 8), "amount": money("418.75"),
             "expected_on": date(2026, 7, 15)}
            for s in ("requested", "in_review", "held", "sent", "returned", "called_off")
        ),
        {"state": "none"},
    ),
    "refund_status": (
        {"refund_id": "RF-12", "state": "approved", "approved_on": date(2026, 4, 28), "window": (5, 10)},
        {"refund_id": "RF-12", "state": "paid", "window": (5, 10), "amount": money("57.35"), "method": "visa ••2094"},
    ),
    "code_sent": ({"minutes": 10},),
    "code_message": ({"code": "402913", "minutes": 10},),
    "code_wrong": ({"tries_left": 2}, {"tries_left": 1}),
    "code_locked": ({"minutes": 30},),
    "clarify": (
        {"options": ("account_balance", "amount_due")},
        {"options": ("refund_request", "refund_status", "double_charge")},
        {"options": ("royalty_balance",)},
    ),
    "handoff": (
        _CASE,
        {**_CASE, "reason": "double_charge", "item": "INV-5101", "amount": money("64.00"), "paused": True},
        {**_CASE, "reason": "some_new_code", "item": HOSTILE},
    ),
    "handoff_high": (_CASE, {**_CASE, "item": "INV-5101", "amount": money("64.00"), "paused": True, "secured": True}),
    "handoff_append": ({"case": 1042},),
    "handoff_hardship": (_CASE,),
    "handoff_bereavement": (_CASE,),
    "opt_out_confirmed": tuple({"scope": s} for s in ("texts", "calls", "email", "all")),
    "preference_stored": (
        {"hours_from": "17:00", "hours_until": "19:00", "only": "email"},
        {"hours_from": "17:30"},
        {"hours_until": "09:00"},
        {"not_by": "call"},
        {},
    ),
    "document_sent": ({"document_id": "P-900", "kind": "receipt", "link": LINK}, {"document_id": "I-1", "kind": "invoice"}),
    "card_masked": ({"link": LINK, "kind": "pan"}, {"kind": "ssn"}, {}),
    "promise_stored": (_PROMISE, {**_PROMISE, "invoice_id": "INV-5101", "link": LINK}),
    "promise_status": (_PROMISE, {**_PROMISE, "invoice_id": "INV-5101"}),
    "promise_ask_date": ({"latest_on": date(2026, 4, 30)}, {}),
    "due_date_ask": ({"days": 10},),
    "promise_reminder_set": ({"on": date(2026, 4, 23)},),
    "out_of_scope": ({}, {"team": "editorial"}, {"team": "marketing", "page_link": "https://larkmoor.example/ads"}),
    "privacy_received": ({"case": 1042},),
    "held": (_CASE, {"case": 1042}, {}),
    "plan_proposed": ({**_PARTS, "total": money("131.25")},),
    "plan_changed": (_PARTS,),
    "due_date_proposed": tuple(
        {"amount": money("131.25"), "from_on": date(2026, 8, 12), "to_on": date(2026, 8, 18), **also} for also in _LATER
    ),
    "due_date_changed": tuple(
        {"amount": money("131.25"), "to_on": date(2026, 8, 18), **also} for also in _LATER
    ),
    "payment_received": (
        {"amount": money("92.45"), "paid_on": date(2026, 5, 19)},
        {"amount": money("92.45"), "paid_on": date(2026, 5, 19), "method": "visa ••4305", "outstanding": money("0")},
        {"amount": money("40.00"), "paid_on": date(2026, 5, 19), "still_due": money("52.45"), "due_on": date(2026, 5, 17),
         "link": LINK},
        {"amount": money("300.00"), "paid_on": date(2026, 5, 19), "surplus": money("23.65"), "link": LINK},
    ),
    "method_added": (
        {},
        {"method": "visa ••4305", "next_amount": money("92.45"), "next_on": date(2026, 6, 17)},
    ),
    "payment_failed_notice": (
        {"amount": money("76.25"), "failed_on": date(2026, 5, 17), "next_retry_on": date(2026, 5, 18), "link": LINK},
        {"amount": money("76.25"), "failed_on": date(2026, 5, 17), "link": LINK},
    ),
    "reminder_due": (_REMINDER, {**_REMINDER, "link": LINK}),
    "reminder_past_due": (_REMINDER, {**_REMINDER, "link": LINK}),
    "promise_reminder": (_PROMISE, {**_PROMISE, "link": LINK}),
    "promise_missed": (_PROMISE, {**_PROMISE, "link": LINK}),
    "payout_changed_notice": ({"hold_until": AT},),
    "payout_change_asked": tuple({"what": w, "case": 1042} for w in ("payout", "email", "phone")),
    "payout_change_refused": tuple({"what": w} for w in ("payout", "email", "phone")),
    "contact_changed_notice": tuple({"what": w, "hold_until": AT} for w in ("email", "phone")),
    "setoff_done": ({"amount": money("84.65"), "invoice_id": "INV-5101", "on": date(2026, 5, 12)},),
    "withdrawal_notice": tuple(
        {"state": s, "withdrawal_id": "WD-31", "expected_on": date(2026, 7, 15), "sent_on": date(2026, 7, 9),
         "paid_on": date(2026, 7, 13)}
        for s in ("in_review", "held", "released", "sent", "paid", "returned", "called_off")
    ),
    "voice_greeting": ({"recorded": True}, {"recorded": False}),
    "voice_voicemail": ({}, {"recipient": "Ottilie Brandreth"}),
    "voice_callback": ({"call_by": AT}, {}),
}  # fmt: skip


def samples(answer: str) -> Sequence[Facts]:
    """Facts to try an answer with; one without facts has one empty sample."""
    return SAMPLES.get(answer, ({},))
