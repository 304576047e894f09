"""The commands ``fusion``, ``times`` and ``stages`` of benchmark.py."""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from benchmarks.sets import percentile

if TYPE_CHECKING:
    from index import Index
    from service.evaluation.datasets import Dataset, GoldQuestion
    from service.evaluation.report import Ablation

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
KORQUAD = ROOT.parent / "shared" / "data" / "KorQuAD_v1.0_dev.json"

Half = Literal["all", "even", "odd"]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
IndexOption = Annotated[
    Path | None, typer.Option(exists=True, help="An index of that corpus; else one is built.")
]
_T = TypeVar("_T")

app = typer.Typer()
messages = Console(stderr=True)


# -- fusion ----------------------------------------------------------------------------------


@app.command()
def fusion(
    corpus: Annotated[
        Path | None, typer.Option(exists=True, help="Articles, with --questions.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Questions, JSONL.")
    ] = None,
    squad: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="SQuAD or KorQuAD file instead."),
    ] = None,
    index: IndexOption = None,
    cache: Annotated[Path | None, typer.Option(help="Keep the indexes built here.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="A random sample of questions.")] = None,
    half: Annotated[
        Half,
        typer.Option(help="Questions at even places (of a SQuAD file: paragraphs) or odd ones."),
    ] = "odd",
    seed: int = 0,
    as_json: JsonOption = False,
) -> None:
    """Vectors alone, BM25 alone, reciprocal rank fusion, ours: by set and type of question.

    Without a set of your own: the sample corpus with its three sets of questions, and KorQuAD where
    shared/data has it. Constants were chosen on the even halves, so the odd ones report.
    """
    if squad:
        sets = {squad.stem: _Set(squad, None, is_squad=True)}
    elif questions and (corpus or index):
        sets = {questions.stem: _Set(questions, corpus)}
    elif questions or corpus or index:
        raise typer.BadParameter("give --squad, or --questions with --corpus or --index")
    else:
        sets = _sets_of_the_project()
    report: dict[str, dict[str, Ablation]] = {}
    for name, chosen in sets.items():
        messages.print(f"{name} …")
        with chosen.opened(index, cache) as (opened, dataset):
            asked = _half(dataset.sample(limit, seed).questions, half, chosen.is_squad)
            report[name] = _ablation(opened, asked, seed)
    if as_json:
        document = {
            name: {kind: measured.model_dump(mode="json") for kind, measured in kinds.items()}
            for name, kinds in report.items()
        }
        typer.echo(json.dumps(document, ensure_ascii=False, indent=2))
        return
    from service.cli.report import show_ablation

    for name, kinds in report.items():
        show_ablation({f"{name}, {kind}": measured for kind, measured in kinds.items()})


@dataclass(frozen=True)
class _Set:
    """Questions, and the articles that they are asked of."""

    file: Path
    corpus: Path | None
    is_squad: bool = False

    @contextmanager
    def opened(self, index: Path | None, cache: Path | None) -> Iterator[tuple[Index, Dataset]]:
        from service.evaluation.corpus import serving
        from service.evaluation.formats import read_questions, read_squad
        from service.evaluation.run import with_ids
        from service.settings import load_settings

        if self.is_squad:
            dataset = read_squad(self.file, with_corpus=index is None)
        else:
            dataset = read_questions(self.file, None if index else self.corpus)
        with serving(dataset, load_settings(index=index), cache) as answerer:
            yield answerer.index, with_ids(dataset, answerer.index)


def _sets_of_the_project() -> dict[str, _Set]:
    names = ("questions", "paraphrases", "recent")
    sets = {name: _Set(CORPUS / f"{name}.jsonl", CORPUS / "articles") for name in names}
    if KORQUAD.is_file():
        sets["KorQuAD"] = _Set(KORQUAD, None, is_squad=True)
    else:
        messages.print(f"without KorQuAD: {KORQUAD} is not there")
    return sets


def _half(questions: Sequence[GoldQuestion], half: Half, by_article: bool) -> list[GoldQuestion]:
    """Questions to one paragraph stay together."""
    wanted = {"all": (0, 1), "even": (0,), "odd": (1,)}[half]
    places = [
        int(q.article_ids[0]) if by_article and q.article_ids else place
        for place, q in enumerate(questions)
    ]
    return [q for q, place in zip(questions, places, strict=True) if place % 2 in wanted]


_KINDS = {
    "why, how": r"왜|이유|까닭|원인|어떻게|계기",
    "who": r"누구|누가|인물|사람은|이름",
    "when": r"언제|몇\s?년|년도|연도|날짜|시기",
    "where": r"어디|곳은|지역|도시|나라|국가",
    "how many": r"얼마|몇|명은|수는",
}


def _kind(question: GoldQuestion) -> str:
    """Its type; of a set without types, what it asks for."""
    asked = (kind for kind, words in _KINDS.items() if re.search(words, question.question))
    return question.type or next(asked, "what")


def _ablation(index: Index, questions: Sequence[GoldQuestion], seed: int) -> dict[str, Ablation]:
    """By type and method, each metric of retrieval with its bootstrap interval."""
    from service.evaluation.ablation import FUSION, SCORES, rank, search, tabulate
    from service.evaluation.judge import Judge

    now = datetime.now().astimezone()
    asked = [q.model_copy(update={"type": _kind(q)}) for q in questions if q.has_gold_articles]
    rankings = {**rank(index, asked, SCORES, now), FUSION: search(index, asked, now)}
    return tabulate(rankings, asked, Judge.of(index, now), seed=seed)


# -- times -----------------------------------------------------------------------------------


@app.command()
def times(as_json: JsonOption = False) -> None:
    """Time expressions of tests/timeframe_table.py: how many are read right, not at all, or wrong."""
    sys.path.insert(0, str(ROOT / "tests"))
    from timeframe_table import PARTS

    from service.query.timeframe import resolve

    counts: dict[str, Counter[str]] = {}
    for part, rows in PARTS.items():
        for row in rows:
            found = resolve(row.question, now=row.now)
            read = (found.start, found.end, found.expression) if found else (None, None, None)
            right = read == (row.start, row.end, row.expression)
            verdict = "right" if right else "none" if found is None else "wrong"
            counts.setdefault(part, Counter())[verdict] += 1
            counts.setdefault("all", Counter())[verdict] += 1
            if not right:
                messages.print(f"{verdict}: {row.now:%Y-%m-%d} {row.question}")
    verdicts = ("right", "none", "wrong")
    result = {
        part: {verdict: count[verdict] for verdict in verdicts} for part, count in counts.items()
    }
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    table = Table("", "expressions", *verdicts)
    for part, count in result.items():
        table.add_row(
            part, str(sum(count.values())), *(str(count[verdict]) for verdict in verdicts)
        )
    Console().print(table)


# -- stages ----------------------------------------------------------------------------------


@app.command()
def stages(
    questions: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="Questions, JSONL.")
    ] = CORPUS / "questions.jsonl",
    corpus: Annotated[Path, typer.Option(exists=True, help="Their articles.")] = CORPUS
    / "articles",
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """How long each stage of retrieval takes: p50 and p95, in ms, one question after the other."""
    with _Set(questions, None if index else corpus).opened(index, None) as (opened, dataset):
        _time_stages(opened, dataset.questions[:5])  # warm up
        seconds = _time_stages(opened, dataset.questions)
    result = {
        stage: {
            f"p{percent}_ms": 1_000 * (percentile(values, percent) or 0.0) for percent in (50, 95)
        }
        for stage, values in seconds.items()
    }
    if as_json:
        typer.echo(json.dumps(result, indent=2))
        return
    table = Table("stage", "p50, ms", "p95, ms", title=f"{len(dataset.questions)} questions")
    for stage, figures in result.items():
        table.add_row(stage, *(f"{value:.2f}" for value in figures.values()))
    Console().print(table)


def _time_stages(index: Index, questions: Sequence[GoldQuestion]) -> dict[str, list[float]]:
    """Seconds by stage, of the index's own parts; no vector is remembered from question to question."""
    from index import Query, ranking
    from service.query.understand import Understander

    understand = Understander(index)
    generation = index._engine._shown.generation
    seconds: dict[str, list[float]] = {}

    def timed(stage: str, action: Callable[..., _T], *arguments: Any, **options: Any) -> _T:
        started = time.perf_counter()
        result = action(*arguments, **options)
        seconds.setdefault(stage, []).append(time.perf_counter() - started)
        return result

    for question in questions:
        index.forget_questions()
        text = question.question
        vector = timed("embed", index.embed, text)
        understood = timed("understand", understand, question.ask())
        query = Query(text)
        timed("spellings", index.spellings, query)
        terms = timed("terms", index.analyser.terms, text)
        timed("vectors", generation.vectors.nearest, vector, ranking.CANDIDATES, None)
        words = timed("weights", lambda: _words(index, generation, terms))  # noqa: B023
        timed("words", words.best, ranking.CANDIDATES)
        found = index.candidates(text)
        spread = index.cosine_spread
        scores = timed("fuse", ranking.fuse, found, spread)
        how = {"k": 8, "per_story": 3, "interleaved": True}
        best = timed("stories", ranking.choose, found, scores, spread, **how)
        timed("load", index.passages, [found.passages[i] for i in best], found.token)
        if understood.is_possible:
            timed(
                "search as a whole",
                index.search,
                understood.query,
                filters=understood.filters,
                k=8,
                per_story=3,
            )
    return seconds


def _words(index: Index, generation: Any, terms: Mapping[str, Sequence[str]]) -> Any:
    """The inverted lists of a question's terms, with their weights."""
    corpus = index.statistics()
    return generation.lexical.search([{f: corpus.weights(f, t) for f, t in terms.items()}])
