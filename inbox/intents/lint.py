"""What a supervisor should look at in the catalogue: thin intents, intents that are taken for each other, lone phrases.

Phrases are read by a scorer that was fitted without them, so a phrase that only its twin explains shows here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from inbox.disclosure import table
from inbox.intents import embedding, learned
from inbox.intents.catalog import Catalog, Phrase
from inbox.intents.learned import Example, Learned
from inbox.intents.understanding import NEEDS_PERSON
from inbox.message import LANGUAGES

THIN = 25  # phrases of one language
_FOLDS = 5
_OFTEN = 0.1  # share of an intent's phrases that are read as one other intent


@dataclass(frozen=True, slots=True)
class Misread:
    phrase: Phrase
    read: str
    probability: float


def thin(catalog: Catalog) -> Iterator[str]:
    for entry in catalog.entries.values():
        for language in LANGUAGES:
            count = sum(1 for phrase in entry.phrases if phrase.language == language)
            if count < THIN:
                yield f"{entry.intent}: {count} phrases in {language}; {THIN} or more are needed to learn from"


def disagreements(catalog: Catalog, answers: Mapping[str, Collection[str]]) -> Iterator[str]:
    """Where a file promises what the product does not do. ``answers``: the facts of each template by its name."""
    for entry in catalog.entries.values():
        needs = "person" if entry.intent in NEEDS_PERSON else "answer"
        if entry.route != needs:
            yield f"{entry.intent}: route says {entry.route}, but the product brings it to a {needs}"
        if entry.level != table.lowest(entry.intent):
            yield f"{entry.intent}: level says {entry.level}, the disclosure table {table.lowest(entry.intent)}"
        if entry.answer and entry.answer not in answers:
            yield f"{entry.intent}: there is no answer {entry.answer!r} in the templates"
        for fact in entry.facts:
            if fact not in answers.get(entry.answer, ()):
                yield f"{entry.intent}: the answer {entry.answer!r} has no fact {fact!r}"


def misread(catalog: Catalog) -> list[Misread]:
    """Every phrase that the others would give to another intent, the surest mistakes first."""
    phrases = [phrase for entry in catalog.entries.values() for phrase in entry.phrases]
    vectors = embedding.load()
    found: list[Misread] = []
    for part in range(_FOLDS):
        kept = [Example(p.intent, p.tokens) for n, p in enumerate(phrases) if n % _FOLDS != part]
        model = Learned(learned.fit(kept, vectors), vectors)
        for phrase in phrases[part::_FOLDS]:
            likely = model.probabilities(phrase.tokens)
            read = model.intents[int(likely.argmax())]
            if read != phrase.intent:
                found.append(Misread(phrase, read, float(likely.max())))
    return sorted(found, key=lambda m: -m.probability)


def confusing(catalog: Catalog, mistakes: list[Misread]) -> Iterator[str]:
    """Pairs of intents that the phrases do not keep apart."""
    sizes = {entry.intent: len(entry.phrases) for entry in catalog.entries.values()}
    pairs = Counter((m.phrase.intent, m.read) for m in mistakes)
    for (intent, read), count in pairs.most_common():
        if count >= _OFTEN * sizes[intent]:
            example = next(m for m in mistakes if (m.phrase.intent, m.read) == (intent, read))
            yield f"{intent} is read as {read} in {count} of {sizes[intent]} phrases, such as {example.phrase.text!r}"
