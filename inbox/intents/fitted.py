"""What was learned from a catalogue, kept between starts: the same phrases are not learned twice.

The file lies in the user's cache folder and is named after everything that it depends on. It is never needed: without
it, or if it cannot be read or written, the phrases are learned anew.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zipfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from inbox.intents import embedding, learned, lexicon
from inbox.intents.learned import Example, Learned, Rare, Weights

FOLDER = Path("~/.cache/inbox")
_KEPT = 4  # files


def of(examples: Sequence[Example], folder: Path | None = None) -> Learned:
    """The learned scorer of these phrases, from the cache if it is there."""
    vectors = embedding.load()
    place = (folder or FOLDER).expanduser() / f"intents-{_key(examples)}.npz"
    weights = _read(place)
    if weights is None:
        weights = learned.fit(examples, vectors)
        with suppress(OSError):  # a read-only home: learned anew at every start
            _write(place, weights)
    return Learned(weights, vectors)


def _key(examples: Sequence[Example]) -> str:
    """Of the phrases and of every file that says how they are learned."""
    digest = hashlib.sha256()
    for path in (Path(learned.__file__), lexicon.PATH, embedding.FILE):
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.exists() else b"-")
    for example in examples:
        digest.update(f"{example.intent}\t{' '.join(example.words)}\n".encode())
    return digest.hexdigest()[:24]


def _read(place: Path) -> Weights | None:
    try:
        with place.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return Weights(
                tuple(_words(kept["intents"])), _rare(kept, "words"), _rare(kept, "letters"), kept["of_words"],
                kept["of_letters"], kept["of_place"], kept["bias"],
            )  # fmt: skip
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _write(place: Path, weights: Weights) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=place.parent, suffix=".part")
    with os.fdopen(handle, "wb") as file:
        np.savez(
            file, intents=_text(weights.intents), words=_text(weights.words), words_rare=_numbers(weights.words),
            letters=_text(weights.letters), letters_rare=_numbers(weights.letters), of_words=weights.of_words,
            of_letters=weights.of_letters, of_place=weights.of_place, bias=weights.bias,
        )  # fmt: skip
    Path(name).replace(place)
    old = sorted(place.parent.glob("intents-*.npz"), key=lambda p: p.stat().st_mtime)[:-_KEPT]
    for path in old:
        path.unlink(missing_ok=True)


def _text(words: Sequence[str] | Rare) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    return np.frombuffer("\n".join(words).encode(), np.uint8)


def _numbers(rare: Rare) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(list(rare.values()), np.float64)


def _words(kept: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> list[str]:
    return kept.tobytes().decode().split("\n")


def _rare(kept: np.lib.npyio.NpzFile, name: str) -> Rare:
    return dict(zip(_words(kept[name]), kept[f"{name}_rare"].tolist(), strict=True))
