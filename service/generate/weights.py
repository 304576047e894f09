"""The fitted weights of sentence choice and answerability: the output of ``scripts/fit.py``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal

Model = Literal["sentence", "answer"]
BIAS = "bias"


@cache
def weights(model: Model) -> Mapping[str, float]:
    """The weights of a linear model by feature; ``bias`` is the constant."""
    text = files("service.generate").joinpath("weights.toml").read_text("utf-8")
    table: Mapping[str, float] = tomllib.loads(text)[model]
    return table


def weighted(features: Mapping[str, float], model: Model) -> float:
    """The sum of the features, each by its weight, and the bias. Raises KeyError for a feature without one."""
    table = weights(model)
    return table.get(BIAS, 0.0) + sum(table[name] * value for name, value in features.items())
