"""Models computed by PyTorch, as sentence-transformers runs them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from index.embedding.backend import ModelCard
from index.embedding.batches import token_ends
from index.embedding.source import ModelSource
from index.embedding.vectors import span_vectors
from index.errors import ModelUnavailable
from index.protocols import Span, Vectors


class TorchBackend:
    """A model as sentence-transformers runs it; meets ``index.embedding.backend.Backend``.

    One call at a time: others wait.
    """

    runtime = computed_by = "torch"

    def __init__(self, model: Any, name: str, threads: int | None) -> None:
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        self._model = model
        self.card = _card_of(model, name)
        # Encoding changes the truncation settings of the tokenizer, so nothing runs beside it.
        self._lock = threading.Lock()

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` as a passage, uncut, prompt and special tokens included."""
        tokenizer, prompted = self._model.tokenizer, self.card.passage_prompt + text
        with self._lock:
            if callable(tokenizer):
                return len(tokenizer(prompted, truncation=False, verbose=False)["input_ids"])
            return len(tokenizer.encode(prompted).ids)  # StaticEmbedding models have a bare one

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension)."""
        return self._encode(self._model.encode_query, texts, self.card.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension)."""
        return self._encode(self._model.encode_document, texts, self.card.passage_prompt)

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As ``embed_passages``, and for each text float32 (number of its spans, state's width)."""
        vectors = self.embed_passages(texts)
        prompt = self.card.passage_prompt
        of_spans = []
        for text, wanted in zip(texts, spans, strict=True):
            with self._lock:
                encoding = self._model.tokenizer(
                    prompt + text,
                    truncation=True,
                    max_length=self.card.max_tokens,
                    return_offsets_mapping=True,
                )
                [states] = self._model.encode(
                    [prompt + text], prompt="", output_value="token_embeddings"
                )
            ends = np.array(token_ends(encoding["offset_mapping"]))
            of_spans.append(span_vectors(states.float().cpu().numpy(), ends, wanted, len(prompt)))
        return vectors, of_spans

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str], prompt: str) -> Vectors:
        with self._lock:
            vectors = encode(list(texts), prompt=prompt, batch_size=8, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


def load_model(source: ModelSource, device: str | None) -> Any:
    """The SentenceTransformer, in float32; ``device`` None takes the fastest there is.

    Raises ModelUnavailable.
    """
    folder = source.folder()
    try:
        from sentence_transformers import SentenceTransformer

        with _no_progress_bars():
            model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    except Exception as error:
        # Broad: loading runs the code of whatever modules the folder names.
        raise ModelUnavailable(
            f"can't load the model {source.label} from {folder}: {error}"
        ) from error
    return model.float().eval()


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    log = transformers_log()
    shown = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            log.enable_progress_bar()


def transformers_log() -> Any:
    """The module by which transformers sets how much it logs and whether it shows progress."""
    from transformers.utils import logging as transformers_logging

    return transformers_logging


_E5 = {"query": "query: ", "passage": "passage: "}
_PROMPTS_OF = {f"intfloat/multilingual-e5-{size}": _E5 for size in ("small", "base", "large")}
"""Models whose cards ask for prompts that their folders leave out."""


_ANY_LENGTH = 1_000_000
"""Tokens; stands for no limit, which tokenizers express by infinity or by 10^30."""


def _card_of(model: Any, name: str) -> ModelCard:
    prompts: Mapping[str, str] = {key: text for key, text in model.prompts.items() if text}
    prompts = prompts or _PROMPTS_OF.get(name, {})
    # Unlike encode_document, an empty "document" does not hide a "passage": E5 needs its prompt.
    passage_prompts = (prompts.get(key) for key in ("document", "passage", "corpus"))
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    limits = model.max_seq_length, getattr(config, "max_position_embeddings", None)
    return ModelCard(
        dimension=model.encode(["."], show_progress_bar=False).shape[1],
        max_tokens=int(min([limit for limit in limits if limit] + [_ANY_LENGTH])),
        query_prompt=prompts.get("query", ""),
        passage_prompt=next(filter(None, passage_prompts), ""),
        pad_id=getattr(model.tokenizer, "pad_token_id", None) or 0,
        mean_of_tokens=_takes_the_mean(model),
    )


def _takes_the_mean(model: Any) -> bool:
    kinds = [type(module).__name__ for module in model]
    mode = getattr(model[1], "pooling_mode", None) if len(model) > 1 else None
    return kinds in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]) and (
        mode in ("mean", ("mean",))
    )
