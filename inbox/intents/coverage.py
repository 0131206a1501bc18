"""Score a reader on messages labelled with an intent alone (``{"text", "intent", "source"}`` a line): how much of what can
be answered is, how much of what is answered is wrong, and whether disputes and foreign matters stay unanswered.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from inbox import redaction
from inbox.errors import DataError
from inbox.intents import labelled
from inbox.intents.evaluate import REFERENCE
from inbox.intents.understanding import DISPUTES, INTENTS, NEEDS_PERSON, Context, Reader, Understanding
from inbox.message import Route

OUT = "out_of_scope"
SMALL_TALK = frozenset({"greeting", "thanks"})
#: Names that public data use for ours.
_SAME: dict[str, frozenset[str]] = {
    "greeting_thanks_smalltalk": SMALL_TALK,
    "wrong_amount_or_fee": frozenset({"wrong_amount"}),
}


@dataclass(frozen=True, slots=True)
class Topic:
    text: str
    label: str
    intents: frozenset[str]  # any of them is right
    source: str

    @property
    def family(self) -> str:
        """``dispute``, ``person``, ``out_of_scope`` or ``answerable``."""
        if self.intents & DISPUTES:
            return "dispute"
        if self.intents & NEEDS_PERSON:
            return "person"
        return OUT if OUT in self.intents else "answerable"


@dataclass(frozen=True, slots=True)
class Coverage:
    """Counts: messages by family, answered by family, and of the answered how many were right."""

    total: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)  # by label, answered with the right intent
    labels: Counter[str] = field(default_factory=Counter)
    confusions: Counter[tuple[str, str]] = field(default_factory=Counter)  # label, answered as
    wrong: list[tuple[str, str, str]] = field(default_factory=list)  # label, answered as, text

    @property
    def covered(self) -> float:
        """Share of the answerable that is answered."""
        return self.answered["answerable"] / self.total["answerable"] if self.total["answerable"] else 0.0

    @property
    def wrong_share(self) -> float:
        """Share of the answers that are wrong."""
        answered = self.answered.total()
        return len(self.wrong) / answered if answered else 0.0

    def kept_back(self, family: str) -> float:
        """Share of a family that got no automatic answer."""
        return 1 - self.answered[family] / self.total[family] if self.total[family] else 1.0

    def text(self) -> str:
        lines = [
            f"{label:28} {self.right[label]:5}/{n:<5} answered rightly" for label, n in sorted(self.labels.items())
        ]
        lines += [f"{label} answered as {read}: {n}" for (label, read), n in self.confusions.most_common(15)]
        lines += [
            f"coverage {self.covered:.3f}, wrong {self.wrong_share:.3f} of {self.answered.total()} answered",
            "not answered: "
            + ", ".join(f"{family} {self.kept_back(family):.3f}" for family in ("dispute", "person", OUT)),
        ]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        return {
            "coverage": round(self.covered, 4), "wrong_of_answered": round(self.wrong_share, 4),
            "dispute_kept_back": round(self.kept_back("dispute"), 4), "person_kept_back": round(self.kept_back("person"), 4),
            "out_of_scope_kept_back": round(self.kept_back(OUT), 4), "total": dict(self.total), "answered": dict(self.answered),
            "confusions": [[label, read, n] for (label, read), n in self.confusions.most_common()],
        }  # fmt: skip


def is_topics(path: Path) -> bool:
    """Is this a file of this format, by its first line? Raises DataError if it cannot be read."""
    first = next((line for _, line in labelled.lines(path)), "{}")
    try:
        return "intent" in json.loads(first)
    except ValueError:
        return False


def load(path: Path) -> list[Topic]:
    """Raises DataError with file and line."""
    rows, problems = [], []
    for number, line in labelled.lines(path):
        try:
            raw = json.loads(line)
            label = raw["intent"]
            intents = _SAME.get(label, frozenset({label}))
            if not intents <= frozenset(INTENTS):
                raise ValueError(f"{label!r} is no intent")
            rows.append(Topic(raw["text"], label, intents, raw.get("source", "")))
        except (ValueError, KeyError, TypeError) as error:
            problems.append(f"{path.name}:{number}: {error}; a row needs text, intent and source")
    if problems:
        raise DataError(problems)
    return rows


def run(path: Path, reader: Reader, *, predictions: Path | None = None) -> Coverage:
    """Read every message as a first one on the chat. Writes ``{"id", "route", "intents", "severity", "lang"}`` a line."""
    rows = load(path)
    read = [reader.read(redaction.mask(row.text).text, Context(now=REFERENCE, channel="chat")) for row in rows]
    if predictions:
        lines = [
            json.dumps({"id": n, "route": found.route.value, "intents": list(found.intents),
                        "severity": found.severity.value, "lang": found.language})
            for n, found in enumerate(read, 1)
        ]  # fmt: skip
        predictions.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return compare(rows, map(answered_as, read))


def compare(rows: Sequence[Topic], answers: Iterable[str]) -> Coverage:
    """``answers``: the intent each message was answered as, "" if it was not."""
    found = Coverage()
    for row, answered in zip(rows, answers, strict=True):
        found.total[row.family] += 1
        found.labels[row.label] += 1
        if not answered:
            continue
        found.answered[row.family] += 1
        if answered in row.intents:
            found.right[row.label] += 1
        else:
            found.confusions[row.label, answered] += 1
            found.wrong.append((row.label, answered, row.text))
    return found


def answered_as(reading: Understanding) -> str:
    """The intent an automatic answer is given to, "" if none is: told that it is not for us, nobody is answered."""
    if reading.route is not Route.ANSWER or not reading.intents or reading.intents[0] == OUT:
        return ""
    return reading.intents[0]
