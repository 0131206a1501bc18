"""Every step of the schema keeps what is there, and ends where the tables are described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from inbox.db import migrate
from inbox.db.schema import metadata


def go(connection: sa.Connection, revision: str, *, up: bool = True) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    (command.upgrade if up else command.downgrade)(config, revision)
    connection.commit()


def a_row_of(table: sa.Table) -> dict[str, Any]:
    """The same word and number everywhere, so that every reference finds its row."""
    row: dict[str, Any] = {}
    for column in table.columns:
        if isinstance(column.type, sa.Integer):
            row[column.name] = 1
        elif isinstance(column.type, sa.LargeBinary):
            row[column.name] = b"k"
        else:
            row[column.name] = "k"
    return row


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::sqlalchemy.exc.SAWarning")
def test_what_the_first_schema_held_is_there_after_every_step(database_url: str) -> None:
    engine = sa.create_engine(migrate.driver_url(database_url), poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            go(connection, "0001", up=False)
            first = sa.MetaData()
            first.reflect(connection)
            held = [t for t in first.sorted_tables if t.name != "alembic_version"]
            for table in held:
                connection.execute(table.insert().values(a_row_of(table)))
            connection.commit()
            go(connection, "head")
            counts = {
                t.name: connection.execute(sa.select(sa.func.count()).select_from(sa.table(t.name))).scalar()
                for t in held
            }
            assert counts == dict.fromkeys(counts, 1)
            assert "ledger_authors" in counts
    finally:
        engine.dispose()


def test_the_steps_end_where_the_tables_are_described(database_url: str) -> None:
    engine = sa.create_engine(migrate.driver_url(database_url), poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    finally:
        engine.dispose()
