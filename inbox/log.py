"""Structured logs: one JSON object a line, with the conversation bound, and no code or card number in any of them."""

from __future__ import annotations

import contextvars
import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from inbox import redaction

_bound: contextvars.ContextVar[dict[str, str]] = contextvars.ContextVar("log_bound")
_LONGEST = 20_000  # characters of one text in a line
_OWN = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}


@contextmanager
def bound(**values: str) -> Iterator[None]:
    """Add values to every log line within."""
    token = _bound.set({**_bound.get({}), **values})
    try:
        yield
    finally:
        _bound.reset(token)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": _safe(record.getMessage()),
            **{k: _value(v) for k, v in _bound.get({}).items()},
        }
        line |= {k: _value(v) for k, v in record.__dict__.items() if k not in _OWN}
        if record.exc_info:
            line["traceback"] = _safe(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """For a person at a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        extra = {k: v for k, v in record.__dict__.items() if k not in _OWN} | _bound.get({})
        tail = " ".join(f"{k}={v}" for k, v in extra.items())
        text = f"{datetime.fromtimestamp(record.created):%H:%M:%S} {record.levelname.lower():7} {record.getMessage()} {tail}"  # noqa: DTZ006 - the reader's own clock
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return _safe(text.rstrip())


def set_up(*, as_json: bool, level: int = logging.INFO) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if as_json else PlainLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiohttp.access", "slack_bolt", "slack_sdk", "mail.log", "imapclient", "alembic", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def _value(value: object) -> object:
    """The same to the bottom; what is no text, number or list of such is written as text."""
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return redaction.mask_json(value)
    if isinstance(value, Mapping):
        return {_safe(str(k)): _value(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_value(v) for v in value]
    return _safe(str(value))


def _safe(text: str) -> str:
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} … {len(text) - _LONGEST} more characters"
    return redaction.mask_codes(redaction.mask(text).text)
