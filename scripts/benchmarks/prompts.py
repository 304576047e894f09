"""The command ``prompt-recall`` of benchmark.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import (
    NOW,
    CacheOption,
    JsonOption,
    OutOption,
    Silent,
    by_half,
    by_type,
    dataset_of,
    serving,
    share,
    shown,
    tell,
    type_of,
    with_silent,
)

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import Dataset, GoldQuestion
    from service.evaluation.judge import Judge

SETS = ("sample", "paraphrases", "recent", "causes", "news-a", "news-b")
DEPTHS = (1, 3, 5, 8)
app = typer.Typer()
messages = Console(stderr=True)


@dataclass(frozen=True)
class Found:
    """The place, from 1, of the first right story among the sources of a prompt; None: it is not there."""

    type: str
    place: int | None


@app.command("prompt-recall")
def prompt_recall(
    only: Annotated[
        list[str] | None, typer.Option("--set", help=f"Of {', '.join(SETS)}; may be repeated.")
    ] = None,
    cache: CacheOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recall of what reaches the prompt: the share of questions with a right story among its sources, by type.

    Through the whole path: the question as it is understood, with what it prefers or demands.
    """
    report: dict[str, Any] = {}
    for name in only or SETS:
        messages.print(f"{name} …")
        dataset = dataset_of(name)
        with serving(dataset, cache) as answerer:
            found = asyncio.run(_found(with_silent(answerer), dataset))
        report[name] = {
            half: {
                kind: _recall(of_kind)
                for kind, of_kind in by_type([f for f in of_half if f], lambda f: f.type).items()
            }
            for half, of_half in by_half(name, found).items()
        }
    tell(report, out, _show, as_json=as_json)


async def _found(answerer: Answerer, dataset: Dataset) -> list[Found | None]:
    """For each question; None for one without a right article."""
    from service.evaluation.judge import Judge
    from service.evaluation.run import with_ids

    judge = Judge.of(answerer.index, NOW)
    return [
        await _place(answerer, question, judge) if question.has_gold_articles else None
        for question in with_ids(dataset, answerer.index).questions
    ]


async def _place(answerer: Answerer, question: GoldQuestion, judge: Judge) -> Found:
    from service.events import PassagesEvent

    gold, stories = judge.grades(question), ()
    async for event in answerer.events(question.ask(Silent.name, NOW)):
        if isinstance(event, PassagesEvent):
            stories = judge.stories(hit.article.id for hit in event.hits)
    place = next((n for n, story in enumerate(stories, start=1) if story in gold), None)
    return Found(type_of(question), place)


def _recall(found: Sequence[Found]) -> dict[str, Any]:
    places = [f.place for f in found if f.place is not None]
    recalls = {f"recall@{k}": share(sum(p <= k for p in places), len(found)) for k in DEPTHS}
    return {"questions": len(found), **recalls}


def _show(report: Mapping[str, Any]) -> None:
    table = Table(title="right story among the sources of the prompt")
    for column in ("set", "half", "type", "questions", *(f"recall@{k}" for k in DEPTHS)):
        table.add_column(column)
    for name, halves in report.items():
        for half, kinds in halves.items():
            for kind, figures in kinds.items():
                shares = (shown(figures[f"recall@{k}"]) for k in DEPTHS)
                table.add_row(name, half, kind, str(figures["questions"]), *shares)
    Console(width=120).print(table)
