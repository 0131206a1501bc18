"""Papers are read back with another library: figures, languages, pages, odd letters, metadata."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pypdf
import pytest

from inbox.accounts.base import Account, Dispute, Instalment, Payment, Plan, Withdrawal
from inbox.errors import DataError, NotFound
from inbox.message import LANGUAGES
from inbox.money import Money
from inbox.papers import papers
from inbox.papers.letters import printable, register
from inbox.papers.papers import KINDS, Paper, Wanted, make
from inbox.papers.words import WORDS
from inbox.settings import Company
from tests.world import ILSE, MARA, money

COMPANY = Company(support_email="billing@larkmoor.example")
RECORD = {"invoice": "INV-900", "receipt": "P-501", "statement": "", "royalty_statement": "", "plan": "PL-90"}


def paper(kind: str, account: Account = MARA, language: Any = "en", **wanted: Any) -> Paper:
    return make(Wanted(kind=kind, **{"record_id": RECORD[kind], **wanted}), account, COMPANY, language)


def read(made: Paper) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(made.content))


def text(made: Paper) -> str:
    return " ".join(" ".join(page.extract_text() for page in read(made).pages).split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_every_paper_has_title_language_name_and_moment(kind, language):
    made = paper(kind, language=language)
    found = read(made)
    assert found.metadata is not None
    assert found.metadata.title == made.title
    assert str(found.trailer["/Root"]["/Lang"]) == papers.LOCALES[language]
    assert found.trailer["/Root"]["/ViewerPreferences"]["/DisplayDocTitle"]
    words = text(made)
    assert made.title in words
    assert "Mara Lindqvist" in words
    assert WORDS[language]["as_of"] in words
    assert {"en": "Page 1 of 1", "es": "Página 1 de 1", "pt": "Página 1 de 1"}[language] in words
    assert "[?]" not in words


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_input_gives_the_same_bytes(kind):
    assert paper(kind).content == paper(kind).content
    assert paper(kind).content != paper(kind, language="es").content


def test_another_process_gives_the_same_bytes():
    """Nothing of this process, its hash seed or its clock is in them."""
    code = (
        "import hashlib; from tests.papers.test_papers import *; "
        "print(hashlib.sha256(paper('statement').content).hexdigest())"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(runs) == 1


class TestFigures:
    def test_an_invoice_shows_total_paid_left_and_its_schedule(self):
        words = text(paper("invoice"))
        for figure in ("Total $300.00", "Paid $100.00", "Left to pay $200.00", "2 of 3 April 5, 2026 to come $100.00"):
            assert figure in words

    @pytest.mark.parametrize(
        ("language", "figure", "day"),
        [("en", "$64.00", "February 15, 2026"), ("es", "US$ 64,00", "15 de febrero de 2026"),
         ("pt", "US$ 64,00", "15 de fevereiro de 2026")],
    )  # fmt: skip
    def test_a_receipt_shows_what_was_paid_in_the_readers_way(self, language, figure, day):
        words = text(paper("receipt", language=language))
        assert figure in words
        assert day in words
        assert "7318" in words

    def test_a_receipt_says_nothing_of_what_is_left(self):
        """It may go to whoever quotes the payment; the balance may not."""
        words = text(paper("receipt", record_id="P-502"))
        assert "$100.00" in words
        assert "200.00" not in words

    @pytest.mark.parametrize("status", ["failed", "pending"])
    def test_money_that_did_not_come_has_no_receipt(self, status):
        account = replace(MARA, payments=(replace(MARA.payments[0], status=status),))
        with pytest.raises(NotFound, match="no receipt"):
            paper("receipt", account)

    def test_a_royalty_statement_shows_all_five_figures_and_the_next_run(self):
        words = text(paper("royalty_statement"))
        for figure in ("Available $120.00", "confirmed $15.50", "returns $3.00", "payout $50.00", "March 20, 2026"):
            assert figure in words
        assert "ending in 5093" in words

    def test_a_statement_keeps_to_its_period(self):
        words = text(paper("statement", since=date(2026, 2, 10), until=date(2026, 2, 28)))
        assert "P-501" in words  # February 15
        assert "P-502" not in words  # February 5
        assert "February 10, 2026 to February 28, 2026" in words

    def test_withdrawals_outside_the_period_stay_out(self):
        assert MARA.royalties is not None
        made = [
            Withdrawal(id=f"WD-{n}", amount=money("10.00"), requested_on=day, status="paid")
            for n, day in ((1, date(2026, 1, 31)), (2, date(2026, 2, 1)))
        ]
        account = replace(MARA, royalties=replace(MARA.royalties, withdrawals=tuple(made)))
        words = text(paper("royalty_statement", account, since=date(2026, 2, 1)))
        assert "WD-2" in words
        assert "WD-1" not in words

    def test_a_period_without_days_is_refused(self):
        with pytest.raises(NotFound, match="no days"):
            paper("statement", since=date(2026, 3, 1), until=date(2026, 2, 1))

    def test_what_is_past_due_is_called_so(self):
        parts = tuple(
            Instalment(number=n, due_on=date(2026, n, 5), amount=money("100.00"), status=s)
            for n, s in ((1, "paid"), (2, "failed"), (3, "scheduled"))
        )
        account = replace(MARA, plans=(Plan(id="PL-90", invoice_id="INV-900", instalments=parts),))
        words = text(paper("plan", account))
        assert "2 of 3 February 5, 2026 past due" in words
        assert "3 of 3 March 5, 2026 past due" in words  # its day has passed as well

    def test_a_disputed_invoice_asks_for_nothing(self):
        dispute = Dispute(
            id="D-1", invoice_id="INV-900", amount=money("1.00"), reason="x", opened_on=date(2026, 3, 1), status="needs_response"
        )  # fmt: skip
        account = replace(MARA, disputes=(dispute,))
        assert "under review; nothing needs to be paid" in text(paper("invoice", account))
        assert "INV-900: This invoice is under review" in text(paper("statement", account))

    def test_negative_and_huge_figures_and_other_currencies(self):
        credit = replace(MARA.invoices[0], total=money("-12.50"), paid=money("0.00"), balance=money("-12.50"))
        account = replace(MARA, invoices=(credit,), outstanding=money("-12.50"), plans=())
        assert "-$12.50" in text(paper("invoice", account))
        big = Money.of("98765432109876.54", "EUR")
        payment = Payment(
            id="P-1", on=date(2026, 3, 1), amount=big, method="", status="succeeded", invoice_id="INV-900"
        )
        account = replace(MARA, payments=(payment,), currency="EUR")
        assert "€98,765,432,109,876.54" in text(paper("receipt", account, record_id="P-1"))

    def test_a_currency_sign_the_font_lacks_becomes_its_code(self):
        rupees = Payment(
            id="P-1", on=date(2026, 3, 1), amount=Money.of("75.50", "INR"), method="", status="succeeded", invoice_id="x"
        )  # fmt: skip
        assert "INR 75.50" in text(paper("receipt", replace(MARA, payments=(rupees,)), record_id="P-1"))

    def test_figures_that_contradict_are_not_put_on_paper(self):
        wrong = replace(MARA, outstanding=money("200.01"))
        for kind in ("invoice", "statement", "plan"):
            with pytest.raises(DataError, match=r"200\.01"):
                paper(kind, wrong)

    @pytest.mark.parametrize("kind", ["invoice", "receipt", "plan"])
    def test_a_record_of_somebody_else_is_not_found(self, kind):
        with pytest.raises(NotFound, match="this account"):
            paper(kind, ILSE)

    def test_an_unknown_kind_names_those_there_are(self):
        with pytest.raises(NotFound, match="royalty_statement"):
            make(Wanted(kind="poem"), MARA, COMPANY, "en")


class TestLongContent:
    def test_many_rows_go_over_pages_with_the_head_on_each(self):
        start = date(2025, 3, 12)
        many = tuple(
            Payment(id=f"P-{1000 + n}", on=start + timedelta(days=n), amount=money("1.00"), method="visa ••7318",
                    status="succeeded", invoice_id="INV-900")
            for n in range(300)
        )  # fmt: skip
        made = paper("statement", replace(MARA, payments=many))
        pages = [p.extract_text() for p in read(made).pages]
        assert len(pages) > 5
        whole = "\n".join(pages)
        assert all(f"P-{1000 + n}" in whole for n in range(300))
        assert f"Page {len(pages)} of {len(pages)}" in pages[-1]
        assert sum("Number" in page for page in pages) >= len(pages) - 1

    def test_long_names_wrap_inside_the_page(self):
        name = "Maximiliana " * 12 + "W" * 200
        title = "The Extraordinarily Long and Winding Title of a Book, " * 15
        account = replace(
            MARA, name=name, titles=(title,), invoices=(replace(MARA.invoices[0], description=title), MARA.invoices[1])
        )
        for kind in KINDS:
            made = paper(kind, account)
            width = float(read(made).pages[0].mediabox.width)
            seen: list[float] = []
            for page in read(made).pages:
                page.extract_text(
                    visitor_text=lambda t, cm, tm, f, s: seen.append(tm[4] + cm[4]) if t.strip() else None
                )
            assert max(seen) < width
        words = text(paper("invoice", account)).replace(" ", "")
        assert "W" * 200 in words

    def test_a_text_without_end_is_cut_visibly_and_still_fits(self):
        account = replace(MARA, invoices=(replace(MARA.invoices[0], description="word " * 50_000), MARA.invoices[1]))
        made = paper("statement", account)
        assert "…" in text(made)
        assert len(read(made).pages) < 6


class TestLetters:
    def test_what_the_font_has_is_printed_as_it_is(self):
        name = "José Núñez Íñiguez-Conceição Müller œ ß €"
        assert printable(name) == name
        assert name in text(paper("receipt", replace(MARA, name=name)))

    def test_an_accent_the_font_lacks_is_left_out(self):
        assert printable("Dvořák Łukasz Đặng Ngô Șerban") == "Dvorák Łukasz Đang Ngô Serban"

    def test_what_cannot_be_printed_is_marked_and_said(self):
        words = text(paper("receipt", replace(MARA, name="Ольга Петрова 王")))
        assert "[?] [?] [?]" in words
        assert "cannot be printed" in words
        assert "cannot be printed" not in text(paper("receipt"))

    def test_a_mark_the_author_typed_is_no_missing_letter(self):
        assert "cannot be printed" not in text(paper("receipt", replace(MARA, name="Who [?] Me")))

    @pytest.mark.parametrize("hostile", ["<b>x</b> & <img src='http://h.example/a'/>", "{{ 7*7 }}", "]]> &amp; %s"])
    def test_markup_is_printed_as_it_stands(self, hostile):
        assert hostile.replace(" ", "") in text(paper("receipt", replace(MARA, name=hostile))).replace(" ", "")

    def test_controls_and_direction_marks_go(self):
        assert printable("a\x00b\u202ec\u200bd\n\te") == "abcd e"

    def test_every_letter_shown_is_in_the_font(self):
        """Whatever the text: no glyph is left to chance."""
        known = register()
        for start in range(0x20, 0x3000, 64):
            shown = printable("".join(chr(c) for c in range(start, start + 64)))
            assert all(ord(c) in known for c in shown)


def test_all_languages_have_the_same_words():
    assert {frozenset(words) for words in WORDS.values()} == {frozenset(WORDS["en"])}


def test_file_names_are_safe():
    account = replace(MARA, invoices=(replace(MARA.invoices[0], id='../"x\r\ny'), *MARA.invoices[1:]), plans=())
    made = paper("invoice", account, record_id='../"x\r\ny')
    assert made.name == "invoice-x--y.pdf"
