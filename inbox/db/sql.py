"""Statements in SQLAlchemy Core, compiled once for each engine, and the transaction that runs them on the driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.visitors import traverse


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
        traverse(statement, {}, {"bindparam": _written_out})
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        constants = {k: v for k, v in compiled.params.items() if v is not None}  # the compiler's own: OFFSET 0
        return str(compiled), tuple(compiled.positiontup or ()), constants


def _written_out(bind: Any) -> None:
    """Constants stand in the text: a partial index serves only a query that visibly asks for its part, and SQLite
    prepares anew (70 µs) where a bound value could decide that.
    """
    bind.required = False
    if bind.value is not None:
        bind.literal_execute = True


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
