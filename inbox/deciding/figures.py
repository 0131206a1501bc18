"""Figures from the account, or the proof that is missing before they may be told. Pure."""

from __future__ import annotations

from dataclasses import replace

from inbox.accounts.facts import FACTS, FactSheet, Held, StepUp
from inbox.deciding.situation import (
    Decision,
    Reply,
    Situation,
)
from inbox.disclosure import parties, table
from inbox.disclosure.table import Act
from inbox.errors import MissingFact
from inbox.message import Route


def permitted(intent: str, s: Situation) -> Act:
    """What may be said or done about this part of the message: the table, cut down to an authorised person's scope."""
    act = table.permitted(table.question(intent, s.read.entities), s.level, s.channel)
    return act if s.authority is None else parties.narrowed(act, s.authority, intent, s.level)


def facts(intent: str, s: Situation) -> FactSheet | Held | StepUp:
    assert s.account is not None
    try:
        found = FACTS[intent](s.account, s.ask)
    except MissingFact as missing:
        return Held("missing_fact", str(missing))
    if s.authority is None or s.authority.scope.money or isinstance(found, (Held, StepUp)):
        return found
    told = parties.without_money({name: fact.value for name, fact in found.items()})
    return {name: replace(fact, value=told[name]) for name, fact in found.items()}


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
