"""What an account costs to load, and a decision beside the reading of the message: disclosure, facts, words, guard, rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from inbox import triage
from inbox.accounts import ledger
from inbox.accounts.assembly import SOURCE
from inbox.accounts.base import AccountRef
from inbox.bench import far_end, load
from inbox.clock import SystemClock
from inbox.db import migrate
from inbox.db.store import Store, Tx, open_store
from inbox.house import House
from inbox.intake import accept
from inbox.intents.understanding import Context, Reader, Understanding
from inbox.masking import masked
from inbox.message import ContactPoint, InboundMessage, SenderProof

if TYPE_CHECKING:
    from inbox.bench.suite import Bench

TEXT = "when is my next payment due and how much is it?"


class Timed:
    """A reader that knows how long it read."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.seconds = 0.0

    def read(self, text: str, context: Context) -> Understanding:
        begun = time.perf_counter()
        try:
            return self._reader.read(text, context)
        finally:
            self.seconds += time.perf_counter() - begun


async def measure(bench: Bench) -> dict[str, Any]:
    """``account_load_ms``: from the database, nothing kept in memory. ``decision_ms``: a stored message to its reply in the
    outbox, the reading of the words taken off.
    """
    url = bench.database("deciding")
    migrate.upgrade(url)
    store, house = open_store(url), far_end.make_house()
    timed = Timed(house.reader)
    house = replace(house, reader=timed)
    try:
        await store.run(lambda tx: far_end.fill(tx, house))
        loads = await store.read(lambda tx: list(_loads(tx, bench)))
        decisions = [await _decision(store, house, timed, message) for message in _messages(bench)]
    finally:
        store.close()
    loading, deciding = load.Latency.of(loads), load.Latency.of(decisions)
    return {
        "account_load_ms": {"p50": loading.p50, "p99": loading.p99},
        "decision_ms": {"p50": deciding.p50, "p99": deciding.p99},
    }


def _loads(tx: Tx, bench: Bench) -> Iterator[float]:
    refs = [AccountRef(SOURCE, author["author_id"]) for author in bench.authors]
    for n in range(bench.size(2000, 400)):
        ref = refs[n % len(refs)]
        begun = time.perf_counter()
        ledger.load_anew(tx, ref)
        yield time.perf_counter() - begun


def _messages(bench: Bench) -> Iterator[InboundMessage]:
    phones = [author["phone"] for author in bench.authors if author["phone"]]
    for n in range(bench.size(2000, 400)):
        yield InboundMessage(
            channel="sms", source_id=f"d{n}", sender=ContactPoint("phone", phones[n % len(phones)]), text=TEXT,
            received_at=datetime.now(UTC), proof=SenderProof.CARRIER,
        )  # fmt: skip


async def _decision(store: Store, house: House, timed: Timed, message: InboundMessage) -> float:
    hidden = masked(message)
    stored = await store.run(lambda tx: accept(tx, house, hidden, SystemClock(), decide_now=False))
    timed.seconds = 0.0
    whole = await store.run(lambda tx: _seconds(lambda: triage.run(tx, house, stored.message_id, datetime.now(UTC))))
    return whole - timed.seconds


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
