"""The catalogue: what authors may mean, as phrases that people write and patterns, one file per intent. Pure but for
reading its own files.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inbox.errors import DataError
from inbox.intents.normalize import prepare
from inbox.intents.pattern import Pattern
from inbox.intents.rules import line_of, patterns
from inbox.intents.understanding import INTENTS
from inbox.message import LANGUAGES, Language

FOLDER = Path(__file__).with_name("catalog")
_KEYS = frozenset(
    {"intent", "description", "not", "route", "level", "answer", "facts", "sure", "patterns", "unless", "phrases"}
)
_ROUTES = ("answer", "person")


@dataclass(frozen=True, slots=True)
class Phrase:
    """One way of saying it. ``tokens`` is the phrase as the matcher sees it."""

    text: str
    language: Language
    intent: str
    tokens: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One intent: how people say it, and which intents are easily mistaken for it."""

    intent: str
    description: str
    near: tuple[str, ...] = ()
    route: str = "answer"  # answer: the bot finishes it; person: a person must act
    level: int = 0  # lowest proof level at which anything of an account is told
    answer: str = ""  # the template folder that answers it
    facts: tuple[str, ...] = ()  # what the answer cannot do without
    sure: float = 0.0  # this intent needs at least so much sureness, whatever the general threshold
    patterns: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()  # the patterns do not count in a clause with one of these
    phrases: tuple[Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalog:
    entries: Mapping[str, Entry]

    @property
    def phrases(self) -> Iterator[Phrase]:
        return (phrase for entry in self.entries.values() for phrase in entry.phrases)


def load(folder: Path | None = None) -> Catalog:
    """The catalogue of a folder, by default the packaged one. Raises DataError listing all mistakes, ``file:line: what``."""
    return _loaded(folder or FOLDER, phrases=True)


def load_patterns(folder: Path | None = None) -> Catalog:
    """The same without the phrases, in a tenth of the time: for a reader that has learned them before."""
    return _loaded(folder or FOLDER, phrases=False)


def _loaded(folder: Path, *, phrases: bool) -> Catalog:
    problems: list[str] = []
    entries: dict[str, Entry] = {}
    where: dict[tuple[str, ...], tuple[str, str]] = {}
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        if entry := _entry(path.name, text, problems, phrases=phrases):
            if entry.intent in entries:
                problems.append(f"{path.name}:1: the intent {entry.intent!r} has a file already")
            entries[entry.intent] = entry
            problems += _clashes(path.name, text, entry, where)
    if missing := [intent for intent in INTENTS if intent not in entries]:
        problems.append(f"{folder.name}: no file for {', '.join(missing)}")
    if problems:
        raise DataError(problems)
    return Catalog({intent: entries[intent] for intent in INTENTS})


def _entry(name: str, text: str, problems: list[str], *, phrases: bool) -> Entry | None:
    before = len(problems)

    def wrong(near: str, message: str) -> None:
        problems.append(f"{name}:{line_of(text, near)}: {message}")

    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{name}: {error}")
        return None
    for key in sorted(raw.keys() - _KEYS):
        wrong(key, f"unknown key {key!r}; known are {', '.join(sorted(_KEYS))}")
    for key in ("intent", "description", "phrases"):
        if not raw.get(key):
            wrong("", f"{key!r} is missing")
    for key, kind in (("not", list), ("facts", list), ("patterns", list), ("unless", list), ("phrases", dict)):
        if not isinstance(raw.get(key, kind()), kind) or not all(isinstance(one, str) for one in raw.get(key, ())):
            wrong(key, f"{key!r} is no {'list of words' if kind is list else 'table of phrases by language'}")
            raw[key] = kind()
    for intent in (raw.get("intent", ""), *raw.get("not", ())):
        if intent not in INTENTS:
            wrong(str(intent), f"{intent!r} is no intent; see INTENTS in understanding.py")
    if raw.get("route", "answer") not in _ROUTES:
        wrong("route", f"route {raw['route']!r} is none of {', '.join(_ROUTES)}")
    if raw.get("level", 0) not in range(3):
        wrong("level", f"level {raw['level']!r} is none of 0, 1, 2; more is never told by the bot")
    sure = raw.get("sure", 0)
    if isinstance(sure, bool) or not isinstance(sure, int | float) or not 0 <= sure < 1:
        wrong("sure", f"sure {sure!r} is no probability below 1")
    if not isinstance(raw.get("answer", ""), str):
        wrong("answer", f"answer {raw['answer']!r} is no name of a template folder")
    entry = _read(raw, wrong, phrases=phrases) if len(problems) == before else None
    return entry if len(problems) == before else None


def _read(raw: Mapping[str, Any], wrong: Any, *, phrases: bool) -> Entry:
    intent = raw["intent"]
    return Entry(
        intent=intent,
        description=raw["description"],
        near=tuple(raw.get("not", ())),
        route=raw.get("route", "answer"),
        level=raw.get("level", 0),
        answer=raw.get("answer", ""),
        facts=tuple(raw.get("facts", ())),
        sure=float(raw.get("sure", 0.0)),
        patterns=patterns(raw.get("patterns", ()), wrong),
        unless=patterns(raw.get("unless", ()), wrong),
        phrases=tuple(_phrases(intent, raw["phrases"], wrong)) if phrases else (),
    )


def _phrases(intent: str, lists: Mapping[str, Any], wrong: Any) -> Iterator[Phrase]:
    known: dict[str, Language] = {language: language for language in LANGUAGES}
    for name, texts in lists.items():
        if name not in known:
            wrong(name, f"phrases in {name!r}: the languages are {', '.join(LANGUAGES)}")
            continue
        if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
            wrong(name, f"the phrases in {name!r} are no list of texts")
            continue
        for text in texts:
            tokens = words_of(text)
            if tokens:
                yield Phrase(text, known[name], intent, tokens)
            else:
                wrong(str(text), f"the phrase {text!r} has no words")


def _clashes(name: str, text: str, entry: Entry, where: dict[tuple[str, ...], tuple[str, str]]) -> Iterable[str]:
    """The same words in two places teach nothing or contradict each other."""
    for phrase in entry.phrases:
        if other := where.get(phrase.tokens):
            yield f"{name}:{line_of(text, phrase.text)}: {phrase.text!r} is in the catalogue already ({other[0]}: {other[1]!r})"
        where[phrase.tokens] = (entry.intent, phrase.text)


def words_of(text: str) -> tuple[str, ...]:
    """The plain tokens of a phrase, clause marks left out."""
    prepared = prepare(text)
    return tuple(t for clause in range(len(prepared.clauses)) for t in prepared.words(clause))
