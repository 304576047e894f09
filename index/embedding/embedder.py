"""The embedder: one class, whichever runtime computes."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from index.embedding.backend import Backend
from index.embedding.conversion import converted_model
from index.embedding.openvino_runtime import OpenVinoBackend
from index.embedding.precision import Precision
from index.embedding.source import ModelSource, find_source
from index.embedding.torch_runtime import TorchBackend, load_model
from index.embedding.vectors import unit_rows
from index.errors import ModelUnavailable
from index.model_cache import default_cache_dir
from index.protocols import Span, Vectors

Runtime = Literal["auto", "openvino", "torch"]
"""What computes; "auto" is OpenVINO if it can run the model, otherwise PyTorch."""

logger = logging.getLogger(__name__)


class SentenceTransformerEmbedder:
    """Embeds with a sentence-transformers model; meets ``index.protocols.Embedder``.

    ``model`` is the name of a model on the Hugging Face hub (taken from the local cache if it is
    there), a model folder, or None or ``"bundled"`` for the model that comes with the product.
    ``runtime`` "auto" means OpenVINO if it is installed and agrees with PyTorch, otherwise PyTorch.
    ``threads`` limits the CPU threads used; None is one per core. ``precision`` is that of OpenVINO; "auto" is the fastest
    on this processor for the bundled model, whose retrieval is as good in either, and "float" for others.

    Instances may be shared between threads. Raises ModelUnavailable if the model can't be found,
    loaded, or (with ``runtime="openvino"``) converted.
    """

    def __init__(
        self,
        model: str | Path | None = None,
        *,
        runtime: Runtime = "auto",
        cache_dir: Path | None = None,
        threads: int | None = None,
        precision: Precision | Literal["auto"] = "auto",
    ) -> None:
        cache = cache_dir or default_cache_dir()
        source = find_source(model, cache)
        self._name = source.label
        if precision == "auto" and not source.is_bundled:
            precision = "float"
        wanted: Precision | None = None if precision == "auto" else precision
        self._backend = _open_backend(source, runtime, cache, _Computation(threads, wanted))
        self._card = self._backend.card

    @property
    def name(self) -> str:
        """The model's name and the start of a hash of its weights, equal for both runtimes."""
        return self._name

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._card.dimension

    @property
    def max_tokens(self) -> int:
        """Most tokens that the model reads, prompt and special tokens included."""
        return self._card.max_tokens

    @property
    def runtime(self) -> str:
        """What computes: ``openvino`` or ``torch``."""
        return self._backend.runtime

    @property
    def computed_by(self) -> str:
        """The runtime and in what numbers it computes: ``openvino f32, 2 streams``."""
        return self._backend.computed_by

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` as a passage, uncut, prompt and special tokens included."""
        return self._backend.count_tokens(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions: float32 (len(texts), dimension), rows of length 1."""
        return unit_rows(self._backend.embed_queries(texts)) if len(texts) else self._no_rows()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages: float32 (len(texts), dimension), rows of length 1."""
        return unit_rows(self._backend.embed_passages(texts)) if len(texts) else self._no_rows()

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As ``embed_passages``, and a vector for each span ``text[start:end]`` of each text.

        A span's vector is the mean of its tokens' states in the pass over the whole text, so it
        reflects its context and costs next to nothing ("late chunking", Günther et al. 2024,
        arXiv:2409.04701). Spans without a token, such as those beyond the model's limit, are zero.
        If a model's vectors are not means of its tokens' states, the spans are embedded one by one.
        """
        if not texts:
            return self._no_rows(), []
        if self._card.mean_of_tokens:
            vectors, of_spans = self._backend.embed_passages_and_spans(texts, spans)
            return unit_rows(vectors), [unit_rows(rows) for rows in of_spans]
        return self.embed_passages(texts), [
            self.embed_passages([text[start:end] for start, end in wanted])
            for text, wanted in zip(texts, spans, strict=True)
        ]

    def _no_rows(self) -> Vectors:
        return np.empty((0, self.dimension), np.float32)


@dataclass(frozen=True)
class _Computation:
    """How a model is to be computed; see ``SentenceTransformerEmbedder``."""

    threads: int | None
    precision: Precision | None


def _open_backend(
    source: ModelSource, runtime: Runtime, cache: Path, wanted: _Computation
) -> Backend:
    if runtime == "torch":
        return _open_torch(source, wanted.threads)
    try:
        return _open_openvino(source, cache, wanted)
    except ModelUnavailable:
        raise
    except Exception as error:
        # Broad: tracing runs the model's own code, and OpenVINO raises plain Exception itself.
        # Whatever it is, PyTorch may still run the model.
        if runtime == "openvino":
            raise ModelUnavailable(
                f"OpenVINO can't run {source.label}: {error}",
                remedy="Use the runtime 'auto' or 'torch'.",
            ) from error
        logger.warning(
            "OpenVINO can't run %s, so PyTorch does, several times slower: %s", source.label, error
        )
        return _open_torch(source, wanted.threads)


def _open_torch(source: ModelSource, threads: int | None) -> Backend:
    return TorchBackend(load_model(source, device=None), source.name, threads)


def _open_openvino(source: ModelSource, cache: Path, wanted: _Computation) -> Backend:
    folder = converted_model(source, cache)
    try:
        return OpenVinoBackend(folder, wanted.threads, wanted.precision)
    except Exception as error:
        # Broad: tokenizers raises plain Exception for a damaged file. The sizes are right, but the
        # contents may not be; a thorough look tells, and converts the model again if so.
        logger.warning("the converted model in %s does not load: %s", folder, error)
        folder = converted_model(source, cache, thorough=True)
        return OpenVinoBackend(folder, wanted.threads, wanted.precision)
