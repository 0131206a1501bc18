"""Units of work over one database, SQLite or PostgreSQL, with group commit.

A *unit* is a plain function of a ``Tx``. Units touch nothing but the database, so a unit may be run again: when one of
a batch raises, the batch is rolled back and its units run one by one. ``run`` returns after the commit, which is fully
synchronous: what was acknowledged is on disk. Statements are written in SQLAlchemy Core, compiled once for each engine
and run on the driver's own connection (normal Core execution costs four times as much per statement).
"""

from __future__ import annotations

import asyncio
import logging
import queue
import sqlite3
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import psycopg
import psycopg.rows
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.visitors import traverse

from inbox.errors import InboxError, SettingsError, Transient

log = logging.getLogger(__name__)
T = TypeVar("T")
Unit = Callable[["Tx"], T]

_RETRIES = 5  # times a unit is run again after losing a race
_CHANNEL = "inbox"  # of NOTIFY


class StoreError(Transient):
    """The database cannot be written or reached now; nothing was stored."""


class Row(Protocol):
    def __getitem__(self, name: str, /) -> Any: ...
    def keys(self) -> Any: ...


class Sql:
    """A Core statement, compiled once for each engine. Give binds by name when it runs."""

    __slots__ = ("_build", "_compiled")

    def __init__(self, statement: sa.Executable | Callable[[str], sa.Executable]) -> None:
        self._build: Callable[[str], sa.Executable] = (
            (lambda _: statement) if isinstance(statement, sa.Executable) else statement
        )
        self._compiled: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def on(self, engine: str, binds: dict[str, Any]) -> tuple[str, list[Any]]:
        """The text for ``"sqlite"`` or ``"postgresql"`` and its values in order. Raises ``KeyError`` for a missing bind."""
        found = self._compiled.get(engine)
        if found is None:
            found = self._compiled[engine] = self._compile(engine)
        text, order, constants = found
        if constants:
            return text, [constants[name] if name in constants else binds[name] for name in order]
        return text, [binds[name] for name in order]

    def _compile(self, engine: str) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        dialect: Any = (
            sqlite.dialect(paramstyle="qmark")
            if engine == "sqlite"
            else postgresql.psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it bare
        )
        statement: Any = self._build(engine)
        traverse(statement, {}, {"bindparam": _not_required})  # so that lists of constants can be written out
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        constants = {k: v for k, v in compiled.params.items() if v is not None}
        return str(compiled), tuple(compiled.positiontup or ()), constants


def _not_required(bind: Any) -> None:
    bind.required = False


def insert(table: sa.Table, *columns: str) -> Sql:
    """Insert one row; every named column is a bind of that name."""
    return Sql(sa.insert(table).values({c: sa.bindparam(c) for c in columns}))


def upsert(table: sa.Table, key: tuple[str, ...], *columns: str) -> Sql:
    """Insert a row or overwrite ``columns`` of the one that has the same key."""

    def build(engine: str) -> sa.Executable:
        make: Any = sqlite.insert if engine == "sqlite" else postgresql.insert
        statement = make(table).values({c: sa.bindparam(c) for c in (*key, *columns)})
        return statement.on_conflict_do_update(  # type: ignore[no-any-return]
            index_elements=list(key), set_={c: statement.excluded[c] for c in columns or key}
        )

    return Sql(build)


class Tx:
    """One unit's view of the open transaction."""

    __slots__ = ("_cursor", "engine", "heads", "topics")

    def __init__(self, engine: str, cursor: Any) -> None:
        self.engine = engine
        self._cursor = cursor
        self.topics: set[str] = set()
        self.heads: dict[str, tuple[int, str]] = {}  # ends of event streams written in this transaction

    def all(self, sql: Sql, /, **binds: Any) -> list[Any]:
        self._cursor.execute(*sql.on(self.engine, binds))
        rows: list[Any] = self._cursor.fetchall()
        return rows

    def one(self, sql: Sql, /, **binds: Any) -> Any | None:
        self._cursor.execute(*sql.on(self.engine, binds))
        return self._cursor.fetchone()

    def run(self, sql: Sql, /, **binds: Any) -> int:
        """Execute; returns the number of rows changed."""
        self._cursor.execute(*sql.on(self.engine, binds))
        return int(self._cursor.rowcount)

    def wake(self, topic: str) -> None:
        """After the commit, wake whoever waits for this topic, on every node."""
        self.topics.add(topic)


@dataclass(slots=True)
class _Pending:
    unit: Unit[Any]
    future: Any  # of asyncio with its loop, or of concurrent.futures without
    loop: asyncio.AbstractEventLoop | None

    def refuse(self, error: Exception) -> None:
        if self.loop is None:
            self.future.set_exception(error)
            return
        with suppress(RuntimeError):  # the loop closed meanwhile: nobody waits any more
            self.loop.call_soon_threadsafe(self._raise, error)

    def _raise(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class _Engine(Protocol):
    """How one engine connects, and which of its errors mean what."""

    name: str
    writers: int
    batch: int  # units in one commit at most

    def connect(self, *, read_only: bool = False) -> Any: ...
    def begin(self, connection: Any) -> None: ...
    def is_race(self, error: Exception) -> bool: ...
    def is_down(self, error: Exception) -> bool: ...


@dataclass
class _Sqlite:
    path: str
    name: str = "sqlite"
    writers: int = 1
    batch: int = 128

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
class _Postgresql:
    url: str
    writers: int
    name: str = "postgresql"
    #: One: the server groups the commits of several connections itself, and a transaction that holds the locks of one
    #: conversation only cannot deadlock with another.
    batch: int = 1

    def connect(self, *, read_only: bool = False) -> psycopg.Connection[Any]:
        connection = psycopg.connect(
            self.url, autocommit=True, row_factory=psycopg.rows.dict_row, prepare_threshold=1, connect_timeout=10
        )
        if read_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def begin(self, connection: Any) -> None:
        connection.execute("BEGIN")

    def is_race(self, error: Exception) -> bool:
        return isinstance(
            error,
            (
                psycopg.errors.UniqueViolation,
                psycopg.errors.DeadlockDetected,
                psycopg.errors.SerializationFailure,
                psycopg.errors.LockNotAvailable,
            ),
        )

    def is_down(self, error: Exception) -> bool:
        return isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError))


def _engine(url: str, writers: int) -> _Engine:
    if url.startswith("sqlite:///"):
        path = url.removeprefix("sqlite:///")
        if path not in ("", ":memory:"):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            return _Sqlite(path)
        raise SettingsError(["database.url needs a file, sqlite:///var/inbox.db"])
    if url.startswith(("postgresql://", "postgres://")):
        return _Postgresql(url, writers)
    raise SettingsError([f"database.url must start with sqlite:/// or postgresql://, not {url.split(':', 1)[0]!r}"])


@dataclass
class Store:
    """The database of one node. Open it with ``open_store`` after the migrations ran."""

    engine: _Engine
    url: str
    _queue: queue.SimpleQueue[_Pending | None] = field(default_factory=queue.SimpleQueue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)
    _readers: list[Any] = field(default_factory=list)
    _watchers: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))
    _loop: asyncio.AbstractEventLoop | None = None
    _closed: bool = False
    commits: int = 0  # batches committed
    units: int = 0  # units committed

    def start(self) -> Store:
        for n in range(self.engine.writers):
            thread = threading.Thread(target=self._write_loop, name=f"store-{n}", daemon=True)
            thread.start()
            self._threads.append(thread)
        return self

    def close(self) -> None:
        """Finish what was accepted, then stop."""
        if self._closed:
            return
        self._closed = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(30)
        for connection in self._readers:
            with suppress(Exception):  # closing twice or a lost server: nothing is left to save
                connection.close()

    # -- units of work

    async def run(self, unit: Unit[T]) -> T:
        """Run a unit that writes; returns its value after the commit. Raises what the unit raised, or ``StoreError``."""
        loop = self._loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._submit(_Pending(unit, future, loop))
        return await future

    def run_sync(self, unit: Unit[T]) -> T:
        """The same from a thread without an event loop: the command line."""
        future: Future[T] = Future()
        self._submit(_Pending(unit, future, None))
        return future.result()

    async def read(self, unit: Unit[T]) -> T:
        """Run a unit that only reads, in a thread."""
        return await asyncio.to_thread(self.read_now, unit)

    def read_now(self, unit: Unit[T]) -> T:
        """Run a unit that only reads, in this thread: for short look-ups (10 to 50 µs)."""
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.engine.connect(read_only=True)
            self._readers.append(connection)
        try:
            cursor = connection.cursor()
            try:
                return unit(Tx(self.engine.name, cursor))
            finally:
                cursor.close()
        except Exception as error:  # sorted below; anything that is not the database's is raised as it is
            if self.engine.is_down(error):
                self._local.connection = None
                raise StoreError(f"the database cannot be read: {error}") from error
            raise

    @property
    def waiting(self) -> int:
        """Units not yet taken by a writer."""
        return self._queue.qsize()

    def _submit(self, pending: _Pending) -> None:
        if self._closed:
            raise StoreError("the store is closed")
        self._queue.put(pending)

    def _write_loop(self) -> None:
        connection: Any = None
        while True:
            batch = self._take()
            if batch is None:
                break
            try:
                if connection is None:
                    connection = self.engine.connect()
                self._commit(connection, batch)
            except Exception as error:  # the connection itself failed: tell everyone, start anew
                log.warning("store: %s", error)
                failure = StoreError(f"the database cannot be written: {error}")
                for pending in batch:
                    if not pending.future.done():
                        pending.refuse(failure)
                with suppress(Exception):  # it is being thrown away
                    if connection is not None:
                        connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def _take(self) -> list[_Pending] | None:
        first = self._queue.get()
        if first is None:
            return None
        batch = [first]
        while len(batch) < self.engine.batch:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                self._queue.put(None)
                break
            batch.append(following)
        return batch

    def _commit(self, connection: Any, batch: list[_Pending]) -> None:
        """Run a batch in one transaction; if that fails, its units one by one."""
        if len(batch) > 1:
            try:
                results, topics = self._transact(connection, [p.unit for p in batch])
            except Exception as error:  # one of them raised: find out which, below
                if self.engine.is_down(error) and not self._alive(connection):
                    raise
            else:
                self._settle(batch, results, topics)
                return
        for pending in batch:
            self._commit_one(connection, pending)

    def _commit_one(self, connection: Any, pending: _Pending) -> None:
        for n in range(_RETRIES + 1):
            try:
                results, topics = self._transact(connection, [pending.unit])
            except Exception as error:  # handed to the caller, who asked for this unit
                if self.engine.is_race(error) and n < _RETRIES:
                    continue
                if self.engine.is_down(error):
                    pending.refuse(StoreError(f"the database refused: {error}"))
                    if not self._alive(connection):
                        raise
                else:
                    pending.refuse(error)
                return
            self._settle([pending], results, topics)
            return

    def _transact(self, connection: Any, units: list[Unit[Any]]) -> tuple[list[Any], set[str]]:
        cursor = connection.cursor()
        tx = Tx(self.engine.name, cursor)
        self.engine.begin(connection)
        try:
            results = [unit(tx) for unit in units]
            cursor.execute("COMMIT")
        except BaseException:
            with suppress(Exception):  # the error above says more
                connection.execute("ROLLBACK")
            raise
        finally:
            cursor.close()
        self.commits += 1
        self.units += len(units)
        if tx.topics and self.engine.name == "postgresql":
            # Its own statement after the commit: inside the transaction NOTIFY would serialise all commits.
            for start in range(0, len(tx.topics), 100):
                chunk = sorted(tx.topics)[start : start + 100]
                connection.execute("SELECT pg_notify(%s, %s)", (_CHANNEL, "\n".join(chunk)))
        return results, tx.topics

    def _alive(self, connection: Any) -> bool:
        try:
            connection.execute("SELECT 1")
        except Exception:  # any failure means the same here
            return False
        return True

    def _settle(self, batch: list[_Pending], results: list[Any], topics: set[str]) -> None:
        """Hand out the results, those of one loop in one call, and wake the watchers."""
        loop = self._loop
        waiting: list[tuple[Any, Any]] = []
        for pending, result in zip(batch, results, strict=True):
            if pending.loop is None:
                pending.future.set_result(result)
            else:
                waiting.append((pending.future, result))

        def settle() -> None:
            for future, result in waiting:
                if not future.done():
                    future.set_result(result)
            self._wake(topics)

        if loop is not None and (waiting or topics):
            with suppress(RuntimeError):  # the loop closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(settle)

    # -- waking

    def _wake(self, topics: set[str]) -> None:
        for topic in topics:
            for event in self._watchers.get(topic, ()):
                event.set()

    @contextmanager
    def watching(self, *topics: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of the topics was woken by a commit."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        event = asyncio.Event()
        for topic in topics:
            self._watchers[topic].add(event)
        try:
            yield event
        finally:
            for topic in topics:
                watchers = self._watchers[topic]
                watchers.discard(event)
                if not watchers:
                    self._watchers.pop(topic, None)

    async def relay(self) -> None:
        """PostgreSQL: bring the other nodes' wake-ups here, until cancelled. Returns at once on SQLite."""
        if self.engine.name != "postgresql":
            return
        self._loop = asyncio.get_running_loop()
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(self.url, autocommit=True) as connection:
                    await connection.execute(f"LISTEN {_CHANNEL}")
                    async for notice in connection.notifies():
                        self._wake(set(notice.payload.split("\n")))
            except psycopg.Error as error:
                log.warning("store: lost the wake-up line, polling meanwhile: %s", error)
                await asyncio.sleep(1)

    async def ping(self) -> None:
        """Raises ``StoreError`` if the database cannot be written."""
        await self.run(lambda tx: tx.one(Sql(sa.select(sa.literal(1).label("one")))))


def open_store(url: str, writers: int = 4) -> Store:
    """Connect and start the writer threads. Raises ``SettingsError`` for an unusable address."""
    engine = _engine(url, writers)
    try:
        engine.connect().close()
    except (sqlite3.Error, psycopg.Error, OSError) as error:
        raise InboxError(f"cannot open the database {_without_password(url)}: {error}") from error
    return Store(engine=engine, url=url).start()


@asynccontextmanager
async def opened(url: str, writers: int = 4) -> AsyncIterator[Store]:
    store = open_store(url, writers)
    try:
        yield store
    finally:
        await asyncio.to_thread(store.close)


def _without_password(url: str) -> str:
    head, at, tail = url.rpartition("@")
    scheme, _, user = head.partition("://")
    return f"{scheme}://{user.split(':', 1)[0]}@{tail}" if at else url
