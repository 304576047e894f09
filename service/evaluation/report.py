"""The result of an evaluation: its JSON document and its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from index import GisaError
from service.evaluation.datasets import DatasetUnusable
from service.evaluation.metrics import COUNTS, LOWER_IS_BETTER, METRICS, NAMES, Estimate, Part
from service.evaluation.selective import RiskCoverage
from service.evaluation.support import GOLD, VERIFIER

Estimates = dict[str, Estimate]


class BelowFloor(GisaError):
    """A metric is worse than the caller allows."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class Group(_Model):
    """The metrics of one group: over all questions, by type of question, and by slice (slices overlap)."""

    overall: Estimates
    by_type: dict[str, Estimates]
    by_slice: dict[str, Estimates]


class CitationGroup(Group):
    """The metrics of citations, and who judged support.

    ``judged_by``: ``gold`` (evidence of the questions), ``model:…`` or ``nli:…`` (another judge), ``verifier`` (the
    check that admitted the sentences, as in reports that don't say); None where there are no answers. Of
    ``not_judged`` answers the judge could not tell, so that they don't count in support.
    """

    judged_by: str | None = VERIFIER
    not_judged: int = 0


class Latency(_Model):
    """Percentiles in milliseconds; None where nothing was timed."""

    p50: float | None
    p95: float | None
    p99: float | None


class LatencyGroup(_Model):
    """``retrieval`` is one search for ten hits, ``answer`` everything from question to reply.

    ``stages`` are the parts of an answer, in their order.
    """

    retrieval: Latency
    answer: Latency
    stages: dict[str, Latency]


class Cited(_Model):
    """A place that an answer cites."""

    article_id: str
    quote: str


class QuestionResult(_Model):
    """The outcome of one question.

    ``confidence`` is that of the evidence, 0 to 1. ``parts`` has the question's numerator and
    denominator of each metric (``group.name``) in which it counts. ``timings_ms`` as in ``LatencyGroup``.
    """

    id: str
    question: str
    type: str | None
    slices: tuple[str, ...]
    gold_answers: tuple[str, ...] | None
    gold_articles: tuple[str, ...]
    retrieved: tuple[str, ...]
    status: str | None
    text: str | None
    cited: tuple[Cited, ...]
    confidence: float | None
    timings_ms: dict[str, float]
    parts: dict[str, Part]

    @property
    def scores(self) -> dict[str, float]:
        """The question's own value of each metric in which it counts."""
        return {
            name: round(numerator if name in COUNTS else numerator / denominator, 6)
            for name, (numerator, denominator) in self.parts.items()
        }


class Ablation(_Model):
    """The metrics of retrieval by method, over a number of questions."""

    questions: int
    methods: dict[str, Estimates]


class Report(_Model):
    """All results of an evaluation, in the layout of its JSON file.

    ``recall_curve`` is recall@1 to recall@10. ``titles`` names the articles that ``questions`` mention.
    ``ablation`` is by type of question, first ``all``. ``others`` are reports of the further backends
    that answered the same questions.
    """

    retrieval: Group
    answers: Group
    citations: CitationGroup
    abstention: Group
    latency_ms: LatencyGroup
    config: dict[str, Any]
    recall_curve: tuple[Estimate, ...]
    risk_coverage: RiskCoverage | None
    questions: tuple[QuestionResult, ...]
    titles: dict[str, str]
    ablation: dict[str, Ablation] = {}
    others: tuple[Report, ...] = ()

    @property
    def backend(self) -> str:
        """The backend whose answers these are; empty if none was asked."""
        return str(self.config.get("backend", ""))

    @property
    def absent(self) -> Sequence[str]:
        """The right articles that the index lacks."""
        return tuple(self.config.get("absent_articles", ()))

    @property
    def all_backends(self) -> tuple[Report, ...]:
        """This report, then those of the further backends."""
        return (self, *self.others)

    def overall(self) -> Iterator[tuple[str, Estimate]]:
        """Every metric over all questions, named ``group.metric``."""
        for group, metrics in METRICS.items():
            estimates: Estimates = getattr(self, group).overall
            for metric in metrics:
                yield f"{group}.{metric}", estimates[metric]


def read_report(path: Path) -> Report:
    """Read a report from its JSON file. Raises DatasetUnusable for any other file."""
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetUnusable(f"{path}: {error}") from error
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]
        place = ".".join(map(str, reason["loc"]))
        raise DatasetUnusable(
            f"{path} is not a report of an evaluation ({place}: {reason['msg']})"
        ) from error


def parse_floor(text: str) -> tuple[str, float]:
    """Split ``group.metric=value`` into name and number. Raises DatasetUnusable for anything else."""
    name, _, value = text.partition("=")
    if name not in NAMES:
        raise DatasetUnusable(f"no metric is called {name!r}", remedy=f"One of {', '.join(NAMES)}.")
    try:
        bound = float(value)
    except ValueError as error:
        raise DatasetUnusable(f"{text!r} is not of the form METRIC=VALUE") from error
    if not isfinite(bound):  # nothing is below nan, so the check would never fail
        raise DatasetUnusable(f"{text!r}: {value} is not a finite number")
    return name, bound


def check_floors(report: Report, floors: Sequence[tuple[str, float]]) -> None:
    """Raise BelowFloor, naming each metric of any backend that is undefined or worse than its bound.

    The bound is a floor, or a ceiling for metrics of which lower values are better.
    """
    missed = []
    for measured in report.all_backends:
        estimates = dict(measured.overall())
        of = f" of {measured.backend}" if report.others else ""
        for name, bound in floors:
            value, sign = estimates[name].value, -1 if name in LOWER_IS_BETTER else 1
            if value is None or sign * value < sign * bound:
                kind = "floor" if sign > 0 else "ceiling"
                missed.append(f"{name}{of} is {shown(value)}, its {kind} is {bound:g}")
    if missed:
        raise BelowFloor("; ".join(missed))


def worst(report: Report, limit: int = 30) -> list[QuestionResult]:
    """Questions with losses, the worst first; in the order asked if equally bad."""
    return sorted(
        (r for r in report.questions if _badness(r.scores) > 0),
        key=lambda result: -_badness(result.scores),
    )[:limit]


_WANTED = (
    "retrieval.ndcg@10",
    "answers.contains",
    "citations.support_recall",
    "abstention.recall",
)


def _badness(scores: Mapping[str, float]) -> float:
    """The mean loss over the metrics that readers notice, 0 for a flawless answer."""
    losses = [1 - scores[name] for name in _WANTED if name in scores]
    return sum(losses) / len(losses) if losses else 0.0


def shown(value: float | None) -> str:
    """A number as tables print it."""
    return "–" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")


def named(questions: Sequence[str], limit: int = 10) -> str:
    """The first names of a list, and the number of the others."""
    rest = len(questions) - limit
    return ", ".join(questions[:limit]) + (f" and {rest} more" if rest > 0 else "")


def judging(report: Report) -> str:
    """Who judged support, as a sentence; empty where there are no answers."""
    judged_by, left_out = report.citations.judged_by, report.citations.not_judged
    if judged_by is None:
        return ""
    rest = f"; {left_out:,} answers it could not judge, and left out" if left_out else ""
    return f"Support is judged by {judge_in_words(judged_by)}{rest}."


def judge_in_words(judged_by: str) -> str:
    """A name of a judge of support, as readers of a report know it."""
    known = {
        GOLD: "gold evidence",
        VERIFIER: "the verifier itself, which also admitted the sentences",
    }
    return known.get(judged_by, judged_by)


def warn_absent(absent: Sequence[str]) -> str:
    """The warning that rows of the gold were left out, as they name what the data lacks."""
    return (
        f"The data lacks {len(absent):,} of the articles or queries that the gold names "
        f"({named(absent, 3)}): those rows were left out."
    )
