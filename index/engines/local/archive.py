"""An index as one portable file: a tar of its catalog and its current generation.

An archive may come from strangers. Only plain files with known names and stated sizes are taken from it,
each compared with its checksum; the catalog must have exactly our schema; arrays are read without
pickle and checked; and the FAISS file, whose format can't be checked, is derived again.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import sqlite3
import tarfile
import tempfile
import zlib
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from index.engines.local import files
from index.engines.local.database import FILE as CATALOG
from index.engines.local.engine import LocalEngine
from index.engines.local.generation import (
    CURRENT,
    MANIFEST,
    Generation,
    Manifest,
    current_number,
    generation_folder,
)
from index.engines.local.schema import FORMAT_VERSION, READABLE, SCHEMA
from index.engines.local.vectors import FILE as VECTORS
from index.errors import ArchiveRefused, GisaError, IndexExists, IndexNotFound, IndexNotWritable

MAX_BYTES = 100_000_000_000
_CONTENTS = "gisa-index.json"
_MAX_CONTENTS_BYTES = 1_000_000
_KNOWN = re.compile(
    rf"{re.escape(CATALOG)}|generation/({re.escape(MANIFEST)}|(rows|lists|centroids)\.npy"
    r"|lexical/(morphemes|bigrams)/(terms|starts|rows|counts|lengths)\.npy"
    r"|names/(keys|starts|text|reporters)\.npy)"
)


def export_index(path: Path | str, file: Path | str) -> int:
    """Write the index at ``path`` to ``file``; returns its bytes. Writers need not stop.

    Raises IndexNotFound, IndexCorrupt, IndexNotWritable.
    """
    root, file = Path(path), Path(file)
    engine = LocalEngine(root)
    try:
        number = current_number(root)
        if number is None:
            raise IndexNotFound(root)
        generation = Generation(generation_folder(root, number))  # sound, and held
        with (
            files.writing(file.parent),
            tempfile.TemporaryDirectory(prefix=".gisa-export-", dir=file.parent) as scratch,
        ):
            copy = Path(scratch) / CATALOG
            engine.catalog.copy_to(copy)
            members = {CATALOG: copy} | _generation_files(root, generation.number)
            finished = Path(scratch) / "archive.tar"
            _write(finished, members)
            files.sync(finished)
            finished.replace(file)
            files.sync(file.parent)
        return file.stat().st_size
    finally:
        engine.close()


def _generation_files(root: Path, number: int) -> dict[str, Path]:
    folder = generation_folder(root, number)
    names = [*Manifest.read(folder).checksums, MANIFEST]
    return {f"generation/{name}": folder / name for name in names if name != VECTORS}


def _write(archive: Path, members: dict[str, Path]) -> None:
    contents = {
        name: {"bytes": path.stat().st_size, "sha256": files.checksum(path)}
        for name, path in members.items()
    }
    text = json.dumps({"format": FORMAT_VERSION, "files": contents}, indent=1).encode()
    with tarfile.open(archive, "w") as tar:
        header = tarfile.TarInfo(_CONTENTS)
        header.size = len(text)
        tar.addfile(header, io.BytesIO(text))
        for name, path in members.items():
            tar.add(path, name, recursive=False)


def import_index(file: Path | str, path: Path | str, *, max_bytes: int = MAX_BYTES) -> int:
    """Make an index at ``path``, where there is none, from an archive; returns its generation.

    Nothing is left behind if it fails. Raises ArchiveRefused, IndexExists, IndexNotWritable.
    """
    root = Path(path)
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise IndexExists(
            f"{root} is not empty", remedy="Choose another folder, or move this one away."
        )
    with files.writing(root.parent):
        root.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{root.name}-import-", dir=root.parent))
    try:
        number = _unpack(Path(file), scratch, max_bytes)
        with files.writing(root.parent):
            if root.exists():
                root.rmdir()
            files.move_folder(scratch, root)
    except _BROKEN as error:
        raise ArchiveRefused(f"{file} is no sound archive of an index: {error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return number


_BROKEN = (
    tarfile.TarError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    OverflowError,
    RecursionError,
    EOFError,
    zlib.error,
    sqlite3.Error,
)


def _unpack(file: Path, scratch: Path, max_bytes: int) -> int:
    try:
        with tarfile.open(file, "r:") as tar:
            format = _extract(tar, scratch, max_bytes)
        _check_schema(scratch / CATALOG, format)
        _place_generation(scratch)
        return _derive(scratch)
    except (IndexNotWritable, ArchiveRefused):
        raise
    except GisaError as error:  # the index inside is damaged: here that is the archive's fault
        raise ArchiveRefused(f"{file} is no sound archive of an index: {error}") from error
    except OSError as error:
        raise IndexNotWritable(scratch.parent, error) from error


def _extract(tar: tarfile.TarFile, scratch: Path, max_bytes: int) -> int:
    """Returns the archive's format."""
    format, expected = _contents(tar, max_bytes)
    for member in tar:
        if member.name == _CONTENTS:
            continue
        stated = expected.pop(member.name, None)
        if stated is None:
            raise ValueError(f"{member.name!r} is not expected in it, or there twice")
        if not member.isreg() or member.issparse() or member.size != stated["bytes"]:
            raise ValueError(f"{member.name!r} is not the plain file that was stated")
        target = scratch / member.name  # a known name, without '..'
        target.parent.mkdir(parents=True, exist_ok=True)
        source = tar.extractfile(member)
        digest = hashlib.sha256()
        with target.open("wb") as out:
            while source is not None and (piece := source.read(1 << 20)):
                digest.update(piece)
                out.write(piece)
        if digest.hexdigest() != stated["sha256"]:
            raise ValueError(f"{member.name!r} fails its checksum")
    if expected:
        raise ValueError(f"it lacks {', '.join(sorted(expected))}")
    return format


def _contents(tar: tarfile.TarFile, max_bytes: int) -> tuple[int, dict[str, dict[str, Any]]]:
    """Format; names, sizes and checksums of the files that must follow."""
    first = tar.next()
    if first is None or first.name != _CONTENTS or not first.isreg():
        raise ValueError(f"it does not begin with {_CONTENTS}")
    if first.size > _MAX_CONTENTS_BYTES:
        raise ValueError(f"{_CONTENTS} is too large")
    source = tar.extractfile(first)
    stated = json.loads(source.read() if source else b"")
    if stated["format"] not in READABLE:
        raise ValueError(
            f"it has format {stated['format']}, this program reads {READABLE[0]} to {READABLE[-1]}"
        )
    expected: dict[str, dict[str, Any]] = dict(stated["files"])
    unknown = [name for name in expected if not _KNOWN.fullmatch(name)]
    if unknown:
        raise ValueError(f"it holds {unknown[0]!r}, which is no part of an index")
    if (size := sum(int(entry["bytes"]) for entry in expected.values())) > max_bytes:
        raise ValueError(f"it holds {size:,} bytes, more than the {max_bytes:,} allowed")
    return stated["format"], expected


def _check_schema(catalog: Path, format: int) -> None:
    """Refuse triggers, views, and whatever else the schema of that format does not have."""
    theirs = sqlite3.connect(catalog)
    try:
        theirs.execute("PRAGMA trusted_schema = OFF")
        if _schema_checksum(theirs) != _schema_of(format):
            raise ValueError("its catalog has another schema")
        problems = [row[0] for row in theirs.execute("PRAGMA integrity_check(1)") if row[0] != "ok"]
        if problems:
            raise ValueError(f"its catalog is damaged: {problems[0]}")
    finally:
        theirs.close()


def _schema_of(format: int) -> str:
    if format != FORMAT_VERSION:
        return _OLDER_CHECKSUMS[format]
    with closing(sqlite3.connect(":memory:")) as ours:
        ours.executescript(SCHEMA)
        return _schema_checksum(ours)


def _schema_checksum(db: sqlite3.Connection) -> str:
    """Of the tokens: comments and blanks are others in a catalog that was brought up from an older format."""
    query = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    told = sorted(repr((*row, _tokens(sql or ""))) for *row, sql in db.execute(query))
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _tokens(sql: str) -> list[str]:
    """What SQLite reads of a statement; text in quotes is one token, so that nothing can pass for a comment."""
    found = re.findall(r"\"[^\"]*\"|'[^']*'|--[^\n]*|\w+|\S", sql)
    return [token for token in found if not token.startswith("--")]


_OLDER_CHECKSUMS = {
    5: "2bad02383a4f7f947d7cecbe64e9b109fc8a3e3d639358f21991a104c7d0cee1",
    6: "eae4def4cf48bcca62ca1f318cf8ea68e6f14e9f725c36a397c62a858b9f351d",
}


def _place_generation(scratch: Path) -> None:
    unpacked = scratch / "generation"
    manifest = Manifest.read(unpacked)
    stated = {name: value for name, value in manifest.checksums.items() if name != VECTORS}
    if set(stated) != {
        path.relative_to(unpacked).as_posix()
        for path in unpacked.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }:
        raise ValueError("the files of its generation are not those of its manifest")
    number = int(manifest.generation)
    if not 0 < number < 10**9:
        raise ValueError(f"its generation has the number {number}")
    replace(manifest, checksums=stated).write(unpacked)
    target = generation_folder(scratch, number)
    target.parent.mkdir()
    unpacked.rename(target)
    (scratch / CURRENT).write_text(f"{number}\n", "ascii")


def _derive(scratch: Path) -> int:
    """The next generation, whole; the one from the archive lacks its FAISS file and goes."""
    before = current_number(scratch)
    engine = LocalEngine.update(scratch)
    try:
        if engine.catalog.misfits():
            raise ValueError("passages in its catalog lie outside their articles")
        number = engine.publish().generation
    finally:
        engine.close()
    shutil.rmtree(generation_folder(scratch, before or 0))
    for leftover in scratch.glob("lock*"):
        leftover.unlink()
    return number
