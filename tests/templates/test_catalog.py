from __future__ import annotations

import pytest

from inbox.errors import DataError, NotFound
from inbox.message import LANGUAGES
from inbox.templates import catalog
from inbox.templates.catalog import digest, load


@pytest.fixture
def folder(tmp_path):
    """The smallest house of answers that loads."""
    (tmp_path / "forbidden.toml").write_text('en = ["never"]\n')
    for name in ("_layout", "hello"):
        for language in LANGUAGES:
            (tmp_path / name / language).mkdir(parents=True)
    for language in LANGUAGES:
        (tmp_path / "_layout" / language / "subject.j2").write_text("S")
        (tmp_path / "_layout" / language / "email.j2").write_text("{{ body }}")
        (tmp_path / "hello" / language / "chat.j2").write_text(f"hi {language}")
    (tmp_path / "_layout" / "answer.toml").write_text('channels = ["email"]\n[facts]\nbody = "text"\n')
    write(tmp_path, 'intents = ["greeting"]\n[facts]\n[fallback]\nsubject = "_layout"\n' + FALLBACK)
    return tmp_path


FALLBACK = 'email = "chat"\nsms = "chat"\nvoice = "chat"\n'


def write(root, text):
    (root / "hello" / "answer.toml").write_text(text)


def problems(root) -> str:
    with pytest.raises(DataError) as caught:
        load.__wrapped__(root)
    return "\n".join(caught.value.problems)


class TestLoad:
    def test_fallbacks_are_filled_in(self, folder):
        answers = load.__wrapped__(folder)
        assert answers.names == ("hello",)
        assert dict(answers.bundle("hello", "es")) == {
            "subject": "S", "chat": "hi es", "email": "hi es", "sms": "hi es", "voice": "hi es",
        }  # fmt: skip

    def test_a_missing_file_is_named(self, folder):
        (folder / "hello" / "pt" / "chat.j2").unlink()
        assert "hello/pt/chat.j2: is missing" in problems(folder)

    def test_a_fallback_must_be_said(self, folder):
        write(folder, '[facts]\n[fallback]\nsubject = "_layout"\n')
        assert "hello/en/sms.j2: is missing; write it, or name a fallback" in problems(folder)

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("levle = 2\n", "'levle' is not a known key"),
            ('intents = ["pay_me"]\n', "'pay_me' is not an intent"),
            ("level = 7\n", "level must be 0 to 3"),
            ('purpose = "marketing"\n', "purpose must be one of"),
            ('channels = ["fax"]\n', "channels must be of"),
            ('[facts]\namount = "float"\n', "fact 'amount' has the type 'float'"),
            ("level = [\n", "answer.toml"),
        ],
    )
    def test_mistakes_are_named_with_their_file(self, folder, text, words):
        write(folder, text)
        found = problems(folder)
        assert words in found
        assert "hello" in found

    def test_every_problem_is_reported_at_once(self, folder):
        write(folder, "level = 9\n")
        (folder / "forbidden.toml").unlink()
        (folder / "_layout" / "answer.toml").unlink()
        assert len(problems(folder).splitlines()) >= 3

    def test_an_empty_place_is_an_error(self, tmp_path):
        assert "no answers here" in problems(tmp_path)

    def test_unknown_answers_are_not_found(self):
        with pytest.raises(NotFound):
            load().spec("no_such_answer")
        with pytest.raises(NotFound):
            load().bundle("greeting", "fr")


class TestDigest:
    def test_it_tells_words_apart_and_nothing_else(self):
        assert digest({"a": "1", "b": "2"}) == digest({"b": "2", "a": "1"})
        assert digest({"a": "1"}) != digest({"a": "1 "})
        answers = load()
        all_of_them = {answers.digest(n, lang) for n in answers.names for lang in LANGUAGES}
        assert len(all_of_them) == len(answers.names) * len(LANGUAGES)

    def test_a_bundle_cannot_be_changed_by_accident(self):
        with pytest.raises(TypeError):
            load().bundle("greeting", "en")["chat"] = "x"  # type: ignore[index]  # that is the point


class TestShipped:
    def test_the_answers_of_the_taxonomy_that_a_bot_may_give_are_there(self):
        wanted = {
            "account_balance", "amount_due", "payment_status", "payment_failed", "make_payment", "update_payment_method",
            "payment_plan", "invoice_copy", "payment_methods_accepted", "royalty_balance", "royalty_withdrawal",
            "royalty_withdrawal_status", "refund_status", "greeting", "thanks", "out_of_scope",
        }  # fmt: skip
        assert wanted <= set(load().names)

    def test_each_names_its_lowest_level_as_the_facts_do(self):
        from inbox.accounts.facts import LEVELS

        for name, level in LEVELS.items():
            assert load().spec(name).level == level, name

    def test_links_are_known_as_such(self):
        assert load().spec("make_payment").links == ("link",)
        assert catalog.load().spec("greeting").links == ()
