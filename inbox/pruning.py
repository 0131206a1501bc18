"""What has done its service is deleted once a day: counters that ran out, ids of webhooks nobody sends again.

What was acted upon (``stripe:dp_1:opened``) stays, or a later reading would act on it anew.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from inbox.accounts.tables import source_events
from inbox.clock import to_micros
from inbox.db.store import Sql, Tx
from inbox.db.tables import code_locks

COUNTED = timedelta(days=2)  # the longest count goes over a day
SENT_AGAIN = timedelta(days=90)  # Stripe lets events be sent again by hand for 30 days

_LOCKS = Sql(
    sa.delete(code_locks).where(
        code_locks.c.until < sa.bindparam("before"), code_locks.c.since < sa.bindparam("before")
    )
)
_EVENTS = Sql(
    sa.delete(source_events).where(
        source_events.c.id.like("%:evt#_%", escape="#"), source_events.c.created_at < sa.bindparam("before")
    )
)


def run(tx: Tx, now: datetime) -> None:
    tx.run(_LOCKS, before=to_micros(now - COUNTED))
    tx.run(_EVENTS, before=to_micros(now - SENT_AGAIN))
