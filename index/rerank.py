"""Reordering the best passages by a cross-encoder, a model that reads question and passage together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from index.errors import ModelUnavailable
from index.protocols import Vectors


class CrossEncoderReranker:
    """Any cross-encoder that sentence-transformers loads, by name or folder; meets ``Reranker``.

    One passage takes about 50 ms on two cores with a small model, so only the best passages of the
    fusion are reranked.
    """

    def __init__(self, model: str) -> None:
        """Raises ModelUnavailable."""
        self.name = model
        self._model = load_cross_encoder(model, setting="GISA_RERANK_MODEL")

    def scores(self, question: str, passages: Sequence[str]) -> Vectors:
        """How well each passage answers the question, float32 of shape (len(passages),)."""
        pairs = [(question, passage) for passage in passages]
        if not pairs:
            return np.zeros(0, dtype=np.float32)
        scores = self._model.predict(pairs, show_progress_bar=False, convert_to_numpy=True)
        return np.asarray(scores, dtype=np.float32).reshape(len(passages), -1)[:, -1]


def load_cross_encoder(model: str, *, setting: str) -> Any:
    """A ``sentence_transformers.CrossEncoder`` by name or folder, on the CPU.

    ``setting`` is the one that names it, to be told where it can't be loaded. Raises ModelUnavailable.
    """
    from sentence_transformers import CrossEncoder

    try:
        return CrossEncoder(model, device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelUnavailable(
            f"the cross-encoder {model} can't be loaded: {error}",
            remedy=f"Set {setting} to the name or folder of a cross-encoder, or leave it empty.",
        ) from error
