"""Where a word lies among the others: small vectors, so that "earnings" stands near "royalties" without a list. Pure.

The file is made by ``tools/distil.py``. Words are cut into the longest known pieces from the left (WordPiece). Without
the file everything works; matching then knows only the words of the catalogue, their beginnings and endings.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("embedding.npz")
_LONGEST = 40  # letters of a word that is looked up

Vector = NDArray[np.float32]


class Embedding:
    """``of(word)``: the sum of its pieces, zeros if none is known. ``size``: numbers a vector."""

    def __init__(self, pieces: list[str], table: NDArray[np.int8], scale: Vector) -> None:
        self._index = {piece: number for number, piece in enumerate(pieces)}
        self._table = table
        self._scale = scale
        self.size = int(table.shape[1])

    def of(self, word: str) -> Vector:
        found = self._pieces(word) if word.isascii() and word.isalpha() else []
        if not found:
            return np.zeros(self.size, np.float32)
        rows = self._table[found].astype(np.float32) * self._scale[found][:, None]
        total: Vector = rows.sum(0)
        return total

    def _pieces(self, word: str) -> list[int]:
        word, found, start = word[:_LONGEST], list[int](), 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._index.get(word[start:end] if start == 0 else f"##{word[start:end]}")
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                return []
        return found


@cache
def load(path: Path = FILE) -> Embedding | None:
    """The packaged vectors, None if the file is missing."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as kept:
        pieces = kept["words"].tobytes().decode().split("\n")
        return Embedding(pieces, kept["table"], kept["scale"])
