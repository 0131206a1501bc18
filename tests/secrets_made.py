"""Secrets in every dress, and numbers that only look like them; the same generators for unit and whole-pipeline tests."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from hypothesis import strategies as st

from inbox.redaction import checksums

SPOKEN = {
    "en": ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    "es": ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    "pt": ["zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove"],
}
TENS = {
    "en": ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"],
    "es": ["", "", "veinte", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"],
    "pt": ["", "", "vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"],
}
AND = {"en": " ", "es": " y ", "pt": " e "}
HUNDREDS = {
    "es": ["", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos", "ochocientos",
           "novecientos"],
    "pt": ["", "cento", "duzentos", "trezentos", "quatrocentos", "quinhentos", "seiscentos", "setecentos", "oitocentos", "novecentos"],
}  # fmt: skip
DASHES = "-‐‑‒–—−－﹣⸺ー"
BLANKS = " \u00a0\u2002\u2009\u202f\u3000\u2800\u200b\u200d\u2060\ufeff\u00ad"
SCRIPTS = [0x30, 0xFF10, 0x660, 0x6F0, 0x966, 0x1D7CE, 0x1D7D8, 0x1D7F6]


@dataclass(frozen=True)
class Secret:
    """``text`` is how it stands in a sentence; none of ``traces`` may be found afterwards."""

    kind: str
    text: str
    traces: tuple[str, ...]


def luhn(base: str) -> str:
    return base + next(d for d in "0123456789" if checksums.luhn(base + d))


def digits(size: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=size, max_size=size)


cards = st.one_of(
    st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "3530", "622126"]).flatmap(lambda p: digits(15 - len(p)).map(lambda d: luhn(p + d))),
    st.sampled_from(["34", "37"]).flatmap(lambda p: digits(12).map(lambda d: luhn(p + d))),
)  # fmt: skip


def in_script(text: str, zero: int) -> str:
    return "".join(chr(zero + int(c)) if c.isdecimal() else c for c in text)


def groups(card: str) -> list[str]:
    sizes = (4, 6, 5) if len(card) == 15 else (4, 4, 4, 4)
    at = [0, *(sum(sizes[: n + 1]) for n in range(len(sizes)))]
    return [card[a:b] for a, b in pairwise(at)]


joints = st.one_of(
    st.sampled_from(list(DASHES)), st.sampled_from(list(BLANKS)), st.sampled_from(["\n", "\r\n", "\n> ", "  ", " - ", ".", "/", "_", "|", "·", ", "]),
    st.sampled_from(["&nbsp;", "&#45;", "<br>", "=\n", "%20", " then ", ", then ", " ("]),
)  # fmt: skip


@st.composite
def written_cards(draw: st.DrawFn) -> Secret:
    card = draw(cards)
    joint, zero = draw(joints), draw(st.sampled_from(SCRIPTS))
    text = in_script(joint.join(groups(card)), zero)
    return Secret("pan", f"my card is {text} ok", (card, text, in_script(card, zero)))


@st.composite
def spelled_cards(draw: st.DrawFn) -> Secret:
    card, language = draw(cards), draw(st.sampled_from(["en", "es", "pt"]))
    spoken = draw(st.sampled_from([" ", ", ", "-"])).join(SPOKEN[language][int(d)] for d in card)
    return Secret("pan", f"ok: {spoken}. bye", (spoken, " ".join(spoken.split()[-6:])))


def pair(language: str, two: str) -> str:
    """``42`` as people say it; with a nought in front digit by digit."""
    tens, unit = int(two[0]), int(two[1])
    if tens < 2:
        return f"{SPOKEN[language][tens]} {SPOKEN[language][unit]}"
    return TENS[language][tens] + (
        AND[language] + SPOKEN[language][unit]
        if unit and not (language == "es" and tens == 2)
        else ""
        if not unit
        else " " + SPOKEN[language][unit]
    )


def _is_clear(card: str) -> bool:
    """ "Twenty one" is 21 or 20 and 1: nobody can tell."""
    return len(card) == 16 and not any(g[1] == "0" and g[0] > "1" and g[2] < "2" for g in groups(card))


@st.composite
def paired_cards(draw: st.DrawFn) -> Secret:
    card, language = draw(cards.filter(_is_clear)), draw(st.sampled_from(["en", "es", "pt"]))
    spoken = ", ".join(" ".join(pair(language, g[n : n + 2]) for n in (0, 2)) for g in groups(card))
    return Secret("pan", f"it is {spoken}; thanks", (spoken, spoken.rsplit(", ", 1)[1]))


@st.composite
def doubled_cards(draw: st.DrawFn) -> Secret:
    """``double four``."""
    card = draw(cards)
    said, n = [], 0
    while n < len(card):
        twice = n + 1 < len(card) and card[n] == card[n + 1]
        said.append(("double " if twice else "") + SPOKEN["en"][int(card[n])])
        n += 2 if twice else 1
    return Secret("pan", f"use {' '.join(said)} please", (" ".join(said), " ".join(said[-5:])))


def thousands(language: str, four: str) -> str:
    """``4242`` -> ``cuatro mil doscientos cuarenta y dos``."""
    first, second, rest = int(four[0]), int(four[1]), four[2:]
    words = [
        "" if first == 1 else SPOKEN[language][first],
        "mil",
        HUNDREDS[language][second],
        TENS[language][int(rest[0])],
    ]
    link = {"es": "y", "pt": "e"}[language]
    return " ".join(w for w in (*words, link, SPOKEN[language][int(rest[1])]) if w)


@st.composite
def thousand_cards(draw: st.DrawFn) -> Secret:
    language = draw(st.sampled_from(["es", "pt"]))
    four = st.tuples(*(st.sampled_from(c) for c in ("123456789", "23456789", "3456789", "123456789"))).map("".join)
    card = draw(
        st.tuples(st.sampled_from("45"), *(four for _ in range(4)))
        .map(lambda p: p[0] + "".join(p[1:])[1:])
        .filter(lambda c: checksums.luhn(c) and bool(checksums.card_brand(c)))
    )
    spoken = ", ".join(thousands(language, g) for g in groups(card))
    return Secret("pan", f"es {spoken}.", (spoken, spoken.rsplit(", ", 1)[1]))


def _iban(country: str, account: str) -> str:
    number = int("".join(str(int(c, 36)) for c in account + country + "00"))
    return f"{country}{98 - number % 97:02d}{account}"


@st.composite
def ibans(draw: st.DrawFn) -> Secret:
    country, size = draw(st.sampled_from([("DE", 18), ("ES", 20), ("PT", 21), ("FR", 23), ("NO", 11)]))
    iban = _iban(country, draw(digits(size)))
    joint = draw(st.sampled_from(["", " ", "-", "\u00a0", "–", "\u200b", "."]))
    text = joint.join(iban[n : n + 4] for n in range(0, len(iban), 4))
    text = draw(st.sampled_from([text, text.lower(), in_script(text, 0xFF10)]))
    return Secret("bank", f"pay to {text} please", (iban, text))


@st.composite
def clabes(draw: st.DrawFn) -> Secret:
    base = "012180" + draw(digits(11))
    total = sum(int(d) * w % 10 for d, w in zip(base, ((3, 7, 1) * 6)[:17], strict=True))
    clabe = base + str((10 - total % 10) % 10)
    text = draw(
        st.sampled_from([clabe, f"{clabe[:3]} {clabe[3:6]} {clabe[6:17]} {clabe[17]}", in_script(clabe, 0xFF10)])
    )
    return Secret("bank", f"mi CLABE es {text}", (clabe, text))


@st.composite
def ssns(draw: st.DrawFn) -> Secret:
    area, group, serial = draw(st.integers(1, 665)), draw(st.integers(1, 99)), draw(st.integers(1, 9999))
    parts = (f"{area:03d}", f"{group:02d}", f"{serial:04d}")
    lead, joint = draw(
        st.sampled_from(
            [("", "-"), ("", "–"), ("SSN ", ""), ("my social is ", " "), ("SSN: ", "."), ("ITIN ", "\u2011")]
        )
    )
    text = joint.join(parts)
    return Secret("ssn", f"well {lead}{text} ok", ("".join(parts), text))


@st.composite
def accounts(draw: st.DrawFn) -> Secret:
    account = draw(digits(12))
    text = draw(st.sampled_from([account, f"{account[:4]} {account[4:8]} {account[8:]}", in_script(account, 0x660)]))
    lead = draw(
        st.sampled_from(["routing 026009593, account ", "my account number is ", "la cuenta es ", "conta corrente: "])
    )
    return Secret("bank", f"{lead}{text}", (account, text))


@st.composite
def tax_numbers(draw: st.DrawFn) -> Secret:
    nine = draw(digits(9).filter(lambda d: len(set(d)) > 2))
    cpf = next(nine + a + b for a in "0123456789" for b in "0123456789" if checksums.cpf(nine + a + b))
    text = draw(
        st.sampled_from([f"{cpf[:3]}.{cpf[3:6]}.{cpf[6:9]}-{cpf[9:]}", f"CPF {cpf}", f"cpf {in_script(cpf, 0xFF10)}"])
    )
    return Secret("tax_id", f"meu {text} ok", (cpf, text.removeprefix("CPF ").removeprefix("cpf ")))


@st.composite
def passwords(draw: st.DrawFn) -> Secret:
    word = (
        draw(st.text("abcdefghjkmnpqrstuvwxyzABCDEFGH", min_size=5, max_size=10))
        + draw(digits(3))
        + draw(st.sampled_from(["", "!", "#"]))
    )
    word = word.rstrip("!")
    lead = draw(st.sampled_from(["my password is ", "password: ", "mi clave es ", "minha senha é ", "contraseña = ", "pwd: ",
                                 "the password for the portal is ", "la contraseña de mi cuenta es "]))  # fmt: skip
    return Secret("password", f"{lead}{word} and it fails", (word,))


@st.composite
def codes(draw: st.DrawFn) -> Secret:
    code = draw(digits(6))
    lead = draw(
        st.sampled_from(["my verification code is ", "OTP ", "mi código de verificación es ", "o código de acesso é "])
    )
    return Secret("code", f"{lead}{code}", (f" {code}",))


secrets = st.one_of(
    written_cards(), spelled_cards(), paired_cards(), doubled_cards(), ibans(), clabes(), ssns(), accounts(), tax_numbers(), passwords(),
    codes(),
)  # fmt: skip

# -- innocents


def _isbn13(base: str) -> str:
    return base + str(-sum(int(d) * (1 + 2 * (n % 2)) for n, d in enumerate(base)) % 10)


def _isbn10(base: str) -> str:
    rest = (11 - sum(int(d) * (10 - n) for n, d in enumerate(base)) % 11) % 11
    return base + ("X" if rest == 10 else str(rest))


def _ups(body: str) -> str:
    values = [int(c) for c in body]
    return f"1Z{body}{(10 - (sum(values[0::2]) + 2 * sum(values[1::2])) % 10) % 10}"


def _usps(base: str) -> str:
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(base)))
    return base + str((10 - total % 10) % 10)


def _hyphened(isbn: str) -> str:
    head, rest = (isbn[:-10] + "-" if len(isbn) == 13 else ""), isbn[-10:]
    return f"{head}{rest[0]}-{rest[1:5]}-{rest[5:9]}-{rest[9]}"


innocents = st.one_of(
    st.tuples(st.sampled_from(["978", "979"]), digits(9)).map(lambda p: _isbn13("".join(p))),
    st.tuples(st.sampled_from(["978", "979"]), digits(9)).map(lambda p: _hyphened(_isbn13("".join(p)))),
    digits(9).map(_isbn10).map(lambda i: f"ISBN {i}"),
    digits(9).map(_isbn10).map(_hyphened),
    st.tuples(st.sampled_from(["INV-", "PAY-", "WD-", "ORD-", "RF-", "P-"]), st.integers(3, 9).flatmap(digits)).map("".join),
    digits(15).map(_ups),
    st.tuples(st.sampled_from(["94", "92", "93"]), digits(19)).map(lambda p: _usps("".join(p))),
    st.tuples(st.sampled_from(["94", "92", "93"]), digits(19)).map(lambda p: _usps("".join(p))).map(lambda u: " ".join(u[n : n + 4] for n in range(0, 22, 4))),
    digits(12).map(lambda d: f"FedEx {d}"), digits(15).map(lambda d: f"tracking number {d}"), digits(10).map(lambda d: f"DHL {d}"),
    st.integers(2_000_000, 9_999_999).flatmap(
        lambda n: st.sampled_from([f"+1415{n}", f"(415) {str(n)[:3]}-{str(n)[3:]}", f"415-{str(n)[:3]}-{str(n)[3:]}", f"+52 55 {str(n)[:4]} {n % 10000:04d}"])
    ),
    st.dates().map(str).filter(lambda d: d[:2] in ("19", "20")), st.times().map(lambda t: f"{t:%H:%M}"),
    st.integers(1, 9_999_999).flatmap(lambda n: st.sampled_from([f"${n / 100:.2f}", f"{n / 100:,.2f}", f"US$ {n // 100}", f"{n / 100:.2f} USD"])),
    st.integers(1, 99_999).map(lambda n: f"{n} copies sold"), st.uuids().map(str), st.sampled_from(["SM" + "3f9a" * 8, "01K8ZQ3V5T7W9XA2B4C6D8E0FG"]),
)  # fmt: skip
