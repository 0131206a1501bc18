"""May this author be paid out, and how much? The same rules for the answer, the request and the batch. Pure.

A *bar* stops every payout; some bars are the author's to lift (a tax form, a payout method), some are a person's (fraud, a
negative balance, a payout the bank sent back, copies in dispute). A *trouble* is about the amount alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from inbox.accounts.base import Account, Royalties, Withdrawal
from inbox.money import Money

Bar = Literal[
    "", "fraud", "negative", "copies_disputed", "returned", "tax_form", "no_destination", "payout_hold"
]  # fmt: skip
Trouble = Literal["", "not_an_amount", "foreign_currency", "too_much", "below_minimum"]

#: The bars that only a person can lift: reason of the case, and what the desk reads.
FOR_A_PERSON: Mapping[str, tuple[str, str]] = {
    "fraud": ("security_hold", "wants a payout; the account has a fraud flag"),
    "negative": ("negative_royalty_balance", "wants a payout; royalties are below zero"),
    "copies_disputed": ("royalty_dispute", "wants a payout; the copies sold are in dispute"),
    "returned": ("payout_returned", "wants a payout; the bank sent the last one back to us"),
}
#: What a withdrawal that waits says to staff.
BAR_WORDS: Mapping[str, str] = {
    "fraud": "the account has a fraud flag",
    "negative": "royalties are below zero",
    "copies_disputed": "the copies sold are in dispute",
    "returned": "the bank sent the last payout to this method back; check the method with the author",
    "tax_form": "the tax form is missing or expired",
    "no_destination": "there is no payout method on file",
    "payout_hold": "the payout method or a login contact was changed; the hold still runs",
    "destination_differs": "the payout method is not the one that the author confirmed",
    "no_account": "the account is not in the ledger any more",
}
#: Flags of an account and reasons of an open dispute that put the counted copies in doubt.
COPIES_DISPUTED = "copies_disputed"
_FRAUD = frozenset({"fraud", "security_hold"})


def bar(account: Account, now: datetime) -> Bar:
    """What stops every payout of this account at this moment; the gravest first, ``""`` if nothing does."""
    royalties = account.royalties
    if royalties is None:
        return "no_destination"
    if _FRAUD & set(account.flags):
        return "fraud"
    if royalties.available.minor < 0:
        return "negative"
    if _copies_disputed(account):
        return "copies_disputed"
    if came_back(royalties) is not None:
        return "returned"
    if royalties.tax_form_status != "approved":
        return "tax_form"
    if not royalties.payout_method:
        return "no_destination"
    if held(royalties, now):
        return "payout_hold"
    return ""


def trouble(royalties: Royalties, amount: Money) -> Trouble:
    """What is wrong with this amount. The minimum is asked of the amount, not of what remains."""
    if amount.currency != royalties.available.currency:
        return "foreign_currency"
    if amount.minor < 0 or (not amount and royalties.available):
        return "not_an_amount"
    if amount > royalties.available:
        return "too_much"
    return "below_minimum" if amount < royalties.threshold or not amount else ""


def held(royalties: Royalties, now: datetime) -> bool:
    """Does the hold after a change still run? It ends at the very second that was told."""
    return royalties.hold_until is not None and royalties.hold_until > now


def came_back(royalties: Royalties) -> Withdrawal | None:
    """The payout that the bank returned since the payout method was last checked, unless a later one arrived."""
    returned = [w for w in royalties.withdrawals if w.status == "returned" and not was_called_off(w.status, w.reason)]
    paid = [w for w in royalties.withdrawals if w.status == "paid"]
    for withdrawal in reversed(returned):
        checked = royalties.payout_checked_at
        if checked is not None and (withdrawal.changed_at is None or withdrawal.changed_at <= checked):
            continue
        if any((w.requested_on, w.id) > (withdrawal.requested_on, withdrawal.id) for w in paid):
            continue
        return withdrawal
    return None


#: Reason of a withdrawal that a person called off before it was sent: nothing is wrong with the payout method.
CALLED_OFF = "called off"


def was_called_off(status: str, reason: str) -> bool:
    return (status, reason) == ("returned", CALLED_OFF)


def says_called_off(reason: str) -> bool:
    """Nobody may give that as a reason of their own: it would read as if the amount were available again."""
    return reason.strip().casefold() == CALLED_OFF


def _copies_disputed(account: Account) -> bool:
    if COPIES_DISPUTED in account.flags:
        return True
    return any(d.is_open and d.reason == COPIES_DISPUTED for d in account.disputes)
