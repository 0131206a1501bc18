"""May we write to this person, on this channel, for this purpose, now? Pure; a refusal is a value with its reason.

``may_write`` asks for the address alone; ``may_remind`` for everything that stands in the way of a reminder or a call
of ours about money (playbook section 8); ``stop_of`` for what stops reminders and automatic charges alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal

from inbox.accounts.base import Account, ContactAttempt
from inbox.clock import zone
from inbox.message import ChannelName
from inbox.settings import Rules

Purpose = Literal["reply", "code", "confirmation", "agent_reply", "notice", "reminder"]
OutreachKind = Literal["promise_reminder", "due_reminder", "past_due_reminder", "past_due_call"]
OutreachChannel = Literal["sms", "email", "call"]

#: No wish of an author and no rule of the house opens these hours (15 U.S.C. 1692c(a)(1); 12 CFR 1006.6(b)).
LAWFUL_FROM, LAWFUL_UNTIL = time(8), time(21)
WEEK = timedelta(days=7)
SUNDAY = 6
BROKEN_WITHIN = timedelta(days=90)
_FLAGS: Mapping[str, tuple[str, str]] = {
    "self_harm_cue": ("self_harm_cue", "words of self-harm: nothing automatic is said about money"),
    "deceased_reported": ("deceased_reported", "a death was reported"),
    "bankruptcy": ("bankruptcy", "a bankruptcy is on record"),
    "attorney_represented": ("attorney_represented", "a lawyer represents the author"),
    "written_cease_request": ("written_cease_request", "the author asked in writing that we stop"),
    "fraud": ("security_hold", "the account may be in wrong hands"),
    "security_hold": ("security_hold", "the account may be in wrong hands"),
}
#: The graver reason is the one that is told; reasons that are not named here come last.
_ORDER = (
    "self_harm_cue", "deceased_reported", "bankruptcy", "attorney_represented", "written_cease_request",
    "security_hold", "hardship_review", "dispute_open", "two_broken_promises_agent_only", "promise_running", "old_debt",
    "payment_pending",
)  # fmt: skip
_HOLDS: Mapping[str, str] = {
    "hardship_review": "a person looks at the author's hardship",
    "dispute_open": "the author contests this item",
    "promise_running": "the author has promised a date that is still to come",
    "charge_unclear": "a person finds out what became of an automatic charge",
}


@dataclass(frozen=True, slots=True)
class Denied:
    reason: str  # code of the suppression list, e.g. "sms_opt_out"
    words: str
    by_hours: bool = False  # the hours alone refused it, so a later one allows it


@dataclass(frozen=True, slots=True)
class Hours:
    """From when until when, on the author's own clock."""

    opens: time
    closes: time


@dataclass(frozen=True, slots=True)
class Pause:
    """A hold in force: on one invoice, or on everything ("")."""

    invoice_id: str
    reason: str
    of_case: bool = False  # a person has it, and ends it by closing the case


@dataclass(frozen=True, slots=True, kw_only=True)
class Outreach:
    """One thing we want to say or call about by ourselves, and all that may stand in its way."""

    kind: OutreachKind
    channel: OutreachChannel
    account: Account
    invoice_id: str
    now: datetime
    pauses: tuple[Pause, ...] = ()
    suppression: str = ""  # why the address is suppressed, "" if it is not
    wished: Hours | None = None  # when the author wants to be written to
    talked_at: datetime | None = None  # the last conversation on the phone, whoever called
    with_person: bool = False  # a person of ours has the conversation
    switched_on: bool = True
    home: str = "UTC"  # the company's time zone, where the author's is not known
    phone_zones: tuple[str, ...] = ()  # where the number may be; a hint only


def may_write(purpose: Purpose, channel: ChannelName, suppression: str, *, switched_on: bool = True) -> Denied | None:
    """None = yes. ``suppression`` is why the address is suppressed, "" if it is not.

    The one confirmation of an opt-out, and of its end, may go out (FCC rule 64.1200(a)(12); playbook section 8.3).
    """
    if not switched_on:
        return Denied("channel_off", f"{channel} is not set up")
    if not suppression or purpose == "confirmation":
        return None
    if suppression == "invalid":
        return Denied("invalid_contact", "messages to this address do not arrive")
    if channel == "sms":
        return Denied("sms_opt_out", "the author opted out of texts")
    if channel == "email" and purpose in ("reply", "code", "agent_reply", "notice"):
        return (
            None  # an opt-out of reminders by mail leaves answers to the author's own questions, and receipts, allowed
        )
    return Denied("contact_preference", f"the author opted out of {channel}")


def may_remind(o: Outreach, rules: Rules) -> Denied | None:
    """None = now. The first thing that stands in the way is the reason: what stops everything, then the address, then
    the hours, then how often we were in touch.
    """
    today = o.now.astimezone(zone(o.account.timezone or o.home)).date()
    of_promise = o.kind == "promise_reminder"
    if stop := stop_of(o.account, o.pauses, o.invoice_id, today, rules, of_promise=of_promise):
        return stop
    return next((denied for check in _CHECKS if (denied := check(o, rules))), None)


def stop_of(
    account: Account, pauses: Iterable[Pause], invoice_id: str, today: date, rules: Rules, *, of_promise: bool = False
) -> Denied | None:
    """What stops automatic reminders and charges on this invoice; the gravest reason. ``invoice_id`` "" asks for what
    stops everything. A reminder of the author's own promise (``of_promise``) is not stopped by that promise.
    """
    found = [*_of_flags(account), *_of_pauses(pauses, invoice_id)]
    if invoice_id:
        found += _of_item(account, invoice_id, today, rules)
    if of_promise:
        own = ("promise_running", "two_broken_promises_agent_only")
        found = [d for d in found if d.reason not in own]
    rank = {code: n for n, code in enumerate(_ORDER)}
    return min(found, key=lambda d: rank.get(d.reason, len(_ORDER)), default=None)


def _of_flags(account: Account) -> list[Denied]:
    found = [Denied(*_FLAGS[flag]) for flag in account.flags if flag in _FLAGS]
    agreed = any(p.approved_by for p in account.plans if p.left)
    if "hardship" in account.flags and not agreed:
        found.append(Denied("hardship_review", _HOLDS["hardship_review"]))
    return found


def _of_pauses(pauses: Iterable[Pause], invoice_id: str) -> list[Denied]:
    return [
        Denied(p.reason, _HOLDS.get(p.reason, f"collections are paused: {p.reason}"))
        for p in pauses
        if p.invoice_id in ("", invoice_id)
    ]


def _of_item(account: Account, invoice_id: str, today: date, rules: Rules) -> list[Denied]:
    found = []
    if invoice_id in account.disputed_invoice_ids:
        found.append(Denied("dispute_open", _HOLDS["dispute_open"]))
    if broken_lately(account, today) >= rules.promises_broken_limit:
        found.append(Denied("two_broken_promises_agent_only", "two promises were broken in 90 days: agents only"))
    if any(p.status == "open" and p.invoice_id == invoice_id and p.on >= today for p in account.promises):
        found.append(Denied("promise_running", _HOLDS["promise_running"]))
    if (due_on := _oldest_due(account, invoice_id)) and today >= _years_after(due_on, rules.old_debt_years):
        found.append(Denied("old_debt", f"due on {due_on}, more than {rules.old_debt_years} years ago: agents only"))
    if _is_on_its_way(account, invoice_id):
        found.append(Denied("payment_pending", "a payment that covers what is due is on its way"))
    return found


def _is_on_its_way(account: Account, invoice_id: str) -> bool:
    """Do payments that are not decided yet cover the oldest part that is open?"""
    begun = sum(p.amount.minor for p in account.payments if p.status == "pending" and p.invoice_id == invoice_id)
    parts = sorted((i for p in account.plans if p.invoice_id == invoice_id for i in p.left), key=lambda i: i.due_on)
    invoice = account.invoice(invoice_id)
    owed = parts[0].amount if parts else invoice.balance if invoice is not None else None
    return begun > 0 and owed is not None and begun >= owed.minor


def broken_lately(account: Account, today: date) -> int:
    """Promises broken in the last 90 days."""
    return sum(p.status == "broken" and today - p.on <= BROKEN_WITHIN for p in account.promises)


def _oldest_due(account: Account, invoice_id: str) -> date | None:
    plans = [p for p in account.plans if p.invoice_id == invoice_id and p.left]
    if plans:
        return min(i.due_on for p in plans for i in p.left)
    invoice = account.invoice(invoice_id)
    return invoice.due_on if invoice is not None and invoice.balance else None


def _years_after(day: date, years: int) -> date:
    last = 28 if (day.month, day.day) == (2, 29) else day.day
    return day.replace(year=day.year + years, day=last)


# -- the address


def _address(o: Outreach, rules: Rules) -> Denied | None:
    _ = rules
    if not o.switched_on and o.channel != "call":
        return Denied("channel_off", f"{o.channel} is not set up")
    on_file = o.account.email if o.channel == "email" else o.account.phone
    if not on_file:
        return Denied("invalid_contact", "no such address is on file")
    if o.suppression == "invalid":
        return Denied("invalid_contact", "messages to this address do not arrive")
    if o.suppression:
        sms = o.channel != "email"
        return Denied("sms_opt_out" if sms else "contact_preference", f"the author opted out of {o.channel}")
    if not o.account.consents.get(o.channel, False):
        return Denied("no_consent", f"the author has not agreed to be reached by {o.channel}")
    if o.with_person:
        return Denied("with_a_person", "a person of ours has this conversation")
    return None


# -- the hours


def _hours(o: Outreach, rules: Rules) -> Denied | None:
    quiet = "outside the hours in which we write, on the author's clock"
    clocks = [o.now.astimezone(zone(name)) for name in _zones(o)]
    if any(not LAWFUL_FROM <= at.time() < LAWFUL_UNTIL for at in clocks):
        return Denied("quiet_hours", quiet, by_hours=True)
    if o.wished is not None:  # the author's own wish stands before the house's hours
        inside = all(o.wished.opens <= at.time() < o.wished.closes for at in clocks[:1])
        return None if inside else Denied("contact_preference", "the author asked for other hours", by_hours=True)
    opens, closes = time.fromisoformat(rules.quiet_until), time.fromisoformat(rules.quiet_from)
    if any(at.weekday() == SUNDAY or not opens <= at.time() < closes for at in clocks):
        return Denied("quiet_hours", quiet, by_hours=True)
    return None


def _zones(o: Outreach) -> list[str]:
    """Where the author may be: the address on file, and the number where it points elsewhere; never just the number."""
    address = o.account.timezone
    if o.channel == "email":
        return [address or o.home]
    if not address:
        return list(o.phone_zones) or [o.home]
    here = o.now.astimezone(zone(address)).utcoffset()
    same = any(o.now.astimezone(zone(z)).utcoffset() == here for z in o.phone_zones)
    return [address] if same else [address, *o.phone_zones]


def next_opening(o: Outreach, rules: Rules) -> datetime | None:
    """The first quarter of an hour after now in which the hours allow it; None if there is none in eight days."""
    at = o.now
    for _ in range(8 * 24 * 4):
        at += timedelta(minutes=15 - at.minute % 15, seconds=-at.second, microseconds=-at.microsecond)
        if _hours(_at(o, at), rules) is None:
            return at
    return None


def _at(o: Outreach, at: datetime) -> Outreach:
    return Outreach(
        kind=o.kind, channel=o.channel, account=o.account, invoice_id=o.invoice_id, now=at, wished=o.wished, home=o.home,
        phone_zones=o.phone_zones,
    )  # fmt: skip


# -- how often


def _frequency(o: Outreach, rules: Rules) -> Denied | None:
    lately = [c for c in o.account.contact_log if o.now - WEEK < c.at <= o.now]
    calls = [c for c in lately if c.channel == "call"]
    if o.channel == "call" and o.talked_at is not None and o.now - o.talked_at < WEEK:
        return Denied("seven_days_after_conversation", "we talked on the phone less than seven days ago")
    if o.channel == "call" and len(calls) >= rules.calls_per_week:
        return Denied("frequency_limit", f"{len(calls)} calls in seven days")
    if len(lately) >= rules.contacts_per_week:
        return Denied("frequency_limit", f"{len(lately)} contacts in seven days")
    if o.channel != "call" and _written_today(lately, o) >= rules.messages_per_day:
        return Denied("frequency_limit", "one message a day was written already")
    return None


def _written_today(lately: Iterable[ContactAttempt], o: Outreach) -> int:
    theirs = zone(o.account.timezone or o.home)
    today = o.now.astimezone(theirs).date()
    return sum(c.channel != "call" and c.at.astimezone(theirs).date() == today for c in lately)


def _placed(o: Outreach, rules: Rules) -> Denied | None:
    """Asked last, so that a call that may not be made at all is refused for its own reason."""
    _ = rules
    if o.channel == "call" and not o.switched_on:
        return Denied("channel_off", "the inbox places no calls itself; a person may call now")
    return None


_CHECKS: tuple[Callable[[Outreach, Rules], Denied | None], ...] = (_address, _hours, _frequency, _placed)
