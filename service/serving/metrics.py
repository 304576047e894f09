"""The figures for Prometheus at ``/metrics``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from service.errors import JudgeFault, LLMError
from service.schema import Answer
from service.verify.judge import Judgement

MULTIPROCESS_DIR = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable with the folder in which several workers add up their figures."""

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The figures of one service. Labels have few values: never a question, an id or a caller."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = CollectorRegistry()

        def counter(name: str, meaning: str, *labels: str) -> Counter:
            return Counter(f"gisa_{name}", meaning, labels, registry=self._registry)

        def gauge(name: str, meaning: str, mode: str = "mostrecent") -> Gauge:
            return Gauge(f"gisa_{name}", meaning, registry=self._registry, multiprocess_mode=mode)  # type: ignore[arg-type]

        def seconds(name: str, meaning: str, *labels: str) -> Histogram:
            return Histogram(
                f"gisa_{name}_seconds", meaning, labels, registry=self._registry, buckets=_SECONDS
            )

        self._requests = counter("requests", "Requests answered.", "method", "route", "status")
        self._request_seconds = seconds("request", "Time for a request, streams whole.", "route")
        self._in_progress = gauge("requests_in_progress", "Requests being answered.", "livesum")
        self._problems = counter("problems", "Requests refused or failed, by code.", "code")
        self._disconnects = counter("disconnects", "Callers who went away before the answer.")
        self._answers = counter("answers", "Answers, abstentions among them.", "status", "backend")
        self._dropped = counter("dropped_sentences", "Sentences that nothing supported.")
        self._failures = counter("backend_errors", "Failures of backends.", "backend", "code")
        self._stages = seconds("stage", "Time for a stage of an answer.", "stage")
        self._judgings = counter("judge_calls", "Calls of the judge of entailment.", "judge")
        self._judge_errors = counter("judge_errors", "Those that failed.", "judge", "reason")
        self._judge_seconds = seconds("judge", "Time for a call of the judge.", "judge")
        self._verdicts = counter("judge_verdicts", "Sentences judged.", "judge", "verdict")
        self._feedback = counter("feedback", "Answers rated by readers.", "rating")
        self._generation = gauge("index_generation", "Generation that is searched.")
        self._degraded = gauge("index_degraded", "1: not the newest state of the index.")

    def request_began(self) -> None:
        """Count a request as in progress."""
        self._in_progress.inc()

    def request_ended(
        self, method: str, route: str, status: int | None, seconds: float, problem: str | None
    ) -> None:
        """Count a finished request with its time; ``problem`` is the code of an error.

        ``status`` is None if the caller went away before the reply began.
        """
        self._in_progress.dec()
        self._requests.labels(method, route, str(status or "none")).inc()
        self._request_seconds.labels(route).observe(seconds)
        if problem:
            self._problems.labels(problem).inc()

    def disconnected(self) -> None:
        """Count a caller that went away before the answer."""
        self._disconnects.inc()

    def answered(self, answer: Answer) -> None:
        """Count an answer or abstention, its dropped sentences, its stages, and a backend's failure."""
        self._answers.labels(answer.status, answer.backend).inc()
        self._dropped.inc(answer.dropped_sentences)
        self._generation.set(answer.generation)
        for stage, milliseconds in answer.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1_000)
        if answer.failure:
            self._failures.labels(answer.fallback_from or answer.backend, answer.failure).inc()

    def backend_failed(self, backend: str, error: LLMError) -> None:
        """Count a failure for which there is no answer at all."""
        self._failures.labels(backend, error.code).inc()

    def judged(self, judge: str, seconds: float, judgements: Sequence[Judgement]) -> None:
        """Count a call of the judge with its time and verdicts; pairs that it left out are ``unjudged``."""
        self._judging_ended(judge, seconds)
        for judgement in judgements:
            verdict = judgement.verdict if judgement.probability else "unjudged"
            self._verdicts.labels(judge, verdict).inc()

    def judge_failed(self, judge: str, seconds: float, reason: JudgeFault) -> None:
        """Count a call of the judge that failed, or that its breaker spared it."""
        self._judging_ended(judge, seconds)
        self._judge_errors.labels(judge, reason).inc()

    def _judging_ended(self, judge: str, seconds: float) -> None:
        self._judgings.labels(judge).inc()
        self._judge_seconds.labels(judge).observe(seconds)

    def searched(self, seconds: float) -> None:
        """Record the time of a search without an answer."""
        self._stages.labels("search").observe(seconds)

    def rated(self, rating: str) -> None:
        """Count a reader's rating, ``up`` or ``down``."""
        self._feedback.labels(rating).inc()

    def index_seen(self, generation: int, problem: str | None) -> None:
        """Record the generation that is searched, and whether a newer one can't be used."""
        self._generation.set(generation)
        self._degraded.set(1 if problem else 0)

    def text(self) -> bytes:
        """The figures of all workers in Prometheus's text format."""
        registry = self._registry
        if os.environ.get(MULTIPROCESS_DIR):
            registry = CollectorRegistry()
            collect: Callable[[CollectorRegistry], object] = MultiProcessCollector
            collect(registry)
        return generate_latest(registry)
