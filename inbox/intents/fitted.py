"""What was learned from a catalogue, kept between starts: the same phrases are not learned twice.

The file lies in the user's cache folder and is named after everything that it depends on. It is never needed: without
it, or if it cannot be read or written, the phrases are learned anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from inbox.intents import embedding, features, fitting, learned, lexicon
from inbox.intents.features import Rare
from inbox.intents.learned import Example, Learned, Weights

FOLDER = Path("~/.cache/inbox")
_KEPT = 4  # files
_ARRAYS = ("of_words", "of_letters", "of_place", "bias", "rows")

Stored = NDArray[Any]
T = TypeVar("T")


def of(examples: Sequence[Example], folder: Path | None = None) -> Learned:
    """The learned scorer of these phrases, from the cache if it is there."""
    vectors = embedding.load()
    place = kept_in(folder or FOLDER) / f"intents-{_key(examples)}.npz"
    weights = read(place, unpacked)
    if weights is None:
        weights = learned.fit(examples, vectors)
        write(place, packed(weights))
    return Learned(weights, vectors)


def kept_in(folder: Path) -> Path:
    """The folder, a beginning ``~`` resolved. Who has no home keeps nothing: the path then leads nowhere."""
    try:
        return folder.expanduser()
    except RuntimeError:
        return Path(os.devnull)


def _key(examples: Sequence[Example]) -> str:
    """Of the phrases and of every file that says how they are learned."""
    digest = hashlib.sha256()
    for path in (*map(Path, (learned.__file__, features.__file__, fitting.__file__)), lexicon.PATH, embedding.FILE):
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"-")
    for example in examples:
        digest.update(f"{example.intent}\t{' '.join(example.words)}\n".encode())
    return digest.hexdigest()[:24]


def read(place: Path, unpack: Callable[[Mapping[str, Stored]], T]) -> T | None:
    """What was written there, None if it cannot be read."""
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return unpack(kept)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def write(place: Path, arrays: Mapping[str, Stored]) -> None:
    """Keep the arrays, and the newest few files of this kind. A folder that cannot be written is no obstacle."""
    with suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(name).replace(place)
        kind = place.name.split("-", 1)[0]
        for path in sorted(place.parent.glob(f"{kind}-*.npz"), key=lambda p: p.stat().st_mtime)[:-_KEPT]:
            path.unlink(missing_ok=True)


def packed(weights: Weights) -> dict[str, Stored]:
    """The weights as named arrays."""
    return {
        "intents": text(weights.intents), "known": text(weights.known), "words": weights.words.keys,
        "words_rare": weights.words.values, "letters": weights.letters.keys, "letters_rare": weights.letters.values,
        **{name: getattr(weights, name) for name in _ARRAYS},
    }  # fmt: skip


def unpacked(kept: Mapping[str, Stored]) -> Weights:
    """Raises ``KeyError`` if an array is missing."""
    return Weights(
        intents=tuple(words(kept["intents"])), known=tuple(words(kept["known"])),
        words=Rare(kept["words"], kept["words_rare"]), letters=Rare(kept["letters"], kept["letters_rare"]),
        **{name: kept[name] for name in _ARRAYS},
    )  # fmt: skip


def text(words: Sequence[str]) -> NDArray[np.uint8]:
    """Words without line breaks as an array."""
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def words(kept: Stored) -> list[str]:
    return kept.tobytes().decode().split("\n") if len(kept) else []
