"""The commands ``verification`` and ``answers`` of benchmark.py."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import CORPUS, ROOT, CacheOption, JsonOption, SquadOption, percentile, serving

NUMERIC = frozenset({"number", "unit", "date"})

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import GoldQuestion

app = typer.Typer()


@app.command()
def verification(as_json: JsonOption = False) -> None:
    """The verifier on labelled pairs: how many of each kind get which grade, without a judge and with a perfect one."""
    sys.path.insert(0, str(ROOT / "tests"))  # the pairs and how they are graded
    from labelled_pairs import PerfectJudge, labelled

    report: dict[str, Any] = {}
    for name in ("choose", "report", "earlier", "antonyms"):
        pairs = labelled(name)
        pairs[0].grade()  # loads the analyser
        start = time.perf_counter()
        alone = [pair.grade() for pair in pairs]
        elapsed = time.perf_counter() - start
        judged = [pair.grade(PerfectJudge(pairs)) for pair in pairs]
        groups: dict[str, list[int]] = {}
        for n, pair in enumerate(pairs):
            kind = "true" if pair.is_true else "false"
            for group in (kind, f"{kind}: {pair.form if pair.is_true else pair.kind}"):
                groups.setdefault(group, []).append(n)
        report[name] = {
            "ms_per_sentence": 1_000 * elapsed / len(pairs),
            "without_judge": {g: _grades([alone[n] for n in ns]) for g, ns in groups.items()},
            "perfect_judge": {g: _grades([judged[n] for n in ns]) for g, ns in groups.items()},
        }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show_verification(report)


def _grades(grades: Sequence[str | None]) -> dict[str, int]:
    counts = {grade: grades.count(grade) for grade in ("quoted", "supported", "reworded")}
    return counts | {"dropped": grades.count(None), "pairs": len(grades)}


def _show_verification(report: Mapping[str, Any]) -> None:
    for name, figures in report.items():
        for judge in ("without_judge", "perfect_judge"):
            title = (
                f"{name}, {judge.replace('_', ' ')}, {figures['ms_per_sentence']:.1f} ms a sentence"
            )
            table = Table(title=title)
            for column in ("", "quoted", "supported", "reworded", "dropped", "pairs"):
                table.add_column(column, justify="right" if column else "left")
            for kind, counts in sorted(figures[judge].items()):
                table.add_row(kind, *map(str, counts.values()))
            Console().print(table)


@app.command()
def answers(
    backend: Annotated[
        list[str] | None,
        typer.Option(help="May be repeated; the configured one, if not given."),
    ] = None,
    squad: SquadOption = None,
    limit: Annotated[int, typer.Option(min=1, help="Questions of the SQuAD file.")] = 300,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """Quality of whole answers, and time to the first sentence and to the last, by backend."""
    from service.evaluation.formats import read_questions, read_squad
    from service.evaluation.run import with_ids

    dataset = (
        read_squad(squad).sample(limit, seed=0)
        if squad
        else read_questions(CORPUS / "questions.jsonl", CORPUS / "articles")
    )
    report = {}
    with serving(dataset, cache) as answerer:
        questions = with_ids(dataset, answerer.index).questions
        for name in backend or [answerer.default_backend]:
            report[name] = asyncio.run(_measure_answers(answerer, questions, name))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show_answers(report)


async def _measure_answers(
    answerer: Answerer, questions: Sequence[GoldQuestion], backend: str
) -> dict[str, Any]:
    from service.evaluation.judge import Judge
    from service.evaluation.scoring import Outcome, build_report
    from service.events import DoneEvent, PassagesEvent, SentenceEvent

    outcomes: list[Outcome] = []
    first, whole = [], []
    for gold in [questions[0], *questions]:  # the first loads what is loaded at first use
        started = time.perf_counter()
        retrieved: tuple[str, ...] = ()
        retrieval_ms = spoken_ms = 0.0
        async for event in answerer.events(gold.ask(backend, datetime.now().astimezone())):
            elapsed_ms = (time.perf_counter() - started) * 1_000
            if isinstance(event, PassagesEvent):
                retrieved = tuple(dict.fromkeys(hit.article.id for hit in event.hits))
                retrieval_ms = elapsed_ms
            elif isinstance(event, SentenceEvent):
                spoken_ms = spoken_ms or elapsed_ms
            elif isinstance(event, DoneEvent):
                outcomes.append(Outcome(gold, retrieved, retrieval_ms, event.answer, elapsed_ms))
                whole.append(elapsed_ms)
                first += [spoken_ms] if spoken_ms else []
    judge = Judge.of(answerer.index, datetime.now().astimezone()).by_gold()
    report = build_report(outcomes[1:], judge, seed=0, config={})
    groups = ("answers", "citations", "abstention")
    return {
        "questions": len(questions),
        "first_sentence_ms": _percentiles(first[1:]),
        "whole_answer_ms": _percentiles(whole[1:]),
        **{
            f"{group}.{metric}": asdict(estimate)
            for group in groups
            for metric, estimate in getattr(report, group).overall.items()
        },
    }


def _percentiles(milliseconds: Sequence[float]) -> dict[str, float | None]:
    return {f"p{at}": percentile(milliseconds, at) for at in (50, 95)}


def _show_answers(report: Mapping[str, Any]) -> None:
    table = Table(title="answers (95 % bootstrap interval)")
    for column in ("", *report):
        table.add_column(column, justify="right" if column else "left")
    for figure in next(iter(report.values())):
        table.add_row(figure, *(_cell(figures[figure]) for figures in report.values()))
    Console().print(table)


def _cell(figure: Any) -> str:
    match figure:
        case {"value": None} | {"p50": None}:
            return "–"
        case {"value": value, "ci95": (float() | int() as low, float() | int() as high)}:
            return f"{value:.3f} ({low:.3f}–{high:.3f})"
        case {"value": value}:
            return f"{value:.3f}"
        case {"p50": p50, "p95": p95}:
            return f"p50 {p50:.0f}, p95 {p95:.0f}"
        case _:
            return str(figure)
