"""Weighs what guards, scorer and route model each say of a message into one probability for every route. Pure.

The weights are learned from the examples (``inbox intents calibrate``), each read by models that had not seen it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from inbox.intents.guard import Calmed
from inbox.intents.routing import ROUTES
from inbox.intents.understanding import NEEDS_PERSON, Candidate, Finding
from inbox.message import Route

Array = NDArray[np.float64]
#: Handoff reasons that a person must see whoever writes, and whatever else is said.
WHOEVER = frozenset({"estate", "bankruptcy", "legal_representation", "vulnerability_self_harm"})
_SMALL_TALK = frozenset({"greeting", "thanks"})
_OUT = "out_of_scope"

#: What is weighed, in this order.
SIGNS: tuple[str, ...] = (
    "base", *(f"whole {route.value}" for route in ROUTES), *(f"draft {route.value}" for route in ROUTES), "guard verify_first", "guard whoever", "guard escalate",
    "guard answer", "guard clarify", "guard ignore", "calmed", "clause question", "clause person", "clause outside",
    "clause small_talk", "question alone", "clauses", "words",
)  # fmt: skip


def signs(
    whole: Mapping[Route, float], drafted: Route, findings: Sequence[Finding], calmed: Sequence[Calmed],
    by_clause: Sequence[Sequence[Candidate]], words: int,
) -> tuple[float, ...]:  # fmt: skip
    """Values in the order of ``SIGNS``: logits of the whole, the route drafted from the clauses, flags of the guards, the
    best clause readings.
    """
    routes = {f.route for f in findings}
    whoever = any(f.case_reason in WHOEVER for f in findings)
    best: dict[str, float] = {"question": 0.0, "person": 0.0, "outside": 0.0, "small_talk": 0.0}
    for candidates in by_clause:
        for candidate in candidates[:2]:
            kind = _kind(candidate.intent)
            best[kind] = max(best[kind], candidate.score)
    return (
        1.0, *(_logit(whole[route]) for route in ROUTES), *(float(drafted is route) for route in ROUTES), float(Route.VERIFY_FIRST in routes), float(whoever),
        float(Route.ESCALATE in routes and not whoever), float(Route.ANSWER in routes), float(Route.CLARIFY in routes),
        float(Route.IGNORE in routes), float(bool(calmed)), best["question"], best["person"], best["outside"],
        best["small_talk"], best["question"] * (1.0 - best["person"]), min(6.0, float(len(by_clause))) / 6.0,
        math.log(1 + words) / 5.0,
    )  # fmt: skip


def _kind(intent: str) -> str:
    if intent in NEEDS_PERSON:
        return "person"
    return "outside" if intent == _OUT else "small_talk" if intent in _SMALL_TALK else "question"


def _logit(share: float) -> float:
    bounded = min(max(share, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded)) / 4.0


def probabilities(values: Sequence[float], weights: Array) -> Mapping[Route, float]:
    """``weights``: a row for each route in the order of ``ROUTES``, a column for each sign."""
    scores = weights @ np.asarray(values)
    powers = np.exp(scores - scores.max())
    powers /= powers.sum()
    return dict(zip(ROUTES, map(float, powers), strict=True))


def fit(rows: Sequence[Sequence[float]], routes: Sequence[Route], pull: float = 1.0) -> Array:
    """Multinomial logistic regression by accelerated gradient."""
    x: Array = np.asarray(rows, np.float64)
    wanted: Array = np.zeros((len(rows), len(ROUTES)))
    wanted[np.arange(len(rows)), [ROUTES.index(route) for route in routes]] = 1.0
    step = 1.0 / (0.5 * float(np.linalg.eigvalsh(x.T @ x)[-1]) + pull)
    found: Array = np.zeros((x.shape[1], len(ROUTES)))
    ahead, pace = found, 1.0
    for _ in range(3000):
        likely = x @ ahead
        likely = np.exp(likely - likely.max(1, keepdims=True))
        likely /= likely.sum(1, keepdims=True)
        after = ahead - step * (x.T @ (likely - wanted) + pull * ahead)
        faster = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
        ahead = after + (pace - 1) / faster * (after - found)
        found, pace = after, faster
    return np.ascontiguousarray(found.T)
