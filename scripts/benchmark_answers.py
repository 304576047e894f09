"""The commands ``verification``, ``abstention`` and ``answers`` of benchmark.py."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
HALVES = ("choosing", "reporting")
CORPUS = ROOT / "tests" / "corpus"
REMOVED_EVERY = 3
"""Of KorQuAD's paragraphs, the share whose questions are asked of an index without them."""

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import Dataset, GoldQuestion

app = typer.Typer()
SquadOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="SQuAD or KorQuAD file too.")
]
CacheOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Keep built indexes here for the next run.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


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


@dataclass(frozen=True)
class Judged:
    """A question, how surely it is answered (0 to 1), and whether what would be said is right."""

    half: str
    certainty: float
    is_answerable: bool
    is_right: bool


@app.command()
def abstention(
    squad: SquadOption = None,
    paragraphs: Annotated[int, typer.Option(min=6, help="Of the SQuAD file.")] = 360,
    cache: CacheOption = None,
    as_json: JsonOption = False,
) -> None:
    """When ``extractive`` keeps silent: risk and coverage by threshold, on the choosing and the reporting half.

    Asked are the sample's questions and, of a SQuAD file, two a paragraph, a third of them of paragraphs
    that the index lacks while it has others of the same article. Risk: of what is answered, the share that
    does not hold the gold answer.
    """
    from service.evaluation.formats import read_questions
    from service.generate.extractive import MIN_ANSWERABILITY

    sets = {"sample": read_questions(CORPUS / "questions.jsonl", CORPUS / "articles")}
    if squad:
        sets["squad"] = _with_removed(squad, paragraphs)
    report: dict[str, Any] = {"threshold": MIN_ANSWERABILITY}
    for name, dataset in sets.items():
        # A cached index is known by its files; the reduced corpus has none of its own.
        with _serving(dataset, cache if name == "sample" else None) as answerer:
            judged = [
                _judge(answerer, question, "reporting" if odd else "choosing")
                for question, odd in zip(dataset.questions, _odd(name, dataset), strict=True)
            ]
        report[name] = {
            half: _curve([j for j in judged if j.half == half], MIN_ANSWERABILITY)
            for half in HALVES
        }
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show_abstention(report)


def _with_removed(squad: Path, paragraphs: int) -> Dataset:
    from service.evaluation.formats import read_squad

    whole = read_squad(squad)
    articles = list(whole.corpus or ())[:paragraphs]  # type: ignore[arg-type]
    removed = {article.id for article in articles[::REMOVED_EVERY]}
    kept = [article for article in articles if article.id not in removed]
    asked = [q for article in articles for q in _of_article(whole.questions, article.id)[:2]]
    silent = [
        q.model_copy(update={"answers": ()}) if q.article_ids[0] in removed else q for q in asked
    ]
    return replace(whole, questions=tuple(silent), corpus=kept, files=())


def _of_article(questions: Sequence[GoldQuestion], article_id: str) -> list[GoldQuestion]:
    return [question for question in questions if article_id in question.article_ids]


def _odd(name: str, dataset: Dataset) -> Iterator[bool]:
    """Questions of the sample by their place; of a SQuAD file both of a paragraph go together."""
    return (bool((n if name == "sample" else n // 2) % 2) for n in range(len(dataset.questions)))


def _judge(answerer: Answerer, gold: GoldQuestion, half: str) -> Judged:
    from service.evaluation.metrics import score_answer
    from service.evaluation.run import Probe

    forced = asyncio.run(Probe(answerer).force(gold, datetime.now().astimezone()))
    right, _ = score_answer(forced.answer, gold.answers or ()).get("contains", (0.0, 1.0))
    return Judged(half, forced.confidence, bool(gold.answerable), bool(right))


def _curve(judged: Sequence[Judged], threshold: float) -> dict[str, Any]:
    from service.evaluation.selective import Case, risk_coverage

    levels = sorted({threshold, *(n / 20 for n in range(20))})
    points = {f"{level:g}": _at(judged, level) for level in levels}
    cases = [Case(j.certainty, not j.is_right, given=True) for j in judged]
    curve = risk_coverage(cases, len(cases))
    return {"questions": len(judged), "aurc": curve.aurc if curve else None, "at": points}


def _at(judged: Sequence[Judged], threshold: float) -> dict[str, float | None]:
    silent = [j for j in judged if j.certainty < threshold]
    spoken = [j for j in judged if j.certainty >= threshold]
    can = [j for j in judged if j.is_answerable]
    right_to_refuse = sum(not j.is_answerable for j in silent)
    return {
        "coverage": len(spoken) / len(judged),
        "risk": _ratio(sum(not j.is_right for j in spoken), len(spoken)),
        "abstention_precision": _ratio(right_to_refuse, len(silent)),
        "abstention_recall": _ratio(right_to_refuse, len(judged) - len(can)),
        "false_refusals": _ratio(sum(j.is_answerable for j in silent), len(can)),
    }


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _show_abstention(report: Mapping[str, Any]) -> None:
    for name in report.keys() - {"threshold"}:
        for half in HALVES:
            figures = report[name][half]
            chosen = f"chosen {report['threshold']:g}"
            title = f"{name}, {half} half: {figures['questions']} questions, mean risk {figures['aurc']:.3f}, {chosen}"
            table = Table(title=title)
            columns = list(next(iter(figures["at"].values())))
            for column in ("threshold", *columns):
                table.add_column(column.replace("_", " "), justify="right")
            for level, at in figures["at"].items():
                table.add_row(level, *("–" if v is None else f"{v:.2f}" for v in at.values()))
            Console(width=120).print(table)


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

    dataset = (
        read_squad(squad).sample(limit, seed=0)
        if squad
        else read_questions(CORPUS / "questions.jsonl", CORPUS / "articles")
    )
    report = {}
    with _serving(dataset, cache) as answerer:
        named = _named(dataset, answerer)
        for name in backend or [answerer.default_backend]:
            report[name] = asyncio.run(_measure_answers(answerer, named.questions, name))
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show_answers(report)


@contextmanager
def _serving(dataset: Dataset, cache: Path | None) -> Iterator[Answerer]:
    from service.evaluation.corpus import serving
    from service.settings import load_settings

    with serving(dataset, load_settings(index=None), cache) as answerer:
        yield answerer


def _named(dataset: Dataset, answerer: Answerer) -> Dataset:
    """Questions about pages name files; the index knows ids."""
    from service.evaluation.datasets import articles_of_files

    if not isinstance(dataset.corpus, Path):
        return dataset
    asked = {a for q in dataset.questions for a in q.article_ids}
    absent = {a for a in asked if answerer.index.article(a) is None}
    return dataset.renaming(articles_of_files(dataset.corpus, absent))


async def _measure_answers(
    answerer: Answerer, questions: Sequence[GoldQuestion], backend: str
) -> dict[str, Any]:
    from service.answer import DoneEvent, PassagesEvent, SentenceEvent
    from service.evaluation.judge import Judge
    from service.evaluation.scoring import Outcome, build_report

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
    judge = Judge.of(answerer.index, datetime.now().astimezone())
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
    ordered = sorted(milliseconds)
    at = {"p50": 0.5, "p95": 0.95}
    return {k: ordered[int(q * (len(ordered) - 1))] if ordered else None for k, q in at.items()}


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
