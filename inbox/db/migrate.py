"""Bring a database to the current schema, at start, under a lock, once however many nodes start together."""

from __future__ import annotations

import re
from pathlib import Path

import sqlalchemy as sa

from inbox.errors import InboxError

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 7_202_411  # any number that nobody else takes an advisory lock on


def head() -> str:
    """The newest revision, read off the file names ``NNNN_words.py``."""
    names = sorted(p.stem for p in (_FOLDER / "versions").glob("[0-9]*.py"))
    return names[-1].split("_", 1)[0] if names else ""


def upgrade(url: str) -> bool:
    """Migrate if needed; True if something was done. Raises ``InboxError`` for a database newer than this program."""
    _make_file(url)
    engine = sa.create_engine(driver_url(url), poolclass=sa.NullPool)
    try:
        if _revision(engine) == head():
            return False
        with engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
                connection.commit()
            else:
                connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                connection.commit()
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            return _upgrade(connection)
    except sa.exc.OperationalError as error:
        raise InboxError(f"cannot open the database: {error.orig}") from error
    finally:
        engine.dispose()


def _make_file(url: str) -> None:
    """A new SQLite file, readable by its owner only."""
    path = Path(url.removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or path.exists():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise InboxError(f"cannot create the database {path}: {error.strerror}") from error


def driver_url(url: str) -> str:
    """The address as SQLAlchemy wants it, with the driver we use."""
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _upgrade(connection: sa.Connection) -> bool:
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    current = MigrationContext.configure(connection).get_current_revision()
    newest = ScriptDirectory.from_config(config).get_current_head()
    if current == newest:  # another node was faster
        return False
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise InboxError(
            f"the database is at revision {current}, which this version of Inbox does not know; install the newer one"
        ) from error
    connection.commit()
    return True


def _revision(engine: sa.Engine) -> str:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or "")
