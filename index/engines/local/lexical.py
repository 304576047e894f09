"""BM25 over the lexical fields of a generation, with weights as ``index.corpus`` gives them.

A question is answered in two steps. Its rarest terms nominate rows, until ``NOMINATING_POSTINGS`` are
read; then every candidate, found here or by vector, gets its exact score over all terms, by binary
search in their lists. So common terms cost next to nothing, and a corpus whose lists are shorter
than that is searched exhaustively.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.corpus import FieldStatistics, length_norms
from index.engines.local import files
from index.engines.local.postings import Postings, Source, invert, merge
from index.engines.local.selection import Selection
from index.protocols import Terms, Vectors, Weights

FOLDER = "lexical"
BLOCK_PASSAGES = 20_000
"""Passages inverted at a time, some 300 MB of memory."""

NOMINATING_POSTINGS = 60_000

_LEAST_SHARE = 0.2  # a narrower selection reads no more for being narrow
_LOOK_UP = 60  # postings read in the time in which one row is looked up in a long list

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
        self.rows = rows
        self.fields = {field: Field(folder / FOLDER / field, rows) for field in fields}
        self._spare: list[Vectors] = []

    @property
    def statistics(self) -> Mapping[str, FieldStatistics]:
        """By field, in how many rows each term occurs; the arrays are those of the lists."""
        return {name: field.statistics for name, field in self.fields.items()}

    def search(
        self, spellings: Sequence[Weights], selection: Selection | None = None
    ) -> LexicalSearch:
        """A question in all its spellings, among the rows selected (None: all).

        Terms that no row has are left out.
        """
        lists = [
            {name: self.fields[name].lists(weights) for name, weights in spelling.items()}
            for spelling in spellings
        ]
        return LexicalSearch(self, lists, selection)

    @contextmanager
    def zeros(self) -> Iterator[Vectors]:
        """A zero for each row; who takes them leaves zeros. Pages of memory cost more than what is added up."""
        zeros = self._spare.pop() if self._spare else np.zeros(self.rows, dtype=np.float32)
        yield zeros
        self._spare.append(zeros)  # not after an error


class LexicalSearch:
    """A question's lists, read once however many of its spellings have them. For one thread."""

    def __init__(
        self, store: LexicalStore, spellings: Sequence[Lists], selection: Selection | None
    ) -> None:
        self._store, self._spellings, self._selection = store, spellings, selection
        self._read: dict[tuple[str, int], tuple[NDArray[np.intp], Vectors]] = {}

    def best(self, k: int) -> NDArray[np.int64]:
        """The selected rows with the ``k`` best sums of scores by each of the spellings, which may share some."""
        found = [np.zeros(0, dtype=np.int64)]
        if self._selection is None or self._selection.count:
            with self._store.zeros() as zeros:
                found += [self._best(spelling, k, zeros) for spelling in self._spellings]
        return np.concatenate(found)

    def _best(self, spelling: Lists, k: int, scores: Vectors) -> NDArray[np.int64]:
        lists = [
            (weight, name, place)
            for name, found in spelling.items()
            for place, weight in found.items()
        ]
        lists.sort(key=lambda item: -item[0])
        nominated: list[NDArray[np.intp]] = []
        # Of the rows that a filter takes away, none is nominated: it takes more to find as many.
        budget = float(NOMINATING_POSTINGS)
        if self._selection is not None:
            budget /= max(self._selection.share, _LEAST_SHARE)
        for weight, name, place in lists:
            budget -= self._effort(name, place)
            if nominated and budget < 0:
                break
            rows, shares = self._shares(name, place)
            scores[rows] += np.float32(weight) * shares
            nominated.append(rows)
        return _highest(scores, nominated, k)

    def _effort(self, name: str, place: int) -> int:
        """What reading a list takes, in postings."""
        size = self._store.fields[name].size(place)
        return size if self._selection is None else min(size, _LOOK_UP * self._selection.count)

    def _shares(self, name: str, place: int) -> tuple[NDArray[np.intp], Vectors]:
        """The selected rows that have the term and, 0 to 1, how much of its idf each of them scores."""
        if (name, place) not in self._read:
            field, selection = self._store.fields[name], self._selection
            if selection is None:
                found = field.listed(place)
            elif _LOOK_UP * selection.count < field.size(place):
                there, shares = field.of_rows(place, selection.rows)
                found = selection.rows[there], shares
            else:
                found = field.listed(place, selection.mask)
            self._read[name, place] = found
        return self._read[name, place]

    def scores(self, rows: NDArray[np.int64]) -> dict[str, Vectors]:
        """By field, each row's best score by any of the spellings: float32 of shape (len(rows),), 0 to 1."""
        return {name: self._scores(name, rows) for name in self._store.fields}

    def _scores(self, name: str, rows: NDArray[np.int64]) -> Vectors:
        spellings = [spelling.get(name, {}) for spelling in self._spellings]
        places = sorted({place for lists in spellings for place in lists})
        shares = np.zeros((len(places), len(rows)), dtype=np.float32)
        for number, place in enumerate(places):
            there, found = self._store.fields[name].of_rows(place, rows)
            shares[number, there] = found
        weights = [[lists.get(place, 0.0) for place in places] for lists in spellings]
        best: Vectors = (np.array(weights, dtype=np.float32) @ shares).max(axis=0)
        return best


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


class Field:
    """The lists of one field."""

    def __init__(self, folder: Path, rows: int) -> None:
        self._postings = found = Postings.load(folder)
        if len(found.lengths) != rows:
            raise ValueError(f"{folder} has {len(found.lengths)} rows, not {rows}")
        average = max(float(found.lengths.mean()), 1.0) if rows else 1.0
        self.statistics = FieldStatistics(found.terms, found.starts, average)
        self._norms = length_norms(found.lengths, average)

    def size(self, place: int) -> int:
        """How many rows a list has."""
        return int(self._postings.starts[place + 1] - self._postings.starts[place])

    def lists(self, weights: Mapping[str, float]) -> dict[int, float]:
        """The places of the terms' lists with the terms' weights."""
        places = zip(self.statistics.places(list(weights)), weights.values(), strict=True)
        return {place: weight for place, weight in places if place is not None}

    def listed(
        self, place: int, mask: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.intp], Vectors]:
        """The rows of a list, within a mask if there is one, with their shares of the term's idf, 0 to 1."""
        listed, counts = self._list(place)
        # Numpy would turn them into its own kind of index at each use.
        rows = listed.astype(np.intp)
        if mask is not None:
            inside = np.flatnonzero(mask.take(rows))
            rows, counts = rows[inside], counts[inside]
        return rows, self._saturated(counts, rows)

    def of_rows(self, place: int, rows: NDArray[np.int64]) -> tuple[NDArray[np.intp], Vectors]:
        """Which of some rows, by their place among these, have a term, and their shares of its idf."""
        listed, counts = self._list(place)
        wanted = rows.astype(np.uint32)
        at = np.minimum(np.searchsorted(listed, wanted), len(listed) - 1)
        there = np.flatnonzero(listed[at] == wanted)
        return there, self._saturated(counts[at[there]], rows[there])

    def _list(self, place: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        piece = slice(*self._postings.starts[place : place + 2].tolist())
        return self._postings.rows[piece], self._postings.counts[piece]

    def _saturated(self, counts: NDArray[np.uint8], rows: NDArray[np.integer[Any]]) -> Vectors:
        times = counts.astype(np.float32)
        shares: Vectors = times / (times + self._norms[rows])
        return shares
