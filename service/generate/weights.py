"""The fitted weights of sentence choice and answerability: the output of ``scripts/fit.py``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache, lru_cache
from operator import mul
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
    bias, factors = _ordered(model, tuple(features))
    total: float = sum(map(mul, factors, features.values()), bias)
    return total


@lru_cache(maxsize=16)
def _ordered(model: Model, names: tuple[str, ...]) -> tuple[float, tuple[float, ...]]:
    """The bias, and the weights of the features in this order."""
    table = weights(model)
    return table.get(BIAS, 0.0), tuple(table[name] for name in names)
