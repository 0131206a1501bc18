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
from inbox.intents import coverage, embedding, judging, learned, match, routing
from inbox.intents.catalog import Catalog
from inbox.intents.coverage import SMALL_TALK, Coverage, Topic
from inbox.intents.evaluate import REFERENCE
from inbox.intents.examples import Message
from inbox.intents.learned import Example, Learned
from inbox.intents.match import SIGNS, LearnedScorer
from inbox.intents.reader import CatalogReader
from inbox.intents.routing import ROUTES, RouteModel
from inbox.intents.tuning import Tuning, rounded
from inbox.intents.understanding import Context, Understanding
from inbox.intents.verdict import Thresholds
from inbox.message import Route

Array = NDArray[np.float64]
STEPS = tuple(n / 100 for n in range(20, 96, 5))
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


def run(
    catalog: Catalog, messages: Sequence[Message], rows: Sequence[Topic], known: Thresholds, most_wrong: float
) -> Tuned:
    """New weights, the lowest threshold for answers that keeps at most ``most_wrong`` of them wrong, and the curve."""
    plain = LearnedScorer(catalog, _NONE, messages)
    routes = RouteModel(messages)
    start = Tuning(_NONE, known, np.zeros((len(ROUTES), len(judging.SIGNS))))
    reader = CatalogReader(catalog, scorer=plain, routes=routes, tuned=start)
    readings = [*of_catalog(catalog, reader), *of_topics(catalog, rows, reader, plain.model)]
    weights = rounded(fit(readings))
    judged = of_messages(catalog, messages, weights, known)
    found = Tuning(weights, known, judging.fit([j.signs for j in judged], [j.route for j in judged]).round(3))
    by_part = [rounded(fit([r for r in readings if r.group != part])) for part in range(_FOLDS)]
    scorers = [LearnedScorer(catalog, own, model=plain.model) for own in by_part]
    points = []
    for step in STEPS:
        tried = replace(known, answer=step)
        readers = [
            CatalogReader(catalog, scorer=one, routes=routes, tuned=replace(found, thresholds=tried)) for one in scorers
        ]
        read = [_read(readers[n % _FOLDS], row) for n, row in enumerate(rows)]
        points.append(Point(step, coverage.compare(rows, read)))
    good = [p.threshold for p in points if p.found.wrong_share <= most_wrong]
    chosen = replace(known, answer=good[0] if good else STEPS[-1])
    return Tuned(replace(found, thresholds=chosen), points, _confusion(judged))


@dataclass(frozen=True, slots=True)
class Judged:
    """An example as the reader saw it that had not learned from it."""

    signs: tuple[float, ...]
    route: Route
    group: int


def of_messages(
    catalog: Catalog, messages: Sequence[Message], weights: Sequence[float], known: Thresholds
) -> list[Judged]:
    found: list[Judged] = []
    vectors = embedding.load()
    start = Tuning(_NONE, known, np.zeros((len(ROUTES), len(judging.SIGNS))))
    for part in range(_FOLDS):
        kept = [m for n, m in enumerate(messages) if n % _FOLDS != part]
        clauses = Learned(learned.fit(match.training(catalog, kept), vectors), vectors)
        whole = Learned(learned.fit(routing.training(kept), vectors), vectors)
        reader = CatalogReader(
            catalog, scorer=LearnedScorer(catalog, weights, model=clauses), routes=RouteModel(kept, model=whole), tuned=start
        )  # fmt: skip
        for message in messages[part::_FOLDS]:
            context = Context(now=REFERENCE, channel=message.channel)
            words, draft = reader.draft(redaction.mask(message.text).text, context)
            found.append(Judged(reader.signs(words, draft), message.route, part))
    return found


def _confusion(judged: Sequence[Judged]) -> Counter[tuple[Route, Route]]:
    found: Counter[tuple[Route, Route]] = Counter()
    for part in range(_FOLDS):
        seen = [j for j in judged if j.group != part]
        weights = judging.fit([j.signs for j in seen], [j.route for j in seen])
        for one in judged:
            if one.group == part:
                likely = judging.probabilities(one.signs, weights)
                found[one.route, max(likely, key=lambda r: likely[r])] += 1
    return found


def _read(reader: CatalogReader, row: Topic) -> Understanding:
    return reader.read(redaction.mask(row.text).text, Context(now=REFERENCE, channel="chat"))


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
    """Weights in the order of ``match.SIGNS``, by Newton's method."""
    signs: Array = np.array([r.signs for r in readings])
    right: Array = np.array([float(r.right) for r in readings])
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
