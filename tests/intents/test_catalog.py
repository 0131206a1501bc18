"""The catalogue as data: complete, and its mistakes are told with file and line."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inbox.errors import DataError
from inbox.intents import catalog, lint
from inbox.intents.catalog import FOLDER, load
from inbox.intents.understanding import DISPUTES, INTENTS
from inbox.templates import catalog as answers


@pytest.fixture
def folder(tmp_path):
    for path in FOLDER.glob("*.toml"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def test_every_intent_has_phrases_in_three_languages():
    catalog = load()
    assert tuple(catalog.entries) == INTENTS
    for entry in catalog.entries.values():
        assert entry.description
        assert {phrase.language for phrase in entry.phrases} == {"en", "es", "pt"}
    for intent in DISPUTES:
        assert len(catalog.entries[intent].phrases) >= 35


def test_there_are_enough_phrases_that_are_none_of_our_business():
    count = dict.fromkeys(("en", "es", "pt"), 0)
    for phrase in load().entries["out_of_scope"].phrases:
        count[phrase.language] += 1
    assert count["en"] >= 60
    assert count["es"] >= 30
    assert count["pt"] >= 30


def test_mistakes_are_told_with_file_and_line(folder):
    (folder / "thanks.toml").write_text(
        'intent = "thanks"\ndescription = "d"\nnot = ["nothing"]\ncolor = 1\n[phrases]\nen = ["ta", "!!!"]\nfr = ["merci"]\n'
    )
    (folder / "greeting.toml").write_text('intent = "greeting"\n[phrases\n')
    with pytest.raises(DataError) as caught:
        load(folder)
    told = str(caught.value)
    assert "thanks.toml:3: 'nothing' is no intent" in told
    assert "thanks.toml:4: unknown key 'color'" in told
    assert "greeting.toml: " in told
    assert "line 2" in told
    assert "no file for greeting, thanks" in told


def test_a_phrase_without_words_and_a_strange_language_are_mistakes(folder):
    (folder / "thanks.toml").write_text(
        'intent = "thanks"\ndescription = "d"\n[phrases]\nen = [\n  "ta",\n  "!!!",\n]\nfr = ["merci"]\n'
    )
    with pytest.raises(DataError) as caught:
        load(folder)
    assert "thanks.toml:6: the phrase '!!!' has no words" in str(caught.value)
    assert "thanks.toml:8: phrases in 'fr': the languages are en, es, pt" in str(caught.value)


def test_the_same_phrase_in_two_files_is_a_mistake(folder):
    path = folder / "thanks.toml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("en = [", 'en = ["Did my payment go through?",', 1), encoding="utf-8"
    )
    with pytest.raises(DataError, match=r"thanks.toml:\d+: .* is in the catalogue already \(payment_status"):
        load(folder)


def test_every_file_says_what_the_product_does():

    specs = {answer: frozenset(spec.facts) for answer, spec in answers.load().specs.items()}
    assert list(lint.disagreements(catalog.load(), specs)) == []


def test_a_promise_that_the_product_does_not_keep_is_named():

    loaded = catalog.load()
    wrong = replace(loaded.entries["refund_request"], route="answer", level=2, answer="nowhere", facts=("money",))
    found = list(lint.disagreements(catalog.Catalog({"refund_request": wrong}), {}))
    assert len(found) == 4
    assert all(line.startswith("refund_request: ") for line in found)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('route = "robot"', "route 'robot' is none of answer, person"),
        ("level = 4", "level 4 is none of 0, 1, 2"),
        ("sure = 2", "sure 2 is no probability"),
        ('sure = "high"', "sure 'high' is no probability"),
        ("answer = 3", "answer 3 is no name of a template folder"),
        ("facts = 3", "'facts' is no list of words"),
        ("not = [3]", "'not' is no list of words"),
    ],
)
def test_settings_of_an_intent_are_checked(tmp_path, line, told):
    for path in catalog.FOLDER.glob("*.toml"):
        text = path.read_text(encoding="utf-8")
        if path.stem == "thanks":
            key = line.split(" ")[0]
            kept = [row for row in text.splitlines() if not row.startswith(key)]
            text = "\n".join([kept[0], line, *kept[1:]])
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        catalog.load(tmp_path)
