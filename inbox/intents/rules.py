"""Rules as data: ``guards/*.toml`` read into patterns, with file and line in every complaint."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from inbox.errors import DataError
from inbox.intents import lexicon
from inbox.intents.pattern import Pattern, compile_patterns
from inbox.intents.understanding import INTENTS
from inbox.message import CHANNELS, Route, Severity

FOLDER = Path(__file__).with_name("guards")
_RULE_KEYS = frozenset(
    {
        "name",
        "route",
        "reason",
        "intent",
        "severity",
        "likely",
        "case",
        "when",
        "unless",
        "never",
        "channels",
        "deniable",
        "calmed",
    }
)
_CALM_KEYS = frozenset({"name", "calms", "becomes", "when", "whole", "reach"})


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A guard: when one of ``when`` is said and none of ``unless`` (same clause) or ``never`` (anywhere) is."""

    name: str
    route: Route
    reason: str
    intent: str = ""
    severity: Severity = Severity.NORMAL
    case: str = ""
    channels: tuple[str, ...] = ()  # () = all
    deniable: bool = True  # "I am not asking for ..." silences it
    calmed: bool = True  # so does a calm of its intent
    likely: float = 0.0  # counts only in a message that the reader finds at least so likely to be about its intent
    when: tuple[Pattern, ...] = ()
    unless: tuple[Pattern, ...] = ()
    never: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calm:
    """Words that show that an alarming word is no alarm: negation, a closed matter, a question of policy."""

    name: str
    calms: frozenset[str]
    becomes: str = ""  # the routine intent that it is then
    whole: bool = False  # for the whole message, not only the clause
    reach: int = 0  # only for words that begin up to so many words later; 0 = the clause
    when: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signal:
    """Something worth knowing that is no risk: "are you a bot?", "in English, please"."""

    name: str
    when: tuple[Pattern, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleBook:
    rules: tuple[Rule, ...] = ()
    calms: tuple[Calm, ...] = ()
    signals: tuple[Signal, ...] = ()


@cache
def packaged() -> RuleBook:
    return load(FOLDER)


def load(folder: Path) -> RuleBook:
    """All rules of a folder. Raises DataError that lists every mistake as ``file:line: what``."""
    problems: list[str] = []
    rules: list[Rule] = []
    calms: list[Calm] = []
    signals: list[Signal] = []
    for path in sorted(folder.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            problems.append(f"{path.name}: {error}")
            continue
        page = _Page(path.name, text, problems)
        rules += [rule for entry in raw.get("rule", ()) if (rule := page.rule(entry))]
        calms += [calm for entry in raw.get("calm", ()) if (calm := page.calm(entry))]
        signals += [signal for entry in raw.get("signal", ()) if (signal := page.signal(entry))]
    problems += [
        f"guards: the name {name!r} is used twice"
        for name in _twice([*(r.name for r in rules), *(c.name for c in calms), *(s.name for s in signals)])
    ]
    if problems:
        raise DataError(problems)
    return RuleBook(tuple(rules), tuple(calms), tuple(signals))


def _twice(names: list[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)


@dataclass(frozen=True, slots=True)
class _Page:
    """One file while it is read; collects what is wrong with it."""

    name: str
    text: str
    problems: list[str] = field(repr=False)

    def rule(self, entry: Mapping[str, Any]) -> Rule | None:
        before = len(self.problems)
        self._check(entry, _RULE_KEYS, ("name", "route", "reason", "when"))
        self._one_of(entry, "route", [r.value for r in Route])
        self._one_of(entry, "severity", [s.value for s in Severity])
        self._one_of(entry, "intent", ["", *INTENTS])
        for channel in entry.get("channels", ()):
            if channel not in CHANNELS:
                self._wrong(channel, f"{channel!r} is no channel; use one of {', '.join(CHANNELS)}")
        self._likely(entry)
        lists = {key: self._patterns(entry, key) for key in ("when", "unless", "never")}
        if len(self.problems) > before:
            return None
        return Rule(
            name=entry["name"], route=Route(entry["route"]), reason=entry["reason"], intent=entry.get("intent", ""),
            severity=Severity(entry.get("severity", "normal")), case=entry.get("case", ""),
            channels=tuple(entry.get("channels", ())), deniable=entry.get("deniable", True),
            calmed=entry.get("calmed", True), likely=entry.get("likely", 0.0), **lists,
        )  # fmt: skip

    def calm(self, entry: Mapping[str, Any]) -> Calm | None:
        before = len(self.problems)
        self._check(entry, _CALM_KEYS, ("name", "calms", "when"))
        for intent in (*entry.get("calms", ()), *filter(None, [entry.get("becomes")])):
            if intent not in INTENTS:
                self._wrong(intent, f"{intent!r} is no intent")
        when = self._patterns(entry, "when")
        if len(self.problems) > before:
            return None
        return Calm(
            name=entry["name"], calms=frozenset(entry["calms"]), becomes=entry.get("becomes", ""),
            whole=entry.get("whole", False), reach=entry.get("reach", 0), when=when,
        )  # fmt: skip

    def signal(self, entry: Mapping[str, Any]) -> Signal | None:
        before = len(self.problems)
        self._check(entry, frozenset({"name", "when"}), ("name", "when"))
        when = self._patterns(entry, "when")
        return Signal(name=entry["name"], when=when) if len(self.problems) == before else None

    def _check(self, entry: Mapping[str, Any], known: frozenset[str], needed: tuple[str, ...]) -> None:
        name = str(entry.get("name", ""))
        for key in needed:
            if not entry.get(key):
                self._wrong(name, f"rule {name!r} lacks {key!r}")
        for key in sorted(entry.keys() - known):
            self._wrong(key, f"rule {name!r} has the unknown key {key!r}; known are {', '.join(sorted(known))}")

    def _one_of(self, entry: Mapping[str, Any], key: str, allowed: list[str]) -> None:
        value = entry.get(key)
        if value is not None and value not in allowed:
            self._wrong(str(value), f"{key} {value!r} is unknown; use one of {', '.join(filter(None, allowed))}")

    def _likely(self, entry: Mapping[str, Any]) -> None:
        likely = entry.get("likely", 0.0)
        if not isinstance(likely, float) or not 0 <= likely < 1 or (likely and not entry.get("intent")):
            self._wrong("likely", f"likely {likely!r} is no probability below 1 of the rule's intent")

    def _patterns(self, entry: Mapping[str, Any], key: str) -> tuple[Pattern, ...]:
        return patterns(entry.get(key, ()), self._wrong)

    def _wrong(self, near: str, message: str) -> None:
        self.problems.append(f"{self.name}:{line_of(self.text, near)}: {message}")


def patterns(sources: Any, wrong: Any) -> tuple[Pattern, ...]:
    """Compiled patterns; ``wrong(source, message)`` is told of each that cannot be."""
    compiled: list[Pattern] = []
    for source in sources:
        try:
            compiled += compile_patterns(source, lexicon.words().classes)
        except DataError as error:
            wrong(source, str(error))
    return tuple(compiled)


def line_of(text: str, near: str) -> int:
    """The line on which these words stand, 1 if nowhere."""
    at = text.find(near) if near else -1
    return text.count("\n", 0, at) + 1 if at >= 0 else 1
