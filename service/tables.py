"""Tables in the text of an article: a row as a sentence, with what its columns are called.

Readers keep a table as lines of cells between bars. A row alone (``북구 | 98,200 | 97,110``) tells nothing; with the
row of column names and the caption above it, it is a statement: ``구별 인구, 북구: 2024년 98,200명, 2025년 97,110명``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from index import AnalysedSentence

BAR = " | "
MAX_CAPTION_CHARS = 60

_NUMBER = re.compile(r"[-+△▲▽▼]?\d[\d,.]*")
_UNIT = re.compile(r"\s*\((?:단위\s*[:：]?\s*)?([^()\d]{1,12})\)\s*$")
_SENTENCE_END = re.compile(r"[.!?。]\s*$")
_NAME_OF_TIME = re.compile(r"(?:'?\d{2,4}년?|\d{1,2}월|\d{1,2}일|[1-4]분기)+")


@dataclass(frozen=True)
class Row:
    """A row of a table. ``text`` says it as a sentence; ``above`` are the caption and the row of column names.

    ``cells`` gives for each column name where its cell stands within the row as it is written.
    """

    sentence: AnalysedSentence
    text: str
    above: tuple[AnalysedSentence, ...] = ()
    cells: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def rows_of(body: str, sentences: Sequence[AnalysedSentence]) -> dict[int, Row]:
    """The rows of an article's tables, by the offset at which each starts. Column names are no row."""
    found: dict[int, Row] = {}
    for first, last in _tables(body, sentences):
        caption = _caption(body, sentences, first)
        table = [_cells(_text(body, s)) for s in sentences[first:last]]
        names = table[0] if _names_columns(table) else None
        for sentence, cells in zip(
            sentences[first + (names is not None) : last], table[names is not None :], strict=True
        ):
            above = [caption, sentences[first] if names else None]
            found[sentence.start] = Row(
                sentence,
                _said(_text(body, caption) if caption else "", names, cells),
                tuple(s for s in above if s),
                _places(body[sentence.start : sentence.end], names, cells) if names else {},
            )
    return found


def _tables(body: str, sentences: Sequence[AnalysedSentence]) -> Iterator[tuple[int, int]]:
    """The stretches of sentences that are rows of one table, as first and behind the last."""
    first = None
    for n, sentence in enumerate(sentences):
        is_row = BAR in _text(body, sentence)
        apart = n > 0 and bool(body[sentences[n - 1].end : sentence.start].strip())
        if first is not None and (not is_row or apart):
            yield first, n
            first = None
        if is_row and first is None:
            first = n
    if first is not None:
        yield first, len(sentences)


def _text(body: str, sentence: AnalysedSentence) -> str:
    return body[sentence.start : sentence.end].strip()


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _caption(
    body: str, sentences: Sequence[AnalysedSentence], first: int
) -> AnalysedSentence | None:
    """The short line above a table that is no sentence."""
    if first == 0:
        return None
    text = _text(body, sentences[first - 1])
    is_caption = len(text) <= MAX_CAPTION_CHARS and not _SENTENCE_END.search(text)
    return sentences[first - 1] if is_caption else None


def _names_columns(table: Sequence[Sequence[str]]) -> bool:
    """Whether the first row says what the columns are: it has no figures where the others have some."""
    names, others = table[0], table[1:]
    fits = bool(others) and all(len(row) == len(names) for row in others)
    return (
        fits
        and not any(map(_is_figure, names))
        and any(_is_figure(cell) for row in others for cell in row[1:])
    )


def _is_figure(cell: str) -> bool:
    return bool(_NUMBER.match(cell)) and not _NAME_OF_TIME.fullmatch(cell.replace(" ", ""))


def _said(caption: str, names: Sequence[str] | None, cells: Sequence[str]) -> str:
    topic, unit = _without_unit(caption)
    said = f"{topic}, {cells[0]}" if topic else cells[0]
    if names is None:
        return f"{said}: {', '.join(filter(None, cells[1:]))}"
    columns = [
        f"{_without_unit(name)[0]} {_with_unit(cell, _without_unit(name)[1] or unit)}"
        for name, cell in zip(names[1:], cells[1:], strict=True)
        if cell
    ]
    return f"{said}: {', '.join(columns)}"


def _without_unit(name: str) -> tuple[str, str]:
    """``인구(명)`` -> ``인구`` and ``명``. Several units in one bracket name none."""
    unit = _UNIT.search(name)
    if unit is None:
        return name, ""
    is_one = not re.search(r"[,/·\s]", unit[1])
    return name[: unit.start()].strip(), unit[1] if is_one else ""


def _with_unit(cell: str, unit: str) -> str:
    return cell + unit if unit and _NUMBER.fullmatch(cell) else cell


def _places(line: str, names: Sequence[str], cells: Sequence[str]) -> dict[str, tuple[int, int]]:
    places: dict[str, tuple[int, int]] = {}
    at = 0
    for name, cell in zip(names, cells, strict=True):
        at = line.index(cell, at)
        places[_without_unit(name)[0]] = at, at + len(cell)
        at += len(cell)
    return places
