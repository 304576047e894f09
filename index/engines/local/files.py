"""What makes a write durable: files are synced before they are named, and named in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index.errors import IndexNotWritable

_SQLITE_NOT_WRITABLE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def checkpoint(name: str) -> None:
    """A moment between two writes. It does nothing; tests replace it to crash there."""


@contextmanager
def writing(root: Path) -> Iterator[None]:
    """Turns a full disk, a quota or a missing permission into IndexNotWritable."""
    try:
        yield
    except OSError as error:
        raise IndexNotWritable(root, error) from error
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF in _SQLITE_NOT_WRITABLE:
            raise IndexNotWritable(root, error) from error
        raise


def checksum(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def folder_bytes(folder: Path) -> int:
    """Bytes of all files; those that vanish meanwhile don't count."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def replace_text(path: Path, text: str) -> None:
    """Give the file a new content such that a reader, or a crash, sees the old or the new one."""
    scratch = path.with_name(f".{path.name}.new")
    with scratch.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    checkpoint(f"{path.name} written")
    scratch.replace(path)
    checkpoint(f"{path.name} replaced")
    sync(path.parent)


def move_folder(scratch: Path, target: Path) -> None:
    """Name a finished folder; what a crash has left under that name goes."""
    sync_tree(scratch)
    if target.exists():
        shutil.rmtree(target)
        checkpoint("leftover removed")
    scratch.chmod(0o755)
    scratch.rename(target)
    checkpoint("folder named")
    sync(target.parent)


def sync(path: Path) -> None:
    """Have the operating system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """The same for a folder and everything in it."""
    for path in [*folder.rglob("*"), folder]:
        sync(path)
