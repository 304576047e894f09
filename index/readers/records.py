"""Records: JSON lines, CSV and Parquet, one article per record."""

from __future__ import annotations

import csv
import io
import json
import logging
import re
from collections import deque
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from index.clean import fold
from index.documents import Article
from index.errors import MalformedArticle
from index.lexicon import LEXICON
from index.readers.draft import Draft, ReadOptions, Unusable, assemble
from index.readers.files import Source
from index.readers.markup import looks_like_html, text_of_html

log = logging.getLogger(__name__)

Item = Article | MalformedArticle

_KNOWN_EXTRAS = frozenset({"published_at_source"})


class RecordColumns:
    """Maps a source's columns to our fields; unknown columns are named once, in one warning."""

    def __init__(self, source: str, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._given = {column: name for name, column in options.columns.items()}
        self._field_of: dict[str, str | None] = {}
        self._unknown: list[str] = []
        self._warned = False

    def draft(self, record: Mapping[str, Any]) -> Draft:
        """The draft of one record. Raises Unusable if it has no body, or one that is not text."""
        values: dict[str, Any] = {}
        for column, value in record.items():
            name = self._field(column)
            if name is None or value in (None, "", []) or value != value:  # NaN
                continue
            # "body" takes precedence over "content" where a record has both.
            if name not in values or column.lower() == name or column in self._given:
                values[name] = value
        self._warn_once()
        return _draft(values)

    def _field(self, column: str) -> str | None:
        if column not in self._field_of:
            known = self._given.get(column) or field_of(str(column))
            if known is None and column not in _KNOWN_EXTRAS:
                self._unknown.append(str(column)[:40])
            self._field_of[column] = known
        return self._field_of[column]

    def _warn_once(self) -> None:
        if self._unknown and not self._warned:
            self._warned = True
            log.warning("%s: columns ignored: %s", self._source, ", ".join(self._unknown[:20]))


@cache
def _columns() -> Mapping[str, str]:
    """By column the field that it is."""
    return {column: names[0] for names in LEXICON["fields.columns"].sets for column in names}


@cache
def _squeezed_columns() -> Mapping[str, str]:
    return {column.replace("_", ""): field for column, field in _columns().items()}


def field_of(column: str) -> str | None:
    """The field of ours that a column holds, judged by its name (``기사 제목``: title), or None."""
    plain = re.sub(r"[\s_\-]", "", column).lower().lstrip("\ufeff")
    return _columns().get(column.lower()) or _squeezed_columns().get(plain)


def _draft(values: Mapping[str, Any]) -> Draft:
    body = _body(values.get("body"))
    return Draft(
        id=_text(values.get("id")),
        title=_text(values.get("title")),
        subtitles=_texts(values.get("subtitles"), r"\n|\s[/|]\s"),
        body=body,
        press=_text(values.get("press")),
        reporters=_texts(values.get("reporters"), r"[,;|\n]"),
        section=_text(values.get("section")),
        moments=[(_moment(values.get("published_at")), "record")],
        modified=_moment(values.get("modified_at")),
        url=_text(values.get("url")),
        place=_text(values.get("place")),
        tags=_texts(values.get("tags"), r"[,;|\n#]"),
    )


def _body(value: object) -> str:
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        value = "\n\n".join(value)
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Unusable("no body")
    if not isinstance(value, str):
        raise Unusable(f"the body is not text but {type(value).__name__}")
    return text_of_html(value) if looks_like_html(value) else value


def _text(value: object) -> str | None:
    if isinstance(value, dict):
        value = value.get("name") or value.get("title")
    if isinstance(value, list):
        value = value[0] if value else None
    return None if value is None or isinstance(value, bool | dict) else str(value)


def _texts(value: object, separators: str) -> list[str]:
    """Several texts, given as a list, as JSON in a string (as in CSV), or with separators."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except ValueError:
            value = str(value)
    if isinstance(value, str):
        return [part for part in re.split(separators, value) if part.strip()]
    parts = value if isinstance(value, list | tuple) else [value]
    return [text for part in parts if (text := _text(part))]


def _moment(value: object) -> object:
    return None if isinstance(value, list | dict) else value


# --- JSON lines ------------------------------------------------------------------------------


class JsonLinesReader:
    """One JSON object per line. Any other line becomes a MalformedArticle, and reading continues."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        seen = False
        for number, line in self._source.lines():
            if isinstance(line, Unusable) or line.strip():
                seen, self.line = True, number
                yield self._item(line, number)
        if not seen:
            yield MalformedArticle("empty", path=self._source.name)

    def _item(self, line: str | Unusable, number: int) -> Item:
        try:
            if isinstance(line, Unusable):
                raise line
            record = json.loads(line)
            if not isinstance(record, dict):
                raise Unusable(f"not a JSON object but {type(record).__name__}")
            return assemble(self._columns.draft(record), self._options)
        except (ValueError, RecursionError) as error:
            return MalformedArticle(_why(error), path=self._source.name, line=number)


def _why(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"broken JSON: {error.msg} at column {error.colno}"
    return str(error) if isinstance(error, Unusable) else f"broken record: {error}"


# --- CSV -------------------------------------------------------------------------------------


class CsvReader:
    """Values separated by commas, semicolons or tabs; the first record names the columns.

    A quote that is never closed costs only its own record: reading continues at the line after the
    one on which the broken record began.
    """

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        lines = _Lines(self._source)
        csv.field_size_limit(max(csv.field_size_limit(), self._options.max_file_bytes))
        header = lines.header()
        if header is None:
            yield MalformedArticle("empty", path=self._source.name)
            return
        for number, row in lines.rows():
            self.line = number
            yield self._item(header, row, number)
        for number, error in lines.unreadable:
            yield MalformedArticle(str(error), path=self._source.name, line=number)

    def _item(self, header: list[str], row: list[str] | Unusable, number: int) -> Item:
        try:
            if isinstance(row, Unusable):
                raise row
            if len(row) != len(header):
                raise Unusable(f"{len(row)} fields where the header names {len(header)}")
            return assemble(self._columns.draft(dict(zip(header, row, strict=True))), self._options)
        except ValueError as error:
            return MalformedArticle(_why(error), path=self._source.name, line=number)


class _Lines:
    """The lines of a CSV file, of which some may be read a second time."""

    MAX_REREAD = 10_000
    """Most lines that are read again after broken records in one file, to keep the time linear."""

    def __init__(self, source: Source) -> None:
        self._lines = source.lines()
        self._again: deque[tuple[int, str]] = deque()
        self._used: list[tuple[int, str]] = []
        self._left = self.MAX_REREAD
        self._delimiter = ","
        self._header_width = 0
        self.unreadable: list[tuple[int, Unusable]] = []

    def header(self) -> list[str] | None:
        first = next((line for line in self if line.strip()), None)
        if first is None:
            return None
        self._delimiter = max(",\t;", key=lambda mark: first.count(mark))
        names = next(csv.reader([first], delimiter=self._delimiter))
        self._header_width = len(names)
        return [name.strip().lstrip("\ufeff") for name in names]

    def __iter__(self) -> Iterator[str]:
        while True:
            if self._again:
                number, line = self._again.popleft()
            else:
                number, text = next(self._lines, (0, ""))
                if number == 0:
                    return
                if isinstance(text, Unusable):
                    self.unreadable.append((number, text))
                    continue
                line = text
            self._used.append((number, line))
            yield line

    def rows(self) -> Iterator[tuple[int, list[str] | Unusable]]:
        while True:
            self._used = []
            try:
                row = next(csv.reader(iter(self), delimiter=self._delimiter, strict=True), None)
            except csv.Error as error:
                yield self._used[0][0], Unusable(f"broken CSV record: {error}")
                self._push_back()
                continue
            if row is None:
                return
            number = self._used[0][0]
            if row and len(self._used) > 1 and len(row) != self._header_width:
                yield number, Unusable("broken CSV record: a quote opens and does not close in it")
                self._push_back()
            elif row:
                yield number, row

    def _push_back(self) -> None:
        following = self._used[1:]
        if len(following) <= self._left:
            self._left -= len(following)
            self._again.extendleft(reversed(following))


# --- Parquet ---------------------------------------------------------------------------------

_BATCH_ROWS = 256
_MAX_GROUP_BYTES = 2_000_000_000
"""Expanded size of a row group, much of which is in memory at once."""


class ParquetReader:
    """Rows of a Parquet file, batch by batch. Needs the extra 'parquet'."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            reason = "Parquet needs pyarrow: pip install 'gisa[parquet]'"
            yield MalformedArticle(reason, path=self._source.name)
            return
        try:
            with self._source.opener() as stream:
                # The schema is at the end of the file, and a stream inside an archive can't seek.
                file = stream if stream.seekable() else io.BytesIO(self._source.data())
                yield from self._rows(parquet.ParquetFile(file))
        except ArrowException as error:
            raise Unusable(f"broken Parquet: {fold(str(error))[:200]}") from error

    def _rows(self, file: Any) -> Iterator[Item]:
        largest = max(
            (file.metadata.row_group(at).total_byte_size for at in range(file.num_row_groups)),
            default=0,
        )
        if largest > _MAX_GROUP_BYTES:
            raise Unusable(
                f"a row group of {largest:,} bytes; write groups of {_MAX_GROUP_BYTES:,} at most"
            )
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for record in batch.to_pylist():
                self.line = (self.line or 0) + 1
                yield self._item(record, self.line)

    def _item(self, record: dict[str, Any], number: int) -> Item:
        try:
            return assemble(self._columns.draft(record), self._options)
        except ValueError as error:
            return MalformedArticle(_why(error), path=self._source.name, line=number)
