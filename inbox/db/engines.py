"""The two engines: how each connects, and which of its errors mean what."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from inbox.errors import SettingsError

if TYPE_CHECKING:  # megabytes that a node on SQLite never needs
    import psycopg


class Engine(Protocol):
    """How one engine connects, and which of its errors mean what."""

    name: str
    writers: int
    batch: int  # units in one commit at most

    @property
    def errors(self) -> type[Exception]: ...
    def connect(self, *, read_only: bool = False) -> Any: ...
    def begin(self, connection: Any) -> None: ...
    def is_race(self, error: Exception) -> bool: ...
    def is_down(self, error: Exception) -> bool: ...


@dataclass
class Sqlite:
    path: str
    name: str = "sqlite"
    writers: int = 1
    batch: int = 128

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        return sqlite3.Error

    def connect(self, *, read_only: bool = False) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, timeout=10.0, cached_statements=512
        )
        connection.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",  # the relaxed mode loses acknowledged messages in a power cut
            "foreign_keys=ON",
            "temp_store=MEMORY",
            "cache_size=-16000",
            "wal_autocheckpoint=4000",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only=ON")
        return connection

    def begin(self, connection: sqlite3.Connection) -> None:
        connection.execute("BEGIN IMMEDIATE")

    def is_race(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)

    def is_down(self, error: Exception) -> bool:
        return isinstance(error, (sqlite3.OperationalError, sqlite3.InterfaceError, sqlite3.ProgrammingError))


@dataclass
class Postgresql:
    url: str
    writers: int
    name: str = "postgresql"
    #: One: the server groups the commits of several connections itself, and a transaction that holds the locks of one
    #: conversation only cannot deadlock with another.
    batch: int = 1

    @property
    def errors(self) -> type[Exception]:
        """What the driver raises."""
        import psycopg

        return psycopg.Error

    def connect(self, *, read_only: bool = False) -> psycopg.Connection[Any]:
        import psycopg
        from psycopg.rows import dict_row

        connection = psycopg.connect(
            self.url, autocommit=True, row_factory=dict_row, prepare_threshold=1, connect_timeout=10
        )
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def begin(self, connection: Any) -> None:
        connection.execute("BEGIN")

    def is_race(self, error: Exception) -> bool:
        from psycopg import errors

        return isinstance(
            error,
            (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure, errors.LockNotAvailable),
        )

    def is_down(self, error: Exception) -> bool:
        from psycopg import InterfaceError, OperationalError

        return isinstance(error, (OperationalError, InterfaceError))


def engine_of(url: str, writers: int) -> Engine:
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        if path not in ("", ":memory:"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return Sqlite(path)
        raise SettingsError(["database.url needs a file, sqlite:///var/inbox.db"])
    if url.startswith(("postgresql://", "postgres://")):
        return Postgresql(url, writers)
    raise SettingsError([f"database.url must start with sqlite:/// or postgresql://, not {url.split(':', 1)[0]!r}"])
