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
_SHORTEST = 4  # characters: shorter pieces are not looked for within other words, they would hit too much
#: Fields of a provider's form that hold what the author said or typed; all others are ids, numbers and places.
_QUOTING = frozenset(
    ("Body", "Digits", "SpeechResult", "StableSpeechResult", "UnstableSpeechResult", "TranscriptionText")
)

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
    sa.select(handoffs.c.number, handoffs.c.facts)
    .where(handoffs.c.conversation_id == b("conversation"), handoffs.c.status.in_(["open", "claimed"]))
    .order_by(handoffs.c.number)
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
    return Continued(mine.text, _payload(raw, text, mine), mine.kinds)


def _take_out(tx: Tx, conversation_id: str, row: Any, piece: Piece) -> None:
    counts = [*jsontext.loads(row["masked"]), *({"kind": kind, "count": 1} for kind in piece.kinds)]
    tx.run(
        _SET, message=row["id"], to=piece.text, payload=_payload(row["raw"], row["text"], piece), counts=jsontext.dumps(counts)
    )  # fmt: skip
    decision = tx.one(_DECISION, message=row["id"])
    if decision is not None:
        tx.run(_SET_DECISION, message=row["id"], to=_record(decision["record"], row["text"], piece))
    for case in tx.all(_CASES, conversation=conversation_id):
        facts = _facts(case["facts"], row["text"], piece)
        if facts != case["facts"]:
            tx.run(_SET_CASE, case=case["number"], to=facts)


def _payload(raw: str, text: str, piece: Piece) -> str:
    """What the provider sent, with the message as it is now: the fields of a form that quote it, or the body of a mail."""
    try:
        form = jsontext.loads(raw)
    except ValueError:
        form = None
    if isinstance(form, dict):
        return jsontext.dumps(
            {k: _said(v, text, piece) if k in _QUOTING and isinstance(v, str) else v for k, v in form.items()}
        )
    head, blank, body = raw.partition("\n\n")
    return f"{head}{blank}{_said(body, text, piece)}" if blank else _said(raw, text, piece)


def _record(record: str, text: str, piece: Piece) -> str:
    """A decision: the words its guards quote and its effects keep, and what it read in the number itself."""
    kept = jsontext.loads(record)
    for finding in kept.get("findings", ()):
        finding[-1] = _said(finding[-1], text, piece)
    for _, data in kept.get("effects", ()):
        if "words" in data:
            data["words"] = _said(data["words"], text, piece)
    numbers = {digits for gone in piece.gone if len(digits := _digits(gone)) >= _SHORTEST}
    kept["entities"] = {
        name: [v for v in found if _digits(str(v)) not in numbers] if isinstance(found, list) else found
        for name, found in kept.get("entities", {}).items()
    }
    return jsontext.dumps(kept)


def _facts(facts: str, text: str, piece: Piece) -> str:
    """A case: the author's words on it. Its ids and amounts are records of the account."""
    kept = jsontext.loads(facts)
    quote = kept.get("quote", "")
    changed = _said(quote, text, piece)
    return facts if changed == quote else jsontext.dumps({**kept, "quote": changed})


def _said(words: str, text: str, piece: Piece) -> str:
    """Words that quote the message, with the message as it is now. A short piece is not looked for within others."""
    if words.strip() == text.strip():
        return piece.text
    for old, new in ((text, piece.text), *((gone, "[part of it]") for gone in piece.gone)):
        words = words.replace(old, new) if len(old) >= _SHORTEST else words
    return words


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))
