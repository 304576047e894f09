"""JSON: a record a line, arrays, and documents with a list of records somewhere in them."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

from index.errors import MalformedArticle
from index.readers.draft import ReadOptions, TooLarge, Unusable
from index.readers.files import Source
from index.readers.records import Item, RecordColumns, why

_HOPELESS = 20
"""Lines at the beginning of a file of which none is JSON: then the file is no JSON, and is reported once."""

_PIECE_BYTES = 1 << 16
_MAX_DEPTH = 20
_OUTSIDE, _INSIDE = re.compile(r'["{}\[\]\n]'), re.compile(r'[\\"\n]')


class JsonReader:
    """Records in JSON: an object or array per line, with or without commas behind it, or a document.

    A document is one JSON value over several lines, or several. Its records are the value itself if it has a body,
    else the objects of the lists in it. A broken line or record is reported, and reading continues.
    """

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options
        self._columns = RecordColumns(source.name, options)
        self.line: int | None = None

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        try:
            yield from self._lines() if self._is_lines() else self._document()
        except RecursionError:
            yield MalformedArticle("broken JSON: nested too deeply", path=self._source.name)

    def _is_lines(self) -> bool:
        """Whether the first line with text is a value of its own, or nothing that a document begins with."""
        for _, line in self._source.lines():
            if isinstance(line, Unusable):
                return not isinstance(line, TooLarge)
            if text := line.strip().lstrip("\ufeff"):
                return text[0] not in "[{" or _parsed(text) is not None or not self._is_document()
        return True

    def _is_document(self) -> bool:
        """Whether the file begins with a whole value, or is too large to tell and begins with a bracket alone."""
        try:
            text = self._source.text().lstrip("\ufeff \r\n\t")
        except TooLarge:
            return True
        except Unusable:
            return False
        try:
            json.JSONDecoder().raw_decode(text)
        except (ValueError, RecursionError):
            return False
        return True

    # --- lines

    def _lines(self) -> Iterator[Item]:
        lines = ((n, line) for n, line in self._source.lines() if not _is_blank(line))
        opening = list(islice(lines, _HOPELESS))
        if not opening:
            yield MalformedArticle("empty", path=self._source.name)
            return
        if len(opening) > 1 and not any(_is_json(line) for _, line in opening):
            number, line = opening[0]
            reason = f"no line of it is JSON (line {number}: {_fault(line)})"
            yield MalformedArticle(reason, path=self._source.name)
            return
        for group in (opening, lines):
            for number, line in group:
                self.line = number
                yield from self._of_line(number, line)

    def _of_line(self, number: int, line: str | Unusable) -> Iterator[Item]:
        if not _is_json(line):
            yield MalformedArticle(_fault(line), path=self._source.name, line=number)
            return
        value = _parsed(str(line))
        found = self._records(value)
        if not found:
            reason = f"not a JSON object but {type(value).__name__}"
            yield MalformedArticle(reason, path=self._source.name, line=number)
        yield from (self._columns.article(record, number) for record in found)

    # --- documents

    def _document(self) -> Iterator[Item]:
        try:
            text = self._source.text().lstrip("\ufeff")
        except TooLarge:
            yield from self._pieces()
            return
        decoder, position, found = json.JSONDecoder(), 0, 0
        while start := re.compile(r"[^\s,]").search(text, position):
            self.line = text.count("\n", 0, start.start()) + 1
            try:
                value, position = decoder.raw_decode(text, start.start())
            except ValueError as error:
                yield MalformedArticle(why(error), path=self._source.name, line=self.line)
                return
            for record in self._records(value):
                found += 1
                yield self._columns.article(record, self.line)
        if not found:
            reason = "no records in this JSON: no object, and no list of objects"
            yield MalformedArticle(reason, path=self._source.name)

    def _pieces(self) -> Iterator[Item]:
        """The records of a document that does not fit into memory: the objects of its outermost lists."""
        objects = _Objects(self._source.max_bytes)
        for piece in _decoded(self._source):
            for number, text in objects.feed(piece):
                self.line, value = number, _parsed(text)
                if isinstance(value, dict):
                    yield self._columns.article(value, number)
                else:
                    yield MalformedArticle(_fault(text), path=self._source.name, line=number)
        if objects.is_open:
            yield MalformedArticle("broken JSON: it ends early", path=self._source.name)

    def _records(self, value: object) -> list[dict[str, Any]]:
        """The value itself if it has a body, else the objects of the lists in it; else the value, if it is an object."""
        if isinstance(value, list):
            return [record for item in value for record in self._records(item)]
        if not isinstance(value, dict) or self._columns.is_article(value):
            return [value] if isinstance(value, dict) else []
        return self._listed(value, 0) or [value]

    def _listed(self, value: dict[str, Any], depth: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for part in value.values() if depth < _MAX_DEPTH else ():
            items = part if isinstance(part, list) else [part] if isinstance(part, dict) else []
            for item in items:
                if isinstance(item, dict) and self._columns.is_article(item, in_list=True):
                    found.append(item)
                elif isinstance(item, dict):
                    found += self._listed(item, depth + 1)
        return found


def _is_blank(line: str | Unusable) -> bool:
    """Whether a line has nothing but blanks, or one of the brackets that some exports put around their lines."""
    return isinstance(line, str) and line.strip(" \t\r\n,\ufeff") in ("", "[", "]")


def _parsed(text: str) -> object:
    """The value of a line, with or without a comma behind it; None if it is not JSON."""
    try:
        return json.loads(text.strip().lstrip("\ufeff").rstrip(", \t"))
    except (ValueError, RecursionError):
        return None


def _is_json(line: str | Unusable) -> bool:
    return isinstance(line, str) and _parsed(line) is not None


def _fault(line: str | Unusable) -> str:
    if isinstance(line, Unusable):
        return str(line)
    try:
        json.loads(line.strip().rstrip(","))
    except ValueError as error:
        return why(error)
    except RecursionError:
        return "broken JSON: nested too deeply"
    return "not a JSON object but null"


def _decoded(source: Source) -> Iterator[str]:
    with source.opener() as stream:
        head = stream.peek(4)[:4]
        wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")()
        try:
            while piece := stream.read(_PIECE_BYTES):
                yield decoder.decode(piece)
        except UnicodeDecodeError as error:
            raise Unusable("a JSON document as large as this must be UTF-8") from error


class _Objects:
    """Finds the objects of the outermost lists in a JSON text that comes piece by piece."""

    def __init__(self, limit: int) -> None:
        self._limit, self._line = limit, 1
        self._open: list[str] = []
        self._parts: list[str] = []
        self._held, self._base, self._began = 0, 0, 1
        self._in_string = self._escaped = False

    @property
    def is_open(self) -> bool:
        """Whether the text so far ends within a value."""
        return bool(self._open) or self._in_string

    def feed(self, text: str) -> Iterator[tuple[int, str]]:
        """The objects that end in this piece, each with the line on which it begins. Raises Unusable."""
        at = start = 0
        if self._escaped and text:
            at, self._escaped = 1, False
        while mark := (_INSIDE if self._in_string else _OUTSIDE).search(text, at):
            at = mark.end()
            if mark[0] == "\n":
                self._line += 1
            elif mark[0] == '"':
                self._in_string = not self._in_string
            elif mark[0] == "\\":
                self._escaped = at == len(text)
                at += 1
            elif mark[0] in "{[":
                if not self._base and mark[0] == "{" and self._open[-1:] == ["["]:
                    self._base, self._began, start = len(self._open) + 1, self._line, mark.start()
                self._open.append(mark[0])
            elif self._open:
                if self._base and len(self._open) == self._base:
                    yield self._began, "".join([*self._parts, text[start:at]])
                    self._parts, self._held, self._base = [], 0, 0
                self._open.pop()
        if self._base:
            self._hold(text[start:])

    def _hold(self, text: str) -> None:
        self._parts.append(text)
        self._held += len(text)
        if self._held > self._limit:
            raise Unusable(f"line {self._began}: a record larger than {self._limit:,} bytes")
