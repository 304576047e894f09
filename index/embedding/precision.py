"""In what numbers OpenVINO multiplies: those that the processor is fastest with, by measuring it once.

Processors differ by several times: some multiply bytes four times as fast as floats (VNNI, AMX), some no faster at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from index.embedding.timings import Timings, Trial

Precision = Literal["float", "int8"]
"""``float``: float32, or bfloat16 where the processor has it and vectors stay the same. ``int8``: weights of 8 bits with a
scale a row, and inputs of 8 bits with a scale for each ``GROUP`` where the processor multiplies bytes."""

GROUP = 32
"""Inputs that share a scale."""

_LENGTH = (24,)  # always the same: what a length that changes takes is no matter of numbers


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


def fastest(timings: Timings, compiled: Callable[[Precision], Any]) -> Precision:
    """The precision in which a question is answered soonest; ``compiled`` compiles the model for one thread."""

    def trial(precision: Precision) -> Trial:
        return Trial(compiled(precision), lengths=_LENGTH)

    is_int8 = timings.prefer("int8", "float", lambda: trial("int8"), lambda: trial("float"))
    return "int8" if is_int8 else "float"
