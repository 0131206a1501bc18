"""What a decision may rest on, and what it may say: the values of ``decide``. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from inbox.accounts.base import Account
from inbox.accounts.facts import Ask, FactSheet
from inbox.clock import zone
from inbox.disclosure.parties import Authority
from inbox.intents.keywords import Keyword
from inbox.intents.understanding import Understanding
from inbox.message import ChannelName, Route, Severity
from inbox.money import Money
from inbox.settings import Rules

CodeOutcome = Literal["", "right", "wrong", "expired", "locked", "none"]

#: Handoff reasons after which nothing about money is said, and the acknowledgement that fits each.
SILENT_REASONS: Mapping[str, str] = {
    "vulnerability_self_harm": "crisis",
    "estate": "handoff_bereavement",
    "bankruptcy": "handoff_high",
    "legal_representation": "handoff_high",
}
#: Account flags that a handoff reason sets, so that every channel stops its reminders.
FLAG_OF: Mapping[str, str] = {
    "vulnerability_self_harm": "self_harm_cue",
    "estate": "deceased_reported",
    "bankruptcy": "bankruptcy",
    "legal_representation": "attorney_represented",
    "hardship": "hardship",
}
#: Why collections pause, by handoff reason.
HOLD_OF: Mapping[str, str] = {
    **dict.fromkeys(
        ("chargeback", "chargeback_threat", "double_charge", "refund_request", "unrecognised_charge", "wrong_amount",
         "complaint", "chargeback_withdrawal"),
        "dispute_open",
    ),
    "hardship": "hardship_review", "bankruptcy": "bankruptcy", "legal_representation": "attorney_represented",
    "estate": "deceased_reported", "vulnerability_self_harm": "self_harm_cue", "promise_beyond_window": "promise_running",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    number: int
    claimed: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """Everything a decision may rest on. ``account`` is the sender's, if exactly one is known, at whatever level."""

    read: Understanding
    channel: ChannelName
    level: int
    now: datetime
    account: Account | None = None
    rules: Rules = field(default_factory=Rules)
    case: CaseView | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    topic: str = ""
    code: CodeOutcome = ""
    code_left: int = 0  # tries
    code_minutes: int = 0  # until a lock ends
    fresh_code: bool = False  # a right code came with this message
    beside_code: str = ""  # that message itself; ``read`` is then the question that waited for the code
    purpose: str = "read"  # what the right code was asked for
    keyword: Keyword = ""
    contact_given: bool = False  # there is an address to ask a code for: named in the message, or on record itself
    masked: frozenset[str] = frozenset()
    wants_person: bool = False  # pressed 0 or said so
    authority: Authority | None = None  # an authorised person writes; ``account`` is then their view of it
    recorded: bool = False  # an authorisation names this address, which the channel vouches for; no code was given yet
    which_account: bool = False  # an authorised person of several authors does not say whose account they mean

    @property
    def today(self) -> date:
        theirs = self.account.timezone if self.account else ""
        return self.now.astimezone(zone(theirs)).date()

    @property
    def ask(self) -> Ask:
        return Ask(
            entities=self.read.entities,
            today=self.today,
            now=self.now,
            level=self.level,
            rules=self.rules,
            text=self.read.text,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer with its facts; links among the answer's facts are made when it is carried out."""

    answer: str
    facts: FactSheet = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """Something to do besides replying: ``opt_out``, ``promise``, ``security_event``, ``withdrawal``, ..."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person is needed: why, how urgently, and about what."""

    reason: str
    severity: Severity
    words: str
    invoice_ids: tuple[str, ...] = ()
    payment_ids: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    hold: str = ""
    withheld: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    route: Route
    kind: str  # facts otp_prompt otp_retry link clarify confirm handoff refusal optout_confirm policy ack silent
    reason: str
    intents: tuple[str, ...] = ()
    severity: Severity = Severity.LOW
    replies: tuple[Reply, ...] = ()
    effects: tuple[Effect, ...] = ()
    person: Person | None = None
    code_for: str = ""  # send a one-time code for this purpose
    awaiting: Mapping[str, Any] = field(default_factory=dict)
    resolve: bool = False
    confirmation: bool = False  # the one message that may follow an opt-out
