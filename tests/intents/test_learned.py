"""The learned scorer: deterministic, kept between starts, and sure of itself only where it may be."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox import redaction
from inbox.errors import DataError
from inbox.intents import calibrate, coverage, embedding, fitted, judging, learned, lint, sureness, tuning, verdict
from inbox.intents.calibrate import Reading
from inbox.intents.catalog import Catalog, Entry, Phrase, words_of
from inbox.intents.evaluate import REFERENCE
from inbox.intents.learned import Example, Learned
from inbox.intents.match import SIGNS, LearnedScorer, Signs, confidence, without_shell
from inbox.intents.normalize import prepare
from inbox.intents.routing import ROUTES, Whole
from inbox.intents.understanding import Candidate, Context, Entities
from inbox.intents.verdict import Thresholds
from inbox.message import Route, Severity

SAID = {
    "account_balance": ["what is my balance", "how much do i still owe", "total left on my account", "balance please"],
    "refund_request": ["i want my money back", "give me a refund", "refund the fee please", "pay me back"],
    "greeting": ["hello there", "good morning team", "hi", "hey you"],
}
EXAMPLES = [Example(intent, words_of(text)) for intent, texts in SAID.items() for text in texts]


def small_catalog() -> Catalog:
    return Catalog({
        intent: Entry(intent, intent, phrases=tuple(Phrase(t, "en", intent, words_of(t)) for t in texts))
        for intent, texts in SAID.items()
    })  # fmt: skip


def test_the_same_phrases_give_the_same_weights():
    one, two = learned.fit(EXAMPLES), learned.fit(EXAMPLES)
    assert np.array_equal(one.of_words, two.of_words)
    assert one.intents == ("account_balance", "greeting", "refund_request")


@pytest.mark.parametrize("vectors", [None, embedding.load()], ids=["without the embedding file", "with it"])
def test_it_reads_what_it_learned(vectors):
    model = Learned(learned.fit(EXAMPLES, vectors), vectors)
    for example in EXAMPLES:
        likely = model.probabilities(example.words)
        assert model.intents[int(likely.argmax())] == example.intent
        assert float(likely.sum()) == pytest.approx(1.0, abs=1e-4)


@given(st.lists(st.text(max_size=30), max_size=30))
def test_any_words_have_probabilities(words):
    model = Learned(WEIGHTS)
    likely = model.probabilities(words)
    assert np.isfinite(likely).all()
    assert float(likely.sum()) == pytest.approx(1.0, abs=1e-3)


WEIGHTS = learned.fit(EXAMPLES)


def test_vectors_of_near_words_lie_near():
    vectors = embedding.load()
    assert vectors is not None

    def alike(one: str, two: str) -> float:
        a, b = vectors.of(one), vectors.of(two)
        return float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))

    assert alike("invoice", "bill") > alike("invoice", "weather")
    assert alike("earnings", "royalties") > alike("earnings", "stolen")
    assert not vectors.of("дом").any()
    assert not vectors.of("").any()
    assert embedding.load(embedding.FILE.with_name("missing.npz")) is None


def test_what_was_learned_is_kept(tmp_path, monkeypatch):
    first = fitted.of(EXAMPLES, tmp_path)
    assert len(list(tmp_path.glob("intents-*.npz"))) == 1
    monkeypatch.setattr(learned, "fit", lambda *_: pytest.fail("learned twice"))
    again = fitted.of(EXAMPLES, tmp_path)
    words = words_of("how much is left")
    assert np.allclose(first.probabilities(words), again.probabilities(words), atol=1e-6)


def test_another_catalogue_is_learned_anew(tmp_path):
    fitted.of(EXAMPLES, tmp_path)
    more = [*EXAMPLES, Example("greeting", ("howdy",))]
    fitted.of(more, tmp_path)
    assert len(list(tmp_path.glob("intents-*.npz"))) == 2
    for n in range(6):
        fitted.of([*more, Example("greeting", (f"word{n}",))], tmp_path)
    assert len(list(tmp_path.glob("intents-*.npz"))) == 4  # old ones are cleared away


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 broken"])
def test_a_broken_cache_is_no_obstacle(tmp_path, content):
    fitted.of(EXAMPLES, tmp_path)
    (kept,) = tmp_path.glob("intents-*.npz")
    kept.write_bytes(content)
    model = fitted.of(EXAMPLES, tmp_path)
    assert model.intents
    assert kept.stat().st_size > 1000


def test_a_cache_folder_that_cannot_be_made_is_no_obstacle(tmp_path):
    (tmp_path / "file").write_text("in the way")
    assert fitted.of(EXAMPLES, tmp_path / "file" / "below").intents


@pytest.mark.parametrize(
    ("text", "core"),
    [
        ("hello my balance please", "my balance"),
        ("good morning", "good morning"),
        ("hi thanks", "hi thanks"),
        ("um so okay refund me thanks", "refund me"),
    ],
)
def test_greetings_around_a_question_are_left_out(text, core):
    assert " ".join(without_shell(text.split())) == core


def test_a_near_phrase_is_shown_as_the_reason():
    scorer = LearnedScorer(small_catalog(), _weights(odds=1.0), model=Learned(WEIGHTS))
    best = scorer.score(words_of("how much do i still owe you"), {}, 3)[0]
    assert (best.intent, best.phrase, best.clause) == ("account_balance", "how much do i still owe", 3)


def test_a_pattern_adds_its_word():
    scorer = LearnedScorer(small_catalog(), _weights(odds=0.5, pattern=3.0), model=Learned(WEIGHTS))
    words = words_of("strange words altogether")
    silent = {c.intent: c.score for c in scorer.score(words, {}, 0)}
    spoken = {c.intent: c.score for c in scorer.score(words, {"refund_request": 0.8}, 0)}
    assert spoken["refund_request"] > silent["refund_request"]


def _weights(**named: float) -> tuple[float, ...]:
    return tuple(named.get(name, 0.0) for name in SIGNS)


def _signs(**named: float) -> Signs:
    values = dict.fromkeys(("odds", "margin", "pattern", "against", "near", "known", "person", "outside", "short"), 0.0)
    return Signs(**{**values, **named})


def test_tuning_finds_the_sign_that_tells():
    readings = [
        Reading(_signs(odds=odds, near=0.5).values(), right=odds + noise > 0, group=n % 5)
        for n, (odds, noise) in enumerate((o / 5, m / 4) for o in range(-15, 16) for m in (-3, -1, 1, 3))
    ]
    weights = calibrate.fit(readings)
    assert weights[SIGNS.index("odds")] > 1
    assert confidence(_signs(odds=2.0, near=0.5), weights) > 0.9
    assert confidence(_signs(odds=-2.0, near=0.5), weights) < 0.1


def test_tuning_is_written_and_read_again(tmp_path):
    routes = np.arange(5.0 * len(judging.SIGNS)).reshape(5, -1)
    thresholds = Thresholds(answer=0.5, person=0.4, agreed=0.2, sure=0.1, sure_elsewhere=0.6, beside=0.7)
    sure = tuple(n / 8 for n in range(len(sureness.SIGNS)))
    kept = tuning.Tuning(tuning.rounded([n / 7 for n in range(len(SIGNS))]), thresholds, sure, routes)
    path = tmp_path / "confidence.toml"
    tuning.save(path, kept, "by hand")
    again = tuning.load(path)
    assert (again.weights, again.thresholds, again.sure) == (kept.weights, kept.thresholds, kept.sure)
    assert np.array_equal(again.routes, routes)
    path.write_text(path.read_text().replace("odds", "odd"))
    with pytest.raises(DataError, match="inbox intents calibrate"):
        tuning.load(path)


TOPICS = [
    {"text": "what is my balance", "intent": "account_balance", "source": "own"},
    {"text": "I want a refund right now", "intent": "refund_request", "source": "own"},
    {"text": "what is the capital of France", "intent": "out_of_scope", "source": "own"},
    {"text": "let me talk to a person", "intent": "speak_to_human", "source": "own"},
]


def test_coverage_counts(tmp_path, reader):
    path, out = tmp_path / "topics.jsonl", tmp_path / "read.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in TOPICS), encoding="utf-8")
    assert coverage.is_topics(path)
    found = coverage.run(path, reader, predictions=out)
    assert (found.covered, found.wrong_share) == (1.0, 0.0)
    assert [found.kept_back(family) for family in ("dispute", "person", "out_of_scope")] == [1.0, 1.0, 1.0]
    assert "coverage 1.000, wrong 0.000 of 1 answered" in found.text()
    first = json.loads(out.read_text().splitlines()[0])
    assert first == {"id": 1, "route": "answer", "intents": ["account_balance"], "severity": "low", "lang": "en"}


def test_coverage_names_the_bad_line(tmp_path):
    path = tmp_path / "topics.jsonl"
    path.write_text(
        '{"text": "x", "intent": "weather"}\n{"intent": "refund_request"}\n{"text": "x", "intent": "refund_request"}\n'
    )
    with pytest.raises(DataError) as caught:
        coverage.load(path)
    assert "topics.jsonl:1:" in str(caught.value)
    assert "topics.jsonl:2:" in str(caught.value)
    assert "topics.jsonl:3:" not in str(caught.value)


def test_what_a_supervisor_should_look_at():
    assert sum("25 or more are needed" in line for line in lint.thin(small_catalog())) == 9
    mistakes = [
        lint.Misread(Phrase("pay me back", "en", "refund_request", ("pay", "me", "back")), "account_balance", 0.9)
    ]
    (line,) = lint.confusing(small_catalog(), mistakes)
    assert line == "refund_request is read as account_balance in 1 of 4 phrases, such as 'pay me back'"


def test_a_person_is_asked_for_even_if_nobody_can_say_about_what():
    draft = verdict.Weighed(Route.CLARIFY, (), Severity.LOW, "unclear")
    judged = {route: 0.9 if route is Route.ESCALATE else 0.025 for route in ROUTES}
    whole = Whole(judged, {Route.ANSWER: "", Route.ESCALATE: ""}, {}, 0.0)
    taken = Thresholds(answer=0.4, person=0.6, agreed=0.2, sure=0.1, sure_elsewhere=0.5, beside=0.8)
    settled = verdict.settle(draft, judged, whole, (), (), taken)
    assert (settled.route, settled.intents) == (Route.ESCALATE, ())


def test_a_doubtful_answer_becomes_a_question_back():
    settled = verdict.Weighed(Route.ANSWER, ("amount_due",), Severity.LOW, "reads like amount_due")
    assert verdict.doubted(settled, 0.5, 0.5) is settled
    asked = verdict.doubted(settled, 0.49, 0.5)
    assert (asked.route, asked.intents) == (Route.CLARIFY, ())
    assert "49% of 50%" in asked.reason


def test_agreement_makes_an_answer_surer():
    near = Candidate("amount_due", 0.8)
    far = Candidate("amount_due", 0.3)
    whole = Whole({}, {}, {"amount_due": 0.9}, 0.05)
    other = Whole({}, {}, {"amount_due": 0.01, "out_of_scope": 0.9}, 0.9)
    weights = tuning.packaged().sure

    def sure(candidate, seen, about):
        return sureness.probability(sureness.signs(("amount_due",), [candidate], seen, about, 8), weights)

    assert sure(near, whole, "amount_due") > sure(far, whole, "amount_due") > sure(far, other, "out_of_scope")


@given(st.lists(st.floats(-20, 20), min_size=len(sureness.SIGNS), max_size=len(sureness.SIGNS)))
def test_sureness_is_a_probability(values):
    assert 0.0 < sureness.probability(values, tuning.packaged().sure) < 1.0


@pytest.mark.parametrize(
    "text", ["no more texts please", "4242 4242 4242 4242 is my new one", "thanks, bye", "could we split it in two?"]
)
def test_what_is_never_doubted(reader, text):
    words, draft = reader.draft(redaction.mask(text).text, Context(now=REFERENCE, channel="chat"))
    assert reader.sure_signs(words, reader.settled(words, draft)) == ()


def test_a_record_that_is_named_is_asked_about():
    unclear = verdict.Weighed(Route.CLARIFY, (), Severity.LOW, "no reading is near enough")
    named = verdict.named_record(unclear, prepare("RF-8820 what day roughly?"), Entities(refund_ids=("RF-8820",)))
    assert named is not None
    assert (named.route, named.intents) == (Route.ANSWER, ("refund_status",))
    kept = verdict.Weighed(Route.CLARIFY, ("promise_to_pay",), Severity.LOW, "a promise without a day")
    assert verdict.named_record(kept, prepare("WD-5150?"), Entities(withdrawal_ids=("WD-5150",))) is None


def test_a_message_for_another_desk_is_known(reader):
    def elsewhere(text):
        return reader.see(text, Context(now=REFERENCE, channel="chat")).words.whole.elsewhere

    assert elsewhere("my debit card got stuck in the atm, how do i get a new pin") > 0.5
    assert elsewhere("when does my next royalty statement for the novel come out") < 0.5
