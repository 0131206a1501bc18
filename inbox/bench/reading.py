"""How fast a message is understood, how long learning takes, and what it costs in memory."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inbox.bench import load

if TYPE_CHECKING:
    from inbox.bench.suite import Bench


async def measure(bench: Bench) -> dict[str, Any]:
    """One message of everyday length with guards and entities, over a plain look for the nearest phrase."""
    from rapidfuzz import process

    from inbox.intents import catalog, embedding, examples, learned, match, prepared
    from inbox.intents.understanding import Context

    before = load.resident_kb(os.getpid())
    reader = prepared.reader()  # learns, if nobody did before
    memory = load.resident_kb(os.getpid()) - before
    ready = _seconds(prepared.reader)
    loaded = catalog.load()
    taught = match.training(loaded, examples.load(examples.FOLDER))
    fit = _seconds(lambda: learned.fit(taught, embedding.load()))
    phrases = [p.text for p in loaded.phrases]
    texts = phrases[:: max(1, len(phrases) // bench.size(1500, 300))]
    context = Context(now=datetime.now(UTC), channel="chat")
    for text in phrases[1 :: max(1, len(phrases) // bench.size(1500, 300))]:
        reader.read(text, context)  # other messages than those measured: words are known, sentences are new
    asked = [f"hello, {text} thank you" for text in texts]  # each in a row: neither pushes the other out of the caches
    ours = [_seconds(lambda one=one: reader.read(one, context)) for one in asked]
    plain = [_seconds(lambda one=one: process.extractOne(one, phrases)) for one in asked]
    letter = ". ".join(texts)[:10_000]
    mine, theirs = load.Latency.of(ours), load.Latency.of(plain)
    return {
        "match_ms": {"p50": mine.p50, "p99": mine.p99}, "fit_s": round(fit, 2), "load_s": round(ready, 2),
        "rss_mb": round(memory / 1024, 1), "letter_10k_ms": round(_seconds(lambda: reader.read(letter, context)) * 1000, 1),
        "phrases": len(phrases), "vs_rapidfuzz": round(mine.p50 / theirs.p50, 2),
    }  # fmt: skip


def _seconds(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
