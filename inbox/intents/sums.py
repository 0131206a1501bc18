"""Sums of rows, many at once: what a sparse matrix is good for. Pure.

Learning multiplies the same very sparse matrices with small dense ones again and again. Each row of such a matrix is a
short list of columns; lists are sorted by length, so that the first columns of all lists are added in one go, then the
second ones, and so on. The few long lists are summed one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Numbers = NDArray[np.intp]
_LONG = 100  # columns of a list from which it is summed by itself


class Sums:
    """A matrix of this ``shape`` with ``values`` (None: ones) at the places (``row``, ``column``); the rest is zero."""

    def __init__(self, row: Numbers, column: Numbers, shape: tuple[int, int], values: Array | None = None) -> None:
        self._forth = _Lists(row, column, shape[0], values)
        self._back = _Lists(column, row, shape[1], values)

    def times(self, dense: Array) -> Array:
        """``matrix @ dense``"""
        return self._forth.sum(dense)

    def back(self, dense: Array) -> Array:
        """``matrix.T @ dense``"""
        return self._back.sum(dense)


class _Lists:
    def __init__(self, list_of: Numbers, items: Numbers, size: int, values: Array | None) -> None:
        order = np.argsort(list_of, kind="stable")
        items, weights = items[order], None if values is None else values[order][:, None]
        lengths = np.bincount(list_of, minlength=size)
        starts = np.cumsum(lengths) - lengths
        self._size = size
        self._long = [
            (n, *_at(items, weights, slice(int(starts[n]), int(starts[n] + lengths[n]))))
            for n in np.flatnonzero(lengths >= _LONG).tolist()
        ]
        short = np.flatnonzero((lengths > 0) & (lengths < _LONG))
        self._short = short[np.argsort(-lengths[short], kind="stable")]
        starts, lengths = starts[self._short], lengths[self._short]
        self._places: Sequence[tuple[Numbers, Array | None]] = [
            _at(items, weights, starts[lengths > place] + place) for place in range(int(lengths.max(initial=0)))
        ]

    def sum(self, dense: Array) -> Array:
        dense = np.ascontiguousarray(dense)  # else each taking of rows copies the whole
        found: Array = np.zeros((self._size, dense.shape[1]), np.float32)
        if self._places:
            total = _taken(dense, *self._places[0])
            for items, weights in self._places[1:]:
                total[: len(items)] += _taken(dense, items, weights)
            found[self._short] = total
        for n, items, weights in self._long:
            found[n] = np.add.reduce(_taken(dense, items, weights))
        return found


def _at(items: Numbers, weights: Array | None, where: slice | Numbers) -> tuple[Numbers, Array | None]:
    return items[where], None if weights is None else weights[where]


def _taken(dense: Array, items: Numbers, weights: Array | None) -> Array:
    rows: Array = dense.take(items, 0)
    if weights is not None:
        rows *= weights
    return rows
