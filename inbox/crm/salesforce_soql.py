"""Values in SOQL, written so that none of them can be anything but a value. Pure.

SOQL knows no bound parameters. Inside quotes a backslash escapes; any escape it does not know is an error, so only what
must be is escaped. ``%`` and ``_`` mean something in LIKE alone, which nothing here uses; elsewhere they stay bare.
"""

from __future__ import annotations

from collections.abc import Iterable

_ESCAPES = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip


def quoted(value: str) -> str:
    r"""The value as a literal for ``=`` and ``IN``: ``'O\'Neil'``."""
    return "'" + "".join(_escaped(c) for c in value) + "'"


def quoted_all(values: Iterable[str]) -> str:
    """The right side of ``IN``."""
    return "(" + ", ".join(quoted(v) for v in values) + ")"


def _escaped(char: str) -> str:
    found = _ESCAPES.get(char)
    if found is not None:
        return found
    # Other control characters, and lone surrogates that no URL can carry.
    return (
        f"\\u{ord(char):04x}" if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000 else char
    )
