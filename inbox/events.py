"""Append-only, hash-chained record of who did what, one chain per stream.

A stream is a conversation id or one of ``staff``, ``templates``, ``security``. Each entry carries the SHA-256 of its
content and of its predecessor, so a changed, removed or inserted entry makes ``verify`` fail. Entries are written in
the transaction of what they tell of.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import jsontext
from inbox.clock import from_micros, to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import events

_HEAD = Sql(
    sa.select(events.c.seq, events.c.hash)
    .where(events.c.stream == sa.bindparam("stream"))
    .order_by(events.c.seq.desc())
    .limit(1)
)
_APPEND = insert(events, "stream", "seq", "at", "type", "actor", "data", "prev", "hash")
_STREAM = Sql(
    sa.select(events)
    .where(events.c.stream == sa.bindparam("stream"), events.c.seq > sa.bindparam("after"))
    .order_by(events.c.seq)
)


@dataclass(frozen=True, slots=True)
class Event:
    stream: str
    seq: int
    at: datetime
    type: str
    actor: str
    data: Mapping[str, Any]


def record(tx: Tx, stream: str, kind: str, at: datetime, actor: str = "system", /, **data: Any) -> None:
    """Append one event; ``kind`` is past tense with a dot (``handoff.claimed``), ``data`` plain JSON."""
    head = tx.heads.get(stream)
    if head is None:
        row = tx.one(_HEAD, stream=stream)
        head = (row["seq"], row["hash"]) if row else (0, "")
    seq, prev = head[0] + 1, head[1]
    body = jsontext.canonical(data)
    micros = to_micros(at)
    digest = _digest(stream, seq, micros, kind, actor, body, prev)
    tx.run(_APPEND, stream=stream, seq=seq, at=micros, type=kind, actor=actor, data=body, prev=prev, hash=digest)
    tx.heads[stream] = (seq, digest)


def read(tx: Tx, stream: str, after: int = 0) -> Iterator[Event]:
    for row in tx.all(_STREAM, stream=stream, after=after):
        yield Event(
            row["stream"], row["seq"], from_micros(row["at"]), row["type"], row["actor"], jsontext.loads(row["data"])
        )


def verify(tx: Tx, stream: str) -> str:
    """``""`` if the chain is whole, else what is wrong with it and where."""
    expected, prev = 1, ""
    for row in tx.all(_STREAM, stream=stream, after=0):
        if row["seq"] != expected:
            return f"{stream}: entry {expected} is missing"
        if row["prev"] != prev or row["hash"] != _digest(
            stream, row["seq"], row["at"], row["type"], row["actor"], row["data"], prev
        ):
            return f"{stream}: entry {row['seq']} ({row['type']}) was changed"
        expected, prev = expected + 1, row["hash"]
    return ""


def _digest(stream: str, seq: int, at: int, kind: str, actor: str, body: str, prev: str) -> str:
    return hashlib.sha256(f"{stream}\n{seq}\n{at}\n{kind}\n{actor}\n{body}\n{prev}".encode()).hexdigest()
