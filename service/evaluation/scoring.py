"""From the outcome of each question to a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from index import quantities_in
from service.evaluation.datasets import GoldQuestion
from service.evaluation.judge import Judge
from service.evaluation.metrics import (
    METRICS,
    NAMES,
    RECALL_CURVE,
    Estimate,
    Part,
    Parts,
    estimate,
    score_abstention,
    score_answer,
    score_citations,
    score_cited_articles,
    score_leads,
    score_retrieval,
)
from service.evaluation.report import (
    CitationGroup,
    Cited,
    Group,
    Latency,
    LatencyGroup,
    QuestionResult,
    Report,
)
from service.evaluation.selective import Case, RiskCoverage, risk_coverage
from service.generate.extractive import ExtractiveBackend
from service.schema import Answer, Citation


@dataclass(frozen=True)
class Forced:
    """What `extractive` answers if it must, and its confidence, 0 to 1."""

    confidence: float
    answer: Answer


@dataclass(frozen=True)
class Outcome:
    """What the service found for one question, distinct articles with the best first, and its answer.

    ``answer`` is None where only retrieval was evaluated.
    """

    question: GoldQuestion
    retrieved: tuple[str, ...]
    retrieval_ms: float
    answer: Answer | None = None
    answer_ms: float | None = None
    forced: Forced | None = None


def score(outcomes: Sequence[Outcome], judge: Judge) -> list[Parts]:
    """For each outcome its parts in the metrics, which are named ``group.metric``."""
    gold = {
        o.question.id: judge.grades(o.question) for o in outcomes if o.question.has_gold_articles
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
        answer,
        supports=judge.supports(question, answer),
        holds_numbers=holds_numbers,
        body_of=judge.body_of,
    )
    is_related = answer.status == "related"
    named = judge.stories(citation.reference for citation in answer.citations)
    gold = judge.stories(question.article_ids) if question.has_gold_articles else ()
    if gold:
        citations |= score_cited_articles(() if is_related else named, gold)
    abstention: Mapping[str, Part] = {}
    if question.answerable is not None:
        leads = score_leads(is_related=is_related, leads=named, gold=gold)
        refused = score_abstention(
            abstained=answer.status != "answered",
            answerable=question.answerable,
            leads_to_gold=leads["lead_gold"][0] > 0,
        )
        abstention = {**refused, **leads}
    return {
        **_named("answers", score_answer(answer, question.answers or ())),
        **_named("citations", citations),
        **_named("abstention", abstention),
    }


def holds_numbers(sentence: str, citations: Sequence[Citation]) -> bool | None:
    """Whether every number with its unit occurs in the quotes, in any usual spelling."""
    said = quantities_in(sentence)
    given = [quantity for citation in citations for quantity in quantities_in(citation.quote)]
    return all(any(s.agrees_with(g) for g in given) for s in said) if said else None


def _named(group: str, parts: Parts) -> dict[str, Part]:
    return {f"{group}.{metric}": part for metric, part in parts.items()}


def _curve(outcomes: Sequence[Outcome]) -> RiskCoverage | None:
    """The risk-coverage curve of the answers given; for `extractive` also of those that it held back."""
    known = [o for o in outcomes if o.question.answers is not None]
    cases = [case for outcome in known if (case := _case(outcome)) is not None]
    return risk_coverage(cases, len(known))


def _case(outcome: Outcome) -> Case | None:
    answer, forced = outcome.answer, outcome.forced
    if answer is None or forced is None:
        return None
    given = answer.status == "answered"
    told = answer if given or answer.backend != ExtractiveBackend.name else forced.answer
    if told.status != "answered":
        return None
    right, _ = score_answer(told, outcome.question.answers or ()).get("contains", (0.0, 1.0))
    return Case(forced.confidence, wrong=not right, given=given)


# ---- summing up


def build_report(
    outcomes: Sequence[Outcome], judge: Judge, *, seed: int, config: Mapping[str, Any]
) -> Report:
    """Score the outcomes, and sum them up over all questions, by type and by slice."""
    scored = score(outcomes, judge)
    slices = [judge.slices_of(outcome.question) for outcome in outcomes]
    results = tuple(map(_result, outcomes, scored, slices))
    overall = estimate(scored, seed=seed)
    by_type = _by_label(scored, [[r.type] if r.type else [] for r in results], seed)
    by_slice = _by_label(scored, slices, seed)

    def group(name: str) -> Group:
        return Group(
            overall=_of_group(name, overall),
            by_type={label: _of_group(name, found) for label, found in by_type.items()},
            by_slice={label: _of_group(name, found) for label, found in by_slice.items()},
        )

    curve = estimate(scored, seed=seed, names=RECALL_CURVE)
    mentioned = {a for r in results for a in (*r.retrieved, *r.gold_articles)}
    return Report(
        retrieval=group("retrieval"),
        answers=group("answers"),
        citations=_citations(group("citations"), results, judge),
        abstention=group("abstention"),
        latency_ms=_latency(results),
        config=dict(config),
        recall_curve=tuple(curve.values()),
        risk_coverage=_curve(outcomes),
        questions=results,
        titles={article_id: judge.title_of(article_id) for article_id in sorted(mentioned)},
    )


def _citations(group: Group, results: Sequence[QuestionResult], judge: Judge) -> CitationGroup:
    answered = [r for r in results if r.status == "answered"]
    return CitationGroup(
        **dict(group),
        judged_by=judge.judged_by if any(r.status for r in results) else None,
        not_judged=sum("citations.support_recall" not in r.parts for r in answered),
    )


def _by_label(
    scored: Sequence[Parts], labels: Sequence[Iterable[str]], seed: int
) -> dict[str, dict[str, Estimate]]:
    rows: dict[str, list[Parts]] = defaultdict(list)
    for parts, names in zip(scored, labels, strict=True):
        for name in names:
            rows[name].append(parts)
    return {name: estimate(parts, seed=seed) for name, parts in sorted(rows.items())}


def _of_group(group: str, estimates: Mapping[str, Estimate]) -> dict[str, Estimate]:
    return {metric: estimates[f"{group}.{metric}"] for metric in METRICS[group]}


def _latency(results: Sequence[QuestionResult]) -> LatencyGroup:
    taken: dict[str, list[float]] = {"retrieval": [], "answer": []}
    for result in results:
        for stage, milliseconds in result.timings_ms.items():
            taken.setdefault(stage, []).append(milliseconds)
    found = {stage: _percentiles(milliseconds) for stage, milliseconds in taken.items()}
    return LatencyGroup(retrieval=found.pop("retrieval"), answer=found.pop("answer"), stages=found)


def _percentiles(milliseconds: Sequence[float]) -> Latency:
    if not milliseconds:
        return Latency(p50=None, p95=None, p99=None)
    p50, p95, p99 = np.percentile(milliseconds, [50, 95, 99]).round(2).tolist()
    return Latency(p50=p50, p95=p95, p99=p99)


def _name(citation: Citation, outcome: Outcome) -> str:
    """What the cited article is called among those found: ``SOURCE/ID`` where several sources share its id."""
    is_shared = citation.reference in outcome.retrieved
    return citation.reference if is_shared else citation.article_id


def _result(outcome: Outcome, parts: Parts, slices: Sequence[str]) -> QuestionResult:
    question, answer = outcome.question, outcome.answer
    citations = answer.citations if answer else ()
    return QuestionResult(
        id=question.id,
        question=question.question,
        type=question.type,
        slices=tuple(slices),
        gold_answers=question.answers,
        gold_articles=question.article_ids,
        retrieved=outcome.retrieved,
        status=answer.status if answer else None,
        text=answer.text if answer else None,
        cited=tuple(Cited(article_id=_name(c, outcome), quote=c.quote) for c in citations),
        confidence=round(outcome.forced.confidence, 6) if outcome.forced else None,
        timings_ms=_timings(outcome),
        parts={name: parts[name] for name in NAMES if name in parts and parts[name][1]},
    )


def _timings(outcome: Outcome) -> dict[str, float]:
    timings = {"retrieval": round(outcome.retrieval_ms, 2)}
    if outcome.answer is not None and outcome.answer_ms is not None:
        timings |= {"answer": round(outcome.answer_ms, 2), **outcome.answer.timings_ms}
    return timings
