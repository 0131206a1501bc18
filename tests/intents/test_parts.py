"""The parts below the reader: patterns, spelling, scorer, evaluation."""

from __future__ import annotations

import json

import pytest

from inbox.errors import DataError
from inbox.intents import evaluate, examples, lexicon, tuning
from inbox.intents.catalog import load
from inbox.intents.match import LearnedScorer
from inbox.intents.normalize import prepare
from inbox.intents.pattern import Index, compile_patterns
from inbox.intents.repair import Repair

PATTERNS = [
    ("cat|dog <2> food", "the cat likes good food", True),
    ("cat|dog <1> food", "the cat likes very good food", False),
    ("cat <2> food", "the cat. good food", False),
    ("cat <~3> food", "the cat. good food", True),
    ("^ cat", "my cat", False),
    ("^ cat", "well. cat", True),
    ("food $", "food. and drink", True),
    ("^^ food $$", "food", True),
    ("^^ food $$", "food. and drink", False),
    ("feed* the? cat", "feeding cat", True),
    ("good_morning|hello cat", "oh good morning cat", True),
    ("good_morning|hello cat", "morning cat", False),
    ("{refund} now", "reembolso now", True),
]


@pytest.mark.parametrize(("source", "text", "found"), PATTERNS)
def test_patterns(source, text, found):
    index = Index([("it", pattern) for pattern in compile_patterns(source, lexicon.words().classes)])
    assert bool(list(index.search(prepare(text).tokens))) is found


@pytest.mark.parametrize("source", ["<2>", "^ $", "{unheard}", "a_b|c_d|e_f|g_h|i_j " * 4])
def test_bad_patterns_are_refused(source):
    with pytest.raises(DataError):
        compile_patterns(source, lexicon.words().classes)


def test_spelling_is_repaired_only_where_it_is_safe():
    repair = Repair({"loyalty", "charged"})
    assert repair.words(("refudn", "reembolzo", "payout", "layout", "loyalty")) == (
        "refund",
        "reembolso",
        "payout",
        "layout",
        "loyalty",
    )
    assert repair.words(("paymnt",), frozenset({"paymnt"})) == ("paymnt",)
    assert repair.words(("zzzzz", "x" * 5000)) == ("zzzzz", "x" * 5000)


def test_scorer_finds_its_own_phrases_again():
    catalog = load()
    scorer = LearnedScorer(catalog, tuning.packaged().weights, examples.packaged())
    phrases = [phrase for phrase in catalog.phrases if len(phrase.tokens) > 3][::11]
    right = sum(scorer.score(phrase.tokens, {}, 0)[0].intent == phrase.intent for phrase in phrases)
    assert right >= 0.9 * len(phrases)


def test_mail_subjects_signatures_and_wrapped_lines():
    text = prepare("Subject: Fw: x\n\nplease tell me the\nbalance\n\nSent from my phone")
    assert text.clauses == ("please tell me the balance",)
    assert prepare("Subject: royalties").subject == "royalties"


ROWS = [
    {"id": "a", "channel": "chat", "text": "how much do I still owe", "lang": "en", "intents": ["account_balance"], "route": "answer", "severity": "low", "notes": "tags=near_miss;"},
    {"id": "b", "channel": "chat", "text": "I want a refund", "lang": "en", "intents": ["refund_request"], "route": "escalate", "severity": "normal", "notes": ""},
    {"id": "c", "channel": "chat", "text": "I want a refund", "lang": "en", "intents": ["complaint"], "route": "answer", "severity": "low", "notes": ""},
    {"id": "d", "channel": "sms", "text": "👌", "lang": "und", "intents": ["thanks"], "route": "answer", "severity": "low", "notes": "alt=ignore; a nod"},
]  # fmt: skip


def test_evaluation_counts(tmp_path, reader):
    path, out = tmp_path / "rows.jsonl", tmp_path / "read.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    report = evaluate.run(path, reader, predictions=out)
    assert report.recall("all") == 0.75
    assert report.recall("dispute") == 1.0
    assert report.recall("tag:near_miss") == 1.0
    assert report.missed == [("c", "answer", "escalate")]
    assert report.intent_f1 == pytest.approx(6 / 8)
    assert report.as_json()["confusions"] == [["answer", "escalate", 1]]
    assert "answer read as escalate: 1" in report.text()
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["a", "b", "c", "d"]


def test_evaluation_names_the_bad_line(tmp_path, reader):
    path = tmp_path / "rows.jsonl"
    path.write_text('\n{"id": "a"}\nnot json\n')
    with pytest.raises(DataError) as caught:
        evaluate.run(path, reader)
    assert "rows.jsonl:2:" in str(caught.value)
    assert "rows.jsonl:3:" in str(caught.value)
