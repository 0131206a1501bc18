"""One message out of approved words and facts: literal, escaped, complete or not at all, always the same."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from inbox.errors import DataError, MissingFact
from inbox.money import Money
from inbox.settings import Company
from inbox.templates import catalog
from inbox.templates.render import LAYOUT, Part, clean, compiled, fill, letter, render, segments
from inbox.templates.samples import samples
from inbox.templates.values import pack, unpack

COMPANY = Company(name="Quillhaven", legal_name="Quillhaven Ltd", portal_url="https://portal.example/in")
NAME = "Perpetua Lindqvist"


def bundle(text: str, subject: str = "About it") -> dict[str, str]:
    return {"subject": subject, "email": text, "sms": text, "chat": text, "voice": text}


def custom(text: str, **facts) -> Part:
    return Part("made_up", bundle(text), facts)


def shipped(name: str, language="en", **facts) -> Part:
    return Part(name, catalog.load().bundle(name, language), facts)


def chat(*parts: Part, language="en") -> str:
    return render(parts, "chat", language, COMPANY, NAME).text


class TestFacts:
    def test_a_fact_that_is_not_there_refuses_to_render(self):
        with pytest.raises(MissingFact) as caught:
            chat(custom("You owe {{ amount | money }} today."))
        assert caught.value.fact == "amount"

    def test_a_missing_key_of_a_record_refuses_to_render(self):
        with pytest.raises(MissingFact):
            chat(custom("{% for i in invoices %}{{ i.total | money }}{% endfor %}", invoices=[{"id": "INV-9"}]))

    def test_nothing_is_not_printed_as_none(self):
        with pytest.raises(MissingFact):
            chat(custom("Pay on {{ due_on }}.", due_on=None))

    def test_a_shipped_answer_names_the_fact_it_lacks(self):
        with pytest.raises(MissingFact) as caught:
            chat(shipped("promise_stored", amount=Money.of("12.00")))
        assert caught.value.fact == "on"

    def test_a_fact_of_the_wrong_type_is_as_good_as_missing(self):
        with pytest.raises(MissingFact):
            chat(shipped("promise_stored", amount="12.00", on=date(2026, 3, 1)))

    def test_a_link_that_is_needed_but_was_not_made_stops_the_answer(self):
        facts = {
            "nothing_due": False,
            "amount": Money.of("5"),
            "invoice_id": "INV-1",
            "on_hold": (),
            "some_on_hold": False,
        }
        with pytest.raises(MissingFact):
            chat(shipped("make_payment", **facts))

    @pytest.mark.parametrize("name", ["money", "day", "moment", "clock", "method"])
    def test_nothing_does_not_become_today_or_zero_in_a_filter(self, name):
        with pytest.raises(MissingFact):
            chat(custom("{{ value | " + name + " }}", value=None))

    @pytest.mark.parametrize("value", [Money.of("5"), date(2026, 1, 2), datetime(2026, 1, 2, tzinfo=UTC), True, ()])
    def test_only_texts_and_counts_are_printed_without_a_filter(self, value):
        with pytest.raises(DataError, match="use \\| money"):
            chat(custom("{{ value }}", value=value))

    def test_a_filter_on_the_wrong_kind_of_value_is_reported(self):
        with pytest.raises(DataError, match="made_up/chat"):
            chat(custom("{{ value | money }}", value="12.00"))


HOSTILE = [
    "{{ 7 * 7 }}", "{{ company.name }}", "${7*7}", "{% for x in y %}", "{# gone #}", "#{7}", "{{ ''.__class__ }}",
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "a & b < c", "%(name)s {0} %s",
]  # fmt: skip


class TestTextFromOutside:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_is_printed_as_it_stands(self, text):
        assert chat(custom("You wrote: {{ words }}", words=text)) == f"You wrote: {text}"

    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_is_escaped_in_the_html_of_a_mail(self, text):
        mail = render([custom("You wrote: {{ words }}", words=text)], "email", "en", COMPANY, NAME)
        assert text in mail.text
        assert "<script" not in mail.html
        assert "<img" not in mail.html
        assert "49" not in mail.html

    def test_a_name_is_printed_literally_too(self):
        mail = render([custom("Hi")], "email", "en", COMPANY, "{{ company.legal_name }} <b>")
        assert "Hello {{ company.legal_name }} <b>," in mail.text
        assert "&lt;b&gt;" in mail.html

    def test_control_characters_and_line_breaks_cannot_forge_a_layout(self):
        text = chat(custom("Item: {{ words }}.", words="a\x00b\x1b[31m\r\nKind regards,\u202eevil\ud800"))
        assert text == "Item: ab[31m Kind regards,evil."

    def test_only_our_own_links_become_anchors(self):
        part = custom(
            "{{ words }} {{ link }}", words="see https://evil.example/x", link="https://pay.example/1?a=1&b=2"
        )
        html = render([part], "email", "en", COMPANY, NAME).html
        assert 'href="https://pay.example/1?a=1&amp;b=2"' in html
        assert 'href="https://evil' not in html

    def test_a_link_that_is_no_web_address_stays_text(self):
        html = render([custom("{{ link }}", link="javascript:alert(1)")], "email", "en", COMPANY, NAME).html
        assert "href" not in html

    def test_a_very_long_text_is_cut(self):
        assert len(chat(custom("{{ words }}", words="x" * 100_000))) == 1000

    def test_a_hostile_number_of_records_is_refused(self):
        with pytest.raises(DataError, match="at most 200"):
            chat(custom("{% for i in many %}{{ i }}{% endfor %}", many=["x"] * 201))

    def test_nested_loops_over_records_end_at_the_limit_of_the_text(self):
        source = "{% for a in many %}{% for b in many %}{{ a }}{% endfor %}{% endfor %}"
        with pytest.raises(DataError, match="longer than"):
            chat(custom(source, many=["xyz"] * 200))

    def test_what_cannot_be_a_fact_is_refused(self):
        with pytest.raises(DataError, match="cannot be a"):
            clean(3.5)


class TestSandbox:
    @pytest.mark.parametrize(
        "source",
        [
            "{{ words.__class__.__mro__ }}", "{{ company.__init__.__globals__ }}", "{{ 'a' * 1000000 }}", "{{ n + 1 }}",
            "{{ n ** 9 }}", "{% include 'x' %}", "{% import 'x' as y %}", "{{ range(9) }}", "{{ lipsum() }}",
            "{{ words | map('upper') }}", "{{ words | default('x') }}", "{% for", "{{ words ~ words }}", "{{ words.upper() }}",
            "{% macro m() %}{% endmacro %}", "{% set x %}a{% endset %}", "{% block b %}{% endblock %}", "{{ words[0:2] }}",
            "{% for a in b %}{% for c in b %}{% for d in b %}{% endfor %}{% endfor %}{% endfor %}",
            "{% if n %}" * 1500 + "{% endif %}" * 400, "{{ " + "(" * 900 + "n" + ")" * 900 + " }}",
        ],
    )  # fmt: skip
    def test_a_template_can_neither_compute_nor_reach_out(self, source):
        with pytest.raises((DataError, MissingFact)):
            chat(custom(source, words="hello", n=3))

    def test_an_endless_template_is_not_compiled(self):
        with pytest.raises(DataError, match="more than 20000"):
            chat(custom("x" * 20_001))

    def test_the_same_source_is_compiled_once(self):
        assert compiled("one {{ n }}") is compiled("one {{ n }}")
        assert compiled("one {{ n }}") is not compiled("two {{ n }}")

    def test_an_edited_source_is_not_served_from_the_cache(self):
        assert fill("old {{ n }}", {"n": 1}, "t") == "old 1"
        assert fill("new {{ n }}", {"n": 1}, "t") == "new 1"


class TestComposition:
    def test_parts_become_paragraphs_in_order(self):
        assert chat(custom("One."), custom("Two.")) == "One.\n\nTwo."

    def test_greeting_leads_and_thanks_closes(self):
        text = chat(shipped("thanks"), custom("Middle."), shipped("greeting"))
        assert text == "Hello.\n\nMiddle.\n\nThank you for writing."

    def test_a_greeting_alone_says_who_we_are_and_that_we_are_automated(self):
        text = chat(shipped("greeting"))
        assert "Quillhaven" in text
        assert "automated" in text

    def test_thanks_alone_is_answered_without_a_greeting(self):
        assert chat(shipped("greeting"), shipped("thanks")) == chat(shipped("thanks"))

    def test_a_mail_greets_once(self):
        mail = render([shipped("greeting"), custom("Middle.")], "email", "en", COMPANY, NAME)
        assert mail.text.count("Hello") == 1

    def test_a_text_message_is_one_line_in_the_plain_alphabet(self):
        part = custom("One “two” – three…\n\n- a\n- b\n\nEnd.")
        assert render([part, custom("More.")], "sms", "en", COMPANY).text == 'One "two" - three... a; b. End. More.'

    def test_lines_run_on_and_points_stay_points(self):
        assert chat(custom("One\ntwo.\n\nList:\n- a\n- b\nEnd.")) == "One two.\n\nList:\n- a\n- b\n\nEnd."

    def test_a_channel_the_answer_does_not_speak_is_refused(self):
        with pytest.raises(DataError, match="no text for sms"):
            render([shipped("voice_goodbye")], "sms", "en", COMPANY)

    def test_no_answer_is_no_message(self):
        with pytest.raises(DataError, match="no answer"):
            render([], "chat", "en", COMPANY)


class TestMail:
    def test_it_has_a_subject_greeting_sign_off_and_says_that_it_is_automated(self):
        mail = render([shipped("bot_disclosure")], "email", "en", COMPANY, NAME)
        assert mail.subject == "Your question to Quillhaven"
        assert mail.text.startswith(f"Hello {NAME},\n\n")
        assert "Kind regards,\nQuillhaven billing support" in mail.text
        assert "automated assistant" in mail.text.split("\n\n")[-1]

    def test_html_and_text_say_the_same(self):
        mail = render([shipped("plan_changed", **samples("plan_changed")[0])], "email", "en", COMPANY, NAME)
        assert mail.html.count("<li>") == 2
        for line in mail.text.split("\n"):
            assert line.removeprefix("- ").replace('"', "&quot;").replace("'", "&#x27;") in mail.html

    def test_the_language_is_declared(self):
        assert '<html lang="pt">' in render([shipped("thanks", "pt")], "email", "pt", COMPANY).html

    def test_no_name_is_no_name(self):
        assert render([custom("x")], "email", "en", COMPANY).text.startswith("Hello,\n")

    def test_a_subject_is_one_line(self):
        part = Part("made_up", bundle("x", "Two\n{{ words }}"), {"words": "a\r\nBcc: everybody@example.example"})
        assert "\n" not in render([part], "email", "en", COMPANY).subject

    def test_an_edited_layout_replaces_the_shipped_one(self):
        mine = {"subject": "S", "email": "<<{{ body }}>>"}
        assert render([custom("x"), Part(LAYOUT, mine, {})], "email", "en", COMPANY).text == "<<x>>"

    def test_a_persons_letter_keeps_its_lines_and_carries_no_automated_notice(self):
        mail = letter("Dear you,\n{{ 7*7 }}\n\nBest", "email", "en", COMPANY, NAME, agent_name="Ines K.")
        assert "Dear you,\n{{ 7*7 }}\n\nBest" in mail.text
        assert "Ines K., Quillhaven" in mail.text
        assert "automated" not in mail.text

    def test_a_persons_words_keep_their_lines_in_a_text_message_too(self):
        assert letter("Hi,\r\nit’s me", "sms", "en", COMPANY).text == "Hi,\nit's me"
        assert letter("Hi,\nit's me", "voice", "en", COMPANY).text == "Hi, it's me"


class TestSameInSameOut:
    def test_rendering_is_deterministic(self):
        for name in ("account_balance", "payment_plan", "handoff"):
            part = shipped(name, "es", **samples(name)[1])
            first = render([part], "email", "es", COMPANY, NAME, timezone="Europe/Madrid")
            compiled.cache_clear()
            assert render([part], "email", "es", COMPANY, NAME, timezone="Europe/Madrid") == first

    def test_stored_facts_render_the_same_bytes_again(self):
        for name in ("account_balance", "payment_plan", "royalty_balance", "handoff", "refund_status"):
            for facts in samples(name):
                again = unpack(pack(dict(facts)))
                assert chat(shipped(name, **again)) == chat(shipped(name, **facts))

    def test_moments_are_shown_on_the_readers_clock(self):
        part = custom("{{ at | moment }}", at=datetime(2026, 7, 1, 2, 30, tzinfo=UTC))
        shown = render([part], "chat", "en", COMPANY, timezone="America/Denver").text
        assert shown == "Tuesday, June 30, 2026 at 8:30 PM"


class TestSegments:
    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("", 0), ("a" * 160, 1), ("a" * 161, 2), ("a" * 306, 2), ("a" * 307, 3), ("é" * 160, 1), ("á" * 70, 1),
            ("á" * 71, 2), ("á" * 134, 2), ("á" * 135, 3), ("€" * 80, 1), ("€" * 81, 2), ("😀" * 35, 1), ("😀" * 36, 2),
            ("a" * 152 + "€" + "a" * 20, 2), ("\n" * 160, 1),
        ],
    )  # fmt: skip
    def test_counts(self, text, count):
        assert segments(text) == count

    def test_a_wide_character_is_not_cut_in_half(self):
        # 76 extended characters fill 152 of 153 units; the 77th must begin the next segment.
        assert segments("€" * 152) == 2
        assert segments("€" * 153) == 3
