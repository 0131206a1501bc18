"""Where a word lies among the others: small vectors, so that "earnings" stands near "royalties" without a list. Pure.

The file is made by ``tools/distil.py``. Words are cut into the longest known pieces from the left (WordPiece). Without
the file everything works; matching then knows only the words of the catalogue, their beginnings and endings.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("embedding.npz")
_LONGEST = 40  # letters of a word that is looked up
_WORDS = 8192  # whose pieces are kept

Vector = NDArray[np.float32]


class Embedding:
    """``of(word)``: the sum of its pieces, zeros if none is known. ``size``: numbers a vector."""

    def __init__(self, pieces: list[str], table: NDArray[np.int8], scale: Vector) -> None:
        self._index = _Index(pieces)
        self._table = table
        self._scale = scale
        self.size = int(table.shape[1])
        self._pieces_of = lru_cache(maxsize=_WORDS)(self._pieces)

    def of(self, word: str) -> Vector:
        return self.of_all((word,))

    def of_all(self, words: Sequence[str]) -> Vector:
        """The sum over the words."""
        pieces = [piece for word in words for piece in self._pieces_of(word)]
        total: Vector = self._scale.take(pieces) @ self._table.take(pieces, 0).astype(np.float32)
        return total

    def _pieces(self, word: str) -> Sequence[int]:
        if not (word.isascii() and word.isalpha()):
            return ()
        word, found, start = word[:_LONGEST], list[int](), 0
        while start < len(word):
            for end in range(len(word), start, -1):
                number = self._index.number(word[start:end] if start == 0 else f"##{word[start:end]}")
                if number >= 0:
                    found.append(number)
                    start = end
                    break
            else:
                return ()
        return found


class _Index:
    """Many short names, each with a number, in a sixth of the memory of a dictionary."""

    def __init__(self, names: Sequence[str]) -> None:
        written = [name.encode() for name in names]
        keys = np.array([crc32(name) for name in written], np.uint32)
        order = np.argsort(keys, kind="stable")
        self._keys = array("I", keys[order].tobytes())
        self._numbers = array("I", order.astype(np.uint32).tobytes())
        self._ends = array("I", np.cumsum([len(name) for name in written], dtype=np.uint32).tobytes())
        self._names = b"".join(written)

    def number(self, name: str) -> int:
        """-1 if there is no such name."""
        written = name.encode()
        key = crc32(written)
        at = bisect_left(self._keys, key)
        while at < len(self._keys) and self._keys[at] == key:
            number = self._numbers[at]
            if self._names[self._ends[number - 1] if number else 0 : self._ends[number]] == written:
                return number
            at += 1
        return -1


@cache
def load(path: Path = FILE) -> Embedding | None:
    """The packaged vectors, None if the file is missing."""
    if not path.exists():
        return None
    with np.load(path, allow_pickle=False) as kept:
        pieces = kept["words"].tobytes().decode().split("\n")
        return Embedding(pieces, kept["table"], kept["scale"])
