"""What belongs to another author is found however it is dressed; what is the author's own, ours or nobody's is not."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from inbox.disclosure import names
from inbox.disclosure.wrong_author import Candidates, Culprit, Speaker, candidates, words
from tests.world import ILSE, MARA

BOT = Speaker(
    ours=names.of_words(("Larkmoor", "Larkmoor Author Services")), addresses=frozenset({"help@larkmoor.example"})
)
AGENT = replace(BOT, name="Noor Haddad", typed=True)


def found(text: str, speaker: Speaker = AGENT) -> Candidates:
    return candidates([text], MARA, speaker)


@pytest.mark.parametrize(
    "text",
    [
        "Your invoice INV-777 is open",
        "inv 777 is open",
        "INV–777, INV‑777 or INV\u2060-\u200b777",
        "ＩＮＶ－７７７",
        "ІNV-777",  # a Cyrillic first letter
        "invoice 777",
        "see https://portal.example/invoices/INV-777?x=1",
    ],
)
def test_the_id_of_a_record_is_found_in_every_dress(text: str) -> None:
    assert "INV-777" in found(text).ids
    assert "INV-777" in found(text, BOT).ids


@pytest.mark.parametrize(
    "text",
    ["Ilse Brandt", "ILSE BRANDT", "Ilse\nBrandt", "Brandt, Ilse", "Ilse M. Brandt", "Ílse Brândt", "I\u0301lse Brandt",
     "Іlse Вrandt", "I\u200bl\u200bs\u200be Brandt", "𝐈𝐥𝐬𝐞 𝐁𝐫𝐚𝐧𝐝𝐭", "Ilse.Brandt", "thanks Ilse Brandt said so"],
)  # fmt: skip
def test_a_full_name_is_found_in_every_dress(text: str) -> None:
    key = names.keys(ILSE.name)[0]
    assert key in found(text).names
    assert key in found(text, BOT).names


def test_people_type_names_in_lower_case() -> None:
    assert "ilse brandt" in found("as we told ilse brandt last week").names
    assert "ilse brandt" not in found("as we told ilse brandt last week", BOT).names


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("write to ILSE@brandt.example", "ilse@brandt.example"),
        ("write to ilse@brandt.example.", "ilse@brandt.example"),
        ("call +1 212 555 0202", "+12125550202"),
        ("call (212) 555-0202 today", "+12125550202"),
        ("call 212.555.0202", "+12125550202"),
    ],
)
def test_addresses_are_found(text: str, value: str) -> None:
    seen = found(text)
    assert value in {**seen.emails, **seen.phones}


@pytest.mark.parametrize(
    "text",
    [
        "Hi Mara, your next payment of $100.00 for INV-900 is due April 5, 2026.",
        "Dear Mara Lindqvist, P-501 and P-502 arrived. PL-90 has two payments left; RF-77 is on its way.",
        "Mara Lindqvist: The Tin Orchard sold 120 copies in 2025, 1,204.50 USD.",
        "Write to mara@lindqvist.example or +1 212 555 0101, or to us at help@larkmoor.example.",
        "Larkmoor Author Services",
        "Nothing is due until May.",
        "Total 64.00 USD on 2026-02-15 at 15:00, Visa ••7318",
        "Pay here: https://portal.example/l/Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MGFi",
    ],
)
def test_what_is_the_authors_own_or_nobodys_costs_no_look_up(text: str) -> None:
    assert not found(text, BOT)


def test_the_title_of_their_book_may_name_anybody() -> None:
    author = replace(MARA, titles=("The Life of Ilse Brandt",))
    assert not candidates(["Your book The Life of Ilse Brandt is in print"], author, BOT)
    assert candidates(["Your book on Ilse Brandt is in print"], author, BOT).names


def test_the_agents_own_name_is_fine() -> None:
    assert "noor haddad" not in found("Kind regards, Noor Haddad").names


def test_without_an_account_everything_is_looked_up() -> None:
    assert "INV-900" in candidates(["INV-900"], None, BOT).ids


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mara Lindqvist", ("mara lindqvist", "")),
        ("Gabriel García Márquez", ("gabriel marquez", "gabriel garcia")),
        ("María de la Luz Peña", ("maria pena", "maria luz")),
        ("Seán O'Neill", ("sean oneill", "")),
        ("Cher", ("", "")),
        ("", ("", "")),
    ],
)
def test_a_name_is_kept_by_its_key(name: str, expected: tuple[str, str]) -> None:
    assert names.keys(name) == expected


family = st.sampled_from(
    ["Brandt", "Okonkwo", "Núñez", "Lindqvist", "Moreau", "O'Neill", "São-João", "Tanaka", "Ibarra"]
)
first = st.sampled_from(["Ilse", "Zoë", "João", "Begoña", "Kwame", "Anaïs", "Tadeusz", "Inés"])


@settings(max_examples=150, deadline=None)
@given(first, family, st.sampled_from([" ", "\n", "  ", ", ", "."]), st.booleans(), st.booleans(), st.integers(0, 3))
def test_any_stored_name_is_found(one: str, other: str, gap: str, upper: bool, bare: bool, unseen: int) -> None:
    key = names.keys(f"{one} {other}")[0]
    written = f"{one}{gap}{other}"
    if bare:
        written = "".join(c for c in unicodedata.normalize("NFD", written) if not unicodedata.combining(c))
    written = (written.upper() if upper else written).replace("a", "a" + "\u200b" * unseen)
    assert key in candidates([f"We paid {written} today"], None, BOT).names


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["INV", "P", "WD", "PAY", "RF", "A"]),
    st.integers(100, 9_999_999),
    st.sampled_from(["-", "–", "\u2011", " ", "\u200b-", "#"]),
)
def test_any_record_id_is_found(prefix: str, number: int, dash: str) -> None:
    assume(not (prefix == "A" and dash == " "))  # "a 100 dollar discount"
    assert f"{prefix}-{number}" in candidates([f"about {prefix}{dash}{number}, please"], None, BOT).ids


def test_candidates_grow_with_the_text_and_not_faster() -> None:
    """Steps are counted, not seconds: each word is paired with at most the four behind it."""
    small, large = (
        len(candidates([text * n], None, AGENT).names)
        for text, n in (("Abc Def Ghi Jkl ", 5), ("Abc Def Ghi Jkl ", 500))
    )
    assert small == large


def test_the_refusal_names_the_words_and_the_account() -> None:
    told = words([Culprit("invoice", "INV-777", "A-200", ("777.70",))])
    assert "“INV-777” with 777.70 (invoice) belongs to account A-200" in told
