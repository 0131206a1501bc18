"""The packaged reader, made in a moment: what was learned from catalogue and examples is read from one file.

The file lies in the user's cache folder and is named after everything that it depends on. It is never needed: without
it the phrases and examples are read, checked and learned anew, and nothing of the examples stays in memory.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from inbox import redaction
from inbox.intents import catalog, embedding, examples, fitted, lexicon, match, routing, tuning
from inbox.intents.fitted import Stored
from inbox.intents.learned import Learned, Weights
from inbox.intents.match import LearnedScorer, Phrases
from inbox.intents.reader import CatalogReader
from inbox.intents.routing import RouteModel
from inbox.intents.understanding import INTENTS


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a reader takes from the phrases and the examples."""

    clauses: Weights
    whole: Weights
    phrases: Phrases


def reader(folder: Path | None = None) -> CatalogReader:
    """``folder``: where it is kept. Raises ``DataError`` if catalogue, examples or guards have mistakes."""
    kept = _prepared(folder or fitted.FOLDER)
    vectors, tuned = embedding.load(), tuning.packaged()
    entries = catalog.load_patterns()
    return CatalogReader(
        entries,
        scorer=LearnedScorer(entries, tuned.weights, model=Learned(kept.clauses, vectors), phrases=kept.phrases),
        routes=RouteModel((), model=Learned(kept.whole, vectors)),
        tuned=tuned,
        known=kept.phrases.words,
    )


def _prepared(folder: Path) -> Prepared:
    place = fitted.kept_in(folder) / f"reader-{_key()}.npz"
    kept = fitted.read(place, _unpacked)
    if kept is None:
        kept = _learned(folder)
        fitted.write(place, _packed(kept))
    return kept


def _learned(folder: Path) -> Prepared:
    loaded, messages = catalog.load(), examples.load(examples.FOLDER)
    return Prepared(
        fitted.of(match.training(loaded, messages), folder).weights,
        fitted.of(routing.training(messages), folder).weights,
        Phrases.of(loaded),
    )


def _key() -> str:
    """Of all files that say what is learned and how; guards and tuning are read at every start."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"-")
    return digest.hexdigest()[:24]


def _sources() -> Iterator[Path]:
    for module in (__file__, redaction.__file__):
        yield from sorted(Path(module).parent.glob("*.py"))
    yield from sorted(catalog.FOLDER.glob("*.toml"))
    yield from sorted(examples.FOLDER.glob("*.jsonl"))
    yield from (lexicon.PATH, embedding.FILE)


def _packed(kept: Prepared) -> dict[str, Stored]:
    arrays = {
        f"{part} {name}": array
        for part, weights in (("clauses", kept.clauses), ("whole", kept.whole))
        for name, array in fitted.packed(weights).items()
    }
    for intent in INTENTS:
        arrays[f"texts {intent}"] = fitted.text(kept.phrases.texts[intent])
        arrays[f"joined {intent}"] = fitted.text(kept.phrases.joined[intent])
    return {**arrays, "words": fitted.text(sorted(kept.phrases.words))}


def _unpacked(kept: Mapping[str, Stored]) -> Prepared:
    clauses, whole = (fitted.unpacked(_Part(kept, f"{part} ")) for part in ("clauses", "whole"))
    return Prepared(
        clauses,
        whole,
        Phrases(
            {intent: fitted.words(kept[f"texts {intent}"]) for intent in INTENTS},
            {intent: fitted.words(kept[f"joined {intent}"]) for intent in INTENTS},
            frozenset(fitted.words(kept["words"])),
        ),
    )


class _Part(dict[str, Stored]):
    """The arrays whose names begin so, without the beginning."""

    def __init__(self, kept: Mapping[str, Stored], beginning: str) -> None:
        super().__init__({name.removeprefix(beginning): kept[name] for name in kept if name.startswith(beginning)})
