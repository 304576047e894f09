"""The command ``abstention`` of benchmark.py."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
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
    SquadOption,
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

SETS = ("sample", "news-a", "news-b")
LEVELS = tuple(n / 20 for n in range(1, 19))
REMOVED_EVERY = 3
"""Of KorQuAD's paragraphs, the share whose questions are asked of an index without them."""

app = typer.Typer()
messages = Console(stderr=True)


@dataclass(frozen=True)
class Judged:
    """A question, how surely it is answered (0 to 1), whether that is right, and what comes instead.

    ``has_lead``: near articles would be shown instead; ``has_gold_lead``: one of them is right.
    """

    type: str
    certainty: float
    is_answerable: bool
    is_right: bool
    has_lead: bool
    has_gold_lead: bool


@app.command()
def abstention(
    only: Annotated[
        list[str] | None, typer.Option("--set", help=f"Of {', '.join(SETS)}; may be repeated.")
    ] = None,
    squad: SquadOption = None,
    paragraphs: Annotated[int, typer.Option(min=6, help="Of the SQuAD file.")] = 360,
    cache: CacheOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """When ``extractive`` keeps silent: risk and coverage by threshold, half and type of question.

    Of a SQuAD file two questions a paragraph are asked, a third of them of paragraphs that the index lacks while
    it has others of the same article. Risk: of what is answered, the share that does not hold the gold answer;
    contains: of the answerable questions, those whose answer does; gold lead: of them, those that get near
    articles instead, a right one among them.
    """
    from service.generate.extractive import MIN_ANSWERABILITY

    sets = {name: dataset_of(name) for name in only or SETS}
    if squad:
        sets["squad"] = _with_removed(squad, paragraphs)
    report: dict[str, Any] = {"threshold": MIN_ANSWERABILITY}
    for name, dataset in sets.items():
        messages.print(f"{name} …")
        # A cached index is known by its files; the reduced corpus has none of its own.
        with serving(dataset, None if name == "squad" else cache) as answerer:
            judged = asyncio.run(_judged(answerer, dataset))
        report[name] = {
            half: {kind: _curve(of_kind, MIN_ANSWERABILITY) for kind, of_kind in kinds.items()}
            for half, of_half in _halves(name, judged).items()
            if (kinds := by_type(of_half, lambda case: case.type))
        }
    tell(report, out, _show, as_json=as_json)


def _halves(name: str, judged: Sequence[Judged]) -> dict[str, list[Judged]]:
    """By place; of a SQuAD file both questions of a paragraph go together."""
    if name != "squad":
        return by_half(name, judged)
    pairs = [judged[n : n + 2] for n in range(0, len(judged), 2)]
    return {half: [j for pair in of for j in pair] for half, of in by_half(name, pairs).items()}


def _with_removed(squad: Path, paragraphs: int) -> Dataset:
    from service.evaluation.formats import read_squad

    whole = read_squad(squad)
    articles = list(whole.corpus or ())[:paragraphs]  # type: ignore[arg-type]
    removed = {article.id for article in articles[::REMOVED_EVERY]}
    kept = [article for article in articles if article.id not in removed]
    asked = [q for article in articles for q in _of_article(whole.questions, article.id)[:2]]
    silent = [
        q.model_copy(update={"answers": (), "article_ids": ()})
        if q.article_ids[0] in removed
        else q
        for q in asked
    ]
    return replace(whole, questions=tuple(silent), corpus=kept, files=())


def _of_article(questions: Sequence[GoldQuestion], article_id: str) -> list[GoldQuestion]:
    return [question for question in questions if article_id in question.article_ids]


async def _judged(answerer: Answerer, dataset: Dataset) -> list[Judged]:
    from service.evaluation.judge import Judge
    from service.evaluation.metrics import score_answer
    from service.evaluation.run import Probe, with_ids

    probe, silent, judge = Probe(answerer), with_silent(answerer), Judge.of(answerer.index, NOW)
    judged = []
    for gold in with_ids(dataset, answerer.index).questions:
        forced = await probe.force(gold, NOW)
        instead = await silent.answer(gold.ask(Silent.name, NOW))
        right, _ = score_answer(forced.answer, gold.answers or ()).get("contains", (0.0, 1.0))
        near = judge.stories(citation.article_id for citation in instead.citations)
        is_gold = not set(near).isdisjoint(judge.grades(gold))
        judged.append(
            Judged(
                type_of(gold),
                forced.confidence,
                bool(gold.answerable),
                bool(right),
                bool(near),
                is_gold,
            )
        )
    return judged


def _curve(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    from service.evaluation.selective import Case, risk_coverage

    levels = sorted({threshold, *LEVELS})
    cases = [Case(j.certainty, not j.is_right, given=j.certainty >= threshold) for j in judged]
    curve = risk_coverage(cases, len(cases))
    return {
        "questions": len(judged),
        "unanswerable": sum(not j.is_answerable for j in judged),
        "aurc": curve.aurc if curve else None,
        "at": {f"{level:g}": _at(judged, level) for level in levels},
    }


def _at(judged: Sequence[Judged], threshold: float) -> dict[str, float | None]:
    spoken = [j for j in judged if j.certainty >= threshold]
    silent = [j for j in judged if j.certainty < threshold]
    answerable = sum(j.is_answerable for j in judged)
    unanswerable = len(judged) - answerable
    return {
        "coverage": share(len(spoken), len(judged)),
        "risk": share(sum(not j.is_right for j in spoken), len(spoken)),
        "contains": share(sum(j.is_right for j in spoken), answerable),
        "false_refusals": share(sum(j.is_answerable for j in silent), answerable),
        "gold_lead": share(sum(j.is_answerable and j.has_gold_lead for j in silent), answerable),
        "unanswerable_answered": share(sum(not j.is_answerable for j in spoken), unanswerable),
        "unanswerable_related": share(
            sum(not j.is_answerable and j.has_lead for j in silent), unanswerable
        ),
    }


def _show(report: Mapping[str, Any]) -> None:
    """The whole curve over all questions, and every type at the threshold in use."""
    chosen = f"{report['threshold']:g}"
    for name in report.keys() - {"threshold"}:
        for half, kinds in report[name].items():
            whole = kinds["all"]
            title = f"{name}, {half} half: {whole['questions']} questions, mean risk {shown(whole['aurc'])}"
            _table(f"{title}, threshold {chosen}", "threshold", whole["at"])
            at_chosen = {
                f"{kind} ({figures['questions']})": figures["at"][chosen]
                for kind, figures in kinds.items()
            }
            _table(f"{name}, {half} half, at {chosen} by type", "type", at_chosen)


def _table(title: str, first: str, rows: Mapping[str, Mapping[str, float | None]]) -> None:
    table = Table(title=title)
    for column in (first, *next(iter(rows.values()))):
        table.add_column(column.replace("_", " "), justify="right")
    for name, figures in rows.items():
        table.add_row(name, *map(shown, figures.values()))
    Console(width=140).print(table)
