"""Authors that were there before their names could be found are found after the upgrade, with all that is theirs."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from inbox.db import migrate


def _at(connection: sa.Connection, revision: str, *, up: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    (command.upgrade if up else command.downgrade)(config, revision)
    connection.commit()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_names_of_old_authors_are_found_after_the_upgrade(database_url: str) -> None:
    engine = sa.create_engine(migrate.driver_url(database_url), poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            _at(connection, "0003", up=False)
            connection.execute(
                sa.text("INSERT INTO ledger_authors (id, name) VALUES ('A-1', 'Gabriel García Márquez')")
            )
            connection.execute(sa.text("INSERT INTO ledger_invoices (id, author_id) VALUES ('INV-1', 'A-1')"))
            connection.commit()
            _at(connection, "head", up=True)
            row = connection.execute(sa.text("SELECT name_key, name_key2 FROM ledger_authors")).one()
            assert tuple(row) == ("gabriel marquez", "gabriel garcia")
            assert connection.execute(sa.text("SELECT count(*) FROM ledger_invoices")).scalar() == 1
    finally:
        engine.dispose()
