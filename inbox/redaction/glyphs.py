"""Text as it reads, character for character: disguised digits, dashes, blanks and look-alike letters become plain ones.

The result has the length of the text, so that a place in one is the same place in the other. Pure.
"""

from __future__ import annotations

import unicodedata

UNSEEN = "\u200b"  # stands for every character that shows nothing
_BULLET = "·"
_LOOKALIKES = dict(
    zip(
        "АВЕКМНОРСТУХЅІЈаеорсухѕіјԁԛԝһӏΑΒΕΖΗΙΚΜΝΟΡΤΥΧονρτυχικαɑɡıℓ",
        "ABEKMHOPCTYXSIJaeopcyxsijdqwhlABEZHIKMNOPTYXovptuxikaagil",
        strict=True,
    )
)
_CJK = dict(zip("〇零一二三四五六七八九", "00123456789", strict=True))
_DASHES = frozenset("−˗⁃ーｰ─━﹘﹣－⸺⸻‐‑‒–—―")
_FILLERS = frozenset("\u034f\u115f\u1160\u3164\uffa0\u17b4\u17b5\u20e3\u20dd\u20de\u061c")


class _Plain(dict[int, str]):
    """Filled as characters are met; there are few different ones in any language."""

    def __missing__(self, code: int) -> str:
        found = self[code] = _plain(chr(code))
        return found


_table = _Plain()


def plain(text: str) -> str:
    """The same text in plain characters. Accents stay; combining ones too."""
    return text if text.isascii() else text.translate(_table)


def _plain(c: str) -> str:
    if c.isascii():
        return c
    if c in _LOOKALIKES or c in _CJK:
        return _LOOKALIKES.get(c) or _CJK[c]
    digit = unicodedata.digit(c, None)
    if digit is not None:
        return str(digit)
    kind = unicodedata.category(c)
    if kind == "Cf" or c in _FILLERS or 0xFE00 <= ord(c) <= 0xFE0F or 0xE0100 <= ord(c) <= 0xE01EF:
        return UNSEEN
    if kind == "Pd" or c in _DASHES:
        return "-"
    if kind == "Zs" or c == "\u2800":
        return " "
    if kind in ("Zl", "Zp"):
        return "\n"
    simple = unicodedata.normalize("NFKC", c)
    if len(simple) == 1 and simple.isascii():
        return simple
    return _BULLET if kind in ("So", "Sk", "Sm", "Ps", "Pe", "Pi", "Pf", "Me") and c not in "‘’“”«»‹›´¨" else c
