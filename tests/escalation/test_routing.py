"""Due times: examples a person can check on a calendar, and properties against a slow, separate count."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inbox.escalation import routing
from inbox.message import Severity
from inbox.settings import Rules

RULES = Rules()
NEW_YORK = "America/New_York"


def ny(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK))


@pytest.mark.parametrize(
    ("opened", "severity", "due"),
    [
        ("2026-03-11 10:00", Severity.HIGH, "2026-03-11 10:30"),  # a Wednesday
        ("2026-03-14 23:50", Severity.HIGH, "2026-03-15 00:20"),  # Saturday night
        ("2026-03-11 10:00", Severity.NORMAL, "2026-03-11 14:00"),
        ("2026-03-11 15:30", Severity.NORMAL, "2026-03-12 11:30"),
        ("2026-03-11 07:00", Severity.NORMAL, "2026-03-11 13:00"),
        ("2026-03-13 16:00", Severity.NORMAL, "2026-03-16 12:00"),  # Friday to Monday
        ("2026-03-14 12:00", Severity.NORMAL, "2026-03-16 13:00"),
        ("2026-03-06 16:00", Severity.NORMAL, "2026-03-09 12:00"),  # clocks change between
        ("2026-03-11 10:00", Severity.LOW, "2026-03-12 10:00"),
        ("2026-03-14 12:00", Severity.LOW, "2026-03-16 17:00"),
    ],
)
def test_due_times(opened, severity, due):
    assert routing.due_at(ny(opened), severity, RULES, NEW_YORK) == ny(due)


@pytest.mark.parametrize("reason", sorted(routing.ALWAYS_HIGH))
def test_some_reasons_never_wait_for_business_hours(reason):
    opened = ny("2026-03-14 03:00")
    assert routing.due_at(opened, Severity.LOW, RULES, NEW_YORK, reason) == opened + timedelta(minutes=30)
    assert routing.severity_of(reason, Severity.LOW) is Severity.HIGH


MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)).map(
    lambda d: d.replace(second=0, microsecond=0)
)
ZONES = st.sampled_from([NEW_YORK, "Europe/Madrid", "America/Sao_Paulo", "Pacific/Auckland", "Asia/Kolkata", "UTC"])


def business_minutes(start: datetime, end: datetime, zone: str) -> int:
    """Counted minute by minute on the wall clock, as a person would."""
    count, at, there = 0, start, ZoneInfo(zone)
    while at < end:
        local = at.astimezone(there)
        count += local.weekday() < 5 and 9 <= local.hour < 17
        at += timedelta(minutes=1)
    return count


@settings(max_examples=60, deadline=None)
@given(opened=MOMENTS, zone=ZONES)
def test_normal_cases_get_exactly_four_business_hours(opened, zone):
    due = routing.due_at(opened, Severity.NORMAL, RULES, zone)
    local = due.astimezone(ZoneInfo(zone))
    assert business_minutes(opened, due, zone) == 4 * 60
    assert local.weekday() < 5
    assert (9, 0) < (local.hour, local.minute) <= (17, 0)


@settings(max_examples=40, deadline=None)
@given(opened=MOMENTS, zone=ZONES)
def test_low_cases_get_one_business_day(opened, zone):
    due = routing.due_at(opened, Severity.LOW, RULES, zone)
    assert business_minutes(opened, due, zone) == 8 * 60
    assert due - opened <= timedelta(days=3, hours=17)


@settings(max_examples=200, deadline=None)
@given(one=MOMENTS, other=MOMENTS, severity=st.sampled_from(list(Severity)), zone=ZONES)
def test_who_came_first_is_due_first(one, other, severity, zone):
    first, second = sorted((one, other))
    due = [routing.due_at(at, severity, RULES, zone) for at in (first, second)]
    assert due[0] <= due[1]
    assert first < due[0]
    assert due[0].utcoffset() == timedelta(0)


@given(opened=MOMENTS, zone=ZONES)
def test_urgent_is_never_later_than_normal_and_normal_never_later_than_low(opened, zone):
    high, normal, low = (routing.due_at(opened, s, RULES, zone) for s in (Severity.HIGH, Severity.NORMAL, Severity.LOW))
    assert high < normal < low


@pytest.mark.parametrize("text", ["", "9-17", "17:00-09:00", "09:00-09:00", "09:00", "nine to five"])
def test_unreadable_business_hours_name_the_setting(text):
    with pytest.raises(ValueError, match=r"rules\.business_hours"):
        routing.business_hours(text)


def test_each_team_has_its_channel_or_falls_back_to_billing():
    at = ny("2026-03-11 10:00")

    def to(reason, channels):
        return routing.route(reason, Severity.NORMAL, at, channels, RULES, NEW_YORK)

    all_teams = {"billing": "C1", "security": "C2", "royalties": "C3"}
    assert to("double_charge", all_teams).channel == "C1"
    assert to("payout_destination_change", all_teams).channel == "C2"
    assert to("royalty_dispute", all_teams).channel == "C3"
    assert to("privacy_request", all_teams) == routing.Destination(
        "privacy", "C1", Severity.NORMAL, ny("2026-03-11 14:00")
    )
    assert to("security_impersonation", {"billing": "C1"}).severity is Severity.HIGH


def test_a_case_that_gets_worse_is_never_turned_down():
    assert routing.raised(Severity.HIGH, Severity.LOW) is Severity.HIGH
    assert routing.raised(Severity.LOW, Severity.NORMAL) is Severity.NORMAL
