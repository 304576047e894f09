"""What an ordinary passage looks like to an embedder, where the corpus is too small to tell.

How much nearer a passage is to a question than an ordinary one says something only if "ordinary" does not depend on
what happens to be indexed. So the statistics of a small corpus are blended with those of a few sentences on many
subjects, as if these were passages of it.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from index.corpus import CorpusStatistics, centroid, cosine_spread
from index.lexicon import LEXICON
from index.protocols import Embedder, Vectors

PASSAGES = 200
"""For how many passages the background counts."""


class Background:
    """The mean vector and the spread of cosines of ordinary sentences; embedded when they are first needed."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

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
        vectors = self._embedder.embed_passages(LEXICON["background.sentences"].entries)
        return centroid(vectors), cosine_spread(vectors)
