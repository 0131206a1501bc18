"""The shipped answers: what each needs to know, and its words per language and channel.

``answers/<answer>/answer.toml`` says what the answer is; ``answers/<answer>/<language>/<channel>.j2`` is what it says.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inbox.errors import DataError, MissingFact, NotFound
from inbox.intents.understanding import INTENTS
from inbox.message import CHANNELS, LANGUAGES
from inbox.money import Money

ROOT = Path(__file__).parent / "answers"
FILES: tuple[str, ...] = ("subject", *CHANNELS)
LAYOUT = "_layout"
PURPOSES = frozenset({"reply", "notice", "reminder"})
#: How answer.toml names the type of a fact; a question mark behind it makes the fact optional.
KINDS: Mapping[str, tuple[type, ...]] = {
    "money": (Money,), "date": (date,), "datetime": (datetime,), "text": (str,), "link": (str,), "clock": (str,),
    "int": (int,), "bool": (bool,), "list": (tuple, list),
}  # fmt: skip
_KEYS = frozenset({"intents", "level", "purpose", "legal", "channels", "facts", "fallback", "forbidden"})


@dataclass(frozen=True, slots=True)
class FactSpec:
    name: str
    kind: str
    optional: bool = False

    def fits(self, value: Any) -> bool:
        if self.kind in ("int", "date") and isinstance(value, (bool, datetime)):
            return False
        return isinstance(value, KINDS[self.kind])


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSpec:
    """What an answer is for and what it may say. ``level`` is the lowest proof level of any of its variants."""

    name: str
    intents: tuple[str, ...]
    level: int
    purpose: str
    legal: str
    channels: tuple[str, ...]
    facts: Mapping[str, FactSpec]
    fallback: Mapping[str, str]
    forbidden: Mapping[str, tuple[str, ...]]  # by language; everywhere it stands for all

    @property
    def links(self) -> tuple[str, ...]:
        """The facts that are links: the caller makes them, no record has them."""
        return tuple(f.name for f in self.facts.values() if f.kind == "link")

    def complete(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts with every absent optional one as None. Raises ``MissingFact`` for the first that will not do."""
        found: dict[str, Any] = {}
        for name, spec in self.facts.items():
            value = facts.get(name)
            if value is None and not spec.optional:
                raise MissingFact(f"{self.name} needs the fact {name!r}, which is not on record", fact=name)
            if value is not None and not spec.fits(value):
                raise MissingFact(f"{self.name}: {name!r} must be {spec.kind}, not {type(value).__name__}", fact=name)
            found[name] = value
        return found


@dataclass(frozen=True, slots=True)
class Answers:
    """All shipped answers, checked."""

    specs: Mapping[str, AnswerSpec]
    bundles: Mapping[tuple[str, str], Mapping[str, str]]
    forbidden: Mapping[str, tuple[str, ...]]  # phrases no answer may contain, by language

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(sorted(n for n in self.specs if n != LAYOUT))

    def spec(self, name: str) -> AnswerSpec:
        """Raises ``NotFound``."""
        if name not in self.specs:
            raise NotFound(f"there is no answer {name!r}; see inbox/templates/answers")
        return self.specs[name]

    def bundle(self, name: str, language: str) -> Mapping[str, str]:
        """The sources by file name, fallbacks filled in. Raises ``NotFound``."""
        if (name, language) not in self.bundles:
            raise NotFound(f"there is no answer {name!r} in {language!r}")
        return self.bundles[name, language]

    def digest(self, name: str, language: str) -> str:
        """The content hash of the words of one answer in one language."""
        return digest(self.bundle(name, language))


def digest(bundle: Mapping[str, str]) -> str:
    """SHA-256 in hex; the same for the same words, whatever the order of the files."""
    return hashlib.sha256(json.dumps(dict(bundle), sort_keys=True, ensure_ascii=False).encode()).hexdigest()


@cache
def load(root: Path = ROOT) -> Answers:
    """Reads all answers once. Raises ``DataError`` with every problem and its file."""
    problems: list[str] = []
    specs: dict[str, AnswerSpec] = {}
    bundles: dict[tuple[str, str], Mapping[str, str]] = {}
    folders = sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []
    if not folders:
        raise DataError([f"{root}: there are no answers here"])
    for folder in folders:
        spec = _spec(folder, problems)
        if spec is None:
            continue
        specs[spec.name] = spec
        for language in LANGUAGES:
            bundles[spec.name, language] = _bundle(root, folder, language, spec, problems)
    forbidden = _phrases(_toml(root / "forbidden.toml", problems))
    if problems:
        raise DataError(problems)
    return Answers(MappingProxyType(specs), MappingProxyType(bundles), forbidden)


def _spec(folder: Path, problems: list[str]) -> AnswerSpec | None:
    file = folder / "answer.toml"
    before = len(problems)
    raw = _toml(file, problems)
    problems += [f"{file}: {key!r} is not a known key" for key in sorted(set(raw) - _KEYS)]
    if len(problems) == before:
        level, purpose = raw.get("level", 0), raw.get("purpose", "reply")
        channels = tuple(raw.get("channels", CHANNELS))
        if level not in (0, 1, 2, 3):
            problems.append(f"{file}: level must be 0 to 3, not {level!r}")
        if purpose not in PURPOSES:
            problems.append(f"{file}: purpose must be one of {', '.join(sorted(PURPOSES))}, not {purpose!r}")
        problems += [f"{file}: {i!r} is not an intent" for i in raw.get("intents", ()) if i not in INTENTS]
        if not set(channels) <= set(CHANNELS):
            problems.append(f"{file}: channels must be of {', '.join(CHANNELS)}")
        facts = _facts(raw.get("facts", {}), file, problems)
    if len(problems) != before:
        return None
    return AnswerSpec(
        name=folder.name,
        intents=tuple(raw.get("intents", ())),
        level=level,
        purpose=purpose,
        legal=str(raw.get("legal", "")),
        channels=channels,
        facts=MappingProxyType(facts),
        fallback=MappingProxyType({str(k): str(v) for k, v in raw.get("fallback", {}).items()}),
        forbidden=_phrases(raw.get("forbidden", {})),
    )


def _facts(raw: Mapping[str, Any], file: Path, problems: list[str]) -> dict[str, FactSpec]:
    facts = {}
    for name, text in raw.items():
        kind = str(text).removesuffix("?")
        if kind not in KINDS:
            problems.append(f"{file}: fact {name!r} has the type {text!r}; use one of {', '.join(KINDS)}")
        facts[name] = FactSpec(name, kind, str(text).endswith("?"))
    return facts


def _bundle(root: Path, folder: Path, language: str, spec: AnswerSpec, problems: list[str]) -> Mapping[str, str]:
    """Subject and the channels of the answer; a file that is not there comes from the named fallback."""
    wanted = ("subject", *spec.channels) if "email" in spec.channels else spec.channels
    sources = {}
    for name in wanted:
        instead = spec.fallback.get(name, name)
        file = root / LAYOUT / language / "subject.j2" if instead == LAYOUT else folder / language / f"{instead}.j2"
        if file.is_file():
            sources[name] = file.read_text(encoding="utf-8").strip("\n")
        else:
            problems.append(f"{file}: is missing; write it, or name a fallback for {name} in answer.toml")
    return MappingProxyType(sources)


def _phrases(raw: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    everywhere = tuple(raw.get("all", ()))
    return MappingProxyType({language: (*raw.get(language, ()), *everywhere) for language in LANGUAGES})


def _toml(file: Path, problems: list[str]) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        problems.append(f"{file}: is missing")
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"{file}: {error}")
    return {}
