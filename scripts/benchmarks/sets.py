"""The sets of questions that the project has, the halves of them, and the service over their articles."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import numpy as np
import typer

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.evaluation.datasets import Dataset, GoldQuestion
    from service.generate.prompt import Prompt

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
NOW = datetime(2026, 11, 28, 9, tzinfo=timezone(timedelta(hours=9)))
"""The clock for questions without one: the corpora end before it."""

HALVES = {"choosing": False, "reporting": True}
"""Even places (0, 2, …) choose constants, odd ones report."""

REPORTING_ONLY = frozenset({"news-b"})

SquadOption = Annotated[
    Path | None, typer.Option(exists=True, dir_okay=False, help="SQuAD or KorQuAD file too.")
]
CacheOption = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Keep built indexes here for the next run.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
OutOption = Annotated[
    Path | None, typer.Option(dir_okay=False, help="Write the JSON document here too.")
]

_T = TypeVar("_T")
_FILES = {
    "sample": ("questions.jsonl", "articles"),
    "paraphrases": ("paraphrases.jsonl", "articles"),
    "recent": ("recent.jsonl", "articles"),
    "causes": ("causes.jsonl", "articles"),
    "news-a": ("news-a/questions.jsonl", "news-a/articles.jsonl"),
    "news-b": ("news-b/questions.jsonl", "news-b/articles.jsonl"),
}


def dataset_of(name: str) -> Dataset:
    """One of the project's own sets: sample, paraphrases, recent, causes, news-a, news-b."""
    from service.evaluation.formats import read_questions

    questions, articles = _FILES[name]
    return read_questions(CORPUS / questions, CORPUS / articles)


def by_half(name: str, cases: Sequence[_T]) -> dict[str, list[_T]]:
    """The cases of a set by the half that their place is in; some sets report only."""
    if name in REPORTING_ONLY:
        return {"reporting": list(cases)}
    return {half: list(cases[int(odd) :: 2]) for half, odd in HALVES.items()}


def by_type(cases: Iterable[_T], type_of: Callable[[_T], str]) -> dict[str, list[_T]]:
    """All cases, and those of each type."""
    groups: dict[str, list[_T]] = defaultdict(list)
    for case in cases:
        groups["all"].append(case)
        groups[type_of(case)].append(case)
    return dict(groups) if len(groups) > 2 else {"all": groups["all"]}


@contextmanager
def serving(dataset: Dataset, cache: Path | None) -> Iterator[Answerer]:
    """The configured service over the articles of a data set."""
    from service.evaluation.corpus import serving as served
    from service.settings import load_settings

    with served(dataset, load_settings(index=None), cache) as answerer:
        yield answerer


class Silent:
    """A backend that says nothing, so that what stands in the place of an answer is seen."""

    name = "silent"

    async def generate(self, prompt: Prompt) -> AsyncGenerator[str, None]:
        """See ``LLMBackend``."""
        return
        yield


def with_silent(answerer: Answerer) -> Answerer:
    """The same service with one more backend, ``Silent``."""
    other = copy(answerer)
    other.backends = {**answerer.backends, Silent.name: Silent()}
    return other


def type_of(question: GoldQuestion) -> str:
    """The question's type; ``other`` if it has none."""
    return question.type or "other"


def share(part: int, whole: int) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def percentile(values: Sequence[float], percent: float) -> float | None:
    """By linear interpolation; None of nothing."""
    return float(np.percentile(values, percent)) if values else None


def shown(figure: float | None) -> str:
    """A share as a table shows it."""
    return "–" if figure is None else f"{figure:.3f}"


def tell(
    report: Mapping[str, Any],
    out: Path | None,
    show: Callable[[Mapping[str, Any]], None],
    *,
    as_json: bool,
) -> None:
    """Write a report to a file, if one is named, and print it: as JSON, or as ``show`` does."""
    document = json.dumps(report, ensure_ascii=False, indent=2)
    if out:
        out.write_text(document, "utf-8")
    if as_json:
        typer.echo(document)
    else:
        show(report)
