"""Sentence-transformers models as embedders, computed by OpenVINO or by PyTorch.

Any sentence-transformers model will do. OpenVINO is several times faster on a CPU: the first use
of a model converts it, pooling and all, into a folder of the cache that holds whatever is needed
from then on. So PyTorch is imported once in the life of a model, and not on later starts.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from index.bundled_model.packed import (
    BUNDLED_NAME,
    SOURCE_SHA256,
    bundled_model,
    default_cache_dir,
    sealed_folder,
    sha256_of,
    write_json,
)
from index.errors import ModelUnavailable
from index.protocols import Span, Vectors

Runtime = Literal["auto", "openvino", "torch"]

logger = logging.getLogger(__name__)


class SentenceTransformerEmbedder:
    """Embeds with a sentence-transformers model; meets ``index.protocols.Embedder``.

    ``model`` is the name of a model on the Hugging Face hub (taken from the local cache if it is
    there), a model folder, or None or ``"bundled"`` for the model that comes with the product.
    ``runtime`` "auto" means OpenVINO where it is installed and agrees with PyTorch, else PyTorch.
    ``threads`` limits the CPU threads used; None is one per core.

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
    ) -> None:
        cache = cache_dir or default_cache_dir()
        source = _find_source(model, cache)
        self._name = source.label
        self._backend = _open_backend(source, runtime, cache, threads)
        self._card = self._backend.card

    @property
    def name(self) -> str:
        """The model's name and the start of a hash of its weights, equal for both runtimes."""
        return self._name

    @property
    def dimension(self) -> int:
        return self._card.dimension

    @property
    def max_tokens(self) -> int:
        """Tokens that the model takes in, prompt and special tokens included."""
        return self._card.max_tokens

    @property
    def runtime(self) -> str:
        """What computes: ``openvino`` or ``torch``."""
        return self._backend.runtime

    def count_tokens(self, text: str) -> int:
        """Tokens of ``text`` as a passage, uncut, prompt and special tokens included."""
        return self._backend.count_tokens(text)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of questions: float32 (len(texts), dimension), rows of length 1."""
        return _unit_rows(self._backend.embed_queries(texts)) if len(texts) else self._no_rows()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Vectors of passages: float32 (len(texts), dimension), rows of length 1."""
        return _unit_rows(self._backend.embed_passages(texts)) if len(texts) else self._no_rows()

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        """As ``embed_passages``, and a vector for each span ``text[start:end]`` of each text.

        A span's vector is the mean of its tokens' states in the pass over the whole text, so it
        knows its surroundings and costs next to nothing ("late chunking", Günther et al. 2024,
        arXiv:2409.04701). Spans without a token, such as those beyond the model's limit, are zero.
        A model whose vectors are no mean of its tokens' states embeds the spans one by one.
        """
        if not texts:
            return self._no_rows(), []
        if self._card.mean_of_tokens:
            vectors, of_spans = self._backend.embed_passages_and_spans(texts, spans)
            return _unit_rows(vectors), [_unit_rows(rows) for rows in of_spans]
        return self.embed_passages(texts), [
            self.embed_passages([text[start:end] for start, end in wanted])
            for text, wanted in zip(texts, spans, strict=True)
        ]

    def _no_rows(self) -> Vectors:
        return np.empty((0, self.dimension), np.float32)


def _unit_rows(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), dtype=np.float32)


# --- where a model comes from -----------------------------------------------------------------


@dataclass(frozen=True)
class _Source:
    """A model before it is loaded. ``folder`` may unpack it; the fingerprint is known without."""

    name: str
    fingerprint: str
    folder: Callable[[], Path]

    @property
    def label(self) -> str:
        return f"{self.name}@{self.fingerprint[:12]}"


def _find_source(model: str | Path | None, cache: Path) -> _Source:
    if model is None or str(model) == "bundled":
        return _Source(BUNDLED_NAME, SOURCE_SHA256, partial(bundled_model, cache))
    path = Path(model).expanduser()
    folder = path.resolve() if path.is_dir() else _from_hub(str(model))
    # A folder is named by its last part: an index must not depend on where a model lies.
    name = folder.name if path.is_dir() else str(model)
    return _Source(name, _fingerprint(folder, cache), lambda: folder)


def _from_hub(name: str) -> Path:
    """Folder of a hub model in the hub's own cache, downloaded if it is not there."""
    from huggingface_hub import snapshot_download

    repository = name if "/" in name else f"sentence-transformers/{name}"
    problem: Exception = FileNotFoundError(f"{repository} holds no weights")
    for local_only in (True, False):
        # The pickled weights come second, for models that have no others.
        for weights in ("*.safetensors", "pytorch_model*.bin"):
            try:
                folder = snapshot_download(
                    repository,
                    local_files_only=local_only,
                    allow_patterns=["*.json", "*.txt", "*.model", weights],
                    ignore_patterns=["onnx/*", "openvino/*"],
                )
            except Exception as error:  # the hub raises two dozen kinds, most of them for requests
                problem = error
                break
            if any(Path(folder).rglob(weights)):
                return Path(folder)
    raise ModelUnavailable(
        f"no model folder and no reachable hub model is called {name!r}: {problem}",
        remedy="Set GISA_EMBEDDING_MODEL to a model folder, or to 'bundled'.",
    ) from problem


def _fingerprint(folder: Path, cache: Path) -> str:
    """SHA-256 over the files that decide the vectors; remembered while they stay as they are."""
    patterns = ("*.safetensors", "pytorch_model*.bin", "*.json", "*.txt", "*.model")
    files = sorted({path for pattern in patterns for path in folder.rglob(pattern)})
    facts = [(path, path.relative_to(folder).as_posix(), path.stat()) for path in files]
    stamp = [[name, stat.st_size, stat.st_mtime_ns] for _, name, stat in facts]
    key = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    note = cache / "fingerprints" / f"{key}.json"
    try:
        known = json.loads(note.read_text(encoding="utf-8"))
        if known["stamp"] == stamp:
            return str(known["fingerprint"])
    except (OSError, ValueError, KeyError, TypeError):
        pass  # never hashed, or the note is damaged
    listing = "".join(f"{name}\0{sha256_of(path)}\n" for path, name, _ in facts)
    fingerprint = hashlib.sha256(listing.encode()).hexdigest()
    try:
        write_json(note, {"folder": str(folder), "stamp": stamp, "fingerprint": fingerprint})
    except OSError as error:
        logger.warning("can't remember the model's hash in %s: %s", note, error)
    return fingerprint


# --- what computes ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Card:
    """What must be known of a model beside its weights and its tokenizer."""

    dimension: int
    max_tokens: int
    query_prompt: str
    passage_prompt: str
    pad_id: int
    mean_of_tokens: bool = False
    """Whether a text's vector is the mean of its tokens' states, but for its length."""
    precision: str | None = None
    """For OpenVINO; None leaves the choice to it (bfloat16 where the CPU has it)."""


class _Backend(Protocol):
    @property
    def runtime(self) -> str: ...
    @property
    def card(self) -> _Card: ...
    def count_tokens(self, text: str) -> int: ...
    def embed_queries(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages(self, texts: Sequence[str]) -> Vectors: ...
    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]: ...


def _open_backend(source: _Source, runtime: Runtime, cache: Path, threads: int | None) -> _Backend:
    if runtime != "torch":
        try:
            return _open_openvino(source, cache, threads)
        except ModelUnavailable:
            raise
        except Exception as error:  # converters fail in every way; the model itself is fine
            if runtime == "openvino":
                raise ModelUnavailable(
                    f"OpenVINO can't run {source.label}: {error}",
                    remedy="Use the runtime 'auto' or 'torch'.",
                ) from error
            logger.warning(
                "OpenVINO can't run %s, so PyTorch does, several times slower: %s",
                source.label,
                error,
            )
    return _TorchBackend(_load(source, device=None), source.name, threads)


def _open_openvino(source: _Source, cache: Path, threads: int | None) -> _Backend:
    folder = _converted(source, cache)
    try:
        return _OpenVinoBackend(folder, threads)
    except Exception as error:
        # Right sizes, wrong contents? A thorough look converts it again if so.
        logger.warning("the converted model in %s does not load: %s", folder, error)
        return _OpenVinoBackend(_converted(source, cache, thorough=True), threads)


# PyTorch


class _TorchBackend:
    """The model as sentence-transformers runs it, one call at a time."""

    runtime = "torch"

    def __init__(self, model: Any, name: str, threads: int | None) -> None:
        if threads is not None:
            import torch

            torch.set_num_threads(threads)
        self._model = model
        self.card = _card_of(model, name)
        # Encoding changes the truncation settings of the tokenizer, so nothing runs beside it.
        self._lock = threading.Lock()

    def count_tokens(self, text: str) -> int:
        tokenizer, prompted = self._model.tokenizer, self.card.passage_prompt + text
        with self._lock:
            if callable(tokenizer):
                return len(tokenizer(prompted, truncation=False, verbose=False)["input_ids"])
            return len(tokenizer.encode(prompted).ids)  # StaticEmbedding models have a bare one

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self._model.encode_query, texts, self.card.query_prompt)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self._encode(self._model.encode_document, texts, self.card.passage_prompt)

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
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
            offsets = np.array(encoding["offset_mapping"])
            of_spans.append(_pooled(states.float().cpu().numpy(), offsets, wanted, len(prompt)))
        return vectors, of_spans

    def _encode(self, encode: Callable[..., Any], texts: Sequence[str], prompt: str) -> Vectors:
        with self._lock:
            vectors = encode(list(texts), prompt=prompt, batch_size=8, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


def _load(source: _Source, device: str | None) -> Any:
    folder = source.folder()
    try:
        from sentence_transformers import SentenceTransformer

        with _no_progress_bars():
            model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    except Exception as error:
        raise ModelUnavailable(
            f"can't load the model {source.label} from {folder}: {error}"
        ) from error
    return model.float().eval()


@contextmanager
def _no_progress_bars() -> Iterator[None]:
    log = _transformers_log()
    shown = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            log.enable_progress_bar()


def _transformers_log() -> Any:
    from transformers.utils import logging as transformers_logging

    return transformers_logging


_E5 = {"query": "query: ", "passage": "passage: "}
_PROMPTS_OF = {f"intfloat/multilingual-e5-{size}": _E5 for size in ("small", "base", "large")}
"""Models whose cards ask for prompts that their folders leave out."""


_ANY_LENGTH = 1_000_000
"""Tokens; stands for no limit, which tokenizers express by infinity or by 10^30."""


def _card_of(model: Any, name: str) -> _Card:
    prompts: Mapping[str, str] = {key: text for key, text in model.prompts.items() if text}
    prompts = prompts or _PROMPTS_OF.get(name, {})
    # Unlike encode_document, an empty "document" does not hide a "passage": E5 needs its prompt.
    passage_prompts = (prompts.get(key) for key in ("document", "passage", "corpus"))
    config = getattr(getattr(model[0], "auto_model", None), "config", None)
    limits = model.max_seq_length, getattr(config, "max_position_embeddings", None)
    return _Card(
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


# OpenVINO

_CONVERSION_VERSION = 3
"""Of what a conversion writes. Raise it when that changes."""

_LEAST_COSINE = 0.999
_PROBES = [
    "금리",
    "한국은행 금융통화위원회는 23일 기준금리를 연 2.50%로 동결했다고 밝혔다.",
    "SoftBank 손정의 회장, “10년 안에 ASI 시대가 온다”… 반도체에 5～10조원 투자",
    "국회는 본회의를 열어 내년도 예산안을 의결했다. " * 60,
]
_BATCH_TOKENS = 1024
"""Tokens of a batch of passages, padding included. Measured on 2 cores with passages of 70, 240
and 480 tokens: less is slower for the short ones, more is slower for all and takes memory."""
_LENGTH_STEP = 16
"""Passages are padded to multiples of this, since OpenVINO keeps buffers and code by shape."""
_WINDOW = 512
"""Texts tokenized at a time: the encodings of 512 long ones take about 50 MB."""


class _OpenVinoBackend:
    """A converted model. Neither PyTorch nor transformers is imported.

    It is compiled twice over the same mapped weights: for the latency of a question (all cores
    on one text), and, once passages come, for throughput (a text per core).
    """

    runtime = "openvino"

    def __init__(self, folder: Path, threads: int | None = None) -> None:
        openvino = _import_openvino()
        self.card = _Card(**json.loads((folder / "card.json").read_text(encoding="utf-8")))
        self._threads = threads
        self._core = openvino.Core()
        self._model = self._core.read_model(folder / "model.xml")
        with ThreadPoolExecutor(1) as beside:  # compiling lets go of the interpreter lock
            compiling = beside.submit(self._compile, "LATENCY")
            self._tokenizer = _load_tokenizer(folder, self.card.max_tokens)
        compiled = compiling.result()
        self._requests: SimpleQueue[Any] = SimpleQueue()
        for _ in range(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")):
            self._requests.put(compiled.create_infer_request())
        self._passage_queue: Any = None
        self._compiled_for_passages: Any = None
        self._passage_lock = threading.Lock()

    def count_tokens(self, text: str) -> int:
        encoding = self._tokenizer.encode(self.card.passage_prompt + text)
        special: int = self._tokenizer.num_special_tokens_to_add(False)
        parts = (encoding, *encoding.overflowing)
        return special + sum(len(part.ids) - special for part in parts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        vectors = self._empty(len(texts))
        for rows, inputs in self._batches(texts, self.card.query_prompt, length_step=1):
            request = self._requests.get()
            try:
                vectors[rows] = request.infer(inputs)[0]
            finally:
                self._requests.put(request)
        return vectors

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        vectors = self._empty(len(texts))
        batches = self._batches(texts, self.card.passage_prompt, _LENGTH_STEP)
        with self._passage_lock:
            if self._passage_queue is None:
                self._passage_queue = self._new_passage_queue()
            for rows, inputs in batches:
                self._passage_queue.start_async(inputs, (vectors, rows))
            self._passage_queue.wait_all()
        return vectors

    def embed_passages_and_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[Span]]
    ) -> tuple[Vectors, list[Vectors]]:
        vectors, of_spans = self._empty(len(texts)), [self._empty(0)] * len(texts)
        prompt = self.card.passage_prompt

        def store(request: Any, target: tuple[list[int], list[Any]]) -> None:
            rows, offsets = target
            vectors[rows] = request.get_output_tensor(0).data
            states = request.get_output_tensor(1).data
            for i, row in enumerate(rows):
                own = np.array(offsets[i])
                of_spans[row] = _pooled(states[i, : len(own)], own, spans[row], len(prompt))

        with self._passage_lock:
            queue = _import_openvino().AsyncInferQueue(self._throughput())
            queue.set_callback(store)
            for start in range(0, len(texts), _WINDOW):
                window = [prompt + text for text in texts[start : start + _WINDOW]]
                encodings = self._tokenizer.encode_batch(window)
                ids = [encoding.ids for encoding in encodings]
                for batch in batches_by_length([len(row) for row in ids], _BATCH_TOKENS):
                    inputs = self._padded([ids[i] for i in batch], _LENGTH_STEP)
                    offsets = [encodings[i].offsets for i in batch]
                    queue.start_async(inputs, ([start + i for i in batch], offsets))
            queue.wait_all()
        return vectors, of_spans

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
        queue = _import_openvino().AsyncInferQueue(self._throughput())
        queue.set_callback(_store_result)
        return queue

    def _batches(
        self, texts: Sequence[str], prompt: str, length_step: int
    ) -> Iterator[tuple[list[int], list[NDArray[np.int64]]]]:
        """Row numbers and the two inputs (token ids, attention mask) of each batch."""
        for start in range(0, len(texts), _WINDOW):
            window = [prompt + text for text in texts[start : start + _WINDOW]]
            ids = [encoding.ids for encoding in self._tokenizer.encode_batch_fast(window)]
            for batch in batches_by_length([len(row) for row in ids], _BATCH_TOKENS):
                yield [start + i for i in batch], self._padded([ids[i] for i in batch], length_step)

    def _padded(self, rows: list[list[int]], length_step: int) -> list[NDArray[np.int64]]:
        longest = max(map(len, rows))
        # Not beyond what the model has positions for.
        length = min(-(-longest // length_step) * length_step, self.card.max_tokens)
        ids = np.full((len(rows), length), self.card.pad_id, np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return [ids, mask]


def batches_by_length(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Positions in batches of similar lengths, longest first.

    Each batch holds at most ``limit`` when padded to its longest, or is a single position.
    """
    batch: list[int] = []
    for position in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > limit:
            yield batch
            batch = []
        batch.append(position)
    if batch:
        yield batch


def _pooled(
    states: NDArray[np.float32], offsets: NDArray[np.int64], spans: Sequence[Span], shift: int
) -> Vectors:
    """The mean state of each span's tokens; ``offsets`` count from the start of the prompt."""
    ends = offsets[:, 1] - shift
    vectors = np.zeros((len(spans), states.shape[1]), np.float32)
    for row, (start, end) in zip(vectors, spans, strict=True):
        # By its end: a token may begin with the blank before the span's first word.
        inside = (start < ends) & (ends <= end) & (offsets[:, 0] < offsets[:, 1])
        if inside.any():
            row[:] = states[inside].mean(axis=0)
    return vectors


def _store_result(request: Any, target: tuple[Vectors, list[int]]) -> None:
    vectors, rows = target
    vectors[rows] = request.get_output_tensor(0).data


def _import_openvino() -> Any:
    """OpenVINO without its usage statistics, which ``import openvino`` otherwise sends to Google
    Analytics unasked; with that package out of reach it falls back to a stub of its own."""
    sys.modules.setdefault("openvino_telemetry", cast(Any, None))
    import openvino

    return openvino


def _load_tokenizer(folder: Path, max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_tokens)
    return tokenizer


# Conversion


def _converted(source: _Source, cache: Path, thorough: bool = False) -> Path:
    """Folder of the converted model; the first time, this takes some ten seconds."""
    version = _import_openvino().__version__.partition("-")[0]
    name = f"{source.fingerprint[:12]}-{version}-v{_CONVERSION_VERSION}"
    return sealed_folder(cache / "openvino" / name, partial(_convert, source), thorough=thorough)


def _convert(source: _Source, folder: Path) -> None:
    logger.info("converting %s for OpenVINO; this happens once", source.label)
    openvino = _import_openvino()
    model = _load(source, device="cpu")
    _refuse_inconvertible(model)
    tokens = model.tokenizer(_PROBES[:2], padding=True, return_tensors="pt")
    any_shape = ([-1, -1], openvino.Type.i64)
    with _quiet_tracing():
        converted = openvino.convert_model(
            _traceable(model),
            example_input=(tokens["input_ids"], tokens["attention_mask"]),
            input=[("input_ids", *any_shape), ("attention_mask", *any_shape)],
        )
    # Half the file, and the table of embeddings is mapped and read from it row by row.
    openvino.save_model(converted, folder / "model.xml", compress_to_fp16=True)
    model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_card(model, source, folder)


def _refuse_inconvertible(model: Any) -> None:
    """Raise RuntimeError for models that are more than a function of tokens and mask."""
    if type(model[0]).__name__ != "Transformer":
        raise RuntimeError(f"its first module is a {type(model[0]).__name__}")
    if not all(getattr(module, "include_prompt", True) for module in model):
        raise RuntimeError("its pooling leaves the prompt out")


@contextmanager
def _quiet_tracing() -> Iterator[None]:
    """Tracing warns of branches on shapes, and looks at properties that complain of old names."""
    log = _transformers_log()
    verbosity = log.get_verbosity()
    log.set_verbosity_error()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.set_verbosity(verbosity)


def _traceable(model: Any) -> Any:
    import torch

    class Traceable(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            features = self.model(features)
            return features["sentence_embedding"], features["token_embeddings"]

    return Traceable()


def _write_card(model: Any, source: _Source, folder: Path) -> None:
    """Record the fastest precision whose vectors are PyTorch's; RuntimeError if none's are."""
    reference = _TorchBackend(model, source.name, threads=None)
    expected = _unit_rows(reference.embed_passages(_PROBES))
    for precision in (None, "f32"):
        card = {**asdict(reference.card), "precision": precision}
        write_json(folder / "card.json", card)
        actual = _unit_rows(_OpenVinoBackend(folder).embed_passages(_PROBES))
        cosine = float((expected * actual).sum(axis=1).min())
        if cosine >= _LEAST_COSINE:
            return
    raise RuntimeError(f"its vectors differ from PyTorch's: cosine {cosine:.4f}")
