"""The vectors of a generation, in FAISS, as float16: half the bytes, and cosines exact to 0.0005.

Up to ``FLAT_UP_TO`` passages every vector is compared; beyond it an inverted file looks into the lists
whose centroids are nearest to the question. Float16 within the lists beats 8-bit quantisation: it
is as fast to scan, costs no recall, and the exact cosine of a candidate comes from the same file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.corpus import centroid
from index.engines.local.postings import GONE
from index.engines.local.selection import Selection
from index.protocols import Vectors

FILE = "vectors.faiss"
FLAT_UP_TO = 20_000
"""Passages; comparing as many of 384 dimensions takes about 2 ms."""

BY_NUMBER_UP_TO = 0.02
"""Share of a selection up to which its vectors are read one by one, .7 µs each, and no list is scanned.

Scanning costs 20 ns for each vector that is not selected and .3 µs for one that is (both measured at a
million passages), so they break even near 2 %.
"""

WHOLE_UP_TO = 3_000
"""Selected passages, up to which each is compared: some 2 ms."""

_NARROWING = 0.6
"""The lists probed grow by this power of the share by which a selection is smaller than all."""

_PIECE = 1_024  # vectors copied together, less than 1 MB: what a cache holds
_LISTS_PER_ROOT = 4  # lists = 4·√passages
_COMPARED = 1.25 * FLAT_UP_TO  # vectors compared for a question, about
_SAMPLE_PER_LIST, _ROUNDS = 40, 8  # of k-means
_CENTROIDS, _LISTS = "centroids.npy", "lists.npy"


@dataclass(frozen=True)
class Clusters:
    """Centroids, float32 of shape (lists, dimension), and the list of each row (-1: not known)."""

    centroids: Vectors
    list_of: NDArray[np.int32]

    @classmethod
    def load(cls, folder: Path) -> Clusters | None:
        """Those of a generation; None: it has none. Raises OSError or ValueError."""
        if not (folder / _CENTROIDS).exists():
            return None
        centroids = np.load(folder / _CENTROIDS, allow_pickle=False)
        list_of = np.load(folder / _LISTS, allow_pickle=False)
        if centroids.dtype != np.float32 or centroids.ndim != 2 or not np.isfinite(centroids).all():
            raise ValueError(f"{folder / _CENTROIDS} holds no centroids")
        if list_of.dtype != np.int32 or list_of.ndim != 1:
            raise ValueError(f"{folder / _LISTS} holds no lists")
        if len(list_of) and not 0 <= list_of.min() <= list_of.max() < len(centroids):
            raise ValueError(f"{folder / _LISTS} names lists that are not there")
        return cls(centroids, list_of)


def plan_clusters(
    rows: int, known: Clusters | None, sample: Callable[[int], Vectors]
) -> Clusters | None:
    """Clusters for so many rows: none, the known ones if they are still fit, or new ones.

    ``sample`` gives up to so many of the vectors.
    """
    if rows <= FLAT_UP_TO:
        return None
    lists = int(_LISTS_PER_ROOT * sqrt(rows))
    if known is not None and 0.6 < len(known.centroids) / lists < 1.7:
        return known
    faiss = _faiss()
    vectors = sample(lists * _SAMPLE_PER_LIST)
    means = faiss.Kmeans(
        vectors.shape[1], lists, niter=_ROUNDS, spherical=True, seed=1, min_points_per_centroid=1
    )
    means.train(vectors)
    return Clusters(means.centroids, np.full(rows, -1, dtype=np.int32))


@dataclass(frozen=True)
class Copied:
    """A generation folder with the same clusters, and the new number of each of its rows, rising (GONE: none)."""

    folder: Path
    renumbered: NDArray[np.uint32]


def write_vectors(
    batches: Iterable[Vectors],
    dimension: int,
    clusters: Clusters | None,
    folder: Path,
    copied: Copied | None = None,
) -> None:
    """Write unit vectors, row by row, as a FAISS index of inner products (here: cosines).

    Those that are ``copied`` come first; it is used with clusters only.
    """
    faiss = _faiss()
    if clusters is None:
        index: Any = _flat(dimension)
        for batch in batches:
            index.add(np.ascontiguousarray(batch, dtype=np.float32))
    else:
        nearest_list: Any = faiss.IndexFlatIP(dimension)
        nearest_list.add(clusters.centroids)
        index = _inverted(nearest_list, len(clusters.list_of))
        row = _copy(copied, index) if copied else 0
        list_of = _fill(index, nearest_list, batches, clusters, row)
        np.save(folder / _CENTROIDS, clusters.centroids, allow_pickle=False)
        np.save(folder / _LISTS, list_of, allow_pickle=False)
    # Through Python's file, since FAISS's own does not tell when the last bytes find no room.
    with (folder / FILE).open("wb") as file:
        faiss.write_index(index, faiss.PyCallbackIOWriter(file.write, 1 << 20))


def _flat(dimension: int) -> Any:
    faiss = _faiss()
    kind = faiss.ScalarQuantizer.QT_fp16
    return faiss.IndexScalarQuantizer(dimension, kind, faiss.METRIC_INNER_PRODUCT)


def _inverted(nearest_list: Any, rows: int) -> Any:
    """An empty index with a list per centroid; it borrows ``nearest_list``, which must live on."""
    faiss = _faiss()
    lists, kind, by_residual = nearest_list.ntotal, faiss.ScalarQuantizer.QT_fp16, False
    index = faiss.IndexIVFScalarQuantizer(
        nearest_list, nearest_list.d, lists, kind, faiss.METRIC_INNER_PRODUCT, by_residual
    )
    index.is_trained = True
    index.nprobe = min(ceil(lists * _COMPARED / rows), lists)
    return index


def _copy(copied: Copied, index: Any) -> int:
    """Add what the lists of a generation hold, as it is; returns how many rows that was."""
    faiss = _faiss()
    flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY
    known = faiss.read_index(str(copied.folder / FILE), flags)
    for number in range(known.nlist):
        if size := known.invlists.list_size(number):
            rows = faiss.rev_swig_ptr(known.invlists.get_ids(number), size)
            codes = faiss.rev_swig_ptr(known.invlists.get_codes(number), size * known.code_size)
            renumbered = copied.renumbered[rows].astype(np.int64)
            kept = renumbered != GONE
            if not kept.all():
                renumbered, codes = renumbered[kept], codes.reshape(size, -1)[kept].ravel()
            entries = map(faiss.swig_ptr, (renumbered, codes))
            index.invlists.add_entries(number, len(renumbered), *entries)
    index.ntotal = int(np.count_nonzero(copied.renumbered != GONE))
    return int(index.ntotal)


def _fill(
    index: Any, nearest_list: Any, batches: Iterable[Vectors], clusters: Clusters, row: int
) -> NDArray[np.int32]:
    """Add the vectors of the rows from ``row`` on to their lists; returns the list of each row."""
    faiss = _faiss()
    list_of = clusters.list_of.copy()
    for batch in batches:
        vectors = np.ascontiguousarray(batch, dtype=np.float32)
        rows = np.arange(row, row + len(vectors), dtype=np.int64)
        unknown = list_of[rows] < 0
        if unknown.any():
            list_of[rows[unknown]] = nearest_list.search(vectors[unknown], 1)[1][:, 0]
        lists = list_of[rows].astype(np.int64)
        index.add_core(len(vectors), *map(faiss.swig_ptr, (vectors, rows, lists)))
        row += len(vectors)
    return list_of


def _faiss() -> Any:
    # FAISS's Python layer adds much of what is used here at run time; its stubs lack it.
    import faiss

    return faiss


class VectorStore:
    """Reads what ``write_vectors`` wrote; memory-mapped, safe to search from many threads."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, RuntimeError or ValueError for a file that can't be used."""
        self._faiss = faiss = _faiss()
        inverted = (folder / _CENTROIDS).exists()
        flags = faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY if inverted else faiss.IO_FLAG_MMAP_IFC
        self._index: Any = faiss.read_index(str(folder / FILE), flags)
        expected = faiss.IndexIVFScalarQuantizer if inverted else faiss.IndexScalarQuantizer
        if type(self._index) is not expected:
            raise ValueError(f"{folder / FILE} is a {type(self._index).__name__}")
        self._listed = _Listed(self._index, folder / FILE) if inverted else None

    @property
    def rows(self) -> int:
        """How many vectors there are."""
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        """How many numbers a vector has."""
        return int(self._index.d)

    def nearest(self, vector: Vectors, k: int, selection: Selection | None) -> NDArray[np.int64]:
        """The rows of the ``k`` nearest vectors among those selected; None: all.

        A few are all compared. Of more, those are compared that are in the lists nearest to the
        question: by their numbers while they are few beside what these lists hold, by a bitmap
        over the lists else.
        """
        # A team of OpenMP's threads, which each thread may have, waits longer for itself than it computes.
        self._faiss.omp_set_num_threads(1)
        if not self.rows or (selection is not None and not selection.count):
            return np.zeros(0, dtype=np.int64)
        if self._listed and selection is not None and selection.share <= BY_NUMBER_UP_TO:
            rows = selection.rows
            if len(rows) > WHOLE_UP_TO:
                rows = rows[self._listed.is_near(vector, self._probed(selection), rows)]
            return rows[_greatest(self.cosines(vector, rows), k)]
        params = self._parameters(selection)
        _, found = self._index.search(vector.reshape(1, -1), min(k, self.rows), params=params)
        nearest: NDArray[np.int64] = found[0][found[0] >= 0]
        return nearest

    def _probed(self, selection: Selection) -> int:
        """In how many lists is looked: the nearest of a few are further away than those of all."""
        share = selection.share**_NARROWING
        probed: int = min(self._index.nlist, ceil(self._index.nprobe / share))
        return probed

    def _parameters(self, selection: Selection | None) -> Any:
        if selection is None:
            return None
        only = self._faiss.IDSelectorBitmap(selection.bitmap)
        if not self._listed:
            return self._faiss.SearchParameters(sel=only)
        return self._faiss.SearchParametersIVF(sel=only, nprobe=self._probed(selection))

    def cosines(self, vector: Vectors, rows: NDArray[np.int64]) -> Vectors:
        """The cosine of a unit vector with each of the rows, float32 of shape (len(rows),)."""
        if self._listed is None:
            return self.vectors(rows) @ vector
        found = np.empty(len(rows), dtype=np.float32)
        for first in range(0, len(rows), _PIECE):
            piece = slice(first, first + _PIECE)
            found[piece] = self._compared(vector, self._listed.codes(rows[piece]))
        return found

    def _compared(self, vector: Vectors, codes: NDArray[np.uint8]) -> Vectors:
        """The cosine with each of the codes. FAISS compares them in a tenth of what decoding takes."""
        scratch = _flat(self.dimension)
        self._faiss.copy_array_to_vector(codes.ravel(), scratch.codes)
        scratch.ntotal = len(codes)
        cosines, places = scratch.search(vector.reshape(1, -1), len(codes))
        found = np.empty(len(codes), dtype=np.float32)
        found[places[0]] = cosines[0]
        return found

    def mean(self, sample: int = 2_000) -> Vectors:
        """The mean of so many of the vectors, always the same ones; empty if there are none."""
        rows = np.random.default_rng(0).permutation(self.rows)[:sample]
        return centroid(self.vectors(np.sort(rows).astype(np.int64)))

    def vectors(self, rows: NDArray[np.int64]) -> Vectors:
        """Float32 of shape (len(rows), dimension)."""
        if not len(rows):
            return np.zeros((0, self.dimension), dtype=np.float32)
        if self._listed is not None:
            return self._listed.codes(rows).view("<f2").astype(np.float32)
        found: Vectors = self._index.reconstruct_batch(rows)
        return found


class _Listed:
    """Where each row's vector is in the file of an inverted index, a code of two bytes a number."""

    def __init__(self, index: Any, path: Path) -> None:
        faiss = _faiss()
        lists = faiss.downcast_InvertedLists(index.invlists)
        lists.prefetch_nthread = 0  # else every search starts 32 threads, for 3 ms
        index.make_direct_map(True)  # from rows to places in the lists
        places = faiss.vector_to_array(index.direct_map.array)
        index.set_direct_map_type(faiss.DirectMap.NoMap)
        self._centroids = index.quantizer
        self._list_of = (places >> 32).astype(np.int32)
        starts = np.array([lists.lists.at(n).offset for n in range(index.nlist)], dtype=np.int64)
        self._at = starts[self._list_of] + (places & 0xFFFFFFFF) * index.code_size
        file = np.memmap(path, mode="r", dtype=np.uint8)
        shape = (len(file) - index.code_size + 1, index.code_size)
        self._from = np.lib.stride_tricks.as_strided(file, shape, (1, 1), writeable=False)

    def is_near(self, vector: Vectors, lists: int, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each of the rows is in one of the ``lists`` nearest to a vector."""
        near = np.zeros(self._centroids.ntotal, dtype=np.bool_)
        near[self._centroids.search(vector.reshape(1, -1), lists)[1][0]] = True
        return np.asarray(near[self._list_of[rows]])

    def codes(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Their codes, of shape (len(rows), 2 · dimension)."""
        found: NDArray[np.uint8] = self._from[self._at[rows]]
        return found


def _greatest(values: Vectors, k: int) -> NDArray[np.intp]:
    """Where the ``k`` greatest are."""
    if len(values) <= k:
        return np.arange(len(values))
    return np.argpartition(values, -k)[-k:]
