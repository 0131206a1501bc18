"""The account port: what the inbox knows of an author's money, frozen, each record with its source and as-of time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from aiohttp import web

from inbox.message import ContactPoint, Language
from inbox.money import Money


@dataclass(frozen=True, slots=True)
class AccountRef:
    """An account at its source: ``ledger`` + ``A-71104``."""

    source: str
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instalment:
    number: int
    due_on: date
    amount: Money
    status: str  # paid | scheduled | failed (= past due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    id: str
    invoice_id: str
    instalments: tuple[Instalment, ...]
    next_retry_on: date | None = None
    approved_by: str = ""
    moves: int = 0  # how often its due dates were moved

    @property
    def left(self) -> tuple[Instalment, ...]:
        return tuple(i for i in self.instalments if i.status != "paid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    id: str
    description: str
    issued_on: date
    due_on: date  # the last date on which a part of it is due
    total: Money
    paid: Money
    balance: Money
    status: str  # open | paid | void


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    id: str
    on: date
    amount: Money
    method: str  # masked: "visa ••7318"
    status: str  # succeeded | pending | failed | refunded
    invoice_id: str
    decline_code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    id: str
    type: str  # card | bank | paypal
    brand: str
    last4: str
    expires: str = ""  # "02/29"
    default: bool = False
    status: str = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    id: str
    amount: Money
    requested_on: date
    status: str  # requested | in_review | held | sent | paid | returned
    expected_on: date | None = None
    paid_on: date | None = None
    reason: str = ""
    changed_at: datetime | None = None  # of the last change of state, where it was made here


@dataclass(frozen=True, slots=True, kw_only=True)
class Royalties:
    available: Money
    pending: Money
    returns_reserve: Money
    threshold: Money
    next_run_on: date | None
    tax_form: str = ""  # "W-9"
    tax_form_status: str = ""  # approved | missing | expired
    payout_method: str = ""  # masked: "bank ••5093"
    hold_until: datetime | None = None
    payout_checked_at: datetime | None = None  # when people last checked the payout method with the author
    withdrawals: tuple[Withdrawal, ...] = ()
    as_of: datetime | None = None  # of an import: when its royalty system said so; None = it does not say


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    id: str
    invoice_id: str
    payment_id: str
    amount: Money
    status: str  # approved | pending | paid | failed
    approved_on: date | None
    method: str
    expected: str = ""  # "5-10 business days"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispute:
    """An objection on record; with a ``network`` it is a chargeback."""

    id: str
    invoice_id: str
    amount: Money
    reason: str
    opened_on: date
    status: str  # needs_response | under_review | won | lost | withdrawn | closed
    payment_id: str = ""
    network: str = ""
    respond_by: date | None = None

    @property
    def is_open(self) -> bool:
        return self.status not in ("won", "lost", "withdrawn", "closed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    id: str
    invoice_id: str
    amount: Money
    on: date
    status: str  # open | kept | broken | replaced (by a later one for the same invoice)
    made_on: date
    words: str = ""
    approved_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAttempt:
    at: datetime
    channel: str  # sms | email | call
    outcome: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why no figure of an account may be told: a handoff reason, and one plain line for the desk."""

    reason: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One author's account as its source told it at ``as_of``.

    ``billing`` is the other system that is the truth for what the author owes and paid; ``billed`` are the ids of the
    records that come from there.
    """

    ref: AccountRef
    as_of: datetime
    name: str
    email: str
    phone: str
    timezone: str  # IANA, "America/Denver"
    language: Language
    region: str  # "US-NM"
    currency: str = "USD"
    titles: tuple[str, ...] = ()
    outstanding: Money = field(default_factory=Money.zero)
    invoices: tuple[Invoice, ...] = ()
    plans: tuple[Plan, ...] = ()
    payments: tuple[Payment, ...] = ()
    payment_methods: tuple[PaymentMethod, ...] = ()
    royalties: Royalties | None = None
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    promises: tuple[Promise, ...] = ()
    contact_log: tuple[ContactAttempt, ...] = ()
    consents: Mapping[str, bool] = field(default_factory=dict)  # sms, email, call
    flags: tuple[str, ...] = ()  # attorney_represented, bankruptcy, deceased_reported, hardship, self_harm_cue, ...
    doubt: Doubt | None = None
    known_as: str = ""  # told by a billing system: our own id of this author, where it has that on record
    billing: AccountRef | None = None
    billed: frozenset[str] = frozenset()

    def source_of(self, record_id: str = "") -> str:
        """Where a figure comes from, for the decision record: ``ledger:A-71104/INV-70112``, ``stripe:cus_9/in_4``."""
        tail = f"/{record_id}" if record_id else ""
        told = self.billing is not None and (not record_id or record_id.split(",", maxsplit=1)[0] in self.billed)
        ref = self.billing if self.billing is not None and told else self.ref
        return f"{ref.source}:{ref.id}{tail}"

    def invoice(self, invoice_id: str) -> Invoice | None:
        return next((i for i in self.invoices if i.id == invoice_id), None)

    @property
    def disputed_invoice_ids(self) -> frozenset[str]:
        return frozenset(d.invoice_id for d in self.disputes if d.is_open)

    def points(self) -> tuple[ContactPoint, ...]:
        """The contact points on file."""
        found = []
        if self.email:
            found.append(ContactPoint("email", self.email.lower()))
        if self.phone:
            found.append(ContactPoint("phone", self.phone))
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeRequest:
    """Take this amount with a method on file. The same ``id`` again is the same charge, never a second one."""

    id: str
    ref: AccountRef
    invoice_id: str
    amount: Money
    method_id: str  # "" = the default


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeResult:
    """What the provider made of a request; ``pending`` = the outcome comes later, as an event of its own."""

    payment_id: str
    status: str  # succeeded | failed | pending
    method: str = ""  # masked
    decline_code: str = ""


class Collector(Protocol):
    """Whoever can take money with a method on file."""

    async def charge(self, request: ChargeRequest) -> ChargeResult:
        """Raises ``Transient`` if it cannot be asked now, ``Permanent`` if it will never take this request."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLink:
    url: str
    expires_at: datetime | None = None


class AccountSource(Protocol):
    @property
    def name(self) -> str: ...

    async def find(self, point: ContactPoint) -> Sequence[AccountRef]:
        """The accounts that have this address on file; several when two authors share it."""
        ...

    async def load(self, ref: AccountRef) -> Account:
        """The whole account. Raises ``NotFound`` or ``Transient``; never a partial account."""
        ...

    async def payment_link(self, ref: AccountRef, amount: Money, invoice_id: str = "") -> PaymentLink:
        """Where this amount can be paid safely. Raises ``Unsupported`` if the source cannot take payments."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceNotice:
    """Word from a source that something changed there. It is a reason to read again, never a figure."""

    source: str
    event_id: str  # of the source; the same one twice is one notice
    kind: Literal["account", "invoice", "payment", "refund", "chargeback", "method"]
    type: str  # in the source's own words: "charge.dispute.created"
    account_id: str = ""  # "" = must be asked for, by ``record_id``
    record_id: str = ""  # what it is about: a charge, a payment, an invoice


class SourceEvents(Protocol):
    """What a source may do to the inbox."""

    async def changed(self, notice: SourceNotice) -> bool:
        """Returns once the notice is on disk; False if it was known already."""
        ...


class BillingSource(AccountSource, Protocol):
    """Another system that is the truth for what authors owe and paid."""

    @property
    def payment_hosts(self) -> tuple[str, ...]:
        """Origins of the pages behind its links; ours may lead there: ``https://checkout.stripe.com``."""
        ...

    def routes(self, events: SourceEvents) -> Iterable[web.AbstractRouteDef]: ...

    async def owner(self, notice: SourceNotice) -> AccountRef | None:
        """Whose account the notice is about; None if it is about nobody's."""
        ...

    async def credit(self, ref: AccountRef) -> int:
        """Book payments that came through our links to the invoices they were made for; how many. Told twice, once."""
        ...

    async def payment_link(
        self, ref: AccountRef, amount: Money, invoice_id: str = "", *, back: str = ""
    ) -> PaymentLink:
        """The same; who does not pay after all is led ``back``, "" = where all its pages lead."""
        ...

    async def method_link(self, ref: AccountRef, *, back: str = "") -> PaymentLink:
        """Where the author changes how they pay; ``back`` as above. Raises ``Unsupported``."""
        ...

    async def check(self) -> str:
        """For ``inbox doctor``: one line of what works. Raises what is wrong, with the fix."""
        ...

    async def close(self) -> None: ...
