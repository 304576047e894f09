"""Selective answering: how much better the answers are if only the surest ones are given.

Source: El-Yaniv and Wiener, On the Foundations of Noise-free Selective Classification (JMLR 2010);
Geifman and El-Yaniv, Selective Classification for Deep Neural Networks (2017) for the area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from pydantic import BaseModel, ConfigDict

MAX_POINTS = 200


class Point(BaseModel):
    """Answering only with at least this confidence: the share of questions, and of wrong answers."""

    model_config = ConfigDict(frozen=True)

    threshold: float
    coverage: float
    risk: float


class RiskCoverage(BaseModel):
    """The curve by rising coverage. ``coverage`` and ``risk`` are those of the answers given.

    ``aurc`` is the mean risk along the curve, which ends when there are no more answers. Answers of
    equal confidence have no order: the wrong ones among them are spread evenly, so that the area does
    not depend on the order in which questions were asked.
    """

    model_config = ConfigDict(frozen=True)

    points: tuple[Point, ...]
    coverage: float
    risk: float | None
    aurc: float


@dataclass(frozen=True)
class Case:
    """A possible answer to a question; ``given`` says whether it was in fact given."""

    confidence: float
    wrong: bool
    given: bool


def risk_coverage(cases: Sequence[Case], asked: int) -> RiskCoverage | None:
    """The curve of the answers to ``asked`` questions; None without any answer.

    An answer is wrong if it doesn't contain a right one, or if the question has no answer.
    """
    if not cases:
        return None
    ranked = sorted(cases, key=lambda case: -case.confidence)
    risks = _risks(ranked)
    points = [
        Point(
            threshold=round(case.confidence, 6),
            coverage=round(i / asked, 6),
            risk=round(risks[i - 1], 6),
        )
        for i, case in enumerate(ranked, start=1)
        if i == len(ranked) or ranked[i].confidence != case.confidence  # ties are answered together
    ]
    given = [case.wrong for case in cases if case.given]
    return RiskCoverage(
        points=_thinned(points),
        coverage=round(len(given) / asked, 6),
        risk=round(sum(given) / len(given), 6) if given else None,
        aurc=round(sum(risks) / len(risks), 6),
    )


def _risks(ranked: Sequence[Case]) -> list[float]:
    """For each n, the share of wrong ones among the first n answers; within a tie, the expected share."""
    risks: list[float] = []
    wrong = 0.0
    for _, group in groupby(ranked, key=lambda case: case.confidence):
        tied = list(group)
        share = sum(case.wrong for case in tied) / len(tied)
        for _ in tied:
            wrong += share
            risks.append(wrong / (len(risks) + 1))
    return risks


def _thinned(points: Sequence[Point]) -> tuple[Point, ...]:
    """Enough points to draw, always with the last one."""
    step = -(-len(points) // MAX_POINTS)
    return tuple(reversed(points[::-1][::step]))
