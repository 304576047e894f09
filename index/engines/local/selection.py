"""The rows of a generation that a search may find: those that meet its filters and are still there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Selection:
    """Some rows, as each plan of a search wants them; never changed once it is made.

    ``mask`` has a value for each row of the generation.
    """

    mask: NDArray[np.bool_]

    @cached_property
    def count(self) -> int:
        """How many rows there are."""
        return int(np.count_nonzero(self.mask))

    @property
    def share(self) -> float:
        """Of all rows, 0 to 1."""
        return self.count / max(len(self.mask), 1)

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Their numbers, rising."""
        return np.flatnonzero(self.mask)

    @cached_property
    def bitmap(self) -> NDArray[np.uint8]:
        """The mask as FAISS has it: a bit for each row, the lowest first."""
        return np.packbits(self.mask, bitorder="little")


class Columns:
    """What filters ask for, an array for each question: one is read in a tenth of the time of its rows.

    Rows come in the order of passages, and a passage is stored with its article: so articles rise.
    """

    def __init__(self, rows: NDArray[np.void]) -> None:
        """Raises ValueError for rows in another order."""
        self._articles = np.ascontiguousarray(rows["article"])
        self._days = np.ascontiguousarray(rows["day"])
        self._codes = {name: np.ascontiguousarray(rows[name]) for name in ("press", "section")}
        if (self._articles[1:] < self._articles[:-1]).any():
            raise ValueError("the rows are not in the order of their articles")

    def published(self, since: date | None, until: date | None) -> NDArray[np.bool_]:
        """The rows of a period, whose first and last day are in it; None: open."""
        least = since.toordinal() if since else 1 if until else 0  # 0: the day is not known
        mask: NDArray[np.bool_] = self._days >= least
        if until:
            mask &= self._days <= until.toordinal()
        return mask

    def coded(self, name: str, codes: Sequence[int]) -> NDArray[np.bool_]:
        """The rows whose ``name``, "press" or "section", has one of the codes."""
        column = self._codes[name]
        if len(codes) == 1:  # the most common, and ten times as fast
            return np.asarray(column == codes[0])
        return np.isin(column, codes)

    def of_articles(self, keys: Collection[int]) -> NDArray[np.bool_]:
        """The rows of some articles."""
        wanted = np.unique(np.fromiter(keys, dtype=np.int64, count=len(keys)))
        first = np.searchsorted(self._articles, wanted)
        sizes = np.searchsorted(self._articles, wanted, side="right") - first
        mask = np.zeros(len(self._articles), dtype=np.bool_)
        mask[np.repeat(first - (np.cumsum(sizes) - sizes), sizes) + np.arange(sizes.sum())] = True
        return mask
