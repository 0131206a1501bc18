"""Figures from the account, or the proof that is missing before they may be told. Pure."""

from __future__ import annotations

from inbox.accounts.facts import FACTS, FactSheet, Held, StepUp
from inbox.deciding.situation import (
    Decision,
    Reply,
    Situation,
)
from inbox.errors import MissingFact
from inbox.message import Route


def facts(intent: str, s: Situation) -> FactSheet | Held | StepUp:
    assert s.account is not None
    try:
        return FACTS[intent](s.account, s.ask)
    except MissingFact as missing:
        return Held("missing_fact", str(missing))


def step_up(s: Situation, intent: str) -> Decision:
    """Prove more first. An unknown sender names a contact on file; the words never tell whether it is known."""
    if s.account is None and not s.contact_given and s.channel != "voice":
        return Decision(
            route=Route.ANSWER, kind="otp_prompt", reason="unknown sender asks for account data", intents=(intent,),
            replies=(Reply(answer="ask_contact"),), awaiting={"awaiting": "contact"},
        )  # fmt: skip
    return Decision(
        route=Route.ANSWER, kind="otp_prompt", reason="needs a one-time code", intents=(intent,), code_for="read"
    )
