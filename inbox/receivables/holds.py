"""Pauses of collections: on one invoice or on everything, for a reason, until a time or until lifted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from inbox import events
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx, insert
from inbox.db.tables import holds
from inbox.ids import new_id

b = sa.bindparam
_ADD = insert(holds, "id", "account_id", "invoice_id", "reason", "conversation_id", "case", "created_at", "until")
_OF = Sql(
    sa.select(holds)
    .where(
        holds.c.account_id == b("account"), holds.c.lifted_at == 0, sa.or_(holds.c.until == 0, holds.c.until > b("now"))
    )
    .order_by(holds.c.id)
)  # fmt: skip
_LIFT_CASE = Sql(sa.update(holds).where(holds.c.case == b("of_case"), holds.c.lifted_at == 0).values(lifted_at=b("at")))
_LIFT_REASON = Sql(
    sa.update(holds)
    .where(
        holds.c.account_id == b("account"), holds.c.invoice_id == b("invoice"), holds.c.reason == b("why"),
        holds.c.lifted_at == 0,
    )
    .values(lifted_at=b("at"))
)  # fmt: skip

_LIFT_OWN = Sql(
    sa.update(holds)
    .where(
        holds.c.account_id == b("account"), holds.c.invoice_id == b("invoice"), holds.c.reason == b("why"),
        holds.c.case == 0, holds.c.lifted_at == 0,
    )
    .values(lifted_at=b("at"))
)  # fmt: skip


def pause(
    tx: Tx, account_id: str, reason: str, conversation_id: str, now: datetime, *, invoices: tuple[str, ...] = (),
    case: int = 0, until: datetime | None = None,
) -> None:  # fmt: skip
    """Pause collections on these invoices, or on everything if none is named; what is paused already stays as it is."""
    in_force = {(row["invoice_id"], row["reason"]) for row in of(tx, account_id, now)}
    for invoice in invoices or ("",):
        if (invoice, reason) in in_force:
            continue
        tx.run(
            _ADD, id=new_id(), account_id=account_id, invoice_id=invoice, reason=reason, conversation_id=conversation_id,
            case=case, created_at=to_micros(now), until=to_micros(until) if until else 0,
        )  # fmt: skip
        events.record(
            tx, conversation_id, "collections.paused", now, "bot", account=account_id, invoice=invoice, reason=reason,
            until=until.isoformat() if until else "",
        )  # fmt: skip


def of(tx: Tx, account_id: str, now: datetime) -> list[Any]:
    """Pauses in force: rows with ``invoice_id`` ("" = everything), ``reason`` and ``case``."""
    return tx.all(_OF, account=account_id, now=to_micros(now))


def lift_case(tx: Tx, case: int, now: datetime) -> int:
    """The case is closed; returns how many pauses ended."""
    return tx.run(_LIFT_CASE, of_case=case, at=to_micros(now))


def lift(tx: Tx, account_id: str, invoice_id: str, reason: str, now: datetime) -> int:
    return tx.run(_LIFT_REASON, account=account_id, invoice=invoice_id, why=reason, at=to_micros(now))


def lift_own(tx: Tx, account_id: str, invoice_id: str, reason: str, now: datetime) -> int:
    """What the bot paused by itself; what a person paused ends with their case."""
    return tx.run(_LIFT_OWN, account=account_id, invoice=invoice_id, why=reason, at=to_micros(now))
