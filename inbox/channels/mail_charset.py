"""Bytes to text: the declared charset with the aliases mailers mean, then UTF-8, then a guess, then Windows-1252."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

from inbox.channels.mail_words import word_set

_DETECT_BYTES = 32_768
_MIN_DETECT = 32  # less says nothing about the charset

# What a label means in practice (browsers read them so), by the name Python knows.
_MEANT = {
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "iso2022_jp": "iso2022_jp_ext",
}
_LABELS = {
    "utf8": "utf-8", "unicode-1-1-utf-7": "utf-7", "x-sjis": "cp932", "windows-31j": "cp932", "ms_kanji": "cp932",
    "ks_c_5601-1987": "cp949", "ks_c_5601": "cp949", "x-gbk": "gb18030", "x-euc": "euc_jp", "x-mac-roman": "mac_roman",
    "macintosh": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "iso-8859-8-i": "iso8859-8", "x-cp1252": "cp1252",
    "ansi": "cp1252", "ansi_x3.110-1983": "cp1252", "unicode": "utf-16", "cp-850": "cp850", "utf8mb4": "utf-8",
    "dos-874": "cp874", "windows-874": "cp874",
}  # fmt: skip
#: Only these may be asked for: Python has text codecs that are slow or no charsets at all (punycode, unicode_escape).
_ALLOWED = word_set(
    "utf-8 utf-7 utf-16 utf-16-be utf-16-le utf-32 utf-32-be utf-32-le cp1250 cp1251 cp1252 cp1253 cp1254",
    "cp1255 cp1256 cp1257 cp1258 cp437 cp850 cp852 cp855 cp857 cp858 cp862 cp866 cp874 cp932 cp949 gb18030 hz",
    "big5hkscs johab iso8859-2 iso8859-3 iso8859-4 iso8859-5 iso8859-6 iso8859-7 iso8859-8 iso8859-10",
    "iso8859-13 iso8859-14 iso8859-15 iso8859-16 koi8-r koi8-u mac-roman mac-cyrillic euc_jp iso2022_jp_ext",
    "iso2022_kr",
)
_ESCAPES = ("iso2022", "hz", "utf-7")  # look like clean UTF-8 even where they are broken
_STATEFUL = (*_ESCAPES, "utf-16", "utf-32")  # are no ASCII even where every byte is below 128
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LETTER = re.compile(rb"[A-Za-z]")
_HIGH = re.compile(rb"[\x80-\xff]")
_LINE_CONTROL = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]")


def decode(data: bytes, declared: str) -> str:
    """The text of ``data``. Never raises; U+FFFD appears only where no reading fits."""
    codec = codec_of(declared)
    if data.isascii() and not codec.startswith(_STATEFUL):
        return _whole(data.decode("ascii"))
    escapes = codec.startswith(_ESCAPES)
    for candidate in (codec if codec != "cp1252" else "", "" if escapes else "utf-8", codec):
        text = _strict(data, candidate)
        if text is not None:
            return _whole(text)
    guessed = _strict(data, _guess(data)) if codec in {"", "cp1252"} else None
    return _whole(guessed if guessed is not None else data.decode(codec or "cp1252", "replace"))


def codec_of(label: str) -> str:
    """The codec that a charset label means; ``""`` for an unknown one."""
    name = label.strip().strip("'\"").lower().partition("$")[0].lstrip("_")
    try:
        known = codecs.lookup(_LABELS.get(name, name)).name
    except (LookupError, ValueError):
        return ""
    meant = _MEANT.get(known, known)
    return meant if meant in _ALLOWED else ""


def clean(text: str) -> str:
    """Lines of text without control characters: LF ends, no NUL, no lone surrogate."""
    lined = text.replace("\r\n", "\n").replace("\r", "\n")
    return _whole(_CONTROL.sub("", lined))


def clean_line(text: str) -> str:
    """The same on one line: whatever could end a line becomes a space."""
    return _whole(_LINE_CONTROL.sub(" ", text.replace("\r\n ", " ")))


def _strict(data: bytes, codec: str) -> str | None:
    if not codec:
        return None
    try:
        return data.decode(codec)
    except (UnicodeError, ValueError):
        return None


def _guess(data: bytes) -> str:
    """Asked only where most letters are no ASCII: a few accents among Latin letters say too little, and are cp1252."""
    sample = data[:_DETECT_BYTES]
    letters = len(_LETTER.findall(sample))
    high = len(_HIGH.findall(sample))
    if len(sample) < _MIN_DETECT or high <= letters:
        return ""
    best = from_bytes(sample, steps=3, chunk_size=512).best()
    return codec_of(best.encoding) if best else ""


def _whole(text: str) -> str:
    """UTF-7 and friends can leave half of a surrogate pair, which no database takes."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8").removeprefix("\ufeff")
