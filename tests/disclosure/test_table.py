"""Every cell of the table through ``decide``: what may be told is told, and nothing else ever is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inbox.decide import Decision, Situation, decide
from inbox.disclosure import document, table
from inbox.disclosure.table import LEVELS, ROWS, Act, permitted, question
from inbox.intents.understanding import Entities, Understanding
from inbox.message import CHANNELS, ChannelName, Route
from inbox.money import Money
from tests.accounts.facts_cast import NOW, full, usd
from tests.disclosure.cells import ASKED, every_intent_has_a_row, taught

#: What level 1 must never hear, of the account of ``full``: total, royalties, withdrawal, refund, methods.
SECRET = {usd("300.00"), usd("500.00"), usd("120.50"), usd("10.00"), usd("3.20"), usd("75.00"), usd("15.00")}


def situation(asked: str, level: int, channel: ChannelName, *, known: bool) -> Situation:
    lesson = taught(asked)
    read = Understanding(
        text="words", language="en", intents=lesson["intents"], route=lesson["route"],
        findings=(lesson["finding"],) if lesson["finding"] else (), entities=Entities(**lesson["entities"]),
        wishes=frozenset(lesson["wishes"]),
    )  # fmt: skip
    account = full(promises=()) if known else None
    return Situation(
        read=read, channel=channel, level=level, now=NOW, account=account, fresh_code=True, purpose="withdraw"
    )


def values(decision: Decision) -> list[Any]:
    return [fact.value for reply in decision.replies for fact in reply.facts.values()]


def flat(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [x for v in value for x in flat(v)]
    return [x for v in value.values() for x in flat(v)] if hasattr(value, "values") else [value]


def told(decision: Decision) -> list[Any]:
    return [v for value in values(decision) for v in flat(value)]


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("asked", ASKED)
def test_a_cell(asked: str, level: int, channel: ChannelName) -> None:
    act = permitted(asked, level, channel)
    decision = decide(situation(asked, level, channel, known=True))
    money = [v for v in told(decision) if isinstance(v, Money)]
    masked = [v for v in told(decision) if isinstance(v, str) and ("••" in v or "4242" in v)]
    done = [e.kind for e in decision.effects]
    match act:
        case Act.FACTS:
            assert decision.route is Route.ANSWER
            assert told(decision)
        case Act.PARTIAL:
            assert told(decision)
            assert not SECRET & set(money)
            assert not masked
        case Act.LINK:
            assert decision.kind == "link"
            assert not masked
        case Act.POLICY:
            assert not told(decision)
            assert decision.replies
            assert not decision.code_for
        case Act.DO:
            assert done == ["opt_out"]
            assert not told(decision)
        case Act.STEP_UP:
            assert decision.kind == "otp_prompt"
            assert decision.code_for == "read"
            assert not decision.replies
        case Act.REFUSE:
            assert decision.kind == "refusal"
            assert done == ["security_event"]
            assert not told(decision)
        case Act.CASE:
            assert decision.person is not None
            assert decision.route is (Route.VERIFY_FIRST if "change" in asked else Route.ESCALATE)
    if act is not Act.CASE:
        assert decision.person is None
    if not act.tells:
        assert "withdrawal" not in done
        assert "promise" not in done


@pytest.mark.parametrize("channel", CHANNELS)
@pytest.mark.parametrize("asked", ASKED)
def test_nothing_of_an_account_is_told_without_one(asked: str, channel: ChannelName) -> None:
    decision = decide(situation(asked, 0, channel, known=False))
    assert not told(decision)
    assert {e.kind for e in decision.effects} <= {
        "opt_out",
        "security_event",
        "flag",
    }  # a flag needs an account to land on


def test_every_intent_is_in_the_table_once() -> None:
    assert every_intent_has_a_row()
    assert len({row.asked for row in ROWS}) == len(ROWS)


def test_what_has_no_row_is_not_open() -> None:
    with pytest.raises(KeyError):
        permitted("something_new", 2, "chat")


def test_no_cell_opens_less_to_somebody_who_proves_more() -> None:
    rank = {
        Act.REFUSE: 0,
        Act.STEP_UP: 1,
        Act.POLICY: 1,
        Act.DO: 1,
        Act.CASE: 1,
        Act.LINK: 2,
        Act.PARTIAL: 2,
        Act.FACTS: 3,
    }
    for row in ROWS:
        for channel in CHANNELS:
            cells = [rank[row.act(level, channel)] for level in LEVELS]
            assert cells == sorted(cells), row.asked


def test_nothing_is_told_at_level_nought_and_no_total_at_one() -> None:
    for row in ROWS:
        for channel in CHANNELS:
            assert not row.act(0, channel).tells
            assert row.act(1, channel) is not Act.FACTS
            assert row.act(3, channel) is row.act(2, channel)


@pytest.mark.parametrize(("intent", "entities", "row"), [
    ("refund_status", Entities(), "refund_status"),
    ("refund_status", Entities(refund_ids=("RF-1",)), "refund_status (id quoted)"),
    ("royalty_withdrawal_status", Entities(withdrawal_ids=("WD-1",)), "royalty_withdrawal_status (id quoted)"),
    ("invoice_copy", Entities(payment_ids=("P-1",)), "invoice_copy (id quoted)"),
    ("invoice_copy", Entities(invoice_ids=("INV-1",)), "invoice_copy"),
    ("payment_plan", Entities(), "payment_plan (in general)"),
    ("payment_plan", Entities(month=4), "payment_plan"),
    ("account_balance", Entities(invoice_ids=("INV-1",)), "account_balance"),
])  # fmt: skip
def test_the_words_choose_the_row(intent: str, entities: Entities, row: str) -> None:
    assert question(intent, entities) == row


def test_the_document_shows_the_table_as_it_is() -> None:
    text = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert document.put_into(text) == text, "run: python tools/security_table.py"
    with pytest.raises(ValueError, match="needs the lines"):
        document.put_into("no marks")


def test_the_document_differs_when_a_cell_does(monkeypatch: pytest.MonkeyPatch) -> None:
    before = document.markdown()
    changed = tuple(table.Row(r.asked, (Act.FACTS,) * 4) if r.asked == "account_balance" else r for r in ROWS)
    monkeypatch.setattr(document, "ROWS", changed)
    assert document.markdown() != before
