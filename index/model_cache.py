"""The folder that models are unpacked and converted into, once for many processes.

Each model has a *sealed folder* there: written aside, listed with sizes and checksums in a last
file, the seal, then renamed into place. A folder cut short by a crash has no seal, and is written
again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from index.errors import ModelUnavailable

SEAL = "checksums.json"
"""The last file of a sealed folder: ``{"files": {name: {"size": bytes, "sha256": hex}}}``."""


def default_cache_dir() -> Path:
    """``$GISA_CACHE``, else ``$XDG_CACHE_HOME/gisa``, else ``~/.cache/gisa``."""
    if own := os.environ.get("GISA_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(shared) / "gisa"


def sealed_folder(
    target: Path, fill: Callable[[Path], None], *, thorough: bool = False, force: bool = False
) -> Path:
    """Return ``target``, written by ``fill`` unless it is intact already (see ``is_intact``).

    An intact folder is only read, so that a cache may be mounted read-only.
    Raises ModelUnavailable if the place can't be written.
    """
    from filelock import FileLock

    if not force and is_intact(target, thorough=thorough):
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.parent / f".{target.name}.lock"):
            if force or not is_intact(target, thorough=thorough):
                _replace_folder(target, fill)
    except OSError as error:
        raise ModelUnavailable(
            f"can't write the model cache {target}: {error}",
            remedy="Free some disk space, or set GISA_CACHE to a folder that can be written.",
        ) from error
    return target


def is_intact(folder: Path, *, thorough: bool = False) -> bool:
    """Whether the folder is sealed and its files have the sizes, and if ``thorough`` the SHA-256,
    that the seal lists."""
    try:
        listed = json.loads((folder / SEAL).read_text(encoding="utf-8"))["files"]
        return all(
            (folder / name).stat().st_size == entry["size"]
            and (not thorough or sha256_of(folder / name) == entry["sha256"])
            for name, entry in listed.items()
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's contents in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace_folder(target: Path, fill: Callable[[Path], None]) -> None:
    _sweep(target)
    aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent))
    try:
        fill(aside)
        _seal(aside)
        if target.exists():  # damaged, or to be renewed; a folder can't be renamed over another
            target.rename(aside.with_suffix(".old"))
        aside.rename(target)
        _fsync(target.parent)
    finally:
        _sweep(target)


def _sweep(target: Path) -> None:
    """Remove what this run, or one that was killed, left beside the target (under its lock)."""
    for suffix in ("new", "old"):
        for leftover in target.parent.glob(f".{target.name}.*.{suffix}"):
            shutil.rmtree(leftover, ignore_errors=True)


def _seal(folder: Path) -> None:
    folder.chmod(0o755)  # temporary folders, and weights, are made for their owner alone
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in files
    }
    for path in files:
        path.chmod(0o644)
        _fsync(path)
    write_json(folder / SEAL, {"files": listed})
    _fsync(folder / SEAL)
    _fsync(folder)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, making the folder if need be. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
