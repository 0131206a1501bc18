"""Words that mean the same, shorthand and word lists, read once from ``words.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from inbox.errors import DataError

PATH = Path(__file__).with_name("words.toml")


@dataclass(frozen=True, slots=True)
class Words:
    """``concept_of`` maps a folded word to the concept it stands for; ``classes`` holds the words of each name."""

    concept_of: Mapping[str, str]
    classes: Mapping[str, frozenset[str]]
    shorthand: Mapping[str, tuple[str, ...]]
    pairs: Mapping[tuple[str, str], str]  # two words that are one notion
    languages: Mapping[str, frozenset[str]]
    spared: frozenset[str]  # real words one letter away from ours: never "repaired"


@cache
def words(path: Path = PATH) -> Words:
    """Raises DataError if the file cannot be read as TOML or lacks a table."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        concepts, lists, short = raw["concept"], raw["class"], raw["shorthand"]
        pairs = {(a, b): one for one, text in raw["pair"].items() for a, b in (p.split() for p in text.split(", "))}
        languages, spared = raw["language"], raw["spared"]["words"]
    except (tomllib.TOMLDecodeError, KeyError, ValueError) as error:
        raise DataError(
            [f"{path.name}: {error}; the tables concept, class, shorthand, pair, language and spared are needed"]
        ) from error
    concept_of: dict[str, str] = {}
    for name, members in concepts.items():
        for word in members.split():
            concept_of.setdefault(word, name)
    classes = {name: frozenset(members.split()) for name, members in {**concepts, **lists}.items()}
    return Words(
        concept_of=concept_of,
        classes=classes,
        shorthand={word: tuple(full.split()) for word, full in short.items()},
        pairs=pairs,
        languages={name: frozenset(members.split()) for name, members in languages.items()},
        spared=frozenset(spared.split()),
    )
