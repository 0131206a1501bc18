"""Why a bank declines, and whether it may be asked again. Pure.

Card codes as Stripe names them (https://docs.stripe.com/declines/codes), the networks' limits behind them (Visa
category 1 and Mastercard advice 03 and 21: never again; playbook section 6), bank debits by their Nacha return codes.
A code that is not in the table is not tried again by itself: a forbidden try costs more than a message to the author.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

DeclineClass = Literal["soft", "hard", "unknown"]

#: Days after the first failure on which a charge is tried: the first try and five more, then no more (house rule H4).
TRY_DAYS = (0, 1, 3, 5, 8, 12)
#: A bank debit may be presented at most twice again (Nacha, R01 and R09).
DEBIT_TRIES = 3

_SOFT = frozenset({
    # the account is good, the moment was not
    "insufficient_funds", "withdrawal_count_limit_exceeded", "card_velocity_exceeded", "approve_with_id",
    # the issuer or the network could not answer
    "issuer_not_available", "issuer_unavailable", "processing_error", "try_again_later", "reenter_transaction",
    # the issuer gives no reason
    "do_not_honor", "generic_decline", "call_issuer", "no_action_taken", "service_not_allowed",
})  # fmt: skip
_HARD = frozenset({
    # the card or account is gone, blocked or was never right
    "lost_card", "stolen_card", "pickup_card", "restricted_card", "closed_account", "expired_card", "invalid_account",
    "incorrect_number", "invalid_number", "invalid_expiry_month", "invalid_expiry_year", "no_account",
    "account_closed", "bank_account_unusable", "new_account_information_available",
    # this kind of charge is not allowed on it
    "card_not_supported", "currency_not_supported", "transaction_not_allowed", "not_permitted", "invalid_amount",
    # the cardholder or the network said no for good
    "revocation_of_authorization", "revocation_of_all_authorizations", "stop_payment_order", "do_not_try_again",
    "fraudulent", "merchant_blacklist", "security_violation", "debit_not_authorized",
    # only the author at the keyboard can put it right
    "authentication_required", "offline_pin_required", "online_or_offline_pin_required", "pin_try_exceeded",
    "incorrect_cvc", "invalid_cvc", "incorrect_zip", "incorrect_address", "incorrect_pin", "invalid_pin",
})  # fmt: skip
_DEBIT_SOFT = frozenset({"R01", "R09"})  # insufficient and uncollected funds
_DEBIT_HARD = frozenset({
    "R02", "R03", "R04", "R05", "R07", "R08", "R10", "R11", "R16", "R20", "R29",
})  # fmt: skip
#: Declines after which no further try is made.
HARD_DECLINES = _HARD | _DEBIT_HARD


@dataclass(frozen=True, slots=True)
class Decline:
    kind: DeclineClass
    tries: int  # in all, the first one included

    @property
    def may_retry(self) -> bool:
        return self.kind == "soft"


def decline_of(code: str) -> Decline:
    """What a code means for the next try; unknown codes are told apart from hard ones, but not tried again either."""
    if code.upper() in _DEBIT_SOFT:
        return Decline("soft", DEBIT_TRIES)
    if code.lower() in _HARD or code.upper() in _DEBIT_HARD:
        return Decline("hard", 1)
    return Decline("soft", len(TRY_DAYS)) if code.lower() in _SOFT else Decline("unknown", 1)


def next_try(first_failed_on: date, tries_made: int, code: str) -> date | None:
    """The day of the next try; None = there is none: the code forbids it or all tries were made."""
    decline = decline_of(code)
    if not decline.may_retry or not 1 <= tries_made < decline.tries:
        return None
    return first_failed_on + timedelta(days=TRY_DAYS[tries_made])


#: For documents and tests: every code with its class.
TABLE: Mapping[str, DeclineClass] = {
    **dict.fromkeys(sorted(_SOFT | _DEBIT_SOFT), "soft"), **dict.fromkeys(sorted(HARD_DECLINES), "hard"),
}  # fmt: skip
