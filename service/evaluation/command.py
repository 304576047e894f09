"""The command behind ``scripts/evaluate.py``.

Exit status: 0 fine, 1 failed or below a floor, 2 usage or unusable data, 3 no index.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import track
from rich.table import Table

from index import SEOUL, GisaError, IndexEmpty, IndexNotFound, SourceUnreadable
from service.cli import FAILED, NO_INDEX, USAGE
from service.errors import QuestionInvalid, SettingsInvalid
from service.evaluation.corpus import serving
from service.evaluation.datasets import (
    Dataset,
    DatasetUnusable,
    describe,
    read_questions,
    read_squad,
)
from service.evaluation.metrics import Estimate
from service.evaluation.page import named, render
from service.evaluation.report import (
    Difference,
    Report,
    check_floors,
    compare,
    parse_floor,
    read_report,
    shown,
)
from service.evaluation.run import evaluate
from service.settings import Settings, describe_settings, load_settings
from service.terminal import build_progress, err, out, say

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def command(
    squad: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQuAD or KorQuAD file: questions, corpus.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Articles: a file or folder.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Questions, one JSON object a line.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Ask this index; build none.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep built indexes here for the next run.")
    ] = None,
    backend: Annotated[str | None, typer.Option(help="What composes answers.")] = None,
    retrieval_only: Annotated[
        bool, typer.Option("--retrieval-only", help="Compose no answers; much quicker.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A random sample of so many questions.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample and the intervals.")] = 0,
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=datetime.fromisoformat,
            metavar="ISO8601",
            help="Clock of questions that name none (default: the present).",
        ),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="OUT.json", help="Write the report here.")
    ] = None,
    html_file: Annotated[
        Path | None, typer.Option("--report", metavar="OUT.html", help="Write a page here.")
    ] = None,
    old_file: Annotated[
        Path | None, typer.Option("--compare", metavar="OLD.json", help="Show what changed since.")
    ] = None,
    floors: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-under",
            metavar="METRIC=VALUE",
            help="Exit with 1 below this, e.g. retrieval.ndcg@10=0.95; may be repeated.",
        ),
    ] = None,
) -> None:
    """Measure retrieval, answers, citations and abstention on questions with known answers."""
    wanted = [parse_floor(floor) for floor in floors or ()]
    old = read_report(old_file) if old_file else None
    settings = load_settings(index=index)
    dataset = _read(squad, corpus, questions, index).of_types(types or ()).sample(limit, seed)
    report = _measure(
        dataset,
        settings,
        cache,
        backend=backend,
        retrieval_only=retrieval_only,
        seed=seed,
        now=_with_zone(now),
        config={"limit": limit, "types": types or []},
    )
    differences = compare(old, report) if old else []
    _write(json_file, report.model_dump_json(indent=2) + "\n")
    _write(html_file, render(report, differences))
    _show(report)
    if old is not None:
        _show_changes(old, report, differences)
    check_floors(report, wanted)


def _read(
    squad: Path | None, corpus: Path | None, questions: Path | None, index: Path | None
) -> Dataset:
    """The data set that the options name; without a corpus where an index is given."""
    if squad and not (corpus or questions):
        return read_squad(squad, with_corpus=index is None)
    if questions and not squad and bool(corpus) != bool(index):
        return read_questions(questions, corpus)
    raise typer.BadParameter(
        "give --squad FILE, or --questions FILE with either --corpus PATH or --index DIR"
    )


def _measure(
    dataset: Dataset, settings: Settings, cache: Path | None, *, config: dict[str, Any], **how: Any
) -> Report:
    """Open the service over the data set, and evaluate it with a bar on stderr."""
    described = {
        "command": shlex.join(sys.argv),
        "started_at": datetime.now(SEOUL).isoformat(timespec="seconds"),
        "dataset": describe(dataset),
        "settings": {row["name"]: row["value"] for row in describe_settings(settings)},
        **config,
    }
    bar = partial(track, description="questions", console=err, transient=True)
    with ExitStack() as stack:
        with build_progress() as progress:
            answerer = stack.enter_context(serving(dataset, settings, cache, progress))
        return evaluate(dataset, answerer, config=described, track=bar, **how)


def _with_zone(now: datetime | None) -> datetime:
    if now is None:
        return datetime.now(SEOUL)
    return now if now.tzinfo else now.replace(tzinfo=SEOUL)


def _write(path: Path | None, text: str) -> None:
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GisaError(f"{path} can't be written: {error.strerror}") from error


def _show(report: Report) -> None:
    """What was measured over all questions, and the times."""
    metrics = Table("metric", "value", "95 % interval")
    for name, estimate in report.overall():
        if estimate.value is not None:
            metrics.add_row(name, shown(estimate.value), _interval(estimate))
    times = Table("latency in ms", "p50", "p95", "p99")
    for name, latency in report.latency_ms:
        times.add_row(name, shown(latency.p50), shown(latency.p95), shown(latency.p99))
    out.print(metrics)
    out.print(times)


def _interval(estimate: Estimate) -> str:
    low, high = estimate.ci95
    return "" if low is None else f"{shown(low)} – {shown(high)}"


def _show_changes(old: Report, new: Report, differences: Sequence[Difference]) -> None:
    before, now = ({result.id for result in report.questions} for report in (old, new))
    if before != now:
        say(f"The earlier report has {len(before)} questions, this one {len(now)};", to=err)
        say(f"{len(before & now)} are in both: the values are of different questions.", to=err)
    table = Table("metric", "before", "now", "change", "questions that changed")
    for d in differences:
        table.add_row(d.metric, shown(d.old), shown(d.new), shown(d.change), named(d.questions))
    out.print(table if differences else "Nothing changed.")


_CALLERS_FAULT = (DatasetUnusable, SourceUnreadable, SettingsInvalid, QuestionInvalid)


def main() -> None:
    """Run the command; an error becomes a message and an exit status."""
    try:
        app(prog_name="evaluate")
    except GisaError as error:
        say(f"evaluate: {error}", to=err)
        if error.remedy:
            say(error.remedy, to=err)
        raise SystemExit(_status(error)) from None


def _status(error: GisaError) -> int:
    if isinstance(error, IndexNotFound | IndexEmpty):
        return NO_INDEX
    return USAGE if isinstance(error, _CALLERS_FAULT) else FAILED
