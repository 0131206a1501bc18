"""A card number told over several messages: what each of them holds is harmless alone, together they are a card.

Each new message that begins with a number is read together with what the same author wrote just before. What turns out
to be part of a secret is masked in the new message before it is stored, and taken out of the earlier ones as far as they
are stored here; a desk that was shown an earlier part keeps its copy, which is half a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from inbox import events, jsontext, redaction
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx
from inbox.db.tables import decisions, handoffs, messages
from inbox.redaction import Piece

WINDOW = timedelta(minutes=15)
_MOST = 5  # earlier messages that are looked at
_SHORTEST = 4  # characters: shorter pieces are not looked for in records, they would hit too much

b = sa.bindparam
_BEFORE = Sql(
    sa.select(messages.c.id, messages.c.text, messages.c.raw, messages.c.masked)
    .where(
        messages.c.conversation_id == b("conversation"),
        messages.c.direction == "inbound",
        messages.c.created_at >= b("since"),
    )
    .order_by(messages.c.id.desc())
    .limit(_MOST)
)
_SET = Sql(
    sa.update(messages).where(messages.c.id == b("message")).values(text=b("to"), raw=b("payload"), masked=b("counts"))
)
_DECISION = Sql(sa.select(decisions.c.record).where(decisions.c.message_id == b("message")))
_SET_DECISION = Sql(sa.update(decisions).where(decisions.c.message_id == b("message")).values(record=b("to")))
_CASES = Sql(
    sa.select(handoffs.c.number, handoffs.c.facts).where(
        handoffs.c.conversation_id == b("conversation"), handoffs.c.status.in_(["open", "claimed"])
    )
)
_SET_CASE = Sql(
    sa.update(handoffs).where(handoffs.c.number == b("case")).values(facts=b("to"), version=handoffs.c.version + 1)
)


@dataclass(frozen=True, slots=True)
class Continued:
    """The new message as it may be stored, and the kinds found over its edge."""

    text: str
    raw: str
    kinds: tuple[str, ...]


def join(tx: Tx, conversation_id: str, message_id: str, text: str, raw: str, now: datetime) -> Continued:
    """Mask what the new message and those before it tell together. ``text`` and ``raw`` are masked by themselves."""
    unchanged = Continued(text, raw, ())
    if not redaction.may_go_on(text):
        return unchanged
    rows = tx.all(_BEFORE, conversation=conversation_id, since=to_micros(now - WINDOW))[::-1]
    while rows and not redaction.is_open(rows[-1]["text"]):
        rows.pop()
    if not rows:
        return unchanged
    *earlier, mine = redaction.mask_joined([*(row["text"] for row in rows), text])
    changed = [(row, piece) for row, piece in zip(rows, earlier, strict=True) if piece.gone]
    if not changed and not mine.gone:
        return unchanged
    for row, piece in changed:
        _take_out(tx, conversation_id, row, piece)
    events.record(
        tx, conversation_id, "message.masked", now, "bot", message=message_id, kinds=list(mine.kinds),
        earlier=[row["id"] for row, _ in changed],
    )  # fmt: skip
    return Continued(mine.text, _without(raw, text, mine), mine.kinds)


def _take_out(tx: Tx, conversation_id: str, row: Any, piece: Piece) -> None:
    counts = [*jsontext.loads(row["masked"]), *({"kind": kind, "count": 1} for kind in piece.kinds)]
    tx.run(
        _SET, message=row["id"], to=piece.text, payload=_without(row["raw"], row["text"], piece), counts=jsontext.dumps(counts)
    )  # fmt: skip
    decision = tx.one(_DECISION, message=row["id"])
    if decision is not None:
        tx.run(_SET_DECISION, message=row["id"], to=_without(decision["record"], row["text"], piece))
    for case in tx.all(_CASES, conversation=conversation_id):
        facts = _without(case["facts"], row["text"], piece)
        if facts != case["facts"]:
            tx.run(_SET_CASE, case=case["number"], to=facts)


def _without(record: str, text: str, piece: Piece) -> str:
    """A text or JSON in which the message stands, with the message as it is now."""
    for old, new in ((text, piece.text), *((gone, "[part of it]") for gone in piece.gone if len(gone) >= _SHORTEST)):
        record = record.replace(old, new).replace(_escaped(old), _escaped(new)) if old else record
    return record


def _escaped(text: str) -> str:
    return jsontext.dumps(text)[1:-1]
