"""One writer at a time, across hosts: a lease in ``ALIAS_meta`` that its holder renews.

Milvus has no compare-and-set, so the lease is taken by writing one's name, waiting until another who did the
same at that moment would have written too, and reading it again: the last one has it. The clocks of
hosts must agree to some seconds.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from typing import Any

from index.engines.milvus.connection import Connection
from index.engines.milvus.schema import Names, read_fact, write_fact
from index.errors import EngineUnavailable, IndexLocked

LEASE_S, RENEWED_S = 60.0, 15.0
"""How long a lease holds without being renewed, and how often it is, in seconds."""

_SETTLED_S = 0.05
_FACT = "lease"


class Lease:
    """Held from construction to ``release``; a process that died loses it within a minute, on its own host
    at once."""

    def __init__(self, connection: Connection, names: Names, wait_s: float = 0.0) -> None:
        """Raises IndexLocked, which says who holds it, after ``wait_s`` seconds."""
        self._connection, self._names = connection, names
        self._mine = {"id": uuid.uuid4().hex, "host": socket.gethostname(), "pid": os.getpid()}
        deadline = time.monotonic() + wait_s
        while (holder := self._taken()) is not None:
            if time.monotonic() >= deadline:
                raise IndexLocked(
                    f"another process is writing to {connection.place}: process {holder['pid']} on "
                    f"{holder['host']}",
                    remedy="Wait until it has finished, then run the command again.",
                )
            time.sleep(0.2)
        self._released = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="gisa-lease", daemon=True)
        self._renewer.start()

    def check(self) -> None:
        """Raises IndexLocked if another has taken it, after this process could not renew it in time."""
        held = self._read()
        if held is None or held["id"] != self._mine["id"]:
            raise IndexLocked(
                f"this process was away for so long that another writes to {self._connection.place}",
                remedy="Run the command again; it goes on where it stopped.",
            )

    def release(self) -> None:
        """Let others write."""
        self._released.set()
        self._renewer.join()
        try:
            held = self._read()
            if held is not None and held["id"] == self._mine["id"]:
                self._connection.delete_where(self._names.meta, f'id == "{_FACT}"')
        except EngineUnavailable:
            return  # it runs out by itself

    def _taken(self) -> dict[str, Any] | None:
        """Take it if it is free; returns who holds it otherwise."""
        held = self._read()
        if held is not None and held["until"] > time.time() and not _is_dead(held):
            return held
        self._write()
        time.sleep(_SETTLED_S)
        held = self._read()
        return None if held is not None and held["id"] == self._mine["id"] else held

    def _renew(self) -> None:
        while not self._released.wait(RENEWED_S):
            try:
                self.check()
                self._write()
            except (EngineUnavailable, IndexLocked):
                continue  # told by the next write

    def _read(self) -> dict[str, Any] | None:
        found: dict[str, Any] | None = read_fact(self._connection, self._names, _FACT)
        return found

    def _write(self) -> None:
        until = time.time() + LEASE_S
        write_fact(self._connection, self._names, _FACT, {**self._mine, "until": until})


def _is_dead(holder: dict[str, Any]) -> bool:
    """Whether it is a process of this host that is no more."""
    if holder["host"] != socket.gethostname():
        return False
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
