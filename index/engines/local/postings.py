"""Inverted lists of one lexical field on disk, and how they are made.

A list gives the rows in which a term occurs, and how often. Terms are known by their hashes
(``index.corpus``), so that the vocabulary is a sorted array in a file and no dictionary in
memory; where the lists start is at once the terms' document frequencies. Blocks of passages are inverted in memory and
merged, together with the lists of the generation before, in one pass from file to file: what is
published again costs a copy, and memory does not grow with the corpus.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from index.corpus import hashes

MERGE_POSTINGS = 8_000_000
"""Postings merged at a time, some 100 MB of memory."""

GONE = np.uint32(0xFFFFFFFF)
"""In a renumbering: the row is left out."""

_TYPES = {"terms": "<u8", "starts": "<i8", "rows": "<u4", "counts": "|u1", "lengths": "<u4"}


@dataclass(frozen=True)
class Postings:
    """The lists of the sorted ``terms``: list t is ``rows[starts[t]:starts[t + 1]]``, rising.

    ``counts`` says how often the term occurs in each of these rows (255: or more), ``lengths`` how
    many terms each row of the field has.
    """

    terms: NDArray[np.uint64]
    starts: NDArray[np.int64]
    rows: NDArray[np.uint32]
    counts: NDArray[np.uint8]
    lengths: NDArray[np.uint32]

    @classmethod
    def load(cls, folder: Path) -> Postings:
        """Memory-mapped. Raises ValueError for files that don't fit together."""
        arrays = {name: map_array(folder / f"{name}.npy", _TYPES[name]) for name in _TYPES}
        found = cls(**arrays)
        starts = found.starts
        if (
            len(starts) != len(found.terms) + 1
            or starts[0] != 0
            or starts[-1] != len(found.rows)
            or len(found.rows) != len(found.counts)
            or (np.diff(starts) <= 0).any()
            or (np.diff(found.terms.astype(np.float64)) < 0).any()
        ):
            raise ValueError(f"the arrays in {folder} disagree")
        return found

    def save(self, folder: Path) -> None:
        """Write the arrays into a new folder, a file each."""
        folder.mkdir(parents=True)
        for name, kind in _TYPES.items():
            array = getattr(self, name).astype(kind, copy=False)
            np.save(folder / f"{name}.npy", array, allow_pickle=False)


def invert(texts: Sequence[Sequence[str]]) -> Postings:
    """The postings of texts given by their terms; the n-th text is row n."""
    lengths = np.array([len(text) for text in texts], dtype=np.uint32)
    numbers: dict[str, int] = {}
    tokens = chain.from_iterable(texts)
    ids = np.fromiter((numbers.setdefault(t, len(numbers)) for t in tokens), dtype=np.int64)
    terms, term_of = np.unique(hashes(numbers), return_inverse=True)
    rows = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
    places, counts = np.unique(term_of[ids] * max(len(texts), 1) + rows, return_counts=True)
    found, rows = np.divmod(places, max(len(texts), 1))
    return Postings(
        terms,
        _starts(np.bincount(found, minlength=len(terms))),
        rows.astype(np.uint32),
        np.minimum(counts, 255).astype(np.uint8),
        lengths,
    )


@dataclass(frozen=True)
class Source:
    """Postings to be merged, and the new number of each of their rows (rising, or GONE)."""

    postings: Postings
    renumbered: NDArray[np.uint32]

    @cached_property
    def loses_rows(self) -> bool:
        """Whether a row is left out."""
        return bool((self.renumbered == GONE).any())

    @cached_property
    def is_unchanged(self) -> bool:
        """Whether every row keeps its number, as nearly all do where nothing was removed."""
        return np.array_equal(self.renumbered, np.arange(len(self.renumbered)))


def merge(sources: Sequence[Source], rows: int, folder: Path) -> None:
    """Write the postings of all sources as one; later sources have higher rows."""
    folder.mkdir(parents=True)
    sizes = [_sizes(source) for source in sources]
    terms = _union([s.postings.terms[size > 0] for s, size in zip(sources, sizes, strict=True)])
    total = np.zeros(len(terms), dtype=np.int64)
    lengths = np.zeros(rows, dtype=np.uint32)
    for source, size in zip(sources, sizes, strict=True):
        there = size > 0
        total[np.searchsorted(terms, source.postings.terms[there])] += size[there]
        kept = source.renumbered != GONE
        lengths[source.renumbered[kept]] = source.postings.lengths[kept]
    starts = _starts(total)
    for name, array in (("terms", terms), ("starts", starts), ("lengths", lengths)):
        np.save(folder / f"{name}.npy", array.astype(_TYPES[name]), allow_pickle=False)
    with (folder / "rows.npy").open("wb") as row_file, (folder / "counts.npy").open("wb") as counts:
        _write_header(row_file, int(starts[-1]), _TYPES["rows"])
        _write_header(counts, int(starts[-1]), _TYPES["counts"])
        for first, last in _pieces(starts):
            _merge_piece(
                sources, terms[first:last], starts[first : last + 1], row_file.write, counts.write
            )


def _merge_piece(
    sources: Sequence[Source],
    terms: NDArray[np.uint64],
    starts: NDArray[np.int64],
    write_rows: Any,
    write_counts: Any,
) -> None:
    """Merge the lists of consecutive terms and append them to the two files."""
    rows = np.empty(starts[-1] - starts[0], dtype=_TYPES["rows"])
    counts = np.empty(len(rows), dtype=_TYPES["counts"])
    pieces = [_piece(source, terms) for source in sources]
    largest = max(pieces, key=lambda piece: len(piece.rows))
    is_left = np.ones(len(rows), dtype=np.bool_)
    free = starts[:-1] - starts[0]  # where the next posting of each term goes
    for piece in pieces:
        places, size = np.searchsorted(terms, piece.terms), piece.sizes
        if piece is not largest:
            shifts = free[places] - (np.cumsum(size) - size)
            target = np.repeat(shifts, size) + np.arange(size.sum())
            rows[target], counts[target] = piece.rows, piece.counts
            is_left[target] = False
        free[places] += size
    # What is left is the largest one's, in its own order: no place needs to be worked out.
    rows[is_left], counts[is_left] = largest.rows, largest.counts
    write_rows(rows.data)
    write_counts(counts.data)


@dataclass(frozen=True)
class _Piece:
    """Consecutive lists of a source without the rows that go, by their new numbers."""

    terms: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    rows: NDArray[np.uint32]
    counts: NDArray[np.uint8]


def _piece(source: Source, terms: NDArray[np.uint64]) -> _Piece:
    found = source.postings
    first = int(np.searchsorted(found.terms, terms[0]))
    last = int(np.searchsorted(found.terms, terms[-1], side="right"))
    starts = found.starts[first : last + 1]
    listed = found.rows[starts[0] : starts[-1]]
    counts = found.counts[starts[0] : starts[-1]]
    if source.is_unchanged:
        return _Piece(found.terms[first:last], np.diff(starts), listed, counts)
    rows = source.renumbered[listed]
    if not source.loses_rows:
        return _Piece(found.terms[first:last], np.diff(starts), rows, counts)
    kept = rows != GONE
    sizes = _kept_per_list(kept, starts - starts[0])
    there = sizes > 0
    return _Piece(found.terms[first:last][there], sizes[there], rows[kept], counts[kept])


def _sizes(source: Source) -> NDArray[np.int64]:
    """The length of each list without the rows that go."""
    starts = source.postings.starts
    if not source.loses_rows:
        return np.diff(starts)
    sizes = np.zeros(len(starts) - 1, dtype=np.int64)
    for first, last in _pieces(starts):
        kept = source.renumbered[source.postings.rows[starts[first] : starts[last]]] != GONE
        sizes[first:last] = _kept_per_list(kept, starts[first : last + 1] - starts[first])
    return sizes


def _kept_per_list(kept: NDArray[np.bool_], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The lists' sizes less those few postings that are not kept."""
    lists = np.searchsorted(starts, np.flatnonzero(~kept), side="right") - 1
    sizes: NDArray[np.int64] = np.diff(starts) - np.bincount(lists, minlength=len(starts) - 1)
    return sizes


def _pieces(starts: NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Ranges of lists with about MERGE_POSTINGS postings each (a longer list makes its own)."""
    first, count = 0, len(starts) - 1
    while first < count:
        reach = int(np.searchsorted(starts, starts[first] + MERGE_POSTINGS, side="right")) - 1
        last = min(max(reach, first + 1), count)
        yield first, last
        first = last


def _union(terms: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.unique(np.concatenate([*terms, np.zeros(0, dtype=np.uint64)]))


def _starts(sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)])


def _write_header(file: BinaryIO, length: int, kind: str) -> None:
    header = {"descr": kind, "fortran_order": False, "shape": (length,)}
    np.lib.format.write_array_header_1_0(file, header)


def map_array(path: Path, kind: str) -> NDArray[Any]:
    """An array of one dimension, memory-mapped. Raises OSError, or ValueError for another kind."""
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    if array.dtype != np.dtype(kind) or array.ndim != 1:
        raise ValueError(f"{path} holds {array.ndim}-dimensional {array.dtype}, not {kind}")
    return np.asarray(array)
