"""Tune how sure a reading is, and from where on it is taken, on the catalogue and on labelled messages.

Every phrase of the catalogue is read by a scorer fitted without it (cross-validation); the messages of a file are
strangers to the scorer anyway. Both give readings that are right and wrong; a logistic regression over the signs
(``match.Signs``) turns signs into a probability. The curve is honest in the same way: each message is read with weights
that did not see it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inbox import redaction
from inbox.intents import coverage, embedding, judging, learned, match, routing, sureness
from inbox.intents.catalog import Catalog
from inbox.intents.coverage import SMALL_TALK, Coverage, Topic
from inbox.intents.evaluate import REFERENCE
from inbox.intents.examples import Message
from inbox.intents.learned import Example, Learned
from inbox.intents.match import SIGNS, LearnedScorer
from inbox.intents.reader import CatalogReader, Words
from inbox.intents.routing import ROUTES, RouteModel
from inbox.intents.tuning import Tuning, rounded
from inbox.intents.understanding import Context
from inbox.intents.verdict import Thresholds, Weighed
from inbox.message import Route

Array = NDArray[np.float64]
STEPS = tuple(n / 100 for n in range(20, 98, 5))
_FOLDS = 5
_NONE = (0.0,) * len(SIGNS)
_SOFT = 1.0  # strength of the pull of the weights towards zero


@dataclass(frozen=True, slots=True)
class Reading:
    """One likely reading of a clause: its signs, and whether it is right. ``group``: the part of cross-validation."""

    signs: tuple[float, ...]
    right: bool
    group: int


@dataclass(frozen=True, slots=True)
class Point:
    """What a threshold for answers gives on the messages."""

    threshold: float
    found: Coverage


@dataclass(frozen=True, slots=True)
class Tuned:
    tuning: Tuning
    points: list[Point]  # the curve of coverage and errors
    routes: Counter[tuple[Route, Route]]  # labelled and read, of the examples, cross-validated


@dataclass(frozen=True, slots=True)
class Judged:
    """An example as the reader saw it that had not learned from it."""

    message: Message
    words: Words
    draft: Weighed
    signs: tuple[float, ...]
    group: int


@dataclass(frozen=True, slots=True)
class Said:
    """A routine answer that would be given, and whether it is right. ``answer``: "" where there is none to doubt."""

    answer: str
    signs: tuple[float, ...]
    right: bool
    elsewhere: bool
    group: int


def run(
    catalog: Catalog, messages: Sequence[Message], rows: Sequence[Topic], known: Thresholds, most_wrong: float
) -> Tuned:
    """New weights, the lowest threshold for messages of other trades that keeps at most ``most_wrong`` of the answers to
    them wrong, and the curve. The threshold for authors' own messages stays as it is.
    """
    plain = LearnedScorer(catalog, _NONE, messages)
    routes = RouteModel(messages)
    reader = CatalogReader(catalog, scorer=plain, routes=routes, tuned=_untuned(known))
    readings = [*of_catalog(catalog, reader), *of_topics(catalog, rows, reader, plain.model)]
    weights = rounded(fit(readings))
    judged = of_messages(catalog, messages, weights, known)
    ours = [j for j in judged if not j.message.elsewhere]  # other trades' messages are answered or not, seldom disputes
    by_sign = judging.fit([j.signs for j in ours], [j.message.route for j in ours]).round(3)
    found = replace(_untuned(known), weights=weights, routes=by_sign)
    by_part = [rounded(fit([r for r in readings if r.group != part])) for part in range(_FOLDS)]
    readers = [
        CatalogReader(catalog, scorer=LearnedScorer(catalog, own, model=plain.model), routes=routes, tuned=found)
        for own in by_part
    ]
    answers = list(_to_topics(readers, rows))
    taught = [s for s in (*answers, *_to_messages(readers[0], judged)) if s.answer and s.signs]
    sure = _sure_weights(taught)
    honest = [_sure_weights([s for s in taught if s.group != part]) for part in range(_FOLDS)]
    likely = [sureness.probability(s.signs, honest[s.group]) if s.signs else 1.0 for s in answers]
    points = [
        Point(
            step, coverage.compare(rows, [s.answer if p >= step else "" for s, p in zip(answers, likely, strict=True)])
        )
        for step in STEPS
    ]
    needed = _lowest(
        [(p, s.right) for s, p in zip(answers, likely, strict=True) if s.answer and s.elsewhere], most_wrong
    )
    tuned = replace(found, sure=sure, thresholds=replace(known, sure_elsewhere=needed))
    return Tuned(tuned, points, _confusion(judged))


def _untuned(known: Thresholds) -> Tuning:
    return Tuning(_NONE, known, (0.0,) * len(sureness.SIGNS), np.zeros((len(ROUTES), len(judging.SIGNS))))


def _lowest(answers: Sequence[tuple[float, bool]], most_wrong: float) -> float:
    """The lowest step from which on at most that share of the answers is wrong; the highest if there is none."""
    for step in STEPS:
        kept = [right for p, right in answers if p >= step]
        if kept and 1 - sum(kept) / len(kept) <= most_wrong:
            return step
    return STEPS[-1]


def _sure_weights(answers: Sequence[Said]) -> tuple[float, ...]:
    return rounded(logistic([s.signs for s in answers], [s.right for s in answers]))


def _to_topics(readers: Sequence[CatalogReader], rows: Sequence[Topic]) -> Iterator[Said]:
    context = Context(now=REFERENCE, channel="chat")
    for n, row in enumerate(rows):
        reader = readers[n % _FOLDS]
        words, draft = reader.draft(redaction.mask(row.text).text, context)
        yield _said(reader, words, draft, row.intents, n % _FOLDS)


def _to_messages(reader: CatalogReader, judged: Sequence[Judged]) -> Iterator[Said]:
    for j in judged:
        right = frozenset(j.message.intents) if j.message.route is Route.ANSWER else frozenset()
        yield _said(reader, j.words, j.draft, right, j.group)


def _said(reader: CatalogReader, words: Words, draft: Weighed, right: frozenset[str], group: int) -> Said:
    settled = reader.settled(words, draft)
    answered = settled.intents[0] if settled.route is Route.ANSWER and settled.intents else ""
    answered = "" if answered == coverage.OUT else answered
    far = words.whole.elsewhere >= sureness.ELSEWHERE
    return Said(answered, reader.sure_signs(words, settled), answered in right, far, group)


def of_messages(
    catalog: Catalog, messages: Sequence[Message], weights: Sequence[float], known: Thresholds
) -> list[Judged]:
    found: list[Judged] = []
    vectors = embedding.load()
    for part in range(_FOLDS):
        kept = [m for n, m in enumerate(messages) if n % _FOLDS != part]
        clauses = Learned(learned.fit(match.training(catalog, kept), vectors), vectors)
        whole = Learned(learned.fit(routing.training(kept), vectors), vectors)
        reader = CatalogReader(
            catalog, scorer=LearnedScorer(catalog, weights, model=clauses), routes=RouteModel(kept, model=whole),
            tuned=_untuned(known),
        )  # fmt: skip
        for message in messages[part::_FOLDS]:
            words, draft = reader.draft(message.text, Context(now=REFERENCE, channel=message.channel))
            found.append(Judged(message, words, draft, reader.signs(words, draft), part))
    return found


def _confusion(judged: Sequence[Judged]) -> Counter[tuple[Route, Route]]:
    found: Counter[tuple[Route, Route]] = Counter()
    for part in range(_FOLDS):
        seen = [j for j in judged if j.group != part]
        weights = judging.fit([j.signs for j in seen], [j.message.route for j in seen])
        for one in judged:
            if one.group == part:
                likely = judging.probabilities(one.signs, weights)
                found[one.message.route, max(likely, key=lambda r: likely[r])] += 1
    return found


def of_catalog(catalog: Catalog, reader: CatalogReader) -> list[Reading]:
    """Readings of every phrase by a scorer that has not seen it."""
    found: list[Reading] = []
    vectors = embedding.load()
    for part in range(_FOLDS):
        rest = _without(catalog, part)
        weights = learned.fit([Example(p.intent, p.tokens) for p in rest.phrases], vectors)
        scorer = LearnedScorer(rest, _NONE, model=Learned(weights, vectors))
        for entry in catalog.entries.values():
            for phrase in entry.phrases[part::_FOLDS]:
                found += _readings(scorer, reader, phrase.text, frozenset({phrase.intent}), part)
    return found


def of_topics(catalog: Catalog, rows: Sequence[Topic], reader: CatalogReader, model: Learned) -> list[Reading]:
    scorer = LearnedScorer(catalog, _NONE, model=model)
    return [
        found for n, row in enumerate(rows) for found in _readings(scorer, reader, row.text, row.intents, n % _FOLDS)
    ]


def _without(catalog: Catalog, part: int) -> Catalog:
    return Catalog({
        name: replace(entry, phrases=tuple(p for n, p in enumerate(entry.phrases) if n % _FOLDS != part))
        for name, entry in catalog.entries.items()
    })  # fmt: skip


def _readings(
    scorer: LearnedScorer, reader: CatalogReader, text: str, right: frozenset[str], group: int
) -> Iterator[Reading]:
    """Of several clauses, greetings and thanks beside the matter teach nothing."""
    clauses = reader.clauses(text)
    for words, spoken in clauses:
        for intent, signs, _ in scorer.signs(words, spoken):
            if len(clauses) == 1 or intent not in SMALL_TALK:
                yield Reading(signs.values(), intent in right, group)


def fit(readings: Sequence[Reading]) -> tuple[float, ...]:
    """Weights in the order of ``match.SIGNS``."""
    return logistic([r.signs for r in readings], [r.right for r in readings])


def logistic(rows: Sequence[Sequence[float]], truths: Sequence[bool]) -> tuple[float, ...]:
    """Weights of a logistic regression, by Newton's method."""
    signs: Array = np.array(rows, np.float64)
    right: Array = np.array(truths, np.float64)
    weights: Array = np.zeros(signs.shape[1])
    pull = _SOFT * np.eye(len(weights))
    for _ in range(30):
        likely = 1 / (1 + np.exp(-signs @ weights))
        slope = signs.T @ (right - likely) - pull @ weights
        curved = (signs * (likely * (1 - likely))[:, None]).T @ signs + pull
        step = np.linalg.solve(curved, slope)
        weights = weights + step
        if float(np.abs(step).max()) < 1e-6:
            break
    return tuple(float(w) for w in weights)
