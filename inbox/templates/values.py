"""Facts as they are stored with a message, and back, so that a sent message can be rendered again byte for byte."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from inbox.errors import DataError
from inbox.money import Money

#: Marks a value that JSON has no type for.
_MONEY, _DAY, _MOMENT = "$money", "$day", "$moment"


def pack(value: Any) -> Any:
    """Plain JSON that keeps what is an amount, a day or a moment. Raises ``DataError`` for what cannot be a fact."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Money):
        return {_MONEY: [value.minor, value.currency]}
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    if isinstance(value, date):
        return {_DAY: value.isoformat()}
    if isinstance(value, Mapping):
        return {str(k): pack(v) for k, v in value.items()}
    if isinstance(value, Sequence):
        return [pack(v) for v in value]
    raise DataError([f"a fact cannot be a {type(value).__name__}"])


def unpack(value: Any) -> Any:
    """The inverse of ``pack``; lists come back as tuples, aware moments with a fixed offset."""
    if isinstance(value, Mapping):
        if len(value) == 1:
            (key, inner), *_ = value.items()
            if key == _MONEY:
                return Money(inner[0], inner[1])
            if key == _MOMENT:
                return datetime.fromisoformat(inner)
            if key == _DAY:
                return date.fromisoformat(inner)
        return {k: unpack(v) for k, v in value.items()}
    return tuple(unpack(v) for v in value) if isinstance(value, list) else value
