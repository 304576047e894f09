"""Questions that come together are embedded together, and each gets its own vector."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hash_embedder import HashEmbedder
from numpy.typing import NDArray

from service.serving.batching import MAX_BATCH, BatchingEmbedder


class HeldEmbedder(HashEmbedder):
    """Its first pass lasts until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.sizes: list[int] = []
        self.busy, self.let_go = threading.Event(), threading.Event()

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.sizes.append(len(texts))
        if len(self.sizes) == 1:
            self.busy.set()
            self.let_go.wait(10)
        if "고장" in texts:
            raise RuntimeError("the model broke")
        return super().embed_queries(texts)


def test_whoever_comes_while_the_model_is_busy_shares_the_next_pass() -> None:
    inner = HeldEmbedder()
    embedder = BatchingEmbedder(inner, passes=1)
    texts = [f"질문 {n}" for n in range(MAX_BATCH + 5)]
    with ThreadPoolExecutor(len(texts)) as pool:
        first = pool.submit(embedder.embed_queries, [texts[0]])
        inner.busy.wait(10)
        others = [pool.submit(embedder.embed_queries, [text]) for text in texts[1:]]
        while embedder._waiting.qsize() < len(others):
            threading.Event().wait(0.005)
        inner.let_go.set()
        vectors = np.vstack([future.result() for future in (first, *others)])
    assert inner.sizes == [1, MAX_BATCH, 4]
    np.testing.assert_array_equal(vectors, HashEmbedder().embed_queries(texts))


def test_a_failure_reaches_those_who_asked_and_nobody_later() -> None:
    inner = HeldEmbedder()
    inner.let_go.set()
    embedder = BatchingEmbedder(inner, passes=1)
    with pytest.raises(RuntimeError, match="broke"):
        embedder.embed_queries(["고장"])
    assert embedder.embed_queries(["질문"]).shape == (1, inner.dimension)


def test_everything_else_is_the_embedders_own() -> None:
    inner = HashEmbedder()
    embedder = BatchingEmbedder(inner, passes=1)
    assert (embedder.name, embedder.dimension) == (inner.name, inner.dimension)
    assert embedder.max_tokens == inner.max_tokens
    assert embedder.count_tokens("가 나") == inner.count_tokens("가 나")
    assert embedder.embed_queries([]).shape == (0, inner.dimension)
    vectors, spans = embedder.embed_passages_and_spans(["가나다"], [[(0, 1)]])
    np.testing.assert_array_equal(vectors, embedder.embed_passages(["가나다"]))
    assert len(spans) == 1
