"""Tables of payouts, on the inbox's own ``metadata``. What must never happen with money is a constraint here too:
a withdrawal in two batches, a payout inside a hold, a change of destination that one person made alone.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, text

from inbox.db.tables import metadata


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


batches = Table(
    "payout_batches",
    metadata,
    Column("number", Integer, primary_key=True),  # given by hand, one more than the last: two at once cannot share one
    _text("until_on"),  # requests up to this day
    _text("created_by"),  # staff id, or "cli"
    _int("created_at"),
)

items = Table(
    "payout_items",
    metadata,
    Column("batch", Integer, ForeignKey("payout_batches.number"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("withdrawal_id", Text, nullable=False, unique=True),  # never in two batches
    _text("author_id"),
    _text("name"),  # as it was at the export, like all below: a batch is written the same way for ever
    _int("amount"),
    _text("currency"),
    _text("destination"),  # masked
    _text("requested_on"),
    _int("held_until"),  # end of the last payout hold, 0 = there was none
    _int("claimed_at"),
    CheckConstraint("claimed_at >= held_until", name="ck_payout_items_after_hold"),
    CheckConstraint("amount > 0", name="ck_payout_items_amount"),
)

changes = Table(
    "payout_changes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("author_id", Text, nullable=False),
    _text("kind"),  # payout | email | phone
    _text("before"),  # masked method, or the address
    _text("after"),
    _text("rail_account"),  # at the payment provider, "acct_…"; no bank number
    _text("status", "asked"),  # asked | called | approved | refused
    _int("case"),
    _text("conversation_id"),
    _text("asked_by"),  # staff ids
    _int("asked_at"),
    _text("called_by"),
    _int("called_at"),
    _text("called_to"),  # the number on file that was called, masked
    _text("call_note"),
    _text("decided_by"),
    _int("decided_at"),
    _text("reason"),
    _int("hold_until"),
    CheckConstraint("status IN ('asked','called','approved','refused')", name="ck_payout_changes_status"),
    CheckConstraint(
        "status <> 'approved' OR (asked_by <> '' AND called_by <> '' AND decided_by <> '' AND decided_by <> asked_by"
        " AND decided_by <> called_by)",
        name="ck_payout_changes_four_eyes",
    ),
    CheckConstraint("status <> 'approved' OR hold_until > decided_at", name="ck_payout_changes_hold"),
    Index(
        "ix_payout_changes_open", "author_id", "kind", unique=True,
        sqlite_where=text("status IN ('asked','called')"), postgresql_where=text("status IN ('asked','called')"),
    ),
    Index("ix_payout_changes_author", "author_id", "decided_at"),
)  # fmt: skip

rail_accounts = Table(
    "payout_rail_accounts",
    metadata,
    Column("author_id", Text, primary_key=True),
    _text("account"),  # at the payment provider
    _text("change_id"),  # the approved change it came with
)

notices = Table(
    "payout_notices",
    metadata,
    Column("subject", Text, primary_key=True),  # id of a withdrawal or of a change
    Column("step", Text, primary_key=True),  # told once
    _text("message_id"),  # "" = could not be told
    _text("why"),
    _int("at"),
)

setoffs = Table(
    "payout_setoffs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("author_id", Text, nullable=False),
    _text("invoice_id"),
    _int("amount"),
    _text("message_id"),  # the author's own message that consents
    _text("words"),  # of that message, masked
    _text("status", "consented"),  # consented | applied | refused
    _text("recorded_by"),
    _int("recorded_at"),
    _text("decided_by"),
    _int("decided_at"),
    CheckConstraint("amount > 0", name="ck_payout_setoffs_amount"),
    CheckConstraint("message_id <> '' AND words <> ''", name="ck_payout_setoffs_consent"),
    CheckConstraint(
        "status <> 'applied' OR (decided_by <> '' AND decided_by <> recorded_by)", name="ck_payout_setoffs_four_eyes"
    ),
    Index(
        "ix_payout_setoffs_message", "message_id", "invoice_id", unique=True,
        sqlite_where=text("status <> 'refused'"), postgresql_where=text("status <> 'refused'"),
    ),
)  # fmt: skip
