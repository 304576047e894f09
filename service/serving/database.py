"""The database below the stores: one SQLite file, or PostgreSQL, through SQLAlchemy Core.

A store states its tables once and writes its statements once. What differs between the two stays here.
"""

from __future__ import annotations

import sqlite3
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    ColumnElement,
    Connection,
    Double,
    Engine,
    MetaData,
    NullPool,
    QueuePool,
    Table,
    Text,
    cast,
    create_engine,
    event,
    func,
    inspect,
    literal,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.schema import CreateIndex, CreateSchema, CreateTable

from service.errors import SettingsInvalid, StoreUnavailable
from service.storage import Place, PostgresUrl

TEXT = Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
"""Text that both databases sort alike, by code point."""

TIMEOUT_S = 5.0
"""Time that PostgreSQL has for a connection or a statement, in seconds."""

CONNECTIONS = 4
"""Connections to PostgreSQL that a store of one process holds at most."""

_SETTING_UP = 0x67697361
"""The advisory lock (``gisa``) under which tables are made: two services may start at the same moment."""


class Database:
    """The tables of one store. Safe to use from several threads and processes.

    In PostgreSQL they have a schema of their own, the one of ``tables``, so that stores can share a
    database; in SQLite each store has a file. A connection that the server closed meanwhile is replaced.
    """

    def __init__(
        self,
        place: Place,
        tables: MetaData,
        *,
        stays_open: bool = False,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        """Connects to nothing yet.

        ``stays_open`` keeps a SQLite file open between transactions, until ``close``; ``timeout_s`` is how
        long another process's lock or the server is waited for. Raises SettingsInvalid without the driver.
        """
        self.place, self._tables = place, tables
        self._is_set_up = False
        self._is_sqlite = isinstance(place, Path)
        if isinstance(place, Path):
            self._engine = _sqlite(place, stays_open=stays_open, timeout_s=timeout_s)
        else:
            self._engine = _postgres(place, timeout_s=timeout_s)
        if self._is_sqlite:  # it has no schemas
            self._engine = self._engine.execution_options(
                schema_translate_map={tables.schema: None}
            )

    @property
    def exists(self) -> bool:
        """Whether there can be anything to read: a SQLite file is made by the first transaction."""
        return not isinstance(self.place, Path) or self.place.exists()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose statements take effect together, or not at all. Raises StoreUnavailable.

        It makes what is missing of the tables.
        """
        try:
            if isinstance(self.place, Path):
                self._is_set_up &= self.place.exists()
                self.place.parent.mkdir(parents=True, exist_ok=True)
            if not self._is_set_up:
                self._set_up()
            with self._engine.begin() as connection:
                yield connection
        except (SQLAlchemyError, OSError) as error:
            raise StoreUnavailable(f"{self.place}: {_reason(error)}") from error

    def _set_up(self) -> None:
        with self._engine.begin() as connection:
            if not self._is_sqlite:
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_SETTING_UP})"))
                schema = self._tables.schema
                if schema and not inspect(connection).has_schema(schema):
                    connection.execute(CreateSchema(schema))
            for table in self._tables.sorted_tables:
                connection.execute(CreateTable(table, if_not_exists=True))
                for index in table.indexes:
                    connection.execute(CreateIndex(index, if_not_exists=True))
        self._is_set_up = True

    def insert(self, table: Table) -> sqlite.Insert | postgresql.Insert:
        """An INSERT that can say what happens ``on_conflict``."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    def now(self) -> ColumnElement[float]:
        """Seconds since the epoch: by the clock that all who share the database have in common."""
        if self._is_sqlite:
            return literal(time.time())
        return cast(func.extract("epoch", func.clock_timestamp()), Double)

    def close(self) -> None:
        """Close the connections; a later transaction opens new ones."""
        self._engine.dispose()


def _sqlite(path: Path, *, stays_open: bool, timeout_s: float) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool if stays_open else NullPool,
        connect_args={"timeout": timeout_s},
        hide_parameters=True,  # readers' questions
    )

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, record: object) -> None:
        _write_ahead(connection, timeout_s)
        connection.execute("PRAGMA synchronous = NORMAL")

    return engine


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Keep changes in a log beside the file, so that readers and a writer don't wait for each other.

    Changing to it takes a read lock first and then a write lock; a lock that has to grow isn't waited for
    by SQLite (it could be a deadlock), so two that open a new file at once meet "database is locked".
    """
    until = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
        time.sleep(0.01)


def _postgres(url: PostgresUrl, *, timeout_s: float) -> Engine:
    try:
        engine = create_engine(
            URL.create(
                "postgresql+pg8000", url.user, url.password, url.host, url.port, url.database
            ),
            connect_args={"timeout": timeout_s, "application_name": "gisa", **_route(url)},
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_timeout=timeout_s,
            pool_pre_ping=True,  # the server may have been restarted since
            hide_parameters=True,
        )
    except ImportError as error:
        raise SettingsInvalid(
            f"{url}: the package {error.name!r} is not installed",
            remedy="Install the extra: pip install 'gisa[postgres]'",
        ) from error
    event.listen(engine, "handle_error", _tell_a_lost_connection)
    return engine


def _tell_a_lost_connection(context: ExceptionContext) -> None:
    """SQLAlchemy doesn't know what pg8000 says of a server that stopped; its connections must be replaced."""
    error = context.original_exception
    told = error.args[0] if error.args else None
    state = told.get("C", "") if isinstance(told, dict) else ""
    if state.startswith(("08", "57P")) or isinstance(error, OSError):
        context.is_disconnect = True


def _route(url: PostgresUrl) -> dict[str, Any]:
    """What pg8000 is told of the way to the server."""
    if url.socket_folder:
        return {"unix_sock": f"{url.socket_folder}/.s.PGSQL.{url.port}"}
    if url.tls in ("disable", "prefer"):
        return {"ssl_context": False if url.tls == "disable" else None}
    context = ssl.create_default_context(cafile=url.tls_roots)
    if url.tls == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return {"ssl_context": context}


def _reason(error: Exception) -> str:
    """The database's own words, without the statement and its values."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    told = cause.args[0] if cause and cause.args else cause
    return str(told["M"] if isinstance(told, dict) and "M" in told else told)
