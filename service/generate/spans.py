"""The shortest words of a quote that answer a question, where it can be told which they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from index import AnalysedSentence
from service.generate.candidates import bindings
from service.query.asked import Asked
from service.sources import Source
from service.tables import Row

SHOWN_KINDS = frozenset({"number", "date", "hour", "person", "place"})
"""Kinds of answers that are a few words; a reason is a clause, and where it ends nobody can tell."""


def answer_span(
    asked: Asked, source: Source, sentences: Sequence[AnalysedSentence], said: str
) -> tuple[int, int] | None:
    """Where, in the article's body, one of the cited sentences has the answer that ``said`` gives; None: unclear.

    Of what may be the answer, by its kind, the one that stands nearest to the question's words.
    """
    found = [
        (nearness, start, end)
        for sentence in sentences
        for nearness, start, end in _spots(asked, source, sentence)
        if _plain(source.body[start:end]) in _plain(said)
    ]
    found.sort(key=lambda spot: (-spot[0], spot[1]))
    if not found or (len(found) > 1 and found[0][0] == found[1][0]):
        return None
    return found[0][1:]


def _spots(
    asked: Asked, source: Source, sentence: AnalysedSentence
) -> list[tuple[float, int, int]]:
    spots: list[tuple[float, int, int]] = []
    if row := source.rows.get(sentence.start):
        spots = [(1.0, *cell) for cell in _cells(asked, row, source.article.published_on)]
    elif asked.kind in SHOWN_KINDS:
        text = source.body[sentence.start : sentence.end]
        spots = [(nearness, *spot) for spot, nearness in bindings(asked, text)]
        spots = _joined(spots, text) if asked.kind == "date" else spots
    return [(nearness, sentence.start + a, sentence.start + b) for nearness, a, b in spots]


def _joined(spots: Sequence[tuple[float, int, int]], text: str) -> list[tuple[float, int, int]]:
    """The parts of a date as one: «2026년», «3월» and «2일» that only blanks part."""
    joined: list[tuple[float, int, int]] = []
    for nearness, start, end in sorted(spots, key=lambda spot: spot[1:]):
        if joined and not text[joined[-1][2] : start].strip():
            before, first, last = joined.pop()
            nearness, start, end = max(before, nearness), first, max(last, end)
        joined.append((nearness, start, end))
    return joined


def _cells(asked: Asked, row: Row, day: date | None) -> list[tuple[int, int]]:
    """The cells of a row whose columns the question names, by name or by time; all of them if it names none."""
    columns = list(row.cells.items())[1:]  # the first is the row's own name
    named = [
        cell
        for name, cell in columns
        if (name and name in asked.text) or (asked.time and asked.time.named_in(name, day))
    ]
    return named or [cell for _, cell in columns]


def _plain(text: str) -> str:
    return "".join(text.split()).replace(",", "")
