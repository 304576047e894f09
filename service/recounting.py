"""A traced course of events as the sentences, citations and entries of an answer, each verified like any other."""

from __future__ import annotations

from index import AnalysedSentence, Days
from service.events import SentenceEvent, TimelineEvent
from service.reply import Reply
from service.schema import TimelineEntry
from service.sources import Source
from service.timeline import Entry, Timeline
from service.verify.drafts import Draft

CORRECTED = "바로잡음"
"""Labels the sentence that corrects the one before it."""


def recount(timeline: Timeline, reply: Reply) -> tuple[TimelineEvent, list[SentenceEvent]]:
    """Add what a timeline quotes to a reply; the entries and sentences that were verified."""
    entries: list[TimelineEntry] = []
    said: list[SentenceEvent] = []
    for entry in timeline.entries:
        told = _add(reply, entry.source, entry.sentence, _label(entry))
        if told is None:
            continue
        correcting = entry.correction and _add(reply, *entry.correction, CORRECTED)
        said += [told, correcting] if correcting else [told]
        entries.append(_entry(entry, told, correcting or None))
    return TimelineEvent(entries, reply.citations, timeline.left_out), said


def _add(
    reply: Reply, source: Source, sentence: AnalysedSentence, label: str
) -> SentenceEvent | None:
    return reply.add(Draft(_text(source, sentence), (source.number,)), label)


def _text(source: Source, sentence: AnalysedSentence) -> str:
    return source.body[sentence.start : sentence.end]


def _entry(entry: Entry, told: SentenceEvent, correcting: SentenceEvent | None) -> TimelineEntry:
    first, last = entry.dated.days
    return TimelineEntry(
        date=first,
        date_to=last if last != first else None,
        date_is="stated" if entry.dated.is_stated else "published",
        planned=entry.dated.planned,
        when=in_words(entry.dated.days),
        text=_text(entry.source, entry.sentence),
        start=entry.sentence.start,
        end=entry.sentence.end,
        citations=told.sentence.citations,
        corrected_by=correcting.sentence.citations[0] if correcting else None,
        correction=correcting.sentence.text if correcting else None,
    )


def _label(entry: Entry) -> str:
    """The date, and what a reader must know of it."""
    words = in_words(entry.dated.days)
    if entry.dated.planned:
        return f"{words}(예정)"
    return words if entry.dated.is_stated else f"{words}(보도)"


def in_words(days: Days) -> str:
    """Days in Korean, as precise as they are known: a whole month is a month."""
    first, last = days
    start = f"{first.year}년 {first.month}월"
    if first == last:
        return f"{start} {first.day}일"
    if (first.year, first.month) != (last.year, last.month):
        return f"{start} {first.day}일~{last.year}년 {last.month}월 {last.day}일"
    if first.day == 1 and last.day >= 28:
        return start
    return f"{start} {first.day}~{last.day}일"
