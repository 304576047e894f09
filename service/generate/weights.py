"""The fitted weights of sentence choice and answerability: the output of ``scripts/fit.py``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

Model = Literal["sentence", "answer"]
BIAS = "bias"
FILE = Path(__file__).with_name("weights.toml")


@cache
def weights(model: Model) -> Mapping[str, float]:
    """The weights of a linear model by feature; ``bias`` is the constant."""
    table: Mapping[str, float] = tomllib.loads(FILE.read_text("utf-8"))[model]
    return table


def weighted(features: Mapping[str, float], model: Model) -> float:
    """The sum of the features, each by its weight, and the bias. Raises KeyError for a feature without one."""
    table = weights(model)
    return table.get(BIAS, 0.0) + sum([table[name] * value for name, value in features.items()])
