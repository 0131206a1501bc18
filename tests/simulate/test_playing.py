"""Dialogue files are played through the real pipeline; what is missing or forbidden is said."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from inbox.errors import DataError
from inbox.simulate import play
from inbox.simulate.checking import has
from tests.world import ScriptedReader

ACCOUNT: dict[str, Any] = {
    "author_id": "A-1", "name": "Ida Sommer", "email": "ida@sommer.example", "phone": "+12125550111", "timezone": "America/New_York",
    "language": "en", "region": "US-NY", "titles": ["Dust"], "balance": {"currency": "USD", "total_outstanding": "50.00"},
    "invoices": [{"id": "INV-1", "description": "Cover", "issued": "2026-01-01", "due": "2026-04-01", "total": "50.00", "paid": "0.00",
                  "balance": "50.00", "status": "open"}],
    "plans": [], "payments": [], "payment_methods": [],
    "royalties": {"available": "0.00", "pending": "0.00", "returns_reserve": "0.00", "currency": "USD", "withdrawal_threshold": "50.00",
                  "next_payout_run": "2026-03-20", "tax_form": "W-9:approved", "payout_method": "bank ••1111", "payout_hold_until": None,
                  "withdrawals": []},
    "refunds": [], "disputes": [], "consents": {"sms": True, "email": True, "call": True}, "promises": [], "contact_log": [], "flags": [],
}  # fmt: skip
EXPECTED: dict[str, Any] = {
    "route": "answer", "intents": ["account_balance"], "reply_kind": "facts", "must_include": [{"fact": "balance", "any_of": ["50.00"]}],
    "must_not_include": [], "actions": [], "verification_after": "L2", "state": "open", "reply_lang": "en",
}  # fmt: skip
TURN: dict[str, Any] = {
    "who": "author", "channel": "chat", "from": None, "authenticated": "portal", "at": None, "text": "my balance?", "expected": EXPECTED, "n": 1,
}  # fmt: skip
FINAL: dict[str, Any] = {
    "state": "open", "records": [{"type": "conversation_log"}], "promise_to_pay": None, "opt_outs": [], "escalation": None,
    "verification": "L2", "dunning": "active",
}  # fmt: skip


def dialogue(**changes: Any) -> dict[str, Any]:
    turn = copy.deepcopy(TURN)
    turn["expected"] |= changes.pop("expected", {})
    turn |= changes.pop("turn", {})
    return {
        "id": "D-1", "title": "Balance", "now": "2026-03-11T11:00:00-04:00", "channels": ["chat"], "tags": [], "account": ACCOUNT,
        "other_accounts": [], "turns": [turn], "final": FINAL | changes.pop("final", {}), **changes,
    }  # fmt: skip


def written(tmp_path: Path, *dialogues: Any) -> Path:
    path = tmp_path / "dialogues.jsonl"
    path.write_text("\n".join(d if isinstance(d, str) else json.dumps(d) for d in dialogues), encoding="utf-8")
    return path


@pytest.fixture
def reader() -> ScriptedReader:
    reader = ScriptedReader()
    reader.teach("my balance?", "account_balance")
    return reader


async def test_a_dialogue_that_goes_as_expected_passes(tmp_path: Path, reader: ScriptedReader) -> None:
    report = await play(written(tmp_path, dialogue()), reader=reader)
    assert report.text().endswith("dialogues 1 passed of 1, turns 1 passed of 1, leaks 0")


@pytest.mark.parametrize(
    ("expected", "problem"),
    [
        ({"route": "escalate"}, "route is answer, expected escalate"),
        ({"must_include": [{"fact": "due", "any_of": ["51.00"]}]}, "missing due"),
        ({"must_not_include": ["$50.00"]}, "forbidden: $50.00"),
        ({"reply_kind": "silent", "must_include": []}, "should be silent"),
        ({"verification_after": "L1"}, "level is L2, expected L1"),
        ({"state": "resolved"}, "state is open, expected resolved"),
        ({"actions": ["send_otp"]}, "did not send_otp"),
        ({"intents": ["refund_status"]}, "intent not seen: refund_status"),
        ({"reply_lang": "pt"}, "reply in en, expected pt"),
    ],
)
async def test_every_expectation_can_fail(
    tmp_path: Path, reader: ScriptedReader, expected: dict[str, Any], problem: str
) -> None:
    report = await play(written(tmp_path, dialogue(expected=expected)), reader=reader)
    assert problem in "; ".join(report.dialogues[0].turns[0].problems)
    assert not report.passed


@pytest.mark.parametrize(
    ("final", "problem"),
    [
        ({"state": "resolved"}, "final state is open"),
        ({"records": [{"type": "withdrawal", "amount": "1.00"}]}, "no record"),
        ({"opt_outs": [{"channel": "sms", "address": "+1", "scope": "all_outbound"}]}, "no opt-out"),
        ({"escalation": {"reason": "complaint", "severity": "high", "summary_must_include": []}}, "no case was opened"),
        ({"dunning": "stopped"}, "dunning is active"),
        ({"promise_to_pay": {"amount": "50.00", "date": "2026-03-20", "invoice": "INV-1"}}, "no promise"),
        ({"verification": "L0"}, "final level is L2"),
    ],
)
async def test_every_expectation_of_the_end_can_fail(
    tmp_path: Path, reader: ScriptedReader, final: dict[str, Any], problem: str
) -> None:
    report = await play(written(tmp_path, dialogue(final=final)), reader=reader)
    assert problem in "; ".join(report.dialogues[0].problems)


async def test_a_figure_that_must_not_be_said_counts_as_a_leak(tmp_path: Path, reader: ScriptedReader) -> None:
    report = await play(
        written(tmp_path, dialogue(expected={"must_not_include": ["50.00"], "must_include": []})), reader=reader
    )
    assert report.summary.endswith("leaks 1")


async def test_what_this_version_cannot_do_is_a_failure_not_a_skip(tmp_path: Path, reader: ScriptedReader) -> None:
    event = {
        "who": "event",
        "event": "the_moon_falls",
        "at": "2026-03-11T12:00:00-04:00",
        "details": {},
        "expected": {},
    }
    report = await play(written(tmp_path, dialogue(turns=[event])), reader=reader)
    assert "the_moon_falls is not part of this version" in report.dialogues[0].turns[0].problems[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "dialogues.jsonl:1"),
        (json.dumps({"id": "x"}), "'title' is missing"),
        (json.dumps(dialogue(now="2026-03-11T11:00:00")), "has no time zone"),
        (json.dumps(dialogue(turn={"channel": "pigeon"})), "channel one of"),
    ],
)
async def test_a_bad_file_is_refused_with_its_line(
    tmp_path: Path, reader: ScriptedReader, line: str, words: str
) -> None:
    with pytest.raises(DataError, match=words):
        await play(written(tmp_path, line), reader=reader)


@pytest.mark.parametrize(
    ("text", "form", "found"),
    [
        ("it is $99 now", "$99", True),
        ("it is $990", "$99", False),
        ("1,346.00", "346.00", False),
        ("Due  April\n22", "april 22", True),
        ("code", "codes", False),
    ],
)
def test_forms_stand_alone(text: str, form: str, found: bool) -> None:
    assert has(text, form) is found
