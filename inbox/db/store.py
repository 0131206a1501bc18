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
import threading
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from inbox.db.engines import Engine, engine_of
from inbox.db.sql import Row, Sql, Tx, insert, upsert
from inbox.errors import InboxError, Transient

log = logging.getLogger(__name__)
__all__ = ["Row", "Sql", "Store", "StoreError", "Tx", "Unit", "insert", "open_store", "opened", "upsert"]
T = TypeVar("T")
Unit = Callable[[Tx], T]

_RETRIES = 5  # times a unit is run again after losing a race
_CHANNEL = "inbox"  # of NOTIFY


class StoreError(Transient):
    """The database cannot be written or reached now; nothing was stored."""


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


@dataclass(slots=True)
class _Reader:
    """The reading connection of one thread; ``busy`` is held during a unit, so that ``close`` can wait for it."""

    connection: Any
    busy: threading.RLock = field(default_factory=threading.RLock)


@dataclass
class Store:
    """The database of one node. Open it with ``open_store`` after the migrations ran."""

    engine: Engine
    url: str
    _queue: queue.SimpleQueue[_Pending | None] = field(default_factory=queue.SimpleQueue)
    _threads: list[threading.Thread] = field(default_factory=list)
    _local: threading.local = field(default_factory=threading.local)
    _readers: list[_Reader] = field(default_factory=list)
    _watchers: dict[str, set[asyncio.Event]] = field(default_factory=lambda: defaultdict(set))
    _loop: asyncio.AbstractEventLoop | None = None
    _closed: bool = False
    released: bool = False  # the server is leaving
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
        for reader in list(self._readers):
            # A connection that is closed while a thread reads from it takes the whole process down.
            if reader.busy.acquire(timeout=30):
                with suppress(Exception):  # closing twice or a lost server: nothing is left to save
                    reader.connection.close()
                reader.busy.release()

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
        reader: _Reader | None = getattr(self._local, "reader", None)
        try:
            if reader is None and not self._closed:
                reader = self._local.reader = _Reader(self.engine.connect(read_only=True))
                self._readers.append(reader)
            if reader is None:
                raise StoreError("the store is closed")
            with reader.busy:
                if self._closed:
                    raise StoreError("the store is closed")
                cursor = reader.connection.cursor()
                try:
                    return unit(Tx(self.engine.name, cursor))
                finally:
                    cursor.close()
        except Exception as error:  # sorted below; anything that is not the database's is raised as it is
            if self.engine.is_down(error):
                self._local.reader = None
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

    def release(self) -> None:
        """The server is leaving: wake everyone who watches, so that no held line keeps it waiting."""
        self.released = True
        self._wake(set(self._watchers))

    async def relay(self) -> None:
        """PostgreSQL: bring the other nodes' wake-ups here, until cancelled. Returns at once on SQLite."""
        if self.engine.name != "postgresql":
            return
        import psycopg  # here: a node on SQLite has no use for it

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
    engine = engine_of(url, writers)
    try:
        engine.connect().close()
    except (engine.errors, OSError) as error:
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
