"""One writer at a time. The operating system frees the lock of a process that died."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from index.documents import SEOUL
from index.errors import IndexLocked

_LOCK, _HOLDER = "lock", "lock.json"


class WriterLock:
    """The lock of an index folder, held from construction to ``release``."""

    def __init__(self, root: Path, wait_s: float = 0.0) -> None:
        """Raises IndexLocked, which says who holds it, after ``wait_s`` seconds."""
        self._holder = root / _HOLDER
        self._lock = FileLock(root / _LOCK, thread_local=False)  # any thread may close it
        try:
            self._lock.acquire(timeout=wait_s, poll_interval=0.2)
        except Timeout:
            raise IndexLocked(
                f"another process is writing to {root}{_told(self._holder)}",
                remedy="Wait until it has finished, then run the command again.",
            ) from None
        since = datetime.now(SEOUL).isoformat(timespec="seconds")
        try:
            self._holder.write_text(json.dumps({"pid": os.getpid(), "since": since}), "ascii")
        except OSError:
            self._lock.release()
            raise

    def release(self) -> None:
        """Let others write; a lock that is free stays free."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()


def _told(holder: Path) -> str:
    try:
        fields = json.loads(holder.read_text("ascii"))
        return f": process {int(fields['pid'])}, since {fields['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return ""
