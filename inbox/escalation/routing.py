"""Where a case goes, how urgent it is, and by when a person answers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from inbox.escalation.reasons import PAYOUT_REASONS
from inbox.message import Severity
from inbox.settings import Rules

#: Whatever the words sounded like, these are urgent: harm, lost money, the law, or a stranger at the account.
ALWAYS_HIGH = frozenset(
    {
        "bankruptcy", "chargeback", "chargeback_threat", "estate", "hardship", "legal_representation",
        "payout_destination_change", "security_impersonation", "unrecognised_charge", "vulnerability_self_harm",
    }
)  # fmt: skip
_SECURITY = frozenset({"payout_destination_change", "security_impersonation"})
_RANK = {Severity.LOW: 0, Severity.NORMAL: 1, Severity.HIGH: 2}
_WORKDAYS = range(5)  # Monday to Friday


@dataclass(frozen=True, slots=True)
class Destination:
    team: str  # billing | royalties | security | privacy
    channel: str  # the desk's own id of the channel
    severity: Severity
    due_at: datetime


def route(
    reason: str,
    severity: Severity,
    opened_at: datetime,
    channels: Mapping[str, str],
    rules: Rules,
    company_timezone: str,
) -> Destination:
    """``channels`` maps teams to desk channels; ``billing`` must be there and takes what has no channel of its own."""
    team, urgency = team_of(reason), severity_of(reason, severity)
    due = due_at(opened_at, urgency, rules, company_timezone, reason)
    return Destination(team, channels.get(team) or channels["billing"], urgency, due)


def team_of(reason: str) -> str:
    if reason in _SECURITY:
        return "security"
    if reason == "privacy_request":
        return "privacy"
    return "royalties" if reason in PAYOUT_REASONS else "billing"


def severity_of(reason: str, severity: Severity) -> Severity:
    """The more urgent of what was understood and what the reason demands."""
    return Severity.HIGH if reason in ALWAYS_HIGH else severity


def raised(one: Severity, other: Severity) -> Severity:
    """The more urgent of two: a case that gets worse is never turned down."""
    return max(one, other, key=_RANK.__getitem__)


def due_at(opened_at: datetime, severity: Severity, rules: Rules, company_timezone: str, reason: str = "") -> datetime:
    """When a person must have answered, in UTC.

    High: minutes on the wall clock, day and night. Normal: hours of business time. Low: one whole business day.
    Raises ValueError if ``rules.business_hours`` cannot be read.
    """
    urgency = severity_of(reason, severity)
    if urgency is Severity.HIGH:
        return (opened_at + timedelta(minutes=rules.first_reply_high_minutes)).astimezone(UTC)
    opens, closes = business_hours(rules.business_hours)
    work = timedelta(hours=rules.first_reply_normal_hours)
    if urgency is Severity.LOW:
        work = datetime.combine(date.min, closes) - datetime.combine(date.min, opens)
    return _after(opened_at, work, (opens, closes), ZoneInfo(company_timezone))


def business_hours(text: str) -> tuple[time, time]:
    """``09:00-17:00`` as two times of one day. Raises ValueError."""
    start, _, end = text.partition("-")
    try:
        opens, closes = time.fromisoformat(start.strip()), time.fromisoformat(end.strip())
    except ValueError as error:
        raise ValueError(f"rules.business_hours is {text!r}; write it like 09:00-17:00") from error
    if opens >= closes:
        raise ValueError(f"rules.business_hours is {text!r}; it must end later on the day than it starts")
    return opens, closes


def _after(opened_at: datetime, work: timedelta, hours: tuple[time, time], zone: ZoneInfo) -> datetime:
    """The moment at which ``work`` of business time has passed since ``opened_at``."""
    left = work
    for start, end in _shifts(opened_at.astimezone(zone).date(), hours, zone):
        begin = max(start, opened_at)
        if begin < end:
            if left <= end - begin:
                return (begin + left).astimezone(UTC)
            left -= end - begin
    raise AssertionError("workdays never end")


def _shifts(first: date, hours: tuple[time, time], zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """Business hours in UTC from that day on; in UTC, so that a clock change cannot stretch one."""
    on = first
    while True:
        if on.weekday() in _WORKDAYS:
            opens, closes = (datetime.combine(on, t, zone).astimezone(UTC) for t in hours)
            yield opens, closes
        on += timedelta(days=1)
