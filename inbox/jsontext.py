"""JSON as it is stored: UTF-8 text without spaces; sorted keys where the bytes are hashed."""

from __future__ import annotations

from typing import Any

import orjson


def dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def canonical(value: Any) -> str:
    """The same value always gives the same bytes."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


def loads(text: str) -> Any:
    return orjson.loads(text)
