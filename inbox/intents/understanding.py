"""What was understood of one message: the values that matcher, guards and ``decide`` share. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Literal, Protocol

from inbox.message import Language, Route, Severity
from inbox.money import Money

#: The taxonomy (evaluation data, section 1).
INTENTS: tuple[str, ...] = (
    "account_balance", "amount_due", "payment_status", "payment_failed", "update_payment_method", "make_payment",
    "payment_plan", "invoice_copy", "payment_methods_accepted", "royalty_balance", "royalty_withdrawal",
    "royalty_withdrawal_status", "refund_request", "refund_status", "chargeback", "unrecognised_charge",
    "double_charge", "wrong_amount", "complaint", "speak_to_human", "cancel_service", "promise_to_pay", "opt_out",
    "hardship", "greeting", "thanks", "out_of_scope",
)  # fmt: skip
DISPUTES = frozenset(
    {"refund_request", "chargeback", "unrecognised_charge", "double_charge", "wrong_amount", "complaint"}
)

#: Intents that a person must see, whoever noticed them.
NEEDS_PERSON = DISPUTES | {"speak_to_human", "cancel_service", "hardship"}


@dataclass(frozen=True, slots=True)
class Candidate:
    """An intent that may be meant; ``score`` 0 to 1, ``phrase`` the catalogue phrase nearest to the words."""

    intent: str
    score: float
    phrase: str = ""
    clause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What a guard found. It can only make the route safer."""

    guard: str  # name of the rule, e.g. "double_charge.twice"
    route: Route
    reason: str  # plain words for people: "says the same payment was taken twice"
    intent: str = ""  # the intent it implies, "" if none
    severity: Severity = Severity.NORMAL
    case_reason: str = ""  # handoff reason code, e.g. "chargeback_threat"
    quote: str = ""  # the words that fired it
    clause: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entities:
    amounts: tuple[Money, ...] = ()
    dates: tuple[date, ...] = ()  # resolved in the author's zone
    bare_days: tuple[date, ...] = ()  # those named by the day of the month alone: "the 18th"
    vague_date: str = ""  # "soon": a time was meant but not named
    times: tuple[time, ...] = ()  # clock times, e.g. of "between 5 and 7 in the evening"
    invoice_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    refund_ids: tuple[str, ...] = ()
    withdrawal_ids: tuple[str, ...] = ()
    last4: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()  # six digits that can be a one-time code
    emails: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    month: int = 0  # a month was named: "the April instalment"
    ordinal: int = 0  # "the second one"
    answer: Literal["", "yes", "no"] = ""  # the message, as a whole, says yes or no

    @property
    def records(self) -> tuple[str, ...]:
        """Ids of our records: who names one writes to us and to no other desk."""
        return self.invoice_ids + self.payment_ids + self.refund_ids + self.withdrawal_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What went before: it gives meaning to "yes", a bare date, or "and the next one?"."""

    now: datetime
    timezone: str = "UTC"
    channel: str = "chat"
    language_hint: str = ""  # of the author or the conversation
    awaiting: str = ""  # what we asked last: "", code, contact, clarify, promise_date, plan_day, confirm
    options: tuple[str, ...] = ()  # intents offered by a clarifying question
    topic: str = ""  # intent of the last answered message
    promise_days: int = 14  # a promise for later is a person's to accept
    names: tuple[str, ...] = ()  # the author's own names and titles, spared by typo repair


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    text: str  # as read: normalised, masked text of the whole message
    language: Language
    intents: tuple[str, ...] = ()  # accepted, most important first
    candidates: tuple[Candidate, ...] = ()  # best first
    findings: tuple[Finding, ...] = ()  # most severe first
    entities: Entities = field(default_factory=Entities)
    route: Route = Route.CLARIFY
    severity: Severity = Severity.LOW
    wants_language: str = ""  # asked for: "could this be in English, please?"
    asks_if_bot: bool = False
    wishes: frozenset[str] = frozenset()  # "split", "move", "remind": what is wanted of a plan or a promise
    reason: str = ""  # one line: why this route

    @property
    def confidence(self) -> float:
        return self.candidates[0].score if self.candidates else 0.0


class Reader(Protocol):
    """Reads a message. The scoring behind it may be replaced; this interface stays."""

    def read(self, text: str, context: Context) -> Understanding:
        """Pure and deterministic; never raises for any text."""
        ...
