"""BM25 over the lexical fields of a generation, with weights as ``index.corpus`` gives them.

A question is answered in two steps. Its rarest terms nominate rows, until ``NOMINATING_POSTINGS`` are
read; then every candidate, found here or by vector, gets its exact score over all terms, by binary
search in their lists. So common terms cost next to nothing, and a corpus whose lists are shorter
than that is searched exhaustively.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.corpus import FieldStatistics, length_norms
from index.engines.local import files
from index.engines.local.postings import Postings, Source, invert, merge
from index.protocols import Terms, Vectors, Weights

FOLDER = "lexical"
BLOCK_PASSAGES = 20_000
"""Passages inverted at a time, some 300 MB of memory."""

NOMINATING_POSTINGS = 60_000

Lists = Mapping[str, Mapping[int, float]]
"""By field, the places of a query's lists with their weights."""


def write_lexical(
    previous: Path | None,
    renumbered: NDArray[np.uint32],
    passages: Iterable[Terms],
    fields: Sequence[str],
    rows: int,
    folder: Path,
) -> None:
    """Write the lists of each field: those of a ``previous`` generation folder, and new passages.

    ``renumbered`` gives the new number of each row of the previous generation (``postings.GONE``:
    none); the new passages, in row order, take the numbers that follow.
    """
    scratch = folder / ".blocks"
    sizes = _write_blocks(passages, fields, scratch)
    for field in fields:
        sources = []
        if previous is not None:
            sources.append(Source(Postings.load(previous / FOLDER / field), renumbered))
        row = rows - sum(sizes)
        for number, size in enumerate(sizes):
            numbers = np.arange(row, row + size, dtype=np.uint32)
            sources.append(Source(Postings.load(scratch / f"{field}-{number}"), numbers))
            row += size
        merge(sources, rows, folder / FOLDER / field)
        files.checkpoint(f"{field} written")
    if scratch.exists():
        shutil.rmtree(scratch)


def _write_blocks(passages: Iterable[Terms], fields: Sequence[str], folder: Path) -> list[int]:
    """Invert the passages block by block; returns the number of passages in each."""
    sizes: list[int] = []
    iterator = iter(passages)
    while block := list(islice(iterator, BLOCK_PASSAGES)):
        for field in fields:
            invert([terms[field] for terms in block]).save(folder / f"{field}-{len(sizes)}")
        sizes.append(len(block))
    return sizes


class LexicalStore:
    """Reads what ``write_lexical`` wrote; memory-mapped, safe to search from many threads."""

    def __init__(self, folder: Path, fields: Sequence[str], rows: int) -> None:
        """Raises OSError or ValueError for files that can't be used."""
        self._rows = rows
        self._fields = {field: _Field(folder / FOLDER / field, rows) for field in fields}

    @property
    def statistics(self) -> Mapping[str, FieldStatistics]:
        """By field, in how many rows each term occurs; the arrays are those of the lists."""
        return {name: field.statistics for name, field in self._fields.items()}

    def lists(self, query: Weights) -> Lists:
        """The lists of a query's terms; terms that no row has are left out."""
        return {name: self._fields[name].lists(weights) for name, weights in query.items()}

    def best(self, query: Lists, k: int, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The rows, among those that ``mask`` lets through, with the ``k`` best sums of scores."""
        lists = [
            (weight, self._fields[name], place)
            for name, found in query.items()
            for place, weight in found.items()
        ]
        lists.sort(key=lambda item: -item[0])
        scores = np.zeros(self._rows, dtype=np.float32)
        nominated: list[NDArray[np.intp]] = []
        # Of the rows that a filter takes away, none is nominated: it takes more to find as many.
        budget = NOMINATING_POSTINGS / (1 if mask is None else max(float(mask.mean()), 0.05))
        for weight, field, place in lists:
            budget -= field.size(place)
            if nominated and budget < 0:
                break
            rows, shares = field.shares(place, mask)
            scores[rows] += np.float32(weight) * shares
            nominated.append(rows)
        return _highest(scores, nominated, k)

    def scores(self, query: Lists, rows: NDArray[np.int64]) -> dict[str, Vectors]:
        """By field, the score of each of the rows: float32 of shape (len(rows),), 0 to 1."""
        wanted = rows.astype(np.uint32)
        return {
            name: field.scores(query.get(name, {}), wanted) for name, field in self._fields.items()
        }


def _highest(scores: Vectors, nominated: Sequence[NDArray[np.intp]], k: int) -> NDArray[np.int64]:
    """The ``k`` nominated rows of the highest scores above zero; uses ``scores`` up."""
    values: list[Vectors] = []
    for rows in nominated:
        values.append(scores[rows])
        scores[rows] = 0  # a row that several terms nominate counts once
    if not nominated:
        return np.zeros(0, dtype=np.int64)
    all_rows, all_values = np.concatenate(nominated), np.concatenate(values)
    # The k-th best of a few is no better than that of all: what lies below needs no sorting.
    few = all_values[:: max(len(all_values) // (_SAMPLED * k), 1)]
    least = np.partition(few, -k)[-k] if len(few) > k else np.float32(0)
    kept = np.flatnonzero((all_values >= least) & (all_values > 0))
    all_rows, all_values = all_rows[kept], all_values[kept]
    if len(all_rows) > k:
        all_rows = all_rows[np.argpartition(all_values, -k)[-k:]]
    return all_rows


_SAMPLED = 10  # times as many as are wanted


class _Field:
    def __init__(self, folder: Path, rows: int) -> None:
        self._postings = found = Postings.load(folder)
        if len(found.lengths) != rows:
            raise ValueError(f"{folder} has {len(found.lengths)} rows, not {rows}")
        average = max(float(found.lengths.mean()), 1.0) if rows else 1.0
        self.statistics = FieldStatistics(found.terms, found.starts, average)
        self._norms = length_norms(found.lengths, average)

    def size(self, place: int) -> int:
        return int(self._postings.starts[place + 1] - self._postings.starts[place])

    def lists(self, weights: Mapping[str, float]) -> dict[int, float]:
        places = zip(self.statistics.places(list(weights)), weights.values(), strict=True)
        return {place: weight for place, weight in places if place is not None}

    def shares(
        self, place: int, mask: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.intp], Vectors]:
        """The rows that have the term and, 0 to 1, how much of its idf each of them scores."""
        piece = slice(*self._postings.starts[place : place + 2].tolist())
        # Numpy would turn them into its own kind of index at each use.
        rows, counts = self._postings.rows[piece].astype(np.intp), self._postings.counts[piece]
        if mask is not None:
            inside = mask[rows]
            rows, counts = rows[inside], counts[inside]
        return rows, self._saturated(counts, rows)

    def scores(self, lists: Mapping[int, float], rows: NDArray[np.uint32]) -> Vectors:
        scores = np.zeros(len(rows), dtype=np.float32)
        for place, weight in lists.items():
            piece = slice(*self._postings.starts[place : place + 2].tolist())
            listed, counts = self._postings.rows[piece], self._postings.counts[piece]
            at = np.minimum(np.searchsorted(listed, rows), len(listed) - 1)
            there = listed[at] == rows
            scores[there] += np.float32(weight) * self._saturated(counts[at[there]], rows[there])
        return scores

    def _saturated(self, counts: NDArray[np.uint8], rows: NDArray[np.integer[Any]]) -> Vectors:
        times = counts.astype(np.float32)
        shares: Vectors = times / (times + self._norms[rows])
        return shares
