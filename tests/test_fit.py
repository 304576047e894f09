"""The shipped weights are what scripts/fit.py makes of the data that it names."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))

import fit

from service.generate import answerability, candidates
from service.generate.weights import FILE, weights


@pytest.fixture(scope="module")
def tables() -> fit.Tables:
    return fit.Tables.read()


def test_the_shipped_weights_are_the_fitted_ones(tables: fit.Tables) -> None:
    fitted, shipped = fit.fit(tables), tomllib.loads(FILE.read_text("utf-8"))
    for model in ("sentence", "answer"):
        assert fitted[model] == pytest.approx(shipped[model], abs=0.02)


def test_each_feature_has_a_weight_and_a_column(tables: fit.Tables) -> None:
    assert weights("sentence").keys() == candidates.FEATURES.keys()
    assert weights("answer").keys() == answerability.FEATURES.keys() | {"bias"}
    assert tables.sentences.shape == (len(tables.groups), len(candidates.FEATURES))
    assert tables.answers.shape == (len(tables.truth), len(answerability.FEATURES))


def test_the_fit_ranks_and_tells_better_than_chance(tables: fit.Tables) -> None:
    scores = tables.sentences @ np.array(list(weights("sentence").values()))
    firsts = [
        tables.right[tables.groups == group][np.argmax(scores[tables.groups == group])]
        for group in np.unique(tables.groups)
    ]
    assert np.mean(firsts) > 0.6
    slopes = np.array([weights("answer")[name] for name in answerability.FEATURES])
    logits = tables.answers @ slopes
    true, false = logits[tables.truth == 1], logits[tables.truth == 0]
    assert (true[:, None] > false[None, :]).mean() > 0.75  # area under the ROC curve
