"""In what numbers OpenVINO multiplies: those that the processor is fastest with, by measuring it once.

Processors differ by several times: some multiply bytes four times as fast as floats (VNNI, AMX), some no faster at all.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.model_cache import write_json

Precision = Literal["float", "int8"]
"""``float``: float32, or bfloat16 where the processor has it and vectors stay the same. ``int8``: weights of 8 bits with a
scale a row, and inputs of 8 bits with a scale for each ``GROUP`` where the processor multiplies bytes."""

PRECISIONS: Sequence[Precision] = ("float", "int8")
GROUP = 32
"""Inputs that share a scale."""
MEASURED_S = 0.2
"""For how long each is measured."""
WORTH = 0.9
"""Bytes are taken if they need at most this share of the time that floats need: they cost some exactness."""

LEAST_COSINE = 0.99
"""Between the vectors of a question in floats and in bytes; less means that something is wrong."""

_NEVER = 1e9
_TOKENS = 24  # of a question, about
_WARM_UPS = 3

logger = logging.getLogger(__name__)


def with_int8_weights(model: Any) -> Any:
    """The OpenVINO model with the weights of its linear layers in 8 bits, one scale a row; it is changed in place.

    Tables of embeddings stay: of them a question reads a few rows.
    """
    from openvino import opset13 as ops

    for node in model.get_ops():
        weights = _weights(node)
        if weights is None:
            continue
        scales = np.maximum(np.abs(weights).max(axis=1, keepdims=True) / 127, np.float32(1e-12))
        rounded = ops.constant(np.rint(weights / scales).astype(np.int8))
        restored = ops.multiply(ops.convert(rounded, "f32"), ops.constant(scales))
        node.input(1).replace_source_output(restored.output(0))
    return model


def _weights(node: Any) -> NDArray[np.float32] | None:
    """The weights (outputs, inputs) of a linear layer; None for anything else."""
    if node.get_type_name() != "MatMul" or not node.get_attributes()["transpose_b"]:
        return None
    source = node.input_value(1).get_node()
    if source.get_type_name() == "Convert":  # stored as float16
        source = source.input_value(0).get_node()
    if source.get_type_name() != "Constant":
        return None
    weights: NDArray[np.float32] = source.get_data().astype(np.float32)
    return weights if weights.ndim == 2 else None


def fastest(folder: Path, core: Any, compiled: Callable[[Precision], Any]) -> Precision:
    """The precision in which the converted model in ``folder`` answers a question soonest on this processor.

    ``compiled`` compiles it for one thread. What was measured is remembered beside the folder, by processor;
    where nothing can be written, it is measured each time.
    """
    notes = folder.with_name(f"{folder.name}.{_processor(core)}.json")
    milliseconds = _noted(notes)
    if milliseconds is None:
        milliseconds = _measured(compiled)
        logger.info("milliseconds of a question on this processor: %s", milliseconds)
        with suppress(OSError):
            write_json(notes, milliseconds)
    return "int8" if milliseconds["int8"] <= WORTH * milliseconds["float"] else "float"


def _processor(core: Any) -> str:
    """A name for the kind of processor; virtual machines give different ones the same name, so what it can counts."""
    told = [core.get_property("CPU", "FULL_DEVICE_NAME")]
    told += core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
        told += [line for line in file if line.startswith("flags")][:1]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


def _noted(notes: Path) -> Mapping[str, float] | None:
    """What was measured before; None if that can't be read."""
    try:
        known = json.loads(notes.read_text(encoding="utf-8"))
        return {precision: float(known[precision]) for precision in PRECISIONS}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _measured(compiled: Callable[[Precision], Any]) -> Mapping[str, float]:
    """Milliseconds by precision; for bytes ``_NEVER`` where the processor can't, or gives other vectors."""
    milliseconds, expected = _timed(compiled("float"))
    try:
        of_bytes, vector = _timed(compiled("int8"))
    except Exception as error:
        # Broad: OpenVINO raises plain Exception. Floats do, whatever is wrong with bytes.
        logger.warning("this processor does not compute with weights of 8 bits: %s", error)
        return {"float": milliseconds, "int8": _NEVER}
    lengths = float(np.linalg.norm(expected) * np.linalg.norm(vector))
    agree = float(expected @ vector) >= LEAST_COSINE * lengths > 0
    return {"float": milliseconds, "int8": of_bytes if agree else _NEVER}


def _timed(compiled: Any) -> tuple[float, NDArray[np.float32]]:
    """Milliseconds of a question, and the vector that comes out."""
    request = compiled.create_infer_request()
    tokens = np.arange(1_000, 1_000 + _TOKENS, dtype=np.int64)[None]
    inputs = [tokens, np.ones_like(tokens)]
    for _ in range(_WARM_UPS):
        request.infer(inputs)
    taken: list[float] = []
    while sum(taken) < MEASURED_S:
        started = time.perf_counter()
        vector = request.infer(inputs)[0][0]
        taken.append(time.perf_counter() - started)
    return round(median(taken) * 1_000, 2), np.array(vector)
