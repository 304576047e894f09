"""One BM25 index per lexical field of a generation, with bm25s.

Scores are shares of what the query could reach at most, the sum of its terms' idf (Lucene's BM25
saturates at idf · 1). A term that the corpus does not know counts with the highest idf, so a question
whose words are not in the corpus gets a small lexical score by itself.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index.protocols import Terms, Vectors

FOLDER = "lexical"
_K1, _B = 1.2, 0.75  # Lucene's defaults; chosen no further
_VOCABULARY_FILE = "vocab.index.json"  # bm25s' own name


def write_lexical(passages: Iterable[Terms], fields: Sequence[str], folder: Path) -> None:
    """Write the BM25 index of each field; passages in row order."""
    from bm25s import BM25

    vocabularies: dict[str, dict[str, int]] = {field: {} for field in fields}
    rows: dict[str, list[NDArray[np.int32]]] = {field: [] for field in fields}
    for terms in passages:
        for field in fields:
            vocabulary = vocabularies[field]
            ids = [vocabulary.setdefault(term, len(vocabulary)) for term in terms[field]]
            rows[field].append(np.array(ids, dtype=np.int32))
    for field in fields:
        # bm25s wants an empty token in its vocabulary, and something to index.
        nothing = vocabularies[field].setdefault("", len(vocabularies[field]))
        documents = rows[field] or [np.array([nothing], dtype=np.int32)]
        bm25 = BM25(k1=_K1, b=_B, method="lucene")
        bm25.index((documents, vocabularies[field]), show_progress=False)
        bm25.save(folder / FOLDER / field, allow_pickle=False)


class LexicalStore:
    """Reads what ``write_lexical`` wrote; memory-mapped, safe to search from many threads."""

    def __init__(self, folder: Path, fields: Sequence[str], rows: int) -> None:
        self._fields = {field: _Field(folder / FOLDER / field, rows) for field in fields}

    def scores(self, terms: Terms) -> dict[str, Vectors]:
        """By field, the score of every row: float32 of shape (rows,), 0 to 1."""
        return {name: field.scores(terms.get(name, ())) for name, field in self._fields.items()}

    def idf(self, field: str, terms: Iterable[str]) -> Mapping[str, float]:
        """How rare each term is in the corpus; unknown ones have the highest value."""
        return {term: self._fields[field].idf(term) for term in terms}


class _Field:
    def __init__(self, folder: Path, rows: int) -> None:
        from bm25s import BM25

        self._bm25: Any = BM25.load(folder, mmap=True, load_vocab=False)
        self._vocabulary: dict[str, int] = json.loads((folder / _VOCABULARY_FILE).read_bytes())
        self._rows = rows
        self._indptr: NDArray[Any] = self._bm25.scores["indptr"]

    def idf(self, term: str) -> float:
        term_id = self._vocabulary.get(term)
        frequency = 0 if term_id is None else int(np.diff(self._indptr[term_id : term_id + 2])[0])
        return math.log1p((self._rows - frequency + 0.5) / (frequency + 0.5))

    def scores(self, terms: Sequence[str]) -> Vectors:
        terms = list(dict.fromkeys(terms))
        attainable = sum(map(self.idf, terms))
        known = [self._vocabulary[term] for term in terms if term in self._vocabulary]
        if not known:
            return np.zeros(self._rows, dtype=np.float32)
        scores: Vectors = self._bm25.get_scores_from_ids(known)
        return scores / np.float32(attainable)
