"""The command behind ``scripts/evaluate.py``.

Exit status: 0 success, 1 failure or below a floor, 2 usage or unusable data, 3 no index.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import track

from index import SEOUL, GisaError, IndexEmpty, IndexNotFound, SourceUnreadable
from service.answer import Answerer
from service.cli.report import show_changes, show_report
from service.cli.statuses import FAILED, NO_INDEX, USAGE
from service.cli.terminal import build_progress, err, say
from service.errors import QuestionInvalid, SettingsInvalid
from service.evaluation import ablation
from service.evaluation.comparison import compare
from service.evaluation.corpus import serving
from service.evaluation.datasets import Dataset, DatasetUnusable, describe
from service.evaluation.formats import read_autorag, read_beir, read_questions, read_squad
from service.evaluation.page import render
from service.evaluation.report import Report, check_floors, parse_floor, read_report
from service.evaluation.run import JudgedBy, evaluate, with_ids
from service.evaluation.support import OtherJudge
from service.settings import Settings, describe_settings, load_settings
from service.wiring import build_judge

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def command(
    squad: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQuAD or KorQuAD file: questions, corpus.")
    ] = None,
    beir: Annotated[
        Path | None, typer.Option(metavar="DIR", help="BEIR folder: corpus, queries, qrels.")
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Of a BEIR folder (default: test, or the only one).")
    ] = None,
    autorag: Annotated[
        Path | None, typer.Option(metavar="DIR", help="AutoRAG folder: qa.parquet, corpus.parquet.")
    ] = None,
    corpus: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Articles: a file or folder.")
    ] = None,
    questions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Questions, one JSON object a line.")
    ] = None,
    index: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Use this index instead of building one.")
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the index that is built here for the next run."),
    ] = None,
    backends: Annotated[
        list[str] | None,
        typer.Option("--backend", help="What composes answers; may be repeated, to compare."),
    ] = None,
    retrieval_only: Annotated[
        bool, typer.Option("--retrieval-only", help="Compose no answers; much quicker.")
    ] = False,
    judge: Annotated[
        Literal["gold", "nli", "model", "verifier"] | None,
        typer.Option(
            help="Who tells whether citations support their sentences: gold evidence (default, where the "
            "questions have it), the cross-encoder of GISA_NLI_MODEL, the language model, or the "
            "verifier itself."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="A random sample of so many questions.")
    ] = None,
    types: Annotated[
        list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the sample and the intervals.")] = 0,
    now: Annotated[
        datetime | None,
        typer.Option(
            parser=datetime.fromisoformat,
            metavar="ISO8601",
            help="Clock of questions that name none (default: the present).",
        ),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(
            "--ablate",
            metavar="PART,…",
            help=f"Also rank with parts of retrieval alone: {', '.join(ablation.MEANINGS)}.",
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
            help="Exit with 1 below this, or above it for invalid_markers and false_refusals; "
            "e.g. retrieval.ndcg@10=0.95; may be repeated.",
        ),
    ] = None,
) -> None:
    """Measure retrieval, answers, citations and abstention on questions with known answers."""
    wanted = [parse_floor(floor) for floor in floors or ()]
    ablated, settings = _parts(parts), load_settings(index=index)
    old = read_report(old_file) if old_file else None
    source = _Source(squad, beir, split, autorag, questions, corpus, index)
    dataset = source.read().of_types(types or ()).sample(limit, seed)
    if old:
        _check_comparable(old, dataset, str(old_file))
    report = _measure(
        dataset,
        settings,
        cache,
        {part: _variant(part, dataset, settings) for part in ablated},
        backends=backends or [],
        retrieval_only=retrieval_only,
        judge=_judge(judge, settings),
        seed=seed,
        now=_with_zone(now),
        config={"limit": limit, "types": types or []},
    )
    changes = compare(old, report, seed=seed) if old else None
    _write(json_file, report.model_dump_json(indent=2) + "\n")
    _write(html_file, render(report, changes))
    show_report(report)
    if changes:
        show_changes(changes)
    check_floors(report, wanted)


def _judge(wanted: str | None, settings: Settings) -> JudgedBy | None:
    """Who judges support. Raises ModelUnavailable, SettingsInvalid."""
    match wanted:
        case None | "gold" | "verifier":
            return wanted
    judge = build_judge(settings.model_copy(update={"judge": wanted}))
    if judge is None:
        raise SettingsInvalid(f"there is no judge for --judge {wanted}")
    models = {
        "nli": settings.nli_model,
        "openai": settings.llm_model,
        "anthropic": settings.anthropic_model,
    }
    return OtherJudge(f"{wanted}:{models[judge.name]}", judge)


def _check_comparable(old: Report, dataset: Dataset, name: str) -> None:
    """Fail before hours are spent on it. Raises DatasetUnusable."""
    asked = {(question.id, question.question) for question in dataset.questions}
    if not any((result.id, result.question) in asked for result in old.questions):
        raise DatasetUnusable(
            f"{name}: none of its {len(old.questions):,} questions is asked here",
            remedy="Compare reports of the same questions; --limit and --seed choose among them.",
        )


@dataclass(frozen=True)
class _Source:
    """The options that name the questions and their corpus."""

    squad: Path | None
    beir: Path | None
    split: str | None
    autorag: Path | None
    questions: Path | None
    corpus: Path | None
    index: Path | None

    def read(self) -> Dataset:
        """The data set; without its corpus where an index is given."""
        named = [p for p in (self.squad, self.beir, self.autorag, self.questions) if p]
        own_corpus = self.index is None
        if len(named) == 1 and not (self.corpus and (self.index or not self.questions)):
            if self.squad:
                return read_squad(self.squad, with_corpus=own_corpus)
            if self.beir:
                return read_beir(self.beir, self.split, with_corpus=own_corpus)
            if self.autorag:
                return read_autorag(self.autorag, with_corpus=own_corpus)
            if self.questions and (self.corpus or self.index):
                return read_questions(self.questions, self.corpus)
        raise typer.BadParameter(
            "give --squad FILE, --beir DIR or --autorag DIR, or --questions FILE with either "
            "--corpus PATH or --index DIR"
        )


def _parts(names: str | None) -> list[str]:
    """The parts of retrieval to measure alone, in the order named."""
    parts = list(dict.fromkeys(name.strip() for name in names.split(","))) if names else []
    if unknown := [name for name in parts if name not in ablation.MEANINGS]:
        raise typer.BadParameter(
            f"no part of retrieval is called {unknown[0]!r}: there are {', '.join(ablation.MEANINGS)}"
        )
    return parts


_Variant = tuple[Dataset, Settings] | None
"""How the service must be opened to measure a part; None for a part that needs no service of its own."""


def _variant(part: str, dataset: Dataset, settings: Settings) -> _Variant:
    """Raises DatasetUnusable, SettingsInvalid."""
    plain = settings.model_copy(update={"rerank_model": ""})
    match part:
        case ablation.FUSION:
            return dataset, plain
        case ablation.HEADER:
            return dataset.without_titles(), plain
        case ablation.RERANK if settings.rerank_model:
            return dataset, settings
        case ablation.RERANK:
            raise SettingsInvalid("rerank needs GISA_RERANK_MODEL, which names a cross-encoder")
    return None


def _measure(
    dataset: Dataset,
    settings: Settings,
    cache: Path | None,
    parts: Mapping[str, _Variant],
    *,
    config: dict[str, Any],
    **how: Any,
) -> Report:
    """Open the service over the data set, and evaluate it with a progress bar on stderr."""
    described = {
        "command": shlex.join(sys.argv),
        "started_at": datetime.now(SEOUL).isoformat(timespec="seconds"),
        "dataset": describe(dataset),
        "settings": {row["name"]: row["value"] for row in describe_settings(settings)},
        **config,
    }
    bar = partial(track, description="questions", console=err, transient=True)
    with _opened(dataset, settings, cache) as answerer:
        report = evaluate(dataset, answerer, config=described, track=bar, **how)
        if parts:

            def opened(variant: tuple[Dataset, Settings]) -> AbstractContextManager[Answerer]:
                """The service that is open already, if the part needs no index of its own."""
                if variant == (dataset, settings):
                    return nullcontext(answerer)
                return _opened(*variant, cache)

            variants = {
                part: partial(opened, variant) for part, variant in parts.items() if variant
            }
            questions = with_ids(dataset, answerer.index).questions
            when = {name: how[name] for name in ("now", "seed")}
            measured = ablation.ablate(answerer.index, questions, list(parts), variants, **when)
            report = report.model_copy(update={"ablation": measured})
    return report


@contextmanager
def _opened(dataset: Dataset, settings: Settings, cache: Path | None) -> Iterator[Answerer]:
    with ExitStack() as stack:
        with build_progress() as progress:
            answerer = stack.enter_context(serving(dataset, settings, cache, progress))
        yield answerer


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


_CALLERS_FAULT = (DatasetUnusable, SourceUnreadable, SettingsInvalid, QuestionInvalid)


def main(args: Sequence[str] | None = None, *, name: str = "evaluate") -> None:
    """Run the command with ``args`` (default: those of the process); errors become a message and an exit status."""
    try:
        app(args=None if args is None else list(args), prog_name=name)
    except GisaError as error:
        say(f"{name}: {error}", to=err)
        if error.remedy:
            say(error.remedy, to=err)
        raise SystemExit(_status(error)) from None


def _status(error: GisaError) -> int:
    if isinstance(error, IndexNotFound | IndexEmpty):
        return NO_INDEX
    return USAGE if isinstance(error, _CALLERS_FAULT) else FAILED
