"""Thirty invented authors for the demo and for trying things out. Their dates move with the calendar."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?=T|$)")


def load(today: date) -> list[dict[str, Any]]:
    """The accounts in the shape of docs/importing.md, every date moved by the days from the file's reference day to
    ``today``.
    """
    file = json.loads(_text())
    days = today - date.fromisoformat(file["reference"])
    accounts: list[dict[str, Any]] = _moved(file["accounts"], days)
    return accounts


@cache
def _text() -> str:
    return resources.files(__package__).joinpath("authors.json").read_text(encoding="utf-8")


def _moved(value: Any, days: timedelta) -> Any:
    if isinstance(value, dict):
        return {key: _moved(item, days) for key, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, days) for item in value]
    if isinstance(value, str) and (found := _DATE.match(value)):
        return f"{date.fromisoformat(found.group()) + days}{value[found.end() :]}"
    return value
