"""Models computed by OpenVINO, from a folder that ``conversion`` has written."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from queue import SimpleQueue
from typing import Any, cast

import numpy as np

from index.embedding.backend import ModelCard
from index.embedding.batches import LENGTH_STEP, Batch, TextBatcher
from index.embedding.precision import GROUP, Precision, fastest, with_int8_weights
from index.embedding.short import TOKENS, Inputs, ShortForm
from index.embedding.timings import Timings, Trial
from index.embedding.vectors import span_vectors
from index.protocols import Span, Vectors

MAX_STREAMS = 16
"""Beyond so many, each takes several threads: every stream has buffers of its own."""


class OpenVinoBackend:
    """A converted model; meets ``index.embedding.backend.Backend``.

    Neither PyTorch nor transformers is imported. A question that comes alone gets all threads; the model is compiled
    for it in its ``ShortForm`` where that is faster on this processor. For longer questions, for those that come
    together, and for passages it is compiled a second time, over the same mapped weights: as many streams as threads
    (up to ``MAX_STREAMS``), which spend a third less processor time on a text.

    ``precision`` None is the fastest on this processor; ``threads`` None one per processor. Raises whatever
    OpenVINO, tokenizers, SentencePiece and the card's JSON raise for a damaged folder.
    """

    runtime = "openvino"

    def __init__(
        self, folder: Path, threads: int | None = None, precision: Precision | None = "float"
    ) -> None:
        self.card = ModelCard(**json.loads((folder / "card.json").read_text(encoding="utf-8")))
        self._file, self._threads = folder / "model.xml", threads or processors()
        self._count = min(self._threads, MAX_STREAMS)
        self._core = import_openvino().Core()
        with ThreadPoolExecutor(1) as beside:  # compiling lets go of the interpreter lock
            compiling = beside.submit(self._compile_alone, folder, precision)
            self._batcher = TextBatcher(folder, self.card)
        self._alone = compiling.result()
        self._passage_lock = threading.Lock()
        self._streams: Future[_Streams] | None = None
        self._streams_lock = threading.Lock()

    @property
    def computed_by(self) -> str:
        """The runtime, its numbers and streams."""
        weights = ", weights int8" if self._precision == "int8" else ""
        return f"openvino {self._alone.numbers}{weights}, {self._count} streams"

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` as a passage, uncut, prompt and special tokens included."""
        return self._batcher.count_tokens(self.card.passage_prompt + text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension); as many calls at once as the processor has use for."""
        vectors = self._empty(len(texts))
        for batch in self._batcher.batches(texts, self.card.query_prompt, length_step=1):
            with self._request(batch.inputs) as (request, inputs):
                vectors[batch.rows] = request.infer(inputs)[0]
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 (len(texts), dimension); calls wait for each other."""
        vectors = self._empty(len(texts))

        def store(request: Any, batch: Batch) -> None:
            vectors[batch.rows] = request.get_output_tensor(0).data

        self._run(self._batcher.batches(texts, self.card.passage_prompt, LENGTH_STEP), store)
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
            for own, row, ends in zip(states, batch.rows, batch.ends, strict=True):
                of_spans[row] = span_vectors(own[: len(ends)], ends, spans[row], len(prompt))

        self._run(self._batcher.batches(texts, prompt, LENGTH_STEP, with_ends=True), store)
        return vectors, of_spans

    def _run(self, batches: Iterator[Batch], store: Callable[[Any, Batch], None]) -> None:
        """Put batches through the streams; ``store`` is called with each result, one at a time.

        For a single batch these are not compiled if they are not yet and it can do without.
        """
        first, second = next(batches, None), next(batches, None)
        if first and not second and self._streams is None:
            with self._request(first.inputs) as (request, inputs):
                request.infer(inputs)
                store(request, first)
            return
        with self._passage_lock:
            queue = import_openvino().AsyncInferQueue(self._compiled_streams().result().compiled)
            queue.set_callback(store)
            for batch in chain(filter(None, (first, second)), batches):
                queue.start_async(batch.inputs, batch)
            queue.wait_all()

    @contextmanager
    def _request(self, inputs: Inputs) -> Iterator[tuple[Any, Inputs]]:
        """A request, and what it takes for these token ids and mask.

        It is the one of all threads, if nobody has it and it takes them, else one of those of a single thread.
        Until these are compiled, which takes a second, the first one is waited for where it will do.
        """
        alone, fitting = self._alone, self._alone.fitted(inputs)
        if fitting is not None and alone.lock.acquire(blocking=False):
            try:
                yield alone.request, fitting
            finally:
                alone.lock.release()
            return
        # A single thread has nothing to share out, so there is nothing to compile for what the first takes.
        streams = self._compiled_streams() if fitting is None or self._threads > 1 else None
        if streams and (fitting is None or streams.done()):
            with streams.result().request() as request:
                yield request, inputs
            return
        with alone.lock:
            yield alone.request, fitting or inputs

    def _compiled_streams(self) -> Future[_Streams]:
        """The model compiled a second time, which begins when it is first asked for."""
        with self._streams_lock:
            if self._streams is None:
                beside = ThreadPoolExecutor(1, thread_name_prefix="gisa-compile")
                self._streams = beside.submit(self._compile_streams)
                beside.shutdown(wait=False)
            return self._streams

    def _compile_alone(self, folder: Path, precision: Precision | None) -> _Alone:
        timings = Timings(folder, self._core)
        self._precision = precision or fastest(timings, self._compile_for_one_thread)
        self._model = self._read(self._precision)
        plainer = f"{self._precision}, {self._threads} threads"
        is_short = timings.prefer(
            f"{plainer}, {TOKENS} tokens",
            plainer,
            lambda: self._alone_in(self._short_form()).on_trial(),
            lambda: self._alone_in(None).on_trial(),
        )
        return self._alone_in(self._short_form() if is_short else None)

    def _short_form(self) -> ShortForm:
        return ShortForm(self._model, self.card.pad_id)

    def _alone_in(self, form: ShortForm | None) -> _Alone:
        hints = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": self._threads}
        return _Alone(self._compile(form.model if form else self._model, hints), form)

    def _compile_for_one_thread(self, precision: Precision) -> Any:
        return self._compile(self._read(precision), {"NUM_STREAMS": 1, "INFERENCE_NUM_THREADS": 1})

    def _compile_streams(self) -> _Streams:
        hints = {"NUM_STREAMS": self._count, "INFERENCE_NUM_THREADS": self._threads}
        return _Streams(self._compile(self._model, hints), self._count)

    def _read(self, precision: Precision) -> Any:
        model = self._core.read_model(self._file)
        return with_int8_weights(model) if precision == "int8" else model

    def _compile(self, model: Any, hints: Mapping[str, Any]) -> Any:
        config = {"DYNAMIC_QUANTIZATION_GROUP_SIZE": GROUP, **hints}
        if self.card.precision is not None:
            config["INFERENCE_PRECISION_HINT"] = self.card.precision
        return self._core.compile_model(model, "CPU", config)

    def _empty(self, count: int) -> Vectors:
        return np.empty((count, self.card.dimension), np.float32)


class _Alone:
    """A model compiled for one question at a time, and its request: for any length, or in a form for short ones."""

    def __init__(self, compiled: Any, form: ShortForm | None) -> None:
        self._compiled, self.form = compiled, form
        self.numbers = compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name()
        self.request, self.lock = compiled.create_infer_request(), threading.Lock()

    def fitted(self, inputs: Inputs) -> Inputs | None:
        """What it takes for these token ids and mask; None: they don't fit."""
        return self.form.inputs(inputs) if self.form else inputs

    def on_trial(self) -> Trial:
        """To be compared with another way."""
        return Trial(self._compiled, self.fitted)


class _Streams:
    """A compiled model with several streams, and a request for each."""

    def __init__(self, compiled: Any, count: int) -> None:
        self.compiled = compiled
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(count):
            self._requests.put(compiled.create_infer_request())

    @contextmanager
    def request(self) -> Iterator[Any]:
        request = self._requests.get()
        try:
            yield request
        finally:
            self._requests.put(request)


def processors() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def import_openvino() -> Any:
    """OpenVINO without its usage statistics, which ``import openvino`` otherwise sends to Google
    Analytics unasked; with that package out of reach it falls back to a stub of its own."""
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    import openvino

    return openvino
