"""Score a reader on labelled messages: one JSON object a line with id, channel, text, lang, intents, route, severity and
notes (``tags=a,b;`` slices, ``alt=route;`` a second acceptable route).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from inbox import redaction
from inbox.errors import DataError
from inbox.intents import labelled
from inbox.intents.understanding import DISPUTES, Context, Reader, Understanding
from inbox.message import Route

#: The labels of dated messages refer to this moment.
REFERENCE = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)
_ALT = re.compile(r"alt=(\w+)")
_TAGS = re.compile(r"tags=([\w,]+)")


@dataclass(frozen=True, slots=True)
class Labelled:
    id: str
    channel: str
    text: str
    lang: str
    intents: frozenset[str]
    routes: tuple[str, ...]  # the right one, and a second acceptable one
    severity: str
    tags: tuple[str, ...]

    @property
    def is_dispute(self) -> bool:
        return self.routes[0] == Route.ESCALATE.value and bool(self.intents & DISPUTES)

    @property
    def slices(self) -> tuple[str, ...]:
        names = ["all", f"route:{self.routes[0]}", f"lang:{self.lang}", f"channel:{self.channel}"]
        return (*names, *(f"tag:{tag}" for tag in self.tags), *(("dispute",) if self.is_dispute else ()))


@dataclass(frozen=True, slots=True)
class Report:
    """``right`` and ``total`` by slice; counts of wrong routes; the intents' true and false readings."""

    right: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    severe_right: Counter[str] = field(default_factory=Counter)
    severe: Counter[str] = field(default_factory=Counter)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)
    intents: Counter[str] = field(default_factory=Counter)  # hit, extra, missed
    missed: list[tuple[str, str, str]] = field(default_factory=list)  # id, label, reading
    wrong: list[tuple[str, str]] = field(default_factory=list)  # id and intent of automatic answers that miss the point

    def recall(self, name: str) -> float:
        return self.right[name] / self.total[name] if self.total[name] else 0.0

    @property
    def wrong_share(self) -> float:
        """Automatic answers to what should not get one, or to something else, of all messages."""
        return len(self.wrong) / self.total["all"] if self.total["all"] else 0.0

    @property
    def severe_recall(self) -> float:
        return self.severe_right["high"] / self.severe["high"] if self.severe["high"] else 1.0

    @property
    def intent_f1(self) -> float:
        hit, extra, missed = (self.intents[k] for k in ("hit", "extra", "missed"))
        return 2 * hit / (2 * hit + extra + missed) if hit else 0.0

    def text(self) -> str:
        lines = [
            f"{name:28} {self.right[name]:5}/{self.total[name]:<5} {self.recall(name):.3f}"
            for name in sorted(self.total)
        ]
        lines.append(f"intents micro-F1 {self.intent_f1:.3f}")
        lines.append(f"wrong automatic answers {len(self.wrong)}/{self.total['all']} {self.wrong_share:.3f}")
        lines += [f"severity {k:8} {self.severe_right[k]}/{self.severe[k]}" for k in ("high", "normal", "low")]
        lines += [f"{label} read as {read}: {n}" for (label, read), n in self.confusions.most_common(12)]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        return {
            "recall": {name: round(self.recall(name), 4) for name in sorted(self.total)},
            "total": dict(sorted(self.total.items())),
            "intent_f1": round(self.intent_f1, 4),
            "wrong_answers": round(self.wrong_share, 4),
            "severity": {k: round(self.severe_right[k] / n, 4) for k, n in sorted(self.severe.items())},
            "confusions": [[label, read, n] for (label, read), n in self.confusions.most_common()],
            "missed": [list(row) for row in self.missed],
            "wrong": [list(row) for row in self.wrong],
        }


def run(path: Path, reader: Reader, *, now: datetime = REFERENCE, predictions: Path | None = None) -> Report:
    """Read every message as intake would pass it on (masked) and compare. Writes predictions where asked.

    Raises DataError with file and line if the labels cannot be read.
    """
    rows = load(path)
    read = [reader.read(redaction.mask(row.text).text, Context(now=now, channel=row.channel)) for row in rows]
    if predictions:
        predictions.write_text(
            "".join(_line(row, found) for row, found in zip(rows, read, strict=True)), encoding="utf-8"
        )
    return compare(rows, read)


def compare(rows: Sequence[Labelled], read: Iterable[Understanding]) -> Report:
    report = Report()
    for row, found in zip(rows, read, strict=True):
        _count(report, row, found)
    return report


def _count(report: Report, row: Labelled, found: Understanding) -> None:
    good = found.route.value in row.routes
    for name in row.slices:
        report.total[name] += 1
        report.right[name] += good
    report.severe[row.severity] += 1
    report.severe_right[row.severity] += found.severity.value == row.severity
    if not good:
        report.confusions[row.routes[0], found.route.value] += 1
        report.missed.append((row.id, row.routes[0], found.route.value))
    mine = frozenset(found.intents)
    if found.route is Route.ANSWER and mine and (not good or (row.intents and not mine & row.intents)):
        report.wrong.append((row.id, found.intents[0]))
    report.intents["hit"] += len(mine & row.intents)
    report.intents["extra"] += len(mine - row.intents)
    report.intents["missed"] += len(row.intents - mine)


def _line(row: Labelled, found: Understanding) -> str:
    record = {
        "id": row.id,
        "route": found.route.value,
        "intents": list(found.intents),
        "severity": found.severity.value,
        "lang": found.language,
    }
    return json.dumps(record) + "\n"


def load(path: Path) -> list[Labelled]:
    """Raises DataError with file and line."""
    rows, problems = [], []
    for number, line in labelled.lines(path):
        try:
            rows.append(_labelled(json.loads(line)))
        except (ValueError, KeyError, TypeError) as error:
            problems.append(
                f"{path.name}:{number}: {error!r}; a row needs id, channel, text, lang, intents, route, severity, notes"
            )
    if problems:
        raise DataError(problems)
    return rows


def _labelled(raw: dict[str, Any]) -> Labelled:
    notes = raw["notes"]
    tags, alt = _TAGS.findall(notes), _ALT.search(notes)
    return Labelled(
        id=raw["id"], channel=raw["channel"], text=raw["text"], lang=raw["lang"], intents=frozenset(raw["intents"]),
        routes=(raw["route"], alt.group(1)) if alt else (raw["route"],), severity=raw["severity"],
        tags=tuple(tag for group in tags for tag in group.split(",")),
    )  # fmt: skip
