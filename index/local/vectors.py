"""The vectors of a generation, in FAISS."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.protocols import Vectors

FILE = "vectors.faiss"


def write_vectors(batches: Iterable[Vectors], dimension: int, folder: Path) -> None:
    """Write unit vectors, row by row, as a FAISS index of inner products (here: cosines)."""
    import faiss

    index = faiss.IndexFlatIP(dimension)
    for batch in batches:
        index.add(np.ascontiguousarray(batch, dtype=np.float32))
    faiss.write_index(index, str(folder / FILE))


class VectorStore:
    """Reads what ``write_vectors`` wrote; memory-mapped, safe to search from many threads."""

    def __init__(self, folder: Path) -> None:
        import faiss

        # FAISS's Python layer adds the constructors used here at run time; its stubs lack them.
        self._faiss: Any = faiss
        self._index: Any = faiss.read_index(str(folder / FILE), faiss.IO_FLAG_MMAP_IFC)

    @property
    def rows(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def nearest(self, vector: Vectors, k: int, mask: NDArray[np.bool_] | None) -> NDArray[np.int64]:
        """The rows of the ``k`` nearest vectors among those that ``mask`` lets through."""
        if not self.rows:
            return np.zeros(0, dtype=np.int64)
        params = None
        if mask is not None:
            bits = np.packbits(mask, bitorder="little")
            params = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBitmap(bits))
        _, rows = self._index.search(vector.reshape(1, -1), min(k, self.rows), params=params)
        found: NDArray[np.int64] = rows[0][rows[0] >= 0]
        return found

    def cosines(self, vector: Vectors, rows: NDArray[np.int64]) -> Vectors:
        """The cosine of a unit vector with each of the rows, float32 of shape (len(rows),)."""
        if not len(rows):
            return np.zeros(0, dtype=np.float32)
        vectors: Vectors = self._index.reconstruct_batch(rows)
        return vectors @ vector
