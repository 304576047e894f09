"""The SQLite file of a catalog: its connections, its schema, what it may hold."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.engines.local import files
from index.engines.local.schema import FORMAT_VERSION, READABLE, SCHEMA, migrate
from index.errors import IndexCorrupt, IndexFormatUnknown, IndexNotFound

FILE = "catalog.sqlite"


class _Connection(sqlite3.Connection):
    """Closes with its last reference. Closing one under a statement of another thread crashes the process."""

    def __del__(self) -> None:
        self.close()


class Database:
    """Connections are one per thread; a reader never writes, not even at opening."""

    def __init__(self, folder: Path, *, writable: bool) -> None:
        """Creates or brings up to date if ``writable``. Raises IndexNotFound, IndexFormatUnknown, …"""
        self.folder, self.path = folder, folder / FILE
        self._writable = writable
        self._local = threading.local()
        self._connections: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._connections_lock = threading.Lock()
        self._epoch, self._immutable = 0, False
        if not writable and not self.path.exists():
            raise IndexNotFound(folder)
        try:
            self._seen = self._state()
            if not self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                self._create()  # new, or a crash came before this line
            self._check_format()
        except sqlite3.DatabaseError as error:
            self.close()
            raise IndexCorrupt(f"{self.path} can't be read: {error}", path=folder) from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connections; one that another thread may be using closes when that thread lets it go."""
        this = threading.current_thread()
        with self._connections_lock:
            self._epoch += 1
            for thread, connection in self._connections:
                if thread is this or not thread.is_alive():
                    connection.close()
            self._connections.clear()
        self._local = threading.local()

    def meta(self, name: str) -> str | None:
        """An entry of the table of facts about the index; None: there is none."""
        row = self._db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def refresh(self) -> None:
        """Connect anew if the file was replaced or, on a read-only disk, changed after all."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            self._epoch += 1

    def problems(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        try:
            found = [row[0] for row in self._db.execute("PRAGMA integrity_check(20)")]
            orphans = self._db.execute("PRAGMA foreign_key_check").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [text for text in found if text != "ok"] + [f"orphan {row}" for row in orphans]

    def copy_to(self, path: Path) -> None:
        """Write a compact copy, consistent whatever is being written meanwhile."""
        with files.writing(path.parent):
            self._db.execute("VACUUM INTO ?", (str(path),))

    # -- connections -----------------------------------------------------------------------

    @property
    def _db(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.epoch != self._epoch:
            epoch = self._epoch
            connection = self._connect()
            self._local.connection, self._local.epoch = connection, epoch
            self._keep(connection)
        return connection

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction: committed on success, rolled back on failure."""
        if not self._writable:
            raise RuntimeError("this catalog was opened for reading")
        with files.writing(self.folder), self._db as db:
            yield db
            files.checkpoint("transaction written")
        files.checkpoint("transaction committed")

    def _connect(self) -> sqlite3.Connection:
        if not self._writable:
            return self._connect_to_read()
        with files.writing(self.folder):
            connection = self._open("mode=rwc")
            connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # a takedown leaves nothing behind
        return connection

    def _connect_to_read(self) -> sqlite3.Connection:
        connection = self._open("mode=ro")
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # SQLite wants to write its lock table even to read; where it can't, nobody writes.
            connection.close()
            if self._log_bytes():
                raise
            connection = self._open("mode=ro&immutable=1")
            self._immutable = True
            self._seen = self._state()
        return connection

    def _open(self, parameters: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self.path.absolute().as_uri()}?{parameters}",
            uri=True,
            timeout=30,
            check_same_thread=False,  # any thread may close those of ended ones
            factory=_Connection,
        )

    def _keep(self, connection: sqlite3.Connection) -> None:
        """Note this thread's connection; close its former one and those of ended threads."""
        this = threading.current_thread()
        with self._connections_lock:
            known, self._connections = self._connections, [(this, connection)]
            for thread, other in known:
                if thread is not this and thread.is_alive():
                    self._connections.append((thread, other))
                else:
                    other.close()

    def _state(self) -> tuple[int, ...]:
        """Changes when connections no longer show the file as it is."""
        try:
            found = self.path.stat()
        except OSError:
            return ()
        if not self._immutable:  # then SQLite itself sees what others write
            return (found.st_ino,)
        return (found.st_ino, found.st_mtime_ns, found.st_size, self._log_bytes())

    def _log_bytes(self) -> int:
        log = self.path.with_name(f"{FILE}-wal")
        return log.stat().st_size if log.exists() else 0

    def _create(self) -> None:
        if not self._writable:
            raise IndexNotFound(self.folder)
        with self._write() as db:
            meta = f"INSERT INTO meta VALUES ('format', '{FORMAT_VERSION}'), ('revision', '0');"  # noqa: S608
            db.executescript(f"BEGIN; {SCHEMA} {meta} COMMIT;")

    def _check_format(self) -> None:
        found = self.format
        if found not in READABLE:
            raise IndexFormatUnknown(
                f"{self.folder} has index format {found}, this program reads {READABLE[0]} to {READABLE[-1]}",
                remedy=f"Index the articles again: gisa index add PATH… --index {self.folder}",
            )
        if self._writable and found != FORMAT_VERSION:
            with self._write() as db:
                db.execute("BEGIN IMMEDIATE")
                migrate(db, self.folder, found)

    @property
    def format(self) -> int:
        """That of the catalog as it is now; a writer may bring it up to date meanwhile."""
        return int(self.meta("format") or 0)
