"""A new number is not called"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Added in place: making the table anew would delete everything that refers to it.
    op.add_column(
        "ledger_authors", sa.Column("phone_new_until", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("ledger_authors", "phone_new_until")
