"""Does what a message led to fit its cell of the table? Shared by the test of ``decide`` and that of the whole pipeline."""

from __future__ import annotations

from typing import Any

from inbox.disclosure.table import ROWS, Act
from inbox.intents.understanding import INTENTS, NEEDS_PERSON, Entities, Finding
from inbox.message import Route, Severity

#: Rows that no message asks: the bot answers a promise with it by itself.
NOT_ASKED = frozenset({"promise_status"})
ASKED = tuple(row.asked for row in ROWS if row.asked not in NOT_ASKED)
_GUARDED = {
    "payout_destination_change": "payout.destination", "contact_change": "contact.change", "third_party": "third_party.relation",
    "code_request": "code.request", "prompt_injection": "inject.instructions", "impersonation": "impostor.authority",
}  # fmt: skip


def taught(asked: str) -> dict[str, Any]:
    """How a message that asks this is understood: intents, route, finding, entities."""
    intent = asked.partition(" (")[0]
    if asked in _GUARDED:
        case = asked if asked in ("payout_destination_change", "contact_change", "third_party") else ""
        found = Finding(
            guard=_GUARDED[asked], route=Route.VERIFY_FIRST, reason="a doubt", severity=Severity.HIGH, case_reason=case
        )
        return {"intents": (), "route": Route.VERIFY_FIRST, "finding": found, "entities": {}, "wishes": ()}
    if asked == "plan_change":
        return {
            "intents": ("payment_plan",),
            "route": Route.ANSWER,
            "finding": None,
            "entities": {},
            "wishes": ("split",),
        }
    needs_person = asked in NEEDS_PERSON
    return {
        "intents": (intent,), "route": Route.ESCALATE if needs_person else Route.ANSWER, "finding": None,
        "entities": _entities(asked), "wishes": (),
    }  # fmt: skip


def _entities(asked: str) -> dict[str, Any]:
    from datetime import date

    return {
        "refund_status (id quoted)": {"refund_ids": ("RF-1",)},
        "royalty_withdrawal_status (id quoted)": {"withdrawal_ids": ("WD-1",)},
        "invoice_copy (id quoted)": {"payment_ids": ("P-2",)},
        "payment_plan": {"invoice_ids": ("INV-1",)},
        "promise_to_pay": {"dates": (date(2026, 4, 20),)},
    }.get(asked, {})


def entities(asked: str) -> Entities:
    return Entities(**_entities(asked))


def every_intent_has_a_row() -> bool:
    return {row.asked.partition(" (")[0] for row in ROWS} >= set(INTENTS)


def telling(act: Act) -> bool:
    return act in (Act.FACTS, Act.PARTIAL, Act.LINK)
