"""What an author has earned: royalties, and whether and when they can be withdrawn. Pure."""

from __future__ import annotations

from datetime import date

from inbox.accounts.base import Account, Royalties, Withdrawal
from inbox.accounts.factsheet import Ask, Fact, Held, Outcome, StepUp, as_of_on, local, sheet
from inbox.errors import MissingFact
from inbox.money import Money
from inbox.payouts.asked import asked
from inbox.payouts.royalties import FOR_A_PERSON, bar, held, trouble, was_called_off

#: States of a withdrawal that has not reached its end.
UNDER_WAY = frozenset({"requested", "in_review", "held", "sent"})
RECORD = "royalties"


def royalty_balance(account: Account, ask: Ask) -> Outcome:
    """Level 2: available, pending and reserve, the minimum and the next run."""
    royalties = _royalties(account)
    if royalties.available.minor < 0:
        return Held("negative_royalty_balance", "royalties are below zero; somebody must explain the deductions")
    return sheet(
        account,
        RECORD,
        available=royalties.available,
        pending=royalties.pending,
        reserve=royalties.returns_reserve,
        threshold=royalties.threshold,
        below_threshold=royalties.available < royalties.threshold,
        next_run_on=royalties.next_run_on,
        hold_until=_hold(account, royalties, ask),
        as_of_on=as_of_on(account),
    )


def royalty_withdrawal(account: Account, ask: Ask) -> Outcome:
    """Level 2: may it be paid out? ``state`` eligible, hold, tax_form, no_destination, below_minimum, too_much,
    foreign_currency, not_an_amount or which_amount.

    ``eligible`` asks for confirmation by a fresh code; the withdrawal itself is another step.
    """
    royalties = _royalties(account)
    wanted = asked(ask.text, ask.entities.amounts, royalties.available, account.language)
    barred = bar(account, ask.now)
    if barred in FOR_A_PERSON:
        return Held(*FOR_A_PERSON[barred])
    if barred == "tax_form" and not royalties.tax_form:
        raise MissingFact(fact="tax_form")
    state: str = {"payout_hold": "hold"}.get(barred, barred)
    if not state:
        state = wanted if isinstance(wanted, str) else trouble(royalties, wanted) or "eligible"
    amount = wanted if isinstance(wanted, Money) and state == "eligible" else None
    return sheet(
        account,
        RECORD,
        state=state,
        amount=amount,
        available=royalties.available,
        remaining=royalties.available - amount if amount is not None else None,
        reserve=royalties.returns_reserve or None,
        threshold=royalties.threshold,
        destination=royalties.payout_method or None,
        hold_until=_hold(account, royalties, ask),
        tax_form=royalties.tax_form or None,
        tax_form_expired=royalties.tax_form_status == "expired",
        next_run_on=royalties.next_run_on,
    )


def _hold(account: Account, royalties: Royalties, ask: Ask) -> object | None:
    """The end of a running payout hold, on the author's clock."""
    return local(account, royalties.hold_until) if royalties.hold_until and held(royalties, ask.now) else None


def royalty_withdrawal_status(account: Account, ask: Ask) -> Outcome:
    """Where a withdrawal is. Level 1: state and dates of one whose id is quoted, no amount, no destination."""
    withdrawals = account.royalties.withdrawals if account.royalties else ()
    quoted = next((w for w in withdrawals if w.id in ask.entities.withdrawal_ids), None)
    if ask.level < 2 and quoted is None:
        return StepUp(2)
    if quoted is None and ask.entities.withdrawal_ids:
        return Held("withdrawal_not_found", "asks about a withdrawal whose number is not on this account")
    withdrawal = quoted or _latest(withdrawals)
    if withdrawal is None:
        return sheet(account, RECORD, state="none")
    if (
        sum(1 for w in withdrawals if w.status == "returned" and not was_called_off(w.status, w.reason)) >= 2
        and withdrawal.status == "returned"
    ):
        return Held("withdrawal_returned", f"{withdrawal.id}: the bank sent payouts back more than once")
    if _late(withdrawal, ask.today):
        return Held("withdrawal_late", f"{withdrawal.id} was expected on {withdrawal.expected_on}")
    return _withdrawal_facts(account, withdrawal, ask)


def _withdrawal_facts(account: Account, withdrawal: Withdrawal, ask: Ask) -> dict[str, Fact]:
    done = withdrawal.status in ("paid", "returned")
    facts = sheet(
        account,
        withdrawal.id,
        state="called_off" if was_called_off(withdrawal.status, withdrawal.reason) else withdrawal.status,
        withdrawal_id=withdrawal.id,
        requested_on=withdrawal.requested_on,
        expected_on=None if done else withdrawal.expected_on,
        paid_on=withdrawal.paid_on,
    )
    if ask.level >= 2:
        facts |= sheet(account, withdrawal.id, amount=withdrawal.amount)
    return facts


def _latest(withdrawals: tuple[Withdrawal, ...]) -> Withdrawal | None:
    """One that is still under way before one that has ended; then the newest."""
    return max(withdrawals, key=lambda w: (w.status in UNDER_WAY, w.requested_on, w.id), default=None)


def _late(withdrawal: Withdrawal, today: date) -> bool:
    expected = withdrawal.expected_on
    return withdrawal.status in UNDER_WAY and expected is not None and today > expected


def _royalties(account: Account) -> Royalties:
    if account.royalties is None:
        raise MissingFact(fact="royalties")
    return account.royalties
