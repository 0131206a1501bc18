"""Who is in the demo: the company, its staff, and what is worth knowing about each sample author."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from inbox.accounts.base import Account, Payment
from inbox.demo.slack_workspace import PEOPLE, Person
from inbox.demo.view import money
from inbox.money import Money

SUPPORT = "support@larkmoor.example"
NUMBER = "+12025550100"
DESK_NUMBER = "+12025550111"  # where "0" is put through to
STRANGER = "+12025550199"  # a number that is on no account

_BACK = timedelta(days=92)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the staff."""

    email: str
    name: str
    role: str
    slack: str


_LEAD = Person("U0SUNNIVA", "Sunniva Drost", "sunniva")
SLACK_PEOPLE = (*PEOPLE, _LEAD)
STAFF = (
    *(Member(f"{p.handle}@larkmoor.example", p.name, "agent", p.id) for p in PEOPLE),
    Member(f"{_LEAD.handle}@larkmoor.example", _LEAD.name, "supervisor", _LEAD.id),
)


def remarks(account: Account, today: date) -> list[str]:
    """What is special about this author, in a few words each; the most telling first."""
    found = [*_troubles(account), *_money(account, today), *_royalties(account), *_manners(account)]
    return found or (["owes nothing"] if not account.outstanding else ["pays as agreed"])


def _troubles(account: Account) -> Iterator[str]:
    for flag in account.flags:
        yield flag.replace("_", " ")
    for dispute in account.disputes:
        kind = "chargeback" if dispute.network else "dispute"
        if dispute.is_open:
            yield f"open {kind} of {money(dispute.amount)}"
    if doubled := doubled_payment(account):
        held = ", one still pending" if doubled.status == "pending" else ""
        yield f"charged twice: 2 × {money(doubled.amount)}{held}"


def doubled_payment(account: Account) -> Payment | None:
    """The second of two equal payments for one invoice within three days, if none of them was given back."""
    returned = {r.payment_id for r in account.refunds}
    paid = sorted((p for p in account.payments if p.status in ("succeeded", "pending")), key=lambda p: p.on)
    for first, second in pairwise(paid):
        same = (first.invoice_id, first.amount) == (second.invoice_id, second.amount)
        if same and second.on - first.on <= timedelta(days=3) and not returned & {first.id, second.id}:
            return second
    return None


def _money(account: Account, today: date) -> Iterator[str]:
    late = [i for plan in account.plans for i in plan.instalments if i.status == "failed"]
    if late:
        yield f"{len(late)} instalment{'s' * (len(late) > 1)} past due"
    for invoice in account.invoices:
        planned = any(plan.invoice_id == invoice.id for plan in account.plans)
        if invoice.balance.minor > 0 and invoice.due_on < today and not planned:
            yield f"{money(invoice.balance)} past due"
    if account.outstanding.minor < 0:
        yield f"has {money(Money(-account.outstanding.minor, account.currency))} to their credit"
    failed = [p for p in account.payments if p.status == "failed" and p.on > today - _BACK]
    if failed:
        yield "a payment was declined"
    if any(p.status == "pending" for p in account.payments) and doubled_payment(account) is None:
        yield "a payment is on its way"
    for refund in account.refunds:
        yield f"refund of {money(refund.amount)} {refund.status}"
    for status in ("open", "broken", "kept"):
        count = sum(1 for promise in account.promises if promise.status == status)
        if count:
            yield f"{count} promise{'s' * (count > 1)} {status}"
    if account.plans and not late:
        yield "pays by instalments"


def _royalties(account: Account) -> Iterator[str]:
    royalties = account.royalties
    if royalties is None:
        return
    if royalties.tax_form_status in ("missing", "expired"):
        yield f"tax form {royalties.tax_form_status}"
    if royalties.hold_until:
        yield "payout on hold"
    if royalties.available:
        yield f"{money(royalties.available)} royalties"


def _manners(account: Account) -> Iterator[str]:
    if account.language != "en":
        yield {"es": "writes Spanish", "pt": "writes Portuguese"}[account.language]
    for channel in ("sms", "email", "call"):
        if account.consents.get(channel) is False:
            yield f"no {channel}, please"


@dataclass(frozen=True, slots=True)
class Roles:
    """The authors that the five-minute tour needs."""

    balance: Account  # owes something, has a telephone
    doubled: Account | None
    royalties: Account | None
    failed: Account | None


def roles(authors: Sequence[Account]) -> Roles | None:
    """Chosen by what their accounts hold; None without any author."""
    if not authors:
        return None
    plain = [a for a in authors if a.language == "en" and a.phone and a.email and not a.flags]
    calm = [a for a in plain if not any(d.is_open for d in a.disputes) and doubled_payment(a) is None]
    return Roles(
        balance=_first(calm or authors, lambda a: bool(a.outstanding and a.plans)) or authors[0],
        doubled=_first(plain, lambda a: doubled_payment(a) is not None),
        royalties=_first(calm, _can_withdraw),
        failed=_first([*calm, *authors], lambda a: any(p.status == "failed" for p in a.payments)),
    )


def _can_withdraw(account: Account) -> bool:
    r = account.royalties
    return r is not None and r.tax_form_status == "approved" and r.hold_until is None and r.threshold <= r.available


def _first(authors: Sequence[Account], fits: Callable[[Account], bool]) -> Account | None:
    return next((a for a in authors if fits(a)), None)
