"""Tables of who may speak for whom, and which contacts are one person; on the ``metadata`` of ``db.tables``."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Table, Text, UniqueConstraint, text

from inbox.db.tables import metadata


def _text(name: str, default: str = "") -> Column[str]:
    return Column(name, Text, nullable=False, server_default=text(f"'{default}'"))


def _int(name: str, default: int = 0) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default=text(str(default)))


authorisations = Table(
    "authorisations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_source", Text, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("person", Text, nullable=False),
    _text("relation", "other"),
    Column("point_kind", Text, nullable=False),
    Column("point_value", Text, nullable=False),
    _text("intents", "[]"),
    _text("titles", "[]"),  # [] = all
    _int("money", 1),  # whether amounts may be told
    _int("starts_at"),
    _int("ends_at"),  # 0 = until revoked
    _text("status", "proposed"),  # proposed | approved | refused | revoked
    _text("evidence"),
    _text("called_back"),  # the number on file that was called, masked
    Column("recorded_by", Text, nullable=False),
    _int("recorded_at"),
    _text("approved_by"),
    _int("approved_at"),
    _text("ended_by"),
    _int("ended_at"),
    _text("reason"),  # of a refusal or revocation
    CheckConstraint("approved_by = '' OR approved_by <> recorded_by", name="ck_authorisations_four_eyes"),
    Index("ix_authorisations_point", "point_kind", "point_value",
          sqlite_where=text("status = 'approved'"), postgresql_where=text("status = 'approved'")),
    Index("ix_authorisations_account", "account_source", "account_id"),
)  # fmt: skip

merge_suggestions = Table(
    "merge_suggestions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("contact_a", Text, ForeignKey("contacts.id"), nullable=False),  # the smaller id first
    Column("contact_b", Text, ForeignKey("contacts.id"), nullable=False),
    _text("evidence", "[]"),  # kind, words, message id, when
    _text("status", "open"),  # open | accepted | dismissed
    _int("created_at"),
    _text("decided_by"),
    _int("decided_at"),
    UniqueConstraint("contact_a", "contact_b", name="uq_merge_suggestions_pair"),
    Index(
        "ix_merge_suggestions_open",
        "id",
        sqlite_where=text("status = 'open'"),
        postgresql_where=text("status = 'open'"),
    ),
)

merges = Table(
    "merges",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kept", Text, ForeignKey("contacts.id"), nullable=False),
    Column("gone", Text, ForeignKey("contacts.id"), nullable=False),
    _text("moved", "{}"),  # addresses, conversations, and what the merge closed
    _text("why"),
    _text("merged_by"),
    _int("merged_at"),
    _text("undone_by"),
    _int("undone_at"),
    Index("ix_merges_kept", "kept"),
)
