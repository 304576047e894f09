"""A form of a model for one short text: its length is fixed, so that OpenVINO prepares everything when it compiles.

For shapes that change from text to text it prepares each operation anew, which on a fast processor takes a third of
the time of a question.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

TOKENS = 32
"""Of a text that is filled up to this length; of 300 questions of KorQuAD nine in ten have no more."""

Inputs = Sequence[NDArray[Any]]
"""What a model takes: token ids and attention mask first."""


class ShortForm:
    """``model`` is an OpenVINO model of token ids and attention mask, which stays as it is.

    The form shares its weights. The table of embeddings is left out, since OpenVINO would read all of it
    (200 MB) to compile: the rows of a text are a third input. Raises ValueError for a model without such a table.
    """

    def __init__(self, model: Any, pad_id: int) -> None:
        from openvino import opset13 as ops

        self.model, self._pad_id = model.clone(), pad_id
        gather = _lookup(self.model)
        self._table: NDArray[np.floating[Any]] = _unconverted(gather.input_value(0).get_node()).data
        width = self._table.shape[1]
        rows = ops.parameter([-1, -1, width], np.float32, name="embeddings")
        for reader in gather.output(0).get_target_inputs():
            reader.replace_source_output(rows.output(0))
        self.model.add_parameters([rows])
        self.model.reshape({0: [1, TOKENS], 1: [1, TOKENS], 2: [1, TOKENS, width]})

    def inputs(self, inputs: Inputs) -> Inputs | None:
        """What the form takes for these token ids and attention mask; None: they don't fit."""
        ids, mask = inputs
        count, length = ids.shape
        if count != 1 or length > TOKENS:
            return None
        all_ids = np.full((1, TOKENS), self._pad_id, np.int64)
        all_ids[:, :length] = ids
        all_mask = np.zeros_like(all_ids)
        all_mask[:, :length] = mask
        return [all_ids, all_mask, self._table[all_ids].astype(np.float32)]


def _lookup(model: Any) -> Any:
    """The operation that looks token ids up in a constant table. Raises ValueError if there is none."""
    token_ids = model.get_parameters()[0].get_friendly_name()
    for node in model.get_ops():
        if node.get_type_name() != "Gather":
            continue
        table, ids = (_unconverted(node.input_value(n).get_node()) for n in (0, 1))
        if table.get_type_name() == "Constant" and ids.get_friendly_name() == token_ids:
            return node
    raise ValueError("the model looks no tokens up in a table")


def _unconverted(node: Any) -> Any:
    """What a node converts, such as the float16 of a file; any other node as it is."""
    return node.input_value(0).get_node() if node.get_type_name() == "Convert" else node
