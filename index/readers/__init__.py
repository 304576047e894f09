"""Reads articles: page text, HTML, JSON, CSV, spreadsheets, Parquet, feeds, news XML and documents.

``read`` takes any path: a file, a folder or an archive (``.gz``, ``.zip``) of these. Input that can't
become an article is yielded as a MalformedArticle that says why, and reading continues.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from index.documents import Article
from index.errors import MalformedArticle, SourceUnreadable
from index.readers.draft import ReadOptions, Unusable, canonical_url, source_of
from index.readers.feeds import FeedReader, NewsXmlReader, XmlReader
from index.readers.files import READ_ERRORS, Meter, Source, sources, total_bytes
from index.readers.json_records import JsonReader
from index.readers.office import DocxReader, HwpxReader, PdfReader
from index.readers.page_text import PageTextReader
from index.readers.records import RawRecord, RecordColumns, article_of
from index.readers.rows import CsvReader, ParquetReader, XlsxReader, is_csv
from index.readers.web_page import WebPageReader

if TYPE_CHECKING:
    from index.protocols import ArticleReader

__all__ = [
    "READERS",
    "Found",
    "Ledger",
    "Meter",
    "Piece",
    "RawFile",
    "RawRecord",
    "ReadOptions",
    "canonical_url",
    "finished",
    "first_of_its_id",
    "input_bytes",
    "pieces",
    "read",
    "read_articles",
    "scoped",
    "source_of",
]

log = logging.getLogger(__name__)

_DEFAULTS = ReadOptions()

RAW_FILE_BYTES = 1 << 18
"""Files up to this size are given whole where input is wanted raw: pages, and records too few to divide."""


class Ledger(Protocol):
    """By key, a digest of each article read so far in a run, and the place where it stood. A dict will do."""

    def setdefault(self, key: str, default: bytes, /) -> bytes: ...


@dataclass(frozen=True)
class Found:
    """An article or a report, and the place where it stands."""

    item: Article | MalformedArticle
    path: str
    line: int | None = None


@dataclass(frozen=True)
class RawFile:
    """The content of a file or of a member of an archive; ``kind`` is its suffix."""

    path: str
    kind: str
    data: bytes


Piece = Found | RawRecord | RawFile
"""Some of the input that can be read on without the rest."""


class TextReader:
    """A file of text: a page, or a table that a spreadsheet saved under this suffix."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._reader: ArticleReader | None = None

    @property
    def line(self) -> int | None:
        """The line that was read last, if lines count."""
        return getattr(self._reader, "line", None)

    def read(self) -> Iterator[Article | MalformedArticle | RawRecord]:
        """See ``ArticleReader``."""
        columns = RecordColumns(self._source.name, self._options)
        kind = CsvReader if is_csv(self._source, columns) else PageTextReader
        self._reader = kind(self._source, self._options)
        yield from self._reader.read()


READERS: dict[str, Callable[[Source, ReadOptions], ArticleReader]] = {
    ".txt": TextReader,
    ".text": TextReader,
    ".html": WebPageReader,
    ".htm": WebPageReader,
    ".xhtml": WebPageReader,
    ".json": JsonReader,
    ".jsonl": JsonReader,
    ".ndjson": JsonReader,
    ".csv": CsvReader,
    ".tsv": CsvReader,
    ".xlsx": XlsxReader,
    ".xlsm": XlsxReader,
    ".parquet": ParquetReader,
    ".pdf": PdfReader,
    ".docx": DocxReader,
    ".hwpx": HwpxReader,
    ".rss": FeedReader,
    ".atom": FeedReader,
    ".xml": XmlReader,
    ".newsml": NewsXmlReader,
    ".nitf": NewsXmlReader,
}
"""By suffix, the reader for that kind of file."""


def read(
    path: Path | str,
    *,
    options: ReadOptions = _DEFAULTS,
    ledger: Ledger | None = None,
    meter: Meter | None = None,
) -> Iterator[Article | MalformedArticle]:
    """Yield the articles of a file, folder or archive, and a MalformedArticle for each failure.

    Folders are walked in order, without hidden files. An id that occurs again with other content
    is a failure, too; pass one ``ledger`` (an empty dict) to several calls to notice that across
    them. A ``meter`` is told how many bytes are read.

    Raises SourceUnreadable, at once, for a path that does not exist or can't be opened; any failure
    below the path is yielded instead.
    """
    whole, known = pieces(path, options, meter), {} if ledger is None else ledger
    return (
        first_of_its_id(found.item, known, found.path, found.line)
        for piece in whole
        for found in finished(piece, options)
    )


def pieces(
    path: Path | str, options: ReadOptions = _DEFAULTS, meter: Meter | None = None
) -> Iterator[Piece]:
    """What ``read`` would yield, with the place of each; with ``options.raw`` what ``finished`` makes it of.

    Raises SourceUnreadable, at once.
    """
    return _pieces(_opened(Path(path)), options, meter or Meter())


def finished(piece: Piece, options: ReadOptions) -> Iterator[Found]:
    """All that is found in a piece of the input, by the options with which it was read."""
    match piece:
        case RawRecord(path=path, line=line):
            yield Found(article_of(piece, options.at(path)), path, line)
        case RawFile():
            for part in _read_source(_in_memory(piece, options), replace(options, raw=False)):
                yield from finished(part, options)
        case _:
            yield piece


def input_bytes(path: Path | str) -> int:
    """About how many bytes ``read`` will read of a path; 0 if its size can't be determined."""
    try:
        return total_bytes(Path(path), READERS)
    except OSError:
        return 0


def read_articles(path: Path | str, *, options: ReadOptions = _DEFAULTS) -> Iterator[Article]:
    """Yield the articles of a file, folder or archive; log a warning for each failure.

    Raises SourceUnreadable for a path that does not exist or can't be opened.
    """
    items = read(path, options=options)
    return (article for article in map(_logged, items) if article is not None)


def _logged(item: Article | MalformedArticle) -> Article | None:
    if isinstance(item, Article):
        return item
    log.warning("not read: %s", item)
    return None


def _opened(path: Path) -> Path:
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        elif path.is_file():
            path.open("rb").close()
        else:
            path.stat()
    except OSError as error:
        raise SourceUnreadable(
            f"can't read {path}: {error.strerror}", remedy="Check the path and its permissions."
        ) from error
    return path


def _pieces(path: Path, options: ReadOptions, meter: Meter) -> Iterator[Piece]:
    for source in sources(path, options, meter):
        if isinstance(source, MalformedArticle):
            yield Found(source, source.path)
        elif source.kind not in READERS:
            reason = (
                f"unsupported kind of file: {source.kind or 'no suffix'}; {_instead(source.kind)}"
            )
            yield Found(MalformedArticle(reason, path=source.name), source.name)
        elif options.raw and (whole := _whole(source)):
            yield whole
        else:
            yield from _read_source(source, options)


def _in_memory(file: RawFile, options: ReadOptions) -> Source:
    def opener() -> io.BufferedReader:
        return io.BufferedReader(io.BytesIO(file.data))

    return Source(file.path, file.kind, opener, options.max_file_bytes)


def _whole(source: Source) -> RawFile | None:
    """A file that is small, and can be read to its end."""
    try:
        with source.opener() as stream:
            data = stream.read(RAW_FILE_BYTES + 1)
    except (*READ_ERRORS, Unusable):
        return None
    is_small = len(data) <= RAW_FILE_BYTES
    return RawFile(source.name, source.kind, data) if is_small else None


_SAVE_AS = {
    ".xls": ".xlsx or .csv",
    ".xlsb": ".xlsx or .csv",
    ".ods": ".xlsx or .csv",
    ".hwp": ".hwpx or .pdf",
    ".doc": ".docx",
    ".rtf": ".docx",
    ".odt": ".docx",
    ".mht": ".html",
    ".mhtml": ".html",
    ".7z": ".zip",
    ".rar": ".zip",
    ".tar": ".zip",
    ".tgz": ".zip",
}


def _instead(kind: str) -> str:
    """What can be read in place of a kind of file that can't."""
    better = _SAVE_AS.get(kind)
    return f"save it as {better}" if better else f"what can be read: {' '.join(READERS)}"


def _read_source(source: Source, options: ReadOptions) -> Iterator[Found | RawRecord]:
    """What is in one stream. Whatever goes wrong ends this stream, not the run."""
    reader = READERS[source.kind](source, options.at(source.name))
    try:
        for item in reader.read():
            if isinstance(item, RawRecord):
                yield item
            else:
                yield Found(item, source.name, getattr(reader, "line", None))
    except Unusable as error:
        yield _failed(source, str(error))
    except READ_ERRORS as error:
        yield _failed(source, f"can't be read to its end: {error}")
    except Exception as error:
        # The boundary of one file: a fault of its reader must not cost the rest of the corpus.
        log.exception("reader failed on %s", source.name)
        yield _failed(source, f"the reader failed: {type(error).__name__}: {error}")


def _failed(source: Source, reason: str) -> Found:
    return Found(MalformedArticle(reason, path=source.name), source.name)


def first_of_its_id(
    item: Article | MalformedArticle, ledger: Ledger, path: str, line: int | None
) -> Article | MalformedArticle:
    """The item, or a MalformedArticle if another article of the run has its id."""
    if isinstance(item, MalformedArticle):
        return item
    digest = hashlib.blake2b(f"{item.title}\x1f{item.body}".encode(), digest_size=_DIGEST).digest()
    place = path if line is None else f"{path}:{line}"
    first = ledger.setdefault(item.key, digest + place.encode("utf-8", "surrogateescape"))
    if first[:_DIGEST] == digest:
        return item
    where = first[_DIGEST:].decode("utf-8", "surrogateescape")
    reason = f"id {item.id} of {item.source or 'no source'} stands in {where} with other content"
    return MalformedArticle(reason, path=path, line=line)


def scoped(article: Article) -> Article:
    """An article that came without a source, with its outlet as the source of its id."""
    return article if article.source else replace(article, source=source_of(article))


_DIGEST = 8
