"""What may be said of an account: each figure with the record it comes from and when that was read. Pure.

``FACTS[answer](account, ask)`` gives a ``FactSheet``; or ``StepUp`` when the sender must first prove more; or ``Held``
when a person must act (playbook sections 3 and 8.2): nothing is said about money after a death report, a bankruptcy
notice, a lawyer's letter or a cue of self-harm, nor with figures that are too old or do not agree. Raises
``MissingFact`` where the record lacks what the answer needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from inbox.accounts import dues, earned, paid
from inbox.accounts.base import Account
from inbox.accounts.factsheet import (
    Ask,
    Fact,
    FactSheet,
    Held,
    Outcome,
    StepUp,
    is_stale,
    plain,
    rows,
    sheet,
)
from inbox.disclosure.table import lowest

__all__ = [
    "FACTS",
    "LEVELS",
    "Ask",
    "Fact",
    "FactFunction",
    "FactSheet",
    "Held",
    "Outcome",
    "StepUp",
    "plain",
    "rows",
    "sheet",
]

FactFunction = Callable[[Account, Ask], Outcome]

_FUNCTIONS: Mapping[str, FactFunction] = {
    "account_balance": dues.account_balance,
    "amount_due": dues.amount_due,
    "make_payment": dues.make_payment,
    "update_payment_method": dues.update_payment_method,
    "payment_plan": dues.payment_plan,
    "promise_status": dues.promise_status,
    "payment_status": paid.payment_status,
    "payment_failed": paid.payment_failed,
    "invoice_copy": paid.invoice_copy,
    "refund_status": paid.refund_status,
    "royalty_balance": earned.royalty_balance,
    "royalty_withdrawal": earned.royalty_withdrawal,
    "royalty_withdrawal_status": earned.royalty_withdrawal_status,
}

#: The lowest proof level at which some variant of the answer tells anything (``inbox.disclosure.table``).
LEVELS: Mapping[str, int] = MappingProxyType({name: lowest(name) for name in _FUNCTIONS})

#: Rest on the ledger alone, whatever another system says of invoices.
_EARNED = frozenset({"royalty_balance", "royalty_withdrawal", "royalty_withdrawal_status"})
#: After these, nothing automatic says a word about money; the value is the handoff reason.
SILENCING_FLAGS: Mapping[str, str] = MappingProxyType({
    "self_harm_cue": "vulnerability_self_harm",
    "deceased_reported": "estate",
    "bankruptcy": "bankruptcy",
    "attorney_represented": "legal_representation",
})  # fmt: skip


def gated(answer: str, account: Account, ask: Ask) -> Outcome:
    """Every answer passes here: what silences, what needs more proof, what is too old; then the answer's own facts."""
    for flag, reason in SILENCING_FLAGS.items():
        if flag in account.flags:
            return Held(reason, f"the account is flagged {flag}: nothing about money is said")
    if ask.level < LEVELS[answer]:
        return StepUp(LEVELS[answer])
    if account.billing is not None and answer in _EARNED:
        return _FUNCTIONS[answer](replace(account, as_of=ask.now), ask)  # the ledger's own, read just now
    if account.doubt is not None:
        return Held(account.doubt.reason, account.doubt.text)
    if is_stale(account, ask):
        return Held("figures_stale", f"the figures were read at {account.as_of:%Y-%m-%d %H:%M} UTC, which is too old")
    return _FUNCTIONS[answer](account, ask)


FACTS: Mapping[str, FactFunction] = MappingProxyType({name: partial(gated, name) for name in _FUNCTIONS})
