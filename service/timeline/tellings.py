"""The events that reports tell, one for each day of each report, and those of several reports brought together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from index import AnalysedSentence, KoreanAnalyser, Mention, Quantity, mentions, quantities_in
from service.sources import Idf
from service.timeline.dating import Dated, dated, published
from service.timeline.topic import MENTIONS, Report

SAME_EVENT = 0.3
"""The share of their words, by rarity, that two tellings of an event at about the same time have in common."""
SAME_DAY = 0.1
"""The same where both state the same one day."""
ABOUT = timedelta(days=2)
"""How far a day of publication may lie from that of the event."""
MIN_CHARS = 15
"""Shorter sentences are headings and bylines."""


@dataclass(frozen=True)
class Telling:
    """A sentence that tells an event. ``share``: how much of the topic it has. ``is_lead``: its article begins so."""

    report: Report
    sentence: AnalysedSentence
    dated: Dated
    share: float
    is_lead: bool = False

    @property
    def text(self) -> str:
        """The article's own words."""
        return self.report.source.body[self.sentence.start : self.sentence.end]

    @property
    def published_on(self) -> date:
        """The day on which its article appeared."""
        day = self.report.source.article.published_on
        assert day is not None  # reports without one tell nothing
        return day

    @cached_property
    def figures(self) -> tuple[Quantity, ...]:
        """What it counts; dates are none."""
        dates = mentions(self.text, self.published_on)
        return tuple(
            q
            for q in quantities_in(self.text)
            if q.unit and not any(m.start < q.end and q.start < m.end for m in dates)
        )

    @property
    def preference(self) -> tuple[object, ...]:
        """Before which others it stands for their event: what happened before what is planned, the lead, the most
        exact, the first to tell."""
        return (
            self.dated.planned,
            not self.is_lead,
            self.dated.width,
            self.published_on,
            self.report.source.article.key,
            self.sentence.start,
        )


@dataclass(frozen=True)
class Event:
    """What happened once: the telling that stands for it, and the others."""

    telling: Telling
    others: tuple[Telling, ...] = ()


def tellings(report: Report, analyser: KoreanAnalyser) -> list[Telling]:
    """The events of a report: one a day, the first to tell of the day, the lead before others."""
    day = report.source.article.published_on
    if day is None:
        return []
    by_days: dict[object, Telling] = {}
    for telling in _told(report, day, analyser):
        by_days.setdefault(telling.dated.days, telling)
    return list(by_days.values())


def _told(report: Report, day: date, analyser: KoreanAnalyser) -> Iterator[Telling]:
    """Of an article about the topic the lead and what is dated; of others the sentences that speak of the topic."""
    source = report.source
    named = mentions(source.body, day)
    that_day, lead_is_due = None, report.is_central
    for sentence in report.sentences:
        text = source.body[sentence.start : sentence.end]
        share = report.share(sentence)
        if not _is_sentence(text) or not (report.is_central or share >= MENTIONS):
            continue
        own = [_shifted(m, sentence.start) for m in named if _is_within(m, sentence)]
        when = dated(text, own, analyser.tokens(text), day, that_day)
        if lead_is_due or not report.is_central:
            when = when or published(day)
        if when is None:
            continue
        that_day = that_day or (when if not when.planned else published(day))
        yield Telling(report, sentence, when, share, lead_is_due)
        lead_is_due = False


def _is_sentence(text: str) -> bool:
    return len(text) >= MIN_CHARS and text.rstrip("”’\"' ").endswith((".", "다", "요"))


def _is_within(mention: Mention, sentence: AnalysedSentence) -> bool:
    return sentence.start <= mention.start and mention.end <= sentence.end


def _shifted(mention: Mention, by: int) -> Mention:
    return Mention(mention.text, mention.start - by, mention.grain, mention.readings)


# -- one per event ---------------------------------------------------------------------------


def events(told: Sequence[Telling], idf: Idf) -> list[Event]:
    """One for each event, in the order in which they took place."""
    weights = idf({m for telling in told for m in telling.sentence.morphemes})
    groups: list[list[Telling]] = []
    for telling in sorted(told, key=lambda t: t.preference):
        alike = (g for g in groups if _is_same(g[0], telling, weights))
        if (group := next(alike, None)) is not None:
            group.append(telling)
        else:
            groups.append([telling])
    found = [Event(group[0], tuple(group[1:])) for group in groups]
    return sorted(found, key=_place)


def _place(event: Event) -> tuple[object, ...]:
    days = event.telling.dated.days
    return days.first, days.last, event.telling.preference


def _is_same(one: Telling, other: Telling, weights: Mapping[str, float]) -> bool:
    if one.report is other.report:
        return False
    common = likeness(one, other, weights)
    if _is_one_day(one) and one.dated.days == other.dated.days:
        return common >= SAME_DAY
    return _is_about(one, other) and common >= SAME_EVENT


def _is_one_day(telling: Telling) -> bool:
    return telling.dated.is_stated and not telling.dated.width


def _is_about(one: Telling, other: Telling) -> bool:
    """Whether both may be of one time; a day of publication may be some days late."""
    slack = timedelta() if one.dated.is_stated and other.dated.is_stated else ABOUT
    a, b = one.dated.days, other.dated.days
    return a.first - slack <= b.last and b.first - slack <= a.last


def likeness(one: Telling, other: Telling, weights: Mapping[str, float]) -> float:
    """The weight of the words that two tellings share, beside their topic, of the one that has less."""
    topic = one.report.topic.weights.keys()
    mine, its = set(one.sentence.morphemes) - topic, set(other.sentence.morphemes) - topic
    least = min(_weight(mine, weights), _weight(its, weights))
    return _weight(mine & its, weights) / least if least else 0.0


def _weight(words: set[str], weights: Mapping[str, float]) -> float:
    return sum(weights.get(word, 0.0) for word in words)
