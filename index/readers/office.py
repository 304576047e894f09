"""Documents of offices: PDF, DOCX and HWPX, as press releases come. The layer of text alone; pictures are not read."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from index.boilerplate import ends_sentence
from index.clean import fold, normalise
from index.errors import MalformedArticle
from index.readers.draft import MAX_TEXT_CHARS, Draft, ReadOptions, Unusable, assemble, check_length
from index.readers.files import READ_ERRORS, Source
from index.readers.markup import parse_xml
from index.readers.page_text import page_draft
from index.readers.records import Item
from index.readers.rows import check_package

if TYPE_CHECKING:
    from lxml.etree import _Element

MAX_PAGES = 500
MAX_PACKAGE_BYTES = 200_000_000
"""Expanded size of a DOCX or HWPX package, with its pictures."""

_BULLET = re.compile(r"[-–—•·▪■□◆◇●○◎▲△▶▷※*☐ㅇㆍ①-⑳❍❏]|\(?\d{1,2}[.)]|[가-하][.)]\s|<|\[|붙임")
_PAGE_NUMBER = re.compile(
    r"[-–—\s(]*\d{1,4}(?:\s*/\s*\d{1,4})?(?:\s*(?:쪽|페이지|page))?[-–—\s)]*", re.I
)
_EDGE_LINES = 3
_HEADLINE_CHARS = 120


class _DocumentReader:
    """A document as one article: its lines are sorted as those of a page of text are."""

    def __init__(self, source: Source, options: ReadOptions) -> None:
        self._source, self._options = source, options

    def read(self) -> Iterator[Item]:
        """See ``ArticleReader``."""
        try:
            yield assemble(_draft(self._pages(self._source.data())), self._options)
        except (*READ_ERRORS, Unusable):
            raise
        except ImportError as error:
            reason = (
                f"{self._source.kind} needs the package {error.name}: pip install 'gisa[documents]'"
            )
            yield MalformedArticle(reason, path=self._source.name)
        except Exception as error:
            # The libraries below raise whatever a damaged document leads them to.
            reason = f"broken document: {fold(f'{type(error).__name__}: {error}')[:200]}"
            raise Unusable(reason) from error

    def _pages(self, data: bytes) -> list[str]:
        raise NotImplementedError


class PdfReader(_DocumentReader):
    """The text of a PDF, whose pages the article keeps. Needs the extra 'documents'."""

    def _pages(self, data: bytes) -> list[str]:
        import pypdf

        document = pypdf.PdfReader(io.BytesIO(data))
        if document.is_encrypted and not document.decrypt(""):
            raise Unusable("encrypted: it can't be read without its password")
        if len(document.pages) > MAX_PAGES:
            raise Unusable(f"more than {MAX_PAGES} pages")
        pages, length = list[str](), 0
        for page in document.pages:
            pages.append(page.extract_text() or "")
            length += len(pages[-1])
            if length > MAX_TEXT_CHARS:
                break
        if not any(page.strip() for page in pages):
            raise Unusable(
                "no text layer: it is a scan, which character recognition must read first"
            )
        return [_unwrapped(page) for page in _without_running_lines(pages)]


class DocxReader(_DocumentReader):
    """The paragraphs and tables of a Word document. Needs the extra 'documents'."""

    def _pages(self, data: bytes) -> list[str]:
        import docx
        from docx.table import Table

        check_package(io.BytesIO(data), MAX_PACKAGE_BYTES)
        document = docx.Document(io.BytesIO(data))
        lines: list[str] = []
        for block in document.iter_inner_content():
            if isinstance(block, Table):
                lines += _table([[cell.text for cell in row.cells] for row in block.rows])
            else:
                lines.append(block.text)
        return ["\n".join(lines)]


class HwpxReader(_DocumentReader):
    """The paragraphs and tables of a Hancom document, sections in order; no headers, footers, notes or memos."""

    def _pages(self, data: bytes) -> list[str]:
        file = io.BytesIO(data)
        check_package(file, MAX_PACKAGE_BYTES)
        with zipfile.ZipFile(file) as package:
            if any(
                "encryption-data" in _read(package, name) for name in _named(package, "manifest")
            ):
                raise Unusable("encrypted: it can't be read without its password")
            sections = sorted(
                _named(package, "section"), key=lambda name: int(re.findall(r"\d+", name)[-1])
            )
            lines = [
                line for name in sections for line in _hwpx_lines(parse_xml(package.read(name)))
            ]
        if not sections:
            raise Unusable("no section of a Hancom document in it")
        return ["\n".join(lines)]


def _named(package: zipfile.ZipFile, part: str) -> list[str]:
    pattern = re.compile(
        r"(?:.*/)?section\d{1,6}\.xml" if part == "section" else r"META-INF/manifest\.xml"
    )
    return [name for name in package.namelist() if pattern.fullmatch(name)]


def _read(package: zipfile.ZipFile, name: str) -> str:
    return package.read(name).decode("utf-8", "replace")


# --- from pages to an article ----------------------------------------------------------------


def _draft(pages: Sequence[str]) -> Draft:
    """Raises Unusable for a document without text."""
    text = check_length("\n".join(pages))
    if not text.strip():
        raise Unusable("no text in it")
    try:
        draft = page_draft(text)
    except Unusable:
        draft = _plain_draft(text)
    draft.pages = pages if len(pages) > 1 else ()
    return draft


def _plain_draft(text: str) -> Draft:
    """Of a text in which nothing reads like a story: its first line is the title, if it is short."""
    first, _, rest = text.strip().partition("\n")
    is_title = bool(rest.strip()) and len(first) <= _HEADLINE_CHARS
    return Draft(body=rest if is_title else text, title=first if is_title else None)


# --- PDF -------------------------------------------------------------------------------------


def _without_running_lines(pages: Sequence[str]) -> list[str]:
    """The pages without what their upper and lower edges repeat, and without their numbers."""
    lines = [[line for line in normalise(page).split("\n") if line] for page in pages]
    raw = [[line for line in page.split("\n") if line.strip()] for page in pages]
    edges: Counter[str] = Counter()
    for page in lines:
        edges.update({_numberless(line) for line in (*page[:_EDGE_LINES], *page[-_EDGE_LINES:])})
    repeated = {line for line, count in edges.items() if count > 1 and 2 * count > len(pages)}
    return ["\n".join(_trimmed(page, repeated)) for page in raw]


def _trimmed(page: list[str], repeated: set[str]) -> list[str]:
    def runs(line: str) -> bool:
        plain = fold(line)
        return bool(_PAGE_NUMBER.fullmatch(plain)) or _numberless(plain) in repeated

    first, last = 0, len(page)
    while first < min(_EDGE_LINES, last) and runs(page[first]):
        first += 1
    while last > max(first, len(page) - _EDGE_LINES) and runs(page[last - 1]):
        last -= 1
    return page[first:last]


def _numberless(line: str) -> str:
    return re.sub(r"\d+", "#", line)


def _unwrapped(page: str) -> str:
    """The lines of a page joined to paragraphs: a line goes on unless it ends a sentence or the next opens an item.

    Where some lines end in a blank, the others break within words, as Hancom's word processor does.
    """
    lines = [line for line in page.split("\n") if line.strip()]
    longest = max(map(len, lines), default=0)
    blanks = sum(line.endswith(" ") for line in lines)
    within_words = blanks * 5 > len(lines)
    paragraphs: list[str] = []
    goes_on = False
    for line in lines:
        if goes_on and not _BULLET.match(line.lstrip()):
            gap = "" if within_words or paragraphs[-1].endswith(" ") else " "
            paragraphs[-1] += gap + line.lstrip()
        else:
            paragraphs.append(line)
        # A line that stops well before the margin ends a heading or an item.
        goes_on = not ends_sentence(line.rstrip()) and len(line) > 0.7 * longest
    return "\n".join(paragraphs)


# --- tables and HWPX -------------------------------------------------------------------------


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of cells between bars; one of a single column as its paragraphs."""
    lines: list[str] = []
    for row in rows:
        cells = [fold(cell) for cell in row]
        if len(set(cells)) < 2 or sum(map(bool, cells)) < 2:
            lines += [line for cell in dict.fromkeys(row) for line in cell.split("\n")]
        else:
            lines.append(" | ".join(cell or "-" for cell in cells))
    return lines


_SILENT_PARTS = frozenset(
    "header footer footNote endNote fieldBegin hiddenComment shapeComment linesegarray pageNum autoNum newNum".split()
)
_MAX_DEPTH = 60


def _hwpx_lines(section: _Element) -> list[str]:
    lines: list[str] = []
    for child in section:
        if _local(child) == "p":
            lines += _hwpx_paragraph(child, 0)
    return lines


def _hwpx_paragraph(node: _Element, depth: int) -> list[str]:
    """The lines of a paragraph: its own text, and below it the tables and boxes that hang on it."""
    texts: list[str] = []
    below: list[str] = []
    _collect(node, texts, below, depth)
    return [*"".join(texts).split("\n"), *below]


def _collect(node: _Element, texts: list[str], below: list[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise Unusable("nested too deeply")
    for child in node:
        name = _local(child)
        if name == "t":
            texts.append(_hwpx_text(child))
        elif name == "tbl":
            below += _table(_hwpx_cells(child, depth))
        elif name == "p":
            below += _hwpx_paragraph(child, depth + 1)
        elif name not in _SILENT_PARTS:
            _collect(child, texts, below, depth + 1)


def _hwpx_cells(table: _Element, depth: int) -> list[list[str]]:
    rows: list[list[str]] = []
    for row in table:
        if _local(row) == "tr":
            cells = [cell for cell in row if _local(cell) == "tc"]
            rows.append(["\n".join(_hwpx_paragraph(cell, depth + 1)) for cell in cells])
    return rows


def _hwpx_text(node: _Element) -> str:
    breaks: dict[str, str] = {"lineBreak": "\n", "tab": " ", "nbSpace": " ", "fwSpace": " "}
    parts = [node.text or ""]
    for child in node:
        parts += [breaks.get(_local(child), ""), child.tail or ""]
    return "".join(parts)


def _local(node: Any) -> str:
    return node.tag.rpartition("}")[2] if isinstance(node.tag, str) else ""
