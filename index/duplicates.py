"""Which articles report one story in (nearly) the same words: wire copy, reprints, updates.

Articles are compared by the set of 5-character shingles of their text without whitespace, so
that line breaks don't matter. MinHash bands find the few candidates, an exact comparison decides. Sources: Broder, On the resemblance and containment of documents (1997);
Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, ch. 3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

MIN_CHARS = 100
"""Bodies shorter than this, whitespace not counted, are too short to compare: each is a story of its own."""

SHINGLE_CHARS = 5
MIN_JACCARD = 0.6
MIN_CONTAINMENT = 0.8

REWORDED_JACCARD = 0.35
MIN_FIGURES, FIGURES_SHARED = 5, 0.7
"""Copy with a fifth of its words edited has a Jaccard similarity of 0.39 to 0.53, and so may two reports
written to one template. Copy keeps the figures; reports from a template differ in them."""

MAX_DAYS_APART = 7
"""Articles dated further apart are different stories, however alike: weather, lottery and markets are
reported every day in the words of the day before."""

PERMUTATIONS = 128
BANDS, ROWS = 32, 4
"""What datasketch's MinHashLSH chooses for 128 permutations and a threshold of 0.4."""

Shingles = NDArray[np.uint64]
_FIGURE = re.compile(r"\d+(?:[.,]\d+)*")


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a text.

    ``shingles`` are the hashes of its distinct shingles in rising order, ``figures`` its distinct
    numbers. ``known_bands`` are its bands where they are worked out already.
    """

    shingles: Shingles
    figures: frozenset[str]
    known_bands: tuple[int, ...] = ()

    @cached_property
    def bands(self) -> tuple[int, ...]:
        """``BANDS`` numbers (64 bits, signed), of which similar texts share one.

        So do 98.8 % of pairs at a Jaccard similarity of 0.6, 56 % at 0.4, 0.3 % at 0.1.
        """
        return self.known_bands or _bands(self.shingles)


def fingerprint(body: str) -> Fingerprint | None:
    """The fingerprint of a cleaned body; None if it is too short to tell."""
    text = "".join(body.split())
    if len(text) < MIN_CHARS:
        return None
    return Fingerprint(_shingles(text), frozenset(_FIGURE.findall(body)))


def same_story(one: Fingerprint, other: Fingerprint) -> bool:
    """Whether two texts agree as a whole, or one contains nearly all of the other, or rewords it."""
    common = len(np.intersect1d(one.shingles, other.shingles, assume_unique=True))
    jaccard = common / (len(one.shingles) + len(other.shingles) - common)
    containment = common / min(len(one.shingles), len(other.shingles))
    if jaccard >= MIN_JACCARD or containment >= MIN_CONTAINMENT:
        return True
    return jaccard >= REWORDED_JACCARD and _same_figures(one.figures, other.figures)


def _same_figures(one: frozenset[str], other: frozenset[str]) -> bool:
    fewer = min(len(one), len(other))
    return fewer >= MIN_FIGURES and len(one & other) >= FIGURES_SHARED * fewer


_FACTORS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xFF51AFD7ED558CCD],
    dtype=np.uint64,
)  # fmt: skip
"""Any large odd numbers do; stored bands depend on them."""


def _shingles(text: str) -> Shingles:
    characters = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
    windows = np.lib.stride_tricks.sliding_window_view(characters, SHINGLE_CHARS)
    return np.unique(_mixed(windows.astype(np.uint64) @ _FACTORS))


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Spread what is in the low bits over all 64 (the finalizer of MurmurHash3)."""
    numbers = (numbers ^ (numbers >> np.uint64(33))) * _FACTORS[-1]
    return numbers ^ (numbers >> np.uint64(33))


def _bands(shingles: Shingles) -> tuple[int, ...]:
    minhash = _minhash().copy()
    minhash.update_batch(_low_halves(shingles))
    rows = minhash.hashvalues[: BANDS * ROWS].reshape(BANDS, ROWS).astype(np.uint64)
    # The number of the band takes part, so that equal rows of two bands are no match.
    mixed = _mixed(rows @ _FACTORS[:ROWS] + np.arange(BANDS, dtype=np.uint64))
    return tuple(mixed.view(np.int64).tolist())


def _low_halves(shingles: Shingles) -> Iterable[int]:
    return (shingles & np.uint64(0xFFFFFFFF)).tolist()  # type: ignore[no-any-return]


@cache
def _minhash() -> Any:
    from datasketch import MinHash

    # Scheme and seed are spelt out, since stored bands depend on them.
    return MinHash(num_perm=PERMUTATIONS, seed=1, scheme="affine32", hashfunc=int)
