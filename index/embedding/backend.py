"""The seam between the embedder and the runtimes that compute a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from index.protocols import Span, Vectors


@dataclass(frozen=True)
class ModelCard:
    """What must be known of a model besides its weights and its tokenizer.

    ``max_tokens`` includes prompt and special tokens; ``pad_id`` is the token that fills a batch.
    """

    dimension: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str
    pad_id: int
    mean_of_tokens: bool = False
    """Whether a text's vector is the mean of its tokens' states, apart from its length."""
    precision: str | None = None
    """For OpenVINO; None leaves the choice to it (bfloat16 where the CPU has it)."""


class Backend(Protocol):
    """A loaded model, shared between threads.

    ``runtime`` names what computes, ``computed_by`` also in what numbers, for the operator. Texts are
    given without the prompts, which ``card`` has. They are cut at ``card.max_tokens``, but ``count_tokens`` counts the whole text. Vectors are float32 of shape
    (len(texts), card.dimension); their length is not normalised. For each text,
    ``embed_passages_and_spans`` also gives float32 (number of its spans, width of a token's state):
    the mean state of each span's tokens, zero for a span without tokens.
    """

    @property
    def runtime(self) -> str: ...
    @property
    def computed_by(self) -> str: ...
    @property
    def card(self) -> ModelCard: ...
    def count_tokens(self, text: str) -> int: ...
    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]: ...
