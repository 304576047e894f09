"""The command ``related-questions`` of benchmark.py."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import (
    NOW,
    CacheOption,
    JsonOption,
    OutOption,
    dataset_of,
    percentile,
    serving,
    share,
    shown,
    tell,
)

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import GoldQuestion
    from service.suggest.suggester import Suggestion

app = typer.Typer()
messages = Console(stderr=True)


@app.command("related-questions")
def related_questions(
    data: Annotated[str, typer.Option("--set", help="sample, news-a or news-b.")] = "sample",
    show: Annotated[bool, typer.Option("--show", help="Print each question once.")] = False,
    cache: CacheOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """How many related questions stand below the answers to a set's questions, how many are answered as
    they were made to be, and how long they take.

    Asked again they are answered by the default backend over the whole archive, with the clock of the set.
    """
    dataset = dataset_of(data)
    with serving(dataset, cache) as answerer:
        report = asyncio.run(_measured(answerer, dataset.questions, show=show))
    tell(report, out, _show, as_json=as_json)


async def _measured(
    answerer: Answerer, questions: Sequence[GoldQuestion], *, show: bool
) -> dict[str, Any]:
    from service.suggest.suggester import Suggester

    suggester = Suggester(answerer.index)
    below: list[list[Suggestion]] = []
    seconds: list[float] = []
    for question in questions:
        answer = await answerer.answer(question.ask("extractive", NOW))
        if answer.status == "answered":
            cited = [citation.reference for citation in answer.citations]
            started = time.perf_counter()
            below.append(await suggester.related(question.question, cited))
            seconds.append(time.perf_counter() - started)
    examples = await suggester.examples()
    distinct = {s.question: s for found in (*below, examples) for s in found}
    right = await _right(answerer, distinct.values(), show=show)
    return {
        "answers": len(below),
        "with_none": sum(not found for found in below),
        "with_two_or_more": sum(len(found) > 1 for found in below),
        "distinct": len(distinct),
        "answered_from_their_article": share(right, len(distinct)),
        "kinds": Counter(s.kind for s in distinct.values()),
        "examples": [s.question for s in examples],
        "ms": {f"p{at}": round((percentile(seconds, at) or 0.0) * 1_000) for at in (50, 95)},
    }


async def _right(answerer: Answerer, suggestions: Any, *, show: bool) -> int:
    from service.schema import Question

    right = 0
    for one in suggestions:
        answer = await answerer.answer(Question(question=one.question, now=NOW))
        is_right = any(
            (c.article_id, c.source) == (one.article_id, one.source) for c in answer.citations
        )
        right += is_right and answer.status == "answered"
        if show:
            messages.print(f"{one.kind}: {one.question}\n    {answer.text}", markup=False)
    return right


def _show(report: Mapping[str, Any]) -> None:
    table = Table("", "related questions", title=f"below {report['answers']} answers")
    for name, value in report.items():
        table.add_row(name, shown(value) if isinstance(value, float) else str(value))
    Console().print(table)
