"""An account as text and back, without loss: how the copy of another system's account is kept. Pure."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any, get_args, get_origin, get_type_hints

from inbox import jsontext
from inbox.accounts.base import Account
from inbox.money import Money

_KEPT = 2_000  # read accounts, some 10 kB each


def freeze(account: Account) -> str:
    """JSON text of the whole account."""
    return jsontext.dumps(_plain(account))


@lru_cache(maxsize=_KEPT)
def thaw(text: str) -> Account:
    """The account that ``freeze`` made the text of."""
    found: Account = _record(Account, jsontext.loads(text))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Money):
        return [value.minor, value.currency]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, (tuple, list)):
        return [_plain(v) for v in value]
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value.isoformat() if isinstance(value, date) else value


@lru_cache
def _hints(cls: type) -> dict[str, Any]:
    return get_type_hints(cls)


def _record(cls: type, stored: Mapping[str, Any]) -> Any:
    hints = _hints(cls)  # what a later version no longer knows is left out; what it has more has its default
    return cls(**{name: _value(hints[name], value) for name, value in stored.items() if name in hints})


def _value(hint: Any, value: Any) -> Any:
    if isinstance(hint, types.UnionType):
        return None if value is None else _value(next(a for a in get_args(hint) if a is not type(None)), value)
    if hint is Money:
        return Money(*value)
    if dataclasses.is_dataclass(hint):
        return _record(hint, value)  # type: ignore[arg-type]  # a class: hints hold no instances
    if hint in (date, datetime):
        return hint.fromisoformat(value)
    kind = get_origin(hint)
    if kind in (tuple, frozenset):
        return kind(_value(get_args(hint)[0], v) for v in value)
    return value
