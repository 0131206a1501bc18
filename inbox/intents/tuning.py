"""What ``inbox intents calibrate`` found out: the weights of the signs and the thresholds, in ``confidence.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inbox.errors import DataError
from inbox.intents import judging, sureness
from inbox.intents.match import SIGNS
from inbox.intents.routing import ROUTES
from inbox.intents.verdict import Thresholds

FILE = Path(__file__).with_name("confidence.toml")


@dataclass(frozen=True, slots=True)
class Tuning:
    weights: tuple[float, ...]  # in the order of ``match.SIGNS``
    thresholds: Thresholds
    sure: tuple[float, ...]  # in the order of ``sureness.SIGNS``
    routes: NDArray[np.float64]  # a row for each route, a column for each of ``judging.SIGNS``


@cache
def packaged() -> Tuning:
    return load(FILE)


def load(path: Path) -> Tuning:
    """Raises DataError if the file lacks a number."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        weights = tuple(float(raw["weights"][name]) for name in SIGNS)
        thresholds = Thresholds(**{f.name: float(raw["thresholds"][f.name]) for f in fields(Thresholds)})
        routes = np.array([raw["routes"][route.value] for route in ROUTES], np.float64)
        if routes.shape != (len(ROUTES), len(judging.SIGNS)):
            raise ValueError(f"each route needs {len(judging.SIGNS)} weights")
        sure = tuple(float(raw["sure"][name]) for name in sureness.SIGNS)
        return Tuning(weights, thresholds, sure, routes)
    except (OSError, tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise DataError([f"{path.name}: {error}; write it anew with: inbox intents calibrate FILE.jsonl"]) from error


def save(path: Path, tuning: Tuning, note: str) -> None:
    lines = [
        "# How sure a reading is (match.Signs) and from where on it is taken (verdict.Thresholds).",
        f"# {note}",
        "[weights]",
    ]
    lines += [f"{name} = {weight:.3f}" for name, weight in zip(SIGNS, tuning.weights, strict=True)]
    lines += ["", "[thresholds]"]
    lines += [f"{f.name} = {getattr(tuning.thresholds, f.name):.3f}" for f in fields(Thresholds)]
    lines += ["", "# How sure it is that an answer is right (sureness.SIGNS).", "[sure]"]
    lines += [f'"{name}" = {weight:.3f}' for name, weight in zip(sureness.SIGNS, tuning.sure, strict=True)]
    lines += ["", "# Weights of judging.SIGNS, in their order.", "[routes]"]
    lines += [
        f"{route.value} = [{', '.join(f'{w:.3f}' for w in row)}]"
        for route, row in zip(ROUTES, tuning.routes, strict=True)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def rounded(weights: Sequence[float]) -> tuple[float, ...]:
    """As they are written: what was tried is what is kept."""
    return tuple(round(w, 3) for w in weights)
