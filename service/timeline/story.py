"""The course of events on one page: find the reports, read their events, one entry each, with what corrects it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from index import AnalysedSentence, Filters, Hit, Index
from service.query.understand import Understood
from service.schema import TimeRange
from service.sources import Source, sources_of
from service.timeline.corrections import correction
from service.timeline.dating import Dated
from service.timeline.tellings import Event, Telling, events, tellings
from service.timeline.topic import Report, reports, whole

STORIES = 24
PASSAGES_PER_STORY = 3
MAX_ENTRIES = 20
MIN_EVENTS = 2
"""Fewer are no course of events."""


@dataclass(frozen=True)
class Entry:
    """An event: the sentence that tells it, and the one that corrects it, each with its article."""

    source: Source
    sentence: AnalysedSentence
    dated: Dated
    correction: tuple[Source, AnalysedSentence] | None = None


@dataclass(frozen=True)
class Timeline:
    """Entries, oldest first; ``left_out`` counts the events beyond ``MAX_ENTRIES``.

    ``sources`` are the articles that the entries quote, numbered from 1; ``hits`` is where they were found.
    """

    entries: tuple[Entry, ...]
    sources: tuple[Source, ...]
    hits: Sequence[Hit]
    left_out: int = 0


def trace(index: Index, understood: Understood) -> Timeline | None:
    """The course of what is asked about; None if the archive tells fewer than ``MIN_EVENTS`` events of it."""
    if not understood.is_possible:
        return None
    hits = index.search(
        understood.query, filters=understood.given, k=STORIES, per_story=PASSAGES_PER_STORY
    )
    found = reports(understood.asked, sources_of(index, hits, understood.query.text))
    told = [t for report in found for t in tellings(report, index.analyser)]
    kept = events(_current(told, found), index.idf)
    within = [event for event in kept if _is_within(event, understood.interpreted.time_range)]
    if len(within) < MIN_EVENTS:
        return None
    chosen = _foremost(within)
    notices = _notices(index, chosen, understood)
    entries = [_entry(event, notices) for event in chosen]
    return _numbered(entries, hits, len(within) - len(chosen))


def _current(told: Iterable[Telling], found: Sequence[Report]) -> list[Telling]:
    """Without plans, told in passing, of articles that are not the last: later ones may have given them up."""
    last = found[-1].source.article.published_on if found else None
    return [t for t in told if not t.dated.planned or t.is_lead or t.published_on == last]


def _is_within(event: Event, asked: TimeRange | None) -> bool:
    """Whether an event took place, or was reported, in the time that the question names."""
    if asked is None:
        return True
    days, day = event.telling.dated.days, event.telling.published_on
    return any(
        (asked.start is None or asked.start <= last) and (asked.end is None or first <= asked.end)
        for first, last in (days, (day, day))
    )


def _foremost(found: Sequence[Event]) -> list[Event]:
    """At most ``MAX_ENTRIES``, in their order: leads first, then those that most articles tell."""
    ranked = sorted(
        found,
        key=lambda e: (
            not e.telling.is_lead,
            -len(e.others),
            -e.telling.share,
            e.telling.preference,
        ),
    )
    kept = {id(event) for event in ranked[:MAX_ENTRIES]}
    return [event for event in found if id(event) in kept]


def _notices(index: Index, chosen: Sequence[Event], understood: Understood) -> Mapping[str, Source]:
    """The notices of correction that the articles of some events name, by the id that they name them by."""
    named = {
        id
        for event in chosen
        for telling in (event.telling, *event.others)
        for id in telling.report.source.article.corrected_by
    }
    if not named:
        return {}
    filters = Filters(article_ids=tuple(sorted(named)))
    hits = index.search(understood.query.text, filters=filters, k=len(named))
    sources = [whole(s) for s in sources_of(index, hits, understood.query.text)]
    return {
        name: source for source in sources for name in (source.article.id, source.article.reference)
    }


def _entry(event: Event, notices: Mapping[str, Source]) -> Entry:
    telling = event.telling
    return Entry(telling.report.source, telling.sentence, telling.dated, correction(event, notices))


def _numbered(entries: Sequence[Entry], hits: Sequence[Hit], left_out: int) -> Timeline:
    """The entries with their sources under new numbers, in order of first appearance."""
    sources: dict[str, Source] = {}

    def numbered(source: Source) -> Source:
        key = source.article.key
        return sources.setdefault(key, replace(source, number=len(sources) + 1))

    told = []
    for entry in entries:
        source = numbered(entry.source)
        corrected = (
            (numbered(entry.correction[0]), entry.correction[1]) if entry.correction else None
        )
        told.append(replace(entry, source=source, correction=corrected))
    found = [hit for hit in hits if hit.article.key in sources]
    return Timeline(tuple(told), tuple(sources.values()), found, left_out)
