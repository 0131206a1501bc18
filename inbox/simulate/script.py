"""Dialogue files: one JSON object a line, read and checked before anything is played.

A dialogue has ``id, title, now, account, other_accounts, turns, final``; a turn is an author's message (``who: author``)
or something that happens (``who: event``). The README of the acceptance data describes every key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from inbox.errors import DataError
from inbox.message import CHANNELS, ChannelName

_SUBJECT = ("subject:", "asunto:", "assunto:")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    number: int  # in the file, from 1
    who: str
    at: datetime | None
    expected: Mapping[str, Any]
    channel: str = ""
    sender: str = ""
    authenticated: str = ""
    subject: str = ""
    text: str = ""
    event: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> ChannelName:
        """The channel of an author's turn."""
        return next(c for c in CHANNELS if c == self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    id: str
    title: str
    now: datetime
    account: Mapping[str, Any]
    others: tuple[Mapping[str, Any], ...]
    turns: tuple[Turn, ...]
    final: Mapping[str, Any]


def load(path: Path, only: str | None = None) -> list[Dialogue]:
    """Raises ``DataError`` with every bad line by its number."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError([f"{path}: cannot be read: {error}"]) from error
    problems: list[str] = []
    found = [d for n, line in enumerate(lines, 1) if line.strip() and (d := _dialogue(line, f"{path}:{n}", problems))]
    if problems:
        raise DataError(problems)
    chosen = [d for d in found if only is None or d.id == only]
    if not chosen:
        raise DataError([f"{path}: there is no dialogue {only!r}" if only else f"{path}: there are no dialogues"])
    return chosen


def _dialogue(line: str, where: str, problems: list[str]) -> Dialogue | None:
    try:
        raw = json.loads(line)
        return Dialogue(
            id=raw["id"], title=raw["title"], now=_at(raw["now"]), account=raw["account"],
            others=tuple(raw.get("other_accounts", ())), final=raw["final"],
            turns=tuple(_turn(t, n) for n, t in enumerate(raw["turns"], 1)),
        )  # fmt: skip
    except KeyError as missing:
        problems.append(f"{where}: {missing} is missing")
    except (ValueError, TypeError, AttributeError) as error:
        problems.append(f"{where}: {error}")
    return None


def _turn(raw: Mapping[str, Any], number: int) -> Turn:
    at = _at(raw["at"]) if raw.get("at") else None
    if raw["who"] == "event":
        return Turn(
            number=number, who="event", at=at, expected=raw.get("expected", {}), event=raw["event"], details=raw.get("details", {})
        )  # fmt: skip
    if raw["who"] != "author" or raw["channel"] not in CHANNELS:
        raise ValueError(f"turn {number}: who must be author or event, channel one of {', '.join(CHANNELS)}")
    subject, text = _split(raw["text"]) if raw["channel"] == "email" else ("", raw["text"])
    return Turn(
        number=number, who="author", at=at, expected=raw["expected"], channel=raw["channel"], sender=raw.get("from") or "",
        authenticated=raw.get("authenticated") or "", subject=subject, text=text,
    )  # fmt: skip


def _split(text: str) -> tuple[str, str]:
    """An email's first line may be its subject, in three languages."""
    first, _, rest = text.partition("\n")
    for label in _SUBJECT:
        if first.lower().startswith(label):
            return first[len(label) :].strip(), rest.strip("\n")
    return "", text


def _at(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return at
