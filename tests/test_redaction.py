"""What must be masked is masked however it is written, and nothing else is touched."""

from __future__ import annotations

import base64
import importlib
import re
import sys
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]  # the standard library's own reading of a pattern
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inbox import redaction
from inbox.redaction import checksums, mask, mask_codes, mask_encoded, mask_joined, mask_json
from inbox.redaction.encoded import HIDDEN
from tests import secrets_made as made

VISA = "4539578763621486"
MASTERCARD = "2223003122003222"
AMEX = "371449635398431"


def kinds(text: str) -> dict[str, int]:
    return {r.kind: r.count for r in mask(text).found}


def digit(base: str) -> str:
    """The Luhn digit for ``base``."""
    return next(d for d in "0123456789" if checksums.luhn(base + d))


# --- cards ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"my card is {VISA} thanks", "my card is [Visa card •••• 1486] thanks"),
        ("pay with 3714 496353 98431.", "pay with [American Express card •••• 8431]."),
        ("2223-0031-2200-3222", "[Mastercard card •••• 3222]"),
        ("4539.5787\n6362.1486", "[Visa card •••• 1486]"),
        ("> 4539 5787\r\n> 6362 1486", "> [Visa card •••• 1486]"),
        ("4539\u00a05787\u200b6362\u20111486", "[Visa card •••• 1486]"),
        ("4539&nbsp;5787&nbsp;6362&nbsp;1486", "[Visa card •••• 1486]"),
        ("４５３９ ５７８７ ６３６２ １４８６", "[Visa card •••• 1486]"),
        ("4-5-3-9-5-7-8-7-6-3-6-2-1-4-8-6", "[Visa card •••• 1486]"),
        ("45395787636214860628123 is all of it", "[Visa card •••• 1486] is all of it"),
        ("order 70112 4539 5787 6362 1486 for two books", "order 70112 [Visa card •••• 1486] for two books"),
        ("it's four five three nine, five seven eight seven, six three six two, one four eight six, ok?",
         "it's [Visa card •••• 1486], ok?"),
        ("cuatro cinco tres nueve cinco siete ocho siete seis tres seis dos uno cuatro ocho seis", "[Visa card •••• 1486]"),
        ("quatro cinco três nove cinco sete oito sete meia três meia dois um quatro oito meia", "[Visa card •••• 1486]"),
        ("forty five thirty nine fifty seven eighty seven sixty three sixty two fourteen eighty six",
         "[Visa card •••• 1486]"),
        (("cuarenta y cinco treinta y nueve cincuenta y siete ochenta y siete sesenta y tres sesenta y dos catorce"
         " ochenta y seis"), "[Visa card •••• 1486]"),
        ("four um five uh three nine five seven eight seven six three six two one four eight six",
         "[Visa card •••• 1486]"),
    ],
)  # fmt: skip
def test_a_card_number_is_masked(text: str, expected: str) -> None:
    masked = mask(text)
    assert masked.text == expected
    assert [(r.kind, r.count) for r in masked.found] == [("pan", 1)]
    assert masked.found[0].last4s in {("1486",), ("8431",), ("3222",)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{VISA} 04/28 cvc 123", "[Visa card •••• 1486] [expiry date] cvc [security code]"),
        (f"{VISA}, vence 06/2029, código 321", "[Visa card •••• 1486], vence [expiry date], código [security code]"),
        (f"{AMEX} exp 0329 1234", "[American Express card •••• 8431] exp [expiry date] [security code]"),
        (f"exp 04/28, card {VISA}", "exp [expiry date], card [Visa card •••• 1486]"),
        (f"{VISA} 123", "[Visa card •••• 1486] [security code]"),
        (("four five three nine five seven eight seven six three six two one four eight six zero four two eight nine one"
         " nine"), "[Visa card •••• 1486] [security code]"),
        (("four five three nine five seven eight seven six three six two one four eight six expires zero four two eight"
         " code nine one nine"), "[Visa card •••• 1486] expires [expiry date] code [security code]"),
        ("my CVV is 919", "my CVV is [security code]"),
        ("919 is my cvv", "[security code] is my cvv"),
        ("código de segurança: 9190", "código de segurança: [security code]"),
        ("the cvc is nine one nine", "the cvc is [security code]"),
    ],
)  # fmt: skip
def test_expiry_and_security_code_go_with_the_card(text: str, expected: str) -> None:
    assert mask(text).text == expected


def test_amounts_and_dates_behind_a_card_stay() -> None:
    assert mask(f"{VISA} please take $120 on 2026-04-01").text == (
        "[Visa card •••• 1486] please take $120 on 2026-04-01"
    )


def test_two_cards_are_counted() -> None:
    masked = mask(f"{VISA} and then {MASTERCARD}")
    assert masked.found[0].count == 2
    assert masked.found[0].last4s == ("1486", "3222")


card_numbers = (
    st.one_of(
        st.tuples(st.just("4"), st.integers(0, 10**14 - 1).map(lambda n: f"{n:014d}")),
        st.tuples(
            st.sampled_from(["51", "53", "55", "2221", "2720"]), st.integers(0, 10**13 - 1).map(lambda n: f"{n:013d}")
        ),
        st.tuples(st.sampled_from(["6011", "3530", "622126"]), st.integers(0, 10**11 - 1).map(lambda n: f"{n:011d}")),
    )
    .map(lambda parts: "".join(parts)[:15])
    .map(lambda base: base + digit(base))
)
amex_numbers = st.integers(0, 10**12 - 1).map(lambda n: f"37{n:012d}").map(lambda base: base + digit(base))
separators = st.sampled_from(["", " ", "-", ".", "  ", " - ", "\n", "\r\n", "/", "_", "\u00a0", "\u2009", "–", ", "])


@settings(max_examples=300, deadline=None)
@given(card_numbers | amex_numbers, st.lists(separators, min_size=15, max_size=15))
def test_any_card_with_any_separators_is_masked(card: str, gaps: list[str]) -> None:
    written = "".join(d + g for d, g in zip(card, [*gaps, ""], strict=False)).strip()
    written = written.rstrip(" -,./_–\u00a0\u2009\r\n")
    masked = mask(f"Use this: {written} please")
    assert masked.text.startswith("Use this: [") and masked.text.endswith(f"card •••• {card[-4:]}] please")
    assert mask(masked.text).text == masked.text


@settings(max_examples=100, deadline=None)
@given(card_numbers, st.sampled_from(["en", "es", "pt"]))
def test_any_card_that_is_spoken_is_masked(card: str, language: str) -> None:
    words = {
        "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
        "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
        "pt": ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
    }[language]
    spoken = " ".join(words[int(d)] for d in card)
    assert mask(f"ok {spoken} bye").text.endswith(f"card •••• {card[-4:]}] bye")


# --- bank and identity ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("send it to DE89 3704 0044 0532 0130 00, please", "send it to [bank number], please"),
        ("IBAN pt50000201231234567890154", "IBAN [bank number]"),
        ("routing 026009593, account 3300 4455 6677", "routing [bank number], account [bank number]"),
        ("my account number is 70255501", "my account number is [bank number]"),
        ("70255501 is my account number", "[bank number] is my account number"),
        ("mi CLABE es 012180004567890128", "mi CLABE es [bank number]"),
        ("la cuenta de ahorros: 4455-667788", "la cuenta de ahorros: [bank number]"),
        ("agência 1234 conta corrente 56789-0", "agência [bank number] conta corrente [bank number]"),
        ("cuenta número dos cinco cinco cero uno cuatro siete", "cuenta número [bank number]"),
    ],
)  # fmt: skip
def test_a_bank_number_is_masked(text: str, expected: str) -> None:
    masked = mask(text)
    assert masked.text == expected
    assert {r.kind for r in masked.found} == {"bank"}


@pytest.mark.parametrize(
    ("text", "expected", "kind"),
    [
        ("it is 219-09-9999", "it is [social security number]", "ssn"),
        ("my ITIN: 912-78-3456", "my ITIN: [social security number]", "ssn"),
        ("SSN 219099999", "SSN [social security number]", "ssn"),
        ("social security two one nine zero nine nine nine nine nine", "social security [social security number]", "ssn"),
        ("our EIN is 38-1234567", "our EIN is [tax number]", "tax_id"),
        ("EIN 12-3456789", "EIN [tax number]", "tax_id"),
        ("the company's tax id: 381234567", "the company's tax id: [tax number]", "tax_id"),
        ("12-3456789 is our federal id", "[tax number] is our federal id", "tax_id"),
        ("social security tax id 219 09 9999", "social security tax id [social security number]", "ssn"),
        ("the last four of my social are 9876", "the last four of my social are [social security number]", "ssn"),
        ("CPF 390.533.447-05", "CPF [tax number]", "tax_id"),
        ("meu numero 39053344705", "meu numero [tax number]", "tax_id"),
        ("CNPJ: 11.444.777/0001-61", "CNPJ: [tax number]", "tax_id"),
        ("CURP HEGG560427MVZRRL04", "CURP [tax number]", "tax_id"),
        ("RFC: GODE561231GR8", "RFC: [tax number]", "tax_id"),
        ("CUIT 20-12345678-6", "CUIT [tax number]", "tax_id"),
        ("mi DNI es 30.123.456", "mi DNI es [tax number]", "tax_id"),
        ("password: correct-horse", "password: [password]", "password"),
        ("mi contraseña es Sol2026!", "mi contraseña es [password]!", "password"),
        ("senha = abc123, obrigada", "senha = [password], obrigada", "password"),
        ("my pin is 4821", "my pin is [password]", "password"),
    ],
)  # fmt: skip
def test_identity_numbers_and_passwords_are_masked(text: str, expected: str, kind: str) -> None:
    masked = mask(text)
    assert masked.text == expected
    assert [(r.kind, r.count, r.last4s) for r in masked.found] == [(kind, 1, ())]


# --- what must stay ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ISBN 978-4-06-519832-6 and 9784061983271",
        "ISBNs:\n978-4-06-519832-6\n978-3-16-148410-0\n978-0-306-40615-7",
        "ISBN-10 4-06-519832-X and 0306406152",
        "invoice INV-70112 for order 4512-88731 tracking 1Z999AA10123456784",
        "USPS 9400 1000 0000 0000 0000 00",
        "call +14155550134 or (415) 555-0135 or 415-555-0136",
        "415-555-0134 415-555-0135",
        "415-464-6328 415-464-0000",  # sixteen of these digits would do for a card
        "my account A-71104 has 3 open invoices: INV-70112, INV-70113",
        "account opened on 2019-03-11, balance 1,129.45, account paid 84.65 dollars",
        "my account phone is 555-0134",
        "mi cuenta desde 2019",
        "the code is 482913",
        "4 5 12 2026 3 14 11 161.35 84.65 2026 7 30",
        "45.10\n32.45\n512.30\n1,024.00\n61.20\n44.10",
        "my password is wrong and the password reset fails",
        "4539578763621487",  # check digit wrong
        "0000 0000 0000 0000",
        "one two three go",
        "https://portal.example/p/123456789012345678?x=1",
        "visa ••7318 and bank ••5093",
        "uuid 550e8400-e29b-41d4-a716-446655440000",
        "2026-03-11T15:00:00Z and 1773241200000000",
        "my security question is about code 12 on page 345",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert mask(text).text == text
    assert mask(text).found == ()


isbns = (
    st.tuples(st.sampled_from(["978", "979"]), st.integers(0, 10**9 - 1))
    .map(lambda p: f"{p[0]}{p[1]:09d}")
    .map(lambda b: b + str(-sum(int(d) * (1 + 2 * (n % 2)) for n, d in enumerate(b)) % 10))
)
phones = st.integers(2000000, 9999999).flatmap(
    lambda n: st.sampled_from([f"+1415{n}", f"(415) {str(n)[:3]}-{str(n)[3:]}", f"415-{str(n)[:3]}-{str(n)[3:]}"])
)
ids = st.tuples(st.sampled_from(["INV-", "ORD-", "A-", "P-", "WD-", "CASE #"]), st.integers(10000, 9999999)).map(
    lambda p: f"{p[0]}{p[1]}"
)


@settings(max_examples=200, deadline=None)
@given(st.lists(isbns | phones | ids, min_size=1, max_size=6), st.sampled_from([" ", "\n", ", ", " and ", "; "]))
def test_books_phones_and_ids_survive(items: list[str], joint: str) -> None:
    text = "About " + joint.join(items)
    assert mask(text).text == text


@settings(max_examples=150, deadline=None)
@given(isbns, st.sampled_from([(3, 1, 2, 6, 1), (3, 1, 5, 3, 1), (3, 2, 4, 3, 1), (3, 10)]))
def test_a_hyphenated_isbn_survives(isbn: str, sizes: tuple[int, ...]) -> None:
    parts, at = [], 0
    for size in sizes:
        parts.append(isbn[at : at + size])
        at += size
    text = "-".join(parts)
    assert mask(f"ISBN {text} {text}").text == f"ISBN {text} {text}"


# --- properties of the whole ------------------------------------------------------------------------------------------

scraps = st.sampled_from(
    [VISA, AMEX, "4539 5787 6362 1486", "[Visa card •••• 1486]", "04/28", "123", "cvv", "account", "70255501", "is",
     "219-09-9999", "password:", "hunter2x", "[bank number]", "DE89370400440532013000", "four", "five", "nine", ",", "\n",
     "0628", "exp", "cuenta", "-", "978-3-16-148410-0", "cpf", "39053344705", ".", "and", "double", "[security code]"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(scraps | st.text(max_size=6), max_size=14).map(" ".join))
def test_masking_twice_changes_nothing_and_no_card_stays(text: str) -> None:
    once = mask(text).text
    assert mask(once).text == once
    assert VISA not in once
    assert AMEX not in once


HOSTILE = [
    "4", "4 ", "password:", "password is a1 ", "four two ", "double four ", "ES91 ", "cvv 123 ", "account number is ", "4242\n",
    "978 ", "978-", "4" + " " * 11, "\\n", "abcd-123456-", "[Visa card •••• 4242] 04 ", "[Visa card ", "é", "a\u0301", "4&nbsp;",
    "4\u200b", "４", "1Z", "4l", "four and ", "mil ", "cien mil dos ", "[part of a card number] 4 ", "123-45-6789 ", "<br>4", "is ",
    "otp 1234 ", "A-1 ", "+1 ", "0-1-2-3-", "4539578763621486 ", "D E 8 9 ", "=34", "%34", "&#52;", "(4",
]  # fmt: skip


# --- other forms ------------------------------------------------------------------------------------------------------


def test_json_is_masked_to_the_bottom() -> None:
    value = {
        "Body": f"pay {VISA}",
        "n": 3,
        "list": ["ok", {"deep": "SSN 219-09-9999"}],
        "card": int(VISA),
        "at": 1773241200000000,
    }
    assert mask_json(value) == {
        "Body": "pay [Visa card •••• 1486]",
        "n": 3,
        "list": ["ok", {"deep": "SSN [social security number]"}],
        "card": "[Visa card •••• 1486]",
        "at": 1773241200000000,
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("482913", "[code]"),
        ("my code is 482913.", "my code is [code]."),
        ("four eight two nine one three", "[code]"),
        ("INV-482913, 2026-03-11, 4829.13, 1482913", "INV-482913, 2026-03-11, 4829.13, 1482913"),
    ],
)
def test_codes_are_masked_for_logs_and_desks(text: str, expected: str) -> None:
    assert mask(text).text == text
    assert mask_codes(text) == expected


def test_long_fields_of_a_json_text_are_read_over_escapes() -> None:
    assert VISA[-8:-4] not in mask('{"text": "4539 5787\\n6362 1486"}').text


# --- every dress, and everything that only looks like one -------------------------------------------------------------


@settings(max_examples=600, deadline=None)
@given(made.secrets)
def test_no_secret_survives_in_any_dress(secret: made.Secret) -> None:
    masked = mask(secret.text)
    assert secret.kind in {r.kind for r in masked.found}, masked.text
    assert not [trace for trace in secret.traces if trace in masked.text]
    assert mask(masked.text).text == masked.text


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(made.thousand_cards())
def test_cards_told_in_thousands_are_masked(secret: made.Secret) -> None:
    masked = mask(secret.text).text
    assert not [trace for trace in secret.traces if trace in masked]


@settings(max_examples=600, deadline=None)
@given(made.innocents)
def test_every_innocent_survives(text: str) -> None:
    whole = f"About {text}, please"
    assert mask(whole).text == whole


@settings(max_examples=300, deadline=None)
@given(
    st.lists(made.innocents, min_size=2, max_size=5),
    st.sampled_from([" for the book and ", "; then we got ", " (see below) about "]),
)
def test_innocents_in_one_message_survive(items: list[str], joint: str) -> None:
    whole = f"About {joint.join(items)}, please"
    assert mask(whole).text == whole


@settings(max_examples=200, deadline=None)
@given(made.written_cards(), made.innocents, made.innocents)
def test_what_stands_around_a_secret_stays(secret: made.Secret, before: str, behind: str) -> None:
    masked = mask(f"About {before} here: {secret.text} with {behind} there").text
    assert masked.startswith(f"About {before} here: my card is [")
    assert masked.endswith(f"ok with {behind} there")


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["4539 5787", "6362 1486"], ["[part of a card number]", "[Visa card •••• 1486]"]),
        (["my card: 4539", "5787", "then 6362", "and 1486 exp 04/28"],
         ["my card: [part of a card number]", "[part of a card number]", "[part of a card number]",
          "[Visa card •••• 1486] exp [expiry date]"]),
        (["[Visa card •••• 1486]", "04/28 123"], ["[Visa card •••• 1486]", "[expiry date] [security code]"]),
        (["my account number is", "70255501"], ["my account number is", "[bank number]"]),
        (["my SSN is 219", "09 9999"], ["my SSN is [part of it]", "[social security number]"]),
        (["I paid 45.00", "on 2026-03-04"], ["I paid 45.00", "on 2026-03-04"]),
        (["INV-4539 and INV-5787", "INV-6362, INV-1486"], ["INV-4539 and INV-5787", "INV-6362, INV-1486"]),
    ],
)  # fmt: skip
def test_numbers_over_several_messages(texts: list[str], expected: list[str]) -> None:
    assert [p.text for p in mask_joined(texts)] == expected


@pytest.mark.parametrize(
    "text",
    [
        f"Subject: =?utf-8?B?{base64.b64encode(f'card {VISA}'.encode()).decode()}?=",
        f"Subject: =?utf-8?Q?card_{VISA}?=",
        base64.encodebytes(f"Hello,\nmy card is {VISA} and the code is 123.\nRegards\n".encode()).decode(),
        "card =34=35=33=39=35=37=38=37=36=33=36=32=31=34=38=36 ok",
        '{"Body": "\\uff14\\uff15\\uff13\\uff19 5787 6362 1486"}',
        '{"text":"4539\\u00a05787\\u00a06362\\u00a01486"}',
    ],
)
def test_encoded_text_of_a_raw_payload_is_read(text: str) -> None:
    masked = mask_encoded(text)
    assert mask_encoded(masked) == masked
    assert VISA not in masked
    assert "•••• 1486" in masked or HIDDEN in masked


def test_raw_payloads_without_secrets_stay_byte_for_byte() -> None:
    picture = base64.encodebytes(bytes(range(256)) * 4).decode()
    for text in (
        picture,
        '{"Body":"when is it due?","MessageSid":"SM3f9a3f9a3f9a3f9a3f9a3f9a3f9a3f9a"}',
        "=?utf-8?Q?caf=C3=A9?=",
    ):
        assert mask_encoded(text) == text


def _steps(text: str) -> int:
    """Lines of ours that run while the text is masked: the same number at every run, on every machine."""
    count = 0

    def line(frame: Any, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return line

    before = sys.gettrace()
    sys.settrace(line)
    try:
        mask(text)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("scrap", HOSTILE, ids=range(len(HOSTILE)))
def test_ten_times_the_text_takes_ten_times_the_steps(scrap: str) -> None:
    mask(scrap)  # tables of characters and words are filled
    small, large = (_steps((scrap * (size // len(scrap) + 1))[:size]) for size in (2_000, 20_000))
    assert large <= 11.5 * small + 500


def test_no_pattern_can_backtrack() -> None:
    """No repetition without a bound stands within another, unless it gives nothing back."""
    for name in sorted(p.name for p in Path(redaction.__file__).parent.glob("*.py")):
        module = (
            importlib.import_module(f"inbox.redaction.{name.removesuffix('.py')}")
            if name != "__init__.py"
            else redaction
        )
        for pattern in (v for v in vars(module).values() if isinstance(v, re.Pattern)):
            tree = _parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)
            assert _nested(tree, inside=False) == 0, f"{name}: {pattern.pattern}"


def _nested(tree: Any, *, inside: bool) -> int:
    """Unbounded, greedy repetitions inside another repetition that can give back."""
    found = 0
    for kind, value in tree:
        if kind in (_parser.MAX_REPEAT, _parser.MIN_REPEAT):
            low, high, body = value
            endless = high == _parser.MAXREPEAT
            found += endless and inside
            found += _nested(body, inside=inside or (endless and low != high))
        elif kind is _parser.POSSESSIVE_REPEAT:
            found += _nested(value[2], inside=False)
        elif kind is _parser.SUBPATTERN:
            found += _nested(value[3], inside=inside)
        elif kind is _parser.BRANCH:
            found += sum(_nested(branch, inside=inside) for branch in value[1])
    return found
