"""Files, folders, archives and encodings: from a path to bounded streams of text.

Nothing is ever unpacked to disk: members of archives are read as streams, so that their names are
used in reports only. Memory is bounded by ``ReadOptions.max_file_bytes``, the expansion of an archive
by its own size.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any

from index.errors import MalformedArticle
from index.readers.draft import ReadOptions, TooLarge, Unusable

MAX_UNFOLDING = 100
"""How many times its own size an archive may expand to. Korean JSONL expands 4 to 10 times; zip
bombs start at a thousand."""

READ_ERRORS = (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""What reading a damaged, encrypted or vanished stream raises."""

NOT_ARTICLES = frozenset(
    """.md .yml .yaml .toml .css .js .map .png .jpg .jpeg .gif .webp .svg .ico .bmp .avif .woff
    .woff2 .ttf .eot .otf .mp3 .mp4 .webm .mov .py .sh .log .lock .sha256 .md5""".split()
)
"""Suffixes of files that often lie beside articles and are skipped without a report."""


@dataclass(frozen=True)
class Source:
    """One stream. ``name`` is its name in reports, ``kind`` a suffix such as ``.html``."""

    name: str
    kind: str
    opener: Callable[[], BufferedReader]
    max_bytes: int

    def data(self) -> bytes:
        """The whole content. Raises Unusable if it is empty or larger than ``max_bytes``."""
        with self.opener() as stream:
            data = stream.read(self.max_bytes + 1)
        if len(data) > self.max_bytes:
            raise TooLarge(f"larger than {self.max_bytes:,} bytes")
        if not data.strip():
            raise Unusable("empty")
        return data

    def text(self) -> str:
        """The whole content, decoded. Raises Unusable, also for binary content."""
        return decode(self.data())

    def lines(self) -> Iterator[tuple[int, str | Unusable]]:
        """Lines with their ends, numbered from 1; in place of an unreadable line, the reason."""
        with self.opener() as stream:
            head = stream.peek(_SAMPLE_BYTES)[:_SAMPLE_BYTES]
            if head[:2] in UTF16_MARKS:
                # What spreadsheets call Unicode text: it can't be split into lines byte by byte.
                yield from enumerate(_wide_lines(stream, self.max_bytes), start=1)
                return
            if b"\r" in head and b"\n" not in head:
                stream = BufferedReader(_LineFeeds(stream))  # as old spreadsheets end lines
            decoder = LineDecoder()
            for number, line in enumerate(_bounded_lines(stream, self.max_bytes), start=1):
                yield number, _attempt(decoder, line, self.max_bytes)


def _attempt(decoder: LineDecoder, line: bytes | None, limit: int) -> str | Unusable:
    if line is None:
        return TooLarge(f"line longer than {limit:,} bytes")
    try:
        return decoder.decode(line)
    except Unusable as error:
        return error


def _bounded_lines(stream: BufferedReader, limit: int) -> Iterator[bytes | None]:
    while line := stream.readline(limit + 1):
        if len(line) <= limit:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(1 << 20)
        yield None


def _wide_lines(stream: BufferedReader, limit: int) -> Iterator[str | Unusable]:
    text = io.TextIOWrapper(stream, encoding="utf-16", newline=None)
    try:
        while line := text.readline(limit + 1):
            if len(line) <= limit:
                yield line
                continue
            while line and not line.endswith("\n"):
                line = text.readline(1 << 20)
            yield TooLarge(f"line longer than {limit:,} characters")
    except UnicodeError as error:
        yield Unusable(f"damaged utf-16 text: {error}")
    finally:
        text.detach()


class _LineFeeds(io.RawIOBase):
    """A stream with carriage returns as line feeds."""

    def __init__(self, stream: BufferedReader) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read1(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(data)] = data
        return len(data)


# --- encodings -------------------------------------------------------------------------------

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_RIVALS = ["cp949", "utf_8", "gb18030", "big5", "euc_jp", "shift_jis", "cp1252"]
_SAMPLE_BYTES = 20_000


def decode(data: bytes) -> str:
    """Decode UTF-8, UTF-16 with a byte order mark, or CP949 if it is detected.

    Raises Unusable for anything else rather than guess.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return _strict(data, name)
    if b"\0" in data:
        raise Unusable("binary: it holds zero bytes")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        if _looks_cp949(data, error.start):
            return _strict(data, "cp949")
        raise Unusable(f"neither UTF-8 (byte {error.start}) nor CP949") from error


def _strict(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise Unusable(f"damaged {encoding} text at byte {error.start}") from error


def _looks_cp949(data: bytes, first: int) -> bool:
    """Whether charset-normalizer detects CP949 in the text around the first byte that is not UTF-8."""
    from charset_normalizer import from_bytes

    start = data.rfind(b"\n", 0, first) + 1
    sample = data[start : start + _SAMPLE_BYTES]
    if len(data) > start + _SAMPLE_BYTES:
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    best = from_bytes(sample, cp_isolation=_RIVALS).best()
    return best is not None and best.encoding == "cp949"


class LineDecoder:
    """Decodes the lines of one file; the first line that is not ASCII decides the encoding."""

    def __init__(self) -> None:
        self._encoding: str | None = None

    def decode(self, line: bytes) -> str:
        """Raises Unusable for a line that is not in the file's encoding."""
        if line.isascii():
            if b"\0" in line:
                raise Unusable("binary: it holds zero bytes")
            return line.decode("ascii")
        if self._encoding is not None:
            return _strict(line.removeprefix(codecs.BOM_UTF8), self._encoding)
        text = decode(line)
        self._encoding = "cp949" if line.removeprefix(codecs.BOM_UTF8) != text.encode() else "utf-8"
        return text


# --- how far reading has come ----------------------------------------------------------------


class Meter:
    """How many bytes of the input are read so far; the total comes from the sizes of its files."""

    def __init__(self, total: int = 0) -> None:
        self.total, self.done = total, 0

    @property
    def share(self) -> float | None:
        """The share of the input that is read, 0 to 1; None if the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    def open(self, path: Path) -> BufferedReader:
        """A file whose bytes are counted as they are read."""
        return BufferedReader(_Counted(path, self))


class _Counted(io.FileIO):
    def __init__(self, path: Path, meter: Meter) -> None:
        super().__init__(path)
        self._meter = meter

    def readinto(self, buffer: Any) -> int | None:
        count = super().readinto(buffer)
        self._meter.done += count or 0
        return count


def total_bytes(path: Path, kinds: Collection[str]) -> int:
    """The size of a file, or of all files of these kinds below a folder; archives count packed."""
    files = _walk(path) if path.is_dir() else iter([path])
    kinds = {*kinds, ".gz", ".zip"}
    total = 0
    for file in files:
        if isinstance(file, Path) and file.suffix.lower() in kinds and file.is_file():
            total += file.stat().st_size
    return total


# --- folders and archives --------------------------------------------------------------------


def sources(path: Path, options: ReadOptions, meter: Meter) -> Iterator[Source | MalformedArticle]:
    """Every stream below a path: the file itself, a folder's files in order, an archive's members.

    A Source must be read before the next one is requested. Below a folder, hidden files and those
    that are plainly not articles are skipped; a MalformedArticle names what can't be read.
    """
    if not path.is_dir():
        yield from _file(path, options, meter)
        return
    for file in _walk(path):
        if isinstance(file, MalformedArticle):
            yield file
        elif file.suffix.lower() not in NOT_ARTICLES:
            yield from _file(file, options, meter)


def _walk(folder: Path) -> Iterator[Path | MalformedArticle]:
    """Files below a folder, sorted, without hidden ones; links to folders are not followed."""
    pending = [folder]
    while pending:
        path = pending.pop()
        try:
            if path.is_dir() and (path == folder or not path.is_symlink()):
                names = [name for name in os.listdir(path) if not name.startswith((".", "~$"))]  # noqa: PTH208
                pending += [path / name for name in sorted(names, reverse=True)]
            elif not path.is_dir():
                yield path
        except OSError as error:
            yield MalformedArticle(f"can't be read: {error.strerror}", path=path)


def _file(path: Path, options: ReadOptions, meter: Meter) -> Iterator[Source | MalformedArticle]:
    if not path.is_file():
        yield MalformedArticle("not a regular file", path=path)
        return
    kind = path.suffix.lower()
    if kind == ".zip":
        yield from _guarded(str(path), _zip_members(path, options, meter))
    elif kind == ".gz":
        yield _gzip_source(str(path), lambda: meter.open(path), path.stat().st_size, options)
    else:
        yield Source(str(path), kind, lambda: meter.open(path), options.max_file_bytes)


def _guarded(
    name: str, items: Iterator[Source | MalformedArticle]
) -> Iterator[Source | MalformedArticle]:
    try:
        yield from items
    except (*READ_ERRORS, Unusable) as error:
        yield MalformedArticle(f"can't be read: {error}", path=name)


def _zip_members(
    path: Path, options: ReadOptions, meter: Meter
) -> Iterator[Source | MalformedArticle]:
    budget = Budget(path.stat().st_size, options)
    with meter.open(path) as file, _open_zip(file) as archive:
        for member in sorted(archive.infolist(), key=lambda info: info.filename):
            source = _zip_member(path, archive, member, budget, options)
            if source is not None:
                yield source


def _open_zip(file: BufferedReader) -> zipfile.ZipFile:
    try:
        # Names without the UTF-8 flag come from Korean Windows.
        return zipfile.ZipFile(file, metadata_encoding="cp949")
    except UnicodeDecodeError:
        return zipfile.ZipFile(file)


def _zip_member(
    path: Path,
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    budget: Budget,
    options: ReadOptions,
) -> Source | MalformedArticle | None:
    parts = [
        part for part in member.filename.replace("\\", "/").split("/") if part not in ("", "..")
    ]
    hidden = any(part.startswith((".", "~$", "__MACOSX")) for part in parts)
    kind = Path(member.filename).suffix.lower()
    if member.is_dir() or hidden or not parts or kind in NOT_ARTICLES:
        return None
    name = f"{path}!{member.filename}"
    if kind == ".zip":
        return MalformedArticle("an archive inside an archive", path=name)

    def opener() -> BufferedReader:
        return budget.meter(archive.open(member))

    if kind == ".gz":
        return _gzip_source(name, opener, member.compress_size, options)
    return Source(name, kind, opener, options.max_file_bytes)


def _gzip_source(
    name: str, opener: Callable[[], BufferedReader], size: int, options: ReadOptions
) -> Source:
    def unfold() -> BufferedReader:
        packed = opener()
        return Budget(size, options).meter(gzip.GzipFile(fileobj=packed), packed)

    kind = Path(name.lower().removesuffix(".gz")).suffix
    return Source(name, kind, unfold, options.max_file_bytes)


class Budget:
    """How many more bytes an archive may expand to, all its members together."""

    def __init__(self, archive_bytes: int, options: ReadOptions) -> None:
        # Room for one article just over the limit, so that it is refused for its own size.
        self._left = max(2 * options.max_file_bytes, MAX_UNFOLDING * archive_bytes)

    def meter(self, *streams: Any) -> BufferedReader:
        """Read the first stream within the budget (Unusable beyond it); closing closes all of them."""
        return BufferedReader(_Metered(streams, self))

    def spend(self, count: int) -> None:
        """Take ``count`` bytes off. Raises Unusable once nothing is left."""
        self._left -= count
        if self._left < 0:
            raise Unusable(f"expands to more than {MAX_UNFOLDING} times its size")


class _Metered(io.RawIOBase):
    def __init__(self, streams: tuple[Any, ...], budget: Budget) -> None:
        self._streams, self._budget = streams, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data: bytes = self._streams[0].read(len(buffer))
        self._budget.spend(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()
        super().close()
