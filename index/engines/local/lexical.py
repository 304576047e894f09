"""BM25 over the lexical fields of a generation.

Scores are shares of what the query could reach at most, the sum of its terms' idf (Lucene's BM25
saturates at idf · 1). A term that the corpus does not know counts with the highest idf, so a question
whose words are not in the corpus gets a small lexical score by itself.

A question is answered in two steps. Its rarest terms nominate rows, until ``NOMINATING_POSTINGS`` are
read; then every candidate, found here or by vector, gets its exact score over all terms, by binary
search in their lists. So common terms cost next to nothing, and a corpus whose lists are shorter
than that is searched exhaustively.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.engines.local import files
from index.engines.local.postings import Postings, Source, hash_term, invert, merge
from index.protocols import Terms, Vectors

FOLDER = "lexical"
BLOCK_PASSAGES = 20_000
"""Passages inverted at a time, some 300 MB of memory."""

NOMINATING_POSTINGS = 60_000
_K1, _B = 1.2, 0.75  # Lucene's defaults; chosen no further


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

    def best(self, terms: Terms, k: int, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The rows, among those that ``mask`` lets through, with the ``k`` best sums of scores."""
        lists = [
            (weight, self._fields[name], place)
            for name, known in terms.items()
            for place, weight in self._fields[name].weights(known).items()
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

    def scores(self, terms: Terms, rows: NDArray[np.int64]) -> dict[str, Vectors]:
        """By field, the score of each of the rows: float32 of shape (len(rows),), 0 to 1."""
        wanted = rows.astype(np.uint32)
        return {
            name: field.scores(terms.get(name, ()), wanted) for name, field in self._fields.items()
        }

    def idf(self, field: str, terms: Iterable[str]) -> Mapping[str, float]:
        """How rare each term is in the corpus; unknown ones have the highest value."""
        return self._fields[field].idf(list(terms))


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
        self._postings = Postings.load(folder)
        if len(self._postings.lengths) != rows:
            raise ValueError(f"{folder} has {len(self._postings.lengths)} rows, not {rows}")
        self._rows = rows
        lengths = self._postings.lengths.astype(np.float32)
        mean = max(float(lengths.mean()), 1.0) if rows else 1.0
        self._norms: Vectors = np.float32(_K1) * (1 - _B + _B / np.float32(mean) * lengths)

    def size(self, place: int) -> int:
        return int(self._postings.starts[place + 1] - self._postings.starts[place])

    def idf(self, terms: Sequence[str]) -> dict[str, float]:
        unknown = self._idf(None)
        return {
            term: unknown if place is None else self._idf(place)
            for term, place in zip(terms, self._places(terms), strict=True)
        }

    def _places(self, terms: Sequence[str]) -> list[int | None]:
        """Which list is each term's; None: no row has it. Looked up all at once."""
        known = self._postings.terms
        if not len(known):
            return [None] * len(terms)
        wanted = np.array([hash_term(term) for term in terms], dtype=np.uint64)
        at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
        there = known[at] == wanted
        return [
            place if found else None
            for place, found in zip(at.tolist(), there.tolist(), strict=True)
        ]

    def _idf(self, place: int | None) -> float:
        frequency = 0 if place is None else self.size(place)
        return math.log1p((self._rows - frequency + 0.5) / (frequency + 0.5))

    def weights(self, terms: Sequence[str]) -> dict[int, float]:
        """The lists of the known terms, each with its share of the attainable score."""
        factors = terms if isinstance(terms, dict) else dict.fromkeys(terms, 1.0)
        places = self._places(list(factors))
        idf = {
            n: self._idf(place) * f for n, (place, f) in enumerate(zip(places, factors.values()))
        }
        attainable = sum(idf.values())
        return {place: idf[n] / attainable for n, place in enumerate(places) if place is not None}

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

    def scores(self, terms: Sequence[str], rows: NDArray[np.uint32]) -> Vectors:
        scores = np.zeros(len(rows), dtype=np.float32)
        for place, weight in self.weights(terms).items():
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
