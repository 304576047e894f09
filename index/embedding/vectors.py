"""From the states that a model computes to the vectors of texts and sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.protocols import Span, Vectors


def unit_rows(vectors: Vectors) -> Vectors:
    """The rows of ``vectors`` scaled to length 1; rows of zeros stay so. Float32, same shape."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


def span_vectors(
    states: NDArray[np.float32], ends: NDArray[np.int64], spans: Sequence[Span], shift: int
) -> Vectors:
    """The mean state of each span's tokens: float32 (len(spans), width of a state).

    ``states`` has a row per token, and ``ends`` the place in characters behind it, counted from the start of a
    prompt of ``shift`` characters; 0 for special tokens. Spans without a token are zero.
    """
    ends = ends - shift
    vectors = np.zeros((len(spans), states.shape[1]), np.float32)
    for row, (start, end) in zip(vectors, spans, strict=True):
        # By its end: a token may begin with the blank before the span's first word.
        inside = (start < ends) & (ends <= end)
        if inside.any():
            row[:] = states[inside].mean(axis=0)
    return vectors
