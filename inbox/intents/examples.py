"""Whole messages with their labels, from which routes are learned: ``examples/*.jsonl``. Pure but for its own files.

One JSON object a line: ``{"channel", "text", "lang", "intents", "route", "severity"}``, the labels as in the evaluation data.
Files whose names begin with ``elsewhere`` hold messages as other desks get them (banks, shops, telecoms): what they say is
learned, and that they are no author's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from inbox import redaction
from inbox.errors import DataError
from inbox.intents import labelled
from inbox.intents.understanding import INTENTS
from inbox.message import CHANNELS, LANGUAGES, Route, Severity

FOLDER = Path(__file__).with_name("examples")
ELSEWHERE = "elsewhere"
_KEYS = frozenset({"channel", "text", "lang", "intents", "route", "severity"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    channel: str
    text: str  # masked, as every message is before it is read
    language: str
    intents: tuple[str, ...]
    route: Route
    severity: Severity
    elsewhere: bool = False  # written to the desk of another trade

    @property
    def label(self) -> str:
        """What is learned: the route, for what is answered or needs a person also about what, and whose desk it is."""
        about = self.route in (Route.ANSWER, Route.ESCALATE) and self.intents
        label = f"{self.route.value} {self.intents[0]}" if about else self.route.value
        return f"{label} {ELSEWHERE}" if self.elsewhere else label


@cache
def packaged() -> tuple[Message, ...]:
    return load(FOLDER)


def load(folder: Path) -> tuple[Message, ...]:
    """All examples of a folder. Raises DataError that lists every mistake as ``file:line: what``."""
    problems: list[str] = []
    found: list[Message] = []
    seen: dict[str, str] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in labelled.lines(path):
            where = f"{path.name}:{number}"
            try:
                message = _message(json.loads(line), elsewhere=path.name.startswith(ELSEWHERE))
            except (ValueError, TypeError, KeyError) as error:
                problems.append(f"{where}: {error}")
                continue
            key = f"{message.channel} {message.text}"
            if key in seen:
                problems.append(f"{where}: the same text stands in {seen[key]}")
            seen[key] = where
            found.append(message)
    if problems:
        raise DataError(problems)
    return tuple(found)


def _message(raw: Any, *, elsewhere: bool) -> Message:
    if not isinstance(raw, Mapping) or raw.keys() != _KEYS:
        raise ValueError(f"a row needs exactly {', '.join(sorted(_KEYS))}")
    if wrong := list(_wrong(raw)):
        raise ValueError("; ".join(wrong))
    return Message(
        channel=raw["channel"], text=redaction.mask(raw["text"]).text, language=raw["lang"], intents=tuple(raw["intents"]),
        route=Route(raw["route"]), severity=Severity(raw["severity"]), elsewhere=elsewhere,
    )  # fmt: skip


def _wrong(raw: Mapping[str, Any]) -> Iterator[str]:
    if raw["channel"] not in CHANNELS:
        yield f"channel {raw['channel']!r} is none of {', '.join(CHANNELS)}"
    if raw["lang"] not in (*LANGUAGES, "mul", "und"):
        yield f"lang {raw['lang']!r} is none of {', '.join(LANGUAGES)}, mul, und"
    if not isinstance(raw["text"], str):
        yield "text must be a text"
    if unknown := [i for i in raw["intents"] if i not in INTENTS]:
        yield f"{', '.join(map(str, unknown))} is no intent"
