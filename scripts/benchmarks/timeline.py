"""The command ``timeline`` of benchmark.py."""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

import typer
from pydantic import BaseModel, ConfigDict
from rich.console import Console
from rich.table import Table

from benchmarks.sets import (
    CORPUS,
    NOW,
    CacheOption,
    JsonOption,
    OutOption,
    by_half,
    dataset_of,
    serving,
    share,
    shown,
    tell,
)

if TYPE_CHECKING:
    from service.answer import Answerer
    from service.schema import Answer, TimelineEntry

SAME_WORDS, SAME_TIME = 0.5, 0.15
"""The share of an entry's character bigrams that what was written down of an event has: by itself, and where the
dates agree, too."""

app = typer.Typer()
messages = Console(stderr=True)


class GoldEvent(BaseModel):
    """An event as it was written down: ``date`` is a day or a month."""

    model_config = ConfigDict(frozen=True)

    date: str
    article_ids: tuple[str, ...]
    what: str
    quote: str
    corrected_by: str | None = None

    def is_at(self, entry: TimelineEntry) -> bool:
        """Whether an entry's days have the event's day or month."""
        first, last = entry.date, entry.date_to or entry.date
        if len(self.date) == len("2026-01-01"):
            return first <= date.fromisoformat(self.date) <= last
        return f"{first:%Y-%m}" <= self.date <= f"{last:%Y-%m}"


class GoldStory(BaseModel):
    """A story, the question for its course, and its events, oldest first."""

    model_config = ConfigDict(frozen=True)

    topic: str
    question: str
    events: tuple[GoldEvent, ...]


@dataclass
class Told:
    """What became of a story: counts of events and entries.

    ``beside``: entries of the story's articles that were not written down; ``wrong``: of other articles.
    """

    ms: float
    asked_by_words: bool
    events: int
    entries: int
    found: int = 0
    dated: int = 0
    double: int = 0
    beside: int = 0
    wrong: int = 0
    disordered: int = 0
    corrected: int = 0
    said_corrected: int = 0
    missed: list[str] = field(default_factory=list)


@app.command()
def timeline(
    show: Annotated[
        bool, typer.Option("--show", help="Print what of the choosing half was missed.")
    ] = False,
    cache: CacheOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """The course of events against tests/corpus/timelines.jsonl, by half.

    An entry tells an event that was written down if it is of one of its articles and in half of its words, or of its
    time and in some of its words. By words: the share of the questions that ask for a course by themselves.
    """
    stories = [
        GoldStory.model_validate(json.loads(line))
        for line in (CORPUS / "timelines.jsonl").read_text("utf-8").splitlines()
    ]
    with serving(dataset_of("sample"), cache) as answerer:
        told = asyncio.run(_told(answerer, stories))
    halves = by_half("timelines", told)
    if show:
        for line in (line for one in halves["choosing"] for line in one.missed):
            messages.print(line, markup=False)
    tell({half: _figures(of_half) for half, of_half in halves.items()}, out, _show, as_json=as_json)


async def _told(answerer: Answerer, stories: Sequence[GoldStory]) -> list[Told]:
    from service.schema import Question

    await answerer.answer(
        Question(question=stories[0].question, now=NOW)
    )  # loads what is loaded once
    told = []
    for story in stories:
        by_words = await answerer.answer(Question(question=story.question, now=NOW))
        asked = Question(question=story.question, now=NOW, mode="timeline")
        told.append(_judged(story, await answerer.answer(asked), bool(by_words.timeline)))
    return told


def _judged(story: GoldStory, answer: Answer, by_words: bool) -> Told:
    entries, ids = answer.timeline, {c.number: c.article_id for c in answer.citations}
    of_story = {article for event in story.events for article in event.article_ids}
    told = Told(sum(answer.timings_ms.values()), by_words, len(story.events), len(entries))
    tells: dict[int, list[TimelineEntry]] = {}
    for entry in entries:
        article = ids[entry.citations[0]]
        if (place := _event_of(entry, article, story.events)) is not None:
            tells.setdefault(place, []).append(entry)
        elif article in of_story:
            told.beside += 1
        else:
            told.wrong += 1
    for place, event in enumerate(story.events):
        telling = tells.get(place, [])
        told.found += bool(telling)
        told.double += max(len(telling) - 1, 0)
        told.dated += any(map(event.is_at, telling))
        if telling and event.corrected_by:
            told.corrected += 1
            notices = {ids[entry.corrected_by] for entry in telling if entry.corrected_by}
            told.said_corrected += event.corrected_by in notices
        if not telling:
            told.missed.append(f"{story.topic}, {event.date}: {event.what}")
    told.disordered = sum(one.date > other.date for one, other in pairwise(entries))
    return told


def _event_of(entry: TimelineEntry, article: str, events: Sequence[GoldEvent]) -> int | None:
    """The place of the event that an entry tells."""
    from index import bigrams

    grams = set(bigrams(entry.text))
    best, most = None, 0.0
    for place, event in enumerate(events):
        common = len(grams & set(bigrams(f"{event.what} {event.quote}"))) / max(len(grams), 1)
        is_of_article, is_at = article in event.article_ids, event.is_at(entry)
        tells = common >= SAME_WORDS and (is_of_article or is_at)
        tells = tells or (common >= SAME_TIME and is_of_article and is_at)
        if tells and common > most:
            best, most = place, common
    return best


def _figures(told: Sequence[Told]) -> dict[str, float | int | None]:
    def total(name: str) -> int:
        return sum(getattr(one, name) for one in told)

    return {
        "stories": len(told),
        "events": total("events"),
        "found": share(total("found"), total("events")),
        "dated": share(total("dated"), total("found")),
        "entries": total("entries"),
        "double": total("double"),
        "beside": total("beside"),
        "wrong": total("wrong"),
        "disordered": total("disordered"),
        "corrected": total("corrected"),
        "said_corrected": total("said_corrected"),
        "by_words": share(total("asked_by_words"), len(told)),
        "ms": statistics.median(one.ms for one in told),
    }


def _show(report: Mapping[str, Any]) -> None:
    table = Table(title="The course of events")
    table.add_column("half")
    for name in next(iter(report.values())):
        table.add_column(name.replace("_", " "), justify="right")
    for half, figures in report.items():
        values = (str(v) if isinstance(v, int) else shown(v) for v in figures.values())
        table.add_row(half, *values)
    Console(width=160).print(table)
