"""Converting a model for OpenVINO, including its pooling, once, into a folder of the cache."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from index.embedding.openvino_runtime import OpenVinoBackend, import_openvino
from index.embedding.pieces import write_pieces
from index.embedding.source import ModelSource
from index.embedding.torch_runtime import TorchBackend, load_model, transformers_log
from index.embedding.vectors import unit_rows
from index.model_cache import sealed_folder, write_json

logger = logging.getLogger(__name__)

_CONVERSION_VERSION = 4
"""Version of what a conversion writes. Raise it when that changes."""

_LEAST_COSINE = 0.999
"""Lowest accepted cosine between the vectors of PyTorch and OpenVINO for each of the probes."""
_PROBES = [
    "금리",
    "한국은행 금융통화위원회는 23일 기준금리를 연 2.50%로 동결했다고 밝혔다.",
    "SoftBank 손정의 회장, “10년 안에 ASI 시대가 온다”… 반도체에 5～10조원 투자",
    "국회는 본회의를 열어 내년도 예산안을 의결했다. " * 60,
]


def converted_model(source: ModelSource, cache: Path, *, thorough: bool = False) -> Path:
    """Folder of the converted model; the first time, this takes some ten seconds.

    ``thorough`` compares the checksums of a folder that is there already, and writes it anew if
    they differ. Raises ModelUnavailable if the model can't be loaded or the cache not written,
    RuntimeError if the model can't be converted, and whatever else tracing it raises.
    """
    version = import_openvino().__version__.partition("-")[0]
    name = f"{source.fingerprint[:12]}-{version}-v{_CONVERSION_VERSION}"
    return sealed_folder(cache / "openvino" / name, partial(_convert, source), thorough=thorough)


def _convert(source: ModelSource, folder: Path) -> None:
    logger.info("converting %s for OpenVINO; this happens once", source.label)
    openvino = import_openvino()
    model = load_model(source, device="cpu")
    _refuse_inconvertible(model)
    tokens = model.tokenizer(_PROBES[:2], padding=True, return_tensors="pt")
    any_shape = ([-1, -1], openvino.Type.i64)
    with _quiet_tracing():
        converted = openvino.convert_model(
            _traceable(model),
            example_input=(tokens["input_ids"], tokens["attention_mask"]),
            input=[("input_ids", *any_shape), ("attention_mask", *any_shape)],
        )
    # This halves the file, and the table of embeddings is memory-mapped and read row by row.
    openvino.save_model(converted, folder / "model.xml", compress_to_fp16=True)
    model.tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    write_pieces(folder / "tokenizer.json", folder, _PROBES)
    _write_card(model, source, folder)


def _refuse_inconvertible(model: Any) -> None:
    """Raise RuntimeError for models that are more than a function of tokens and mask."""
    if type(model[0]).__name__ != "Transformer":
        raise RuntimeError(f"its first module is a {type(model[0]).__name__}")
    if not all(getattr(module, "include_prompt", True) for module in model):
        raise RuntimeError("its pooling leaves the prompt out")


@contextmanager
def _quiet_tracing() -> Iterator[None]:
    """Silence warnings while tracing: of branches on shapes, and of deprecated properties it touches."""
    log = transformers_log()
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


def _write_card(model: Any, source: ModelSource, folder: Path) -> None:
    """Record the fastest precision whose vectors agree with PyTorch's. Raises RuntimeError if none do."""
    reference = TorchBackend(model, source.name, threads=None)
    expected = unit_rows(reference.embed_passages(_PROBES))
    for precision in (None, "f32"):
        card = {**asdict(reference.card), "precision": precision}
        write_json(folder / "card.json", card)
        actual = unit_rows(OpenVinoBackend(folder).embed_passages(_PROBES))
        cosine = float((expected * actual).sum(axis=1).min())
        if cosine >= _LEAST_COSINE:
            return
    raise RuntimeError(f"its vectors differ from PyTorch's: cosine {cosine:.4f}")
