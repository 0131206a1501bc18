"""Check digits and number ranges: is this a card, a bank account, a tax number? Digits in, yes or no out; no text here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

#: First and last prefix (inclusive), lengths, brand. Ranges as the networks publish them (ISO/IEC 7812 issuer numbers).
_BRANDS: tuple[tuple[str, str, tuple[int, ...], str], ...] = (
    ("34", "34", (15,), "American Express"),
    ("37", "37", (15,), "American Express"),
    ("51", "55", (16,), "Mastercard"),
    ("2221", "2720", (16,), "Mastercard"),
    ("6011", "6011", (16, 17, 18, 19), "Discover"),
    ("622126", "622925", (16, 17, 18, 19), "Discover"),
    ("644", "649", (16, 17, 18, 19), "Discover"),
    ("65", "65", (16, 17, 18, 19), "Discover"),
    ("300", "305", (14, 16, 19), "Diners Club"),
    ("3095", "3095", (14, 16, 19), "Diners Club"),
    ("36", "36", (14, 16, 19), "Diners Club"),
    ("38", "39", (14, 16, 19), "Diners Club"),
    ("3528", "3589", (16, 17, 18, 19), "JCB"),
    ("506699", "506778", (16,), "Elo"),
    ("509000", "509999", (16,), "Elo"),
    ("606282", "606282", (16,), "Hipercard"),
    ("637095", "637095", (16,), "Hipercard"),
    ("62", "62", (16, 17, 18, 19), "UnionPay"),
    ("81", "81", (16, 17, 18, 19), "UnionPay"),
    ("5018", "5018", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("5020", "5020", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("5038", "5038", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("5893", "5893", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("6304", "6304", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("6759", "6763", (13, 14, 15, 16, 17, 18, 19), "Maestro"),
    ("2200", "2204", (16, 17, 18, 19), "Mir"),
    ("6521", "6522", (16,), "RuPay"),
    ("4", "4", (13, 16, 19), "Visa"),
)
_BY_DIGIT = {d: tuple(b for b in _BRANDS if b[0][0] <= d <= b[1][0]) for d in "0123456789"}
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BR": 29, "BY": 28, "CH": 21,
    "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28, "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27,
    "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MD": 24,
    "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29,
    "RO": 24, "RS": 22, "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
#: Countries whose account part has no letters; many of their codes are words: is, de, no, at, se.
_ONLY_DIGITS = frozenset(
    ("AE", "AT", "BA", "BE", "CR", "CZ", "DE", "DK", "EE", "EG", "ES", "FI", "FO", "GL", "HR", "HU", "IL", "IS", "LT", "ME",
     "MN", "MR", "NO", "PL", "PT", "RS", "SE", "SI", "SK", "TL", "TN", "VA", "XK")
)  # fmt: skip
_CURP_ALPHABET = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"
_RFC_ALPHABET = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ Ñ"


def luhn(digits: str) -> bool:
    total = 0
    for n, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + n % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card_brand(digits: str) -> str:
    """The brand whose range and length fit, "" if none does. Says nothing about the check digit."""
    length = len(digits)
    for first, last, lengths, brand in _BY_DIGIT.get(digits[:1], ()):
        if length in lengths and first <= digits[: len(first)] <= last:
            return brand
    return ""


def iban_length(country: str) -> int:
    """How long an IBAN of that country is, 0 if it has none."""
    return _IBAN_LENGTHS.get(country, 0)


def iban(compact: str) -> bool:
    """Upper case, no blanks."""
    if len(compact) != iban_length(compact[:2]) or not compact.isalnum() or not compact.isascii():
        return False
    if not compact[2:4].isdigit() or (compact[:2] in _ONLY_DIGITS and not compact[4:].isdigit()):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def clabe(digits: str) -> bool:
    """Mexico, 18 digits; bank codes run from 002 and the two common regions are never 000."""
    if len(digits) != 18 or digits[:3] < "002" or digits[3:6] == "000":
        return False
    total = sum(int(d) * w % 10 for d, w in zip(digits[:17], ((3, 7, 1) * 6)[:17], strict=True))
    return (10 - total % 10) % 10 == int(digits[17])


def aba(digits: str) -> bool:
    """US routing number."""
    if len(digits) != 9 or not ("00" < digits[:2] <= "12" or "21" <= digits[:2] <= "32" or "61" <= digits[:2] <= "72"):
        return digits[:2] == "80" and len(digits) == 9 and _aba_sum(digits)
    return _aba_sum(digits)


def _aba_sum(digits: str) -> bool:
    return sum(int(d) * w for d, w in zip(digits, (3, 7, 1) * 3, strict=True)) % 10 == 0


def ssn(digits: str) -> bool:
    """A US social security number or ITIN could have these nine digits."""
    if len(digits) != 9 or digits[3:5] == "00" or digits[5:] == "0000":
        return False
    area, group = digits[:3], digits[3:5]
    if area[0] == "9":  # ITIN
        return "50" <= group <= "99" and group not in ("66", "67", "68", "69", "89", "93")
    return area not in ("000", "666")


def _mod11(digits: str, weights: Sequence[int]) -> int:
    rest = sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11
    return 0 if rest < 2 else 11 - rest


def cpf(digits: str) -> bool:
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    first = _mod11(digits[:9], range(10, 1, -1))
    second = _mod11(digits[:10], range(11, 1, -1))
    return digits[9:] == f"{first}{second}"


def cnpj(digits: str) -> bool:
    if len(digits) != 14 or len(set(digits)) == 1:
        return False
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return digits[12:] == f"{_mod11(digits[:12], weights[1:])}{_mod11(digits[:13], weights)}"


def cuit(digits: str) -> bool:
    """Argentina, CUIT or CUIL."""
    if len(digits) != 11 or digits[:2] not in ("20", "23", "24", "25", "26", "27", "30", "33", "34"):
        return False
    rest = sum(int(d) * w for d, w in zip(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1), strict=True))
    return rest % 11 == 0


def curp(text: str) -> bool:
    """Mexico, 18 characters, upper case: birth date, sex and shape are checked, and the check digit."""
    if len(text) != 18 or not _is_yymmdd(text[4:10]) or text[10] not in "HMX" or not text[17].isdigit():
        return False
    if not (text[:4] + text[11:16]).isalpha() or any(c not in _CURP_ALPHABET for c in text):
        return False
    total = sum(_CURP_ALPHABET.index(c) * (18 - n) for n, c in enumerate(text[:17]))
    return (10 - total % 10) % 10 == int(text[17])


def rfc(text: str) -> bool:
    """Mexico, 12 (company) or 13 characters, upper case, with its check digit."""
    if len(text) not in (12, 13) or not _is_yymmdd(text[-9:-3]) or any(c not in _RFC_ALPHABET for c in text):
        return False
    padded = text.rjust(13)
    rest = sum(_RFC_ALPHABET.index(c) * (13 - n) for n, c in enumerate(padded[:12])) % 11
    return padded[12] == "0A987654321"[rest]


def isbn10(text: str) -> bool:
    """Ten characters, the last one a digit or X."""
    values = [10 if c == "X" else int(c) for c in text] if len(text) == 10 and text[:9].isdigit() else []
    return bool(values) and sum(v * (10 - n) for n, v in enumerate(values)) % 11 == 0


def isbn13(digits: str) -> bool:
    if len(digits) != 13 or digits[:3] not in ("978", "979"):
        return False
    return sum(int(d) * (1 + 2 * (n % 2)) for n, d in enumerate(digits)) % 10 == 0


def usps(digits: str) -> bool:
    """A parcel number of 20 or 22 digits, by its check digit."""
    total = sum(int(d) * (3 if n % 2 == 0 else 1) for n, d in enumerate(reversed(digits[:-1])))
    return (10 - total % 10) % 10 == int(digits[-1])


def ups(text: str) -> bool:
    """``1Z`` and 16 more, upper case, by its check digit."""
    values = [int(c) if c.isdigit() else (ord(c) - 63) % 10 for c in text[2:]]
    total = sum(values[0:-1:2]) + 2 * sum(values[1:-1:2])
    return len(text) == 18 and text.startswith("1Z") and (10 - total % 10) % 10 == values[-1]


def dni(text: str) -> bool:
    """Spain: DNI (eight digits and a letter) or NIE (X, Y or Z, seven digits and a letter), upper case."""
    digits = str("XYZ".find(text[0])) + text[1:8] if text[0] in "XYZ" else text[:8]
    return len(text) == 9 and digits.isdigit() and "TRWAGMYFPDXBNJZSQVHLCKE"[int(digits) % 23] == text[8]


def _is_yymmdd(digits: str) -> bool:
    if not (digits.isascii() and digits.isdigit()):
        return False
    try:
        date(2000 + int(digits[:2]) % 100, int(digits[2:4]), int(digits[4:]))
    except ValueError:
        return digits[2:] == "0229"
    return True
