"""What each part of retrieval contributes: the same questions, ranked with single parts alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from index import Candidates, Index, Vectors
from service.answer import Answerer
from service.evaluation.datasets import GoldQuestion
from service.evaluation.judge import Judge
from service.evaluation.metrics import METRICS, RETRIEVAL_DEPTH, estimate, score_retrieval
from service.evaluation.report import Ablation
from service.query.understand import Understander, Understood

RRF = 60  # Cormack, Clarke and Büttcher, Reciprocal Rank Fusion (SIGIR 2009)


def _reciprocal_ranks(candidates: Candidates) -> Vectors:
    dense, lexical = (
        (-scores).argsort(kind="stable").argsort()
        for scores in (candidates.dense, candidates.lexical["morphemes"])
    )
    fused: Vectors = (1 / (RRF + 1 + dense) + 1 / (RRF + 1 + lexical)).astype("float32")
    return fused


SCORES: Mapping[str, Callable[[Candidates], Vectors]] = {
    "dense": lambda candidates: candidates.dense,
    "bm25": lambda candidates: candidates.lexical["morphemes"],
    "rrf": _reciprocal_ranks,
}
"""By method, the function that scores candidates. All methods rank the same candidates under the same filters."""

FUSION, HEADER, RERANK = "fusion", "header", "rerank"

MEANINGS: Mapping[str, str] = {
    "dense": "vectors alone",
    "bm25": "BM25 over morphemes alone",
    "rrf": "reciprocal rank fusion of both",
    FUSION: "the product's own search",
    HEADER: "the same, passages not found by their title",
    RERANK: "the product's own search, reordered by the cross-encoder",
}
"""The parts that can be measured, in the order of the documentation's table."""

Rankings = Mapping[str, Mapping[str, Sequence[str]]]
"""By method and question id, the ids of the articles found, best first."""

Variants = Mapping[str, Callable[[], AbstractContextManager[Answerer]]]
"""By part, what opens a service with it, or without it, whose own search is then measured."""


def ablate(
    index: Index,
    questions: Sequence[GoldQuestion],
    parts: Sequence[str],
    variants: Variants,
    *,
    now: datetime,
    seed: int,
) -> dict[str, Ablation]:
    """Rank with each of ``parts``, which are methods of ``SCORES`` or of ``variants``, and tabulate."""
    rankings = dict(rank(index, questions, [part for part in parts if part in SCORES], now))
    for part in (part for part in parts if part in variants):
        with variants[part]() as answerer:
            rankings[part] = search(answerer.index, questions, now)
    ordered = {part: rankings[part] for part in parts}
    return tabulate(ordered, questions, Judge.of(index, now), seed=seed)


def rank(
    index: Index, questions: Sequence[GoldQuestion], methods: Collection[str], now: datetime
) -> Rankings:
    """The articles found for each question by each of ``methods``, which are those of ``SCORES``."""
    rankings: dict[str, dict[str, list[str]]] = {
        method: {question.id: [] for question in questions} for method in methods
    }
    for question, understood in _understood(index, questions, now) if methods else ():
        candidates = index.candidates(understood.query.text, filters=understood.filters)
        for method, ranked in rankings.items():
            ranked[question.id] = _articles(index, candidates, SCORES[method](candidates))
    return rankings


def search(
    index: Index, questions: Sequence[GoldQuestion], now: datetime
) -> dict[str, Sequence[str]]:
    """By question id, the articles that the product's own search finds, best first."""
    found: dict[str, Sequence[str]] = {question.id: [] for question in questions}
    for question, understood in _understood(index, questions, now):
        hits = index.search(understood.query, filters=understood.filters, k=RETRIEVAL_DEPTH)
        found[question.id] = [hit.article.key for hit in hits]
    return found


def _understood(
    index: Index, questions: Sequence[GoldQuestion], now: datetime
) -> Iterator[tuple[GoldQuestion, Understood]]:
    """Each question as it is understood, without those whose conditions exclude each other."""
    understand = Understander(index)
    for question in questions:
        understood = understand(question.ask(now=now))
        if understood.is_possible:
            yield question, understood


def _articles(index: Index, candidates: Candidates, scores: Vectors) -> list[str]:
    """One article of each story, best first, down to ``RETRIEVAL_DEPTH``."""
    best: dict[str, str] = {}
    for i in (-scores).argsort(kind="stable").tolist():
        best.setdefault(candidates.stories[i], candidates.passages[i])
        if len(best) == RETRIEVAL_DEPTH:
            break
    loaded = index.passages(list(best.values()), candidates.token)
    return [loaded[passage].article.reference for passage in best.values() if passage in loaded]


def tabulate(
    rankings: Rankings, questions: Sequence[GoldQuestion], judge: Judge, *, seed: int
) -> dict[str, Ablation]:
    """The metrics of retrieval by method, over ``all`` questions and for each type."""
    asked = [question for question in questions if question.has_gold_articles]
    gold = {question.id: judge.grades(question) for question in asked}
    scores = {
        method: score_retrieval({q: judge.stories(found[q]) for q in gold}, gold)
        for method, found in rankings.items()
    }
    kinds = {"all": asked} | {
        kind: [question for question in asked if question.type == kind]
        for kind in sorted({question.type for question in asked if question.type})
    }
    return {
        kind: Ablation(
            questions=len(chosen),
            methods={
                method: estimate(
                    [found[q.id] for q in chosen], names=METRICS["retrieval"], seed=seed
                )
                for method, found in scores.items()
            },
        )
        for kind, chosen in kinds.items()
    }
