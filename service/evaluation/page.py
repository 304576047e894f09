"""The report as one self-contained HTML page, for readers who don't know the code.

Here and in ``tables``, ``plots`` and ``cards`` the report becomes plain values, texts and numbers
already put as the page shows them; ``templates/`` makes them HTML, and escapes every one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from service.evaluation import tables
from service.evaluation.cards import cards
from service.evaluation.comparison import Comparison
from service.evaluation.metrics import JUDGED
from service.evaluation.plots import plots
from service.evaluation.report import QuestionResult, Report, warn_absent

if TYPE_CHECKING:
    from jinja2 import Template


def render(report: Report, changes: Comparison | None = None) -> str:
    """The page: summary, plots, tables by type and slice, what changed, worst questions, configuration.

    ``changes`` compares with an earlier report.
    """
    return _template().render(
        summary=_summary(report),
        plots=plots(report),
        side_by_side=tables.side_by_side(report),
        changes=tables.all_changes(report, changes),
        groups=tables.groups(report),
        latency=tables.latency(report),
        ablation=tables.ablations(report),
        cards=cards(report),
        configuration=_configuration(report),
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("service.evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html")


# ---- summary


@dataclass(frozen=True)
class Tile:
    """A figure to catch the eye, what it is, and its interval in small print."""

    value: str
    text: str
    small: str


@dataclass(frozen=True)
class Step:
    """How many questions got so far, and the share of all, 0 to 1, that they are."""

    text: str
    count: str
    share: str


@dataclass(frozen=True)
class Summary:
    """What stands above the plots. ``funnel`` is empty where no question has an answer."""

    data_name: str
    facts: str
    lead: str
    warning: str
    tiles: list[Tile]
    funnel: list[Step]


def _summary(report: Report) -> Summary:
    asked, when = len(report.questions), str(report.config.get("started_at", ""))[:16]
    count = f"{asked:,} question{'' if asked == 1 else 's'}"
    facts = [_data_name(report), count, report.backend, when.replace("T", " ")]
    return Summary(
        data_name=_data_name(report),
        facts=" · ".join(filter(None, facts)),
        lead=" ".join(_sentences(report)),
        warning=warn_absent(report.absent) if report.absent else "",
        tiles=list(_tiles(report)),
        funnel=_funnel(report),
    )


def _data_name(report: Report) -> str:
    paths = [file["path"] for file in report.config.get("dataset", {}).get("files", ())]
    return str(paths[0]).rsplit("/", 1)[-1] if paths else "questions"


def _sentences(report: Report) -> Iterator[str]:
    values = {name: estimate.value for name, estimate in report.overall()}
    if (found := values["retrieval.recall@10"]) is not None:
        yield f"The ten articles found hold {tables.percent(found)} of the right ones."
    if (right := values["answers.contains"]) is not None:
        yield f"Of the questions that the articles answer, {tables.percent(right)} got the right answer."
    if (led := values["abstention.lead_gold"]) is not None:
        yield f"Where near articles stood in the place of an answer, {tables.percent(led)} had a right one among them."
    if (exact := values["citations.exact_quote"]) is not None:
        yield f"{tables.percent(exact)} of the quotations stand letter by letter in their articles."
    if (refused := values["abstention.recall"]) is not None:
        yield f"Of the questions that they don't answer, {tables.percent(refused)} were refused."


_TILES = {
    "retrieval.recall@5": "right article in the first five",
    "answers.contains": "right answer in the reply",
    "citations.support_recall": "sentences supported",
    "citations.exact_quote": "quotations exact",
    "abstention.recall": "refused where there is no answer",
}


def _tiles(report: Report) -> Iterator[Tile]:
    estimates = dict(report.overall())
    for name, text in _TILES.items():
        value, (low, high) = estimates[name].value, estimates[name].ci95
        if value is not None:
            interval = (
                "" if low is None else f"{tables.percent(low)} to {tables.percent(high or 0.0)}"
            )
            if name in JUDGED:
                text = f"{text} ({report.citations.judged_by})"
            yield Tile(tables.percent(value), text, interval)
    answer = report.latency_ms.answer
    taken, what = (answer, "an answer") if answer.p50 else (report.latency_ms.retrieval, "a search")
    if taken.p50 is not None:
        text = f"{what} takes, half of the time"
        yield Tile(f"{taken.p50:.0f} ms", text, f"19 of 20 in {taken.p95:.0f} ms")


_STEPS: Mapping[str, Callable[[QuestionResult], bool]] = {
    "… and it is among the ten found": lambda r: r.scores["retrieval.recall@10"] > 0,
    "… and the reply is an answer": lambda r: r.status == "answered",
    "… and cites a right article": lambda r: r.scores["citations.article_recall"] > 0,
    "… and has the right answer": lambda r: r.scores["answers.contains"] > 0,
}


def _funnel(report: Report) -> list[Step]:
    """How many of the questions with an answer get as far as each step towards it."""
    asked = [r for r in report.questions if "abstention.false_refusals" in r.parts]
    asked = [r for r in asked if "answers.contains" in r.parts and r.gold_articles]
    if not asked:
        return []
    kept = [("have an article that answers", len(asked))]
    for text, passes in _STEPS.items():
        asked = [r for r in asked if passes(r)]
        kept.append((text, len(asked)))
    return [Step(text, f"{count:,}", f"{count / kept[0][1]:.4f}") for text, count in kept]


# ---- configuration


@dataclass(frozen=True)
class Configuration:
    """Names and values of what matters most, and the whole configuration as JSON."""

    facts: list[tuple[str, str]]
    everything: str


def _configuration(report: Report) -> Configuration:
    config, data = report.config, report.config.get("dataset", {})
    index = config.get("index", {})
    facts = {
        "command": config.get("command"),
        "questions": f"{data.get('questions', len(report.questions))}, of which the articles answer {data.get('answerable', '?')}",
        "files": ", ".join(str(file["path"]) for file in data.get("files", ())),
        "index": f"{index.get('articles', '?')} articles, {index.get('passages', '?')} passages, generation {config.get('generation', '?')}",
        "embedder": config.get("embedder"),
        "support judged by": report.citations.judged_by,
        "backend": ", ".join(measured.backend for measured in report.all_backends),
        "clock, seed": f"{config.get('now', '?')}, {config.get('seed', '?')}",
    }
    return Configuration(
        facts=[(name, str(value)) for name, value in facts.items() if value],
        everything=json.dumps(config, ensure_ascii=False, indent=2, default=str),
    )
