"""Whether one report is better than another, metric by metric, over pairs of the same question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.evaluation.metrics import (
    JUDGED,
    LOWER_IS_BETTER,
    NAMES,
    NEITHER_IS_BETTER,
    parts_array,
    ratios,
    resamples,
)
from service.evaluation.report import QuestionResult, Report, judge_in_words

PERMUTATIONS = 10_000
TEST = (
    f"two-sided paired permutation test over questions, {PERMUTATIONS:,} permutations; "
    "interval: paired bootstrap"
)


@dataclass(frozen=True)
class Difference:
    """A metric over the questions that both reports have, and how certain its change is.

    ``ci95`` is an interval of the change, ``p`` the probability of a change as large if it made no
    difference which report an answer is in. ``better`` and ``worse`` are the questions whose own
    value changed.
    """

    metric: str
    old: float
    new: float
    ci95: tuple[float, float]
    p: float
    better: tuple[str, ...]
    worse: tuple[str, ...]

    @property
    def change(self) -> float:
        """The new value less the old one."""
        return self.new - self.old


@dataclass(frozen=True)
class Comparison:
    """The metrics that changed, and the number of questions over which they are compared.

    ``judges`` name who judged support in each report; metrics of support are left out if those differ.
    """

    old: str
    new: str
    questions: int
    left_out: int
    differences: tuple[Difference, ...]
    judges: tuple[str | None, str | None]

    @property
    def is_judged_alike(self) -> bool:
        """Whether support was judged by the same judge in both reports, or by none in one."""
        return None in self.judges or len(set(self.judges)) == 1


def compare(old: Report, new: Report, *, seed: int = 0) -> Comparison:
    """Compare over the questions that both reports have; the others are left out.

    Questions are the same if both id and text are: other data sets count from 1, too.

    ``p`` is that of the paired permutation (randomisation) test, which asks nothing of the
    distribution: Smucker, Allan and Carterette, A Comparison of Statistical Significance Tests for
    Information Retrieval Evaluation (CIKM 2007).
    """
    before = {(result.id, result.question): result for result in old.questions}
    pairs = [
        (before[key], result)
        for result in new.questions
        if (key := (result.id, result.question)) in before
    ]
    names = [name for name in NAMES if any(_moved(name, *pair) for pair in pairs)]
    left_out = len(before) + len(new.questions) - 2 * len(pairs)
    differences = _differences(pairs, names, seed) if names else ()
    judges = old.citations.judged_by, new.citations.judged_by
    found = Comparison(old.backend, new.backend, len(pairs), left_out, differences, judges)
    if found.is_judged_alike:
        return found
    return replace(found, differences=tuple(d for d in differences if d.metric not in JUDGED))


def warn_judges(changes: Comparison) -> str:
    """The warning that support can't be compared; empty if it can."""
    if changes.is_judged_alike:
        return ""
    old, new = (judge_in_words(judge or "") for judge in changes.judges)
    return (
        f"The reports differ in who judged support: {old} before, {new} now. "
        "So support_recall and support_precision are not compared."
    )


def _moved(name: str, old: QuestionResult, new: QuestionResult) -> bool:
    return old.parts.get(name) != new.parts.get(name)


_Pairs = Sequence[tuple[QuestionResult, QuestionResult]]


def _differences(pairs: _Pairs, names: Sequence[str], seed: int) -> tuple[Difference, ...]:
    old, new = (parts_array([pair[i].parts for pair in pairs], names) for i in (0, 1))
    values = [ratios(side.sum(axis=0), names) for side in (old, new)]
    draws = resamples(len(pairs), seed)
    changes = [ratios(np.tensordot(draws, side, axes=1), names) for side in (new, old)]
    p = _permutation_test(old, new, names, seed)
    found = (
        Difference(
            name,
            round(float(values[0][i]), 6),
            round(float(values[1][i]), 6),
            _interval(changes[0][:, i] - changes[1][:, i]),
            round(float(p[i]), 6),
            *_changed(pairs, name),
        )
        for i, name in enumerate(names)
        if not np.isnan([values[0][i], values[1][i]]).any()
    )
    return tuple(d for d in found if d.change or d.better or d.worse)


def _interval(changes: NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.nanpercentile(changes, [2.5, 97.5])
    return round(float(low), 6), round(float(high), 6)


def _permutation_test(
    old: NDArray[np.float64], new: NDArray[np.float64], names: Sequence[str], seed: int
) -> NDArray[np.float64]:
    """For each metric, the share of changes at least as large if answers swap reports at random.

    A swap that leaves a report without any case of a metric counts as such a change: it is no
    evidence against chance.
    """
    rng = np.random.default_rng(seed)
    totals, swap = (old.sum(axis=0), new.sum(axis=0)), new - old
    observed = np.abs(ratios(totals[1], names) - ratios(totals[0], names))
    as_large = np.zeros(len(names))
    for _ in range(PERMUTATIONS // 1_000):
        moved = np.tensordot(rng.integers(0, 2, (1_000, len(old))).astype(float), swap, axes=1)
        changes = ratios(totals[1] - moved, names) - ratios(totals[0] + moved, names)
        as_large += (~(np.abs(changes) < observed - 1e-12)).sum(axis=0)
    p: NDArray[np.float64] = (as_large + 1) / (PERMUTATIONS + 1)
    return p


def _changed(pairs: _Pairs, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Questions whose own value became better, and worse; without a value in both reports, neither."""
    if name in NEITHER_IS_BETTER:
        return (), ()
    sign = -1 if name in LOWER_IS_BETTER else 1
    own = [(new.id, old.scores.get(name), new.scores.get(name)) for old, new in pairs]
    changes = [(q, sign * (b - a)) for q, a, b in own if a is not None and b is not None]
    return tuple(q for q, c in changes if c > 0), tuple(q for q, c in changes if c < 0)
