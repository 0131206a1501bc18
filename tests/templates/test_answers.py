"""Every shipped answer, in every language, on every channel, with every sample."""

from __future__ import annotations

from typing import get_args

import pytest

from inbox.intents.understanding import INTENTS
from inbox.message import LANGUAGES
from inbox.money import Money
from inbox.settings import Company
from inbox.templates import check
from inbox.templates.catalog import load
from inbox.templates.check import SAMPLE_COMPANY, attempt, bundle_problems, problems
from inbox.templates.filters import amount_text
from inbox.templates.samples import HOSTILE, SAMPLES, samples

ANSWERS = load()
EVERY = [(n, lang, c) for n in ANSWERS.names for lang in LANGUAGES for c in ANSWERS.spec(n).channels]


def said(name: str, language: str = "en", channel: str = "chat", sample: int = 0, **more) -> str:
    facts = {**samples(name)[sample], **more}
    return attempt(name, language, ANSWERS.bundle(name, language), channel, facts, SAMPLE_COMPANY).text


def test_there_is_nothing_wrong_with_the_shipped_answers():
    assert [str(p) for p in problems()] == []


@pytest.mark.parametrize(("name", "language", "channel"), EVERY)
def test_every_answer_renders_with_every_sample(name, language, channel):
    for facts in samples(name):
        rendered = attempt(name, language, ANSWERS.bundle(name, language), channel, facts, SAMPLE_COMPANY)
        text = rendered.text
        assert text.strip()
        assert "None" not in text
        assert "{{" not in text.replace(HOSTILE, "")
        assert "  " not in text
        assert " ." not in text
        assert " ," not in text
        if channel in ("sms", "voice"):
            assert "\n" not in text
        if channel == "email":
            assert rendered.subject
            assert "<html" in rendered.html


def test_each_sample_belongs_to_an_answer():
    assert set(SAMPLES) <= set(ANSWERS.names)


def test_each_answer_with_required_facts_has_samples():
    for name in ANSWERS.names:
        if any(not f.optional for f in ANSWERS.spec(name).facts.values()):
            assert name in SAMPLES, name


def test_a_company_without_contacts_still_has_something_to_say():
    bare = Company(support_email="", support_phone="", portal_url="")
    assert [str(p) for p in problems(company=bare)] == []


class TestWords:
    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_code_is_asked_for_in_the_same_words_whoever_asks(self, language):
        text = said("code_sent", language)
        assert {"code", "código"} & set(text.lower().replace(".", " ").split())
        assert ANSWERS.spec("code_sent").facts.keys() == {"minutes"}, "nothing in it may depend on an account"

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("name", ["handoff", "handoff_high", "handoff_hardship", "handoff_bereavement", "held"])
    @pytest.mark.parametrize("channel", ["chat", "email", "sms", "voice"])
    def test_a_handoff_names_case_and_time(self, name, language, channel):
        text = said(name, language, channel)
        assert "1042" in text
        assert {"en": "case", "es": "caso", "pt": "caso"}[language] in text.lower()
        assert {"en": "1 PM", "es": "13:00", "pt": "13:00"}[language] in text

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("channel", ["chat", "email", "sms", "voice"])
    def test_a_handoff_says_that_it_is_automated(self, language, channel):
        assert {"en": "automated", "es": "automático", "pt": "automátic"}[language] in said(
            "handoff", language, channel
        ).lower()

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_a_handoff_says_when_reminders_rest(self, language):
        for channel in ("chat", "email", "sms", "voice"):
            paused = said("handoff", language, channel, sample=1)
            assert {"en": "no reminders", "es": "recordatorios", "pt": "lembretes"}[language] in paused

    def test_a_handoff_restates_the_issue_without_a_verdict(self):
        text = said("handoff", sample=1)
        assert "a charge that shows twice (INV-5101, $64.00)" in text
        assert "refund" not in text.lower()

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("channel", ["chat", "email", "sms", "voice"])
    def test_in_a_crisis_there_is_the_line_and_no_money(self, language, channel):
        text = said("crisis", language, channel)
        assert "988" in text
        body = text.split("\n\n")[1] if channel == "email" else text
        assert not [c for c in body if c in "$€"]

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_texts_that_remind_name_the_company_and_the_way_out(self, language):
        reminders = [n for n in ANSWERS.names if ANSWERS.spec(n).purpose == "reminder"]
        assert len(reminders) >= 4
        for name in reminders:
            for channel in ("sms", "email", "chat"):
                text = said(name, language, channel)
                assert "Larkmoor" in text
                assert "STOP" in text

    def test_subjects_and_voicemail_show_no_debt(self):
        for name in ANSWERS.names:
            for language in LANGUAGES:
                bundle = ANSWERS.bundle(name, language)
                if "subject" in bundle:
                    found = attempt(name, language, bundle, "email", samples(name)[0], SAMPLE_COMPANY)
                    shown = found.subject.lower()
                    assert not [w for w in ("due", "pay ", "owe", "venc", "pag", "deuda", "dívida", "$") if w in shown]

    def test_an_opt_out_is_confirmed_without_exception(self):
        for scope in ("texts", "calls", "email", "all"):
            text = said("opt_out_confirmed", channel="sms", scope=scope)
            assert "opted out" in text
            assert "no more" in text

    def test_the_pending_line_of_a_payment_is_called_pending(self):
        text = said("payment_status", sample=2)
        assert "pending" in text
        assert "authorization" in text
        assert "refund" not in text

    def test_what_is_disputed_is_on_hold_and_has_no_figure(self):
        text = said("amount_due", sample=4)
        assert "on hold" in text
        assert "no reminders" in text
        assert "12.00" not in text

    def test_the_clarifying_question_offers_each_option(self):
        text = said("clarify", sample=1)
        assert text.count("?") == 1
        for words in ("money back", "a refund that was approved", "a charge that shows twice"):
            assert words in text

    @pytest.mark.parametrize("language", LANGUAGES)
    @pytest.mark.parametrize("intent", INTENTS)
    def test_every_intent_can_be_offered(self, intent, language):
        assert said("clarify", language, options=(intent, "amount_due")).count("?") == 1

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_refusals_say_nothing_of_accounts_that_exist(self, language):
        for name in ("refusal_third_party", "refusal_security", "refusal_code_request", "ask_contact", "code_locked"):
            assert all(f.kind == "int" for f in ANSWERS.spec(name).facts.values())

    def test_figures_stand_in_the_readers_own_way(self):
        amount = Money.of("84.65")
        for language in LANGUAGES:
            assert amount_text(amount, language) in said("amount_due", language)


class TestCheck:
    def test_an_unknown_fact_is_found_without_rendering(self):
        found = self.tried("greeting", chat="Hello {{ balance | money }}")
        assert any("'balance', which is not a fact" in f for f in found)

    def test_a_missing_text_is_found(self):
        bundle = {k: v for k, v in ANSWERS.bundle("greeting", "en").items() if k != "sms"}
        assert "greeting/en/sms: the text is missing" in [
            str(p) for p in bundle_problems(ANSWERS.spec("greeting"), "en", bundle)
        ]

    def test_bad_syntax_is_found(self):
        assert any("cannot be read" in f for f in self.tried("greeting", chat="{% if %}"))

    def test_an_unknown_filter_is_found(self):
        assert any("cannot be read" in f for f in self.tried("greeting", chat="{{ company.name | shout }}"))

    def test_arithmetic_is_found(self):
        assert any("may only print facts" in f for f in self.tried("code_sent", chat="{{ minutes * 2 }} minutes"))

    def test_a_forbidden_phrase_is_found_whatever_its_case(self):
        assert any("'credit report'" in f for f in self.tried("greeting", chat="We tell your CREDIT  Report."))

    def test_words_that_only_contain_a_forbidden_one_are_fine(self):
        assert not [f for f in self.tried("crisis", chat="988: residue of the moneyed") if "forbidden" in f]

    def test_a_long_text_message_is_found(self):
        assert any("SMS segments" in f for f in self.tried("greeting", sms="word " * 80))

    def test_a_web_address_on_the_telephone_is_found(self):
        assert any("reads a web address aloud" in f for f in self.tried("greeting", voice="See https://x.example"))

    def test_silence_is_found(self):
        assert any("says nothing" in f for f in self.tried("greeting", chat="{% if false %}x{% endif %}"))

    def test_a_fact_some_sample_lacks_is_found(self):
        found = self.tried("promise_ask_date", chat="Until {{ latest_on | day }}?")
        assert any("sample 2" in f for f in found)

    def tried(self, name: str, **changed: str) -> list[str]:
        bundle = {**ANSWERS.bundle(name, "en"), **changed}
        return [str(p) for p in bundle_problems(ANSWERS.spec(name), "en", bundle)]


def test_channels_are_those_of_the_product():
    from inbox.message import ChannelName

    assert set(get_args(ChannelName)) == {"chat", "email", "sms", "voice"}
    assert check.SEGMENTS["gsm"] <= 2
