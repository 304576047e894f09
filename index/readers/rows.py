"""Tables, one article a row: CSV, spreadsheets and Parquet."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

from index.clean import fold
from index.errors import MalformedArticle
from index.readers.draft import ReadOptions, TooLarge, Unusable
from index.readers.files import MAX_UNFOLDING, READ_ERRORS, Source
from index.readers.moments import parse_moment
from index.readers.records import Item, RecordColumns, field_of

HEADER_ROWS = 20
"""The row with the names of the columns is looked for among so many; titles may stand above it."""

DELIMITERS = ",\t;|"


def header_at(rows: Iterable[Sequence[object]], columns: RecordColumns) -> int | None:
    """The number of the first row that names a column with a body and another one that is known; None: none does."""
    for number, row in enumerate(rows):
        known = [name for cell in row if (name := field_of(str(cell)))]
        if columns.has_body(row) and (len(known) > 1 or len(row) < 3):
            return number
    return None


class _Rows:
    """Turns rows of cells into articles, by the names in the header."""

    def __init__(
        self, header: Sequence[object], columns: RecordColumns, options: ReadOptions
    ) -> None:
        self._names = [
            "" if cell is None else str(cell).strip().lstrip("\ufeff") for cell in header
        ]
        while self._names and not self._names[-1]:
            self._names.pop()
        self._columns, self._options = columns, options
        self.needed = 1 + max((n for n, name in enumerate(self._names) if columns.has_body([name])))

    def article(self, row: Sequence[object], line: int) -> Item:
        """The article of a row that may lack empty cells at its end, or have some too many."""
        cells = list(row)
        while len(cells) > len(self._names) and _is_empty(cells[-1]):
            cells.pop()
        missing = len(self._names) - len(cells)
        record = dict(zip(self._names, [*cells, *[None] * missing], strict=False))
        if missing < 0 or len(cells) < self.needed or (missing and self._is_shifted(record)):
            reason = f"{len(row)} fields where the header names {len(self._names)}"
            return MalformedArticle(reason, path=self._columns.source, line=line)
        return self._columns.article(record, line)

    def _is_shifted(self, record: dict[str, object]) -> bool:
        """Whether a short row lacks a separator further in front: what stands below a date is none."""
        return any(
            field_of(name) == "published_at"
            and not _is_empty(cell)
            and not re.search(r"\d", str(cell))
            and parse_moment(cell) is None
            for name, cell in record.items()
        )


def _is_empty(cell: object) -> bool:
    return cell is None or not str(cell).strip()


# --- CSV -------------------------------------------------------------------------------------


class CsvReader:
    """Values separated by commas, semicolons, tabs or bars; the first record that does so names the columns.

    Empty cells may be missing at the end of a record, or be too many. A quote that is never closed costs only its
    own record: reading continues at the line after the one on which the broken record began.
    """

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        lines = _Lines(self._source)
        csv.field_size_limit(max(csv.field_size_limit(), self._options.max_file_bytes))
        header = lines.header(self._columns)
        for number, error in lines.unreadable if header is None else ():
            yield MalformedArticle(str(error), path=self._source.name, line=number)
        if header is None:
            if not lines.unreadable:
                yield MalformedArticle("empty", path=self._source.name)
            return
        if not self._columns.has_body(header):
            raise self._columns.without_body(header)
        rows = _Rows(header, self._columns, self._options)
        for number, row in lines.rows(rows.needed):
            self.line = number
            if isinstance(row, Unusable):
                yield MalformedArticle(str(row), path=self._source.name, line=number)
            else:
                yield rows.article(row, number)
        for number, error in lines.unreadable:
            yield MalformedArticle(str(error), path=self._source.name, line=number)


def is_csv(source: Source, columns: RecordColumns) -> bool:
    """Whether a file of text begins as a table of articles does: a record that names their columns."""
    try:
        lines = (line for _, line in islice(source.lines(), 5) if isinstance(line, str))
        texts = [line for line in lines if line.strip()]
    except READ_ERRORS:
        return False
    return any(
        len(cells) > 2 and columns.has_body(cells) and any(field_of(c) == "title" for c in cells)
        for cells in (_cells(line, _delimiter(line)) for line in texts)
    )


def _delimiter(line: str) -> str:
    return max(DELIMITERS, key=line.count)


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [cell.strip().lstrip("\ufeff") for cell in cells]


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

    def header(self, columns: RecordColumns) -> list[str] | None:
        """The names of the columns: the first record that names a body, else the first with text."""
        told = None
        for _ in islice(self, HEADER_ROWS):
            line = self._used[-1][1]
            if said := re.fullmatch(r"\ufeff?\"?sep=(.)\"?\s*", line):
                told = said[1]
        opening, self._used = self._used, []
        texts = [(n, line) for n, line in opening if line.strip(f" \r\n\ufeff{DELIMITERS}")]
        texts = [(n, line) for n, line in texts if not re.match(r"\ufeff?\"?sep=.", line)]
        if not texts:
            return None
        rows = [_cells(line, told or _delimiter(line)) for _, line in texts]
        at = header_at(rows, columns) or 0
        number, line = texts[at]
        self._delimiter, self._header_width = told or _delimiter(line), len(rows[at])
        self._again.extend(pair for pair in opening if pair[0] > number)
        return rows[at]

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

    def rows(self, needed: int) -> Iterator[tuple[int, list[str] | Unusable]]:
        """The records below the header; one over several lines must reach the ``needed`` columns."""
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
            if row and len(self._used) > 1 and not self._fits(row, needed):
                yield number, Unusable("broken CSV record: a quote opens and does not close in it")
                self._push_back()
            elif any(cell.strip() for cell in row):
                yield number, row

    def _fits(self, row: list[str], needed: int) -> bool:
        return len(row) >= needed and not any(cell.strip() for cell in row[self._header_width :])

    def _push_back(self) -> None:
        following = self._used[1:]
        if len(following) <= self._left:
            self._left -= len(following)
            self._again.extendleft(reversed(following))


# --- spreadsheets ----------------------------------------------------------------------------

_MAX_BOOK_BYTES = 1_000_000_000
"""Expanded size of a workbook. The texts of its cells are in memory at once, as the format keeps them in one table."""


class XlsxReader:
    """Rows of the sheets of a workbook that have a row with the names of columns. Cells give values, not formulas."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        with self._source.opener() as stream:
            file = stream if stream.seekable() else io.BytesIO(self._source.data())
            check_package(file, _MAX_BOOK_BYTES)
            try:
                yield from self._sheets(file)
            except (*READ_ERRORS, Unusable):
                raise
            except Exception as error:
                # openpyxl raises whatever a damaged part leads it to.
                reason = f"broken workbook: {fold(f'{type(error).__name__}: {error}')[:200]}"
                raise Unusable(reason) from error

    def _sheets(self, file: Any) -> Iterator[Item]:
        import openpyxl

        with closing(openpyxl.load_workbook(file, read_only=True, data_only=True)) as book:
            seen: list[Sequence[object]] = []
            found = False
            for sheet in book.worksheets:
                sheet.reset_dimensions()  # exports state wrong ones
                rows = sheet.iter_rows(values_only=True)
                opening = [tuple(row) for row in islice(rows, HEADER_ROWS)]
                seen += [row for row in opening if not all(map(_is_empty, row))][:1]
                at = header_at(opening, self._columns)
                if at is not None:
                    found = True
                    yield from self._sheet(opening, at, rows)
            if not found:
                raise self._columns.without_body(seen[0]) if seen else Unusable("empty")

    def _sheet(
        self, opening: Sequence[Sequence[object]], at: int, rows: Iterator[Any]
    ) -> Iterator[Item]:
        table = _Rows(opening[at], self._columns, self._options)
        number = at + 1
        for group in (opening[at + 1 :], rows):
            for row in group:
                number += 1
                if not all(map(_is_empty, row)):
                    self.line = number
                    yield table.article(list(map(_value, row)), number)


def _value(cell: object) -> object:
    """A number without the fraction that spreadsheets give whole ones: an id stays what it was."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return int(cell)
    return cell.replace("_x000D_", "\n") if isinstance(cell, str) else cell


def check_package(file: Any, most: int) -> None:
    """Raises Unusable for a file that is no ZIP package, or that expands to more than ``most`` bytes.

    What the directory of a package states is enough: reading a member stops at the size stated for it.
    """
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    try:
        with zipfile.ZipFile(file) as package:
            expanded = sum(member.file_size for member in package.infolist())
    except (*READ_ERRORS, ValueError) as error:
        raise Unusable(f"broken package: {error}") from error
    finally:
        file.seek(0)
    if expanded > min(most, max(MAX_UNFOLDING * size, 2_000_000)):
        raise TooLarge(f"expands to {expanded:,} bytes")


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
        if not self._columns.has_body(file.schema_arrow.names):
            raise self._columns.without_body(file.schema_arrow.names)
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for record in batch.to_pylist():
                self.line = (self.line or 0) + 1
                yield self._columns.article(record, self.line)
