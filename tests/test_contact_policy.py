"""May we remind, on this channel, at this hour: each brake alone, its edge to the minute, and which one is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from inbox.accounts.base import Account, ContactAttempt, Dispute
from inbox.contact_policy import Hours, Outreach, Pause, may_remind, may_write, next_opening, stop_of
from inbox.receivables.reaching import zones_of
from inbox.settings import Rules
from tests.receivables.world import LATE, promise
from tests.world import money

RULES = Rules()
DENVER = ZoneInfo("America/Denver")
WEDNESDAY = datetime(2026, 3, 11, 17, 0, tzinfo=UTC)  # 11:00 in Denver, three days after the clocks changed


def outreach(at: datetime = WEDNESDAY, account: Account = LATE, **more: Any) -> Outreach:
    base: dict[str, Any] = {"kind": "past_due_reminder", "channel": "sms", "invoice_id": "INV-300", **more}
    return Outreach(account=account, now=at.astimezone(UTC), **base)


def denied(*args: Any, **more: Any) -> str:
    found = may_remind(outreach(*args, **more), RULES)
    return found.reason if found else ""


def local(hour: int, minute: int = 0, day: int = 11, second: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, second, tzinfo=DENVER)


def contacts(*ago: tuple[float, str]) -> Account:
    log = tuple(ContactAttempt(at=WEDNESDAY - timedelta(days=d), channel=c, outcome="sent") for d, c in ago)
    return replace(LATE, contact_log=log)


def test_a_free_author_at_a_good_hour():
    assert denied() == ""


@pytest.mark.parametrize(
    ("at", "reason"),
    [(local(8, 59, second=59), "quiet_hours"), (local(9), ""), (local(19, 59, second=59), ""), (local(20), "quiet_hours"),
     (local(11, day=15), "quiet_hours"), (local(11, day=14), "")],
)  # fmt: skip
def test_from_nine_to_eight_and_never_on_a_sunday(at, reason):
    assert denied(at) == reason


class TestWhereTheyAre:
    """A Chicago number living in Honolulu: the overlap, never the area code alone."""

    hawaii = replace(LATE, timezone="Pacific/Honolulu", phone="+13125550100")

    @pytest.mark.parametrize(("hour_utc", "reason"), [(18, "quiet_hours"), (19, ""), (24, ""), (25, "quiet_hours")])
    def test_the_overlap(self, hour_utc, reason):
        at = datetime(2026, 3, 11, tzinfo=UTC) + timedelta(hours=hour_utc)
        assert denied(at, self.hawaii, phone_zones=zones_of(self.hawaii.phone)) == reason

    def test_a_mail_goes_by_the_address_alone(self):
        at = datetime(2026, 3, 12, 3, 0, tzinfo=UTC)  # 17:00 in Honolulu, 22:00 in Chicago
        assert denied(at, self.hawaii, channel="email", phone_zones=zones_of(self.hawaii.phone)) == ""

    def test_a_number_that_may_be_anywhere_says_nothing(self):
        assert zones_of("+18005550100") == ()
        assert zones_of("no number") == ()

    def test_a_number_of_the_same_clock_changes_nothing(self):
        assert denied(local(9), phone_zones=("America/Denver", "America/Boise")) == ""

    def test_without_an_address_the_number_then_the_company(self):
        nowhere = replace(LATE, timezone="")
        at = datetime(2026, 3, 11, 14, 30, tzinfo=UTC)  # 10:30 in New York, 8:30 in Denver
        assert denied(at, nowhere, phone_zones=("America/Denver",)) == "quiet_hours"
        assert denied(at, nowhere, home="America/New_York") == ""


class TestWishes:
    evening = Hours(time(17), time(19))

    @pytest.mark.parametrize(
        ("hour", "reason"), [(11, "contact_preference"), (17, ""), (18, ""), (19, "contact_preference")]
    )
    def test_the_authors_hours_stand_before_the_houses(self, hour, reason):
        assert denied(local(hour), wished=self.evening) == reason

    def test_a_wish_may_open_a_sunday_and_a_later_evening_but_not_the_night(self):
        late = Hours(time(20), time(23))
        assert denied(local(20, 30), wished=late) == ""
        assert denied(local(21), wished=late) == "quiet_hours"
        assert denied(local(18, day=15), wished=self.evening) == ""


class TestHowOften:
    def test_three_in_seven_days(self):
        assert denied(account=contacts((1, "sms"), (2, "email"), (3, "call"))) == "frequency_limit"
        assert denied(account=contacts((1, "sms"), (2, "email"), (7, "call"))) == ""

    def test_two_calls_in_seven_days(self):
        assert (
            denied(account=contacts((2, "call"), (4, "call")), channel="call", kind="past_due_call")
            == "frequency_limit"
        )
        assert denied(account=contacts((2, "call"), (4, "call"))) == ""

    def test_one_message_a_day_on_the_authors_calendar(self):
        assert denied(account=contacts((0.1, "email"))) == "frequency_limit"
        assert denied(account=contacts((0.1, "call"))) == ""
        assert denied(account=contacts((0.5, "email"))) == ""  # 23:00 of the day before

    @pytest.mark.parametrize(("days", "reason"), [(6.99, "seven_days_after_conversation"), (7, "channel_off")])
    def test_no_call_for_seven_days_after_a_talk(self, days, reason):
        talked = WEDNESDAY - timedelta(days=days)
        assert denied(channel="call", kind="past_due_call", talked_at=talked, switched_on=False) == reason
        assert denied(talked_at=talked) == ""  # a text is no call


class TestAddress:
    @pytest.mark.parametrize(
        ("more", "reason"),
        [({"suppression": "opt_out"}, "sms_opt_out"), ({"suppression": "invalid"}, "invalid_contact"),
         ({"suppression": "opt_out", "channel": "email"}, "contact_preference"), ({"with_person": True}, "with_a_person"),
         ({"switched_on": False}, "channel_off")],
    )  # fmt: skip
    def test_what_stands_in_the_way(self, more, reason):
        assert denied(**more) == reason

    def test_without_consent_or_address(self):
        assert denied(account=replace(LATE, consents={"email": True})) == "no_consent"
        assert denied(account=replace(LATE, phone="")) == "invalid_contact"


class TestStops:
    @pytest.mark.parametrize(
        ("flag", "reason"),
        [("self_harm_cue", "self_harm_cue"), ("deceased_reported", "deceased_reported"), ("bankruptcy", "bankruptcy"),
         ("attorney_represented", "attorney_represented"), ("written_cease_request", "written_cease_request"),
         ("fraud", "security_hold"), ("hardship", "hardship_review"), ("vip", "")],
    )  # fmt: skip
    def test_flags(self, flag, reason):
        assert denied(account=replace(LATE, flags=(flag,))) == reason

    def test_hardship_ends_with_the_plan_that_was_agreed(self):
        agreed = replace(LATE, flags=("hardship",), plans=(replace(LATE.plans[0], approved_by="noor"),))
        assert denied(account=agreed) == ""

    @pytest.mark.parametrize(("invoice", "reason"), [("INV-300", "dispute_open"), ("", "dispute_open"), ("INV-1", "")])
    def test_a_pause_of_this_invoice_or_of_everything(self, invoice, reason):
        assert denied(pauses=(Pause(invoice, "dispute_open"),)) == reason

    def test_an_open_dispute_and_a_closed_one(self):
        dispute = Dispute(
            id="D",
            invoice_id="INV-300",
            amount=money("1"),
            reason="",
            opened_on=date(2026, 3, 1),
            status="needs_response",
        )
        assert denied(account=replace(LATE, disputes=(dispute,))) == "dispute_open"
        assert denied(account=replace(LATE, disputes=(replace(dispute, status="withdrawn"),))) == ""

    @pytest.mark.parametrize(("on", "reason"), [(date(2026, 3, 11), "promise_running"), (date(2026, 3, 10), "")])
    def test_a_running_promise_until_its_day_is_over(self, on, reason):
        assert denied(account=replace(LATE, promises=(promise(on=on),))) == reason

    def test_its_own_reminder_is_not_stopped_by_it(self):
        account = replace(LATE, promises=(promise(),))
        assert denied(account=account, kind="promise_reminder", pauses=(Pause("INV-300", "promise_running"),)) == ""
        assert denied(account=replace(account, flags=("bankruptcy",)), kind="promise_reminder") == "bankruptcy"

    @pytest.mark.parametrize(
        ("first", "reason"), [(date(2025, 12, 11), "two_broken_promises_agent_only"), (date(2025, 12, 10), "")]
    )
    def test_two_broken_in_ninety_days(self, first, reason):
        broken = tuple(promise(f"PR-{n}", on, status="broken") for n, on in enumerate((first, date(2026, 3, 2))))
        assert denied(account=replace(LATE, promises=broken)) == reason

    def test_old_debt_is_for_agents(self):
        def due(on: date) -> Account:
            first, second, *rest = LATE.plans[0].instalments
            return replace(
                LATE, plans=(replace(LATE.plans[0], instalments=(first, replace(second, due_on=on), *rest)),)
            )

        assert denied(account=due(date(2023, 3, 11))) == "old_debt"
        assert denied(account=due(date(2023, 3, 12))) == ""

    def test_the_gravest_reason_is_the_one_that_is_told(self):
        account = replace(LATE, flags=("hardship", "bankruptcy"), promises=(promise(),), consents={})
        assert denied(local(3), account, suppression="opt_out", pauses=(Pause("", "dispute_open"),)) == "bankruptcy"

    def test_without_an_invoice_only_what_stops_everything_counts(self):
        account = replace(LATE, promises=(promise(),))
        assert stop_of(account, (Pause("INV-300", "dispute_open"),), "", date(2026, 3, 11), RULES) is None


class TestNextOpening:
    def test_the_next_morning_and_after_a_sunday_the_monday(self):
        assert next_opening(outreach(local(21)), RULES) == local(9, day=12)
        assert next_opening(outreach(local(20, 7, day=14)), RULES) == local(9, day=16)

    def test_the_authors_own_hour(self):
        assert next_opening(outreach(local(11), wished=Hours(time(17), time(19))), RULES) == local(17)

    def test_never_the_moment_itself_so_that_nothing_is_asked_again_at_once(self):
        assert next_opening(outreach(local(11)), RULES) == local(11, 15)

    def test_only_what_the_hours_refuse_may_be_later(self):
        for o, later in (
            (outreach(local(21)), True),
            (outreach(local(11), wished=Hours(time(17), time(19))), True),
            (outreach(local(11), suppression="opt_out", channel="email"), False),
        ):
            refused = may_remind(o, RULES)
            assert refused is not None
            assert refused.by_hours is later

    def test_hours_that_never_come(self):
        assert next_opening(outreach(local(11), wished=Hours(time(22), time(23))), RULES) is None


def test_receipts_go_by_mail_after_an_opt_out_of_reminders_but_reminders_do_not():
    assert may_write("notice", "email", "opt_out") is None
    for purpose, channel, reason in (
        ("reminder", "email", "contact_preference"),
        ("reminder", "sms", "sms_opt_out"),
        ("notice", "sms", "sms_opt_out"),
    ):
        found = may_write(purpose, channel, "opt_out")
        assert found is not None
        assert found.reason == reason
