"""A payout of royalties: what is told, asked and confirmed before one is made. Pure.

The reply that asks for the code names amount and destination; the code confirms these and nothing else. If either changed
meanwhile, the author is asked again.
"""

from __future__ import annotations

import re
from dataclasses import replace

from inbox.accounts.facts import FactSheet, Held, StepUp
from inbox.deciding.figures import facts, step_up
from inbox.deciding.people import hand_over
from inbox.deciding.situation import (
    HOLD_OF,
    Decision,
    Effect,
    Person,
    Reply,
    Situation,
)
from inbox.intents.understanding import Entities
from inbox.message import Route, Severity
from inbox.money import Money
from inbox.payouts import asked

INTENT = "royalty_withdrawal"
#: Beside a code: it is not to be done after all. Money that stays is the safe mistake.
_TAKES_BACK = re.compile(
    r"(?<!\w)(?:don.?t|do not|cancel\w{0,4}|stop|wait|never ?mind|forget it|changed my mind|no lo hag\w{1,3}|esper[ae]|"
    r"det[eé]n\w{0,4}|ya no|n[aã]o faça\w{0,2}|pare|desist\w{1,3}|deixa|olvid\w{1,4})(?!\w)|^\W*(?:no|n[aã]o)\b",
    re.IGNORECASE,
)
AWAITING = "payout_amount"
#: After these the author may answer with a figure alone.
_ASKS_HOW_MUCH = frozenset({"too_much", "which_amount", "not_an_amount", "foreign_currency", "below_minimum"})


def withdraw(s: Situation, sheet: FactSheet) -> Decision:
    """Eligible and just confirmed: do it, once. Eligible: ask for a fresh code. Else say what stands in the way."""
    state = str(sheet["state"].value)
    if state != "eligible":
        return _refused(s, sheet, state)
    if not _is_confirmed(s, sheet):
        amount = sheet["amount"].value
        return Decision(
            route=Route.ANSWER, kind="otp_prompt", reason="a withdrawal needs a fresh code", intents=(INTENT,),
            replies=(Reply(answer=INTENT, facts=sheet),), code_for="withdraw",
            awaiting={"amount": [amount.minor, amount.currency], "destination": sheet["destination"].value},
        )  # fmt: skip
    return Decision(
        route=Route.ANSWER, kind="facts", reason="confirmed by a fresh code", intents=(INTENT,),
        replies=(Reply(answer="royalty_withdrawal_done", facts=sheet),),
        effects=(Effect("withdrawal", {"amount": sheet["amount"].value, "destination": sheet["destination"].value}),),
    )  # fmt: skip


def confirmed(s: Situation) -> Decision:
    """A right code for a withdrawal came: the amount that was told with it counts, however it was worded before."""
    told = _told(s)
    if _TAKES_BACK.search(s.beside_code):
        return Decision(
            route=Route.ANSWER, kind="ack", reason="the code came with a no", intents=(INTENT,),
            replies=(Reply(answer="confirm_declined"),),
        )  # fmt: skip
    if s.account is None or s.level < 2:
        return step_up(s, INTENT)
    outcome = facts(INTENT, replace(s, read=replace(s.read, text="", entities=Entities(amounts=(told,)))))
    if isinstance(outcome, StepUp):
        return step_up(s, INTENT)
    if isinstance(outcome, Held):
        return hand_over(
            s,
            Person(
                reason=outcome.reason, severity=Severity.NORMAL, words=outcome.text, withheld=(f"{INTENT}: {outcome.text}",),
                hold=HOLD_OF.get(outcome.reason, ""),
            ),
        )  # fmt: skip
    return withdraw(s, outcome)


def names_amount(s: Situation) -> bool:
    """We asked how much, and the answer is a figure and nothing else."""
    return (
        s.context.get("awaiting") == AWAITING
        and s.read.route in (Route.CLARIFY, Route.ANSWER)
        and asked.names_amount(s.read.text, s.read.entities.amounts)
    )


def _refused(s: Situation, sheet: FactSheet, state: str) -> Decision:
    return Decision(
        route=Route.ANSWER, kind="link" if state == "tax_form" else "facts", reason=s.read.reason, intents=(INTENT,),
        replies=(Reply(answer=INTENT, facts=sheet),), effects=(Effect("hold_payout", {}),) if state == "hold" else (),
        awaiting={"awaiting": AWAITING} if state in _ASKS_HOW_MUCH else {},
    )  # fmt: skip


def _is_confirmed(s: Situation, sheet: FactSheet) -> bool:
    same = sheet["destination"].value == s.context.get("destination") and "amount" in s.context
    return s.fresh_code and s.purpose == "withdraw" and same and sheet["amount"].value == _told(s)


def _told(s: Situation) -> Money:
    minor, currency = s.context["amount"]
    return Money(int(minor), str(currency))
