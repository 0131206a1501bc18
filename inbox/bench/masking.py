"""What masking costs: an everyday message, and whether ten times a hostile text takes ten times as long."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from inbox import redaction

if TYPE_CHECKING:
    from inbox.bench.suite import Bench

MESSAGE = "when is my next payment due and how much is it? I paid 64.00 on 2026-02-15 for INV-70112"
#: Texts that are nothing but the beginning of something to mask.
HOSTILE: Mapping[str, str] = {
    "digits": "4 ", "words": "four two ", "ibans": "ES91 ", "lines": "4242\n", "unseen": "4\u200b", "passwords": "password: a1 ",
    "codes": "cvv 123 ", "isbns": "978-", "gaps": "4" + " " * 11, "hexadecimal": "4a",
}  # fmt: skip


async def measure(bench: Bench) -> dict[str, Any]:
    """``mask_growth`` is the cost of 1 MB over ten times that of 100 kB, for the worst of the hostile texts: 1 is linear."""
    small, large = bench.size(100_000, 20_000), bench.size(1_000_000, 200_000)
    growth = {}
    for name, scrap in HOSTILE.items():
        few, many = (_seconds((scrap * (size // len(scrap) + 1))[:size], 3) for size in (small, large))
        growth[name] = (many / (large / small) / few, many)
    worst = max(growth, key=lambda name: growth[name][0])
    slowest = max(growth, key=lambda name: growth[name][1])
    return {
        "mask_us": round(_seconds(MESSAGE, 2000) * 1e6, 1), "mask_growth": round(growth[worst][0], 2), "mask_growth_of": worst,
        "mask_1mb_s": round(growth[slowest][1] * 1_000_000 / large, 2), "mask_1mb_of": slowest,
    }  # fmt: skip


def _seconds(text: str, times: int) -> float:
    """The quickest of some runs: what else the machine does only ever adds."""
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        redaction.mask(text)
        best = min(best, time.process_time() - begun)
    return best
