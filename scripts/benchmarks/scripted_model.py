"""The command ``scripted-model`` of benchmark.py: what reaches the reader of a good model's answers."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "corpus"
HALVES = {"choosing": slice(0, None, 2), "reporting": slice(1, None, 2)}
JUDGES = ("none", "model")

if TYPE_CHECKING:
    sys.path.insert(0, str(ROOT / "tests"))
    from scripted_model import Outcome, ScriptedAnswer

app = typer.Typer()


@app.command()
def scripted_model(
    judge: Annotated[
        list[str] | None,
        typer.Option(help="none or model (the perfect judge); may be repeated; both if not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=2, help="Answers.")] = 1_000,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the index here for the next run.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout.")
    ] = False,
) -> None:
    """A scripted good model over HTTP: true and false sentences that reach the reader, by grade.

    Sentences count whose articles were found, since a model can't write of what it was not shown.
    """
    sys.path.insert(0, str(ROOT / "tests"))  # the model and its answers
    from scripted_model import scripted_answers

    answers = scripted_answers()[:limit]
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="gisa-benchmark-") as folder:
        for name in judge or JUDGES:
            told, seconds = _asked(answers, name, cache or Path(folder))
            report[name] = {
                half: _figures([o for o in told if o.answer_id in {a.id for a in answers[places]}])
                for half, places in HALVES.items()
            }
            report[name]["answer_ms"] = statistics.median(seconds) * 1_000
            report[name]["sentences_not_written"] = sum(len(a.sentences) for a in answers) - len(
                told
            )
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        for name, figures in report.items():
            _show(name, figures)


def _asked(
    answers: Sequence[ScriptedAnswer], judge: str, cache: Path
) -> tuple[list[Outcome], list[float]]:
    """What became of the sentences, and the time for each answer in seconds."""
    from fastapi.testclient import TestClient
    from scripted_model import ScriptedModel, outcomes
    from scripted_model import serving as serving_model

    from service import create_app
    from service.evaluation.corpus import serving
    from service.evaluation.formats import read_questions
    from service.settings import load_settings

    dataset = read_questions(CORPUS / "questions.jsonl", CORPUS / "articles")
    told: list[Outcome] = []
    seconds: list[float] = []
    with serving_model() as server:
        url = f"{server.url}/v1"
        settings = load_settings(
            backend="openai", llm_base_url=url, llm_model="scripted", judge=judge, feedback_hours=0
        )
        with serving(dataset, settings, cache) as answerer:
            server.script = model = ScriptedModel.over(answerer.index, answers)
            with TestClient(create_app(settings, answerer=answerer)) as client:
                for answer in answers:
                    body = {"question": answer.question, "now": answer.now}
                    response = client.post("/v1/ask", json=body)
                    reply = response.raise_for_status().json()
                    seconds.append(response.elapsed.total_seconds())
                    told += outcomes(answer.id, model.written.get(answer.id, ()), reply)
    return told, seconds


def _figures(told: Sequence[Outcome]) -> dict[str, Any]:
    """By label, and within it by kind, how many sentences there were and how many were shown, by grade."""
    return {
        label: {kind: _graded(group) for kind, group in _by_kind(told, label)}
        for label in ("true", "false")
    }


def _by_kind(told: Sequence[Outcome], label: str) -> Iterator[tuple[str, list[Outcome]]]:
    of_label = [outcome for outcome in told if outcome.sentence.label == label]
    for kind in sorted({outcome.sentence.kind for outcome in of_label}):
        yield kind, [outcome for outcome in of_label if outcome.sentence.kind == kind]
    yield "all", of_label


def _graded(group: Sequence[Outcome]) -> dict[str, Any]:
    grades = Counter(outcome.support for outcome in group if outcome.support)
    share = sum(grades.values()) / len(group) if group else None
    return {"sentences": len(group), "shown": share, "grades": dict(sorted(grades.items()))}


def _show(judge: str, figures: Mapping[str, Any]) -> None:
    title = (
        f"judge {judge}: shown to the reader; {figures['answer_ms']:.0f} ms an answer, "
        f"{figures['sentences_not_written']} sentences not written"
    )
    table = Table(title=title)
    for column in ("", "", *(f"{half}{part}" for half in HALVES for part in ("", ": by grade"))):
        table.add_column(column)
    for label in ("true", "false"):
        kinds = {kind: None for half in HALVES for kind in figures[half][label]}
        for kind in sorted(kinds, key=lambda kind: kind == "all"):
            groups = (figures[half][label].get(kind) for half in HALVES)
            table.add_row(label, kind, *(cell for group in groups for cell in _cells(group)))
    Console(width=140).print(table)


def _cells(group: Mapping[str, Any] | None) -> tuple[str, str]:
    if not group or group["shown"] is None:
        return "–", ""
    grades = ", ".join(f"{grade} {count}" for grade, count in group["grades"].items())
    return f"{group['shown']:.3f} of {group['sentences']}", grades
