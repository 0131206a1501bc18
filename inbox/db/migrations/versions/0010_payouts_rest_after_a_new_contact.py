"""payouts rest after a new contact"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "ledger_authors", sa.Column("rests_until", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.execute("UPDATE ledger_authors SET rests_until = phone_new_until WHERE phone_new_until > 0")


def downgrade() -> None:
    op.drop_column("ledger_authors", "rests_until")
