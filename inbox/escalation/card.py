"""The context card: everything a person needs to take a case, from the case and the account, in reading order. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from inbox.accounts.base import Account, Invoice, Payment, Plan, Promise, Royalties, Withdrawal
from inbox.escalation import contested
from inbox.escalation.base import HandoffCard, Line, TranscriptEntry
from inbox.escalation.reasons import MONEY_DISPUTES, reason_of
from inbox.escalation.words import amount, day, items
from inbox.message import ChannelName, Severity
from inbox.money import Money

HISTORY = 10  # messages over all channels
PAYMENTS = 5
QUOTE_CHARACTERS = 1_000

#: Flags that change how a person must act.
FLAGS = {
    "attorney_represented": "has a lawyer: write only to the lawyer",
    "bankruptcy": "bankruptcy: no collection",
    "deceased_reported": "reported dead",
    "hardship": "hardship",
    "self_harm_cue": "self-harm cue",
    "fraud": "fraud suspected",
    "vip": "VIP",
}
# Issuer and ACH codes that can succeed on a later try; the rest need another payment method.
_SOFT = frozenset(
    {
        "insufficient_funds", "processing_error", "try_again_later", "issuer_not_available", "do_not_honor",
        "generic_decline", "card_velocity_exceeded", "withdrawal_count_limit_exceeded", "reenter_transaction", "R01", "R09",
    }
)  # fmt: skip
_HARD = frozenset(
    {
        "lost_card", "stolen_card", "pickup_card", "expired_card", "incorrect_number", "invalid_account",
        "account_closed", "card_not_supported", "fraudulent", "restricted_card", "revocation_of_authorization",
        "stop_payment_order", "transaction_not_allowed", "R02", "R03", "R04", "R05", "R07", "R08", "R10", "R16", "R29",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFacts:
    """What the inbox itself knows of a case; texts are already masked."""

    number: int
    conversation_id: str
    status: Literal["open", "claimed", "returned", "resolved"] = "open"
    reason: str  # code, see ``reasons``
    severity: Severity = Severity.NORMAL
    owner: str = ""  # display name of the agent
    due_at: datetime | None = None  # first human reply by
    author_name: str = ""
    quote: str = ""  # the author's own words
    language: str = "en"
    channel: ChannelName = "chat"
    reply_channels: tuple[ChannelName, ...] = ()
    proof: str = ""  # "L1: text message from the number on file"; the level stands first
    invoice_ids: tuple[str, ...] = ()  # what the author, or the event, points at
    payment_ids: tuple[str, ...] = ()
    amounts: tuple[Money, ...] = ()
    transcript: tuple[TranscriptEntry, ...] = ()  # oldest first; the last ten are shown
    bot_did: tuple[str, ...] = ()
    bot_withheld: tuple[str, ...] = ()
    outcome: str = ""
    url: str = ""
    version: int = 0
    holds: tuple[str, ...] = ()  # "reminders for INV-204 are paused"
    authorised: tuple[
        str, ...
    ] = ()  # who else may hear, and what: "Jo Okafor (assistant): account balance; no amounts"
    earlier_cases: tuple[str, ...] = ()  # "#17 refund_request: explained"
    account_url: str = ""  # the account in the console; records become its #fragments unless it has one


def build(case: CaseFacts, account: Account | None, now: datetime) -> HandoffCard:
    """The card as of ``now``. Without an account the money sections are empty and the card says so."""
    reason = reason_of(case.reason)
    zone = _zone(account)
    today = now.astimezone(zone).date() if zone else now.date()
    found = contested.find(case.reason, case.invoice_ids, case.payment_ids, case.amounts, account)
    return HandoffCard(
        number=case.number,
        conversation_id=case.conversation_id,
        status=case.status,
        reason=case.reason,
        headline=_headline(reason.headline, found, case.amounts),
        severity=case.severity,
        owner=case.owner,
        due_at=case.due_at,
        local_time=f"{now.astimezone(zone):%a %H:%M} in {zone.key}" if zone else "",
        author_name=case.author_name or (account.name if account else ""),
        quote=_clip(case.quote, QUOTE_CHARACTERS),
        language=case.language,
        channel=case.channel,
        reply_channels=case.reply_channels,
        proof=case.proof,
        flags=tuple(FLAGS.get(f, f.replace("_", " ")) for f in account.flags) if account else (),
        who=tuple(_who(case, account)),
        money=tuple(_money(case, account, found, today)) if account else (),
        contested=tuple(contested.lines(case.reason, found, account, today, case.account_url)) if account else (),
        royalties=tuple(_royalties(account.royalties, now)) if account and account.royalties else (),
        history=case.transcript[-HISTORY:],
        bot_did=case.bot_did,
        bot_withheld=case.bot_withheld,
        next_steps=(*_proof_step(case.proof), *contested.steps(case.reason, found, account, today), *reason.steps),
        outcome=case.outcome,
        url=case.url,
        version=case.version,
    )


def decline_class(code: str) -> str:
    """``soft`` (may work later), ``hard`` (needs another method) or ``unknown``."""
    return "soft" if code in _SOFT else "hard" if code in _HARD else "unknown"


def _headline(words: str, found: contested.Contested, amounts: tuple[Money, ...]) -> str:
    what = [i.id for i in found.invoices[:2]] or [amount(a) for a in amounts[:1]]
    return f"{words} ({', '.join(what)})" if what else words


def _proof_step(proof: str) -> tuple[str, ...]:
    if proof.startswith("L0") or not proof:
        return ("Not proven yet: ask for a one-time code before you confirm that an account exists.",)
    if proof.startswith("L1"):
        return ("Only L1: name the current instalment and yes or no; ask for a one-time code for anything more.",)
    return ()


def _who(case: CaseFacts, account: Account | None) -> Iterable[Line]:
    if account is None:
        yield Line(label="Account", value="none found for this contact", warn=True)
    else:
        yield Line(label="Account", value=f"{account.ref.id} ({account.ref.source})", url=case.account_url)
        if account.billing is not None:
            yield Line(label="Billed by", value=f"{account.billing.source}, {account.billing.id}")
        if account.titles:
            yield Line(label="Titles", value=_clip(items(account.titles), 200))
        refused = [name for name in ("sms", "email", "call") if account.consents.get(name) is False]
        if refused:
            yield Line(label="No messages by", value=items(refused), warn=True)
        if account.contact_log:
            last = sorted(account.contact_log, key=lambda c: c.at)[-3:]
            yield Line(label="Last contacts", value=items(f"{c.channel} {day(c.at.date())}: {c.outcome}" for c in last))
    if case.authorised:
        yield Line(label="May also hear", value=_clip(items(case.authorised), 300))
    if case.earlier_cases:
        yield Line(label="Earlier cases", value=_clip(items(case.earlier_cases[-5:]), 300))


def _money(case: CaseFacts, account: Account, found: contested.Contested, today: date) -> Iterable[Line]:
    past = past_due(account, today)
    if account.doubt is not None:
        yield Line(label="Tell no figure yet", value=account.doubt.text, warn=True)
    yield Line(label="Outstanding", value=amount(account.outstanding))
    yield Line(label="Past due", value=amount(past), warn=bool(past))
    if disputed := _disputed(case, account, found):
        yield Line(label="Disputed part", value=disputed, warn=True)
    yield Line(label="Next due", value=_next_due(account, today))
    for plan in account.plans:
        yield Line(label="Plan", value=_plan(plan), url=_record(case, plan.id))
    for promise in _promises(account.promises):
        yield Line(
            label=f"Promise {promise.status}",
            value=f"{amount(promise.amount)} by {day(promise.on)} for {promise.invoice_id}",
            warn=promise.status == "broken",
        )
    if case.holds:
        yield Line(label="On hold", value=items(case.holds))
    for payment in sorted(account.payments, key=lambda p: (p.on, p.id), reverse=True)[:PAYMENTS]:
        failed = payment.status == "failed"
        yield Line(label=f"Payment {payment.id}", value=_payment(payment), url=_record(case, payment.id), warn=failed)
    yield Line(label="Figures as of", value=f"{account.as_of:%a %Y-%m-%d %H:%M} UTC")


def past_due(account: Account, today: date) -> Money:
    """What should have been paid before ``today``: failed or overdue instalments, overdue invoices without a plan."""
    planned = {p.invoice_id for p in account.plans}
    parts = [
        i.amount
        for p in account.plans
        for i in p.left
        if i.amount.currency == account.currency and (i.status == "failed" or i.due_on < today)
    ]
    whole = [
        i.balance
        for i in account.invoices
        if i.id not in planned and i.due_on < today and _owed(i) and i.balance.currency == account.currency
    ]
    return Money.total([*parts, *whole], account.currency)


def _owed(invoice: Invoice) -> bool:
    return invoice.status != "void" and invoice.balance.minor > 0


def _disputed(case: CaseFacts, account: Account, found: contested.Contested) -> str:
    parts = [f"{amount(d.amount)} ({d.invoice_id}, {d.id})" for d in account.disputes if d.is_open]
    if case.status != "resolved" and case.reason in MONEY_DISPUTES:
        recorded = account.disputed_invoice_ids
        rest = tuple(i for i in found.invoices if i.id not in recorded)
        parts += contested.disputed(replace(found, invoices=rest, pair=found.pair if rest else ()))
    return items(parts)


def _next_due(account: Account, today: date) -> str:
    planned = {p.invoice_id for p in account.plans}
    coming = [
        (i.due_on, i.amount, f"instalment {i.number} of {len(p.instalments)}, {p.invoice_id}")
        for p in account.plans
        for i in p.left
        if i.due_on >= today and i.status != "failed"
    ] + [
        (i.due_on, i.balance, i.id) for i in account.invoices if i.id not in planned and i.due_on >= today and _owed(i)
    ]
    if not coming:
        return "nothing"
    due_on, what, of = min(coming, key=lambda c: c[0])
    return f"{amount(what)} on {day(due_on)} ({of})"


def _plan(plan: Plan) -> str:
    total, left = len(plan.instalments), plan.left
    failed = [str(i.number) for i in left if i.status == "failed"]
    words = f"{total - len(left)} of {total} paid, {plan.invoice_id}"
    if failed:
        words += f", failed: no. {items(failed)}"
    if plan.next_retry_on:
        words += f", next retry {day(plan.next_retry_on)}"
    return words


def _promises(promises: tuple[Promise, ...]) -> list[Promise]:
    """The open one and the last two broken: together they decide what may still be promised."""
    ordered = sorted(promises, key=lambda p: (p.made_on, p.id))
    return [p for p in ordered if p.status == "open"] + [p for p in ordered if p.status == "broken"][-2:]


def _payment(payment: Payment) -> str:
    state = payment.status
    if state == "failed":
        code = payment.decline_code
        state += f", {decline_class(code)} decline ({code})" if code else ", no decline code"
    return f"{amount(payment.amount)}, {day(payment.on)}, {payment.method}, {state}, {payment.invoice_id}"


def _royalties(royalties: Royalties, now: datetime) -> Iterable[Line]:
    yield Line(label="Available", value=amount(royalties.available))
    yield Line(label="Pending", value=amount(royalties.pending))
    yield Line(label="Returns reserve", value=amount(royalties.returns_reserve))
    yield Line(label="Last payout", value=_last_payout(royalties.withdrawals))
    if royalties.next_run_on:
        yield Line(label="Next run", value=f"{day(royalties.next_run_on)}, from {amount(royalties.threshold)}")
    if royalties.hold_until and royalties.hold_until > now:
        yield Line(label="Payout hold", value=f"until {royalties.hold_until:%a %Y-%m-%d %H:%M} UTC", warn=True)
    form = royalties.tax_form or "none"
    state = royalties.tax_form_status or "unknown"
    yield Line(label="Tax form", value=f"{form}, {state}", warn=state != "approved")
    yield Line(label="Destination", value=royalties.payout_method or "none on file")


def _last_payout(withdrawals: tuple[Withdrawal, ...]) -> str:
    if not withdrawals:
        return "none"
    last = max(withdrawals, key=lambda w: (w.requested_on, w.id))
    why = f" ({last.reason})" if last.reason else ""
    when = day(last.paid_on) if last.paid_on else f"requested {day(last.requested_on)}"
    if last.expected_on and not last.paid_on:
        when += f", expected {day(last.expected_on)}"
    return f"{amount(last.amount)} {last.status}{why} {when}, {last.id}"


def _zone(account: Account | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(account.timezone) if account else None
    except (ZoneInfoNotFoundError, ValueError):  # a zone the source made up: no local time rather than a wrong one
        return None


def _record(case: CaseFacts, record_id: str) -> str:
    return contested.record_url(case.account_url, record_id)


def _clip(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"
