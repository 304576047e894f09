"""The result of an evaluation: its JSON document, its summary, and what changed since another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from index import GisaError
from service.evaluation.datasets import DatasetUnusable
from service.evaluation.metrics import METRICS, NAMES, Estimate

Estimates = dict[str, Estimate]


class BelowFloor(GisaError):
    """A metric is lower than the caller allows."""


class Group(BaseModel):
    """The metrics of one group, over all questions and by type of question."""

    model_config = ConfigDict(frozen=True)

    overall: Estimates
    by_type: dict[str, Estimates]


class Latency(BaseModel):
    """Percentiles in milliseconds; None where nothing was timed."""

    model_config = ConfigDict(frozen=True)

    p50: float | None
    p95: float | None
    p99: float | None


class LatencyGroup(BaseModel):
    """``retrieval`` is one search for ten hits, ``answer`` the whole way from question to reply."""

    model_config = ConfigDict(frozen=True)

    retrieval: Latency
    answer: Latency


class QuestionResult(BaseModel):
    """What became of one question. ``scores`` has the metrics (``group.name``) that it takes part
    in, each as its own share."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    type: str | None
    gold_answers: tuple[str, ...]
    gold_articles: tuple[str, ...]
    retrieved: tuple[str, ...]
    status: str | None
    text: str | None
    cited: tuple[str, ...]
    scores: dict[str, float]


class Report(BaseModel):
    """Everything that an evaluation found, in the layout of its JSON file."""

    model_config = ConfigDict(frozen=True)

    retrieval: Group
    answers: Group
    citations: Group
    abstention: Group
    latency_ms: LatencyGroup
    config: dict[str, Any]
    questions: tuple[QuestionResult, ...]

    def overall(self) -> Iterator[tuple[str, Estimate]]:
        """Every metric over all questions, named ``group.metric``."""
        for group, metrics in METRICS.items():
            estimates: Estimates = getattr(self, group).overall
            for metric in metrics:
                yield f"{group}.{metric}", estimates[metric]


def read_report(path: Path) -> Report:
    """Read a report's JSON; raises DatasetUnusable when the file is none."""
    try:
        return Report.model_validate_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetUnusable(f"{path}: {error}") from error
    except ValidationError as error:
        reason = error.errors(include_url=False)[0]
        place = ".".join(map(str, reason["loc"]))
        raise DatasetUnusable(f"{path}: no evaluation report ({place}: {reason['msg']})") from error


def parse_floor(text: str) -> tuple[str, float]:
    """``group.metric=value`` as name and number; raises DatasetUnusable for anything else."""
    name, _, value = text.partition("=")
    if name not in NAMES:
        raise DatasetUnusable(f"no metric is called {name!r}", remedy=f"One of {', '.join(NAMES)}.")
    try:
        return name, float(value)
    except ValueError as error:
        raise DatasetUnusable(f"{text!r} is not of the form METRIC=VALUE") from error


def check_floors(report: Report, floors: Sequence[tuple[str, float]]) -> None:
    """Raise BelowFloor, naming each metric, when one is undefined or lower than its floor."""
    estimates = dict(report.overall())
    values = [(name, floor, estimates[name].value) for name, floor in floors]
    if low := [(n, f, v) for n, f, v in values if v is None or v < f]:
        raise BelowFloor(
            "; ".join(
                f"{name} is {shown(value)}, its floor is {floor}" for name, floor, value in low
            )
        )


@dataclass(frozen=True)
class Difference:
    """A metric in two reports; ``questions`` are those whose own share of it changed."""

    metric: str
    old: float | None
    new: float | None
    questions: tuple[str, ...]

    @property
    def change(self) -> float | None:
        return None if self.old is None or self.new is None else self.new - self.old


def compare(old: Report, new: Report) -> list[Difference]:
    """Every metric that moved or that moved for a question, in the order of the report."""
    before = {result.id: result.scores for result in old.questions}
    shared = [(r.id, before[r.id], r.scores) for r in new.questions if r.id in before]
    old_values = dict(old.overall())
    differences = (
        Difference(
            metric,
            old_values[metric].value,
            estimate.value,
            tuple(name for name, was, now in shared if was.get(metric) != now.get(metric)),
        )
        for metric, estimate in new.overall()
    )
    return [d for d in differences if d.questions or d.old != d.new]


def worst(report: Report, limit: int = 30) -> list[QuestionResult]:
    """Questions that went wrong, the most wrong first, in the order asked where equally so."""
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
    """Mean shortfall of the metrics that a reader notices, 0 for a flawless question."""
    losses = [1 - scores[name] for name in _WANTED if name in scores]
    return sum(losses) / len(losses) if losses else 0.0


def shown(value: float | None) -> str:
    """A number as tables print it."""
    return "–" if value is None else f"{value:.4f}".rstrip("0").rstrip(".")
