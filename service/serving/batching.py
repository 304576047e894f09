"""Embedding questions that arrive at the same time: side by side, and in one pass of the model once all streams are busy."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from index import Embedder

MAX_BATCH = 16
Vectors = NDArray[np.float32]


class BatchingEmbedder:
    """An Embedder whose ``embed_queries`` may be called from many threads; the rest is ``inner``'s.

    A question is never held back to wait for others. ``passes`` run side by side; those that arrive while all
    of them are busy share the next one, up to ``MAX_BATCH`` questions.
    """

    def __init__(self, inner: Embedder, *, passes: int) -> None:
        self._inner = inner
        self._waiting: queue.SimpleQueue[tuple[str, Future[Vectors]]] = queue.SimpleQueue()
        for _ in range(passes):
            threading.Thread(target=self._work, name="gisa-embedder", daemon=True).start()

    @property
    def name(self) -> str:
        """See ``Embedder``."""
        return self._inner.name

    @property
    def computed_by(self) -> str:
        """See ``Embedder``."""
        return self._inner.computed_by

    @property
    def dimension(self) -> int:
        """See ``Embedder``."""
        return self._inner.dimension

    @property
    def max_tokens(self) -> int:
        """See ``Embedder``."""
        return self._inner.max_tokens

    def count_tokens(self, text: str) -> int:
        """See ``Embedder``."""
        return self._inner.count_tokens(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder``; not batched with other calls."""
        return self._inner.embed_passages(texts)

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[Vectors, list[Vectors]]:
        """See ``Embedder``; not batched with other calls."""
        return self._inner.embed_passages_and_spans(texts, spans)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """See ``Embedder``; raises whatever ``inner`` raises for the pass."""
        if len(texts) != 1:
            return self._inner.embed_queries(texts)
        vector: Future[Vectors] = Future()
        self._waiting.put((texts[0], vector))
        return vector.result()

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            with suppress(queue.Empty):
                while len(batch) < MAX_BATCH:
                    batch.append(self._waiting.get_nowait())
            self._embed(batch)

    def _embed(self, batch: Sequence[tuple[str, Future[Vectors]]]) -> None:
        try:
            vectors = self._inner.embed_queries([text for text, _ in batch])
        except Exception as error:
            # The thread's boundary: whatever went wrong goes to those who wait for these vectors.
            for _, future in batch:
                future.set_exception(error)
            return
        for row, (_, future) in enumerate(batch):
            future.set_result(vectors[row : row + 1])
