"""The card: a golden one read as text, the evidence per reason, and what must never be on it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from inbox.accounts.base import Promise
from inbox.escalation import card, contested
from inbox.escalation.base import TranscriptEntry
from inbox.escalation.reasons import REASONS, reason_of
from tests.escalation.world import NOW, account, chargeback, facts, paid, refund, usd

GOLDEN = Path(__file__).parent / "golden_card.txt"


def read_aloud(built) -> str:
    """The card as a person would read it from top to bottom."""
    rows = [
        f"CASE {built.number} {built.status} {built.severity} {built.reason}",
        built.headline,
        f"due {built.due_at:%a %Y-%m-%d %H:%M}",
        f"> {built.quote}",
        f"{built.author_name} | {built.proof} | {built.local_time} | {built.language} by {built.channel}",
        f"reply by {', '.join(built.reply_channels)} | flags: {', '.join(built.flags)}",
    ]
    for title in ("who", "money", "contested", "royalties"):
        rows.append(title.upper())
        rows += [f"  {'! ' if x.warn else ''}{x.label}: {x.value}" for x in getattr(built, title)]
    rows += ["HISTORY", *(f"  {e.who}: {e.text}" for e in built.history)]
    rows += ["DID", *(f"  {x}" for x in built.bot_did), "WITHHELD", *(f"  {x}" for x in built.bot_withheld)]
    rows += ["NEXT", *(f"  {x}" for x in built.next_steps)]
    return "\n".join(rows) + "\n"


def value(lines, label) -> str:
    return next(x.value for x in lines if x.label == label)


def test_the_card_reads_well():
    built = card.build(facts(invoice_ids=("INV-311",), amounts=(usd("64.00"),)), account(refunds=(refund(),)), NOW)
    assert read_aloud(built) == GOLDEN.read_text(encoding="utf-8")


def test_two_captured_payments_are_the_evidence_even_when_nothing_was_named():
    built = card.build(facts(), account(), NOW)
    verdict = next(x for x in built.contested if x.label == "Charged twice?")
    assert value(built.money, "Disputed part") == "64.00 USD (INV-311, payment P-73)"
    assert verdict.warn
    assert "2 captured" in verdict.value
    assert "P-72" in verdict.value
    assert "P-73" in verdict.value
    assert "INV-311" in built.headline
    assert any("P-73" in step for step in built.next_steps)


def test_a_refund_that_is_under_way_is_not_asked_for_again():
    steps = card.build(facts(), account(refunds=(refund(),)), NOW).next_steps
    assert steps[0] == "RF-8 already gives 64.00 USD back: tell the author, do not refund again."


def test_one_captured_and_one_pending_is_no_double_charge():
    payments = (paid("P-1", date(2026, 3, 9), "64.00"), paid("P-2", date(2026, 3, 9), "64.00", "pending"))
    built = card.build(facts(), account(payments=payments), NOW)
    verdict = next(x for x in built.contested if x.label == "Charged twice?")
    assert not verdict.warn
    assert "not captured twice" in verdict.value
    assert "pending for 2 days" in verdict.value


def test_an_authorisation_older_than_a_week_is_a_warning():
    payments = (paid("P-1", date(2026, 3, 1), "64.00"), paid("P-2", date(2026, 3, 1), "64.00", "pending"))
    built = card.build(facts(), account(payments=payments), NOW)
    assert next(x for x in built.contested if x.label == "Charged twice?").warn


def test_instalments_of_one_amount_are_not_a_pair():
    months = tuple(paid(f"P-{m}", date(2026, m, 5), "83.50", invoice="INV-312") for m in (1, 2, 3))
    found = contested.find("double_charge", (), (), (), account(payments=months))
    assert found.pair == ()
    steps = card.build(facts(), account(payments=months), NOW).next_steps
    assert any("one payment only" in step for step in steps)


def test_the_amount_the_author_named_decides_between_two_pairs():
    payments = (
        paid("P-1", date(2026, 3, 1), "20.00"),
        paid("P-2", date(2026, 3, 2), "20.00"),
        paid("P-3", date(2026, 3, 8), "64.00", invoice="INV-312"),
        paid("P-4", date(2026, 3, 9), "64.00", invoice="INV-312"),
    )
    found = contested.find("double_charge", (), (), (usd("20.00"),), account(payments=payments))
    assert [p.id for p in found.pair] == ["P-1", "P-2"]


def test_a_named_invoice_limits_the_search():
    found = contested.find("double_charge", ("INV-312",), (), (), account())
    assert found.pair == ()
    assert [i.id for i in found.invoices] == ["INV-312"]


def test_a_payment_id_leads_to_its_invoice():
    found = contested.find("wrong_amount", (), ("P-74",), (), account())
    assert [i.id for i in found.invoices] == ["INV-312"]


def test_an_amount_alone_is_marked_as_a_guess():
    built = card.build(facts(reason="refund_request", amounts=(usd("64.00"),)), account(), NOW)
    assert built.contested[0].label == "Invoice INV-311 (our guess)"


def test_a_chargeback_shows_its_deadline_first():
    built = card.build(facts(reason="chargeback", proof="L0: unknown"), account(disputes=(chargeback(),)), NOW)
    line = next(x for x in built.contested if x.label == "Chargeback (visa)")
    assert "respond by Wed 2026-03-18, 7 days left" in line.value
    assert "P-72" in line.value
    assert "Answer chargeback dp-41 by Wed 2026-03-18, 7 days left." in built.next_steps
    assert any("Do not refund" in step for step in built.next_steps)
    assert "64.00 USD (INV-311, dp-41)" in value(built.money, "Disputed part")


def test_an_overdue_chargeback_says_so():
    dispute = chargeback(respond_by=date(2026, 3, 9))
    built = card.build(facts(reason="chargeback"), account(disputes=(dispute,)), NOW)
    assert "2 days overdue" in next(x.value for x in built.contested if x.label.startswith("Chargeback"))


def test_closed_chargebacks_are_history_and_no_alarm():
    built = card.build(
        facts(reason="complaint", invoice_ids=("INV-311",)), account(disputes=(chargeback(status="won"),)), NOW
    )
    line = next(x for x in built.contested if x.label == "Chargeback (visa)")
    assert not line.warn
    assert "left" not in line.value.split("respond by")[1]


def test_past_due_counts_failed_instalments_and_late_invoices_once():
    late = account().invoices[0].__class__(
        id="INV-9", description="Late fee", issued_on=date(2026, 2, 1), due_on=date(2026, 2, 20), total=usd("10.00"),
        paid=usd("0.00"), balance=usd("10.00"), status="open",
    )  # fmt: skip
    whole = account(invoices=(*account().invoices, late))
    assert card.past_due(whole, date(2026, 3, 11)) == usd("93.50")
    assert card.past_due(whole, date(2026, 2, 1)) == usd("83.50")  # failed counts at once


def test_money_lines_are_complete():
    money = card.build(facts(), account(), NOW).money
    assert value(money, "Outstanding") == "250.50 USD"
    assert value(money, "Past due") == "83.50 USD"
    assert value(money, "Next due") == "83.50 USD on Sun 2026-04-05 (instalment 3 of 4, INV-312)"
    assert value(money, "Plan") == "1 of 4 paid, INV-312, failed: no. 2, next retry Fri 2026-03-13"
    assert value(money, "Promise open") == "83.50 USD by Tue 2026-03-17 for INV-312"
    assert "failed, soft decline (insufficient_funds)" in value(money, "Payment P-74")


def test_broken_promises_are_shown_with_their_dates():
    promises = tuple(
        Promise(
            id=f"PR-{n}", invoice_id="INV-312", amount=usd("83.50"), on=on, status="broken", made_on=on - timedelta(9)
        )
        for n, on in enumerate([date(2026, 2, 3), date(2026, 2, 20), date(2026, 3, 6)])
    )
    money = card.build(facts(reason="promise_broken_twice"), account(promises=promises), NOW).money
    broken = [x.value for x in money if x.label == "Promise broken"]
    assert broken == ["83.50 USD by Fri 2026-02-20 for INV-312", "83.50 USD by Fri 2026-03-06 for INV-312"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [("insufficient_funds", "soft"), ("R01", "soft"), ("expired_card", "hard"), ("R02", "hard"), ("", "unknown")],
)
def test_decline_classes(code, kind):
    assert card.decline_class(code) == kind


def test_without_an_account_the_card_says_so_and_stays_short():
    built = card.build(facts(author_name=""), None, NOW)
    assert built.who[0].value == "none found for this contact"
    assert built.money == built.contested == built.royalties == ()
    assert "Find the account first" in built.next_steps[0]


@pytest.mark.parametrize(
    ("proof", "hint"), [("", "Not proven"), ("L0: unknown address", "Not proven"), ("L1: text", "Only L1")]
)
def test_the_first_step_follows_the_proof(proof, hint):
    assert card.build(facts(proof=proof), account(), NOW).next_steps[0].startswith(hint)


def test_local_time_is_the_authors_and_absent_when_the_zone_is_unknown():
    assert card.build(facts(), account(), NOW).local_time == "Wed 09:00 in America/Denver"
    assert card.build(facts(), account(timezone="Mars/Olympus"), NOW).local_time == ""


def test_only_the_last_ten_messages_are_shown():
    many = tuple(TranscriptEntry(kind="author", who="P", text=str(n), at=NOW, key=str(n)) for n in range(30))
    assert [e.text for e in card.build(facts(transcript=many), account(), NOW).history] == [
        str(n) for n in range(20, 30)
    ]


@pytest.mark.parametrize("code", [*sorted(REASONS), "something_new", ""])
def test_every_reason_has_a_headline_in_plain_words(code):
    headline = reason_of(code).headline
    assert headline
    assert "_" not in headline
    assert card.build(facts(reason=code), account(), NOW).headline.startswith(headline)


@pytest.mark.parametrize(
    ("url", "link"),
    [
        ("", ""),
        ("https://inbox.example/a/1", "https://inbox.example/a/1#P-74"),
        ("https://inbox.example/a/1#account", "https://inbox.example/a/1#account"),
    ],
)
def test_records_are_linked(url, link):
    money = card.build(facts(account_url=url), account(), NOW).money
    assert next(x.url for x in money if x.label == "Payment P-74") == link


def test_the_card_has_no_email_phone_or_address_of_the_account():
    text = repr(card.build(facts(), account(), datetime.fromisoformat("2026-03-11T15:00:00+00:00")))
    assert "philippa@stroud.example" not in text
    assert "+15555550123" not in text
