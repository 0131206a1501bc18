"""names of authors can be found"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from inbox.disclosure import names

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_AT_ONCE = 5_000


def upgrade() -> None:
    # Added in place: making the table anew would delete everything that refers to it.
    for column in ("name_key", "name_key2"):
        op.add_column("ledger_authors", sa.Column(column, sa.Text(), server_default="", nullable=False))
    _fill()
    for column in ("name_key", "name_key2"):
        op.create_index(f"ix_ledger_authors_{column}", "ledger_authors", [column], unique=False)


def _fill() -> None:
    authors = sa.table("ledger_authors", *(sa.column(c) for c in ("id", "name", "name_key", "name_key2")))
    change = (
        sa.update(authors)
        .where(authors.c.id == sa.bindparam("of"))
        .values(name_key=sa.bindparam("one"), name_key2=sa.bindparam("two"))
    )
    connection, after = op.get_bind(), ""
    page = sa.select(authors.c.id, authors.c.name).order_by(authors.c.id).limit(_AT_ONCE)
    while rows := connection.execute(page.where(authors.c.id > after)).all():
        keys = [(row.id, *names.keys(row.name)) for row in rows]
        connection.execute(change, [{"of": of, "one": one, "two": two} for of, one, two in keys])
        after = rows[-1].id


def downgrade() -> None:
    for column in ("name_key2", "name_key"):
        op.drop_index(f"ix_ledger_authors_{column}", table_name="ledger_authors")
        op.drop_column("ledger_authors", column)
