"""Text that the embedded font can print. Pure.

The font is Bitstream Vera, which comes with reportlab under a free licence. It has the Latin letters of our three
languages and of most European ones. A letter it lacks loses its accent if that helps ("Č" in a name), else it is shown
as ``[?]`` and the paper says so: a black box or a gap would look like a mistake of the record.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont

REGULAR, BOLD = "Vera", "VeraBd"
UNPRINTABLE = "[?]"
LONGEST = 1_000  # characters of one text; a record that is longer is cut, visibly
#: Letters that no decomposition brings down to a Latin one, and marks that have a plain twin.
_TWINS: Mapping[str, str] = {
    "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "Ŧ": "T", "ŧ": "t", "Ŋ": "N", "ŋ": "n", "ĸ": "k", "ſ": "s", "Ə": "E",
    "ə": "e", "Ș": "S", "ș": "s", "Ț": "T", "ț": "t", "\u2010": "-", "\u2011": "-", "\u2012": "–", "\u2015": "—",
    "\u2212": "-", "\u201b": "'", "\u2032": "'", "\u2033": '"', "\u00a0": " ", "\u202f": " ", "\u2009": " ",
}  # fmt: skip


@lru_cache(maxsize=1)
def register() -> frozenset[int]:
    """Make the fonts known; returns the characters that both weights have."""
    for name in (REGULAR, BOLD):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, f"{name}.ttf"))
    pdfmetrics.registerFontFamily(REGULAR, normal=REGULAR, bold=BOLD, italic=REGULAR, boldItalic=BOLD)
    known = [frozenset(pdfmetrics.getFont(name).face.charToGlyph) for name in (REGULAR, BOLD)]
    return known[0] & known[1]


def printable(text: str) -> str:
    """The text in characters the font has: controls gone, unknown letters plain or ``[?]``, one line, not too long."""
    text = " ".join(unicodedata.normalize("NFC", text[: LONGEST + 1]).split())
    if len(text) > LONGEST:
        text = f"{text[:LONGEST].rstrip()}…"
    shown = "".join(_one(letter) for letter in text)
    while UNPRINTABLE * 2 in shown:
        shown = shown.replace(UNPRINTABLE * 2, UNPRINTABLE)
    return shown


@lru_cache(maxsize=4096)
def _one(letter: str) -> str:
    if ord(letter) in register():
        return letter
    if letter in _TWINS:
        return _TWINS[letter]
    kind = unicodedata.category(letter)
    if kind in ("Cc", "Cf", "Mn", "Me"):
        return ""  # controls, direction marks, joiners and accents without a letter
    plain = "".join(c for c in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(c))
    if plain and plain != letter and all(ord(c) in register() for c in plain):
        return plain
    return " " if kind == "Zs" else UNPRINTABLE
