"""Models computed by OpenVINO, from a folder that ``conversion`` has written."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import numpy as np

from index.embedding.backend import ModelCard
from index.embedding.batches import LENGTH_STEP, Batch, TextBatcher
from index.embedding.vectors import span_vectors
from index.protocols import Span, Vectors


class OpenVinoBackend:
    """A converted model; meets ``index.embedding.backend.Backend``.

    Neither PyTorch nor transformers is imported. The model is compiled twice over the same mapped
    weights: for the latency of a question (all cores on one text), and, once passages come, for
    throughput (a text per core).

    Raises whatever OpenVINO, tokenizers and the card's JSON raise for a damaged folder.
    """

    runtime = "openvino"

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        openvino = import_openvino()
        self.card = ModelCard(**json.loads((folder / "card.json").read_text(encoding="utf-8")))
        self._threads = threads
        self._core = openvino.Core()
        self._model = self._core.read_model(folder / "model.xml")
        with ThreadPoolExecutor(1) as beside:  # compiling lets go of the interpreter lock
            compiling = beside.submit(self._compile, "LATENCY")
            self._batcher = TextBatcher(folder, self.card)
        compiled = compiling.result()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            self._requests.put(compiled.create_infer_request())
        self._passage_queue: Any = None
        self._compiled_for_passages: Any = None
        self._passage_lock = threading.Lock()

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` as a passage, uncut, prompt and special tokens included."""
        return self._batcher.count_tokens(self.card.passage_prompt + text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension); as many calls at once as the CPU has use for."""
        vectors = self._empty(len(texts))
        for batch in self._batcher.batches(texts, self.card.query_prompt, length_step=1):
            with self._request() as request:
                vectors[batch.rows] = request.infer(batch.inputs)[0]
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension); calls wait for each other."""
        vectors = self._empty(len(texts))
        batches = self._batcher.batches(texts, self.card.passage_prompt, LENGTH_STEP)
        with self._passage_lock:
            if self._passage_queue is None:
                self._passage_queue = self._new_passage_queue()
            for batch in batches:
                self._passage_queue.start_async(batch.inputs, (vectors, batch.rows))
            self._passage_queue.wait_all()
        return vectors

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As ``embed_passages``, and for each text float32 (number of its spans, state's width)."""
        vectors, of_spans = self._empty(len(texts)), [self._empty(0)] * len(texts)
        prompt = self.card.passage_prompt

        def store(request: Any, batch: Batch) -> None:
            vectors[batch.rows] = request.get_output_tensor(0).data
            states = request.get_output_tensor(1).data
            for own, row, offsets in zip(states, batch.rows, batch.offsets, strict=True):
                own = own[: len(offsets)]
                of_spans[row] = span_vectors(own, offsets, spans[row], len(prompt))

        batches = self._batcher.batches(texts, prompt, LENGTH_STEP, with_offsets=True)
        with self._passage_lock:
            queue = import_openvino().AsyncInferQueue(self._throughput())
            queue.set_callback(store)
            for batch in batches:
                queue.start_async(batch.inputs, batch)
            queue.wait_all()
        return vectors, of_spans

    @contextmanager
    def _request(self) -> Iterator[Any]:
        request = self._requests.get()
        try:
            yield request
        finally:
            self._requests.put(request)

    def _throughput(self) -> Any:
        if self._compiled_for_passages is None:
            self._compiled_for_passages = self._compile("THROUGHPUT")
        return self._compiled_for_passages

    def _empty(self, count: int) -> Vectors:
        return np.empty((count, self.card.dimension), np.float32)

    def _compile(self, hint: str) -> Any:
        config: dict[str, Any] = {"PERFORMANCE_HINT": hint}
        if self.card.precision is not None:
            config["INFERENCE_PRECISION_HINT"] = self.card.precision
        if self._threads is not None:
            config["INFERENCE_NUM_THREADS"] = self._threads
        return self._core.compile_model(self._model, "CPU", config)

    def _new_passage_queue(self) -> Any:
        queue = import_openvino().AsyncInferQueue(self._throughput())
        queue.set_callback(_store_result)
        return queue


def _store_result(request: Any, target: tuple[Vectors, list[int]]) -> None:
    vectors, rows = target
    vectors[rows] = request.get_output_tensor(0).data


def import_openvino() -> Any:
    """OpenVINO without its usage statistics, which ``import openvino`` otherwise sends to Google
    Analytics unasked; with that package out of reach it falls back to a stub of its own."""
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    import openvino

    return openvino
