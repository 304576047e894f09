"""The command ``forms`` of benchmark.py."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import (
    CORPUS,
    NOW,
    CacheOption,
    JsonOption,
    OutOption,
    by_half,
    by_type,
    dataset_of,
    serving,
    share,
    shown,
    tell,
)

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import GoldQuestion

SEED = 5
app = typer.Typer()
messages = Console(stderr=True)


@dataclass(frozen=True)
class Put:
    """A question of the sample put in another way: ``form`` is the template's id or the question's own."""

    kind: str
    form: str
    base: GoldQuestion
    question: GoldQuestion


@app.command()
def forms(
    each: Annotated[int, typer.Option(min=1, help="Questions for each template.")] = 12,
    show: Annotated[int, typer.Option(min=0, help="Print so many of those not kept.")] = 0,
    cache: CacheOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Of questions that are answered rightly when put plainly, the share that still is when put in other ways.

    The ways: templates of tests/corpus/forms.jsonl, and tests/corpus/rewrites.jsonl, by kind and half.
    """
    dataset = dataset_of("sample")
    with serving(dataset, cache) as answerer:
        plain = asyncio.run(_right(answerer, [q for q in dataset.questions if q.answers]))
        sets = {"forms": list(_templates(plain, each)), "rewrites": list(_rewrites(plain))}
        report: dict[str, Any] = {"right_plainly": len(plain)}
        for name, puts in sets.items():
            messages.print(f"{name}: {len(puts)} questions …")
            kept = {q.id for q in asyncio.run(_right(answerer, [p.question for p in puts]))}
            report[name] = {
                half: {
                    kind: _figures(of_kind, kept)
                    for kind, of_kind in by_type(of_half, lambda p: p.kind).items()
                }
                for half, of_half in _halves(name, puts).items()
            }
            lost = [put for put in puts if put.question.id not in kept]
            for put in random.Random(SEED).sample(lost, min(show, len(lost))):  # noqa: S311
                messages.print(f"{put.kind}: {put.question.question}", markup=False)
    tell(report, out, _show, as_json=as_json)


async def _right(answerer: Answerer, questions: Sequence[GoldQuestion]) -> list[GoldQuestion]:
    """Those that get an answer with one of the gold answers in it."""
    from service.evaluation.metrics import score_answer

    right = []
    for question in questions:
        answer = await answerer.answer(question.ask("extractive", NOW))
        found, _ = score_answer(answer, question.answers or ())["contains"]
        if found:
            right.append(question)
    return right


def _templates(plain: Sequence[GoldQuestion], each: int) -> Iterator[Put]:
    draw = random.Random(SEED)  # noqa: S311
    for form in _lines("forms"):
        for base in draw.sample(list(plain), min(each, len(plain))):
            text = form["template"].replace("{q}", base.question)
            update = {"id": f"{form['id']}/{base.id}", "question": text}
            yield Put(form["kind"], form["id"], base, base.model_copy(update=update))


def _rewrites(plain: Sequence[GoldQuestion]) -> Iterator[Put]:
    by_id = {question.id: question for question in plain}
    for place, row in enumerate(_lines("rewrites")):
        base = by_id.get(row["question_id"])
        if base is not None:
            update = {"id": f"{place}/{base.id}", "question": row["question"]}
            update |= {"now": row["now"]} if row.get("now") else {}
            rewritten = type(base).model_validate(base.model_dump() | update)
            yield Put(row["kind"], str(place), base, rewritten)


def _halves(name: str, puts: Sequence[Put]) -> dict[str, list[Put]]:
    """By the place of the template, or of the rewriting, in its file."""
    order = {row["id"]: n for n, row in enumerate(_lines("forms"))} if name == "forms" else None
    halves = by_half(name, range(10_000))
    places = {half: frozenset(numbers) for half, numbers in halves.items()}
    return {
        half: [p for p in puts if (order[p.form] if order else int(p.form)) in numbers]
        for half, numbers in places.items()
    }


def _lines(name: str) -> list[dict[str, Any]]:
    with (CORPUS / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def _figures(puts: Sequence[Put], kept: set[str]) -> dict[str, Any]:
    return {
        "questions": len(puts),
        "kept": share(sum(put.question.id in kept for put in puts), len(puts)),
    }


def _show(report: Mapping[str, Any]) -> None:
    for name in ("forms", "rewrites"):
        table = Table(title=f"{name}: kept of {report['right_plainly']} right when put plainly")
        halves = report[name]
        for column in ("", *(c for half in halves for c in (half, "questions"))):
            table.add_column(column, justify="right" if column else "left")
        for kind in sorted({kind for kinds in halves.values() for kind in kinds}):
            cells = [halves[half].get(kind) for half in halves]
            table.add_row(
                kind,
                *(
                    text
                    for cell in cells
                    for text in (
                        (shown(cell["kept"]), str(cell["questions"])) if cell else ("–", "0")
                    )
                ),
            )
        Console().print(table)
