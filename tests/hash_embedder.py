"""A small embedder for tests: no model, no randomness, the same vectors on every machine."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from index.protocols import Span, Vectors


class HashEmbedder:
    """Counts hashed character n-grams (1 to 3 long); meets ``index.protocols.Embedder``.

    Texts that share words have a high cosine, so searching finds what it should. A token is a
    character. Questions and passages are embedded alike.
    """

    def __init__(self, dimension: int = 64, max_tokens: int = 512) -> None:
        self._dimension = dimension
        self._max_tokens = max_tokens

    @property
    def name(self) -> str:
        return f"hash-{self._dimension}"

    @property
    def computed_by(self) -> str:
        return "hashes"

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return self._max_tokens

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self.embed_passages(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self._dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for gram in _grams(text[: self._max_tokens]):
                code = zlib.crc32(gram.encode())
                row[code % self._dimension] += 1 if code & 0x8000_0000 else -1
            if not row.any():  # no grams, or grams that cancel out
                row[0] = 1
            row /= np.linalg.norm(row)
        return vectors

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        of_spans = [
            self.embed_passages([text[start:end] for start, end in wanted])
            for text, wanted in zip(texts, spans, strict=True)
        ]
        return self.embed_passages(texts), of_spans


def _grams(text: str) -> list[str]:
    words = [f" {word} " for word in text.split()]
    return [word[i : i + n] for word in words for n in (1, 2, 3) for i in range(len(word) - n + 1)]
