"""Questions that come at the same time are embedded in one pass of the model.

A pass over one question is spent on reading the model's weights as much as on computing: eight
questions in one take a quarter to a third less processor time than eight passes.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
from numpy.typing import NDArray

from index import Embedder

MAX_BATCH = 16
Vectors = NDArray[np.float32]


class BatchingEmbedder:
    """An Embedder whose ``embed_queries`` may be called from many threads.

    Nobody waits for company: whoever comes while the model is busy goes with its next pass.
    """

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self._waiting: queue.SimpleQueue[tuple[str, Future[Vectors]]] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="gisa-embedder", daemon=True).start()

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    @property
    def max_tokens(self) -> int:
        return self._inner.max_tokens

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._inner.embed_passages(texts)

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]]
    ) -> tuple[Vectors, list[Vectors]]:
        return self._inner.embed_passages_and_spans(texts, spans)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As the Embedder that it wraps; raises what that raises."""
        if len(texts) != 1:
            return self._inner.embed_queries(texts)
        vector: Future[Vectors] = Future()
        self._waiting.put((texts[0], vector))
        return vector.result()

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())  # this thread alone takes: there is one
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
