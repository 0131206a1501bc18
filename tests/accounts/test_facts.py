"""What may be said of an account: by level, with its proof, never from figures that contradict one another."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.accounts.facts import (
    FACTS,
    LEVELS,
    SILENCING_FLAGS,
    Fact,
    StepUp,
    plain,
    rows,
    sheet,
)
from inbox.accounts.factsheet import business_days_after, contradiction
from inbox.disclosure.table import lowest
from inbox.money import Money
from inbox.settings import Company
from inbox.templates.catalog import load
from inbox.templates.render import Part, render
from tests.accounts.facts_cast import (
    NOW,
    account,
    ask,
    full,
    has_money,
    held,
    invoice,
    plan,
    told,
    two_invoices,
    usd,
)


class TestGate:
    @pytest.mark.parametrize("name", sorted(FACTS))
    @pytest.mark.parametrize("flag", sorted(SILENCING_FLAGS))
    def test_after_some_news_nothing_is_said_about_money(self, name, flag):
        assert held(name, account(flags=(flag,))) == SILENCING_FLAGS[flag]

    @pytest.mark.parametrize("name", sorted(FACTS))
    def test_below_its_level_no_answer_gives_facts(self, name):
        for level in range(LEVELS[name]):
            assert FACTS[name](account(), ask(level)) == StepUp(LEVELS[name])

    @pytest.mark.parametrize("name", sorted(FACTS))
    def test_old_figures_are_not_told(self, name):
        old = replace(account(), as_of=NOW - timedelta(minutes=61))
        assert held(name, old) == "figures_stale"

    def test_figures_of_an_hour_are_young_enough(self):
        told("account_balance", replace(account(), as_of=NOW - timedelta(minutes=60)), ask())

    def test_other_flags_do_not_silence(self):
        told("account_balance", account(flags=("vip", "hardship")), ask())

    @pytest.mark.parametrize("name", sorted(FACTS))
    def test_facts_are_those_the_answer_knows(self, name):
        outcome = FACTS[name](full(), ask())
        assert isinstance(outcome, dict)
        known = load().spec(name).facts
        for fact in outcome.values():
            if fact.name in known and fact.value is not None:
                assert known[fact.name].fits(fact.value), fact
            assert fact.source.startswith("ledger:A-1")
            assert fact.as_of == full().as_of

    @pytest.mark.parametrize("name", sorted(FACTS))
    @pytest.mark.parametrize("level", [1, 2])
    def test_what_is_told_can_be_written_in_every_language_and_channel(self, name, level):
        asked = ask(level, payment_ids=("P-2",), refund_ids=("RF-1",), withdrawal_ids=("WD-1",))
        outcome = FACTS[name](full(), asked)
        if isinstance(outcome, StepUp):
            return
        assert isinstance(outcome, dict)
        facts = {**plain(outcome), "link": "https://pay.example/x"}
        for language in ("en", "es", "pt"):
            for channel in ("chat", "email", "sms", "voice"):
                bundle = load().bundle(name, language)
                assert render([Part(name, bundle, facts)], channel, language, Company()).text


class TestContradictions:
    CASES = (
        ("outstanding is a cent more than the invoices", {"outstanding": usd("300.01")}),
        ("outstanding is a cent less than the invoices", {"outstanding": usd("299.99")}),
        (
            "balance is not total less paid",
            {"invoices": (replace(invoice(1, "500.00", "200.00"), paid=usd("200.01")),)},
        ),
        ("the schedule has a cent too much", {"plans": (plan(1, ("2026-04-20", "300.01", "scheduled")),)}),
        ("the schedule has a cent too little", {"plans": (plan(1, ("2026-04-20", "299.99", "scheduled")),)}),
        ("two plans bill the same part", {"plans": (*account().plans, plan(1, ("2026-04-20", "100.00", "scheduled")))}),
        ("currencies are mixed", {"outstanding": Money.of("300.00", "EUR")}),
    )

    @pytest.mark.parametrize(("why", "change"), CASES, ids=[c[0] for c in CASES])
    @pytest.mark.parametrize("name", ["account_balance", "amount_due", "make_payment", "payment_plan"])
    def test_no_figure_from_a_record_that_contradicts_itself(self, name, why, change):
        assert held(name, account(**change)) == "figures_contradict"

    def test_a_sound_record_is_told(self):
        assert contradiction(account()) is None
        assert contradiction(two_invoices()) is None

    def test_a_void_invoice_does_not_count(self):
        void = replace(invoice(3, "40.00"), status="void", balance=usd("0"))
        assert contradiction(account(invoices=(*account().invoices, void))) is None

    @given(st.integers(1, 10**7), st.integers(1, 12), st.integers(-3, 3))
    def test_to_the_cent_whatever_the_amount(self, total, parts, off):
        amounts = usd("0").__class__(total).split(parts)
        schedule = [("2026-05-20", str(a), "scheduled") for a in amounts]
        whole = account(
            outstanding=Money(total + off), invoices=(invoice(1, str(Money(total))),), plans=(plan(1, *schedule),)
        )  # fmt: skip
        assert (contradiction(whole) is None) == (off == 0)


class TestLevels:
    def test_the_gate_of_the_facts_is_that_of_the_table(self):
        assert {name: lowest(name) for name in FACTS} == dict(LEVELS)
        assert LEVELS["account_balance"] == LEVELS["royalty_balance"] == 2
        assert LEVELS["refund_status"] == LEVELS["amount_due"] == 1

    NO_AMOUNT_AT_ONE = (
        ("refund_status", {"refund_ids": ("RF-1",)}),
        ("royalty_withdrawal_status", {"withdrawal_ids": ("WD-1",)}),
        ("invoice_copy", {"payment_ids": ("P-2",)}),
        ("update_payment_method", {}),
    )

    @pytest.mark.parametrize(("name", "entities"), NO_AMOUNT_AT_ONE)
    def test_some_answers_have_no_amount_below_level_two(self, name, entities):
        facts = told(name, full(), ask(1, **entities))
        assert not any(has_money(v) for v in facts.values())

    @pytest.mark.parametrize("name", sorted(n for n, level in LEVELS.items() if level == 1))
    def test_level_one_never_tells_a_total_a_method_or_royalties(self, name):
        secret = {usd("300.00"), usd("500.00"), usd("120.50"), usd("75.00"), usd("15.00")}
        asked = ask(1, payment_ids=("P-2",), refund_ids=("RF-1",), withdrawal_ids=("WD-1",))
        for which in (asked, ask(1)):
            outcome = FACTS[name](full(), which)
            if isinstance(outcome, dict):
                values = list(plain(outcome).values())
                assert not [v for v in values if isinstance(v, Money) and v in secret]
                assert not [v for v in values if isinstance(v, str) and ("••" in v or "9911" in v)]


class TestValues:
    def test_a_fact_cannot_be_changed(self):
        fact = Fact("amount", usd("1"), "ledger:A-1", NOW)
        with pytest.raises(AttributeError):
            fact.value = usd("2")  # type: ignore[misc]  # that is the point
        (row,) = rows([{"id": "x"}])
        with pytest.raises(TypeError):
            row["id"] = "y"  # type: ignore[index]  # that is the point

    def test_a_sheet_names_its_record(self):
        fact = sheet(account(), "INV-1", amount=usd("5"))["amount"]
        assert fact == Fact("amount", usd("5"), "ledger:A-1/INV-1", account().as_of)

    @pytest.mark.parametrize(
        ("start", "count", "end"),
        [
            ("2026-04-16", 1, "2026-04-17"),
            ("2026-04-17", 1, "2026-04-20"),
            ("2026-04-18", 1, "2026-04-20"),
            ("2026-04-10", 10, "2026-04-24"),
        ],
    )
    def test_business_days(self, start, count, end):
        assert business_days_after(date.fromisoformat(start), count) == date.fromisoformat(end)

    def test_the_same_question_has_the_same_answer(self):
        for name in FACTS:
            assert FACTS[name](full(), ask()) == FACTS[name](full(), ask())
