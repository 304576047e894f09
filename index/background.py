"""What an ordinary passage looks like to an embedder, where the corpus is too small to tell.

How much nearer a passage is to a question than an ordinary one says something only if "ordinary" does not depend on
what happens to be indexed. So the statistics of a small corpus are blended with those of a few sentences on many
subjects, as if these were passages of it.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np

from index.corpus import CorpusStatistics, centroid, cosine_spread
from index.lexicon import LEXICON
from index.protocols import Embedder, Vectors

PASSAGES = 200
"""For how many passages the background counts."""


class Background:
    """The mean vector and the spread of cosines of ordinary sentences; embedded when they are first needed.

    What was computed is kept in the folder ``cache``, by embedder and sentences; None keeps it nowhere.
    """

    def __init__(self, embedder: Embedder, cache: Path | None = None) -> None:
        self._embedder, self._cache = embedder, cache

    def blended(self, corpus: CorpusStatistics) -> tuple[Vectors, float]:
        """Mean vector and spread of cosines of a corpus, and of the background as far as it is small."""
        share = corpus.passages / (corpus.passages + PASSAGES)
        if corpus.passages > 20 * PASSAGES:
            return corpus.centroid, corpus.cosine_spread
        mean, spread = self._of_sentences
        if not len(corpus.centroid):
            return mean, spread
        blended = np.float32(share) * corpus.centroid + np.float32(1 - share) * mean
        return blended, share * corpus.cosine_spread + (1 - share) * spread

    @cached_property
    def _of_sentences(self) -> tuple[Vectors, float]:
        sentences = LEXICON["background.sentences"].entries
        told = "\n".join([self._embedder.name, *sentences])
        name = f"background-{hashlib.sha256(told.encode()).hexdigest()[:16]}.npy"
        file = self._cache / name if self._cache else None
        known = _read(file, self._embedder.dimension) if file else None
        if known is None:
            vectors = self._embedder.embed_passages(sentences)
            known = np.append(centroid(vectors), np.float32(cosine_spread(vectors)))
            if file:
                _write(file, known)
        return known[:-1], float(known[-1])


def _read(file: Path, dimension: int) -> Vectors | None:
    """A mean vector and a spread, float32 (dimension + 1,); None if there is nothing of that kind."""
    try:
        known: Vectors = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    fits = known.dtype == np.float32 and known.shape == (dimension + 1,)
    return known if fits and np.isfinite(known).all() else None


def _write(file: Path, known: Vectors) -> None:
    """Keep it, unless the folder can't be written. Who meets a part of it computes it again."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, known, allow_pickle=False)
