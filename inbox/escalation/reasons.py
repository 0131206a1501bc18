"""What each reason code means to the person who takes the case: a headline in plain words, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reason:
    headline: str
    steps: tuple[str, ...] = ()


#: Reasons whose contested item takes part of the balance out of every reminder.
MONEY_DISPUTES = frozenset(
    {
        "chargeback",
        "chargeback_threat",
        "chargeback_withdrawal",
        "complaint",
        "discount_request",
        "double_charge",
        "refund_request",
        "unrecognised_charge",
        "wrong_amount",
    }
)
#: Reasons that are about what we pay out.
PAYOUT_REASONS = frozenset(
    {"payout_destination_change", "royalty_dispute", "royalty_offset_request", "payout_returned", "security_hold"}
)

_CALL_BACK = "Call the number on file yourself; never a number given in the message."

REASONS: Mapping[str, Reason] = {
    "double_charge": Reason(
        "Says the same thing was charged twice",
        (
            "Compare the payment ids below: two captured is a double charge, a pending one is usually released in 7 days.",
            "If both are captured, request the refund of the second one; do not promise a date before it is approved.",
        ),
    ),
    "refund_request": Reason(
        "Asks for money back, a credit or a waiver",
        (
            "Check what was ordered, how far the work is and the refund policy.",
            "Request the refund or credit for approval, or explain kindly why not. Promise nothing before.",
        ),
    ),
    "discount_request": Reason(
        "Asks for a lower price or a settlement",
        ("A discount needs a second approval.", "Answer with what was decided, in writing."),
    ),
    "wrong_amount": Reason(
        "Says the amount is wrong",
        (
            "Compare the contract price, the invoice and what was charged.",
            "Correct the invoice with a credit note, or show line by line how the figure comes about.",
        ),
    ),
    "unrecognised_charge": Reason(
        "Does not recognise a charge or a change",
        (
            "Say what the charge was for, with date and last 4, once the author is proven.",
            "If it was not the author: secure the account, keep withdrawals on hold, tell the supervisor.",
        ),
    ),
    "chargeback": Reason(
        "A chargeback is open",
        (
            "Do not refund this payment while the chargeback is open: the author would be paid twice.",
            "Send the evidence before the respond-by date: order, approvals, messages, earlier payments.",
            "The author may still be reached; do not discourage talking to the bank.",
        ),
    ),
    "chargeback_threat": Reason(
        "Says they will go to the bank",
        (
            "Answer today, name the facts and what happens next. Do not discourage talking to the bank.",
            "Start the evidence pack now.",
        ),
    ),
    "chargeback_withdrawal": Reason(
        "Says the chargeback is withdrawn",
        ("Ask for the bank's confirmation.", "Still send the evidence in time: withdrawn is not yet won."),
    ),
    "complaint": Reason(
        "Complains about how things were handled",
        (
            "Apologise once for the experience, name one person and one time.",
            "Tell the supervisor if staff conduct is meant.",
        ),
    ),
    "speak_to_human": Reason(
        "Asks for a person", ("Write or call back within the time above; the author need not repeat anything.",)
    ),
    "cancel_service": Reason(
        "Wants to cancel a service",
        ("Find out which service and how far it is.", "Say what cancelling costs or gives back before doing it."),
    ),
    "hardship": Reason(
        "In hardship: automatic reminders are stopped",
        (
            "No pressure and no deadline. Ask what is possible.",
            "Offer a pause or smaller instalments within your authority.",
        ),
    ),
    "vulnerability_self_harm": Reason(
        "May be in danger: call now",
        (
            "Call now, or tell the supervisor if you cannot. Not one word about money.",
            "Give the crisis line. If there is immediate danger, call the emergency number where the author lives.",
        ),
    ),
    "bankruptcy": Reason(
        "Bankruptcy: all collection is stopped",
        ("Ask for case number and court, nothing else.", "Pass to finance; do not ask for payment."),
    ),
    "estate": Reason(
        "The author has died, or someone writes for the estate",
        ("Condolences first.", "Nothing about the account before the authority papers are checked (two people)."),
    ),
    "legal_representation": Reason(
        "A lawyer or a court is involved",
        ("Write only to the lawyer from now on.", "Pass to the supervisor; do not discuss the matter."),
    ),
    "privacy_request": Reason(
        "Asks about their personal data", ("Pass to the privacy owner today; the legal clock runs.",)
    ),
    "payout_destination_change": Reason(
        "Wants royalties sent somewhere else",
        (
            _CALL_BACK,
            "Needs a second approver, a notice to the old and the new contact, and the payout hold.",
            "Treat it as a takeover attempt until shown otherwise.",
        ),
    ),
    "security_impersonation": Reason(
        "May not be the author",
        (_CALL_BACK, "Disclose nothing, not even that an account exists.", "Report it to the supervisor."),
    ),
    "contact_change": Reason(
        "Wants another login email or phone number",
        (
            _CALL_BACK,
            "Write the change down under Changes; a second person approves it, and payouts rest.",
        ),
    ),
    "payout_returned": Reason(
        "Wants a payout, but the bank sent the last one back",
        (
            _CALL_BACK,
            "Ask which payout method is right; write it down under Changes, even if it is the same one.",
        ),
    ),
    "negative_royalty_balance": Reason(
        "Wants a payout, but royalties are below zero",
        ("Look up which returns took the balance below zero.", "Explain them line by line; nothing is paid out."),
    ),
    "security_hold": Reason(
        "Wants a payout while the account has a fraud flag",
        ("Tell the supervisor. Say nothing about the flag.", "Nothing is paid out before it is cleared."),
    ),
    "royalty_dispute": Reason(
        "Says the royalties are too low or missing",
        (
            "Ask for title, format, shop and period if missing.",
            "Compare with the shop's report for that period; sales arrive two to four months later.",
        ),
    ),
    "royalty_offset_request": Reason(
        "Wants royalties set off against the balance",
        ("Needs the author's written consent.", "Pass to finance; change nothing by hand."),
    ),
    "plan_change_beyond_authority": Reason(
        "Wants a plan beyond the bot's limits",
        (
            "Agree on instalments the author can keep, then ask for approval.",
            "Confirm every date and amount in writing.",
        ),
    ),
    "promise_beyond_window": Reason(
        "Promises to pay later than the bot may accept",
        ("Accept or offer an earlier part payment.", "Store the promise with your approval."),
    ),
    "promise_broken_twice": Reason(
        "Second promise broken: agents only from here",
        ("Call or write yourself; no automatic reminder goes out.", "Offer a plan instead of a third promise."),
    ),
    "payment_unmatched": Reason(
        "Money came that fits no invoice",
        (
            "Ask the payment provider or the author what it is for; name no figure of the account.",
            "Book it to its invoice, or give it back.",
        ),
    ),
    "charge_unclear": Reason(
        "An automatic charge was refused, or its answer cannot be used",
        (
            "Look at the payment system whether that charge took money; if it did, have it told to the inbox.",
            "Put right what was refused, then close the case: reminders and charges of the invoice go on with that.",
        ),
    ),
    "past_due_review": Reason(
        "Past due for three weeks: a person decides",
        (
            "Look at history and reasons first; offer a date, a split or a plan before anything else.",
            "A last notice is yours to send. No automatic reminder goes out any more.",
        ),
    ),
    "undeliverable": Reason(
        "A message to the author could not be delivered",
        ("Check the address and use another allowed channel.", "Correct the contact point only after proof."),
    ),
    "not_understood": Reason(
        "The bot could not understand the message", ("Read the words below and answer yourself.",)
    ),
    "figures_stale": Reason(
        "The figures on record are too old to be told",
        ("Look the figures up in the billing system itself.", "Answer the author with the checked figure."),
    ),
    "figures_contradict": Reason(
        "Two records of the same money contradict each other",
        (
            "Compare both figures below with the contract and the payments; name none before it is settled.",
            "Have the wrong record corrected, then answer the author.",
        ),
    ),
    "record_unclear": Reason(
        "The record does not say plainly what is owed",
        ("Settle in the billing system what stands below, then answer the author.",),
    ),
    "account_gone": Reason(
        "The account is gone from the billing system",
        ("Find out who removed or merged it, and what the author owes now.", "Answer the author yourself."),
    ),
    "wrong_author": Reason(
        "The bot held back a reply that named somebody else",
        (
            "See below which words belong to whose account; the reply was not sent.",
            "Answer the author yourself, and tell the supervisor: records may be mixed up.",
        ),
    ),
    "stale_figures": Reason(
        "The figures on record are old or contradict each other",
        ("Check the ledger before naming any figure.", "Answer the author with the checked figure."),
    ),
}


def reason_of(code: str) -> Reason:
    """Never fails: a code without an entry is read out in words."""
    return REASONS.get(code) or Reason(f"Needs a person: {code.replace('_', ' ') or 'no reason given'}")
