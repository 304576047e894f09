"""BM25 as an inner product of sparse vectors.

A passage has one sparse vector for all lexical fields, so that one search finds the best by their sum; with
a vector per field, the best by the sum need not be among the best of either. A term's place is a 64-bit
hash of its field and itself, folded to 32 bits: of a corpus of four million terms, a term of a question shares
its place with another one in 1 of 1,000 cases, and within the same passage of 600 terms in 1 of 7 million.

A place holds tf / (tf + norm) with the norm of the passage's length against an average (``index.corpus``).
That average moves with each publication, and rewriting every passage each time is out of the question. So
the average is fixed for a collection when its first passages are written, and renewed when a rebuild
writes them all again; the search only nominates by it. The scores that rank are computed from the vectors
fetched for the candidates: with the passage's length the count of a term is recovered exactly (it is whole),
and scored against the average of the generation. So they are those of the embedded engine but for the last
bits, however far the average has moved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from index.corpus import CorpusStatistics, hash_term, length_norms
from index.korean import FIELDS
from index.protocols import Terms, Vectors, Weights

Sparse = dict[int, float]
Averages = Mapping[str, float]
"""Lexical field to the average length of passages in terms, at least 1."""

_PLACES = (1 << 32) - 2  # Milvus takes up to 2^32 - 2; the last one is for passages without terms
_NOTHING = _PLACES


def place(field: str, term: str) -> int:
    """Where a term of a field stands in sparse vectors."""
    return hash_term(f"{field}\0{term}") % _PLACES


def averages_of(passages: Sequence[Terms]) -> dict[str, float]:
    """The average length in each field."""
    count = max(len(passages), 1)
    return {
        field: max(sum(len(terms[field]) for terms in passages) / count, 1.0) for field in FIELDS
    }


def lengths(terms: Terms) -> list[int]:
    """The number of terms in each field, in the order of ``FIELDS``."""
    return [len(terms[field]) for field in FIELDS]


def passage_side(terms: Terms, averages: Averages) -> Sparse:
    """What a passage's vector holds; never empty, which Milvus refuses."""
    vector: Sparse = {}
    for field in FIELDS:
        norm = float(_norms(np.array([len(terms[field])]), averages[field])[0])
        counts = Counter(place(field, term) for term in terms[field])
        vector |= {where: count / (count + norm) for where, count in counts.items()}
    return vector or {_NOTHING: 1.0}


def question_side(query: Weights) -> Sparse:
    """What finds passages for a spelling of a question; empty: it knows no term."""
    vector: Sparse = {}
    for field, weights in query.items():
        for term, weight in weights.items():
            if weight > 0:
                where = place(field, term)
                vector[where] = vector.get(where, 0.0) + weight
    return vector


def scores(
    vectors: Sequence[Sparse],
    lengths: Sequence[Sequence[int]],
    queries: Sequence[Weights],
    written: Averages,
    corpus: CorpusStatistics,
) -> dict[str, Vectors]:
    """By field, the highest BM25 score of each passage for any of the queries, float32.

    ``written`` are the averages that the vectors were made with.
    """
    found: dict[str, Vectors] = {}
    for number, field in enumerate(FIELDS):
        sizes = np.array([each[number] for each in lengths], dtype=np.int64)
        now = corpus.fields[field].average_length if field in corpus.fields else written[field]
        norms = _norms(sizes, written[field]), _norms(sizes, now)
        each = [_scores(vectors, query.get(field, {}), field, norms) for query in queries]
        found[field] = np.maximum.reduce([np.zeros(len(vectors), np.float32), *each])
    return found


def _scores(
    vectors: Sequence[Sparse],
    weights: Mapping[str, float],
    field: str,
    norms: tuple[Vectors, Vectors],
) -> Vectors:
    then, now = norms
    total = np.zeros(len(vectors), dtype=np.float32)
    for term, weight in weights.items():
        where = place(field, term)
        held = np.array([vector.get(where, 0.0) for vector in vectors], dtype=np.float64)
        counts = np.rint(held * then / np.maximum(1 - held, 1e-9)).astype(np.float32)
        total += np.float32(weight) * counts / (counts + now)
    return total


def _norms(sizes: np.ndarray[tuple[int], np.dtype[np.int64]], average: float) -> Vectors:
    return length_norms(sizes.astype(np.uint32), average)
